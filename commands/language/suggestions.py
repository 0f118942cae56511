"""Suggests valid requests in place of one that could not be parsed. Pure.

Candidates are the suggestions of the error, a mistyped verb corrected and, for hosts typed alone, commands before them. Each
candidate is corrected part by part. They consist of typed words, real hosts and words of the grammar.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory
from commands.about import Help
from commands.alerts.silence_scope import SilenceScope
from commands.language.grammar import locate_error, parse_operation
from commands.language.grammar_errors import MAX_SUGGESTION_LENGTH, find_verbs, replace_span, suggest_help
from commands.language.help import OperationClasses, build_help, find_noun, find_operation, list_arguments
from commands.model.operation import Operation
from commands.values.arguments import MAX_SUGGESTIONS, BadArgument, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import TypedText, normalize_text

MAX_REPAIRS = 5
"""Maximum wrong parts of one request that are corrected."""


@dataclass(frozen=True)
class Suggester:
    """Suggests requests from the permitted operations and the inventory, for a requester who may see both."""

    permitted: OperationClasses
    inventory: Inventory

    def suggest(self, text: str, offered: Sequence[str]) -> tuple[str, ...]:
        """Returns a few requests in place of `text`, the best first. `offered` are unchecked suggestions of the error."""
        typed = normalize_text(text)
        unknown = find_operation([token.text for token in typed.tokens], self.permitted) is None
        asked = self._prepend_commands(typed.text) if unknown else ()
        working = [mended for mended in map(self._repair, asked) if self._find_error(mended) is None]
        exact = [request for request in working if request in asked]
        found = dict.fromkeys((*exact, *map(self._repair, offered), *working))
        return tuple(found)[:MAX_SUGGESTIONS] or (self._suggest_help() if unknown else ())

    def correct_verb(self, typed: TypedText) -> tuple[str, ...]:
        """Corrects the second word where a noun takes hosts: `cert renw host-c` parses as two hosts, and means a verb.

        An unknown verb before hosts has the noun's help as its suggestion.
        """
        if len(typed.tokens) < 2 or self._names_hosts(typed.tokens[1].text):
            return ()
        noun, verb, *rest = typed.tokens
        known = find_noun(noun.text, {operation.words[0] for operation in self.permitted})
        same_noun = [operation for operation in self.permitted if operation.words[0] == known]
        verbs = [operation.words[1] for operation in same_noun if operation.words[1:]]
        if verb.text.lower() in verbs:
            return ()
        if meant := find_verbs(verb.text, verbs):
            return tuple(replace_span(typed.text, (noun.start, verb.end), [f"{known} {each}" for each in meant]))
        lists_hosts = any(operation.words == (known,) and _takes_hosts_first(operation) for operation in same_noun)
        return (suggest_help(known),) if verbs and lists_hosts and rest and self._names_hosts(rest[0].text) else ()

    def _names_hosts(self, word: str) -> bool:
        try:
            return bool(Target.parse((word,)).resolve(self.inventory))
        except BadArgument:
            return False

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
                if isinstance(value, Target | SilenceScope):
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
