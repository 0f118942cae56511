"""Home tabs: published when their owner opens them or does something there, and when what they show has changed.

    opened, pressed ─▶ wanted ─ rate limit, one person at a time ─▶ read ─▶ publish ─┬─▶ shown
                          ▲ requests meanwhile are merged into one                   └─▶ Slack is busy: read again, later
    changed ─▶ stale ─────┘ at most every ten seconds (`bot.slack.inbound.home_tab`)

One look every few seconds finds changes of all kinds, made by people, the clock or the watch, also in another process before
a restart. It reads the rows once for all tabs, and only while anybody has a tab.

Opening is a row of the inbox, because the copy of the bot that gets the event is perhaps not the one that publishes. The row
is finished as soon as the publication is scheduled: a tab lost in a crash is published when it is opened again. "Check now"
shows its progress and its result on the tab, once however often it is pressed; the other buttons are answered by direct
message.

Viewers of home tabs: those who opened theirs lately, and when it was published.

opened ─▶ viewer ─ something changed ─▶ stale ─ the pause since its publication is over ─▶ due ─ published ─▶ viewer
             └─ a day after it was opened last ─▶ forgotten

Slack does not report that a tab is closed, and reports each time that one is opened, which publishes it anew. So viewers are
only remembered while the bot runs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.access.policy import Refusal
from bot.home.slack import CHECK_ACTION, MAX_RECENT, HomeContent, render_closed_home, render_home
from bot.locale.texts import get_texts
from bot.model.request import Failure
from bot.rendering.slack.buttons import parse_words
from bot.requests.authorization import Rights
from bot.runtime.periodic import DAY
from bot.slack.answers.responder import IncomingRequest, Responder
from bot.slack.answers.views import CHECK_WORDS, find_last_check, suggest_next_step
from bot.slack.click_payload import Click
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure, retry_transient
from bot.slack.client.payloads import EventId, TeamId, UserId, get_object
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.people import Reader
from bot.slack.outbound.message import Address, OutboundMessage
from bot.slack.outbound.rate_limit import RateLimiter
from bot.slack.tasks import BackgroundTasks
from bot.store.errors import DatabaseError
from bot.store.inbox import Delivery
from commands.alerts.operations import AlertList
from commands.language.help import choose_starts
from commands.model.operation import ReadProgress

MEMORY = DAY
"""Seconds for which a viewer is remembered after their tab was opened."""

MAX_VIEWERS = 1_000
"""Maximum number of viewers; those who opened their tabs first are forgotten first."""

PUBLISH_PAUSE = 10.0
"""Minimum seconds between two publications of a tab because something changed. What the person does is shown at once."""

FAILURE_PAUSE = 60.0
"""Seconds after a publication that failed."""


@dataclass
class _Viewer:
    team: str
    opened_at: float
    due_at: float
    stale: bool = False


class HomeViewers:
    """Viewers by Slack id. `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._viewers: dict[str, _Viewer] = {}

    def record_opening(self, team: str, user: str) -> None:
        """Record that a person opened their tab."""
        now = self._monotonic()
        before = self._viewers.pop(user, None)
        self._viewers[user] = _Viewer(team, now, now if before is None else before.due_at)
        if len(self._viewers) > MAX_VIEWERS:
            del self._viewers[next(iter(self._viewers))]

    def record_publication(self, user: str) -> None:
        """Record that a tab is published with the state of now. Later changes make it stale."""
        if viewer := self._viewers.get(user):
            viewer.stale, viewer.due_at = False, self._monotonic() + PUBLISH_PAUSE

    def record_failure(self, user: str) -> None:
        """Record that a tab could not be published."""
        if viewer := self._viewers.get(user):
            viewer.stale, viewer.due_at = True, self._monotonic() + FAILURE_PAUSE

    def record_change(self) -> None:
        """Record that something changed which tabs show."""
        for viewer in self._viewers.values():
            viewer.stale = True

    def forget_former(self) -> bool:
        """Forget those who opened their tab too long ago. Return whether any viewer is left."""
        oldest = self._monotonic() - MEMORY
        self._viewers = {user: viewer for user, viewer in self._viewers.items() if viewer.opened_at > oldest}
        return bool(self._viewers)

    def list_due(self) -> tuple[tuple[str, str], ...]:
        """List the teams and users whose tabs are to be published now."""
        now = self._monotonic()
        return tuple((each.team, user) for user, each in self._viewers.items() if each.stale and each.due_at <= now)


KIND, EVENT = "home", "app_home_opened"
"""Delivery kind of these rows in the inbox, and the type of the event."""

PUBLISH_BURST, PUBLISH_INTERVAL = 2, 2.0
"""Publications for one person at once (a tab just opened, and a press in it), and the seconds between further ones."""

RETRY_PAUSES = (2.0,) * 4
"""Seconds before each retry of one publication; then the tab stays as it was until it is opened again."""

LOOK_INTERVAL = 5.0
"""Seconds between two looks for changes."""

_log = structlog.get_logger(__name__)


class TabOpening(BaseModel):
    """A person opened their tab."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    event: EventId
    team: TeamId
    user: UserId


def parse_opening(body: Mapping[str, Any]) -> TabOpening | None:
    """Parse the event of a tab that was opened; None for the app's other tab, and for anything else."""
    event = get_object(body, "event")
    if event.get("tab") != "home":
        return None
    try:
        return TabOpening(event=str(body.get("event_id")), team=str(body.get("team_id")), user=str(event.get("user")))
    except ValidationError:
        return None


def _build_delivery(body: Mapping[str, Any], at: datetime) -> Delivery | None:
    opened = parse_opening(body)
    return None if opened is None else Delivery(f"home {opened.event}", KIND, opened.model_dump(), at)


class HomeTabs:
    """Publishes home tabs from stored answers."""

    def __init__(self, responder: Responder, api: SlackApi) -> None:
        self._responder = responder
        self._answers = responder.answers
        self._api = api
        self._clock = responder.clock
        self._pace = RateLimiter(PUBLISH_BURST, PUBLISH_INTERVAL, self._clock.monotonic)
        self._wanted: set[str] = set()
        self._working: set[str] = set()
        self._checking: dict[str, ReadProgress] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running = BackgroundTasks()
        self._viewers = HomeViewers(self._clock.monotonic)
        self._version = ""

    def make_kind(self) -> DeliveryKind:
        """Make the delivery kind of tabs that were opened."""

        async def work(opened: TabOpening, delivery: Delivery) -> None:
            self._viewers.record_opening(opened.team, opened.user)
            self.refresh(opened.team, opened.user)

        return DeliveryKind(_build_delivery, TabOpening, work, lambda opened, delivery: None, comes_again=True, is_news=True)

    async def watch(self) -> None:
        """Publish the tabs of viewers when what they show has changed; runs until cancelled."""
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            if self._viewers.forget_former():
                await self._look()
                for team, user in self._viewers.list_due():
                    self.refresh(team, user)

    async def _look(self) -> None:
        try:
            version = await self._responder.dispatcher.read_home_version()
        except DatabaseError as error:
            _log.warning("could not look for changes of home tabs", error=str(error))
            return
        if version != self._version:
            self._version = version
            self._viewers.record_change()

    def refresh(self, team: str, user: str) -> None:
        """Schedule the publication of a tab with the current state."""
        if user not in self._wanted:
            self._wanted.add(user)
            self._running.start(f"home {user}", self._publish_in_turn(team, user))

    async def drain(self, deadline: float) -> None:
        await self._running.drain(deadline)

    async def handle_press(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Answer a button: a check on the tab, everything else as a direct message."""
        if click.action == CHECK_ACTION:
            return await self._check(click, delivery)
        self._working.add(click.user)
        self.refresh(click.team, click.user)
        try:
            return await self._responder.answer(_make_request(click, parse_words(click.value) or ""), delivery)
        finally:
            self._working.discard(click.user)
            self.refresh(click.team, click.user)

    async def acknowledge(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Acknowledge alerts. The tab shows it; a failure is a direct message."""
        asked = _make_request(click, parse_words(click.value) or "")
        try:
            answer = await self._responder.handle(asked, delivery, _QuietProgress())
        finally:
            self.refresh(click.team, click.user)
        return await self._responder.render_failure(answer, asked) if isinstance(answer.body, Failure) else None

    async def _check(self, click: Click, delivery: Delivery) -> OutboundMessage | None:
        """Check all hosts, and show progress and result on the tab. A failure is a direct message.

        A press while the person's check runs starts none.
        """
        if click.user in self._checking:
            return None
        asked = _make_request(click, CHECK_WORDS)
        try:
            watcher = _CheckProgress(lambda seen: self._show_check(click, seen))
            await watcher.show()
            answer = await self._responder.handle(asked, delivery, watcher)
        finally:
            self._checking.pop(click.user, None)
            self.refresh(click.team, click.user)
        return await self._responder.render_failure(answer, asked) if isinstance(answer.body, Failure) else None

    def _show_check(self, click: Click, seen: ReadProgress) -> None:
        self._checking[click.user] = seen
        self.refresh(click.team, click.user)

    async def _publish_in_turn(self, team: str, user: str) -> None:
        lock = self._locks.setdefault(user, asyncio.Lock())
        async with lock:
            await self._clock.sleep(self._pace.get_wait(user))
            self._wanted.discard(user)
            self._pace.take(user)
            self._viewers.record_publication(user)
            await self._publish(team, user)

    async def _publish(self, team: str, user: str) -> None:
        async def publish() -> None:
            await self._api.publish_home(user, await self._build_view(team, user))

        try:
            await retry_transient(publish, RETRY_PAUSES, self._clock.sleep)
        except SlackFailure as failure:
            _log.warning("a home tab was not published", user=user, code=failure.code)
            self._viewers.record_failure(user)
        except DatabaseError as error:
            self._viewers.record_failure(user)
            _log.warning("a home tab could not be rendered", user=user, error=str(error))

    async def _build_view(self, team: str, user: str) -> dict[str, Any]:
        reader = await self._responder.people.find_reader(team, user)
        rights = self._responder.dispatcher.find_rights(reader.identity)
        spoken = get_texts(reader.language, reader.zone)
        if isinstance(rights, Refusal):
            return render_closed_home(rights.reason, spoken)
        return render_home(await self._read_home(rights, reader), self._clock.now(), spoken)

    async def _read_home(self, rights: Rights, reader: Reader) -> HomeContent:
        check = await find_last_check(self._responder, reader)
        facts = await self._responder.dispatcher.read_home(reader.identity)
        alerts = [" ".join(AlertList.words)] if facts.alerts else []
        urgent = (*alerts, *suggest_next_step(check, self._clock.now()))
        return HomeContent(
            actor=rights.actor,
            permitted=rights.permitted,
            language=reader.language,
            zone=reader.zone.key,
            recent=await self._answers.list_recent_words(reader.identity.user, MAX_RECENT),
            check=check,
            starts=choose_starts(rights.permitted, rights.actor.roles, urgent),
            facts=facts,
            working=reader.identity.user in self._working,
            checking=self._checking.get(reader.identity.user),
        )


class _CheckProgress:
    """Progress of a check, as `bot.slack.answers.progress.ProgressReporter`."""

    def __init__(self, publish: Callable[[ReadProgress], None]) -> None:
        self._publish = publish
        self._recorded = ReadProgress(0, ())

    def record(self, seen: ReadProgress) -> None:
        self._recorded = seen

    async def show(self) -> None:
        self._publish(self._recorded)

    def locate_answer(self, address: Address) -> Address:
        return address


class _QuietProgress:
    """Progress that is not shown, because the work takes no time."""

    def record(self, seen: ReadProgress) -> None:
        """Record nothing."""

    async def show(self) -> None:
        """Show nothing."""

    def locate_answer(self, address: Address) -> Address:
        return address


def _make_request(click: Click, words: str) -> IncomingRequest:
    return IncomingRequest(click.team, click.user, "", words, Address(user=click.user))
