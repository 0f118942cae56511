"""Generator of the command reference: `python -m tests.reference` writes `docs/commands.md` from the catalogue.

The page has the texts of `help` in both languages, and the roles of the policy.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.locale.texts import get_texts
from commands.catalogue import CATALOGUE
from commands.language.help import Argument, format_usage, list_arguments
from commands.model.operation import ALL_ROLES, Operation, Risk
from commands.values.arguments import Positional

FILE = Path(__file__).parents[1] / "docs" / "commands.md"

ENGLISH, JAPANESE = (get_texts(language, ZoneInfo("UTC")) for language in ("en", "ja"))

RISKS = {
    Risk.READ: "read / 読み取り",
    Risk.CHANGE: "change / 変更",
    Risk.DISRUPT: "disrupt / 停止を伴う変更",
    Risk.CRITICAL: "critical / 重大",
}

BEGINNING = """\
# Commands

Generated from the catalogue by `python -m tests.reference`; checked by a test. All commands work after `/flatnet` in Slack,
in `flatnet-bot shell`, and after `flatnet-bot do`. Arguments in brackets are optional.

コマンドは、Slack の `/flatnet` の後、`flatnet-bot shell`、`flatnet-bot do` で使えます。角括弧の引数は省略できます。
"""


def reference(catalogue: Sequence[type[Operation]]) -> str:
    """Returns the whole page."""
    return "\n".join((BEGINNING, *_overview(catalogue), *(line for one in catalogue for line in _chapter(one))))


def _overview(catalogue: Sequence[type[Operation]]) -> Iterator[str]:
    yield "| command / コマンド | risk / リスク | roles / ロール |"
    yield "| --- | --- | --- |"
    for operation in catalogue:
        words = " ".join(operation.words)
        yield f"| [`{words}`](#{words.replace(' ', '-')}) | {_risk(operation)} | {_roles(operation)} |"
    yield ""


def _chapter(operation: type[Operation]) -> Iterator[str]:
    yield f"## {' '.join(operation.words)}"
    yield ""
    yield f"`{format_usage(operation)}`"
    yield ""
    yield _in_both(operation.summary)
    yield ""
    yield "| argument | meaning | 意味 |"
    yield "| --- | --- | --- |"
    for argument in list_arguments(operation):
        meaning = argument.kind.meaning
        yield f"| `{_typed(argument)}` | {_cell(meaning.render(ENGLISH))} | {_cell(meaning.render(JAPANESE))} |"
    yield ""
    if operation.aliases:
        also = (" ".join(alias) for alias in operation.aliases)
        yield f"- alias / 別名: {', '.join(f'`{words}`' for words in also)}"
    yield f"- example / 例: `{operation.example}`"
    yield f"- risk / リスク: {_risk(operation)}"
    yield f"- roles / ロール: {_roles(operation)}"
    yield ""


def _typed(argument: Argument) -> str:
    return argument.kind.placeholder if isinstance(argument.kind, Positional) else argument.option


def _cell(text: str) -> str:
    """Escapes text for a table of Markdown, so that `host-*` begins no emphasis."""
    return re.sub(r"([*|_])", r"\\\1", text)


def _in_both(phrase: Phrase) -> str:
    return f"{phrase.render(ENGLISH)} / {phrase.render(JAPANESE)}"


def _roles(operation: type[Operation]) -> str:
    return "everyone / 全員" if operation.roles == ALL_ROLES else ", ".join(sorted(operation.roles))


def _risk(operation: type[Operation]) -> str:
    return RISKS[operation.risk]


if __name__ == "__main__":
    FILE.write_text(reference(CATALOGUE), encoding="utf-8")
