"""Slack as a whole: built from explicit collaborators, started, monitored, and closed in order.

start   preflight ─▶ outbox recovers and runs ─▶ unfinished rows are worked ─▶ socket opens, watchdog runs
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
from bot.incidents.channels import MadeChannel, NewChannel
from bot.model.announcement import Bulletin
from bot.model.change import Change
from bot.model.request import SlackIdentity, Standing
from bot.runtime.clock import Clock
from bot.runtime.periodic import DAY
from bot.slack import click_payload
from bot.slack.answers.announcements import Bulletins
from bot.slack.answers.change_cards import Board, Stories
from bot.slack.answers.charts import Pictures
from bot.slack.answers.exports import Filing
from bot.slack.answers.responder import AnswerFiles, Answering
from bot.slack.answers.thread_files import Threads
from bot.slack.answers.views import Looking
from bot.slack.api import SCOPES, TIMEOUT, Api, Clean, make_client
from bot.slack.delivery_kind import Desk
from bot.slack.directory.channels import Channels
from bot.slack.directory.groups import Groups
from bot.slack.directory.people import People, Usual
from bot.slack.inbound import click, form, log_filter, mention, slash_command
from bot.slack.inbound.event_listeners import Heard, listen
from bot.slack.inbound.form import Forms
from bot.slack.inbound.home_tab import Homes
from bot.slack.inbound.listeners import LastResort, register
from bot.slack.inbound.log_filter import Filters
from bot.slack.inbound.worker import Receiver
from bot.slack.outbound.incident_channels import NewChannels
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import Uploads
from bot.slack.preflight import Bot, Tokens, check_tokens, preflight, reveal_token
from bot.slack.socket import BoltSocket, Socket
from bot.slack.tasks import Running, insist
from bot.store.answers import Answers
from bot.store.inbox import Inbox
from bot.store.outbox import Outbox

LAST_WORDS = 1.0
"""Seconds that messages under way get at the end. A message cut off would be sent again and marked as repeated."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """The workspace, its API address, and its defaults.

    `team` is its id. `usual` has the language and zone of messages to all, and of people whose profile names none. `clean`
    removes secrets from everything that is shown (`bot.security.redaction`).
    """

    team: str
    api_url: str
    tokens: Tokens
    usual: Usual
    clean: Clean


@dataclass(frozen=True)
class Rows:
    """Stores that survive a crash; `stories` records which changes were shown."""

    inbox: Inbox
    outbox: Outbox
    answers: Answers
    stories: Stories


@dataclass(frozen=True)
class Health:
    """Health of the surface, and the time of Slack's last message.

    `revoked` is Slack's code if it refuses the token; `sending` is False if a message of the last hour could not be
    delivered at all, `arriving` if a channel refused an announcement; `rebuilt` counts the watchdog's rebuilds.
    """

    connected: bool
    revoked: str
    sending: bool
    arriving: bool
    rebuilt: int
    last_event_at: datetime | None

    @property
    def healthy(self) -> bool:
        return self.connected and not self.revoked and self.sending and self.arriving


@dataclass(frozen=True)
class _Parts:
    session: aiohttp.ClientSession
    api: Api
    people: People
    sender: Sender
    receiver: Receiver
    homes: Homes
    board: Board
    bulletins: Bulletins
    new_channels: NewChannels
    threads: Threads
    filing: Filing
    lines: BoltSocket
    socket: Socket
    explaining: Running


class NotConnected(FlatnetError):
    """Slack is not connected, so nothing can be sent."""


class SlackSurface:
    """The bot in one workspace. `start`, then `close`; `get_health` at any time."""

    def __init__(self, place: Place, desk: Desk, rows: Rows, clock: Clock) -> None:
        self._place = place
        self._desk = desk
        self._rows = rows
        self._clock = clock
        self._parts: _Parts | None = None
        self._watching = Running()
        self._sending = Running()

    async def start(self) -> Bot:
        """Connect; returns the bot's identity. Raises `SlackNotReady` if a token, the workspace or a scope is wrong.

        Raises `SlackFailure` if Slack cannot be reached, `DatabaseError` if the rows cannot be read.
        """
        check_tokens(self._place.tokens)
        session = aiohttp.ClientSession(timeout=TIMEOUT)
        try:
            client = make_client(self._place.api_url, session, reveal_token(self._place.tokens.bot))
            api = Api(client, session, self._place.clean)
            bot = await preflight(api, self._place.tokens, self._place.team, SCOPES)
            self._parts = self._build(session, client, api, bot)
        finally:
            if self._parts is None:
                await session.close()
        try:
            await self._begin(self._parts)
        except BaseException:
            await self.close(0.0)
            raise
        return bot

    async def identity(self, who: SlackIdentity) -> SlackIdentity:
        """Return a person's standing and groups at this moment; the standing is unknown if Slack cannot be asked."""
        if self._parts is None:
            return replace(who, standing=Standing.UNKNOWN, groups=frozenset())
        return (await self._parts.people.look_anew(who.team, who.user)).identity

    def show(self, change: Change) -> None:
        """Show the state of a change. Before the start and after the end, this waits for the next start."""
        if self._parts is not None:
            self._parts.board.show(change)

    async def announce(self, bulletin: Bulletin) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before the start and after the end."""
        await self._present().bulletins.announce(bulletin)

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """As `bot.model.announcement.Announcer`. Raises `SlackNotConnected` before the start and after the end."""
        await self._present().bulletins.revise(bulletin, word)

    async def make_channel(self, new: NewChannel) -> MadeChannel:
        """As `bot.incidents.channels.IncidentChannels`. Raises `SlackNotConnected` before the start and after the end."""
        return await self._present().new_channels.make(new)

    def _present(self) -> _Parts:
        if self._parts is None:
            raise NotConnected(Phrase("Slack is not connected; it is tried again"))
        return self._parts

    async def health(self) -> Health:
        """Return the current health."""
        parts = self._parts
        if parts is None:
            return Health(connected=False, revoked="", sending=False, arriving=False, rebuilt=0, last_event_at=None)
        return Health(
            connected=await parts.socket.is_connected(),
            revoked=parts.api.revoked,
            sending=parts.sender.healthy and len(self._sending) > 0,
            arriving=parts.sender.arriving,
            rebuilt=parts.socket.rebuilt,
            last_event_at=parts.lines.last_event_at,
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
            _log.warning("work was cut short; it goes on after the next start", commands=late)
        await parts.threads.drain(max(0.0, ends - self._clock.monotonic()))
        await parts.board.drain(max(LAST_WORDS, ends - self._clock.monotonic()))
        await parts.homes.drain(0.0)
        await parts.explaining.drain(0.0)
        await self._sending.drain(0.0)
        await parts.sender.drain(max(LAST_WORDS, ends - self._clock.monotonic()))
        await parts.session.close()

    def _build(self, session: aiohttp.ClientSession, client: AsyncWebClient, api: Api, bot: Bot) -> _Parts:
        place, clock = self._place, self._clock
        groups = Groups(api, self._desk.role_groups, clock.monotonic)
        people = People(api, place.team, place.usual, groups.of, clock.monotonic)
        channels = Channels(api, clock.monotonic)
        sender = Sender(self._rows.outbox, api, channels, bot.name, clock)
        uploads = Uploads(api, channels, self._rows.answers, clock)
        pictures = Pictures(uploads, place.clean)
        files = AnswerFiles(self._rows.answers, uploads, pictures)
        answering = Answering(self._desk, people, sender, files, clock)
        forms, looking = Forms(answering, api), Looking(answering)
        filing, filters = Filing(answering, looking, channels), Filters(answering, looking, api)
        homes = Homes(answering, api)
        board = Board(self._rows.stories, place.team, people, sender, clock)
        bulletins = Bulletins(answering)
        kinds = {
            slash_command.KIND: slash_command.kind(answering, forms),
            click_payload.KIND: click.kind(answering, click.Rooms(looking, filing, filters, forms, homes)),
            log_filter.KIND: filters.kind(),
            form.KIND: forms.sent(),
            form.SHORTCUT: forms.used(),
            mention.KIND: mention.kind(answering, bot.user),
        }
        receiver = Receiver(self._rows.inbox, kinds, people, sender, clock)
        explaining = Running()
        app = AsyncApp(
            name="flatnet",
            process_before_response=True,  # wait for the listener instead of polling every 10 ms; no listener here is slow
            client=make_client(place.api_url, session, None),
            authorize=_authorized(bot, reveal_token(place.tokens.bot)),
        )
        listen(app, receiver, Heard(groups, homes))
        register(app, receiver, forms, filters, LastResort(people, sender, explaining))
        lines = BoltSocket(app, client, reveal_token(place.tokens.app), api, clock.now)
        socket = Socket(lines.connect, clock.monotonic, clock.sleep)
        return _Parts(
            session=session,
            api=api,
            people=people,
            sender=sender,
            receiver=receiver,
            homes=homes,
            board=board,
            bulletins=bulletins,
            new_channels=NewChannels(api, people, channels, bot, clock),
            threads=answering.threads,
            filing=filing,
            lines=lines,
            socket=socket,
            explaining=explaining,
        )

    async def _begin(self, parts: _Parts) -> None:
        """Start with old work: deliveries that arrive from now on are not among the rows that are read here."""
        again = await self._rows.outbox.recover()
        resumed = await parts.receiver.resume()
        if again or resumed:
            _log.info("work of the last run goes on", commands=resumed, messages=again)
        await parts.board.resume()
        self._sending.start("outbox", parts.sender.run())
        await parts.socket.open()
        self._watching.start("watchdog", parts.socket.watch())
        self._watching.start("refreshing", parts.board.refresh())
        self._watching.start("forgetting", self._forget(parts.filing))

    async def _forget(self, filing: Filing) -> None:
        """Delete expired rows once a day; runs until cancelled."""
        while True:
            await insist(lambda: self._rows.inbox.prune(self._clock.now()), self._clock.sleep)
            await insist(self._rows.outbox.prune, self._clock.sleep)
            await filing.prune()
            await self._clock.sleep(DAY)


def _authorized(bot: Bot, token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """Make Bolt's `authorize`, which runs before each listener, from the preflight.

    Bolt's own one asks Slack within the 3 s of the first ack.
    """
    result = AuthorizeResult(enterprise_id=None, team_id=bot.team, bot_user_id=bot.user, bot_id=bot.bot, bot_token=token)

    async def authorize() -> AuthorizeResult:
        return result

    return authorize
