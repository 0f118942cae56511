"""Slack on an event loop of its own, in a thread of its own: an ack never waits for the fleet's work.

    Slack ─ socket ─▶ [thread "slack"] row, ack │ request ─▶ [the caller's loop] dispatcher ─▶ fleet
                                       message ◀─ answer │

Reading a hundred hosts keeps one loop busy for tenths of a second at a time, and an ack takes
several turns of its loop. Only values cross: a request to the dispatcher, its answer, and the calls below.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import Any, TypeVar

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refuse, Verdict
from bot.incidents.channels import MadeChannel, NewChannel
from bot.model.announcement import Bulletin, Fallback
from bot.model.change import Change
from bot.model.request import Answer, Failure, Identity, Request, SlackIdentity
from bot.requests.authorization import Rights
from bot.runtime.clock import Clock
from bot.slack.answers.change_cards import Stories
from bot.slack.delivery_kind import Desk
from bot.slack.preflight import Bot
from bot.slack.surface import Health, Place, Rows, SlackSurface
from commands.model.operation import Catalogue, Operation, Progress, untold

T = TypeVar("T")


class SlackThread:
    """A `SlackSurface` in its own thread, with the same methods. Create it in the dispatcher's loop."""

    def __init__(self, place: Place, desk: Desk, rows: Rows, clock: Clock) -> None:
        home = asyncio.get_running_loop()
        far = replace(rows, stories=_FarStories(rows.stories, home))
        self._surface = SlackSurface(place, _FarDesk(desk, home), far, clock)
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = Thread(target=self._live, name="slack", daemon=True)

    async def start(self) -> Bot:
        """As `SlackSurface.start`; the thread ends if that fails."""
        self._thread.start()
        try:
            return await self._there(self._surface.start())
        except BaseException:
            await self._end()
            raise

    async def identity(self, who: SlackIdentity) -> SlackIdentity:
        """As `SlackSurface.refresh_identity`."""
        return await self._there(self._surface.identity(who))

    def show(self, change: Change) -> None:
        """As `SlackSurface.show_change`, from any thread. After this one has ended, that waits for the next start."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._surface.show, change)

    async def announce(self, bulletin: Bulletin) -> None:
        """As `SlackSurface.announce`."""
        await self._there(self._surface.announce(bulletin))

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """As `SlackSurface.revise`."""
        await self._there(self._surface.revise(bulletin, word))

    async def make_channel(self, new: NewChannel) -> MadeChannel:
        """As `SlackSurface.make_channel`."""
        return await self._there(self._surface.make_channel(new))

    async def health(self) -> Health:
        """As `SlackSurface.get_health`."""
        return await self._there(self._surface.health())

    async def close(self, deadline: float) -> None:
        """As `SlackSurface.close`; then the thread ends."""
        try:
            await self._there(self._surface.close(deadline))
        finally:
            await self._end()

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._over.wait())

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await _at(self._loop, work)

    async def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        await asyncio.to_thread(self._thread.join)


class _FarDesk:
    """The dispatcher, called from another loop. Methods that read frozen values from memory are called directly.

    `progress` is called in the dispatcher's thread (`bot.slack.answers.progress.ProgressReporter.record`).
    """

    def __init__(self, desk: Desk, home: asyncio.AbstractEventLoop) -> None:
        self._desk = desk
        self._home = home

    async def handle(self, request: Request, progress: Progress = untold) -> Answer:
        return await self._there(self._desk.handle(request, progress))

    async def refusal(self, request: Request) -> Failure | None:
        return await self._there(self._desk.refusal(request))

    def rights(self, identity: Identity) -> Rights | Refuse:
        return self._desk.rights(identity)

    def at_home(self, identity: Identity, operation: Operation) -> Verdict:
        return self._desk.at_home(identity, operation)

    async def waiting(self, identity: Identity) -> tuple[Change, ...]:
        return await self._there(self._desk.waiting(identity))

    @property
    def known(self) -> Catalogue:
        return self._desk.known

    @property
    def hosts(self) -> Inventory:
        return self._desk.hosts

    @property
    def fallback(self) -> Fallback:
        return self._desk.fallback

    def role_groups(self) -> tuple[str, ...]:
        return self._desk.role_groups()

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await _at(self._home, work)


class _FarStories:
    """The record of shown changes, called from another loop."""

    def __init__(self, stories: Stories, home: asyncio.AbstractEventLoop) -> None:
        self._stories = stories
        self._home = home

    async def unshown(self) -> tuple[Change, ...]:
        return await _at(self._home, self._stories.unshown())

    async def told(self, operation: str) -> str:
        return await _at(self._home, self._stories.told(operation))

    async def shown(self, operation: str, version: int, told: str) -> None:
        await _at(self._home, self._stories.shown(operation, version, told))


async def _at(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in another loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
