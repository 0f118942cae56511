"""Slack as a whole: built from explicit collaborators, started, monitored, and closed in order.

open      what needs no answer of Slack
connect   preflight ─▶ (if it leads: the work starts) ─▶ socket opens, watchdog runs
lead      from now on, announcements wait in the outbox, and `connect` starts the work:
          outbox recovers and runs ─▶ unfinished rows are handled
close     socket closes (nothing more is accepted) ─▶ work drains ─▶ outbox drains ─▶ connections close

A copy that stands by only listens: it writes rows and acks, from its configuration alone. When it takes over, its socket
stays open, and the next `connect` starts the work. A bot without other copies leads from the start.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.incidents.rules.channels import CreatedChannel, NewChannel
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.change import Change
from bot.model.request import Membership, SlackIdentity
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY
from bot.slack.answers.exports import AnswerExporter
from bot.slack.client.errors import SlackFailure
from bot.slack.client.preflight import SCOPES, SlackBotUser, check_tokens, run_preflight
from bot.slack.health import SurfaceHealth
from bot.slack.parts import Receivers, Senders, SlackLead, SlackStores, SlackWorkspace, build_receivers, build_senders
from bot.slack.tasks import BackgroundTasks, retry_write

FINAL_SEND_SECONDS = 1.0
"""Seconds that messages under way get at the end. A message cut off would be sent again and marked as repeated."""

_log = structlog.get_logger(__name__)


class SlackNotConnected(FlatnetError):
    """Slack is not connected, so nothing can be sent."""


class SlackSurface:
    """The bot in one workspace: `open`, `connect` until that succeeds, then `close`; `get_health` at any time.

    `lead` is used once this copy leads; what `duties` has is not touched before.
    """

    def __init__(self, place: SlackWorkspace, duties: SlackLead, rows: SlackStores, clock: Clock) -> None:
        self._workspace = place
        self._duties = duties
        self._stores = rows
        self._clock = clock
        self._leads = place.copy is None
        self._works = False
        self._listens = False
        self._turn = asyncio.Lock()
        self._senders: Senders | None = None
        self._receivers: Receivers | None = None
        self._failure = ""
        self._watching = BackgroundTasks()
        self._sending = BackgroundTasks()

    async def open(self) -> None:
        """Build what needs no answer of Slack. Raises `SlackNotReady` if a token is missing or of the wrong kind."""
        check_tokens(self._workspace.tokens)
        self._senders = build_senders(self._workspace, self._duties, self._stores, self._clock)

    def lead(self) -> None:
        """Lead from now on. The work starts with the next `connect`, also while the socket is open."""
        self._leads = True

    async def connect(self) -> SlackBotUser:
        """Try once to connect, and to start the work of a bot that leads; returns the bot's identity.

        After a failure it can be called again. What was done already is not done twice.
        Raises `SlackNotReady` (a token, the workspace or a scope is wrong), `SlackFailure`, or a `DatabaseError`.
        """
        async with self._turn:
            try:
                bot = await self._connect(self._require_senders())
            except Exception as error:
                self._failure = error.code if isinstance(error, SlackFailure) else type(error).__name__
                raise
            self._failure = ""
            return bot

    async def _connect(self, senders: Senders) -> SlackBotUser:
        place = self._workspace
        if self._receivers is None:
            bot = await run_preflight(senders.api, place.tokens, place.team, SCOPES)
            self._receivers = build_receivers(place, senders, self._stores, bot, self._clock)
        receivers = self._receivers
        if self._leads and not self._works:
            await self._start_work(senders, receivers)
            self._works = True
        if not self._listens:
            if receivers.intake.arrivals is not None:
                await receivers.intake.arrivals.read()
            await receivers.socket.open()
            self._listens = True
            self._start_watches(receivers)
        return receivers.bot

    def _start_watches(self, receivers: Receivers) -> None:
        """Watch the socket. A bot without copies also looks for others, which take some of its events."""
        self._watching.start("watchdog", receivers.socket.watch())
        if (arrivals := receivers.intake.arrivals) is None:
            self._watching.start("counting", receivers.connector.warn_of_others(self._clock.sleep))
        else:
            self._watching.start("pulse", arrivals.watch_loop())
            self._watching.start("time of the database", arrivals.watch_database())

    @property
    def reached(self) -> bool:
        """True once Slack has accepted the tokens of a bot that leads, and until the end."""
        return self._works

    async def refresh_identity(self, who: SlackIdentity) -> SlackIdentity:
        """Return a person's standing and groups at this moment; the standing is unknown if Slack cannot be asked."""
        if self._senders is None:
            return replace(who, standing=Membership.UNKNOWN, groups=frozenset())
        return (await self._senders.people.refresh_reader(who.team, who.user)).identity

    def show_change(self, change: Change) -> None:
        """Show the state of a change. Unless Slack was reached, this waits for the connection or for the next start."""
        if self._senders is not None and self.reached:
            self._senders.change_cards.show(change)

    async def announce(self, announcement: Announcement) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before `open` and after the end."""
        await self._require_senders().announcements.announce(announcement)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before `open` and after the end."""
        await self._require_senders().announcements.revise(announcement, word)

    async def find_delivery(self, name: str) -> DeliveryStage:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `SlackNotConnected` before `open` and after the end."""
        return await self._require_senders().announcements.find_delivery(name)

    async def withdraw(self, prefix: str) -> int:
        """As `bot.model.announcement.AlertAnnouncer`. Raises `SlackNotConnected` before `open` and after the end."""
        return await self._require_senders().announcements.withdraw(prefix)

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        """As `bot.incidents.rules.channels.IncidentChannels`. Raises `SlackNotConnected` unless Slack was reached."""
        return await self._require_receivers().new_channels.create(new)

    async def invite(self, channel: str, person: str) -> Phrase | None:
        return await self._require_receivers().new_channels.invite(channel, person)

    async def is_private(self, channel: str) -> bool | None:
        """As `bot.incidents.rules.channels.IncidentChannels`. Unknown unless Slack was reached."""
        return await self._require_receivers().new_channels.is_private(channel) if self._works else None

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """As `bot.ports.context.ChannelNames`. Unknown unless Slack was reached."""
        return {} if self._senders is None or not self.reached else await self._senders.channels.find_names(channels)

    def _require_receivers(self) -> Receivers:
        if self._receivers is None or not self._works:
            raise SlackNotConnected(Phrase("not connected to Slack, retrying"))
        return self._receivers

    def _require_senders(self) -> Senders:
        if self._senders is None:
            raise SlackNotConnected(Phrase("not connected to Slack, retrying"))
        return self._senders

    async def get_health(self) -> SurfaceHealth:
        """Return the current health. Before the first connection nothing was refused, and nothing got lost."""
        senders, receivers = self._senders, self._receivers
        return SurfaceHealth(
            connected=receivers is not None and await receivers.socket.is_connected(),
            failure=self._failure,
            revoked="" if senders is None else senders.api.revoked,
            sending=senders is not None and senders.sender.healthy and (not self._works or len(self._sending) > 0),
            announcements_accepted=senders is not None and senders.sender.announcements_accepted,
            rebuilt=0 if receivers is None else receivers.socket.rebuilt,
            last_event_at=None if receivers is None else receivers.connector.last_event_at,
            unreachable_people=() if senders is None else senders.sender.unreachable_people,
        )

    async def close(self, deadline: float) -> None:
        """Accept nothing more, finish the work under way within `deadline` seconds, and disconnect.

        Work that remains stays as rows.
        """
        (senders, self._senders), (receivers, self._receivers) = (self._senders, None), (self._receivers, None)
        works, self._works = self._works, False
        if senders is None:
            return
        ends = self._clock.monotonic() + deadline
        await self._watching.drain(0.0)
        if receivers is not None:
            await receivers.socket.close()
            if late := await receivers.worker.drain(deadline):
                _log.warning("work was interrupted; it is resumed after the next start", commands=late)
        await senders.responder.threads.drain(max(0.0, ends - self._clock.monotonic()))
        await senders.change_cards.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        if receivers is not None:
            await receivers.homes.drain(0.0)
            await receivers.fallback_tasks.drain(0.0)
        if works:
            await self._sending.drain(0.0)
            await senders.sender.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        await senders.session.close()

    async def _start_work(self, senders: Senders, receivers: Receivers) -> None:
        """Start with old work: deliveries that arrive from now on are not among the rows that are read here."""
        senders.sender.name = receivers.bot.name
        again = await self._stores.outbox.recover_interrupted()
        resumed = await receivers.worker.lead(self._workspace.copy)
        if again or resumed:
            _log.info("unfinished work of the last run is resumed", commands=resumed, messages=again)
        self._sending.start("outbox", senders.sender.run())
        if self._workspace.copy is not None:
            self._watching.start("rows of other copies", receivers.worker.follow(self._workspace.copy))
        self._watching.start("refreshing", senders.change_cards.refresh())
        self._watching.start("home tabs", receivers.homes.watch())
        self._watching.start("forgetting", self._prune_daily(receivers.exporter))
        await senders.change_cards.resume()

    async def _prune_daily(self, filing: AnswerExporter) -> None:
        """Delete expired rows once a day; runs until cancelled."""
        while True:
            await retry_write(lambda: self._stores.inbox.prune(self._clock.now()), self._clock.sleep)
            await retry_write(self._stores.outbox.prune, self._clock.sleep)
            await filing.prune()
            await self._clock.sleep(DAY)
