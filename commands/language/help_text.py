"""Help texts from the catalogue: the permitted commands, and the syntax of one command."""

from collections.abc import Sequence

from adapters.phrase import Listing, Phrase
from commands.bot_state.about import Help
from commands.language.signature import Argument, OperationClasses, find_noun, find_operation, list_arguments, list_names
from commands.model.operation import ALL_ROLES, Operation
from commands.model.report import Cell, Column, Report, Row
from commands.values.arguments import Option, Positional, find_nearest, shorten_argument
from commands.values.errors import GrammarError
from commands.values.normalize import quote

COMMAND_COLUMNS = (
    Column(key="words", heading=Phrase("Command")),
    Column(key="summary", heading=Phrase("Description")),
    Column(key="example", heading=Phrase("Example")),
)
PART_COLUMNS = (
    Column(key="part", heading=Phrase("Argument")),
    Column(key="meaning", heading=Phrase("Meaning")),
)


def build_help(about: Sequence[str], permitted: OperationClasses) -> Report:
    """Returns help for the permitted commands that begin with `about`. Raises `GrammarError` if there is none."""
    matching = _find_matching(about, permitted)
    if not matching:
        raise _make_unknown_command_error(about, permitted)
    return _explain_one(matching[0]) if about and len(matching) == 1 else _explain_several(matching)


def format_usage(operation: type[Operation]) -> str:
    """Formats the usage line of an operation: `health [target] [--details] [--here]`."""
    return " ".join((*operation.words, *map(_format_argument, list_arguments(operation))))


def _find_matching(about: Sequence[str], permitted: OperationClasses) -> list[type[Operation]]:
    """Finds the operations whose names begin with `about`; if there is none, the operation that `about` begins with."""
    nouns = {name[0] for operation in permitted for name in list_names(operation)}
    said = tuple(find_noun(word, nouns) for word in about[:1]) + tuple(about[1:])
    beginning = [operation for operation in permitted if any(name[: len(said)] == said for name in list_names(operation))]
    found = find_operation(about, permitted)
    return beginning or ([found[0]] if found else [])


def _make_unknown_command_error(about: Sequence[str], permitted: OperationClasses) -> GrammarError:
    said = " ".join(about)
    near = find_nearest(said, (" ".join(operation.words) for operation in permitted))
    start = len(" ".join(Help.words)) + 1
    return GrammarError(
        Phrase(
            "no command {words} available to you. Run {help} for the list",
            words=shorten_argument(said),
            help=" ".join(Help.words),
        ),
        span=(start, start + len(" ".join(map(quote, about)))),
        suggestions=[" ".join((*Help.words, words)) for words in near] or [" ".join(Help.words)],
    )


def _explain_several(operations: Sequence[type[Operation]]) -> Report:
    return Report(
        title=Phrase("Help"),
        summary=Phrase(
            "available commands: {words}. Run {more} for details",
            words=Listing(tuple(" ".join(operation.words) for operation in operations)),
            more=" ".join((*Help.words, *operations[0].words)),
        ),
        columns=COMMAND_COLUMNS,
        rows=tuple(
            Row(cells=(Cell.of(format_usage(operation)), Cell.of(operation.summary), Cell.of(operation.example)))
            for operation in operations
        ),
        next=tuple(operation.example for operation in operations[:3]),
    )


def _explain_one(operation: type[Operation]) -> Report:
    parts = [(Cell.of(_format_argument(argument)), Cell.of(argument.kind.meaning)) for argument in list_arguments(operation)]
    parts += [(Cell.of(" ".join(name)), Cell.of(Phrase("alias"))) for name in operation.aliases]
    if operation.roles != ALL_ROLES:
        roles = Phrase("{roles}", roles=Listing(tuple(sorted(operation.roles))))
        parts.append((Cell.of(Phrase("roles")), Cell.of(roles)))
    return Report(
        title=Phrase("Help for {words}", words=" ".join(operation.words)),
        summary=Phrase(
            "{usage}: {summary}. Example: {example}",
            usage=format_usage(operation),
            summary=operation.summary,
            example=operation.example,
        ),
        columns=PART_COLUMNS,
        rows=tuple(Row(cells=cells) for cells in parts),
        next=(operation.example,),
    )


def _format_argument(argument: Argument) -> str:
    if isinstance(argument.kind, Option):
        value = argument.kind.placeholder.upper() if argument.kind.flag_value is None else f"[{argument.kind.placeholder}]"
        return f"[{argument.option} {value}]"
    if not isinstance(argument.kind, Positional):
        return f"[{argument.option}]"
    return argument.kind.placeholder.upper() if argument.required else f"[{argument.kind.placeholder}]"
