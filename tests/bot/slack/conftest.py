"""One workspace, one database, one clock that is moved by hand, and a desk whose answers are given by the test."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML
from slack_sdk.web.async_client import AsyncWebClient

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Actor, Permit, Refusal, Verdict
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.home import NOTHING_AT_HOME, HomeFacts
from bot.model.incident import Incident, UpdatePreview
from bot.model.output import DeliveredFile
from bot.model.request import Answer, Failure, FailureKind, Identity, Membership, Request, SlackIdentity
from bot.requests.authorization import Rights
from bot.runtime.clock import Clock
from bot.slack.client.api import SlackApi
from bot.slack.client.preflight import OPTIONAL_SCOPES, SCOPES, Tokens
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.directory.people import LanguageDefaults
from bot.slack.outbound.sender import Sender
from bot.slack.parts import SlackLead, SlackStores, SlackWorkspace
from bot.slack.surface import SlackSurface
from bot.store.answers import AnswerTable
from bot.store.database import Database
from bot.store.encoding import encode_time
from bot.store.inbox import Inbox
from bot.store.outbox import Outbox
from commands.catalogue import CATALOGUE
from commands.model.operation import Catalogue, Operation, Progress, Role, ignore_progress
from commands.model.report import Report
from tests.commands.canned import host
from tests.lab.workspace import Clock as WorkspaceClock
from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.manifest import EVENT_SCOPES

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
BEGIN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK and websockets take proxies from the environment, even for the loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


PATIENCE = 30.0
"""Seconds in which what is waited for must come: the machine may be busy with other tests."""

INCIDENT = Incident("op-1", "C0OPS", "the gateway answers 502", "host-a", "alice", BEGIN, number=3, private=False)
"""An incident in whose channel the bot is."""

CANARY = "c4n4ry-s3cr3t"
"""A secret that must not be seen anywhere."""


def cleaned(shown: Any) -> Any:
    """JSON without the canary; the redactor's contract."""
    if isinstance(shown, str):
        return shown.replace(CANARY, "[redacted]")
    if isinstance(shown, dict):
        return {name: cleaned(value) for name, value in shown.items()}
    return [cleaned(value) for value in shown] if isinstance(shown, list) else shown


