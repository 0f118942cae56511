"""Messages of all kinds as Slack describes them: what becomes the text of a note, and who its author is."""

from typing import Any

import pytest

from bot.slack.inbound.message_shortcut import build_address, find_trouble
from bot.slack.inbound.noted_message import NotedMessage, find_text, is_hidden, make_link, make_words, parse_message
from bot.store.inbox import Delivery
from commands.values.normalize import normalize_text
from tests.bot.slack.conftest import BEGIN

SENDER = {"team": "T0FLATNET", "user": "U0ADMIN", "channel": "C0OPS"}
SAID = {"type": "message", "ts": "1772355600.000100", "user": "U0MEMBER", "text": "slow"}


def parse(**more: Any) -> NotedMessage:
    noted = parse_message({**SAID, **more}, SENDER)
    assert noted is not None
    return noted


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "slow"}, "slow"),
        ({"text": "", "attachments": [{"fallback": "CPU 97 %"}, {"text": "host-a"}]}, "CPU 97 % host-a"),
        ({"text": " ", "files": [{"name": "trace.txt", "title": "Trace"}]}, "Trace"),
        ({"text": None, "files": [{"name": "trace.txt"}, "x", None, {}]}, "trace.txt"),
        ({"attachments": {"fallback": "no list"}, "files": 3}, ""),
        ({"text": ["no text"]}, ""),
    ],
)
def test_a_message_without_text_is_told_by_its_attachments_and_files(message: dict[str, Any], text: str) -> None:
    assert text == find_text(message)


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ({}, ("U0MEMBER", "")),
        ({"user": None, "bot_id": "B0GRAFANA", "username": "Grafana"}, (None, "Grafana (B0GRAFANA)")),
        ({"bot_id": "B0GRAFANA", "bot_profile": {"name": "Graf\nana‮"}}, ("U0MEMBER", "Graf ana (B0GRAFANA)")),
        ({"user": "", "bot_id": "B0GRAFANA"}, (None, "B0GRAFANA")),
        ({"user": None, "username": "x" * 500}, (None, "x" * 79 + "…")),
        ({"user": None}, (None, "")),
    ],
)
def test_an_author_is_a_person_by_id_or_an_app_by_name_and_id(author: dict[str, Any], expected: tuple[Any, str]) -> None:
    noted = parse(**author)
    assert expected == (noted.author, noted.author_name)


@pytest.mark.parametrize(
    "broken",
    [{"ts": "17"}, {"ts": None}, {"ts": "99999999999.1"}, {"user": "<!channel>"}, {"user": 7}, {"thread_ts": "x"}],
)
def test_a_payload_that_is_no_message_becomes_none(broken: dict[str, Any]) -> None:
    assert None is parse_message({**SAID, **broken}, SENDER)


@pytest.mark.parametrize(
    ("channel", "hidden"),
    [
        ({"id": "C0OPS", "name": "ops"}, False),
        ({"id": "C0WAR", "name": "privategroup"}, True),
        ({"id": "D0ADMIN", "name": "directmessage"}, True),
        ({"id": "C0GROUP", "name": "mpdm-a--b-1"}, True),
        ({"id": "G0GROUP", "name": "war"}, True),
        ({}, True),
    ],
)
def test_conversations_that_are_not_public_are_known_by_their_payload(channel: dict[str, str], hidden: bool) -> None:
    assert hidden is is_hidden(channel)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("slow", "slow"),
        ("it's <!channel> &lt;b&gt; <@U0ADMIN|alice>", "it's @channel <b> @U0ADMIN"),
        ("line\n\n  line", "line line"),
        ("--incident 9", "--incident 9"),
        ('he said "no" --at 1h', 'he said "no" --at 1h'),
        ("“typed” – on a phone", "“typed” – on a phone"),
    ],
)
def test_whatever_a_message_says_is_one_argument(said: str, words: str) -> None:
    """Neither mentions nor options in it are more than text."""
    typed = normalize_text(make_words(parse(text=said), 3))
    tokens = [token.text for token in typed.tokens]
    assert ["incident", "note", words, "--incident", "3"] == tokens


def test_a_long_message_ends_with_an_ellipsis_and_a_secret_beyond_the_cut_is_not_forgotten() -> None:
    typed = normalize_text(make_words(parse(text='"' * 9_000), 3))
    assert (False, True) == (typed.cut, "…" in typed.text)
    assert "incident note [redacted] --incident 3" == make_words(parse(text="x " * 9_000 + "[redacted]"), 3)


def test_a_link_needs_the_address_of_the_workspace() -> None:
    assert "" == make_link("", "C0OPS", "1.2", "")
    assert "https://x.slack.com/archives/C0OPS/p12" == make_link("https://x.slack.com/", "C0OPS", "1.2", "")


def test_a_message_that_one_person_sees_has_no_link_and_becomes_no_note() -> None:
    assert "only you see this message" in str(find_trouble(parse(is_ephemeral=True)))
    assert None is find_trouble(parse())


@pytest.mark.parametrize(
    ("place", "aside"),
    [
        ({}, ("C0OPS", "", "")),
        ({"response_url": "https://hooks.slack.com/x"}, ("", "", "https://hooks.slack.com/x")),
        ({"response_url": "https://hooks.slack.com/x", "thread": "1.1"}, ("C0OPS", "1.1", "https://hooks.slack.com/x")),
        ({"thread": SAID["ts"], "response_url": "https://hooks.slack.com/x"}, ("", "", "https://hooks.slack.com/x")),
    ],
)
def test_the_answer_is_private_where_the_message_is(place: dict[str, str], aside: tuple[str, str, str]) -> None:
    address = build_address(parse().model_copy(update=place), Delivery("k", "note", {}, BEGIN))
    assert (*aside, "U0ADMIN", "") == (
        address.aside, address.aside_thread, address.response_url, address.user, address.channel,
    )  # fmt: skip
