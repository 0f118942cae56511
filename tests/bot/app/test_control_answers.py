"""Requests at the control socket while a copy of the bot changes its role: each is answered once, and none is lost."""

import asyncio
from datetime import UTC, datetime

from adapters.phrase import Phrase
from bot.app.control_answers import FrontDesk
from bot.model.request import Answer, ExitCode, Failure, FailureKind, Request, Surface, SystemIdentity
from commands.model.operation import Progress, ignore_progress

NOW = datetime(2026, 1, 31, tzinfo=UTC)
FAILURE = Failure(kind=FailureKind.NOTHING, phrase=Phrase("nothing"))


def ask(desk: FrontDesk, words: str = "version") -> "asyncio.Task[Answer]":
    request = Request("line-1", SystemIdentity(0, "ana"), words, Surface.DO, NOW)
    return asyncio.ensure_future(desk.answer(request, ignore_progress))


class Role:
    """A role that answers with its own name, once it is let."""

    def __init__(self, name: str, *, ready: bool = True) -> None:
        self.name = name
        self.ready = asyncio.Event()
        if ready:
            self.ready.set()

    async def answer(self, request: Request, progress: Progress) -> Answer:
        await self.ready.wait()
        return Answer(operation=self.name, understood=request.text, body=FAILURE)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_requests_wait_for_a_role_and_again_during_a_takeover() -> None:
    desk = FrontDesk()
    first = ask(desk)
    await settle()
    assert not first.done()
    desk.answer_by(Role("standby").answer)
    assert "standby" == (await first).operation
    desk.pause()
    second = ask(desk)
    await settle()
    assert not second.done()
    async with desk.answering(Role("leader").answer):
        assert "leader" == (await second).operation


async def test_a_request_under_way_is_answered_by_the_role_that_it_began_with() -> None:
    desk, standby = FrontDesk(), Role("standby", ready=False)
    desk.answer_by(standby.answer)
    begun = ask(desk)
    await settle()
    desk.pause()
    async with desk.answering(Role("leader").answer):
        standby.ready.set()
        assert ("standby", "leader") == ((await begun).operation, (await ask(desk)).operation)


async def test_the_end_lets_answers_under_way_end_and_refuses_new_ones() -> None:
    desk, leader = FrontDesk(), Role("leader", ready=False)
    async with desk.answering(leader.answer):
        begun = ask(desk)
        await settle()
        asyncio.get_running_loop().call_soon(leader.ready.set)
    assert "leader" == (await begun).operation
    assert ExitCode.REFUSED is (await ask(desk)).exit_code


async def test_an_answer_that_does_not_end_is_left_open_at_the_end() -> None:
    desk = FrontDesk(last_answers=0.01)
    async with desk.answering(Role("leader", ready=False).answer):
        begun = ask(desk)
        await settle()
    assert ExitCode.INTERNAL is (await begun).exit_code
