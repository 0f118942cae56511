"""Web API calls, with the SDK's own client: what Slack does with them and what it refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import DropAfter, DropBefore, Failing, Faults, RateLimited, ServerError, Slow
from tests.lab.workspace.message import Content
from tests.lab.workspace.seed import Kind
from tests.workspace.conftest import PLAIN, FakeTime, installed, web_client

Call = Callable[[AsyncWebClient], Awaitable[Any]]


async def refusal(call: Awaitable[Any]) -> str:
    """The error code of a call that must be refused."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_auth_test_says_who_the_bot_is_and_which_scopes_it_has(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["team_id"], answer["bot_id"]) == ("U0FLATNET", "T0FLATNET", "B0FLATNET")
    assert answer.headers["X-OAuth-Scopes"] == "channels:read,chat:write,commands,groups:read,users:read"


async def test_a_message_is_posted_edited_and_deleted(workspace: Workspace, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="checking")
    edited = await client.chat_update(channel="C0OPS", ts=posted["ts"], text="done")
    [message] = workspace.messages("C0OPS")
    assert (message.text, message.edits, message.user) == ("done", (Content("checking"),), "U0FLATNET")
    assert edited["ts"] == posted["ts"]
    await client.chat_delete(channel="C0OPS", ts=posted["ts"])
    assert workspace.messages("C0OPS") == ()


async def test_timestamps_are_unique_and_rise(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel="C0OPS", text="x"))["ts"] for _ in range(5)]
    assert stamps == sorted(set(stamps))


async def test_blocks_without_an_id_get_one(workspace: Workspace, client: AsyncWebClient) -> None:
    blocks: list[dict[str, Any]] = [{"type": "divider"}, {"type": "divider", "block_id": "mine"}]
    await client.chat_postMessage(channel="C0OPS", text="x", blocks=blocks)
    assert [block["block_id"] for block in workspace.messages("C0OPS")[0].blocks] == ["b0", "mine"]


async def test_an_edit_of_the_text_alone_leaves_the_blocks(workspace: Workspace, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="x", blocks=[{"type": "divider"}])
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y")
    assert len(workspace.messages("C0OPS")[0].blocks) == 1
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y", blocks=[])
    assert len(workspace.messages("C0OPS")[0].blocks) == 0


async def test_an_edit_that_says_nothing_is_refused(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="x")
    assert await refusal(client.api_call("chat.update", json={"channel": "C0OPS", "ts": posted["ts"]})) == "no_text"


async def test_a_reply_stands_in_its_thread(workspace: Workspace, client: AsyncWebClient) -> None:
    parent = await client.chat_postMessage(channel="C0OPS", text="run")
    await client.chat_postMessage(channel="C0OPS", text="line", thread_ts=parent["ts"])
    assert [message.thread_ts for message in workspace.messages("C0OPS")] == [None, parent["ts"]]


async def test_an_ephemeral_message_is_seen_by_one_person_and_cannot_be_edited(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    shown = await client.chat_postEphemeral(channel="C0OPS", user="U0GUEST", text="for you")
    assert [message.text for message in workspace.private("U0GUEST")] == ["for you"]
    assert (workspace.private("U0VIEWER"), workspace.messages("C0OPS")) == ((), ())
    edit = client.chat_update(channel="C0OPS", ts=shown["message_ts"], text="other")
    assert await refusal(edit) == "message_not_found"


async def test_posting_to_a_person_opens_direct_messages_without_another_scope(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel="U0OPERATOR", text="hello")
    assert posted["channel"] == "D0OPERATOR"
    assert [message.text for message in workspace.direct("U0OPERATOR")] == ["hello"]


async def test_without_the_messages_tab_direct_messages_are_refused(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    text = PLAIN.replace("messages_tab_enabled: true", "messages_tab_enabled: false")
    async with installed(tmp_path, text) as workspace:
        call = web_client(workspace, session).chat_postMessage(channel="U0OPERATOR", text="hello")
        assert await refusal(call) == "messages_tab_disabled"


async def test_a_permalink_names_channel_and_message(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="x")
    answer = await client.chat_getPermalink(channel="C0OPS", message_ts=posted["ts"])
    digits = posted["ts"].replace(".", "")
    assert answer["permalink"] == f"https://flatnet-lab.slack.com/archives/C0OPS/p{digits}"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("U0OPERATOR", {"team_id": "T0FLATNET", "locale": "ja-JP", "tz": "Asia/Tokyo", "tz_offset": 32400}),
        ("U0ADMIN", {"locale": "en-US", "is_restricted": False, "is_stranger": False, "deleted": False, "is_bot": False}),
        ("U0GUEST", {"is_restricted": True, "is_ultra_restricted": False}),
        ("U0VISITOR", {"is_restricted": True, "is_ultra_restricted": True}),
        ("U0STRANGER", {"is_stranger": True, "team_id": "T0OTHER"}),
        ("U0GONE", {"deleted": True}),
        ("U0FLATNET", {"is_bot": True}),
    ],
)
async def test_users_info_tells_what_a_person_is(client: AsyncWebClient, user: str, expected: dict[str, Any]) -> None:
    person = (await client.users_info(user=user, include_locale=True))["user"]
    assert {name: person[name] for name in expected} == expected


