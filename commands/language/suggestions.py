"""Suggests valid requests in place of one that could not be parsed. Pure.

Candidates are the suggestions of the error and, for hosts typed alone, commands before them. Each candidate is corrected
part by part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory
from commands.bot_state.about import Help
from commands.language.grammar import MAX_SUGGESTION_LENGTH, locate_error, parse_operation
from commands.language.help_text import build_help
from commands.language.signature import OperationClasses, find_operation, list_arguments
from commands.model.operation import Operation
from commands.values.arguments import MAX_SUGGESTIONS, BadArgument, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text

MAX_REPAIRS = 5
"""Maximum wrong parts of one request that are corrected."""


@dataclass(frozen=True)
class Suggester:
    """Suggests requests from the permitted operations and the inventory, for a requester who may see both."""

    permitted: OperationClasses
    inventory: Inventory

    def suggest(self, text: str, offered: Sequence[str]) -> tuple[str, ...]:
        """Returns a few requests in place of `text`, the best first. `offered` are unchecked suggestions of the error."""
        unknown = find_operation([token.text for token in normalize_text(text).tokens], self.permitted) is None
        asked = self._prepend_commands(text) if unknown else ()
        working = [mended for mended in map(self._repair, asked) if self._find_error(mended) is None]
        exact = [request for request in working if request in asked]
        found = dict.fromkeys((*exact, *map(self._repair, offered), *working))
        return tuple(found)[:MAX_SUGGESTIONS] or (self._suggest_help() if unknown else ())

    def _prepend_commands(self, text: str) -> tuple[str, ...]:
        """Puts each command that begins with hosts before `text`: `host-b` may mean `health host-b`."""
        commands = [" ".join(operation.words) for operation in self.permitted if _takes_hosts_first(operation)]
        requests = (f"{command} {text}" for command in commands[:MAX_SUGGESTIONS])
        return tuple(request for request in requests if len(request) <= MAX_SUGGESTION_LENGTH)

    def _repair(self, request: str) -> str:
        """Corrects the wrong parts of a request as far as similar words are known."""
        for _ in range(MAX_REPAIRS):
            complaint = self._find_error(request)
            if complaint is None or not complaint.suggestions:
                break
            request = complaint.suggestions[0]
        return request

    def _find_error(self, request: str) -> GrammarError | None:
        """Returns the first error of a request, as far as it can be found without reading any host."""
        try:
            operation = parse_operation(normalize_text(request), self.permitted, self.permitted)
            for _, value in operation:
                if isinstance(value, Target):
                    value.resolve(self.inventory)
            if isinstance(operation, Help):
                build_help(operation.about, self.permitted)
        except BadArgument as error:
            return locate_error(error, request)
        except GrammarError as error:
            return error
        return None

    def _suggest_help(self) -> tuple[str, ...]:
        return (" ".join(Help.words),) if Help in self.permitted else ()


def _takes_hosts_first(operation: type[Operation]) -> bool:
    positionals = [argument for argument in list_arguments(operation) if isinstance(argument.kind, Positional)]
    return bool(positionals) and operation.model_fields[positionals[0].field].annotation is Target
