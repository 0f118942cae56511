"""The catalogue has every phrase of the code, in order, and nothing else."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.phrases import (
    LANGUAGES,
    Found,
    NotLiteral,
    catalogue,
    entries,
    left_over,
    messages,
    missing,
    path_of,
    phrases,
    placeholders,
    strings,
    write_catalogue,
)

MEND = "run python -m tests.phrases --write, and fill in each msgstr that it left empty in flatnet.po"


@pytest.fixture(scope="module")
def found() -> list[Found]:
    return phrases()


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_nothing_is_missing(found: list[Found], language: str) -> None:
    lacking = missing(found, catalogue(language))
    assert [] == [f"{phrase.path}:{phrase.line} {phrase.key}" for phrase in lacking], MEND


def test_nothing_is_left_over(found: list[Found], language: str) -> None:
    assert [] == [message.id for message in left_over(found, catalogue(language))], MEND


def test_every_template_stands_once(language: str) -> None:
    """Of two, the second is never read."""
    text = path_of(language).read_text(encoding="utf-8")
    templates = re.findall(r'^(?:msgctxt .*\n)?msgid (?:".*"\n)+', text, re.MULTILINE)
    assert [] == [template for template, times in Counter(templates).items() if times > 1]


def test_every_translation_has_the_placeholders_of_its_phrase(language: str) -> None:
    wrong = []
    for message in messages(catalogue(language)):
        template = message.id if isinstance(message.id, str) else message.id[-1]
        wrong += [message.id for string in strings(message) if string and placeholders(template) != placeholders(string)]
    assert [] == wrong


def test_every_plural_has_the_forms_of_its_language(language: str) -> None:
    known = catalogue(language)
    plurals = [message for message in messages(known) if not isinstance(message.id, str)]
    assert {known.num_plurals} == {len(strings(message)) for message in plurals}


def test_no_translation_is_a_guess_or_empty(language: str) -> None:
    known = messages(catalogue(language))
    assert [] == [message.id for message in known if message.fuzzy or not all(strings(message))]


def test_the_catalogue_names_its_plural_forms(language: str) -> None:
    """The file's own header is what runs."""
    po = path_of(language).read_text(encoding="utf-8")
    assert f"Plural-Forms: {Catalog(locale=language).plural_forms}" in po


def test_the_catalogue_is_as_it_would_be_written(found: list[Found], language: str) -> None:
    text = path_of(language).read_text(encoding="utf-8")
    assert text == write_catalogue(text, found, catalogue(language)), MEND


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A tree like the project's, with one module."""
    for package in ("adapters", "commands", "bot"):
        (tmp_path / package).mkdir()
    return tmp_path / "bot" / "module.py"


def test_phrases_are_found_by_reading(code: Path) -> None:
    code.write_text('a = Phrase("one {x}" " line", x=1)\nb = phrase.Phrase("{n} is", plural="{n} are", n=2)\n')
    assert [Found("one {x} line", "bot/module.py", 1), Found(("{n} is", "{n} are"), "bot/module.py", 2)] == phrases(
        code.parents[1]
    )


def test_a_context_tells_phrases_apart(code: Path) -> None:
    code.write_text(
        'a = Phrase("on", context="state")\nb = Phrase("{n} a", plural="{n} b", context="c", n=2)\nc = Phrase("on")\n'
    )
    found = phrases(code.parents[1])
    assert [("state", "on"), ("c", ("{n} a", "{n} b")), (None, "on")] == [(each.context, each.key) for each in found]
    known = Catalog(locale="ja")
    known.add("on", "稼働中", context="state")
    known.add("on", "オン", context="button")
    assert found[1:] == missing(found, known)
    assert ["button"] == [message.context for message in left_over(found, known)]


@pytest.mark.parametrize(
    "call",
    [
        'Phrase("a", context=kind)',
        "Phrase(template)",
        'Phrase(f"{x} is", x=1)',
        'Phrase("a" if b else "c")',
        'Phrase("{n} is", plural=many, n=2)',
        'Phrase("{x:.1f}", x=1)',
        'Phrase("{x!r}", x=1)',
        'Phrase("{x.y}", x=1)',
        'Phrase("{", x=1)',
        "Phrase(*several)",
        "Phrase()",
    ],
)
def test_a_template_that_nobody_can_translate_is_named_with_its_place(code: Path, call: str) -> None:
    code.write_text(f"\n{call}\n")
    with pytest.raises(NotLiteral, match=r"bot/module\.py:2: "):
        phrases(code.parents[1])


HEADER = 'msgid ""\nmsgstr ""\n"Language: ja\\n"\n'


def test_a_written_catalogue_keeps_its_header_and_translations_in_order() -> None:
    known = Catalog(locale="ja")
    known.add("old", "古い")
    known.add("kept", "残る")
    found = [Found("kept", "bot/a.py", 1), Found("{n} new", "bot/b.py", 9, "count"), Found("kept", "bot/b.py", 7)]
    assert (
        f'{HEADER}\nmsgid "kept"\nmsgstr "残る"\n\n#, python-brace-format\nmsgctxt "count"\nmsgid "{{n}} new"\nmsgstr ""\n'
        == write_catalogue(f'{HEADER}\nmsgid "old"\nmsgstr "古い"\n', found, known)
    )


def test_what_is_missing_is_printed_ready_to_be_filled() -> None:
    known = Catalog(locale="ja")
    known.add("old", "古い")
    known.add("old", "古びた", context="of a key")
    found = [Found(("{n} is", "{n} are"), "bot/module.py", 2, "count")]
    assert [
        "#: bot/module.py:2",
        "#, python-brace-format",
        'msgctxt "count"',
        'msgid "{n} is"',
        'msgid_plural "{n} are"',
        'msgstr[0] ""',
        "",
        '#~ msgid "old"',
        '#~ msgstr "古い"',
        "",
        '#~ msgctxt "of a key"',
        '#~ msgid "old"',
        '#~ msgstr "古びた"',
        "",
    ] == entries(missing(found, known), left_over(found, known), "ja").splitlines()