async def test_people_can_change_while_the_bot_works(workspace: Workspace, client: AsyncWebClient) -> None:
    [kenji] = [person for person in workspace.seed.people if person.id == "U0OPERATOR"]
    workspace.change_person(replace(kenji, kind=Kind.GUEST))
    assert (await client.users_info(user="U0OPERATOR"))["user"]["is_restricted"]


async def test_the_locale_is_told_only_when_asked_for(client: AsyncWebClient) -> None:
    assert "locale" not in (await client.users_info(user="U0OPERATOR"))["user"]


REFUSALS: list[tuple[str, Call]] = [
    ("not_in_channel", lambda client: client.chat_postMessage(channel="C0DEV", text="x")),
    ("channel_not_found", lambda client: client.chat_postMessage(channel="C0NOWHERE", text="x")),
    ("channel_not_found", lambda client: client.chat_postMessage(channel="C0BOARD", text="x")),
    ("channel_not_found", lambda client: client.chat_postMessage(channel="U0GONE", text="x")),
    ("is_archived", lambda client: client.chat_postMessage(channel="C0OLD", text="x")),
    ("no_text", lambda client: client.api_call("chat.postMessage", json={"channel": "C0OPS"})),
    ("invalid_blocks_format", lambda client: client.chat_postMessage(channel="C0OPS", text="x", blocks="[")),
    ("invalid_arguments", lambda client: client.api_call("chat.postMessage", json={"text": "x"})),
    ("invalid_arguments", lambda client: client.api_call("chat.postMessage", json={"channel": ["C0OPS"], "text": "x"})),
    ("message_not_found", lambda client: client.chat_update(channel="C0OPS", ts="1.000000", text="x")),
    ("message_not_found", lambda client: client.chat_delete(channel="C0OPS", ts="1.000000")),
    ("channel_not_found", lambda client: client.chat_update(channel="U0OPERATOR", ts="1.000000", text="x")),
    ("not_in_channel", lambda client: client.chat_postEphemeral(channel="C0DEV", user="U0ADMIN", text="x")),
    ("user_not_in_channel", lambda client: client.chat_postEphemeral(channel="C0OPS", user="U0STRANGER", text="x")),
    ("message_not_found", lambda client: client.chat_getPermalink(channel="C0OPS", message_ts="1.000000")),
    ("user_not_found", lambda client: client.users_info(user="U0NOBODY")),
    ("unknown_method", lambda client: client.api_call("chat.nonsense")),
]


@pytest.mark.parametrize(("error", "call"), REFUSALS)
async def test_what_slack_refuses_is_refused_with_its_error(client: AsyncWebClient, error: str, call: Call) -> None:
    assert await refusal(call(client)) == error


async def test_a_body_that_is_no_json_object_is_refused(workspace: Workspace, session: aiohttp.ClientSession) -> None:
    for body, error in [("{", "invalid_json"), ("[]", "json_not_object")]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {workspace.bot_token}"}
        async with session.post(f"{workspace.api_url}chat.postMessage", data=body, headers=headers) as answer:
            assert await answer.json() == {"ok": False, "error": error}


