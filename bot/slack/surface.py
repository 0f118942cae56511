"""Slack as a whole: built from explicit collaborators, started, monitored, and closed in order.

start   preflight ─▶ outbox recovers and runs ─▶ unfinished rows are handled ─▶ socket opens, watchdog runs
close   socket closes (nothing more is accepted) ─▶ work drains ─▶ outbox drains ─▶ connections close
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

import aiohttp
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.incidents.channels import CreatedChannel, NewChannel
from bot.model.announcement import Announcement
from bot.model.change import Change
from bot.model.request import Membership, SlackIdentity
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY
from bot.slack import click_payload
from bot.slack.answers.announcements import AnnouncementPublisher
from bot.slack.answers.change_cards import ChangeCards, ShownChanges
from bot.slack.answers.charts import ChartUploader
from bot.slack.answers.exports import AnswerExporter
from bot.slack.answers.responder import AnswerFiles, Responder
from bot.slack.answers.thread_files import ThreadFiles
from bot.slack.answers.views import AnswerViews
from bot.slack.api import SCOPES, TIMEOUT, Redact, SlackApi, make_client
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.directory.groups import GroupDirectory
from bot.slack.directory.people import LanguageDefaults, PeopleDirectory
from bot.slack.inbound import click, form, log_filter, mention, slash_command
from bot.slack.inbound.event_listeners import EventTargets, register_event_listeners
from bot.slack.inbound.form import FormHandler
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.listeners import FallbackResponder, register_listeners
from bot.slack.inbound.log_filter import LogFilterHandler
from bot.slack.inbound.worker import InboxWorker
from bot.slack.outbound.incident_channels import ChannelCreator
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import Uploads
from bot.slack.preflight import SlackBotUser, Tokens, check_tokens, reveal_token, run_preflight
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
class SurfaceHealth:
    """Health of the surface, and the time of Slack's last message.

    `revoked` is Slack's code if it refuses the token; `sending` is False if a message of the last hour could not be
    delivered at all, `announcements_accepted` if a channel refused an announcement.
    `rebuilt` counts the watchdog's rebuilds.
    """

    connected: bool
    revoked: str
    sending: bool
    announcements_accepted: bool
    rebuilt: int
    last_event_at: datetime | None

    @property
    def healthy(self) -> bool:
        return self.connected and not self.revoked and self.sending and self.announcements_accepted


@dataclass(frozen=True)
class _Components:
    session: aiohttp.ClientSession
    api: SlackApi
    people: PeopleDirectory
    sender: Sender
    receiver: InboxWorker
    homes: HomeTabs
    change_cards: ChangeCards
    announcements: AnnouncementPublisher
    new_channels: ChannelCreator
    threads: ThreadFiles
    exporter: AnswerExporter
    connector: BoltConnector
    socket: ReconnectingSocket
    fallback_tasks: BackgroundTasks


class SlackNotConnected(FlatnetError):
    """Slack is not connected, so nothing can be sent."""


class SlackSurface:
    """The bot in one workspace. `start`, then `close`; `get_health` at any time."""

    def __init__(self, place: SlackWorkspace, dispatcher: SlackDispatcher, rows: SlackStores, clock: Clock) -> None:
        self._workspace = place
        self._dispatcher = dispatcher
        self._stores = rows
        self._clock = clock
        self._parts: _Components | None = None
        self._watching = BackgroundTasks()
        self._sending = BackgroundTasks()

    async def start(self) -> SlackBotUser:
        """Connect; returns the bot's identity. Raises `SlackNotReady` if a token, the workspace or a scope is wrong.

        Raises `SlackFailure` if Slack cannot be reached, `DatabaseError` if the rows cannot be read.
        """
        check_tokens(self._workspace.tokens)
        session = aiohttp.ClientSession(timeout=TIMEOUT)
        try:
            client = make_client(self._workspace.api_url, session, reveal_token(self._workspace.tokens.bot))
            api = SlackApi(client, session, self._workspace.clean)
            bot = await run_preflight(api, self._workspace.tokens, self._workspace.team, SCOPES)
            self._parts = self._build_components(session, client, api, bot)
        finally:
            if self._parts is None:
                await session.close()
        try:
            await self._start_components(self._parts)
        except BaseException:
            await self.close(0.0)
            raise
        return bot

    async def refresh_identity(self, who: SlackIdentity) -> SlackIdentity:
        """Return a person's standing and groups at this moment; the standing is unknown if Slack cannot be asked."""
        if self._parts is None:
            return replace(who, standing=Membership.UNKNOWN, groups=frozenset())
        return (await self._parts.people.refresh_reader(who.team, who.user)).identity

    def show_change(self, change: Change) -> None:
        """Show the state of a change. Before the start and after the end, this waits for the next start."""
        if self._parts is not None:
            self._parts.change_cards.show(change)

    async def announce(self, announcement: Announcement) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before the start and after the end."""
        await self._require_components().announcements.announce(announcement)

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before the start and after the end."""
        await self._require_components().announcements.revise(announcement, word)

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        """As `bot.incidents.channels.IncidentChannels`. Raises `SlackNotConnected` before the start and after the end."""
        return await self._require_components().new_channels.create(new)

    def _require_components(self) -> _Components:
        if self._parts is None:
            raise SlackNotConnected(Phrase("not connected to Slack, retrying"))
        return self._parts

    async def get_health(self) -> SurfaceHealth:
        """Return the current health."""
        parts = self._parts
        if parts is None:
            return SurfaceHealth(
                connected=False, revoked="", sending=False, announcements_accepted=False, rebuilt=0, last_event_at=None
            )
        return SurfaceHealth(
            connected=await parts.socket.is_connected(),
            revoked=parts.api.revoked,
            sending=parts.sender.healthy and len(self._sending) > 0,
            announcements_accepted=parts.sender.announcements_accepted,
            rebuilt=parts.socket.rebuilt,
            last_event_at=parts.connector.last_event_at,
        )

    async def close(self, deadline: float) -> None:
        """Accept nothing more, finish the work under way within `deadline` seconds, and disconnect.

        Work that remains stays as rows.
        """
        parts, self._parts = self._parts, None
        if parts is None:
            return
        ends = self._clock.monotonic() + deadline
        await self._watching.drain(0.0)
        await parts.socket.close()
        if late := await parts.receiver.drain(deadline):
            _log.warning("work was interrupted; it is resumed after the next start", commands=late)
        await parts.threads.drain(max(0.0, ends - self._clock.monotonic()))
        await parts.change_cards.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        await parts.homes.drain(0.0)
        await parts.fallback_tasks.drain(0.0)
        await self._sending.drain(0.0)
        await parts.sender.drain(max(FINAL_SEND_SECONDS, ends - self._clock.monotonic()))
        await parts.session.close()

    def _build_components(
        self, session: aiohttp.ClientSession, client: AsyncWebClient, api: SlackApi, bot: SlackBotUser
    ) -> _Components:
        place, clock = self._workspace, self._clock
        groups = GroupDirectory(api, self._dispatcher.list_role_groups, clock.monotonic)
        people = PeopleDirectory(api, place.team, place.defaults, groups.find_groups, clock.monotonic)
        channels = ChannelDirectory(api, clock.monotonic)
        sender = Sender(self._stores.outbox, api, channels, bot.name, clock)
        uploads = Uploads(api, channels, self._stores.answers, clock)
        pictures = ChartUploader(uploads, place.clean)
        files = AnswerFiles(self._stores.answers, uploads, pictures)
        responder = Responder(self._dispatcher, people, sender, files, clock)
        forms, views = FormHandler(responder, api), AnswerViews(responder)
        filing, filters = AnswerExporter(responder, views, channels), LogFilterHandler(responder, views, api)
        homes = HomeTabs(responder, api)
        board = ChangeCards(self._stores.shown_changes, place.team, people, sender, clock)
        bulletins = AnnouncementPublisher(responder)
        kinds = {
            slash_command.KIND: slash_command.make_kind(responder, forms),
            click_payload.KIND: click.make_kind(responder, click.ClickHandlers(views, filing, filters, forms, homes)),
            log_filter.KIND: filters.make_kind(),
            form.KIND: forms.make_submission_kind(),
            form.SHORTCUT: forms.make_shortcut_kind(),
            mention.KIND: mention.make_kind(responder, bot.user),
        }
        receiver = InboxWorker(self._stores.inbox, kinds, people, sender, clock)
        explaining = BackgroundTasks()
        app = AsyncApp(
            name="flatnet",
            process_before_response=True,  # wait for the listener instead of polling every 10 ms; no listener here is slow
            client=make_client(place.api_url, session, None),
            authorize=_make_authorize(bot, reveal_token(place.tokens.bot)),
        )
        register_event_listeners(app, receiver, EventTargets(groups, homes))
        register_listeners(app, receiver, forms, filters, FallbackResponder(people, sender, explaining))
        lines = BoltConnector(app, client, reveal_token(place.tokens.app), api, clock.now)
        socket = ReconnectingSocket(lines.connect, clock.monotonic, clock.sleep)
        return _Components(
            session=session,
            api=api,
            people=people,
            sender=sender,
            receiver=receiver,
            homes=homes,
            change_cards=board,
            announcements=bulletins,
            new_channels=ChannelCreator(api, people, channels, bot, clock),
            threads=responder.threads,
            exporter=filing,
            connector=lines,
            socket=socket,
            fallback_tasks=explaining,
        )

    async def _start_components(self, parts: _Components) -> None:
        """Start with old work: deliveries that arrive from now on are not among the rows that are read here."""
        again = await self._stores.outbox.recover_interrupted()
        resumed = await parts.receiver.resume()
        if again or resumed:
            _log.info("unfinished work of the last run is resumed", commands=resumed, messages=again)
        await parts.change_cards.resume()
        self._sending.start("outbox", parts.sender.run())
        await parts.socket.open()
        self._watching.start("watchdog", parts.socket.watch())
        self._watching.start("refreshing", parts.change_cards.refresh())
        self._watching.start("forgetting", self._prune_daily(parts.exporter))

    async def _prune_daily(self, filing: AnswerExporter) -> None:
        """Delete expired rows once a day; runs until cancelled."""
        while True:
            await retry_write(lambda: self._stores.inbox.prune(self._clock.now()), self._clock.sleep)
            await retry_write(self._stores.outbox.prune, self._clock.sleep)
            await filing.prune()
            await self._clock.sleep(DAY)


def _make_authorize(bot: SlackBotUser, token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """Make Bolt's `authorize`, which runs before each listener, from the preflight.

    Bolt's own one asks Slack within the 3 s of the first ack.
    """
    result = AuthorizeResult(enterprise_id=None, team_id=bot.team, bot_user_id=bot.user, bot_id=bot.bot, bot_token=token)

    async def authorize() -> AuthorizeResult:
        return result

    return authorize
