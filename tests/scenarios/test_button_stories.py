"""What people do with an answer and without words: buttons, pages, files, the menu and the form."""

import pytest

from tests.lab.workspace.message import Message
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.test_slack_stories import ADMIN, OPERATOR, OPS, let_a_container_exit, shown, stop_nebula, unplug

EVERY_HOST = 254


def asked(town: Town) -> int:
    """How often any host was asked for anything: a connection that stands is no excuse."""
    return town.connections + sum(sum(host.windows.requests.values()) for host in town.fleet.hosts)


async def pressed(town: Town, user: str, message: Message, action: str, now: str) -> Message:
    """The same message after a click, once it shows `now`."""
    await town.workspace.click(user, message, action)

    def found() -> Message | None:
        seen = [*town.workspace.private(user), *town.workspace.messages(message.channel)]
        return next((each for each in seen if each.ts == message.ts and now in shown(each.blocks)), None)

    after = await town.workspace.seen(found, timeout=PATIENCE)
    assert after is not None
    return after


async def test_details_and_back_ask_no_host_again(town: Build) -> None:
    """In Japanese for the operator; the answer is of the moment when it was asked, whatever happens since."""
    async with town(hosts=3) as t, t.bot():
        stop_nebula(t, "host-b")
        first = await t.private_answer(OPERATOR, OPS, "health")
        before = asked(t)
        stop_nebula(t, "host-a")
        long = await pressed(t, OPERATOR, first, "show.details", "Windows のバージョン")
        assert "詳細を隠す" in shown(long.blocks)
        full = await pressed(t, OPERATOR, long, "show.all", "*host-a* 正常")
        short = await pressed(t, OPERATOR, full, "show.less", '"詳細"')
        assert "Windows のバージョン" not in shown(short.blocks)
        assert before == asked(t)
        assert 1 == len(t.events())


@pytest.mark.slow
async def test_every_host_of_the_largest_fleet_is_a_click_away(town: Build) -> None:
    """254 hosts, no two alike: on pages, and all of them in one file; nobody is asked again."""
    async with town(hosts=EVERY_HOST) as t, t.bot():
        for host in t.fleet.hosts:
            let_a_container_exit(t, host.name)
        message = await t.private_answer(ADMIN, OPS, "health")
        before = asked(t)
        message = await pressed(t, ADMIN, message, "show.all", "page 1 of 26")
        seen = set[str]()
        for page in range(1, 27):
            seen |= {host.name for host in t.fleet.hosts if f"*{host.name}*" in shown(message.blocks)}
            if page < 26:
                message = await pressed(t, ADMIN, message, "show.after", f"page {page + 1} of 26")
        assert EVERY_HOST == len(seen)
        await t.workspace.click(ADMIN, message, "file")
        await t.workspace.seen(lambda: any(each.files for each in t.workspace.direct(ADMIN)), timeout=PATIENCE)
        [file] = next(each.files for each in t.workspace.direct(ADMIN) if each.files)
        content = t.workspace.file(file)
        assert content is not None
        assert EVERY_HOST + 1 == len(content.decode("utf-8-sig").splitlines())
        assert EVERY_HOST > asked(t) - before, "the bot's own half-hourly check goes on meanwhile, host by host"


async def test_a_public_answer_is_turned_in_its_place_by_whoever_may_ask(town: Build) -> None:
    """By the operator, in the language of the channel; it keeps saying who asked."""
    async with town(hosts=2) as t, t.bot():
        await t.workspace.slash(ADMIN, OPS, "health --here")
        first = (await t.workspace.seen(lambda: t.workspace.messages(OPS), timeout=PATIENCE))[-1]
        long = await pressed(t, OPERATOR, first, "show.details", "Windows のバージョン")
        assert f"<@{ADMIN}>" in shown(long.blocks)
        assert 1 == len(t.workspace.messages(OPS))


async def test_an_answer_survives_a_restart_of_the_bot(town: Build) -> None:
    """Another bot, the same database: the button still works, and the hosts are not asked."""
    async with town(hosts=2) as t:
        async with t.bot():
            first = await t.private_answer(ADMIN, OPS, "health")
        before = asked(t)
        async with t.bot():
            await pressed(t, ADMIN, first, "show.details", "Windows version")
        assert before == asked(t)


async def test_the_way_from_the_menu_through_the_form_to_the_answer(town: Build) -> None:
    """Without a single word: for somebody who has never used it."""
    async with town(hosts=3) as t, t.bot():
        menu = await t.private_answer(OPERATOR, OPS, "")
        assert "何をしますか" in menu.text
        await t.workspace.click(OPERATOR, menu, "form")
        await t.workspace.seen(lambda: t.workspace.view(OPERATOR), timeout=PATIENCE)
        sent = await t.workspace.submit(OPERATOR, {"health.target": ["host-b"], "health.flags": ["details"]})
        assert {} == sent.errors
        answer = (await t.workspace.seen(lambda: t.answers(OPERATOR)[1:], timeout=PATIENCE))[-1]
        assert "`/flatnet health host-b --details`" in shown(answer.blocks)
        assert ["health host-b --details"] == [event["data"]["understood"] for event in t.events()]


async def test_words_worth_typing_next_are_a_click_away(town: Build) -> None:
    """What mends comes first, the worst before all; the button asks for it in that person's name."""
    async with town(hosts=2) as t, t.bot():
        stop_nebula(t, "host-a")
        unplug(t, "host-b")
        first = await t.private_answer(ADMIN, OPS, "health")
        offered = [each["text"]["text"] for block in first.blocks for each in block.get("elements", ()) if "value" in each]
        assert ["Start Nebula on host-a", "Check host-b (details)"] == [each for each in offered if "host-" in each][:2]
        await t.workspace.click(ADMIN, first, "run.1")
        answer = (await t.workspace.seen(lambda: t.answers(ADMIN)[1:], timeout=PATIENCE))[-1]
        assert "`/flatnet health host-b --details`" in shown(answer.blocks)
        assert ["alice", "alice"] == [event["actor"] for event in t.events()]
