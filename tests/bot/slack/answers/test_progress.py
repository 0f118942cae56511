"""Progress: what is still awaited, edited in place, seldom, and then the answer in its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.phrase import Phrase
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.rendering import chart_process
from bot.rendering.slack.progress import MAX_NAMED_HOSTS, render_awaited_hosts
from bot.slack.answers.responder import PROGRESS_DELAY
from bot.slack.outbound.sender import EDIT_INTERVAL
from commands.model.operation import Progress, ReadProgress, ignore_progress
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.slack.answers.test_charts import PNG, REPORT, images
from tests.bot.slack.conftest import PATIENCE, House, ScriptedDesk, start
from tests.bot.slack.inbound.test_click import answering
from tests.lab.workspace.faults import Failing, RateLimited
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER

BOT = "<@U0FLATNET>"


def seen(*awaited: str, total: int = 2) -> ReadProgress:
    """Progress of a read that still awaits these hosts."""
    return ReadProgress(total, awaited)


@dataclass
class LookingDesk(ScriptedDesk):
    """Looks at hosts as long as the test says, and tells who is awaited."""

    told: Progress = ignore_progress
    looking: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        self.told = progress
        self.looking.set()
        await self.done.wait()
        return await super().handle(request, progress)


@pytest.fixture
def desk() -> LookingDesk:
    return LookingDesk()


@pytest.fixture
async def ask(house: House, desk: LookingDesk) -> AsyncIterator[Callable[[], Message]]:
    """Somebody mentions the bot, and it looks at two hosts; what all see below it."""
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
        await desk.looking.wait()
        desk.told(seen("host-a", "host-b"))

        def find() -> Message:
            return house.workspace.thread("C0OPS", said.ts)[-1]

        yield find


async def moved(house: House, seconds: float) -> None:
    """Time passes, and what it wakes is done."""
    await house.time.asleep()
    house.time.move(seconds)
    await asyncio.sleep(0.05)


async def test_what_takes_longer_than_a_second_names_who_is_awaited_and_becomes_the_answer(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    """One message, edited in place."""
    await house.moving(lambda: "Waiting for 2 hosts: host-a and host-b" in ask().text, step=PROGRESS_DELAY)
    shown = ask()
    desk.told(seen("host-b"))
    await house.moving(lambda: "Waiting for 1 host: host-b" in ask().text, step=EDIT_INTERVAL)
    desk.done.set()
    await house.moving(lambda: ask().text == "3 hosts are healthy")
    assert shown.ts == ask().ts
    assert 1 == len(house.workspace.calls("chat.postMessage"))


async def test_what_is_answered_within_a_second_shows_no_progress(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    desk.done.set()
    await house.until(lambda: ask().text == "3 hosts are healthy")
    assert () == house.workspace.calls("chat.update")


async def test_it_is_edited_at_most_once_in_three_seconds_and_not_without_news(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    def count_edits() -> int:
        return len(house.workspace.calls("chat.update"))

    await moved(house, PROGRESS_DELAY)
    began, awaited = house.time.elapsed, [f"host-{n}" for n in range(1000)]
    async with asyncio.timeout(PATIENCE):
        while count_edits() < 4:
            desk.told(seen(*awaited, total=1000))
            awaited.pop()
            await moved(house, 1.0)
            assert count_edits() <= (house.time.elapsed - began) / 3.0 + 1
    edits = count_edits()
    for _ in range(6):
        await moved(house, 1.0)
    assert edits + 1 >= count_edits()


async def test_a_message_that_was_deleted_meanwhile_is_posted_anew(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    await moved(house, PROGRESS_DELAY)
    house.workspace.faults.switch_on("chat.update", Failing("message_not_found"))
    desk.done.set()
    await house.moving(lambda: ask().text == "3 hosts are healthy")
    assert 2 == len(house.workspace.calls("chat.postMessage"))


async def test_a_courtesy_that_slack_does_not_take_costs_nothing(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    """It is not tried again, nobody is told of it, and the answer comes."""
    house.workspace.faults.switch_on("chat.postMessage", RateLimited(1), times=1)
    await moved(house, PROGRESS_DELAY)
    desk.done.set()
    await house.moving(lambda: ask().text == "3 hosts are healthy")
    assert () == house.workspace.direct("U0ADMIN")


async def test_in_a_channel_shared_with_others_there_is_no_progress_and_one_private_answer(
    house: House, desk: LookingDesk
) -> None:
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", "C0PARTNERS", f"{BOT} health")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await moved(house, PROGRESS_DELAY)
        desk.told(seen())
        await moved(house, EDIT_INTERVAL)
        desk.done.set()
        await house.moving(lambda: house.workspace.private("U0ADMIN"))
        assert 1 == len(house.workspace.private("U0ADMIN"))
        assert (said,) == house.workspace.messages("C0PARTNERS")


async def test_the_bot_removed_while_it_looks_answers_the_person_once(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    await moved(house, PROGRESS_DELAY)
    house.workspace.remove_bot("C0OPS")
    house.time.move(300)  # longer than a channel is taken to be as it was
    desk.told(seen("host-b"))
    await moved(house, EDIT_INTERVAL)
    desk.done.set()
    await house.moving(lambda: house.workspace.direct("U0ADMIN"))
    [told] = house.workspace.direct("U0ADMIN")
    assert "/invite @flatnet" in told.text


async def test_a_refusal_leaves_no_trace_in_the_channel_however_long_it_takes(house: House, desk: LookingDesk) -> None:
    """Nothing is shown before hosts are looked at."""
    async with house.bot():
        said = await house.workspace.say("U0GUEST", "C0OPS", f"{BOT} health")
        await desk.looking.wait()
        await moved(house, PROGRESS_DELAY)
        desk.done.set()
        await house.private("U0GUEST")
        assert (said,) == house.workspace.messages("C0OPS")


async def test_a_failure_takes_the_place_of_the_progress_too(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    failed = Failure(kind=FailureKind.REFUSED, phrase=Phrase("{host} is locked", host="host-a"))
    desk.answer = lambda request: Answer(operation=f"op-{request.key}", understood=request.text, body=failed)
    await moved(house, PROGRESS_DELAY)
    desk.done.set()
    await house.moving(lambda: "host-a is locked" in ask().text)


async def test_after_a_crash_the_answer_takes_the_place_of_what_was_shown_before_it(house: House, desk: LookingDesk) -> None:
    surface = house.surface()
    await start(surface)
    said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    await desk.looking.wait()
    desk.told(seen("host-a"))
    await moved(house, PROGRESS_DELAY)
    await surface.close(0.0)
    desk.done.set()
    async with house.bot():
        await house.moving(lambda: house.workspace.thread("C0OPS", said.ts)[-1].text == "3 hosts are healthy")
    assert 2 == len(house.workspace.thread("C0OPS", said.ts))


async def test_a_private_answer_has_one_waiting_line(house: House, desk: LookingDesk) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await moved(house, PROGRESS_DELAY)
        for _ in range(3):
            await moved(house, EDIT_INTERVAL)
        desk.done.set()
        assert ["Working on it. The result will appear here.", "3 hosts are healthy"] == await house.private("U0ADMIN", 2)


@pytest.fixture
def _drawn_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "chart.png").write_bytes(PNG)
    monkeypatch.setattr(chart_process, "PROGRAM", ("cat", str(tmp_path / "chart.png")))


@pytest.mark.usefixtures("_drawn_at_once")
@pytest.mark.parametrize(("place", "slow"), [("C0OPS", False), ("C0OPS", True), ("D0ADMIN", False)])
async def test_an_answer_with_a_picture_is_a_new_message_and_its_progress_goes(
    house: House, desk: LookingDesk, place: str, slow: bool
) -> None:
    """Slack would show "file not found" where the progress was. A new message in the direct messages notifies by itself."""
    desk.answer = answering(REPORT)
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", place, f"{BOT} digest")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await moved(house, PROGRESS_DELAY)
        await house.until(lambda: any("Waiting for 1 host: host-a" in each.text for each in answers(house, place)))
        house.time.move(11.0 if slow else 1.0)
        desk.done.set()
        await house.moving(lambda: any(images(message) for message in answers(house, place)), step=0.2)
        await house.moving(lambda: len(answers(house, place)) == 1)
        await house.settled()
    [message] = answers(house, place)
    direct = place == "D0ADMIN"
    assert ((), (), 1, None if direct else said.ts) == (
        message.edits,
        message.unseen,
        len(images(message)),
        message.thread_ts,
    )
    notified = [each.ts for each in house.workspace.notified("U0ADMIN")]
    assert (direct or slow) is (message.ts in notified)


@pytest.mark.usefixtures("_drawn_at_once")
async def test_where_slack_does_not_delete_the_progress_it_points_to_the_answer(house: House, desk: LookingDesk) -> None:
    desk.answer = answering(REPORT)
    house.workspace.faults.switch_on("chat.delete", Failing("compliance_exports_prevent_deletion"))
    async with house.bot():
        await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} digest")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await moved(house, PROGRESS_DELAY)
        desk.done.set()
        await house.moving(lambda: any(images(message) for message in answers(house, "C0OPS")))
        await house.moving(lambda: answers(house, "C0OPS")[0].edits)
        await house.settled()
    assert "The result is in a new message." == answers(house, "C0OPS")[0].text


def answers(house: House, place: str) -> list[Message]:
    return [message for message in house.workspace.messages(place) if message.user == BOT_USER]


READY = "The result is ready: `/flatnet health`"


async def answered_after(house: House, desk: LookingDesk, seconds: float, place: str) -> None:
    """The answer comes so many seconds after the request."""
    await moved(house, PROGRESS_DELAY)
    await house.until(lambda: any("Waiting for 1 host" in message.text for message in answers(house, place)))
    await moved(house, seconds - PROGRESS_DELAY)
    desk.done.set()
    await house.moving(lambda: any(message.text == "3 hosts are healthy" for message in answers(house, place)), step=0.1)
    await house.settled()


@pytest.mark.parametrize(("seconds", "expected"), [(8.0, []), (11.0, [f"<@U0ADMIN> {READY}"])])
async def test_a_slow_answer_ends_with_a_message_in_its_thread_that_notifies_who_asked(
    house: House, desk: LookingDesk, seconds: float, expected: list[str]
) -> None:
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await answered_after(house, desk, seconds, "C0OPS")
        assert expected == [message.text for message in house.workspace.notified("U0ADMIN")]
        assert expected == [message.text for message in house.workspace.thread("C0OPS", said.ts)[2:]]


async def test_a_slow_answer_in_direct_messages_ends_with_a_new_message(house: House, desk: LookingDesk) -> None:
    async with house.bot():
        await house.workspace.say("U0ADMIN", "D0ADMIN", "health")
        await desk.looking.wait()
        desk.told(seen("host-a"))
        await answered_after(house, desk, 11.0, "D0ADMIN")
        assert ["3 hosts are healthy", f"<@U0ADMIN> {READY}"] == [
            message.text for message in house.workspace.direct("U0ADMIN")[1:]
        ]


async def test_a_slow_answer_after_a_crash_notifies_once(house: House, desk: LookingDesk) -> None:
    surface = house.surface()
    await start(surface)
    said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
    await desk.looking.wait()
    desk.told(seen("host-a"))
    await moved(house, PROGRESS_DELAY)
    await surface.close(0.0)
    house.time.move(60)
    desk.done.set()
    async with house.bot():
        await house.moving(lambda: len(house.workspace.thread("C0OPS", said.ts)) == 3)
        await house.settled()
    async with house.bot():
        await house.settled()
    assert [f"<@U0ADMIN> {READY}"] == [message.text for message in house.workspace.notified("U0ADMIN")]


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ((), "Working on it. All hosts have responded."),
        (("a",), "Working on it. Waiting for 1 host: a"),
        (("a", "b"), "Working on it. Waiting for 2 hosts: a and b"),
    ],
)
def test_the_line_names_the_hosts(hosts: tuple[str, ...], said: str) -> None:
    assert said in render_awaited_hosts(hosts, ENGLISH).text


def test_many_hosts_are_counted_and_some_named() -> None:
    hosts = [f"host-{n}" for n in range(254)]
    line = render_awaited_hosts(hosts, ENGLISH).text
    assert "Waiting for 254 hosts, including host-0, host-1" in line
    assert f"host-{MAX_NAMED_HOSTS - 1}" in line
    assert f"host-{MAX_NAMED_HOSTS}" not in line
    assert "254 台の応答を待っています" in render_awaited_hosts(hosts, JAPANESE).text
