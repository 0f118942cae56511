"""Slack in a thread of its own: an ack waits for nothing that happens in the desk's loop."""

import asyncio
import threading
from dataclasses import replace

import pytest
from pydantic import SecretStr

from adapters.phrase import Phrase
from bot.model.change import ChangeState
from bot.model.request import Answer, Failure, FailureKind, Request
from bot.runtime.clock import Clock
from bot.slack.client.preflight import SlackNotReady, Tokens
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.event_loop_thread import SlackThread
from bot.slack.parts import SlackLead
from commands.model.operation import Progress, ReadProgress, ignore_progress
from tests.bot.rendering.changes import OPERATION, change
from tests.bot.rendering.examples import DETAILED
from tests.bot.slack.conftest import House, KeptStories, ScriptedDesk, well


def _made(house: House, desk: SlackDispatcher, team: str = "T0FLATNET") -> SlackThread:
    clock = Clock(house.time.now, house.time.monotonic, asyncio.sleep)
    surface = SlackThread(house.place(team=team), desk, house.rows, clock)
    surface.lead(SlackLead(desk, house.stories))
    return surface


async def started(surface: SlackThread) -> None:
    """Opened, and connected at the first attempt."""
    await surface.open()
    await surface.connect()


def _threads() -> int:
    return sum(thread.name == "slack" for thread in threading.enumerate())


async def test_the_desk_is_asked_in_its_own_loop_and_its_answer_comes(house: House) -> None:
    home = asyncio.get_running_loop()

    def at_home(request: Request) -> Answer:
        assert home is asyncio.get_running_loop()
        return well(request)

    house.desk.answer = at_home
    surface = _made(house, house.desk)
    await started(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    [text] = await house.private("U0ADMIN")
    assert "3 hosts are healthy" in text
    assert (await surface.get_health()).connected
    await surface.close(1.0)
    assert (0, 0) == (house.workspace.connections, _threads())


async def test_commands_are_acked_while_the_desks_loop_is_held_up(house: House) -> None:
    """The workspace has this loop; the desk has another, and holds it."""
    begun, gate, over = threading.Event(), threading.Event(), threading.Event()

    def slow(request: Request) -> Answer:
        begun.set()
        gate.wait(5)
        return well(request)

    async def bot() -> None:
        surface = _made(house, ScriptedDesk(slow))
        await started(surface)
        await asyncio.to_thread(over.wait, 5)
        await surface.close(1.0)

    living = asyncio.create_task(asyncio.to_thread(asyncio.run, bot()))
    await house.until(lambda: house.workspace.connections)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    await house.until(begun.is_set)
    assert (await house.workspace.slash("U0ADMIN", "C0OPS", "health")).in_time
    assert () == house.workspace.private("U0ADMIN")
    gate.set()
    await house.private("U0ADMIN", 2)
    over.set()
    await living


async def test_work_that_is_cut_short_is_cancelled_at_the_desk_too(house: House) -> None:
    ended = asyncio.Event()

    async def endless(request: Request) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return well(request)

    house.desk.answer = endless
    surface = _made(house, house.desk)
    await started(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    await house.until(lambda: house.desk.requests)
    await surface.close(0.0)
    async with asyncio.timeout(1):
        await ended.wait()


async def test_where_slack_cannot_be_used_the_surface_says_why_and_its_thread_ends_with_it(house: House) -> None:
    surface = _made(house, house.desk, team="T0OTHER")
    with pytest.raises(SlackNotReady):
        await started(surface)
    await surface.close(0.0)
    assert 0 == _threads()


async def test_the_thread_ends_at_once_where_a_token_is_of_the_wrong_kind(house: House) -> None:
    place = replace(house.place(), tokens=Tokens(SecretStr("xoxp-someone"), SecretStr("xapp-1")))
    surface = SlackThread(place, house.desk, house.rows, house.time.clock())
    with pytest.raises(SlackNotReady):
        await surface.open()
    assert 0 == _threads()


async def test_what_was_answered_is_shown_again_only_after_the_desk_was_asked_in_its_own_loop(house: House) -> None:
    home = asyncio.get_running_loop()

    class Asked(ScriptedDesk):
        async def check_refusal(self, request: Request) -> Failure | None:
            assert home is asyncio.get_running_loop()
            return Failure(kind=FailureKind.REFUSED, phrase=Phrase("only guests may see that"))

    surface = _made(house, Asked(lambda request: Answer(operation="op", understood="health", body=DETAILED)))
    await started(surface)
    await house.workspace.slash("U0ADMIN", "C0OPS", "health")
    await house.private("U0ADMIN")
    await house.workspace.click("U0ADMIN", house.workspace.private("U0ADMIN")[0], "show.details")
    assert "Only guests may see that" in (await house.private("U0ADMIN", 2))[1]
    await surface.close(1.0)


async def test_an_answer_that_takes_its_time_names_the_hosts_that_the_desk_still_awaits(house: House) -> None:
    gate = asyncio.Event()

    class Slow(ScriptedDesk):
        async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
            progress(ReadProgress(2, ("host-a",)))
            await gate.wait()
            return well(request)

    surface = _made(house, Slow())
    await started(surface)
    asked = await house.workspace.say("U0ADMIN", "C0OPS", "<@U0FLATNET> health")
    await house.workspace.seen(lambda: len(house.workspace.thread("C0OPS", asked.ts)) == 2)
    assert "host-a" in house.workspace.thread("C0OPS", asked.ts)[1].text
    gate.set()
    await house.workspace.seen(lambda: "3 hosts are healthy" in house.workspace.thread("C0OPS", asked.ts)[1].text)
    await surface.close(1.0)


async def test_a_change_is_shown_from_the_desks_loop_and_what_was_shown_is_asked_there(house: House) -> None:
    home = asyncio.get_running_loop()

    class Kept(KeptStories):
        async def mark_shown(self, operation: str, version: int, told: str) -> None:
            assert home is asyncio.get_running_loop()
            await super().mark_shown(operation, version, told)

    house.stories = Kept(changes={OPERATION: change(version=1)})
    surface = _made(house, house.desk)
    surface.show_change(change(version=1))  # before the start: that shows it
    await started(surface)
    await house.public("C0OPS")
    surface.show_change(change(ChangeState.CLOSED, version=2))
    await house.until(lambda: house.stories.versions.get(OPERATION) == 2)
    await surface.close(1.0)
    surface.show_change(change(version=3))
    assert 2 == house.stories.versions[OPERATION]