async def test_the_message_of_somebody_else_is_not_the_bots_to_change(workspace: Workspace, client: AsyncWebClient) -> None:
    said = await workspace.say("U0OPERATOR", "C0OPS", "mine")
    assert await refusal(client.chat_update(channel="C0OPS", ts=said.ts, text="x")) == "cant_update_message"
    assert await refusal(client.chat_delete(channel="C0OPS", ts=said.ts)) == "cant_delete_message"


async def test_membership_can_change_while_the_bot_works(workspace: Workspace, client: AsyncWebClient) -> None:
    workspace.invite_bot("C0DEV")
    posted = await client.chat_postMessage(channel="C0DEV", text="x")
    workspace.archive("C0DEV")
    assert await refusal(client.chat_update(channel="C0DEV", ts=posted["ts"], text="y")) == "is_inactive"
    workspace.remove_bot("C0DEV")
    assert await refusal(client.chat_update(channel="C0DEV", ts=posted["ts"], text="y")) == "not_in_channel"


async def test_a_missing_scope_is_named(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    text = PLAIN.replace('- "users:read"', "")
    async with installed(tmp_path, text) as workspace:
        with pytest.raises(SlackApiError) as refused:
            await web_client(workspace, session).users_info(user="U0OPERATOR")
        answer = refused.value.response
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "users:read",
            "channels:read,chat:write,commands,groups:read",
        )


async def test_a_channel_is_described_with_the_scope_of_its_kind(workspace: Workspace, client: AsyncWebClient) -> None:
    shared = (await client.conversations_info(channel="C0PARTNERS"))["channel"]
    assert (shared["is_ext_shared"], shared["is_member"]) == (True, True)
    ours = (await client.conversations_info(channel="C0DEV"))["channel"]
    assert (ours["is_ext_shared"], ours["is_member"]) == (False, False)
    assert await refusal(client.conversations_info(channel="C0BOARD")) == "channel_not_found"
    workspace.invite_bot("C0BOARD")
    assert (await client.conversations_info(channel="C0BOARD"))["channel"]["is_private"]
    await client.chat_postMessage(channel="U0ADMIN", text="x")
    assert await refusal(client.conversations_info(channel="D0ADMIN")) == "missing_scope"


async def test_direct_messages_are_opened_with_their_scope(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    text = PLAIN.replace("- commands", '- commands\n      - "im:write"')
    async with installed(tmp_path, text) as workspace:
        client = web_client(workspace, session)
        assert (await client.conversations_open(users=["U0OPERATOR"]))["channel"]["id"] == "D0OPERATOR"
        for user, error in [("U0GONE", "user_disabled"), ("U0FLATNET", "cannot_dm_bot"), ("U0NO", "user_not_found")]:
            assert await refusal(client.conversations_open(users=user)) == error


async def test_a_file_is_uploaded_in_three_steps(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    text = PLAIN.replace("- commands", '- commands\n      - "files:write"')
    async with installed(tmp_path, text) as workspace:
        client = web_client(workspace, session)
        answer = await client.files_upload_v2(channel="C0OPS", content="a,b\n", filename="a.csv", title="A")
        [file] = answer["files"]
        assert workspace.file(file["id"]) == b"a,b\n"
        assert workspace.messages("C0OPS")[0].files == (file["id"],)

        begun = await client.files_getUploadURLExternal(filename="b", length=3)
        early = client.files_completeUploadExternal(files=[{"id": begun["file_id"], "title": "B"}])
        assert await refusal(early) == "file_not_found"
        async with session.post(begun["upload_url"], data=b"too long") as refused:
            assert refused.status == 400


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ("", "not_authed"),
        ("Basic abc", "not_authed"),
        ("Bearer xoxb-other", "invalid_auth"),
        ("Bearer xapp-lab-app-token", "not_allowed_token_type"),
    ],
)
async def test_only_the_bots_token_opens_the_web_api(
    workspace: Workspace, session: aiohttp.ClientSession, authorization: str, error: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    async with session.post(f"{workspace.api_url}chat.postMessage", json={}, headers=headers) as answer:
        assert await answer.json() == {"ok": False, "error": error}


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive"])
async def test_tokens_can_be_revoked_while_the_app_runs(workspace: Workspace, client: AsyncWebClient, error: str) -> None:
    workspace.revoke_bot_token(error)
    workspace.revoke_app_token(error)
    assert await refusal(client.auth_test()) == error
    assert await refusal(client.apps_connections_open(app_token=workspace.app_token)) == error


async def test_a_channel_takes_a_burst_and_then_one_message_a_second(
    workspace: Workspace, client: AsyncWebClient, time: FakeTime
) -> None:
    async def post() -> Any:
        return await client.chat_postMessage(channel="C0OPS", text="x")

    for _ in range(5):
        await post()
    with pytest.raises(SlackApiError) as refused:
        await post()
    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "1")
    assert refused.value.response["error"] == "ratelimited"
    await client.chat_postMessage(channel="U0OPERATOR", text="elsewhere")
    time.elapsed += 1
    await post()
    assert len(workspace.messages("C0OPS")) == 6


