"""Identity of this copy of the bot, and ownership of its database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from bot.config.database import find_copy_name, find_database
from bot.config.digest import compute_digest
from bot.config.settings import Settings, load_audit_keys
from bot.copies.rules import Candidate, NotLeading, describe_leading, require_permission
from bot.runtime.version import find_version
from bot.security.secrets import FindSecret
from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.file_lock import FileLock
from bot.store.lead import NO_TERM, CopyIdentity, update_leader
from bot.store.reading import may_have_events
from bot.store.situation import read_situation


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
    await database.run(lambda connection: update_leader(connection, me))
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
