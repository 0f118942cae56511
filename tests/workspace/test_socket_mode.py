"""Commands and events over the WebSocket, with the SDK's own client at the other end."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import DELIVERY, HANDSHAKE, Duplicated, ServerError
from tests.lab.workspace.journal import Connected, Disconnected
from tests.lab.workspace.socket_mode import Ack, Reason
from tests.workspace.conftest import IMPATIENT, MANIFEST, PLAIN, App, Connect, installed, web_client


async def test_a_slash_command_reaches_the_app_with_everything_that_slack_sends(workspace: Workspace, app: App) -> None:
    delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health all")
    [request] = app.got
    shown = {name: request.payload[name] for name in ("command", "text", "user_id", "channel_id", "channel_name", "team_id")}
    assert shown == {
        "command": "/flatnet",
        "text": "health all",
        "user_id": "U0OPERATOR",
        "channel_id": "C0OPS",
        "channel_name": "ops",
        "team_id": "T0FLATNET",
    }
    assert (request.type, request.accepts_response_payload) == ("slash_commands", True)
    assert request.payload["trigger_id"] == delivery.trigger_id


async def test_every_command_has_its_own_trigger_id_and_response_url(workspace: Workspace, app: App) -> None:
    for _ in range(2):
        await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert len({request.payload["trigger_id"] for request in app.got}) == 2
    assert len({request.payload["response_url"] for request in app.got}) == 2


async def test_an_ack_is_noted_with_its_time(workspace: Workspace, app: App) -> None:
    delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert delivery.in_time
    assert delivery.acked_after == 0.0  # the workspace's time stands still in these tests
    assert workspace.private("U0OPERATOR") == ()


async def test_a_text_in_the_ack_is_shown_to_the_person_alone(workspace: Workspace, app: App) -> None:
    app.answer = {"text": "one moment"}
    await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert [message.text for message in workspace.private("U0OPERATOR")] == ["one moment"]
    assert workspace.messages("C0OPS") == ()


async def test_an_ack_can_answer_for_all(workspace: Workspace, app: App) -> None:
    app.answer = {"text": "all well", "response_type": "in_channel"}
    await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert [message.text for message in workspace.messages("C0OPS")] == ["all well"]


async def test_blocks_in_an_ack_obey_the_limits(workspace: Workspace, app: App) -> None:
    app.answer = {"blocks": [{"type": "nonsense"}]}
    await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert [m.text for m in workspace.private("U0OPERATOR")] == ['/flatnet failed with the error "invalid_blocks"']


async def test_a_command_that_is_not_acknowledged_in_time_tells_the_person(tmp_path: Path, apps: Connect) -> None:
    async with installed(tmp_path, PLAIN, IMPATIENT) as workspace:
        app = apps(workspace)
        app.silent = True
        await app.connect()
        delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health")
        assert (delivery.in_time, delivery.acked_after, delivery.attempts) == (False, None, 1)
        told = [message.text for message in workspace.private("U0OPERATOR")]
        assert told == ['/flatnet failed with the error "operation_timeout"']


async def test_a_command_without_any_connection_fails_at_once(workspace: Workspace) -> None:
    delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert delivery.attempts == 0
    assert [m.text for m in workspace.private("U0OPERATOR")] == ['/flatnet failed with the error "dispatch_failed"']


async def test_a_command_that_is_not_in_the_manifest_reaches_nobody(workspace: Workspace, app: App) -> None:
    delivery = await workspace.slash("U0OPERATOR", "C0OPS", "x", command="/other")
    assert (delivery.attempts, app.got) == (0, [])
    assert [m.text for m in workspace.private("U0OPERATOR")] == ["`/other` is not a valid command."]


async def test_commands_work_where_the_bot_is_not_a_member(workspace: Workspace, app: App) -> None:
    assert (await workspace.slash("U0OPERATOR", "C0DEV", "health")).in_time
    assert (await workspace.slash("U0OPERATOR", "D0OPERATOR", "health")).payload["channel_name"] == "directmessage"


@pytest.mark.parametrize(("user", "channel"), [("U0MEMBER", "C0BOARD"), ("U0ADMIN", "C0OLD")])
async def test_nobody_types_where_they_cannot(workspace: Workspace, user: str, channel: str) -> None:
    with pytest.raises(ValueError, match="cannot write"):
        await workspace.slash(user, channel, "health")


async def test_a_stranger_carries_their_own_team(workspace: Workspace, app: App) -> None:
    assert (await workspace.slash("U0STRANGER", "C0PARTNERS", "health")).payload["team_id"] == "T0OTHER"


async def test_one_envelope_can_come_several_times(workspace: Workspace, app: App) -> None:
    workspace.faults.switch_on(DELIVERY, Duplicated(5), times=1)
    delivery = await workspace.slash("U0OPERATOR", "C0OPS", "health")
    await workspace.seen(lambda: len(delivery.acks) == 5)
    assert {request.envelope_id for request in app.got} == {delivery.envelope_id}
    await workspace.slash("U0OPERATOR", "C0OPS", "health")
    assert len(app.got) == 6


async def test_events_without_a_subscription_are_not_sent(workspace: Workspace, app: App) -> None:
    await workspace.say("U0OPERATOR", "C0OPS", "<@U0FLATNET> health")
    assert app.got == []


def eventful() -> str:
    """The plain manifest, with a subscription."""
    text = PLAIN.replace("- commands", "- commands\n      - app_mentions:read")
    return text.replace("settings:\n", "settings:\n  event_subscriptions:\n    bot_events: [app_mention]\n")


async def test_a_subscribed_event_is_sent_where_the_bot_is_a_member(tmp_path: Path, apps: Connect) -> None:
    async with installed(tmp_path, eventful()) as workspace:
        app = apps(workspace)
        await app.connect()
        await workspace.say("U0OPERATOR", "C0OPS", "<@U0FLATNET> health")
        await workspace.say("U0OPERATOR", "C0OPS", "good morning")
        await workspace.say("U0OPERATOR", "C0DEV", "<@U0FLATNET> health")
        assert [request.payload["event"]["type"] for request in app.got] == ["app_mention"]


async def test_an_event_that_is_not_acknowledged_comes_again_with_its_number(tmp_path: Path, apps: Connect) -> None:
    async with installed(tmp_path, eventful(), IMPATIENT) as workspace:
        app = apps(workspace)
        app.silent = True
        await app.connect()
        await workspace.say("U0OPERATOR", "C0OPS", "<@U0FLATNET> health")
        await app.received(4)
        assert [request.retry_attempt for request in app.got] == [None, 1, 2, 3]
        assert [request.retry_reason for request in app.got] == [None, "timeout", "timeout", "timeout"]
        assert len({request.envelope_id for request in app.got}) == 1


async def test_an_event_that_one_connection_does_not_acknowledge_comes_again_over_another(
    tmp_path: Path, apps: Connect
) -> None:
    async with installed(tmp_path, eventful(), IMPATIENT) as workspace:
        hung, other = apps(workspace), apps(workspace)
        for app in (hung, other):
            app.silent = True
            await app.connect()
        await workspace.say("U0OPERATOR", "C0OPS", "<@U0FLATNET> health")
        await hung.received(1)
        await other.received(1)
        [first], [second] = hung.got[:1], other.got[:1]
        assert {None, 1} == {first.retry_attempt, second.retry_attempt}
        assert first.envelope_id == second.envelope_id


async def new_socket(workspace: Workspace, session: aiohttp.ClientSession) -> str:
    """The address for one WebSocket."""
    answer = await web_client(workspace, session).apps_connections_open(app_token=workspace.app_token)
    return str(answer["url"])


async def test_a_ticket_opens_one_websocket_only(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    address = await new_socket(workspace, session)
    async with session.ws_connect(address) as socket:
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await session.ws_connect(address)
    assert refusal.value.status == 404


async def test_a_failed_handshake_burns_the_ticket_and_the_client_gets_a_new_one(workspace: Workspace, app: App) -> None:
    workspace.faults.switch_on(HANDSHAKE, ServerError(503), times=1)
    workspace.abort_connections()
    await workspace.seen(lambda: sum(isinstance(c, Connected) for c in workspace.changes) == 2)
    assert len(workspace.calls("apps.connections.open")) == 3
    assert (await workspace.slash("U0OPERATOR", "C0OPS", "health")).in_time


async def test_the_client_comes_back_after_the_network_was_cut(workspace: Workspace, app: App) -> None:
    workspace.abort_connections()
    await workspace.seen(lambda: any(isinstance(change, Disconnected) for change in workspace.changes))
    await workspace.seen(lambda: workspace.connections == 1)
    assert (await workspace.slash("U0OPERATOR", "C0OPS", "health")).in_time


@pytest.mark.parametrize("reason", [Reason.WARNING, Reason.REFRESH_REQUESTED])
async def test_a_refresh_overlaps_so_that_nothing_is_lost(workspace: Workspace, app: App, reason: Reason) -> None:
    await workspace.disconnect(reason)
    await workspace.seen(lambda: sum(isinstance(c, Disconnected) for c in workspace.changes) == 1)
    open_counts = [change.open for change in workspace.changes if isinstance(change, Connected | Disconnected)]
    assert open_counts == [1, 2, 1]
    assert (await workspace.slash("U0OPERATOR", "C0OPS", "health")).in_time


async def test_switching_socket_mode_off_closes_at_once(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await new_socket(workspace, session)) as socket:
        await socket.receive_json()
        await workspace.disconnect(Reason.LINK_DISABLED)
        assert (await socket.receive_json())["reason"] == "link_disabled"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_a_connection_that_stays_after_its_warning_is_closed(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with installed(tmp_path, PLAIN, IMPATIENT) as workspace:
        socket = await session.ws_connect(await new_socket(workspace, session))
        await socket.receive_json()
        await workspace.disconnect(Reason.WARNING)
        assert (await socket.receive_json())["reason"] == "warning"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_ten_connections_share_the_envelopes_and_an_eleventh_is_sent_away(
    session: aiohttp.ClientSession,
) -> None:
    turns = iter(range(10))
    workspace = Workspace(MANIFEST, choose=lambda open_ones: open_ones[next(turns)])
    await workspace.start()
    sockets = []
    for number in range(1, 11):
        sockets.append(await session.ws_connect(await new_socket(workspace, session)))
        assert (await sockets[-1].receive_json())["num_connections"] == number

    eleventh = await session.ws_connect(await new_socket(workspace, session))
    assert (await eleventh.receive_json())["reason"] == "too_many_websockets"

    for socket in sockets:
        sending = asyncio.ensure_future(workspace.slash("U0OPERATOR", "C0OPS", "health"))
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await sending).in_time
    await workspace.stop()


async def test_frames_that_acknowledge_nothing_are_ignored(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(await new_socket(workspace, session)) as socket:
        await socket.receive_json()
        for frame in ("", "no json", "[]", "{}", '{"envelope_id": "unknown"}', '{"envelope_id": 1}'):
            await socket.send_str(frame)
        sending = asyncio.ensure_future(workspace.slash("U0OPERATOR", "C0OPS", "health"))
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": "not an object"})
        assert (await sending).acks == [Ack(0.0, None)]


async def test_pings_are_echoed(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    """The SDK's aiohttp client reconnects when no pong carries its words back."""
    async with session.ws_connect(await new_socket(workspace, session), autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"sdk-ping-pong:1")
        pong = await socket.receive()
        assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong:1")


async def test_slack_can_go_away_and_come_back_at_the_same_address(workspace: Workspace, app: App) -> None:
    port = int(workspace.base_url.rsplit(":", 1)[1])
    await workspace.stop()
    await workspace.start(port)
    await workspace.seen(lambda: workspace.connections == 1)
    assert (await workspace.slash("U0OPERATOR", "C0OPS", "health")).in_time
