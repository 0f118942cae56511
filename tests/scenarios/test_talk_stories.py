"""What people live through who talk to the bot: mentions, direct messages, the home tab, user groups, progress."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.home.slack import CHECK_ACTION
from tests.lab.faults import Fault
from tests.lab.workspace.faults import RateLimited
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import UserGroup
from tests.scenarios.conftest import PATIENCE, SIDES, Build, Town

OPS, PARTNERS = "C0OPS", "C0PARTNERS"
ADMIN, VIEWER, MEMBER, GUEST, STRANGER = "U0ADMIN", "U0VIEWER", "U0MEMBER", "U0GUEST", "U0STRANGER"
BOT = "<@U0FLATNET>"
WATCH = UserGroup("S0WATCH", "watch", "The watch", frozenset({MEMBER}))


async def answered(t: Town, channel: str, ts: str, count: int = 2) -> Message:
    """The last message of a thread, once there are so many and the hosts are no longer awaited."""

    def found() -> Message | None:
        thread = t.workspace.thread(channel, ts)
        return thread[-1] if len(thread) >= count and thread[-1].blocks else None

    message = await t.workspace.seen(found, timeout=PATIENCE)
    assert message is not None
    return message


async def told(t: Town, user: str, words: str) -> Message:
    """What the bot says in the direct message, once it is the whole answer."""
    channel = f"D{user[1:]}"
    await t.workspace.open_home(user, "messages")
    before = len(t.workspace.direct(user))
    await t.workspace.say(user, channel, words)
    await t.workspace.seen(lambda: t.workspace.direct(user)[before + 1 :], timeout=PATIENCE)
    await t.at_rest()
    return t.workspace.direct(user)[before + 1]


def shown(message: Message) -> str:
    return message.text + json.dumps(message.blocks, ensure_ascii=False)


async def home(t: Town, user: str) -> str:
    """The home tab, as it is published when it is opened."""
    before = len(t.workspace.calls("views.publish"))
    await t.workspace.open_home(user)
    await t.workspace.seen(lambda: len(t.workspace.calls("views.publish")) > before, timeout=PATIENCE)
    view = t.workspace.home(user)
    assert view is not None
    return json.dumps(view.blocks, ensure_ascii=False)


@asynccontextmanager
async def with_watch(town: Build) -> AsyncIterator[Town]:
    """A town whose user group "watch" gives the role security."""
    async with town(hosts=1) as t:
        t.config.write_text(t.config.read_text() + '\n[[groups]]\nslack = "S0WATCH"\nroles = ["security"]\n')
        t.workspace.change_group(WATCH)
        async with t.bot():
            yield t


async def test_a_mention_is_answered_in_its_thread_and_a_second_one_too(town: Build) -> None:
    """In the channel's language, and nothing beside it."""
    async with town(hosts=2) as t, t.bot():
        first = await t.workspace.say(ADMIN, OPS, f"{BOT} health")
        assert "2 台すべて正常です" in (await answered(t, OPS, first.ts)).text
        await t.workspace.say(VIEWER, OPS, f"{BOT} —health host–a", first.ts)
        await answered(t, OPS, first.ts, 4)
        assert (first,) == tuple(message for message in t.workspace.messages(OPS) if message.thread_ts is None)


async def test_a_direct_message_is_answered_in_the_person_s_language(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        assert "All 2 hosts are healthy" in (await told(t, ADMIN, "health")).text
        assert "2 台すべて正常です" in (await told(t, VIEWER, f"{BOT} health")).text
        assert 2 == len(t.events())


@pytest.mark.parametrize(("user", "channel"), [(GUEST, OPS), (STRANGER, PARTNERS)])
async def test_guests_and_strangers_are_refused_where_only_they_see_it(town: Build, user: str, channel: str) -> None:
    """With the reason, an event in the audit log, and nothing in the channel."""
    async with town(hosts=1) as t, t.bot():
        said = await t.workspace.say(user, channel, f"{BOT} health")
        refusal = (await t.workspace.seen(lambda: t.workspace.private(user), timeout=PATIENCE))[-1]
        await t.at_rest()
        assert "host-a" not in shown(refusal)
        assert (said,) == t.workspace.messages(channel)
        assert ["refusal"] == [event["kind"] for event in t.events()]
        assert 0 == t.connections


async def test_a_shared_channel_learns_nothing_of_what_a_member_asks_there(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        said = await t.workspace.say(ADMIN, PARTNERS, f"{BOT} health")
        answer = (await t.workspace.seen(lambda: t.answers(ADMIN), timeout=PATIENCE))[-1]
        assert "2 台すべて正常です" in answer.text
        assert (said,) == t.workspace.messages(PARTNERS)


async def test_a_user_group_gives_a_role_until_somebody_takes_it_away(town: Build) -> None:
    """The event counts at once; the audit log and `whoami` name the group."""
    async with with_watch(town) as t:
        assert "group S0WATCH" in shown(await told(t, MEMBER, "whoami"))
        t.workspace.change_group(replace(WATCH, users=frozenset()))
        await asyncio.sleep(0.2)
        assert "S0WATCH" not in shown(await told(t, MEMBER, "whoami"))


async def test_a_deleted_group_gives_nothing(town: Build) -> None:
    async with with_watch(town) as t:
        t.workspace.change_group(replace(WATCH, disabled=True))
        await asyncio.sleep(0.2)
        answer = shown(await told(t, MEMBER, "whoami"))
        assert "S0WATCH" not in answer
        assert "security" not in answer


@pytest.mark.slow
async def test_a_viewer_and_an_administrator_see_their_own_home(town: Build) -> None:
    """In their languages; a check that somebody asked for is at a glance in both, without asking a host again."""
    async with town(hosts=2) as t, t.bot():
        assert "全ホストの確認結果はまだありません" in await home(t, VIEWER)
        await t.private_answer(ADMIN, OPS, "health")
        asked = t.connections
        viewer, admin = await home(t, VIEWER), await home(t, ADMIN)
        assert "2 台すべて正常です" in viewer
        assert "All 2 hosts are healthy" in admin
        assert "viewer" in viewer
        assert "administrator" in admin
        assert asked == t.connections


@pytest.mark.slow
async def test_the_home_tab_checks_at_a_press_and_a_limited_rate_only_delays_it(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        await home(t, ADMIN)
        view = t.workspace.home(ADMIN)
        assert view is not None
        t.workspace.faults.switch_on("views.publish", RateLimited(1), times=1)
        await t.workspace.act(ADMIN, view, CHECK_ACTION)
        await t.workspace.seen(
            lambda: "All 2 hosts are healthy" in json.dumps(getattr(t.workspace.home(ADMIN), "blocks", ())), timeout=PATIENCE
        )
        assert () == t.workspace.direct(ADMIN)


@pytest.mark.slow
async def test_a_hanging_host_is_named_then_judged_in_the_same_message_and_that_is_announced(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        for side in SIDES:
            t.fleet["host-b"].wire(side).fault = Fault.HANG
        said = await t.workspace.say(ADMIN, OPS, f"{BOT} health")
        [_, waiting] = await t.workspace.seen(
            lambda: thread if len(thread := t.workspace.thread(OPS, said.ts)) == 2 else (), timeout=PATIENCE
        )
        assert waiting.text.endswith("2 台中 1 台から応答がありました。応答待ち: host-b")
        await t.at_rest()
        [_, judged, ready] = t.workspace.thread(OPS, said.ts)
        assert waiting.ts == judged.ts
        assert "host-b" in judged.text
        assert judged.blocks
        assert f"<@{ADMIN}>" in ready.text
