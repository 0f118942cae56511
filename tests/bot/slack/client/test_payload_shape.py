"""Payloads of any shape: what is not Slack's is refused before Bolt sees it, and what passes raises nowhere."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_bolt.request.async_request import AsyncBoltRequest
from structlog.testing import capture_logs

from bot.model.request import derive_operation_id
from bot.rendering.slack.buttons import parse_words
from bot.slack.client.payloads import MAX_DEPTH, is_well_formed
from bot.slack.client.socket import _is_worth_logging
from tests.bot.slack.conftest import House, well
from tests.lab.workspace.socket_mode import Delivery, EnvelopeType

Dispatch = Callable[[Any], Awaitable[int]]


def nested(depth: int) -> Any:
    """A list in a list, so deep."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


TEAM, USER = {"id": "T0FLATNET", "domain": "lab"}, {"id": "U0ADMIN", "name": "alice", "team_id": "T0FLATNET"}
BUTTON = {"type": "button", "action_id": "run.0", "block_id": "b", "value": '{"w":"health"}', "action_ts": "1.0"}
NOTE = json.dumps({"channel": "C0OPS"})
STATE = {"values": {"command": {"command": {"type": "static_select", "selected_option": {"value": "health"}}}}}
VIEW = {
    "id": "V0000001", "type": "modal", "callback_id": "flatnet_form", "hash": "1.a", "private_metadata": NOTE,
    "state": STATE, "team_id": "T0FLATNET", "app_installed_team_id": "T0FLATNET",
}  # fmt: skip
FILTER = {**VIEW, "callback_id": "flatnet_filter", "private_metadata": "{}"}
COMMON = {"team": TEAM, "user": USER, "trigger_id": "1.2.a", "is_enterprise_install": False, "enterprise": None}
EVENT = {"type": "app_mention", "user": "U0ADMIN", "channel": "C0OPS", "ts": "1.0", "text": "<@U0FLATNET> health"}
WHO = [{"team_id": "T0FLATNET", "user_id": "U0FLATNET", "is_bot": True, "is_enterprise_install": False}]
EVENTS = {"type": "event_callback", "team_id": "T0FLATNET", "event_id": "Ev01", "authorizations": WHO}
PLACE = {"container": {"type": "message", "message_ts": "1.0"}, "channel": {"id": "C0OPS"}, "message": {"user": "U0FLATNET"}}
PAYLOADS: tuple[dict[str, Any], ...] = (
    {"command": "/flatnet", "team_id": "T0FLATNET", "user_id": "U0ADMIN", "channel_id": "C0OPS", "text": "health"},
    {**COMMON, **PLACE, "type": "block_actions", "actions": [BUTTON]},
    {
        **COMMON,
        "type": "block_actions",
        "view": VIEW,
        "actions": [{**BUTTON, "action_id": "command", "selected_option": {}}],
    },
    {**COMMON, "type": "view_submission", "view": VIEW},
    {**COMMON, "type": "view_submission", "view": FILTER},
    {**COMMON, "type": "view_closed", "view": VIEW},
    {**COMMON, "type": "shortcut", "callback_id": "flatnet_form"},
    {**COMMON, "type": "message_action", "callback_id": "flatnet_form", "message": {"user": "U0ADMIN"}},
    {**COMMON, "type": "block_suggestion", "action_id": "hosts", "block_id": "health.target", "value": "ho", "view": VIEW},
    {**EVENTS, "event": EVENT},
    {**EVENTS, "event": {**EVENT, "type": "message", "channel": "D0ADMIN", "channel_type": "im"}},
    {**EVENTS, "event": {**EVENT, "type": "message", "subtype": "message_changed", "message": EVENT}},
    {**EVENTS, "event": {"type": "app_home_opened", "user": "U0ADMIN", "tab": "home"}},
    {**EVENTS, "event": {"type": "subteam_updated", "subteam": {"id": "S01"}}},
    {**EVENTS, "event": EVENT, "is_ext_shared_channel": True},
)
"""One of each kind that the bot takes."""

ODD = st.sampled_from(
    [None, True, 0, 1.5, "", "x", "\ud83d", [], [None], [[]], ["x"], {}, {"id": 7}, {"id": []}, {"": {}}, nested(40)]
) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "value"]), part, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places within a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, part in inner for place in places(part, (*path, name)))]


