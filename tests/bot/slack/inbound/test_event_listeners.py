"""What is taken for something said to the bot: payloads are foreign until they are parsed."""

import re
from typing import Any

import pytest

from bot.slack.inbound.mention import IncomingMessage, make_mention_pattern, parse_message, strip_mention

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


def heard(event: dict[str, Any]) -> IncomingMessage | None:
    """The message as it is understood."""
    return parse_message({"event_id": "Ev1", "team_id": "T0FLATNET", "event": event}, make_mention_pattern("U0FLATNET"))


@pytest.mark.parametrize(
    "change",
    [
        {"subtype": "message_changed"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"bot_id": "B0OTHER"},
        {"hidden": True},
        {"edited": {"user": "U0ADMIN", "ts": "2.0"}},
        {"user": None},
        {"user": "<!channel>"},
        {"ts": "now"},
        {"channel": "D0ADMIN"},
        {"channel": ""},
        {"type": "message", "text": "health"},
        {"type": "message", "text": None},
        {"type": "message", "text": "<@U0FLATNET2> health"},
        {"thread_ts": "x"},
        {"subtype": ["file_share"]},
    ],
    ids=str,
)
def test_what_nobody_typed_for_the_bot_is_not_heard(change: dict[str, Any]) -> None:
    """Edits, other bots, a mention in a direct message (which is a message there already), and what is no event at all."""
    assert heard(EVENT) is not None
    assert heard({**EVENT, **change}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"subtype": "file_share", "files": [{"id": "F1"}]},
        {"subtype": "thread_broadcast", "thread_ts": "1.0"},
        {"type": "message"},
        {"type": "message", "subtype": "file_share"},
        {"type": "message", "channel": "G0GROUP"},
        {"type": "message", "channel": "D0ADMIN", "text": "health"},
        {"type": "message", "channel": "D0ADMIN", "text": "health", "subtype": "file_share"},
        {"user": "W0CHIEF"},
    ],
    ids=str,
)
def test_what_a_person_typed_for_the_bot_is_heard_with_a_file_too(change: dict[str, Any]) -> None:
    assert "health" in getattr(heard({**EVENT, **change}), "text", "")


@pytest.mark.parametrize("body", [{}, {"event": 3}, {"event": EVENT}, {"event": EVENT, "event_id": "x", "team_id": "T1"}])
def test_an_event_without_its_names_is_not_heard(body: dict[str, Any]) -> None:
    assert parse_message(body, make_mention_pattern("U0FLATNET")) is None
