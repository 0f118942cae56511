"""Slack as a whole: built from explicit collaborators, started, monitored, and closed in order.

open      what needs no answer of Slack: from now on, announcements wait in the outbox
connect   preflight ─▶ outbox recovers and runs ─▶ unfinished rows are handled ─▶ socket opens, watchdog runs
close     socket closes (nothing more is accepted) ─▶ work drains ─▶ outbox drains ─▶ connections close
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import aiohttp
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.incidents.channels import CreatedChannel, NewChannel
from bot.model.announcement import Announcement, DeliveryStage
from bot.model.change import Change
from bot.model.request import Membership, SlackIdentity
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY
from bot.slack.answers.alert_words import AlertWords
from bot.slack.answers.announcements import AnnouncementPublisher
from bot.slack.answers.change_cards import ChangeCards, ShownChanges
from bot.slack.answers.charts import ChartUploader
from bot.slack.answers.exports import AnswerExporter
from bot.slack.answers.personal_notices import PersonalNotices
from bot.slack.answers.responder import AnswerFiles, Responder
from bot.slack.api import TIMEOUT, Redact, SlackApi, make_client
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.directory.audience import Audience
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.directory.groups import GroupDirectory
from bot.slack.directory.people import LanguageDefaults, PeopleDirectory
from bot.slack.errors import SlackFailure
from bot.slack.health import SurfaceHealth
from bot.slack.inbound.event_listeners import EventTargets, register_event_listeners
from bot.slack.inbound.handlers import build_handlers
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.listeners import FallbackResponder, register_listeners
from bot.slack.inbound.worker import InboxWorker
from bot.slack.outbound.incident_channels import ChannelCreator
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.sharing import FileWatcher
from bot.slack.outbound.uploads import UploadRecords, Uploads
from bot.slack.preflight import SlackBotUser, Tokens, check_tokens, make_authorize, reveal_token, run_preflight
from bot.slack.scopes import SCOPES
from bot.slack.socket import BoltConnector, ReconnectingSocket
from bot.slack.tasks import BackgroundTasks, retry_write
from bot.store.answers import AnswerTable
from bot.store.inbox import Inbox
from bot.store.outbox import Outbox

FINAL_SEND_SECONDS = 1.0
"""Seconds that messages under way get at the end. A message cut off would be sent again and marked as repeated."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SlackWorkspace:
    """The workspace, its API address, and its defaults.

    `team` is its id. `defaults` has the language and zone of messages to all, and of people whose profile names none.
    `clean` removes secrets from everything that is shown (`bot.security.redaction`).
    """

    team: str
    api_url: str
    tokens: Tokens
    defaults: LanguageDefaults
    clean: Redact


@dataclass(frozen=True)
class SlackStores:
    """Stores that survive a crash; `shown_changes` records which changes were shown."""

    inbox: Inbox
    outbox: Outbox
    answers: AnswerTable
    shown_changes: ShownChanges


@dataclass(frozen=True)
class _Senders:
    """Components that need no answer of Slack: what they send waits in the outbox."""

    session: aiohttp.ClientSession
    client: AsyncWebClient
    api: SlackApi
    channels: ChannelDirectory
    groups: GroupDirectory
    people: PeopleDirectory
    sender: Sender
    responder: Responder
    change_cards: ChangeCards
    announcements: AnnouncementPublisher


@dataclass(frozen=True)
class _Receivers:
    """Components that need the bot's identity in its workspace."""

    bot: SlackBotUser
    receiver: InboxWorker
    homes: HomeTabs
    new_channels: ChannelCreator
    exporter: AnswerExporter
    connector: BoltConnector
    socket: ReconnectingSocket
    fallback_tasks: BackgroundTasks


class SlackNotConnected(FlatnetError):
    """Slack is not connected, so nothing can be sent."""


