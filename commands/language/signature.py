"""Signatures of operations: their names, and the arguments that they take."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from commands.model.operation import FleetChange, Operation
from commands.values.arguments import (
    Flag,
    Option,
    Positional,
)

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
