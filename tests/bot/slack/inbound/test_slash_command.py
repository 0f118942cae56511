"""What Slack sends is foreign until it is parsed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.slack.inbound.slash_command import SlashCommand, build_delivery

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def payload(**changes: Any) -> dict[str, Any]:
    """A slash command's payload, with some fields changed or, as None, left out."""
    usual = {
        "team_id": "T0FLATNET",
        "user_id": "U0ADMIN",
        "channel_id": "C0OPS",
        "command": "/flatnet",
        "text": "health",
        "response_url": "https://hooks.slack.com/commands/1",
        "trigger_id": "1.2.abc",
        "is_enterprise_install": "false",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def test_a_command_survives_the_way_through_the_inbox() -> None:
    delivery = build_delivery(payload(), NOW)
    assert delivery is not None
    assert ("1.2.abc", NOW) == (delivery.key, delivery.received_at)
    expected = SlashCommand(
        team="T0FLATNET",
        user="U0ADMIN",
        channel="C0OPS",
        text="health",
        response_url="https://hooks.slack.com/commands/1",
        trigger="1.2.abc",
    )
    assert expected == SlashCommand.model_validate(delivery.payload)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4_000,
        "🔥🧯" * 500,
        "\u202ehealth\u202c",
        "health\0host-a",
        "<!channel> `rm`",
        '"unbalanced',
        "--",
        "　health　",
    ],
    ids=["4,000 characters", "emoji", "right to left", "NUL", "mention", "quote", "dashes", "full-width spaces"],
)
def test_text_arrives_as_it_was_typed(text: str) -> None:
    """Understanding and refusing it is the desk's work."""
    delivery = build_delivery(payload(text=text), NOW)
    assert delivery is not None
    assert text == SlashCommand.model_validate(delivery.payload).text


def test_half_a_character_becomes_a_question_mark() -> None:
    delivery = build_delivery(payload(text="health \ud83d"), NOW)
    assert delivery is not None
    assert "health ?" == delivery.payload["text"]


@pytest.mark.parametrize("field", ["text", "response_url", "trigger_id"])
def test_a_field_that_one_can_do_without_may_be_missing(field: str) -> None:
    assert build_delivery(payload(**{field: None}), NOW) is not None


@pytest.mark.parametrize("value", [None, "", 7, ["U1"], {"id": "U1"}, "U1 OR 1=1", "<@U1>", "U" * 5_000, "u0admin", "U0\n"])
@pytest.mark.parametrize("field", ["team_id", "user_id", "channel_id"])
def test_without_knowing_who_typed_it_where_there_is_no_command(field: str, value: Any) -> None:
    assert build_delivery(payload(**{field: value}), NOW) is None


@pytest.mark.parametrize("value", [7, ["health"], {"text": "health"}])
def test_text_that_is_no_text_is_no_command(value: Any) -> None:
    assert build_delivery(payload(text=value), NOW) is None


@pytest.mark.parametrize("trigger", [None, "", 7, "x" * 500, "a b", "\0"])
def test_without_a_trigger_id_the_key_is_the_same_for_the_same_command_only(trigger: Any) -> None:
    first, again = build_delivery(payload(trigger_id=trigger), NOW), build_delivery(payload(trigger_id=trigger), NOW)
    other = build_delivery(payload(trigger_id=trigger, response_url="https://hooks.slack.com/commands/2"), NOW)
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.key == again.key
    assert first.key != other.key