class Time:
    """Time that stands still until it is moved; who sleeps is woken by the move."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.elapsed + seconds, sleeper))
        await sleeper

    async def asleep(self) -> None:
        """Wait until somebody sleeps."""
        async with asyncio.timeout(PATIENCE):
            while not any(not sleeper.done() for _, sleeper in self._sleepers):
                await asyncio.sleep(0.001)

    def move(self, seconds: float) -> None:
        self.elapsed += seconds
        for until, sleeper in self._sleepers:
            if until <= self.elapsed and not sleeper.done():
                sleeper.set_result(None)
        self._sleepers = [(until, sleeper) for until, sleeper in self._sleepers if not sleeper.done()]

    def clock(self) -> Clock:
        return Clock(self.now, self.monotonic, self.sleep)


@pytest.fixture
def time() -> Time:
    return Time()


def well(request: Request, *, here: bool = False, words: str = "3 hosts are healthy") -> Answer:
    """A healthy answer."""
    report = Report(title=Phrase("Health"), summary=Phrase("{words}", words=words), brief=True)
    return Answer(operation=f"op-{request.key}", understood=request.text, body=report, here=here)


def refused(request: Request) -> Answer:
    """What the desk says to somebody without standing."""
    failure = Failure(kind=FailureKind.REFUSED, phrase=Phrase("only members may ask; ask an administrator"))
    return Answer(operation=f"op-{request.key}", understood=request.text, body=failure)


@dataclass
class ScriptedDesk:
    """Keeps the desk's contract: refuses who is no member, else answers as the test says."""

    answer: Callable[[Request], Awaitable[Answer] | Answer] = well
    requests: list[Request] = field(default_factory=list)
    groups: tuple[str, ...] = ()
    deciders: tuple[str, ...] = ()
    lookers: tuple[str, ...] = ()
    """Members who may decide nothing."""
    catalogue: Catalogue = CATALOGUE
    incidents: tuple[Incident, ...] = ()
    on_places: Callable[[], object] = lambda: None
    """Called whenever incidents are looked for."""
    names: dict[str, str] = field(default_factory=dict)
    reaction: str = ""
    previews: dict[str, UpdatePreview] = field(default_factory=dict)
    home: HomeFacts = NOTHING_AT_HOME
    home_version: str = ""
    home_trouble: FlatnetError | None = None
    urgent: tuple[str, ...] = ()
    home_verdict: Verdict = field(default_factory=lambda: Permit("role viewer"))
    fallback: Fallback = field(default_factory=lambda: Fallback("", ("U0ADMIN",)))
    inventory: Inventory = field(default_factory=lambda: Inventory(hosts=(host("host-a", 1), host("host-b", 2))))
    delivered: list[tuple[str, DeliveredFile]] = field(default_factory=list)

    async def record_delivery(self, operation: str, file: DeliveredFile) -> None:
        self.delivered.append((operation, file))

    def find_rights(self, identity: Identity) -> Rights | Refusal:
        assert isinstance(identity, SlackIdentity)
        if identity.standing is not Membership.MEMBER:
            return Refusal(identity.standing.value, Phrase("only members may ask; ask an administrator"))
        return Rights(Actor(identity.user, frozenset({Role.VIEWER}), f"member {identity.user}"), self.catalogue)

    def judge_home_view(self, identity: Identity, operation: Operation) -> Verdict:
        return self.home_verdict

    def list_role_groups(self) -> tuple[str, ...]:
        return self.groups

    def list_deciders(self, change: Change) -> tuple[str, ...]:
        return self.deciders

    def may_decide(self, identity: Identity, change: Change) -> bool:
        assert isinstance(identity, SlackIdentity)
        return identity.standing is Membership.MEMBER and identity.user not in (change.mention, *self.lookers)

    async def check_refusal(self, request: Request) -> Failure | None:
        rights = self.find_rights(request.identity)
        return None if isinstance(rights, Rights) else Failure(kind=FailureKind.REFUSED, phrase=rights.reason)

    async def read_home(self, identity: Identity) -> HomeFacts:
        return self.home

    async def read_home_version(self) -> str:
        if self.home_trouble is not None:
            raise self.home_trouble
        return self.home_version

    async def find_note_places(self, identity: SlackIdentity, channel: str, key: str) -> tuple[Incident, ...]:
        self.on_places()
        if identity.standing is not Membership.MEMBER:
            return ()
        return tuple(each for each in self.incidents if each.channel == channel) or self.incidents

    async def preview_update(self, identity: SlackIdentity, channel: str, text: str) -> UpdatePreview | None:
        return self.previews.get(text)

    def name_author(self, user: str) -> str:
        return self.names.get(user, "")

    @property
    def note_reaction(self) -> str:
        return self.reaction

    async def list_urgent(self, identity: Identity) -> tuple[str, ...]:
        return self.urgent

    @property
    def known_operations(self) -> Catalogue:
        return self.catalogue

    @property
    def hosts(self) -> Inventory:
        return self.inventory

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer:
        self.requests.append(request)
        assert isinstance(request.identity, SlackIdentity)
        if request.identity.standing is not Membership.MEMBER:
            return refused(request)
        answer = self.answer(request)
        return answer if isinstance(answer, Answer) else await answer


@dataclass
class KeptStories:
    """Keeps the contract of what was shown: a newer version is unshown until it was shown."""

    changes: dict[str, Change] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    async def list_unshown(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes.values() if change.version > self.versions.get(change.operation, -1))

    async def read_card_note(self, operation: str) -> str:
        return self.notes.get(operation, "")

    async def mark_shown(self, operation: str, version: int, told: str) -> None:
        self.versions[operation] = version
        self.notes[operation] = told


@pytest.fixture
def desk() -> ScriptedDesk:
    return ScriptedDesk()


def manifest_with(folder: Path, scopes: frozenset[str], events: tuple[str, ...] | None = None) -> Path:
    """The project's manifest with other scopes, the events that they allow or other ones, and with buttons allowed."""
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(MANIFEST)
    document["oauth_config"]["scopes"] = {"bot": sorted(scopes)}
    document["settings"]["interactivity"] = {"is_enabled": True}
    if events is None:
        usual = document["settings"]["event_subscriptions"]["bot_events"]
        events = tuple(event for event in usual if not (needed := EVENT_SCOPES[event]) or not scopes.isdisjoint(needed))
    document["settings"]["event_subscriptions"] = {"bot_events": list(events)}
    path = folder / "manifest.yml"
    with path.open("w") as stream:
        yaml.dump(document, stream)
    return path


@pytest.fixture
async def workspace(time: Time, tmp_path: Path) -> AsyncIterator[Workspace]:
    clock = WorkspaceClock(now=time.now, monotonic=time.monotonic)
    workspace = Workspace(
        manifest_with(tmp_path, SCOPES | OPTIONAL_SCOPES.keys()), clock=clock, timing=Timing(ack=PATIENCE, farewell=0.05)
    )
    await workspace.start()
    yield workspace
    await workspace.stop()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    yield database
    await database.aclose()