@st.composite
def odd_payloads(draw: st.DrawFn) -> Any:
    """A payload of Slack's with one to three of its parts exchanged, removed, or added to."""
    payload = deepcopy(draw(st.sampled_from(PAYLOADS)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(payload)[1:] or [("x",)]))
        part: Any = payload
        for name in path:
            part = part[name]
        if draw(st.booleans()) or isinstance(part, list):
            part[last] = deepcopy(draw(ODD))
        else:
            del part[last]
    extra = draw(
        st.dictionaries(st.sampled_from(["user", "team", "channel", "view", "event", "actions", "item"]), ODD, max_size=1)
    )
    return payload | extra


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.get("type", "command"))
def test_what_slack_sends_is_well_formed(payload: dict[str, Any]) -> None:
    assert is_well_formed(payload)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"type": "unknown"},
        {"type": ["block_actions"]},
        {"command": ["/flatnet"]},
        {**PAYLOADS[1], "actions": []},
        {**PAYLOADS[1], "actions": {}},
        {**PAYLOADS[1], "actions": ["x"]},
        {**PAYLOADS[1], "actions": [{"value": "x"}]},
        {**PAYLOADS[1], "user": 7},
        {**PAYLOADS[1], "user": {"id": []}},
        {**PAYLOADS[1], "message": {"user": []}},
        {**PAYLOADS[3], "view": []},
        {**PAYLOADS[3], "view": None},
        {**PAYLOADS[9], "event": {"type": 7}},
        {**PAYLOADS[9], "authorizations": ["x"]},
        {**PAYLOADS[1], "x": nested(MAX_DEPTH)},
        {**PAYLOADS[1], "x": nested(100_000)},
    ],
    ids=range(19),
)
def test_what_is_not_slack_s_is_not(payload: Any) -> None:
    assert not is_well_formed(payload)


@pytest.mark.parametrize("value", ["[" * 100_000, '{"w":' * 1_000 + "1" + "}" * 1_000, '{"w":["health"]}', "1", "{", ""])
def test_a_button_s_value_nested_to_any_depth_is_no_command(value: str) -> None:
    assert parse_words(value) is None


@pytest.fixture
async def dispatch(house: House) -> AsyncIterator[Dispatch]:
    """Bolt with all listeners of the bot, and the work that they start."""
    house.desk.answer = lambda request: well(request).model_copy(update={"operation": derive_operation_id(request.key)})
    async with house.bot() as surface:
        parts = surface._require_receivers()

        async def handle(payload: Any) -> int:
            response = await parts.connector._app.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode"))
            assert () == await parts.worker.running.drain(5.0)
            return response.status

        yield handle


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(payload=odd_payloads())
async def test_no_shape_raises_in_bolt_in_its_middleware_or_in_a_listener(
    dispatch: Dispatch, caplog: pytest.LogCaptureFixture, payload: Any
) -> None:
    caplog.clear()
    if is_well_formed(payload):
        with capture_logs() as logs:
            assert await dispatch(payload) in (200, 404)
        assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [] == [line for line in logs if line["log_level"] == "error"]


ODDITIES: dict[str, dict[str, Any]] = {
    "odd actions": {"actions": "run"},
    "no actions": {"actions": []},
    "an odd user": {"user": 7},
    "an odd view": {"view": ["x"]},
    "nested deep": {"x": nested(400)},
}


@pytest.mark.parametrize("change", ODDITIES.values(), ids=ODDITIES)
async def test_an_odd_payload_is_acknowledged_once_with_one_line_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    async with house.bot():
        with capture_logs() as logs:
            delivery = await house.workspace._sockets.deliver(Delivery(EnvelopeType.INTERACTIVE, {**PAYLOADS[1], **change}))
    assert (1, True) == (len(delivery.acks), delivery.in_time)
    assert 1 == len([line for line in logs if line["log_level"] == "warning"])
    assert [] == [line for line in logs if line["log_level"] == "error" or line.get("exc_info")]
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [] == house.desk.requests


def test_a_message_that_json_cannot_read_for_its_depth_is_logged_in_one_line() -> None:
    record = logging.LogRecord("slack_bolt", logging.ERROR, "", 0, "Failed to process a message", (), None)
    with capture_logs() as logs:
        try:
            json.loads("[" * 100_000)
        except RecursionError:
            assert not _is_worth_logging(record)
    assert ["warning"] == [line["log_level"] for line in logs]
