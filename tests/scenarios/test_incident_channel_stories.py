"""What people live through who open an incident in a channel of its own, at night, in a hurry, and with a bot that dies."""

import asyncio

import pytest

from bot.control.client import ask as ask_socket
from bot.model.request import Surface
from tests.lab.workspace.faults import Failing, Slow
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, Channel
from tests.scenarios.conftest import PATIENCE, Build, Town, ask
from tests.scenarios.forks import bot_process
from tests.scenarios.test_slack_stories import ADMIN, OPERATOR, OPS, shown

OPENS = 'incident open "ゲートウェイが 502" host-a --new'
DIRECT = "D0OPERATOR"


def made(town: Town) -> list[Channel]:
    """The channels that the bot has made."""
    return [each for each in town.workspace.conversations(BOT_USER) if each.creator == BOT_USER and not each.direct]


async def lines(town: Town, channel: str) -> tuple[Message, ...]:
    """What all in a channel read once nothing is under way."""
    await town.at_rest()
    return town.workspace.messages(channel)


async def openings(town: Town, channel: str) -> list[Message]:
    """The messages that say what commands mean in a channel from then on; its status is another one."""
    return [each for each in await lines(town, channel) if "このチャンネルでの今後の動作" in shown(each.blocks)]


def incident_events(town: Town) -> list[str]:
    return [event["data"]["incident"] for event in town.events() if event["kind"] == "incident"]


@pytest.mark.parametrize("place", [OPS, DIRECT])
async def test_somebody_is_led_to_a_channel_that_is_about_the_fault(town: Build, place: str) -> None:
    """The link for whoever asked; the incident's own line for all there; looks there are about its hosts."""
    async with town(hosts=2) as t, t.bot():
        if place == DIRECT:
            await t.workspace.open_home(OPERATOR, "messages")
        answer = await t.private_answer(OPERATOR, place, OPENS)
        [channel] = made(t)
        assert channel.name.endswith(operation_in(t))
        assert (True, False) == (channel.private, "502" in channel.name)
        assert {BOT_USER, OPERATOR} == channel.members
        assert "ゲートウェイが 502 · host-a" == channel.topic
        assert f"チャンネル: <#{channel.id}>" in answer.text
        assert f"チャンネル: <#{channel.id}>" in shown(answer.blocks)
        [told] = await openings(t, channel.id)
        assert "インシデント 1「ゲートウェイが 502」" in told.text
        assert "kenji が開始" in shown(told.blocks)
        assert f"<#{channel.id}>" not in shown(told.blocks)
        await t.workspace.slash(OPERATOR, channel.id, "health")
        words = "`/flatnet health host-a --here`"
        await t.workspace.seen(
            lambda: any(words in shown(each.blocks) for each in t.workspace.messages(channel.id)), timeout=PATIENCE
        )
        assert () == t.workspace.messages(OPS)
        assert ["making a channel", "opened", "snapshot"] == incident_events(t)


def operation_in(town: Town) -> str:
    """The characters of the opening operation's id that its channel ends with."""
    [opened] = [event for event in town.events() if event["data"].get("incident") == "opened"]
    return str(opened["operation"].removeprefix("op-")[:6])


