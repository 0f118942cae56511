"""Answers that are kept, so that a click shows more of them without asking any host again.

    keep ─▶ kept, with files that were made of it ─▶ (7 days) expired ─ the files deleted ─▶ forgotten

Documents are compressed: what is said of a fleet repeats itself.
"""

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, delete, func, select, update

from adapters.phrase import Phrase
from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.models import AnswerRow
from bot.store.stored import safe_text

KEPT = timedelta(days=7)
"""How long an answer can be looked at again."""

LARGEST = 8 * 2**20
"""Characters of one document; 254 hosts with all their details take half a million, and a fiftieth of that on the disk."""


@dataclass(frozen=True)
class Kept:
    """One answer. `actor` is who asked, `words` how that was understood, `document` the answer as JSON.

    `files`: Slack's ids of what was uploaded of it, to be deleted with it.
    """

    operation: str
    actor: str
    words: str
    made_at: datetime
    document: str
    files: tuple[str, ...] = ()


class Answers:
    """The rows of what was answered. Every method may raise a `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, kept: Kept) -> None:
        """Keep an answer; the same operation again takes its place. `TooLarge` where the document is."""
        document = kept.document.encode("utf-8", "backslashreplace")
        if len(document) > LARGEST:
            raise TooLarge(
                Phrase("too large to keep: {size} bytes, at most {limit}; ask for less", size=len(document), limit=LARGEST)
            )
        values = {
            "operation": safe_text(kept.operation),
            "actor": safe_text(kept.actor),
            "words": safe_text(kept.words),
            "made_at": kept.made_at,
            "expires_at": kept.made_at + KEPT,
            "document": zlib.compress(document),
            "files": json.dumps(kept.files),
        }

        def work(session: Session) -> None:
            again = {name: values[name] for name in ("words", "document")}
            adding = insert(AnswerRow).values(values)
            session.execute(adding.on_conflict_do_update(index_elements=["operation"], set_=again))

        await self._database.run(work)

    async def find(self, operation: str, now: datetime) -> Kept | None:
        """An answer that is still kept."""

        def work(session: Session) -> Kept | None:
            row = session.get(AnswerRow, safe_text(operation))
            return _kept(row) if row is not None and row.expires_at > now else None

        return await self._database.read(work)

    async def latest(self, words: str, now: datetime) -> Kept | None:
        """The newest answer to words as they were understood."""

        def work(session: Session) -> Kept | None:
            asked = (col(AnswerRow.words) == safe_text(words), col(AnswerRow.expires_at) > now)
            row = session.exec(select(AnswerRow).where(*asked).order_by(col(AnswerRow.made_at).desc()).limit(1)).first()
            return None if row is None else _kept(row)

        return await self._database.read(work)

    async def recent(self, actor: str, most: int) -> tuple[str, ...]:
        """What somebody asked lately, each words once, the newest first."""

        def work(session: Session) -> tuple[str, ...]:
            theirs = select(AnswerRow.words).where(col(AnswerRow.actor) == safe_text(actor))
            newest = theirs.group_by(col(AnswerRow.words)).order_by(func.max(AnswerRow.made_at).desc()).limit(most)
            return tuple(session.exec(newest))

        return await self._database.read(work)

    async def add_file(self, operation: str, file: str) -> None:
        """Note a file that was made of an answer, before anybody can see it."""

        def work(session: Session) -> None:
            row = session.get(AnswerRow, safe_text(operation))
            if row is not None:
                files = json.dumps([*json.loads(row.files), file])
                session.execute(update(AnswerRow).where(col(AnswerRow.operation) == row.operation).values(files=files))

        await self._database.run(work)

    async def expired(self, now: datetime) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Operations whose answers are no longer kept, with their files."""

        def work(session: Session) -> tuple[tuple[str, tuple[str, ...]], ...]:
            rows = session.exec(select(AnswerRow.operation, AnswerRow.files).where(col(AnswerRow.expires_at) <= now))
            return tuple((operation, tuple(json.loads(files))) for operation, files in rows)

        return await self._database.read(work)

    async def forget(self, operation: str) -> None:
        """Nothing is left of an answer."""

        def work(session: Session) -> None:
            session.execute(delete(AnswerRow).where(col(AnswerRow.operation) == safe_text(operation)))

        await self._database.run(work)


def _kept(row: AnswerRow) -> Kept:
    document = zlib.decompress(row.document).decode()
    return Kept(row.operation, row.actor, row.words, row.made_at, document, tuple(json.loads(row.files)))
