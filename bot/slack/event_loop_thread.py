"""Slack on an event loop of its own, in a thread of its own: an ack never waits for the fleet's work.

    Slack ─ socket ─▶ [thread "slack"] row, ack │ request ─▶ [the caller's loop] dispatcher ─▶ fleet
                                       message ◀─ answer │

Reading a hundred hosts keeps one loop busy for tenths of a second at a time, and an ack takes
several turns of its loop. Only values cross: a request to the dispatcher, its answer, and the calls below.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

from adapters.inventory import Inventory
from bot.access.policy import Refusal, Verdict
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.home import HomeFacts
from bot.model.incident import Incident, UpdatePreview
from bot.model.output import DeliveredFile
from bot.model.request import Answer, Failure, Identity, Request, SlackIdentity
from bot.requests.authorization import Rights
from bot.runtime.clock import Clock
from bot.slack.answers.change_cards import ShownChanges
from bot.slack.client.preflight import SlackBotUser
from bot.slack.delivery_kind import ConfigurationDesk, SlackDispatcher
from bot.slack.health import SurfaceHealth
from bot.slack.parts import SlackLead, SlackStores, SlackWorkspace
from bot.slack.surface import SlackSurface
from commands.model.operation import Catalogue, Operation, Progress, ignore_progress

T = TypeVar("T")


class SlackThread:
    """A `SlackSurface` in its own thread; `call` runs its methods there. Create it in the dispatcher's loop.

    `desk` is what a copy that stands by knows. A bot that leads has the dispatcher, from `lead` on.
    """

    def __init__(self, place: SlackWorkspace, desk: ConfigurationDesk, rows: SlackStores, clock: Clock) -> None:
        home = asyncio.get_running_loop()
        self._dispatcher, self._shown_changes = _CrossLoopDispatcher(desk, home), _CrossLoopShownChanges(home)
        self._surface = SlackSurface(place, SlackLead(self._dispatcher, self._shown_changes), rows, clock)
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = Thread(target=self._run_loop, name="slack", daemon=True)

    async def open(self) -> None:
        """As `SlackSurface.open`; the thread ends if that fails."""
        self._thread.start()
        try:
            await self.call(SlackSurface.open)
        except BaseException:
            await self._stop()
            raise

    def lead(self, duties: SlackLead) -> None:
        """As `SlackSurface.lead`, with what a bot that leads has. One without other copies calls it before `connect`."""
        self._dispatcher.lead(duties.dispatcher)
        self._shown_changes.lead(duties.shown_changes)
        self._surface.lead()

    async def connect(self) -> SlackBotUser:
        """As `SlackSurface.connect`."""
        return await self.call(SlackSurface.connect)

    @property
    def reached(self) -> bool:
        """As `SlackSurface.reached`."""
        return self._surface.reached

    def show_change(self, change: Change) -> None:
        """As `SlackSurface.show_change`, from any thread. After this one has ended, that waits for the next start."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._surface.show_change, change)

    async def call(self, work: Callable[[SlackSurface], Coroutine[Any, Any, T]]) -> T:
        """Run a method of the surface in its thread: `call(lambda surface: surface.announce(announcement))`."""
        return await _run_in(self._loop, work(self._surface))

    async def get_health(self) -> SurfaceHealth:
        """As `SlackSurface.get_health`."""
        return await self.call(SlackSurface.get_health)

    async def close(self, deadline: float) -> None:
        """As `SlackSurface.close`; then the thread ends."""
        try:
            await self.call(lambda surface: surface.close(deadline))
        finally:
            await self._stop()

    def _run_loop(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._over.wait())

    async def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        await asyncio.to_thread(self._thread.join)


class _CrossLoopDispatcher:
    """The dispatcher, called from another loop. Methods that read frozen values from memory are called directly.

    Until `lead`, only the configuration is known. `progress` is called in the dispatcher's thread
    (`bot.slack.answers.progress.ProgressReporter.record`).
    """

    def __init__(self, desk: ConfigurationDesk, home: asyncio.AbstractEventLoop) -> None:
        self._configuration = desk
        self._dispatcher: SlackDispatcher | None = None
        self._home = home

    def lead(self, dispatcher: SlackDispatcher) -> None:
        """Use a dispatcher from now on, and its configuration."""
        self._configuration = self._dispatcher = dispatcher

    @property
    def _desk(self) -> SlackDispatcher:
        if self._dispatcher is None:
            raise RuntimeError("a copy that stands by has no dispatcher")
        return self._dispatcher

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        return await self._run_at_home(self._desk.handle(request, progress))

    async def check_refusal(self, request: Request) -> Failure | None:
        return await self._run_at_home(self._desk.check_refusal(request))

    async def record_delivery(self, operation: str, file: DeliveredFile) -> None:
        await self._run_at_home(self._desk.record_delivery(operation, file))

    def find_rights(self, identity: Identity) -> Rights | Refusal:
        return self._desk.find_rights(identity)

    def judge_home_view(self, identity: Identity, operation: Operation) -> Verdict:
        return self._desk.judge_home_view(identity, operation)

    async def read_home(self, identity: Identity) -> HomeFacts:
        return await self._run_at_home(self._desk.read_home(identity))

    async def read_home_version(self) -> str:
        return await self._run_at_home(self._desk.read_home_version())

    async def find_note_places(self, identity: SlackIdentity, channel: str, key: str) -> tuple[Incident, ...]:
        return await self._run_at_home(self._desk.find_note_places(identity, channel, key))

    async def preview_update(self, identity: SlackIdentity, channel: str, text: str) -> UpdatePreview | None:
        return await self._run_at_home(self._desk.preview_update(identity, channel, text))

    def name_author(self, user: str) -> str:
        return self._desk.name_author(user)

    @property
    def note_reaction(self) -> str:
        return self._configuration.note_reaction

    async def list_urgent(self, identity: Identity) -> tuple[str, ...]:
        return await self._run_at_home(self._desk.list_urgent(identity))

    @property
    def known_operations(self) -> Catalogue:
        return self._configuration.known_operations

    @property
    def hosts(self) -> Inventory:
        return self._configuration.hosts

    @property
    def fallback(self) -> Fallback:
        return self._desk.fallback

    def list_role_groups(self) -> tuple[str, ...]:
        return self._desk.list_role_groups()

    def list_deciders(self, change: Change) -> tuple[str, ...]:
        return self._desk.list_deciders(change)

    def may_decide(self, identity: Identity, change: Change) -> bool:
        return self._desk.may_decide(identity, change)

    async def _run_at_home(self, work: Coroutine[Any, Any, T]) -> T:
        return await _run_in(self._home, work)


class _CrossLoopShownChanges:
    """The record of shown changes, called from another loop, once the bot leads."""

    def __init__(self, home: asyncio.AbstractEventLoop) -> None:
        self._known: ShownChanges | None = None
        self._home = home

    def lead(self, stories: ShownChanges) -> None:
        """Use a record from now on."""
        self._known = stories

    @property
    def _stories(self) -> ShownChanges:
        if self._known is None:
            raise RuntimeError("a copy that stands by has no record of shown changes")
        return self._known

    async def list_unshown(self) -> tuple[Change, ...]:
        return await _run_in(self._home, self._stories.list_unshown())

    async def read_card_note(self, operation: str) -> str:
        return await _run_in(self._home, self._stories.read_card_note(operation))

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        await _run_in(self._home, self._stories.mark_shown(operation, version, told))


async def _run_in(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in another loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
