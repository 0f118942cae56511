"""The command reference, from the catalogue: `python -m tests.reference` writes `docs/commands.md`.

What stands there is what the bot itself says in `help`, in both languages, and what its policy knows.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.locale.texts import texts
from commands.catalogue import CATALOGUE
from commands.language.grammar import Argument, arguments
from commands.language.help_text import usage
from commands.model.operation import EVERYBODY, Operation
from commands.values.arguments import Positional

FILE = Path(__file__).parents[1] / "docs" / "commands.md"

ENGLISH, JAPANESE = (texts(language, ZoneInfo("UTC")) for language in ("en", "ja"))

BEGINNING = """\
# Commands

Written by `python -m tests.reference` from the catalogue; a test holds it true. All words work after `/flatnet` in Slack,
in `flatnet-bot shell`, and after `flatnet-bot do`. What stands in brackets may be left out.
"""


def reference(catalogue: Sequence[type[Operation]]) -> str:
    """The whole page."""
    return "\n".join((BEGINNING, *_overview(catalogue), *(line for one in catalogue for line in _chapter(one))))


def _overview(catalogue: Sequence[type[Operation]]) -> Iterator[str]:
    yield "| command | risk | roles |"
    yield "| --- | --- | --- |"
    for operation in catalogue:
        words = " ".join(operation.words)
        yield f"| [`{words}`](#{words.replace(' ', '-')}) | {operation.risk.name.lower()} | {_roles(operation)} |"
    yield ""


def _chapter(operation: type[Operation]) -> Iterator[str]:
    yield f"## {' '.join(operation.words)}"
    yield ""
    yield f"`{usage(operation)}`"
    yield ""
    yield _in_both(operation.summary)
    yield ""
    yield "| part | meaning | 意味 |"
    yield "| --- | --- | --- |"
    for argument in arguments(operation):
        meaning = argument.kind.meaning
        yield f"| `{_typed(argument)}` | {_cell(meaning.render(ENGLISH))} | {_cell(meaning.render(JAPANESE))} |"
    yield ""
    if operation.aliases:
        also = (" ".join(alias) for alias in operation.aliases)
        yield f"- also: {', '.join(f'`{words}`' for words in also)}"
    yield f"- example: `{operation.example}`"
    yield f"- risk: {operation.risk.name.lower()}"
    yield f"- roles: {_roles(operation)}"
    yield ""


def _typed(argument: Argument) -> str:
    return argument.kind.placeholder if isinstance(argument.kind, Positional) else argument.option


def _cell(text: str) -> str:
    """Text as it stands in a table of Markdown: `host-*` begins no emphasis there."""
    return re.sub(r"([*|_])", r"\\\1", text)


def _in_both(phrase: Phrase) -> str:
    return f"{phrase.render(ENGLISH)} / {phrase.render(JAPANESE)}"


def _roles(operation: type[Operation]) -> str:
    return "everybody" if operation.roles == EVERYBODY else ", ".join(sorted(operation.roles))


if __name__ == "__main__":
    FILE.write_text(reference(CATALOGUE), encoding="utf-8")
