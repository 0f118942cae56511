"""What is taken for something said to the bot: payloads are foreign until they are parsed."""

import re
from typing import Any

import pytest

from bot.slack.inbound.mention import parse_message, strip_mention

BOT = "<@U0FLATNET>"
EVENT = {"type": "app_mention", "user": "U0ADMIN", "channel": "C0OPS", "ts": "1.000001", "text": f"{BOT} health"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<@U1> health host-a", "health host-a"),
        ("<@U1|flatnet> health", "health"),
        ("please <@U1> health", "health"),
        ("health <@U1>", "health"),
        ("<@U1> <@U1> health <@U2>", "health <@U2>"),
        ("<@U1>", ""),
        ("health", "health"),
        ("", ""),
    ],
)
def test_the_words_are_those_after_the_name_or_before_it_where_nothing_follows(text: str, words: str) -> None:
    assert words == strip_mention(text, re.compile(r"<@U1(?:\|[^>]*)?>"))


@pytest.mark.parametrize(
    "change",
    [
        {"subtype": "message_changed"},
        {"bot_id": "B0OTHER"},
        {"hidden": True},
        {"edited": {"user": "U0ADMIN", "ts": "2.0"}},
        {"user": None},
        {"user": "<!channel>"},
        {"ts": "now"},
        {"channel": "D0ADMIN"},
        {"channel": ""},
        {"type": "message"},
        {"thread_ts": "x"},
    ],
    ids=str,
)
def test_what_nobody_typed_for_the_bot_is_not_heard(change: dict[str, Any]) -> None:
    """Edits, other bots, a mention in a direct message (which is a message there already), and what is no event at all."""
    assert parse_message({"event_id": "Ev1", "team_id": "T0FLATNET", "event": EVENT}) is not None
    assert parse_message({"event_id": "Ev1", "team_id": "T0FLATNET", "event": {**EVENT, **change}}) is None


@pytest.mark.parametrize("body", [{}, {"event": 3}, {"event": EVENT}, {"event": EVENT, "event_id": "x", "team_id": "T1"}])
def test_an_event_without_its_names_is_not_heard(body: dict[str, Any]) -> None:
    assert parse_message(body) is None
