"""What the app hears without being asked, with a real client at the other end."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.seed import BOT_USER
from tests.workspace.conftest import PLAIN, App, Connect, everything, installed, web_client

USER = "U0OPERATOR"
MENTION = f"<@{BOT_USER}> health"


@pytest.fixture
async def ears(full: Workspace, apps: Connect) -> App:
    """An app that hears everything."""
    app = apps(full)
    await app.connect()
    await full.seen(lambda: full.connections == 1)
    return app


@pytest.fixture
def api(full: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(full, session)


def heard(app: App) -> list[dict[str, Any]]:
    return [request.payload["event"] for request in app.got]


def kinds(app: App) -> list[str]:
    return [event.get("subtype", event["type"]) for event in heard(app)]


async def test_a_mention_comes_as_mention_and_as_message(full: Workspace, ears: App) -> None:
    message = await full.say(USER, "C0OPS", MENTION)
    mention, plain = heard(ears)
    assert (mention["type"], mention["user"], mention["ts"], mention["channel"]) == (
        "app_mention",
        USER,
        message.ts,
        "C0OPS",
    )
    assert (plain["type"], plain["channel_type"], "thread_ts" in mention) == ("message", "channel", False)


async def test_a_mention_beside_a_file_comes_as_message_alone(full: Workspace, ears: App) -> None:
    await full.share(USER, "C0OPS", ("log.txt", b"x"), text=MENTION)
    [event] = heard(ears)
    assert ("message", "file_share", MENTION) == (event["type"], event["subtype"], event["text"])


async def test_a_reply_that_is_sent_to_the_channel_too_says_so_in_both_events(full: Workspace, ears: App) -> None:
    parent = await full.say(USER, "C0OPS", "look")
    await full.broadcast(USER, "C0OPS", MENTION, parent.ts)
    assert [("message", ""), ("app_mention", "thread_broadcast"), ("message", "thread_broadcast")] == [
        (event["type"], event.get("subtype", "")) for event in heard(ears)
    ]


async def test_in_a_group_direct_message_a_mention_is_one(full: Workspace, ears: App) -> None:
    """The other messages there need `message.mpim`, to which this app does not subscribe."""
    group = full.talk_privately(USER, "U0ADMIN", BOT_USER)
    await full.say(USER, group, "look")
    await full.say(USER, group, MENTION)
    assert [("app_mention", group)] == [(event["type"], event["channel"]) for event in heard(ears)]


async def test_what_people_type_is_rewritten_before_the_app_reads_it(full: Workspace, ears: App) -> None:
    await full.type(USER, "C0OPS", "@alice see #ops: R&D <502> at http://host-a/x, host-b.example.com or ops@example.com")
    [event] = heard(ears)
    assert event["text"] == (
        "<@U0ADMIN> see <#C0OPS|ops>: R&amp;D &lt;502&gt; at <http://host-a/x>, "
        "<http://host-b.example.com|host-b.example.com> or <mailto:ops@example.com|ops@example.com>"
    )


@pytest.mark.parametrize(("marked", "text"), [(False, "tell @alice a &amp; b"), (True, "tell <@U0ADMIN|alice> a &amp; b")])
async def test_a_command_is_rewritten_as_the_manifest_wants(tmp_path: Path, apps: Connect, marked: bool, text: str) -> None:
    manifest = PLAIN.replace("usage_hint: health | help", f"should_escape: {str(marked).lower()}")
    async with installed(tmp_path, manifest) as workspace:
        app = apps(workspace)
        await app.connect()
        await workspace.type_command(USER, "C0OPS", "/flatnet tell @alice a & b")
        assert [text] == [request.payload["text"] for request in app.got]


async def test_an_event_whose_scope_was_not_granted_is_never_sent(tmp_path: Path, apps: Connect) -> None:
    path = tmp_path / "optional.yml"
    path.write_text(everything(optional=["channels:history"]))
    workspace = Workspace(path, withheld=frozenset({"channels:history"}))
    await workspace.start()
    app = apps(workspace)
    await app.connect()
    await workspace.say(USER, "C0OPS", MENTION)
    await app.close()
    await workspace.stop()
    assert ["app_mention"] == [event["type"] for event in heard(app)]


def test_only_an_optional_scope_can_be_withheld(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(everything())
    with pytest.raises(ValueError, match="does not call these scopes optional: chat:write"):
        Workspace(path, withheld=frozenset({"chat:write"}))


async def test_a_mention_in_a_thread_names_the_thread(full: Workspace, ears: App) -> None:
    parent = await full.say(USER, "C0OPS", "look")
    reply = await full.say(USER, "C0OPS", MENTION, parent.ts)
    assert [event.get("thread_ts") for event in heard(ears) if event["type"] == "app_mention"] == [parent.ts]
    assert full.thread("C0OPS", parent.ts) == (parent, reply)


async def test_direct_messages_are_all_for_the_app_and_no_mentions(full: Workspace, ears: App) -> None:
    await full.say(USER, "D0OPERATOR", MENTION)
    [event] = heard(ears)
    assert (event["type"], event["channel_type"], event["channel"]) == ("message", "im", "D0OPERATOR")


async def test_where_the_app_is_no_member_a_mention_reaches_nobody_and_the_person_learns_it(
    full: Workspace, ears: App
) -> None:
    await full.say(USER, "C0DEV", MENTION)
    assert heard(ears) == []
    assert "not in this channel" in full.private(USER)[0].text


async def test_what_the_app_says_changes_and_deletes_comes_back_to_it(
    full: Workspace, ears: App, api: AsyncWebClient
) -> None:
    posted = await api.chat_postMessage(channel=USER, text="checking")
    await api.chat_update(channel=posted["channel"], ts=posted["ts"], text="done")
    await api.chat_delete(channel=posted["channel"], ts=posted["ts"])
    await ears.received(3)
    own, changed, deleted = heard(ears)
    assert (own["bot_id"], own["text"]) == ("B0FLATNET", "checking")
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("done", "checking")
    assert deleted["deleted_ts"] == posted["ts"]


async def test_private_answers_are_no_events(full: Workspace, ears: App, api: AsyncWebClient) -> None:
    await api.chat_postEphemeral(channel="C0OPS", user=USER, text="for you")
    await full.say(USER, "C0OPS", "thanks")
    assert [event["text"] for event in heard(ears)] == ["thanks"]


HAPPENINGS: dict[str, tuple[Callable[[Workspace], None], list[str]]] = {
    "the app joins": (lambda workspace: workspace.invite_bot("C0DEV"), ["member_joined_channel"]),
    "somebody joins": (lambda workspace: workspace.join("U0STRANGER", "C0OPS"), ["member_joined_channel"]),
    "somebody joins elsewhere": (lambda workspace: workspace.join("U0GUEST", "C0DEV"), []),
    "somebody leaves": (lambda workspace: workspace.leave("U0GUEST", "C0OPS"), []),
    "a group gets people": (
        lambda workspace: workspace.change_group(replace(workspace.seed.groups[1], users=frozenset({"U0ADMIN"}))),
        ["subteam_updated", "subteam_members_changed"],
    ),
    "a group is disabled": (
        lambda workspace: workspace.change_group(replace(workspace.seed.groups[1], disabled=True)),
        ["subteam_updated"],
    ),
    "the token is revoked": (lambda workspace: workspace.revoke_bot_token(), ["tokens_revoked"]),
    "the app is removed": (lambda workspace: workspace.uninstall(), ["tokens_revoked", "app_uninstalled"]),
}


@pytest.mark.parametrize(("happen", "expected"), HAPPENINGS.values(), ids=HAPPENINGS.keys())
async def test_what_happens_in_the_workspace_is_told(
    full: Workspace, ears: App, happen: Callable[[Workspace], None], expected: list[str]
) -> None:
    happen(full)
    await ears.received(len(expected))
    await full.say(USER, "C0OPS", "and nothing else")
    assert kinds(ears) == [*expected, "message"]


async def test_a_changed_group_says_who_came_and_who_went(full: Workspace, ears: App) -> None:
    full.change_group(replace(full.seed.groups[1], users=frozenset({"U0ADMIN"})))
    await ears.received(2)
    updated, changed = heard(ears)
    assert (updated["subteam"]["users"], updated["subteam"]["date_delete"]) == (["U0ADMIN"], 0)
    assert (changed["added_users"], changed["removed_users"]) == (["U0ADMIN"], ["U0OPERATOR"])


async def test_a_slash_command_does_not_work_in_a_thread(full: Workspace, ears: App) -> None:
    parent = await full.say(USER, "C0OPS", "look")
    delivery = await full.slash(USER, "C0OPS", "health", thread_ts=parent.ts)
    assert (delivery.attempts, kinds(ears)) == (0, ["message"])
    [told] = full.private(USER)
    assert (told.text, told.thread_ts) == ("/flatnet is not supported in threads. Sorry!", parent.ts)


async def test_nobody_writes_to_an_app_that_does_not_read(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="turned off"):
        await workspace.say(USER, "D0OPERATOR", "hello")
