"""The catalogue has every phrase of the code, and nothing else; what the code no longer makes is in a second one."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from bot.locale.texts import DOMAIN, RETIRED
from tests.phrases import (
    LANGUAGES,
    Found,
    Key,
    NotLiteral,
    catalogue,
    entries,
    key,
    left_over,
    messages,
    missing,
    path_of,
    phrases,
    placeholders,
    strings,
)

MEND = "run python -m tests.phrases; fill what it prints into flatnet.po, and move what is left over (#~) to retired.po"


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


def test_no_retired_template_is_in_use(found: list[Found], language: str) -> None:
    """The second catalogue is asked only for what the first one lacks, whatever its plural."""
    used = {(phrase.context, _singular(phrase.key)) for phrase in found}
    retired = {(message.context, _singular(key(message))) for message in messages(catalogue(language, RETIRED))}
    assert set() == used & retired


def _singular(key: Key) -> str:
    return key if isinstance(key, str) else key[0]


@pytest.mark.parametrize("domain", [DOMAIN, RETIRED])
def test_every_template_stands_once(language: str, domain: str) -> None:
    """Of two, the second is never read."""
    text = path_of(language, domain).read_text(encoding="utf-8")
    templates = re.findall(r'^(?:msgctxt .*\n)?msgid (?:".*"\n)+', text, re.MULTILINE)
    assert [] == [template for template, times in Counter(templates).items() if times > 1]


@pytest.mark.parametrize("domain", [DOMAIN, RETIRED])
def test_every_translation_has_the_placeholders_of_its_phrase(language: str, domain: str) -> None:
    wrong = []
    for message in messages(catalogue(language, domain)):
        template = message.id if isinstance(message.id, str) else message.id[-1]
        wrong += [message.id for string in strings(message) if string and placeholders(template) != placeholders(string)]
    assert [] == wrong


@pytest.mark.parametrize("domain", [DOMAIN, RETIRED])
def test_every_plural_has_the_forms_of_its_language(language: str, domain: str) -> None:
    known = catalogue(language, domain)
    plurals = [message for message in messages(known) if not isinstance(message.id, str)]
    assert {known.num_plurals} == {len(strings(message)) for message in plurals}


@pytest.mark.parametrize("domain", [DOMAIN, RETIRED])
def test_no_translation_is_a_guess_or_empty(language: str, domain: str) -> None:
    known = messages(catalogue(language, domain))
    assert [] == [message.id for message in known if message.fuzzy or not all(strings(message))]


@pytest.mark.parametrize("domain", [DOMAIN, RETIRED])
def test_the_catalogue_names_its_plural_forms(language: str, domain: str) -> None:
    """The file's own header is what runs."""
    po = path_of(language, domain).read_text(encoding="utf-8")
    assert f"Plural-Forms: {Catalog(locale=language).plural_forms}" in po


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
