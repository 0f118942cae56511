"""Help texts from the catalogue: the permitted commands, and the syntax of one command."""

from collections.abc import Sequence

from adapters.phrase import Listing, Phrase
from commands.bot_state.about import Help
from commands.language.grammar import Argument, Operations, arguments, find, names, singular
from commands.model.operation import EVERYBODY, Operation
from commands.model.report import Cell, Column, Report, Row
from commands.values.arguments import Option, Positional, nearest, shown
from commands.values.errors import GrammarError
from commands.values.normalize import quote

COMMANDS = (
    Column(key="words", heading=Phrase("Type")),
    Column(key="summary", heading=Phrase("To see")),
    Column(key="example", heading=Phrase("Example")),
)
PARTS = (
    Column(key="part", heading=Phrase("Part")),
    Column(key="meaning", heading=Phrase("Meaning")),
)


def explain(about: Sequence[str], permitted: Operations) -> Report:
    """Returns help for the permitted commands that begin with `about`. Raises `GrammarError` if there is none."""
    matching = _matching(about, permitted)
    if not matching:
        raise _no_such_command(about, permitted)
    return _one(matching[0]) if about and len(matching) == 1 else _several(matching)


def usage(operation: type[Operation]) -> str:
    """Formats the usage line of an operation: `health [target] [--details] [--here]`."""
    return " ".join((*operation.words, *map(_typed, arguments(operation))))


def _matching(about: Sequence[str], permitted: Operations) -> list[type[Operation]]:
    """Finds the operations whose names begin with `about`, else the one that it names."""
    nouns = {name[0] for operation in permitted for name in names(operation)}
    said = tuple(singular(word, nouns) for word in about[:1]) + tuple(about[1:])
    beginning = [operation for operation in permitted if any(name[: len(said)] == said for name in names(operation))]
    found = find(about, permitted)
    return beginning or ([found[0]] if found else [])


def _no_such_command(about: Sequence[str], permitted: Operations) -> GrammarError:
    said = " ".join(about)
    near = nearest(said, (" ".join(operation.words) for operation in permitted))
    start = len(" ".join(Help.words)) + 1
    return GrammarError(
        Phrase(
            "there is no command {words} that you may use; {help} lists them", words=shown(said), help=" ".join(Help.words)
        ),
        span=(start, start + len(" ".join(map(quote, about)))),
        suggestions=[" ".join((*Help.words, words)) for words in near] or [" ".join(Help.words)],
    )


def _several(operations: Sequence[type[Operation]]) -> Report:
    return Report(
        title=Phrase("Help"),
        summary=Phrase(
            "you can ask for {words}; {more} explains one of them",
            words=Listing(tuple(" ".join(operation.words) for operation in operations)),
            more=" ".join((*Help.words, *operations[0].words)),
        ),
        columns=COMMANDS,
        rows=tuple(
            Row(cells=(Cell.of(usage(operation)), Cell.of(operation.summary), Cell.of(operation.example)))
            for operation in operations
        ),
        next=tuple(operation.example for operation in operations[:3]),
    )


def _one(operation: type[Operation]) -> Report:
    parts = [(Cell.of(_typed(argument)), Cell.of(argument.kind.meaning)) for argument in arguments(operation)]
    parts += [(Cell.of(" ".join(name)), Cell.of(Phrase("another name for it"))) for name in operation.aliases]
    if operation.roles != EVERYBODY:
        roles = Phrase("for the roles {roles}", roles=Listing(tuple(sorted(operation.roles))))
        parts.append((Cell.of(Phrase("roles")), Cell.of(roles)))
    return Report(
        title=Phrase("Help for {words}", words=" ".join(operation.words)),
        summary=Phrase(
            "{usage}: {summary}; for example {example}",
            usage=usage(operation),
            summary=operation.summary,
            example=operation.example,
        ),
        columns=PARTS,
        rows=tuple(Row(cells=cells) for cells in parts),
        next=(operation.example,),
    )


def _typed(argument: Argument) -> str:
    if isinstance(argument.kind, Option):
        value = argument.kind.placeholder.upper() if argument.kind.bare is None else f"[{argument.kind.placeholder}]"
        return f"[{argument.option} {value}]"
    if not isinstance(argument.kind, Positional):
        return f"[{argument.option}]"
    return argument.kind.placeholder.upper() if argument.required else f"[{argument.kind.placeholder}]"
