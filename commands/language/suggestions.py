"""Suggests valid requests in place of one that could not be parsed. Pure.

Candidates are the suggestions of the error and, for hosts typed alone, commands before them. Each candidate is corrected
part by part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory
from commands.bot_state.about import Help
from commands.language.grammar import SUGGESTION_LIMIT, Operations, arguments, find, located, understand
from commands.language.help_text import explain
from commands.model.operation import Operation
from commands.values.arguments import NEAREST, BadArgument, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import read

PARTS = 5
"""Maximum wrong parts of one request that are corrected."""


@dataclass(frozen=True)
class Suggester:
    """Suggests requests from the permitted operations and the inventory, for a requester who may see both."""

    permitted: Operations
    inventory: Inventory

    def suggest(self, text: str, offered: Sequence[str]) -> tuple[str, ...]:
        """Returns a few requests in place of `text`, the best first. `offered` are unchecked suggestions of the error."""
        unknown = find([token.text for token in read(text).tokens], self.permitted) is None
        asked = self._asked_of_hosts(text) if unknown else ()
        working = [mended for mended in map(self._mended, asked) if self._complaint(mended) is None]
        exact = [request for request in working if request in asked]
        found = dict.fromkeys((*exact, *map(self._mended, offered), *working))
        return tuple(found)[:NEAREST] or (self._help() if unknown else ())

    def _asked_of_hosts(self, text: str) -> tuple[str, ...]:
        """Puts each command that begins with hosts before `text`: `host-b` may mean `health host-b`."""
        commands = [" ".join(operation.words) for operation in self.permitted if _begins_with_hosts(operation)]
        requests = (f"{command} {text}" for command in commands[:NEAREST])
        return tuple(request for request in requests if len(request) <= SUGGESTION_LIMIT)

    def _mended(self, request: str) -> str:
        """Corrects the wrong parts of a request as far as similar words are known."""
        for _ in range(PARTS):
            complaint = self._complaint(request)
            if complaint is None or not complaint.suggestions:
                break
            request = complaint.suggestions[0]
        return request

    def _complaint(self, request: str) -> GrammarError | None:
        """Returns the first error of a request, as far as it can be found without reading any host."""
        try:
            operation = understand(read(request), self.permitted, self.permitted)
            for _, value in operation:
                if isinstance(value, Target):
                    value.resolve(self.inventory)
            if isinstance(operation, Help):
                explain(operation.about, self.permitted)
        except BadArgument as error:
            return located(error, request)
        except GrammarError as error:
            return error
        return None

    def _help(self) -> tuple[str, ...]:
        return (" ".join(Help.words),) if Help in self.permitted else ()


def _begins_with_hosts(operation: type[Operation]) -> bool:
    positionals = [argument for argument in arguments(operation) if isinstance(argument.kind, Positional)]
    return bool(positionals) and operation.model_fields[positionals[0].field].annotation is Target
