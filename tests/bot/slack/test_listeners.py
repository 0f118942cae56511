"""What Bolt does with envelopes that are not a command of today."""

from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from tests.bot.slack.conftest import House


def _click(house: House, user: str, **button: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": "T0FLATNET"},
        "user": {"id": user, "team_id": "T0FLATNET"},
        "response_url": f"{house.workspace.base_url}/response/{house.workspace._responses.issue('C0OPS', user)}",
        "actions": [{"type": "button", "action_id": "gone", "block_id": "b", **button}],
    }


def _form() -> dict[str, Any]:
    return {
        "type": "view_submission",
        "team": {"id": "T0FLATNET"},
        "user": {"id": "U0ADMIN", "team_id": "T0FLATNET"},
        "view": {"type": "modal", "callback_id": "gone\nlong ago", "state": {"values": {}}},
    }


async def _dispatched(house: House, body: dict[str, Any]) -> BoltResponse:
    async with house.bot() as surface:
        app = _app(surface)
        return await app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))


def _app(surface: Any) -> AsyncApp:
    app = surface._parts.lines._app
    assert isinstance(app, AsyncApp)
    return app


async def test_an_old_button_explains_itself_to_who_pressed_it(house: House) -> None:
    response = await _dispatched(house, _click(house, "U0ADMIN"))
    assert 200 == response.status
    [text] = await house.private("U0ADMIN")
    assert text.startswith("This message is out of date")


async def test_a_button_that_opens_a_link_is_acknowledged_without_words(house: House) -> None:
    response = await _dispatched(house, _click(house, "U0ADMIN", url="https://example.com/"))
    assert 200 == response.status
    assert () == house.workspace.calls("response_url")


async def test_an_old_form_is_replaced_by_words(house: House) -> None:
    response = await _dispatched(house, _form())
    assert 200 == response.status
    assert "This form is out of date and nothing was done." in response.body


async def test_what_the_bot_itself_does_is_ignored(house: House) -> None:
    """`IgnoringSelfEvents` stays, and knows the bot from the preflight."""
    event = {"type": "message", "user": "U0FLATNET", "bot_id": "B0FLATNET", "channel": "C0OPS", "text": "3 hosts are well"}
    body = {"type": "event_callback", "team_id": "T0FLATNET", "event": event, "event_id": "Ev1"}
    response = await _dispatched(house, body)
    assert 200 == response.status


@pytest.mark.parametrize(
    "change",
    [{"user_id": ""}, {"user_id": 7}, {"channel_id": None}, {"text": ["health"]}, {"team_id": "<!channel>"}],
    ids=str,
)
async def test_a_command_that_cannot_be_read_is_acknowledged_with_words(house: House, change: dict[str, Any]) -> None:
    body = {
        "command": "/flatnet",
        "team_id": "T0FLATNET",
        "user_id": "U0ADMIN",
        "channel_id": "C0OPS",
        "text": "health",
        **change,
    }
    response = await _dispatched(house, body)
    assert 200 == response.status
    assert "Nothing was done" in response.body
    assert [] == house.desk.requests


async def test_bolt_asks_slack_nothing_before_a_listener(house: House) -> None:
    """Its own authorisation would call `auth.test` within the first three seconds."""
    async with house.bot():
        before = len(house.workspace.calls("auth.test"))
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.private("U0ADMIN")
        assert before == len(house.workspace.calls("auth.test"))
