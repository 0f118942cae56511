"""Progress: who is still awaited, then the answer on the others, edited in place, seldom, and then the whole answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from pathlib import Path

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from bot.answers.slack_progress import MAX_NAMED_HOSTS, render_partial_answer, render_progress, render_waiting_notice
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.rendering import chart_process
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS, MAX_TEXT
from bot.slack.answers.progress import MAX_NOTICES, MIN_DELAY, PARTIAL_DELAY, PROGRESS_DELAY, list_pauses
from bot.slack.outbound.message import RESPONSE_URL_LIFETIME
from bot.slack.outbound.sender import EDIT_INTERVAL
from commands.health.operation import Health
from commands.model.operation import Progress, ReadProgress, ignore_progress
from commands.model.report import Report
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.slack.answers.test_charts import PNG, REPORT, images
from tests.bot.slack.conftest import PATIENCE, House, ScriptedDesk, start, well
from tests.bot.slack.inbound.test_click import answering
from tests.commands.canned import host, view, windows
from tests.lab.workspace.faults import RESPONSE_URL, Failing, RateLimited
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER

BOT = "<@U0FLATNET>"
SIDES = ("windows", "wsl", "gateway")


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
    await house.moving(lambda: "2 hosts, 0 answered, waiting for host-a and host-b" in ask().text, step=PROGRESS_DELAY)
    shown = ask()
    desk.told(seen("host-b"))
    await house.moving(lambda: "2 hosts, 1 answered, waiting for host-b" in ask().text, step=EDIT_INTERVAL)
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


def partial(*awaited: str, total: int = 3, answered: str = "host-b is stopped") -> ReadProgress:
    """Progress of a read that reports on the hosts that have answered."""
    report = Report(title=Phrase("Health"), summary=Phrase("{words}", words=answered), next=("service start nebula host-b",))
    return ReadProgress(total, awaited, lambda: report)


async def test_within_three_seconds_the_answer_on_the_others_is_shown_and_grows_into_the_whole(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    """One message and one edit for each state. A host that hangs brings no news, yet the others are not held back."""
    desk.told(partial("host-c"))
    await moved(house, PROGRESS_DELAY)
    await house.until(lambda: "3 hosts, 2 answered, waiting for host-c" in ask().text)
    assert "host-b is stopped" not in ask().text
    await moved(house, PARTIAL_DELAY - PROGRESS_DELAY)
    await house.until(lambda: "So far: host-b is stopped" in ask().text)
    assert "3 hosts, 2 answered, waiting for host-c" in ask().text
    assert PARTIAL_DELAY == pytest.approx(house.time.elapsed)
    for _ in range(2):
        await moved(house, EDIT_INTERVAL)
    assert (1, 1) == tuple(len(house.workspace.calls(f"chat.{what}")) for what in ("postMessage", "update"))
    desk.done.set()
    await house.until(lambda: ask().text == "3 hosts are healthy")  # before a slow answer is announced by another message
    assert (1, 2) == tuple(len(house.workspace.calls(f"chat.{what}")) for what in ("postMessage", "update"))


async def test_when_no_host_is_awaited_any_more_no_edit_delays_the_answer(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    desk.told(partial("host-c"))
    await moved(house, PROGRESS_DELAY)
    await house.until(lambda: ask().user == BOT_USER)
    desk.told(partial())
    for _ in range(3):
        await moved(house, EDIT_INTERVAL)
    assert () == house.workspace.calls("chat.update")
    desk.done.set()
    await house.until(lambda: ask().text == "3 hosts are healthy")


async def test_a_host_that_answers_after_the_whole_answer_changes_nothing(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    """The answer was sealed by a time limit, and its message stays as it is."""
    desk.told(partial("host-c"))
    await moved(house, PROGRESS_DELAY)
    desk.done.set()
    await house.moving(lambda: ask().text == "3 hosts are healthy")
    sealed, edits = ask(), len(house.workspace.calls("chat.update"))
    desk.told(partial())
    for _ in range(4):
        house.time.move(EDIT_INTERVAL)
        await house.settled()
    assert (sealed, edits) == (ask(), len(house.workspace.calls("chat.update")))


async def test_progress_that_a_person_deleted_does_not_come_back_and_the_answer_is_posted_anew(
    house: House, desk: LookingDesk, ask: Callable[[], Message]
) -> None:
    await house.moving(lambda: ask().user == BOT_USER, step=PROGRESS_DELAY)
    deleted = ask()
    house.workspace.delete(deleted)
    desk.told(partial("host-c"))
    await house.moving(lambda: house.workspace.calls("chat.update"))
    await moved(house, EDIT_INTERVAL)
    assert BOT_USER != ask().user
    desk.done.set()
    await house.moving(lambda: ask().text == "3 hosts are healthy")
    assert deleted.ts != ask().ts
    assert 2 == len(house.workspace.calls("chat.postMessage"))


async def test_a_question_that_its_author_deleted_is_answered_where_they_can_see_it(house: House, desk: LookingDesk) -> None:
    """Slack has no such thread any more."""
    async with house.bot():
        said = await house.workspace.say("U0ADMIN", "C0OPS", f"{BOT} health")
        await desk.looking.wait()
        house.workspace.delete(said)
        desk.told(partial("host-c"))
        await house.moving(lambda: house.workspace.calls("chat.postMessage"), step=PROGRESS_DELAY)
        desk.done.set()
        await house.moving(lambda: house.workspace.private("U0ADMIN"))
        [answer] = house.workspace.private("U0ADMIN")
    assert answer.text.startswith("3 hosts are healthy")
    assert () == house.workspace.messages("C0OPS")


async def test_private_notices_name_the_command_and_say_nothing_that_ends(house: House, desk: LookingDesk) -> None:
    """Slack cannot change them: first who is awaited, then the answer on the others, and no more until the whole one."""
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await desk.looking.wait()
        desk.told(seen("host-a", "host-b"))
        await moved(house, PROGRESS_DELAY)
        desk.told(partial("host-c"))
        for _ in range(4):
            await moved(house, EDIT_INTERVAL)
        desk.done.set()
        assert [
            ":hourglass_flowing_sand: `/flatnet health`: 2 hosts, 0 answered, waiting for host-a and host-b\n"
            "The result follows as a new message.",
            ":hourglass_flowing_sand: `/flatnet health`: 3 hosts, 2 answered, waiting for host-c\n"
            "So far: host-b is stopped\n"
            "The result follows as a new message.",
            "3 hosts are healthy",
        ] == await house.private("U0ADMIN", MAX_NOTICES + 1)


async def test_without_news_there_is_one_private_notice(house: House, desk: LookingDesk) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await desk.looking.wait()
        desk.told(partial("host-c"))
        for _ in range(4):
            await moved(house, PROGRESS_DELAY)
        desk.done.set()
        assert "3 hosts are healthy" == (await house.private("U0ADMIN", 2))[-1]


async def test_an_answer_for_the_channel_grows_there_and_leaves_no_private_line(house: House, desk: LookingDesk) -> None:
    """The clock moves slowly: where Slack answers late, on a busy machine, it must not have run minutes ahead of it."""
    desk.answer = lambda request: well(request, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        await desk.looking.wait()
        desk.told(partial("host-c"))
        await house.moving(lambda: house.workspace.messages("C0OPS"), step=0.02)
        assert "waiting for host-c" in house.workspace.messages("C0OPS")[0].text
        desk.done.set()
        await house.moving(lambda: "3 hosts are healthy" in house.workspace.messages("C0OPS")[0].text, step=0.1)
    assert (1, 0) == (len(house.workspace.messages("C0OPS")), len(house.workspace.private("U0ADMIN")))


async def test_a_command_in_the_bots_direct_messages_has_one_message_that_grows(house: House, desk: LookingDesk) -> None:
    """It is private there and can be edited, unlike an answer through a response_url."""
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "D0ADMIN", "health")
        await desk.looking.wait()
        desk.told(partial("host-c"))
        await house.moving(lambda: house.workspace.direct("U0ADMIN"), step=PROGRESS_DELAY)
        [shown] = house.workspace.direct("U0ADMIN")
        await house.moving(lambda: "So far: host-b is stopped" in house.workspace.direct("U0ADMIN")[0].text)
        desk.done.set()
        await house.moving(lambda: house.workspace.direct("U0ADMIN")[0].text == "3 hosts are healthy")
        assert [shown.ts] == [message.ts for message in house.workspace.direct("U0ADMIN")]
    assert () == house.workspace.private("U0ADMIN")


@pytest.mark.parametrize(("place", "words"), [("D0TWO", "health"), ("C0DEV", "health --here")])
async def test_where_the_bot_is_not_a_member_progress_and_answer_are_private(
    house: House, desk: LookingDesk, place: str, words: str
) -> None:
    house.workspace.talk_privately("U0ADMIN", "U0OPERATOR", name="D0TWO")
    house.workspace.remove_bot("C0DEV")
    async with house.bot():
        await house.workspace.slash("U0ADMIN", place, words)
        await desk.looking.wait()
        desk.told(seen("host-a", "host-b"))
        await moved(house, PROGRESS_DELAY)
        await house.until(lambda: house.workspace.calls("chat.postMessage") or house.workspace.calls("conversations.info"))
        desk.told(partial("host-c"))
        await house.moving(lambda: house.workspace.private("U0ADMIN"))
        desk.done.set()
        [notice, answer] = await house.private("U0ADMIN", 2)
    assert "3 hosts, 2 answered, waiting for host-c" in notice
    assert answer.startswith("3 hosts are healthy")
    assert () == house.workspace.messages(place)


async def test_an_answer_for_the_channel_takes_its_progress_over_after_a_crash(house: House, desk: LookingDesk) -> None:
    desk.answer = lambda request: well(request, here=True)
    surface = house.surface()
    await start(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
    await desk.looking.wait()
    desk.told(partial("host-c"))
    await house.moving(lambda: house.workspace.messages("C0OPS"), step=PROGRESS_DELAY)
    await surface.close(0.0)
    desk.done.set()
    async with house.bot():
        await house.moving(lambda: "3 hosts are healthy" in house.workspace.messages("C0OPS")[0].text)
    assert (1, 0) == (len(house.workspace.messages("C0OPS")), len(house.workspace.private("U0ADMIN")))


@pytest.mark.parametrize("late", [0.0, RESPONSE_URL_LIFETIME.total_seconds()])
async def test_an_answer_whose_address_is_used_up_or_expired_comes_as_a_direct_message(
    house: House, desk: LookingDesk, late: float
) -> None:
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        await desk.looking.wait()
        await moved(house, PROGRESS_DELAY)
        house.time.move(late)
        if not late:
            house.workspace.faults.switch_on(RESPONSE_URL, Failing("used_url"))
        desk.done.set()
        await house.moving(lambda: house.workspace.direct("U0ADMIN"))
        [message] = house.workspace.direct("U0ADMIN")
    assert message.text.startswith("3 hosts are healthy\n")
    assert "Sent as a direct message because replies are no longer possible there." in message.text


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
        await house.until(lambda: any("waiting for host-a" in each.text for each in answers(house, place)))
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
    await house.until(lambda: any("waiting for host-a" in message.text for message in answers(house, place)))
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
    ("waited", "expected"),
    [(0.0, [0.6, 2.5, 5.5, 8.5]), (0.3, [0.3, 2.2, 5.2, 8.2]), (900.0, [0.2, 2.1, 5.1, 8.1]), (-60.0, [0.6, 2.5, 5.5, 8.5])],
)
def test_progress_is_shown_within_a_second_an_answer_within_three_and_an_edit_every_three(
    waited: float, expected: list[float]
) -> None:
    """Seconds from now, for a request that waited so long already; a clock that was set back delays nothing."""
    assert expected == pytest.approx(list(accumulate(islice(list_pauses(waited), 4))))


def test_the_delays_leave_time_to_send() -> None:
    assert (True, True) == (PROGRESS_DELAY + MIN_DELAY < 1.0, PARTIAL_DELAY + MIN_DELAY < 3.0)
    assert EDIT_INTERVAL == 3.0


@pytest.mark.parametrize(
    ("awaited", "line"),
    [
        ((), "`/flatnet health`: all 6 hosts have answered"),
        (("a",), "`/flatnet health`: 6 hosts, 5 answered, waiting for a"),
        (("a", "b"), "`/flatnet health`: 6 hosts, 4 answered, waiting for a and b"),
    ],
)
def test_the_line_counts_the_hosts_and_names_those_that_are_awaited(awaited: tuple[str, ...], line: str) -> None:
    assert f":hourglass_flowing_sand: {line}" == render_progress("health", ReadProgress(6, awaited), ENGLISH).text


def test_many_hosts_are_counted_and_some_named() -> None:
    hosts = ReadProgress(300, tuple(f"host-{n}" for n in range(254)))
    line = render_progress("health", hosts, ENGLISH).text
    assert line.endswith(f"host-{MAX_NAMED_HOSTS - 1} and {254 - MAX_NAMED_HOSTS} more")
    assert "300 台中 46 台から応答がありました" in render_progress("health", hosts, JAPANESE).text


def test_a_partial_answer_is_marked_and_has_neither_buttons_nor_commands() -> None:
    message = render_partial_answer("health", partial("host-c"), ENGLISH)
    assert {"section"} == {block["type"] for block in message.blocks}
    assert "service start" not in f"{message.text} {message.blocks}"
    assert "So far: host-b is stopped" in message.text
    assert "So far: host-b is stopped" in message.blocks[1]["text"]["text"]


async def test_254_hosts_stay_within_the_limits_of_a_message_and_the_worst_come_first() -> None:
    """The worst case: every host is unreachable for a reason of its own, and the whole answer has as much room."""
    hosts = [host(f"host-{n:03}", n + 1) for n in range(254)]
    lost = {
        (each.name, side): Unreachable(Phrase("{why}", why=f"{each.name} {'x' * 300}")) for each in hosts for side in SIDES
    }
    shown: list[ReadProgress] = []
    await Health().read(replace(view(*hosts, said=lost), progress=shown.append))
    for texts in (ENGLISH, JAPANESE):
        message = render_partial_answer("health", shown[250], texts)
        sizes = [len(block["text"]["text"]) for block in message.blocks]
        assert (len(message.text) <= MAX_TEXT, len(sizes) <= MAX_BLOCKS) == (True, True)
        assert sum(sizes) <= MAX_CHARACTERS + 600
        notice = render_waiting_notice("health", shown[250], texts)
        assert (len(notice.text) < 1_500, notice.blocks) == (True, ())


async def test_the_worst_hosts_of_a_partial_answer_come_first() -> None:
    hosts = [host(f"host-{n:03}", n + 1) for n in range(254)]
    stopped = {("host-200", "windows"): windows(nebula="Stopped")}
    shown: list[ReadProgress] = []
    await Health().read(replace(view(*hosts, said=stopped), progress=shown.append))
    message = render_partial_answer("health", shown[253], ENGLISH)
    assert "So far: 1 of 253 hosts needs attention: host-200" in message.blocks[1]["text"]["text"]
    assert "*host-200*" in message.blocks[2]["text"]["text"]
