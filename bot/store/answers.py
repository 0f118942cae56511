"""Stored answers, so that a click shows more of an answer without reading a host again. Rows and queries only.

    store ─▶ stored, with the files made from it ─▶ (7 days) expired ─ its files are deleted ─▶ deleted

Documents are compressed, because a report on a fleet is repetitive.
"""

import asyncio
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from adapters.phrase import Phrase
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.errors import TooLarge
from bot.store.schema.tables import ANSWERS

RETENTION = timedelta(days=7)
"""Time for which an answer can be shown again."""

MAX_DOCUMENT_BYTES = 8 * 2**20
"""Maximum size of a document before compression. 254 hosts with all details take 0.5 MB, log lines as much as
`commands.logs.operations` allows an answer to hold. On the disk a document takes about a tenth."""

_THIS = ANSWERS.c.operation == bindparam("this")
_NOT_EXPIRED = ANSWERS.c.expires_at > bindparam("now")

_INSERT = insert(ANSWERS)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["operation"], set_={"words": _INSERT.excluded.words, "document": _INSERT.excluded.document}
)
_FIND = select(ANSWERS).where(_THIS, _NOT_EXPIRED)
_LATEST = (
    select(ANSWERS).where(ANSWERS.c.words == bindparam("asked"), _NOT_EXPIRED).order_by(ANSWERS.c.made_at.desc()).limit(1)
)
_RECENT = (
    select(ANSWERS.c.words)
    .where(ANSWERS.c.actor == bindparam("who"))
    .group_by(ANSWERS.c.words)
    .order_by(func.max(ANSWERS.c.made_at).desc())
    .limit(bindparam("most"))
)
_FILES = select(ANSWERS.c.files).where(_THIS)
_UNEXPIRED_FILES = _FILES.where(_NOT_EXPIRED)
_UPDATE_FILES = update(ANSWERS).where(_THIS)
_EXPIRED = select(ANSWERS.c.operation, ANSWERS.c.files).where(ANSWERS.c.expires_at <= bindparam("now"))
_DELETE = delete(ANSWERS).where(_THIS)


@dataclass(frozen=True)
class AnswerFile:
    """A file that was made from an answer: its Slack id and its name. `shown`: it is certain that readers could see it."""

    id: str
    name: str
    shown: bool = False


@dataclass(frozen=True)
class StoredAnswer:
    """One answer. `actor` is the requester, `words` the command as it was parsed, `document` the answer as JSON.

    `files` are the uploads made from it. They are deleted with it.
    """

    operation: str
    actor: str
    words: str
    made_at: datetime
    document: str
    files: tuple[AnswerFile, ...] = ()


class AnswerTable:
    """Table of answers. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, kept: StoredAnswer) -> None:
        """Stores an answer; replaces an answer of the same operation. Raises `TooLarge` for a too large document."""
        document = kept.document.encode("utf-8", "backslashreplace")
        if len(document) > MAX_DOCUMENT_BYTES:
            raise TooLarge(
                Phrase(
                    "too large to store: {size} bytes (limit {limit}). Narrow the range and try again",
                    size=len(document),
                    limit=MAX_DOCUMENT_BYTES,
                )
            )
        values = {
            "operation": escape_text(kept.operation),
            "actor": escape_text(kept.actor),
            "words": escape_text(kept.words),
            "made_at": kept.made_at,
            "expires_at": kept.made_at + RETENTION,
            "document": await asyncio.to_thread(zlib.compress, document),  # takes half a second for many lines
            "files": _encode_files(kept.files),
        }
        await self._database.run(_store, values)

    async def find(self, operation: str, now: datetime) -> StoredAnswer | None:
        """Returns an answer; None if it does not exist or has expired."""
        return await self._find_one(_FIND, {"this": escape_text(operation), "now": now})

    async def find_files(self, operation: str, now: datetime) -> tuple[AnswerFile, ...] | None:
        """Returns the files that were made from an answer; None if the answer has expired."""
        this = {"this": escape_text(operation), "now": now}
        return await self._database.read(_find_files, this)

    async def find_latest(self, words: str, now: datetime) -> StoredAnswer | None:
        """Returns the newest answer to a command, given as it was parsed."""
        return await self._find_one(_LATEST, {"asked": escape_text(words), "now": now})

    async def list_recent_words(self, actor: str, most: int) -> tuple[str, ...]:
        """Lists the recent commands of an actor, each one once, newest first."""
        theirs = {"who": escape_text(actor), "most": most}
        return await self._database.read(lambda connection: tuple(connection.execute(_RECENT, theirs).scalars()))

    async def record_file(self, operation: str, made: AnswerFile) -> bool:
        """Records a file that was made from an answer, before readers can see it and again when they can.

        Returns False if the answer was deleted. In that case the caller must delete the file.
        """
        this = {"this": escape_text(operation)}
        return await self._database.run(_record_file, made, this)

    async def list_expired(self, now: datetime) -> tuple[tuple[str, tuple[AnswerFile, ...]], ...]:
        """Lists the operations whose answers have expired, with their files."""
        return await self._database.read(_list_expired, now)

    async def delete(self, operation: str, deleted: Iterable[AnswerFile]) -> None:
        """Deletes an answer after its files were deleted. It stays if another file was recorded in the meantime."""
        this, gone = {"this": escape_text(operation)}, {file.id for file in deleted}

        def work(connection: Connection) -> None:
            files = connection.execute(_FILES, this).scalar_one_or_none()
            if files is not None and all(file.id in gone for file in _decode_files(files)):
                connection.execute(_DELETE, this)

        await self._database.run(work)

    async def _find_one(self, query: Select[Any], named: Mapping[str, Any]) -> StoredAnswer | None:
        return await self._database.read(_find_answer, query, named)


def _record_file(connection: Connection, made: AnswerFile, this: Mapping[str, Any]) -> bool:
    files = connection.execute(_FILES, this).scalar_one_or_none()
    if files is None:
        return False
    known = {each.id: each for each in _decode_files(files)} | {made.id: made}
    connection.execute(_UPDATE_FILES, {**this, "files": _encode_files(known.values())})
    return True


def _find_files(connection: Connection, this: Mapping[str, Any]) -> tuple[AnswerFile, ...] | None:
    files = connection.execute(_UNEXPIRED_FILES, this).scalar_one_or_none()
    return None if files is None else _decode_files(files)


def _store(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_STORE, values)


def _find_answer(connection: Connection, query: Select[Any], named: Mapping[str, Any]) -> StoredAnswer | None:
    row = connection.execute(query, named).first()
    return None if row is None else _read_answer(row)


def _list_expired(connection: Connection, now: datetime) -> tuple[tuple[str, tuple[AnswerFile, ...]], ...]:
    return tuple((row.operation, _decode_files(row.files)) for row in connection.execute(_EXPIRED, {"now": now}))


def _read_answer(row: Row[Any]) -> StoredAnswer:
    document = zlib.decompress(row.document).decode()
    return StoredAnswer(row.operation, row.actor, row.words, row.made_at, document, _decode_files(row.files))


def _encode_files(files: Iterable[AnswerFile]) -> str:
    return json.dumps([asdict(each) for each in files])


def _decode_files(text: str) -> tuple[AnswerFile, ...]:
    """Decodes files from `_encode_files`."""
    return tuple(AnswerFile(**each) for each in json.loads(text))
