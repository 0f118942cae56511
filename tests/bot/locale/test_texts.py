"""Numbers, times and lists as people write them."""

from datetime import UTC, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from adapters.phrase import Listing, Moment, Phrase, Span
from bot.locale.texts import BabelTexts, compile_catalogue, get_texts

TOKYO = ZoneInfo("Asia/Tokyo")
AT = datetime(2026, 11, 25, 9, 10, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2026-11-25 18:10 JST"),
        ("UTC", "2026-11-25 09:10 UTC"),
        ("America/New_York", "2026-11-25 04:10 EST"),
        ("Pacific/Auckland", "2026-11-25 22:10 NZDT"),
    ],
)
def test_a_moment_is_shown_in_the_readers_zone_and_names_it(zone: str, shown: str) -> None:
    assert [shown, shown] == [get_texts(language, ZoneInfo(zone)).moment(AT) for language in ("en", "ja")]


def test_the_end_of_a_certificate_without_an_end_is_shown_in_utc_where_no_zone_has_it() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert "9999-12-31 23:59 UTC" == get_texts("ja", TOKYO).moment(end)


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (0, "0 sec", "0 秒"),
        (0.04, "40 ms", "40 ms"),
        (2.54, "2.5 sec", "2.5 秒"),
        (20.0, "20 sec", "20 秒"),
        (59.6, "1 min", "1 分"),
        (125, "2 min, 5 sec", "2 分 5 秒"),
        (3_600, "1 hr", "1 時間"),
        (3 * 86_400 + 4 * 3_600 + 59, "3 days, 4 hr", "3 日 4 時間"),
        (86_400 + 59, "1 day", "1 日"),
        (-90, "-1 min, 30 sec", "-1 分 30 秒"),
    ],
)
def test_a_span_has_at_most_two_units(seconds: float, english: str, japanese: str) -> None:
    assert [english, japanese] == [get_texts(language, TOKYO).span(seconds) for language in ("en", "ja")]


@pytest.mark.parametrize(
    ("items", "english", "japanese"),
    [
        ([], "", ""),
        (["a"], "a", "a"),
        (["a", "b"], "a and b", "a、b"),
        (["a{0}", "b", "{1}c"], "a{0}, b, and {1}c", "a{0}、b、{1}c"),
    ],
)
def test_a_listing_is_joined_as_the_language_joins(items: list[str], english: str, japanese: str) -> None:
    assert [english, japanese] == [get_texts(language, TOKYO).listing(items) for language in ("en", "ja")]


@pytest.mark.parametrize(
    ("items", "english", "japanese"),
    [([], "", ""), (["a"], "a", "a"), (["a", "{0}", "c"], "a, {0}, c", "a、{0}、c")],
)
def test_a_series_has_no_conjunction(items: list[str], english: str, japanese: str) -> None:
    assert [english, japanese] == [get_texts(language, TOKYO).series(items) for language in ("en", "ja")]


def test_numbers_are_grouped() -> None:
    assert ["12,345.678", "-1,000"] == [get_texts("ja", TOKYO).number(number) for number in (12_345.678, -1_000)]


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("ja", "緊急"),
        ("ja-JP", "緊急"),
        ("ja_JP.UTF-8", "緊急"),
        ("en-GB", "critical"),
        ("fr", "critical"),
        ("", "critical"),
    ],
)
def test_a_locale_is_spoken_where_we_have_its_language_and_english_elsewhere(language: str, shown: str) -> None:
    assert shown == Phrase("critical").render(get_texts(language, TOKYO))


def test_a_sentence_begins_with_a_capital_in_english_alone() -> None:
    """A Japanese sentence that begins with a Latin letter begins with a name."""
    phrase = Phrase("podman's list cannot be understood: {why}", why="x")
    shown = [Phrase("unreachable").render_sentence(get_texts(language, TOKYO)) for language in ("en", "ja")]
    assert ["Unreachable", "接続不可"] == shown
    spoken = BabelTexts(Locale.parse("ja"), TOKYO, compile_catalogue(BytesIO(PO.encode()), "ja"))
    assert "podman's list cannot be understood: x" == phrase.render_sentence(spoken)


def test_a_missing_translation_shows_english() -> None:
    phrase = Phrase("{n} zebra", plural="{n} zebras", n=2_000)
    assert "2,000 zebras" == phrase.render(get_texts("ja", TOKYO))
    assert "" == Phrase("").render(get_texts("ja", TOKYO))


def test_values_inside_phrases_are_shown_in_the_readers_language() -> None:
    phrase = Phrase("{a} / {b} / {c}", a=Moment(AT), b=Span(60), c=Listing(("x", Phrase("healthy"))))
    assert "2026-11-25 18:10 JST / 1 分 / x、正常" == phrase.render(get_texts("ja", TOKYO))


PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"

msgid "on"
msgstr "稼働中"

msgctxt "button"
msgid "on"
msgstr "オン"

msgid "{n} a"
msgid_plural "{n} b"
msgstr[0] "{n} 件"

msgctxt "host"
msgid "{n} a"
msgid_plural "{n} b"
msgstr[0] "{n} 台"
"""


@pytest.mark.parametrize(
    ("phrase", "shown"),
    [
        (Phrase("on"), "稼働中"),
        (Phrase("on", context="button"), "オン"),
        (Phrase("on", context="unheard of"), "on"),
        (Phrase("{n} a", plural="{n} b", n=2), "2 件"),
        (Phrase("{n} a", plural="{n} b", context="host", n=2), "2 台"),
        (Phrase("{n} a", plural="{n} b", context="unheard of", n=2), "2 b"),
    ],
)
def test_a_context_chooses_among_translations(phrase: Phrase, shown: str) -> None:
    catalogue = compile_catalogue(BytesIO(PO.encode()), "ja")
    assert shown == phrase.render(BabelTexts(Locale.parse("ja"), TOKYO, catalogue))
