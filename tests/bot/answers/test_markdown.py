"""Reports as Markdown files: whole, in the reader's language, and nothing that others wrote is more than text."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.phrase import Phrase, Texts
from bot.answers.data import remove_files, write_files
from bot.answers.markdown import escape_markdown, render_markdown
from bot.model.request import Answer, Failure, FailureKind
from bot.security.untrusted_text import to_one_line
from commands.model.report import FileFormat, Report, ReportFile, Section, TextFile
from tests.bot.rendering.examples import ENGLISH, JAPANESE, MIXED, WITHHELD, answer

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = (
    "**bold** _it_ ~~gone~~",
    "# heading",
    "- item",
    "12. item",
    "+ item",
    "> quote",
    "| cell | cell |",
    "a\n\nb",
    "[text](https://evil.example)",
    "<img src=x onerror=alert(1)>",
    "`code` \\` ``",
    "&lt;b&gt; &#42;",
    "---",
    "===",
    "\u202etxt.exe",
    "",
)


def answered(report: Report) -> Answer:
    return Answer(operation="op-1", understood="health all", body=report)


def tokens(text: str) -> Iterator[Token]:
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def read(text: str) -> str:
    """What a reader sees of one paragraph; it has to be nothing but text."""
    kinds = {token.type for token in tokens(text)} - {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert set() == kinds
    return "".join(token.content for token in tokens(text) if token.type in ("text", "text_special"))


def test_a_command_for_others_names_whom_to_ask() -> None:
    document = render_markdown(answer(WITHHELD), ENGLISH)
    assert "- **host-b** critical: service Nebula is stopped → Start Nebula on host-b: ask bob" in document.splitlines()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_text_and_nothing_else(text: str) -> None:
    assert to_one_line(text) == read(escape_markdown(text))


@given(st.text(alphabet="#*_-+=~|<>[]()!`\\&;:/.@1a \n\t", max_size=20))
def test_whatever_others_write_is_text_and_nothing_else(text: str) -> None:
    assert to_one_line(text) == read(escape_markdown(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("https://evil.example", "https\\://evil.example"), ("www.evil.example", "www\\.evil.example"), ("a@b.c", "a\\@b.c")],
)
def test_an_address_does_not_become_a_link_by_itself(text: str, expected: str) -> None:
    assert expected == escape_markdown(text)


ENGLISH_TEXT = """\
# Health

2 of 3 hosts need attention: host-b: service Nebula is stopped, and host-c was unreachable

`/flatnet health all` · 2026-11-25 18:10 JST

## Changes since yesterday

- No changes

## Locks

- None

## Needs attention

- **host-b** critical: service Nebula is stopped → `/flatnet health host-b --details`
- **host-c** unknown: Windows was unreachable: no response. Check that the host is up → `/flatnet health host-c --details`

## All entries

| Host | State | Nebula | Gateway | API | Containers | Bridge | Forwarding |
| --- | --- | --- | --- | --- | --- | --- | --- |
| host-b | critical | ✗ stopped | ✓ running | ✓ healthy | ✓ 3 running | ✓ up | ✓ on |
| host-c | unknown | ? unreachable | ? unreachable | ? unreachable | ? unreachable | ? unreachable | ? unreachable |
| host-a | healthy | ✓ running | ✓ running | ✓ healthy | ✓ 3 running | ✓ up | ✓ on |
"""


def told(report: Report = MIXED) -> Report:
    news = Section(heading=Phrase("{said}", said="Changes since yesterday"), lines=(Phrase("no changes"),))
    locks = Section(heading=Phrase("Locks"), lines=(Phrase("none"),))
    return report.model_copy(update={"news": news, "sections": (locks,), "brief": True})


def test_a_report_is_written_whole() -> None:
    """A message may leave the table out; a file does not."""
    assert ENGLISH_TEXT == render_markdown(answered(told()), ENGLISH)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_a_hostile_name_leaves_the_table_a_table(name: str) -> None:
    row = MIXED.rows[0].model_copy(update={"host": name})
    text = render_markdown(answered(MIXED.model_copy(update={"rows": (row,), "findings": ()})), ENGLISH)
    kinds = [token.type for token in tokens(text)]

    assert (1, 2, 8, 8) == tuple(map(kinds.count, ("table_open", "tr_open", "th_open", "td_open")))
    assert not {"strong_open", "em_open", "s_open", "link_open", "html_inline"} & {*kinds}


@pytest.mark.parametrize(("texts", "begins"), [(ENGLISH, "# Health\n"), (JAPANESE, "# ヘルスチェック\n")], ids=["en", "ja"])
def test_copies_are_in_the_words_of_whoever_reads_them_and_texts_stay_as_they_are(texts: Texts, begins: str) -> None:
    listed = TextFile(name="list.txt", text="a list\n")
    copies = (ReportFile(name="health.md", form=FileFormat.MARKDOWN), ReportFile(name="health.csv", form=FileFormat.CSV))
    answer = answered(MIXED.model_copy(update={"files": (listed, *copies)}))

    same, markdown, table = write_files(answer, texts)

    assert listed == same
    assert isinstance(markdown, TextFile)
    assert isinstance(table, TextFile)
    assert ("health.md", "health.csv") == (markdown.name, table.name)
    assert markdown.text.startswith(begins)
    assert table.text.startswith("host,nebula,gateway,api,containers,bridge,forwarding\r\nhost-b,stopped,running,")
    assert () == write_files(remove_files(answer), texts)


def test_a_failure_has_no_files() -> None:
    failed = Answer(operation="op-1", understood="x", body=Failure(kind=FailureKind.USAGE, phrase=Phrase("{why}", why="no")))

    assert ((), failed, "") == (write_files(failed, ENGLISH), remove_files(failed), render_markdown(failed, ENGLISH))
