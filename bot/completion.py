"""What the shell completes with Tab: command words, options, host names and labels."""

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from adapters.inventory import Inventory
from commands.catalogue import CATALOGUE
from commands.grammar import names


class WordsAndHosts(Completer):
    """The first word is a command's; after it come hosts and labels."""

    def __init__(self, inventory: Inventory) -> None:
        self._commands = sorted({" ".join(words) for operation in CATALOGUE for words in names(operation)})
        self._targets = ["all", *inventory.names, *inventory.labels]

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What could stand where the cursor is; after a comma another host."""
        before = document.text_before_cursor.lstrip()
        word = document.get_word_before_cursor(WORD=True).rpartition(",")[2]
        choices = self._targets if " " in before else self._commands
        return (Completion(choice, -len(word)) for choice in choices if choice.startswith(word))
