"""Help texts from the catalogue: where to start, the commands of a noun, and the syntax of one command."""

from collections.abc import Mapping, Sequence

from adapters.phrase import Listing, Phrase
from commands.bot_state.about import Help
from commands.language.signature import Argument, OperationClasses, find_noun, find_operation, list_arguments, list_names
from commands.model.operation import ALL_ROLES, Operation
from commands.model.report import Cell, Column, Report, Row, Section
from commands.values.arguments import Option, Positional, find_nearest, shorten_argument
from commands.values.errors import GrammarError
from commands.values.normalize import quote

TOPIC_COLUMNS = (
    Column(key="topic", heading=Phrase("Command")),
    Column(key="summary", heading=Phrase("Description")),
)
COMMAND_COLUMNS = (
    Column(key="words", heading=Phrase("Command")),
    Column(key="summary", heading=Phrase("Description")),
)
PART_COLUMNS = (
    Column(key="part", heading=Phrase("Argument")),
    Column(key="meaning", heading=Phrase("Meaning")),
)


def build_help(about: Sequence[str], permitted: OperationClasses, starts: Sequence[str] = ()) -> Report:
    """Returns help for the permitted commands that begin with `about`. Raises `GrammarError` if there is none.

    Without `about` it has the requests to start with, and the nouns.
    """
    matching = _find_matching(about, permitted)
    if not matching:
        raise _make_unknown_command_error(about, permitted)
    if not about:
        return _introduce(permitted, starts)
    return _explain_one(matching[0]) if len(matching) == 1 else _explain_several(matching)


def list_topics(permitted: OperationClasses) -> Mapping[str, Phrase]:
    """Lists the nouns of the permitted operations, each with the summary of its first operation, in alphabetical order."""
    topics: dict[str, Phrase] = {}
    for operation in sorted(permitted, key=lambda each: (each.words[0], len(each.words))):
        topics.setdefault(operation.words[0], operation.summary)
    return topics


def format_usage(operation: type[Operation]) -> str:
    """Formats the usage line of an operation: `health [target] [--details] [--here]`."""
    return " ".join((*operation.words, *map(_format_argument, list_arguments(operation))))


def _format_short_usage(operation: type[Operation]) -> str:
    """Formats the usage without options."""
    return format_usage(operation).partition(" [--")[0]


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


def _introduce(permitted: OperationClasses, starts: Sequence[str]) -> Report:
    topics = list_topics(permitted)
    return Report(
        title=Phrase("Help"),
        summary=Phrase(
            "start with {commands}. Run {more} for the commands of a topic",
            commands=Listing(tuple(starts) or tuple(topics)[:1]),
            more=" ".join((*Help.words, "TOPIC")),
        ),
        columns=TOPIC_COLUMNS,
        rows=tuple(Row(cells=(Cell.of(topic), Cell.of(summary))) for topic, summary in topics.items()),
        topics=topics,
        next=tuple(starts),
    )


def _explain_several(operations: Sequence[type[Operation]]) -> Report:
    """Explains the commands of a noun, each with its arguments in one line, and with an example."""
    examples = tuple(Phrase("{words}", words=operation.example) for operation in operations)
    return Report(
        title=Phrase("Help for {words}", words=operations[0].words[0]),
        summary=Phrase(
            "{n} command. Run {more} for its options",
            plural="{n} commands. Run {more} for the options of one",
            n=len(operations),
            more=" ".join((*Help.words, *operations[-1].words)),
        ),
        columns=COMMAND_COLUMNS,
        rows=tuple(Row(cells=(Cell.of(_format_short_usage(each)), Cell.of(each.summary))) for each in operations),
        sections=(Section(heading=Phrase("Examples"), lines=examples),),
        next=tuple(" ".join(operation.words) for operation in operations),
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
        next=(" ".join(operation.words),),
    )


def _format_argument(argument: Argument) -> str:
    if isinstance(argument.kind, Option):
        value = argument.kind.placeholder.upper() if argument.kind.flag_value is None else f"[{argument.kind.placeholder}]"
        return f"[{argument.option} {value}]"
    if not isinstance(argument.kind, Positional):
        return f"[{argument.option}]"
    return argument.kind.placeholder.upper() if argument.required else f"[{argument.kind.placeholder}]"
