"""Phrases: sentences with values, translated only where they are shown."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from adapters.phrase import ENGLISH, City, Instant, Listing, Moment, Phrase, Span

AT = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)


class Shouting:
    """A language in which everything is loud, to see that every part passes through it."""

    zone = UTC

    def template(self, singular: str, plural: str | None, count: int, context: str | None = None) -> str:
        return (singular if count == 1 or plural is None else plural).replace("is", "IS")

    def number(self, value: int | float) -> str:
        return f"#{value}"

    def moment(self, at: datetime) -> str:
        return f"@{at:%H:%M}"

    def span(self, seconds: float) -> str:
        return f"~{seconds:g}"

    def city(self, zone: str) -> str:
        return f">{zone}"

    def listing(self, items: Sequence[str]) -> str:
        return " & ".join(items)

    series = listing

    def capitalize(self, template: str) -> str:
        return template.upper()


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        (Phrase("Nebula is {state}", state="Stopped"), "Nebula is Stopped"),
        (Phrase("{n} host is down", plural="{n} hosts are down", n=1), "1 host is down"),
        (Phrase("{n} host is down", plural="{n} hosts are down", n=3), "3 hosts are down"),
        (Phrase("since {at}", at=Moment(AT)), "since 2026-11-25 09:10:00 UTC"),
        (Phrase("at {at}", at=Instant(AT.replace(microsecond=260_000))), "at 2026-11-25 09:10:00.2 UTC"),
        (Phrase("within {t}", t=Span(20)), "within 20 s"),
        (Phrase("names: {names}", names=Listing(("a", "b"))), "names: a, b"),
        (Phrase("{inner}!", inner=Phrase("{x} in", x="deep")), "deep in!"),
        (Phrase("{braces}", braces="{not a field}"), "{not a field}"),
    ],
)
def test_a_phrase_is_english_when_it_is_text(phrase: Phrase, expected: str) -> None:
    """Logs and exceptions show the English form."""
    assert expected == str(phrase)


def test_every_part_of_a_phrase_is_shown_in_the_reader_s_language() -> None:
    """Template, numbers, times, listings and phrases inside phrases all go through the texts."""
    phrase = Phrase(
        "it is {n}, {at}, {span}, {city}, {names}, {inner}",
        n=2,
        at=Moment(AT),
        span=Span(1.5),
        city=City("Asia/Tokyo"),
        names=Listing((1, "x")),
        inner=Phrase("this is it"),
    )
    assert "it IS #2, @09:10, ~1.5, >Asia/Tokyo, #1 & x, thIS IS it" == phrase.render(Shouting())


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        (Phrase("unreachable"), "Unreachable"),
        (Phrase("{host} is down", host="db-1"), "db-1 is down"),
        (Phrase("{state}. Nothing was done", state=Phrase("no longer allowed")), "No longer allowed. Nothing was done"),
        (Phrase("not sent: {why}", why=Phrase("no response")), "Not sent: no response"),
        (Phrase("{n} of {m}. {next}", n=1, m=2, next=Phrase("try again")), "1 of 2. Try again"),
        (Phrase("done? {next}", next="yes"), "Done? yes"),
        (Phrase("it's {n}", n=1), "It's 1"),
        (Phrase("break-glass, then"), "Break-glass, then"),
        (Phrase("gone."), "Gone."),
        (Phrase("nginx is stopped"), "nginx is stopped"),
        (Phrase("podman's list is empty"), "podman's list is empty"),
        (Phrase("nebula-cert and the bot differ"), "nebula-cert and the bot differ"),
        (Phrase("flatnet_folder must be a path"), "flatnet_folder must be a path"),
        (Phrase("flatnet.toml is not valid"), "flatnet.toml is not valid"),
        (Phrase("logs/: one file per host"), "logs/: one file per host"),
        (Phrase("host{n} is down", n=1), "host1 is down"),
        (Phrase("ca2 expires"), "ca2 expires"),
        (Phrase("WSL2 is down"), "WSL2 is down"),
        (Phrase("{n} host is down", plural="all hosts are down", n=3), "All hosts are down"),
        (Phrase(""), ""),
    ],
)
def test_only_text_of_a_template_gets_a_capital_at_the_beginning_of_a_sentence(phrase: Phrase, sentence: str) -> None:
    assert sentence == phrase.render_sentence(ENGLISH)


def test_a_part_of_a_message_gets_no_capital() -> None:
    assert "not sent. Try again" == str(Phrase("{why}. {next}", why=Phrase("not sent"), next=Phrase("try again")))


def test_the_language_decides_on_capitals() -> None:
    assert "UNREACHABLE" == Phrase("unreachable").render_sentence(Shouting())


def test_a_phrase_survives_being_stored() -> None:
    """JSON and back is the same value, whatever it holds."""
    phrase = Phrase(
        "{n} of {all}",
        plural="{n} of {all}!",
        n=2,
        all=Listing((Moment(AT), Instant(AT), Span(2), Phrase("deep {x}", x=1.5))),
    )
    assert phrase == Phrase.from_json(json.loads(json.dumps(phrase.to_json())))


def test_a_context_is_part_of_the_value_and_stored_only_where_given() -> None:
    state, plain = Phrase("Stop", context="state"), Phrase("Stop")
    assert {"template": "Stop"} == plain.to_json()
    assert {"template": "Stop", "context": "state"} == state.to_json()
    assert (state, plain) == (Phrase.from_json(state.to_json()), Phrase.from_json(plain.to_json()))
    assert state != plain
    assert "Stop" == str(state)


def test_a_value_that_the_template_needs_cannot_be_forgotten() -> None:
    """The mistake shows where the phrase is made."""
    with pytest.raises(KeyError, match="state"):
        Phrase("Nebula is {state}")
    with pytest.raises(KeyError, match="count"):
        Phrase("{m} host", plural="{m} hosts", m=1)


@pytest.mark.parametrize(
    "document",
    [
        None,
        3,
        "text",
        {},
        {"template": 1},
        {"template": "{x}"},
        {"template": "{", "values": {}},
        {"template": "a", "context": 1},
        {"template": "{context}", "values": {"context": "x"}},
        {"template": "a", "plural": 3, "values": {"n": 1}},
        {"template": "{x:>9999999999}", "values": {"x": "1"}},
        {"template": "{x.__class__}", "values": {"x": "1", "x.__class__": "1"}},
    ],
)
def test_what_is_no_phrase_is_refused(document: object) -> None:
    """A stored value is hostile until parsed."""
    with pytest.raises(ValueError):  # noqa: PT011
        Phrase.from_json(document)


def test_a_phrase_does_not_change() -> None:
    """It is a value: it is shared between reports, errors and threads."""
    phrase = Phrase("a")
    with pytest.raises(AttributeError):
        phrase.template = "b"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00"])
def test_a_time_that_no_other_zone_has_is_shown_and_stored_as_it_is(text: str) -> None:
    at = datetime.fromisoformat(text)
    phrase = Phrase("since {at}, exactly {instant}", at=Moment(at), instant=Instant(at))
    assert f"since {at:%Y-%m-%d %H:%M:%S} UTC" in str(phrase)
    assert phrase == Phrase.from_json(phrase.to_json())