class SlackSurface:
    """The bot in one workspace: `open`, `connect` until that succeeds, then `close`; `get_health` at any time."""

    def __init__(self, place: SlackWorkspace, dispatcher: SlackDispatcher, rows: SlackStores, clock: Clock) -> None:
        self._workspace = place
        self._dispatcher = dispatcher
        self._stores = rows
        self._clock = clock
        self._senders: _Senders | None = None
        self._receivers: _Receivers | None = None
        self._failure = ""
        self._watching = BackgroundTasks()
        self._sending = BackgroundTasks()

    async def open(self) -> None:
        """Build what needs no answer of Slack. Raises `SlackNotReady` if a token is missing or of the wrong kind."""
        check_tokens(self._workspace.tokens)
        self._senders = self._build_senders(aiohttp.ClientSession(timeout=TIMEOUT))

    async def connect(self) -> SlackBotUser:
        """Try once to connect; returns the bot's identity. After a failure it can be called again.

        Raises `SlackNotReady` (a token, the workspace or a scope is wrong), `SlackFailure`, or a `DatabaseError`.
        """
        senders = self._require_senders()
        try:
            if self._receivers is None:
                bot = await run_preflight(senders.api, self._workspace.tokens, self._workspace.team, SCOPES)
                await self._start_work(senders, self._build_receivers(senders, bot))
            receivers = self._require_receivers()
            await receivers.socket.open()
        except Exception as error:
            self._failure = error.code if isinstance(error, SlackFailure) else type(error).__name__
            raise
        self._failure = ""
        self._watching.start("watchdog", receivers.socket.watch())
        self._watching.start("counting", receivers.connector.warn_of_others(self._clock.sleep))
        return receivers.bot

    @property
    def reached(self) -> bool:
        """True once Slack has accepted the tokens, and until the end."""
        return self._receivers is not None

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
        """As `bot.incidents.channels.IncidentChannels`. Raises `SlackNotConnected` unless Slack was reached."""
        return await self._require_receivers().new_channels.create(new)

    async def invite(self, channel: str, person: str) -> Phrase | None:
        return await self._require_receivers().new_channels.invite(channel, person)

    async def is_private(self, channel: str) -> bool | None:
        """As `bot.incidents.channels.IncidentChannels`. Unknown unless Slack was reached."""
        return None if self._receivers is None else await self._receivers.new_channels.is_private(channel)

    async def find_names(self, channels: Collection[str]) -> Mapping[str, str]:
        """As `bot.handlers.ports.ChannelNames`. Unknown unless Slack was reached."""
        return {} if self._senders is None or not self.reached else await self._senders.channels.find_names(channels)

    def _require_receivers(self) -> _Receivers:
        if self._receivers is None:
            raise SlackNotConnected(Phrase("not connected to Slack, retrying"))
        return self._receivers

    def _require_senders(self) -> _Senders:
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
            sending=senders is not None and senders.sender.healthy and (receivers is None or len(self._sending) > 0),
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
        if senders is None:
            return
        ends = self._clock.monotonic() + deadline
        await self._watching.drain(0.0)
        if receivers is not None:
            await receivers.socket.close()
            if late := await receivers.receiver.drain(deadline):
                _log.warning("work was interrupted; it is resumed after the next start", commands=late)
        await senders.responder.threads.drain(max(0.0, ends - self._clock.monotonic()))
        await senders.change_cards.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        if receivers is not None:
            await receivers.homes.drain(0.0)
            await receivers.fallback_tasks.drain(0.0)
            await self._sending.drain(0.0)
            await senders.sender.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        await senders.session.close()

    def _build_senders(self, session: aiohttp.ClientSession) -> _Senders:
        place, clock = self._workspace, self._clock
        client = make_client(place.api_url, session, reveal_token(place.tokens.bot))
        api = SlackApi(client, session, place.clean)
        groups = GroupDirectory(api, self._dispatcher.list_role_groups, clock.monotonic)
        people = PeopleDirectory(api, place.team, place.defaults, groups.find_groups, clock.monotonic)
        channels = ChannelDirectory(api, clock.monotonic)
        sender = Sender(self._stores.outbox, api, channels, "flatnet", clock)
        records = UploadRecords(self._stores.answers, self._dispatcher.record_delivery)
        uploads = Uploads(api, channels, records, FileWatcher(api, clock), clock)
        files = AnswerFiles(self._stores.answers, uploads, ChartUploader(uploads, place.clean))
        responder = Responder(self._dispatcher, people, sender, files, clock)
        audience = Audience(api, groups, clock)
        notices = PersonalNotices(self._dispatcher, place.team, people, audience, sender)
        words = AlertWords(place.team, people, audience, sender)
        return _Senders(
            session=session,
            client=client,
            api=api,
            channels=channels,
            groups=groups,
            people=people,
            sender=sender,
            responder=responder,
            change_cards=ChangeCards(self._stores.shown_changes, people, sender, notices, clock),
            announcements=AnnouncementPublisher(responder, words),
        )

    def _build_receivers(self, senders: _Senders, bot: SlackBotUser) -> _Receivers:
        place, clock, api = self._workspace, self._clock, senders.api
        handlers = build_handlers(senders.responder, api, senders.channels, bot, place.clean)
        receiver = InboxWorker(self._stores.inbox, handlers.kinds, senders.people, senders.sender, clock)
        explaining = BackgroundTasks()
        app = AsyncApp(
            name="flatnet",
            process_before_response=True,  # wait for the listener instead of polling every 10 ms; no listener here is slow
            client=make_client(place.api_url, senders.session, None),
            authorize=make_authorize(bot, reveal_token(place.tokens.bot)),
        )
        register_event_listeners(app, receiver, EventTargets(senders.groups, handlers.homes, handlers.reactions), bot.user)
        fallback = FallbackResponder(senders.people, senders.sender, explaining)
        register_listeners(app, receiver, handlers.modals, fallback)
        lines = BoltConnector(app, senders.client, reveal_token(place.tokens.app), api, clock.now)
        return _Receivers(
            bot=bot,
            receiver=receiver,
            homes=handlers.homes,
            new_channels=ChannelCreator(api, senders.people, senders.channels, bot, clock),
            exporter=handlers.exporter,
            connector=lines,
            socket=ReconnectingSocket(lines.connect, clock.monotonic, clock.sleep),
            fallback_tasks=explaining,
        )

    async def _start_work(self, senders: _Senders, receivers: _Receivers) -> None:
        """Start with old work: deliveries that arrive from now on are not among the rows that are read here."""
        senders.sender.name = receivers.bot.name
        again = await self._stores.outbox.recover_interrupted()
        resumed = await receivers.receiver.resume()
        self._receivers = receivers
        if again or resumed:
            _log.info("unfinished work of the last run is resumed", commands=resumed, messages=again)
        self._sending.start("outbox", senders.sender.run())
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
