"""Help texts from the catalogue: where to start, the commands of a noun, and the syntax of one command.

Signatures of operations: their names, and the arguments that they take.

Starting points: the few requests with which a person begins, by what is urgent and by their roles. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from adapters.phrase import Listing, Phrase
from commands.about import Help
from commands.model.operation import ALL_ROLES, FleetChange, Operation, Role
from commands.model.report import Cell, Column, Report, Row, Section
from commands.values.arguments import (
    Flag,
    Option,
    Positional,
    find_nearest,
    shorten_argument,
)
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text, quote

OperationClasses = Collection[type[Operation]]

JAPANESE_NOUNS = {
    "ヘルプ": "help",
    "使い方": "help",
    "ヘルス": "health",
    "ヘルスチェック": "health",
    "状態": "health",
    "稼働状況": "health",
    "ホスト": "host",
    "サービス": "service",
    "ピア": "peer",
    "証明書": "cert",
    "認証局": "ca",
    "バックアップ": "backup",
    "コンテナ": "container",
    "ディスク": "disk",
    "更新": "update",
    "アップデート": "update",
    "ログ": "log",
    "承認": "approval",
    "変更": "op",
    "操作": "op",
    "未実施": "owed",
    "アラート": "alert",
    "警報": "alert",
    "ロック": "lock",
    "サイレンス": "silence",
    "ミュート": "silence",
    "メンテナンス": "maintenance",
    "保守": "maintenance",
    "インシデント": "incident",
    "障害": "incident",
    "スケジュール": "schedule",
    "予定": "schedule",
    "監査": "audit",
    "監査ログ": "audit",
    "レポート": "report",
    "ダイジェスト": "digest",
    "要約": "digest",
    "診断": "doctor",
    "バージョン": "version",
    "自分": "whoami",
}
"""Nouns as they are typed in Japanese. Verbs and options are English only; suggestions know some (`VERBS_MEANT`)."""


@dataclass(frozen=True)
class Argument:
    """One field of an operation as a typed argument."""

    field: str
    kind: Positional | Flag | Option
    required: bool
    default: Any

    @property
    def option(self) -> str:
        """Its name as typed. A field named after a word of Python ends in an underscore: `for_` is `--for`."""
        return "--" + self.field.removesuffix("_").replace("_", "-")


@cache  # takes most of the time of parsing a request, and a class never changes
def list_arguments(operation: type[Operation]) -> tuple[Argument, ...]:
    """Lists an operation's arguments: positionals, then its own options, those of every change, those of every operation."""
    common = (FleetChange.model_fields.keys(), Operation.model_fields.keys())
    taken = [
        Argument(name, _get_kind(operation, name), field.is_required(), field.get_default(call_default_factory=True))
        for name, field in operation.model_fields.items()
    ]
    return tuple(sorted(taken, key=lambda each: (not isinstance(each.kind, Positional), _rank_origin(each, common))))


def _rank_origin(argument: Argument, common: Sequence[Collection[str]]) -> int:
    return sum(argument.field in fields for fields in common)


def _get_kind(operation: type[Operation], field: str) -> Positional | Flag | Option:
    for kind in operation.model_fields[field].metadata:
        if isinstance(kind, Positional | Flag | Option):
            return kind
    raise TypeError(f"{operation.__name__}.{field} does not say how it is typed; annotate it (commands.arguments)")


def find_operation(words: Sequence[str], catalogue: OperationClasses) -> tuple[type[Operation], int] | None:
    """Finds the operation named by the first words, and the number of those words. The longest name wins."""
    nouns = {name[0] for operation in catalogue for name in list_names(operation)}
    said = tuple(find_noun(word, nouns) if place == 0 else word.lower() for place, word in enumerate(words))
    fitting = [
        (operation, len(name)) for operation in catalogue for name in list_names(operation) if said[: len(name)] == name
    ]
    return max(fitting, key=lambda fit: fit[1], default=None)


def list_names(operation: type[Operation]) -> tuple[tuple[str, ...], ...]:
    """Lists all names of an operation. The first is the one that is shown."""
    return operation.words, *operation.aliases


def find_noun(word: str, nouns: Collection[str]) -> str:
    """Returns the noun that a word means, in Japanese or as a plural: `host` for `hosts`, unless `hosts` is a noun itself.

    Any other word is returned in lower case.
    """
    said = JAPANESE_NOUNS.get(word, word.lower())
    return said.removesuffix("s") if said not in nouns and said.removesuffix("s") in nouns else said


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


MAX_STARTS = 3

_OPERATORS = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})

_FOR_OPERATORS = ("health", "cert", "log error")
_FOR_DEVELOPERS = ("health", "log error", "op")
_FOR_SECURITY = ("audit search", "cert", "health")
_FOR_ALL = ("health", "cert", "log error", "host", "help")
"""Fallbacks, for a person without the right to the others."""


def choose_starts(permitted: OperationClasses, roles: Collection[Role], urgent: Sequence[str] = ()) -> tuple[str, ...]:
    """Chooses up to `MAX_STARTS` requests that are permitted: the urgent ones, then those of the person's roles."""
    choices = dict.fromkeys((*urgent, *_list_usual(roles), *_FOR_ALL))
    return tuple(words for words in choices if _is_permitted(words, permitted))[:MAX_STARTS]


def _list_usual(roles: Collection[Role]) -> Sequence[str]:
    if _OPERATORS & set(roles):
        return _FOR_OPERATORS
    if Role.DEVELOPER in roles:
        return _FOR_DEVELOPERS
    return _FOR_SECURITY if Role.SECURITY in roles else _FOR_ALL


def _is_permitted(words: str, permitted: OperationClasses) -> bool:
    return find_operation([token.text for token in normalize_text(words).tokens], permitted) is not None