async def test_with_here_all_in_the_channel_see_where_it_goes_on(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        await t.workspace.slash(OPERATOR, OPS, f"{OPENS} --public --agree --here")
        await t.workspace.seen(lambda: t.workspace.messages(OPS), timeout=PATIENCE)
        [channel] = made(t)
        assert f"<#{channel.id}>" in (await lines(t, OPS))[0].text


async def test_two_people_at_once_meet_in_one_channel(town: Build) -> None:
    """The second one is asked to join, finds it by its number, and is not put into it unasked."""
    async with town(hosts=1) as t, t.bot():
        words = f"{OPENS} --public --agree"
        first, second = await asyncio.gather(t.private_answer(OPERATOR, OPS, words), t.private_answer(ADMIN, OPS, words))
        [channel] = made(t)
        assert "-ゲートウェイが-502-" in channel.name
        assert 1 == sum(f"<#{channel.id}>" in each.text for each in (first, second))
        assert f"<#{channel.id}>" in (await t.private_answer(ADMIN, OPS, "incident show 1")).text
        assert 1 == len(channel.members & {OPERATOR, ADMIN})


@pytest.mark.slow
@pytest.mark.parametrize("method", ["conversations.create", "conversations.invite"])
async def test_a_bot_that_dies_in_between_leaves_one_channel_and_the_next_one_one_incident(town: Build, method: str) -> None:
    """Killed (-9) while Slack works: before there is a channel, or after it and before there is an incident."""
    async with town(hosts=1) as t:
        t.workspace.faults.switch_on(method, Slow(2.5), times=1)
        async with bot_process(t) as bot:
            await bot.says("connected")
            await t.workspace.slash(OPERATOR, OPS, OPENS)
            await t.workspace.seen(lambda: method not in t.workspace.faults.active(), timeout=PATIENCE)
        await t.workspace.seen(lambda: t.workspace.calls(method), timeout=PATIENCE)  # Slack ends what it has begun
        async with t.bot():
            answer = (await t.workspace.seen(lambda: t.answers(OPERATOR), timeout=PATIENCE))[-1]
            [channel] = made(t)
            assert f"<#{channel.id}>" in answer.text
            assert {BOT_USER, OPERATOR} == channel.members
            assert 1 == len(await openings(t, channel.id))
            assert [1, 1] == [incident_events(t).count(each) for each in ("opened", "snapshot")]
            assert "making a channel" == incident_events(t)[0]


@pytest.mark.parametrize(
    ("code", "says"),
    [("missing_scope", "groups:write"), ("restricted_action", "ワークスペースの管理者に依頼してください")],
)
async def test_where_the_bot_may_make_none_an_incident_is_opened_in_a_channel_that_is_there(
    town: Build, code: str, says: str
) -> None:
    async with town(hosts=1) as t, t.bot():
        t.workspace.faults.switch_on("conversations.create", Failing(code))
        answer = await t.private_answer(OPERATOR, OPS, OPENS)
        assert says in answer.text
        assert "--new を付けなければ、入力した場所で開始します" in answer.text
        assert ([], ["making a channel", "no channel"]) == (made(t), incident_events(t))
        question = await t.private_answer(OPERATOR, OPS, OPENS.removesuffix(" --new"))
        assert "まだ開始していません" in question.text
        assert ([], ()) == (made(t), t.workspace.messages(OPS))
        await t.workspace.slash(OPERATOR, OPS, OPENS.replace("--new", "--results everyone"))
        await t.workspace.seen(lambda: t.workspace.messages(OPS), timeout=PATIENCE)
        assert "インシデント 1" in t.workspace.messages(OPS)[0].text


async def test_in_direct_messages_one_is_opened_without_a_channel(town: Build) -> None:
    async with town(hosts=1) as t, t.bot():
        await t.workspace.open_home(OPERATOR, "messages")
        answer = await t.private_answer(OPERATOR, DIRECT, 'incident open "502"')
        assert "インシデント 1「502」" in answer.text
        assert "推定原因: 不明" in shown(answer.blocks)
        assert ([], ()) == (made(t), t.workspace.messages(OPS))


async def test_from_a_terminal_the_channel_is_named_and_whoever_is_known_in_slack_is_in_it(town: Build) -> None:
    async with town(hosts=1) as t:
        async with t.bot() as house:
            unknown = await ask(house, OPENS)
            assert "has no Slack ID under [[people]]." in unknown.model_dump_json()
        t.edit('name = "me"\n', 'name = "me"\nslack = ["U0MEMBER"]\n')
        async with t.bot():
            told = await ask_socket(t.settings.control_socket, OPENS, Surface.DO)
            assert told is not None
            [channel] = made(t)
            assert channel.name in told.model_dump_json()
            assert {BOT_USER, "U0MEMBER"} == channel.members
