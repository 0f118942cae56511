"""Tells people in the channel of the notices that another copy leads than before.

newest START of the audit log ─┬─ of another copy ─▶ a takeover, which this lead's START records
                               └─ of this copy ─▶ the one that it records, while recent: a crash may have come before
                                                  the message
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from pydantic import AwareDatetime, ValidationError

from adapters.errors import FlatnetError
from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.audit.log import EventKind
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer
from bot.store.audit import find_newest_of_kind
from bot.store.chain import StoredEvent
from bot.store.copies import LEADS, STOPPED
from bot.store.database import Database
from bot.store.known_copies import read_known_copies
from bot.store.lead import NO_TERM
from commands.model.report import Report

RECENT = timedelta(days=1)
"""Time for which a takeover is announced after a start. The outbox knows longer which ones were."""

if TYPE_CHECKING:
    from bot.slack.preflight import SlackBotUser

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
    last = await database.read(lambda session: find_newest_of_kind(session, EventKind.START, _names_copy))
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