async def test_a_method_takes_its_tiers_calls_a_minute(client: AsyncWebClient, time: FakeTime) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="x")
    for _ in range(50):
        await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y")
    time.elapsed = 20.0
    with pytest.raises(SlackApiError) as refused:
        await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y")
    assert refused.value.response.headers["Retry-After"] == "40"
    await client.users_info(user="U0OPERATOR")
    time.elapsed = 60.0
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y")


async def test_a_call_can_be_limited_broken_or_refused_by_name(workspace: Workspace, client: AsyncWebClient) -> None:
    workspace.faults.switch_on("chat.postMessage", RateLimited(7), times=1)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0OPS", text="x")
    assert refused.value.response.headers["Retry-After"] == "7"

    workspace.faults.switch_on("chat.postMessage", ServerError(502), times=1)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C0OPS", text="x")
    assert refused.value.response.status_code == 502

    workspace.faults.switch_on("chat.postMessage", Failing("fatal_error"), times=1)
    assert await refusal(client.chat_postMessage(channel="C0OPS", text="x")) == "fatal_error"

    assert workspace.messages("C0OPS") == ()
    await client.chat_postMessage(channel="C0OPS", text="x")
    assert [call.error for call in workspace.calls("chat.postMessage")] == ["RateLimited", "ServerError", "Failing", ""]


@pytest.mark.parametrize(("fault", "posted"), [(DropBefore(), 0), (DropAfter(), 1)])
async def test_a_connection_can_be_cut_before_or_after_the_effect(
    workspace: Workspace, client: AsyncWebClient, fault: DropBefore | DropAfter, posted: int
) -> None:
    workspace.faults.switch_on("chat.postMessage", fault, times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel="C0OPS", text="x")
    assert len(workspace.messages("C0OPS")) == posted


async def test_a_slow_call_is_carried_out_late(workspace: Workspace, client: AsyncWebClient) -> None:
    workspace.faults.switch_on("chat.postMessage", Slow(0.05))
    await client.chat_postMessage(channel="C0OPS", text="x")
    assert len(workspace.messages("C0OPS")) == 1


async def test_a_fault_stays_until_it_is_switched_off(workspace: Workspace, client: AsyncWebClient) -> None:
    workspace.faults.switch_on("users.info", Failing("internal_error"))
    for _ in range(3):
        assert await refusal(client.users_info(user="U0OPERATOR")) == "internal_error"
    assert workspace.faults.active() == {"users.info": Failing("internal_error")}
    workspace.faults.switch_off("users.info")
    await client.users_info(user="U0OPERATOR")


async def test_other_pages_can_be_served_beside_slack(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    path = tmp_path / "manifest.yml"
    path.write_text(PLAIN, encoding="utf-8")
    workspace = Workspace(path)
    await workspace.start(routes=[web.get("/", page)])
    async with session.get(workspace.base_url) as answer:
        assert await answer.text() == "hello"
    await workspace.stop()


@pytest.mark.parametrize("place", ["handshake", "delivery", "chat.nonsense"])
def test_a_fault_that_makes_no_sense_at_a_place_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        Faults().switch_on(place, Slow(1))
