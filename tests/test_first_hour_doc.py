"""The page for the first hour on a real Slack says what the bot says, and leads to commands that there are."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation
from commands.values.normalize import normalize_text
from tests.phrases import ROOT

PAGES = {"en": Path("docs/first-hour.md"), "ja": Path("docs/first-hour.ja.md")}
SAID = {"en": re.compile(r"\*([^*]+)\*"), "ja": re.compile(r"「([^」]+)」")}
"""How a page quotes."""

SLACKS_OWN = {
    "en": {"dispatch_failed", "operation_timeout", "Messages", "File not found", "This is a work in progress",
           "Sending messages to this app has been turned off"},
    "ja": {"メッセージ", "ファイルが見つかりません", "作業中"},
}  # fmt: skip
"""What is quoted of Slack itself."""

LEAST_LETTERS = 5
"""Letters of its own that a template must have. One of values alone would fit whatever a page says."""

COMMAND = re.compile(r"`/flatnet ([^`]+)`")


def read(language: str) -> str:
    return PAGES[language].read_text(encoding="utf-8")


def templates(language: str) -> list[str]:
    """Everything that the bot says in a language, in lower case, its values as wildcards."""
    with (ROOT / "bot/locale/ja/LC_MESSAGES/flatnet.po").open("rb") as stream:
        catalogue = read_po(stream, locale="ja")
    found: list[str] = []
    for message in catalogue:
        said = message.id if language == "en" else message.string
        found += said if isinstance(said, (list, tuple)) else [str(said)]
    speaking = [each for each in found if len(re.sub(r"\{[a-z_]+\}|\W", "", each)) >= LEAST_LETTERS]
    return [re.sub(r"\\\{[a-z_]+\\\}", ".+?", re.escape(each.lower().rstrip(".。"))) for each in speaking]


@pytest.mark.parametrize("language", PAGES)
def test_what_a_page_quotes_is_what_the_bot_says(language: str) -> None:
    """A quotation may leave out its beginning or its end (…)."""
    known = templates(language)
    quoted = set(SAID[language].findall(read(language))) - SLACKS_OWN[language]
    assert len(quoted) > 8
    unknown = []
    for each in sorted(quoted):
        parts = [part.strip().rstrip(".。") for part in each.lower().split("…")]
        if not any(all(matches(part, template) for part in parts if part) for template in known):
            unknown.append(each)
    assert [] == unknown


def matches(part: str, template: str) -> bool:
    """Whether the words are those of the template, or of a part of it."""
    return part in re.sub(r"\\(.)", r"\1", template) or re.match(template, part) is not None


@pytest.mark.parametrize("language", PAGES)
def test_every_command_of_a_page_can_be_typed(language: str) -> None:
    typed = COMMAND.findall(read(language))
    assert len(typed) > 8
    for words in typed:
        parse_operation(normalize_text(words.replace("HOST", "host-a")), CATALOGUE, CATALOGUE)


def test_both_pages_lead_through_the_same_steps() -> None:
    steps = {language: re.findall(r"^\| (\d+) \|", read(language), re.MULTILINE) for language in PAGES}
    codes = {language: re.findall(r"`([^`]+)`", read(language)) for language in PAGES}
    assert [str(number) for number in range(1, 25)] == steps["en"] == steps["ja"]
    only = {language: {code for code in codes[language] if code.isascii()} for language in PAGES}
    buttons = {"Details", "Hide details", "Get as file", "Deny", "Approve", "Run a Flatnet command"}
    assert only["en"] - buttons == only["ja"]
