"""Tells people in the channel of the notices that another copy leads than before.

newest START of the audit log ─┬─ of another copy ─▶ a takeover, which this lead's START records
                               └─ of this copy ─▶ the one that it records, while recent: a crash may have come before
                                                  the message

Identity of this copy of the bot, and ownership of its database.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from pydantic import AwareDatetime, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.app.leading_rules import Candidate, NotLeading, describe_leading, require_permission
from bot.audit_log.log import EventKind
from bot.config.database import find_copy_name, find_database
from bot.config.digest import compute_digest
from bot.config.settings import Settings, load_audit_keys
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer
from bot.runtime.version import find_version
from bot.security.secrets import FindSecret
from bot.store.address import PostgresAddress
from bot.store.audit import find_newest_of_kind
from bot.store.audit_chain import StoredEvent
from bot.store.database import Database
from bot.store.known_replicas import read_known_copies
from bot.store.leadership import NO_TERM, CopyIdentity, update_leader
from bot.store.reading import may_have_events
from bot.store.replicas import LEADS, STOPPED
from bot.store.situation import read_situation
from bot.store.sqlite import FileLock
from commands.model.report import Report

if TYPE_CHECKING:
    from bot.slack.client.preflight import SlackBotUser


RECENT = timedelta(days=1)
"""Time for which a takeover is announced after a start. The outbox knows longer which ones were."""


_log = structlog.get_logger("bot.app.takeover")


class Takeover(Value):
    """A takeover: which copy leads since when, and how the copy that led before it reported itself last."""

    term: int
    leader: str
    since: AwareDatetime
    former: str
    role: str = ""
    seen_at: AwareDatetime | None = None

    def describe(self) -> Phrase:
        """Describes it in one line, for a phone."""
        since = Moment(self.since)
        if self.seen_at is not None and self.role == LEADS:
            return Phrase(
                "{leader} leads since {at}. {former} was last seen at {seen}",
                leader=self.leader,
                at=since,
                former=self.former,
                seen=Moment(self.seen_at),
            )
        if self.seen_at is not None and self.role == STOPPED:
            return Phrase(
                "{leader} leads since {at}. {former} was stopped at {seen}",
                leader=self.leader,
                at=since,
                former=self.former,
                seen=Moment(self.seen_at),
            )
        return Phrase("{leader} leads since {at}. {former} led before", leader=self.leader, at=since, former=self.former)


async def find_takeover(database: Database, me: str) -> Takeover | None:
    """Finds the takeover by which this copy leads, before its START is recorded. None on SQLite. Raises `DatabaseError`."""
    if database.term == NO_TERM:
        return None
    known = await read_known_copies(database, me, "")
    last = await database.read(find_newest_of_kind, EventKind.START, _names_copy)
    if known.leader is None or last is None:
        return None
    if (former := _find_copy(last)) == me:
        earlier = _find_recorded(last)
        return earlier if earlier is not None and known.leader.since - earlier.since < RECENT else None
    seen = next((each for each in known.copies if each.report.identity.name == former), None)
    return Takeover(
        term=known.leader.term,
        leader=me,
        since=known.leader.since,
        former=former,
        role="" if seen is None else seen.report.role,
        seen_at=None if seen is None else seen.seen_at,
    )


def _names_copy(event: StoredEvent) -> bool:
    """Returns whether a START names its copy: those of a history that moved from SQLite do not."""
    return bool(_find_copy(event))


def _find_copy(event: StoredEvent) -> str:
    """Finds the copy that a START names; "" if it names none."""
    return str(_read_data(event).get("copy", ""))


def _find_recorded(event: StoredEvent) -> Takeover | None:
    try:
        return Takeover.model_validate(_read_data(event).get("takeover"))
    except ValidationError:
        return None


def _read_data(event: StoredEvent) -> dict[str, object]:
    try:
        data = json.loads(event.data)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


@asynccontextmanager
async def announcing(
    takeover: Takeover | None,
    sender: AnnouncementSender,
    find_channel: Callable[[], str],
    connecting: "asyncio.Task[SlackBotUser]",
) -> AsyncIterator[None]:
    """Announces the takeover once Slack is connected. The same takeover is announced once, also after a crash."""

    async def announce(moved: Takeover) -> None:
        await asyncio.wait({connecting})
        if connecting.cancelled() or connecting.exception() is not None:
            return
        body = Report(title=Phrase("Takeover"), summary=moved.describe(), brief=True, next=("copies",))
        answer = Answer(operation=f"takeover-{moved.term}", understood="copies", body=body)
        try:
            await sender.announce(Announcement(answer.operation, find_channel(), answer))
        except FlatnetError as error:
            _log.warning("a takeover could not be announced; the next start tries again", why=str(error))

    task = None if takeover is None else asyncio.create_task(announce(takeover), name="takeover")
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def identify_copy(settings: Settings, secrets: FindSecret) -> Candidate:
    """Identifies this copy. Raises `MissingSecret` or `AuditKeyTooShort`."""
    keys = load_audit_keys(settings, secrets)
    me = CopyIdentity(find_copy_name(settings), find_version(), compute_digest(settings), keys.signing.id)
    left = (settings.database_file, settings.audit_head_file) if may_have_events(settings.database_file) else None
    return Candidate(me, frozenset(key.id for key in keys.earlier), left)


async def declare_configuration(database: Database, settings: Settings, secrets: FindSecret) -> None:
    """Declares the configuration that a leader works with from now on, so that other copies compare theirs with it.

    Does nothing on SQLite. Raises a `DatabaseError`.
    """
    if database.term == NO_TERM:
        return
    me = identify_copy(settings, secrets).identity
    await database.run(update_leader, me)
    database.report(me)


def own_data_folder(settings: Settings) -> AbstractContextManager[None]:
    """Owns the data folder of a copy until the block is left: its head file has one writer. Raises a `DatabaseError`."""
    return FileLock.hold(settings.database_file)


@asynccontextmanager
async def open_database(settings: Settings, secrets: FindSecret) -> AsyncIterator[Database]:
    """Owns the database until the block is left, for a process without a running bot.

    Raises a `DatabaseError`, or `NotLeading` if a copy leads elsewhere.
    """
    address = find_database(settings, secrets)
    if not isinstance(address, PostgresAddress):
        async with closing(await asyncio.to_thread(Database.open, address)) as database:
            yield database
        return
    with own_data_folder(settings):
        async with closing(await asyncio.to_thread(Database.connect, address)) as database:
            await _take_lead(database, identify_copy(settings, secrets))
            yield database


@asynccontextmanager
async def closing(database: Database) -> AsyncIterator[Database]:
    """Closes the database when the block is left, which releases it for others."""
    try:
        yield database
    finally:
        await database.aclose()


async def _take_lead(database: Database, candidate: Candidate) -> None:
    """Takes the lead at once. Raises `NotLeading` with the reason for which that is not possible."""
    if not await database.try_lead(
        candidate.identity, check=lambda session: require_permission(candidate, read_situation(session))
    ):
        raise NotLeading(describe_leading(await database.read(read_situation)))
