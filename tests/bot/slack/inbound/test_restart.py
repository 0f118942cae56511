"""The bot ends, in good order or not, and begins again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.model.request import Answer, Request
from bot.rendering.slack.blocks import SlackMessage
from bot.slack.inbound.worker import MAX_ATTEMPTS, MAX_NEWS
from bot.slack.outbound.message import Address, build_post
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import Outbox
from bot.store.outbox_values import Post
from tests.bot.slack.conftest import House, start, well
from tests.lab.workspace.faults import Failing


async def _stuck(request: Request) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError(request)


async def _killed_while_working(house: House) -> None:
    """A bot that took a command, acked it, and ended before there was an answer."""
    house.desk.answer = _stuck
    surface = house.surface()
    await start(surface)
    delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    assert delivery.in_time
    await house.until(lambda: house.desk.requests)
    await surface.close(0.0)


async def test_a_command_that_was_acked_before_the_end_is_answered_once_after_the_start(house: House) -> None:
    await _killed_while_working(house)
    assert () == house.workspace.private("U0ADMIN")
    house.desk.answer = well
    async with house.bot():
        [text] = await house.private("U0ADMIN")
        await house.settled()
    async with house.bot():
        await house.settled()
    assert "3 hosts are healthy" in text
    assert 1 == len(house.workspace.private("U0ADMIN"))
    assert 1 == len({request.key for request in house.desk.requests})


class _Dying(Outbox):
    """Keeps an answer; then the bot ends before it can do anything else."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database, house.time.now)
        self.kept = asyncio.Event()

    async def add(self, post: Post, answers: str = "", sequels: Sequence[Post] = ()) -> int:
        await super().add(post, answers, sequels)
        self.kept.set()
        return await asyncio.Event().wait()


async def test_a_command_whose_answer_was_kept_before_the_end_is_answered_once_after_the_start(house: House) -> None:
    outbox = _Dying(house)
    surface = house.surface(rows=replace(house.rows, outbox=outbox))
    await start(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    await outbox.kept.wait()
    await surface.close(0.0)
    async with house.bot():
        await house.private("U0ADMIN")
        await house.settled()
    assert 1 == len(house.desk.requests)
    assert 1 == len(house.workspace.private("U0ADMIN"))


async def test_an_answer_after_half_an_hour_comes_as_a_direct_message_that_says_why(house: House) -> None:
    await _killed_while_working(house)
    house.desk.answer = well
    house.time.move(31 * 60)
    async with house.bot():
        [text] = await house.direct("U0ADMIN")
    assert "3 hosts are healthy" in text
    assert "Sent as a direct message because replies are no longer possible there." in text
    assert () == house.workspace.private("U0ADMIN")


async def test_a_command_that_breaks_the_bot_each_time_ends_with_a_reference(house: House) -> None:
    def broken(request: Request) -> Answer:
        raise RuntimeError("a bug")

    house.desk.answer = broken
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        [text] = await house.private("U0ADMIN")
        await house.settled()
    assert MAX_ATTEMPTS == len(house.desk.requests)
    assert "Something went wrong (reference" in text
    assert "a bug" not in text


async def test_a_command_that_ends_the_bot_each_time_is_given_up_too(house: House) -> None:
    await _killed_while_working(house)
    for _ in range(MAX_ATTEMPTS - 1):
        house.desk.requests.clear()
        surface = house.surface()
        await start(surface)
        await house.until(lambda: house.desk.requests)
        await surface.close(0.0)
    house.desk.requests.clear()
    async with house.bot():
        [text] = await house.private("U0ADMIN")
    assert "Something went wrong (reference" in text
    assert [] == house.desk.requests


class _Counting(Inbox):
    """Counts what is begun and not finished yet."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database)
        self.begun: list[str] = []
        self.open: set[str] = set()
        self.most_news = 0

    async def begin(self, key: str) -> int | None:
        self.begun.append(key)
        self.open.add(key)
        self.most_news = max(self.most_news, sum(each.startswith("home") for each in self.open))
        return await super().begin(key)

    async def finish(self, key: str, at: datetime) -> None:
        await super().finish(key, at)
        self.open.discard(key)


async def test_tabs_that_were_opened_meanwhile_come_after_the_commands_and_a_few_at_a_time(house: House) -> None:
    await _killed_while_working(house)
    inbox, before = _Counting(house), house.time.now() - timedelta(seconds=1)
    for number in range(3 * MAX_NEWS):
        opened = {"event": f"Ev{number}", "team": "T0FLATNET", "user": "U0ADMIN"}
        await inbox.add(Delivery(f"home Ev{number}", "home", opened, before))
    house.desk.answer = well
    async with house.bot(replace(house.rows, inbox=inbox)):
        await house.private("U0ADMIN")
        await house.settled()
    assert (False, 1 + 3 * MAX_NEWS, MAX_NEWS) == (inbox.begun[0].startswith("home"), len(inbox.begun), inbox.most_news)


async def test_a_message_that_was_being_sent_at_the_end_is_sent_again_and_says_so(house: House) -> None:
    post = build_post("op", Address(user="U0ADMIN"), SlackMessage("3 hosts are healthy", ()), house.time.now())
    await house.rows.outbox.begin_sending([await house.rows.outbox.add(post)])
    async with house.bot():
        [text] = await house.direct("U0ADMIN")
    assert "3 hosts are healthy\nSent again: Slack did not confirm the first attempt." == text


async def test_work_under_way_is_finished_before_the_bot_ends(house: House) -> None:
    async def slow(request: Request) -> Answer:
        await asyncio.sleep(0.05)
        return well(request)

    house.desk.answer = slow
    surface = house.surface()
    await start(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    await surface.close(2.0)
    assert 1 == len(house.workspace.private("U0ADMIN"))
    assert 0 == house.workspace.connections


async def test_nothing_is_taken_once_the_end_has_begun(house: House) -> None:
    surface = house.surface()
    await start(surface)
    await surface.close(0.0)
    delivery = await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    assert 0 == delivery.attempts


async def test_what_ended_long_ago_is_forgotten_day_by_day(house: House) -> None:
    house.workspace.faults.switch_on("response_url", Failing("used_url"))
    house.workspace.faults.switch_on("chat.postMessage", Failing("user_not_found"))
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await house.until(lambda: house.workspace.calls("chat.postMessage"))
        await house.settled()
        assert 1 == len(await house.rows.outbox.list_undeliverable())
        async with asyncio.timeout(2):
            while await house.rows.outbox.list_undeliverable():
                house.time.move(24 * 3600)