async def start(surface: SlackSurface) -> None:
    """Open and connect at the first attempt; all is closed again if that fails."""
    await surface.open()
    try:
        await surface.connect()
    except BaseException:
        await surface.close(0.0)
        raise


@dataclass
class House:
    """Everything that a bot needs in this workspace."""

    workspace: Workspace
    database: Database
    desk: ScriptedDesk
    time: Time
    stories: KeptStories = field(default_factory=KeptStories)

    @property
    def rows(self) -> SlackStores:
        outbox = Outbox(self.database, self.time.now)
        return SlackStores(Inbox(self.database), outbox, AnswerTable(self.database))

    @property
    def duties(self) -> SlackLead:
        """What a bot that leads has."""
        return SlackLead(self.desk, self.stories)

    def surface(
        self, *, bot: str = "", app: str = "", team: str = "T0FLATNET", rows: SlackStores | None = None
    ) -> SlackSurface:
        """A bot that has not been started."""
        return SlackSurface(self.place(bot, app, team), self.duties, rows or self.rows, self.time.clock())

    def place(self, bot: str = "", app: str = "", team: str = "T0FLATNET") -> SlackWorkspace:
        """This workspace, as the bot knows it."""
        tokens = Tokens(SecretStr(bot or self.workspace.bot_token), SecretStr(app or self.workspace.app_token))
        return SlackWorkspace(
            team, self.workspace.api_url, tokens, LanguageDefaults("en", ZoneInfo("Asia/Tokyo"), {"C0DEV": "ja"}), cleaned
        )

    @asynccontextmanager
    async def bot(self, rows: SlackStores | None = None) -> AsyncIterator[SlackSurface]:
        """A running bot."""
        surface = self.surface(rows=rows)
        await start(surface)
        try:
            yield surface
        finally:
            await surface.close(0.5)

    @asynccontextmanager
    async def api(self) -> AsyncIterator[SlackApi]:
        """Slack as the bot calls it."""
        async with aiohttp.ClientSession() as session:
            workspace = self.workspace
            client = AsyncWebClient(workspace.bot_token, workspace.api_url, session=session, retry_handlers=[])
            yield SlackApi(client, session, cleaned)

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[Sender]:
        """The outbox alone, being emptied."""
        async with self.api() as api:
            clock = self.time.clock()
            sender = Sender(self.rows.outbox, api, ChannelDirectory(api, clock.monotonic), "flatnet", clock)
            running = asyncio.create_task(sender.run())
            yield sender
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await sender.drain(0.5)

    async def private(self, user: str, count: int = 1) -> list[str]:
        """What only this person sees, once there is so much of it."""
        await self.workspace.seen(lambda: len(self.workspace.private(user)) >= count)
        return [message.text for message in self.workspace.private(user)]

    async def direct(self, user: str, count: int = 1) -> list[str]:
        """The direct messages to this person, once there are so many."""
        await self.workspace.seen(lambda: len(self.workspace.direct(user)) >= count)
        return [message.text for message in self.workspace.direct(user)]

    async def public(self, channel: str, count: int = 1) -> list[str]:
        """What all in the channel see, once there is so much of it."""
        await self.workspace.seen(lambda: len(self.workspace.messages(channel)) >= count)
        return [message.text for message in self.workspace.messages(channel)]

    async def moving(self, look: Callable[[], object], step: float = 1.0) -> None:
        """Move the clock in steps until `look` finds something."""
        async with asyncio.timeout(PATIENCE):
            while not look():
                self.time.move(step)
                await asyncio.sleep(0.005)

    async def until(self, look: Callable[[], object]) -> None:
        """Wait, with the clock standing still, until `look` finds something."""
        async with asyncio.timeout(PATIENCE):
            while not look():
                await asyncio.sleep(0.002)

    async def settled(self) -> None:
        """Wait until no delivery is unfinished and no message is due or being sent."""
        async with asyncio.timeout(PATIENCE):
            while self._busy():
                await asyncio.sleep(0.005)

    def _busy(self) -> bool:
        queries = (
            "select count(*) from inbox where finished_at is null",
            "select count(*) from outbox where state = 'sending' or (state = 'waiting' and next_try_at <= :now)",
        )
        with closing(sqlite3.connect(self.database.path)) as database:
            return any(database.execute(query, {"now": encode_time(self.time.now())}).fetchone()[0] for query in queries)


@pytest.fixture
def house(workspace: Workspace, database: Database, desk: ScriptedDesk, time: Time) -> House:
    return House(workspace, database, desk, time)
