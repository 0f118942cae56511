"""Tab completion for the shell: words of commands, their options, and the hosts and labels of the inventory.

Everything comes from the catalogue and the operations' own arguments, so a new operation is completed without changes here.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from adapters.inventory import Inventory
from commands.about import Help
from commands.alerts.silence_scope import SilenceScope, list_scope_words, list_scope_words_in
from commands.catalogue import CATALOGUE
from commands.language.help import OperationClasses, find_operation, list_arguments, list_names
from commands.model.operation import Operation
from commands.values.arguments import ALL_HOSTS, Flag, Option, Positional, Target


class CommandCompleter(Completer):
    """Completes the word before the cursor; in a list of hosts, the part after the last comma."""

    def __init__(self, inventory: Inventory, catalogue: OperationClasses = CATALOGUE) -> None:
        self._targets = (str(ALL_HOSTS), *inventory.names, *inventory.labels)
        self._joining = tuple(each.name for each in inventory.joining)
        self._scopes = list_scope_words(inventory)
        self._catalogue = catalogue

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield the completions at the cursor."""
        before = document.text_before_cursor.lower().replace("、", ",").lstrip()
        *said, word = re.split(r"\s+", before)
        *typed, part = re.split(r"[\s,]+", before)
        choices = self._list_values(said, part) or self._targets if "," in word else self._list_choices(said, part)
        for choice in dict.fromkeys(choices):
            if choice.startswith(part) and choice not in typed:
                yield Completion(choice, -len(part))

    def _list_choices(self, said: Sequence[str], part: str) -> Iterator[str]:
        """Yield the words that may follow the typed ones."""
        yield from self._list_next_words(said)
        found = find_operation(said, self._catalogue)
        if found is None:
            return
        operation, named = found
        if operation is Help:
            yield from self._list_next_words(said[named:])
        yield from self._list_values(said, part)
        yield from (argument.option for argument in list_arguments(operation) if isinstance(argument.kind, Flag | Option))

    def _list_values(self, said: Sequence[str], part: str) -> Sequence[str]:
        """Return the hosts, or what a silence can mean, where these may follow. Commands of hosts know those being added."""
        found = find_operation(said, self._catalogue)
        if found is None:
            return ()
        operation, named = found
        values = [word for word in said[named:] if not word.startswith("-")]
        kind = _find_kind(operation, len(values))
        if kind is SilenceScope:
            return list_scope_words_in(part) if "/" in part else self._scopes
        added = self._joining if operation.words[0] == "host" and kind is not None else ()
        return (*self._targets, *added) if kind is Target else added

    def _list_next_words(self, said: Sequence[str]) -> list[str]:
        """Return the next words of the commands that begin with these words."""
        every = [name for operation in self._catalogue for name in list_names(operation)]
        return sorted(name[len(said)] for name in every if name[: len(said)] == tuple(said) and len(name) > len(said))


def _find_kind(operation: type[Operation], place: int) -> Any:
    """Find the type of the argument at this position, counted from 0 after the command's own words; None without one."""
    for argument in list_arguments(operation):
        if isinstance(argument.kind, Positional):
            if place == 0 or argument.kind.many:
                return operation.model_fields[argument.field].annotation
            place -= 1
    return None
