"""Commands of an administrator on the database: what they change where no bot runs, and what they say."""

from pathlib import Path

import pytest

from adapters.phrase import Phrase
from bot.app.application import load_secrets
from bot.app.leading_rules import NotLeading
from bot.app.takeover import open_database
from bot.audit_log.adoption import NotAdoptable
from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind, NotAcceptable
from bot.config.errors import Misconfigured
from bot.config.settings import Settings, read_settings
from bot.store import audit as table
from bot.store.address import PostgresAddress
from bot.store.audit_chain import AuditKey, AuditKeys
from bot.store.database import Database
from bot.store.errors import DatabaseInUse
from bot.store.leadership import CopyIdentity
from bot.store.reading import open_for_reading
from bot.store.schema.creation import HEAD_REVISION
from bot.terminal import database_commands as commands
from tests.bot.audit_log.files import NOW
from tests.postgres import PostgresServer

SECRET = "not-a-secret-the-audit-key-of-a-test"
KEYS = AuditKeys(AuditKey(SECRET.encode()))
LOST = CopyIdentity("lost", "9.9.9", "another", "0" * 8)


@pytest.fixture
def settings(tmp_path: Path, postgres: PostgresAddress) -> Settings:
    """A machine that is to use the empty database."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "audit_key").write_text(SECRET)
    (tmp_path / "secrets" / "audit_key").chmod(0o600)
    (tmp_path / "var").mkdir(mode=0o700)
    file = tmp_path / "flatnet.toml"
    file.write_text(
        f'database = "{postgres}"\ncopy_name = "here"\nsecrets_folder = "secrets"\n'
        '[[hosts]]\nname = "host-a"\nid = 2\n'
        '[hosts.gateway]\nurl = "http://127.0.0.1:1"\n'
    )
    return read_settings(file)


async def lead(address: PostgresAddress, heads: Path, me: CopyIdentity, *words: str) -> None:
    database = Database.connect(address)
    assert await database.try_lead(me)
    audit = await AuditLog.open(database, KEYS, heads, lambda: NOW)
    for text in words:
        await audit.record(EventKind.REQUEST, "ana", f"op-{text}", {"text": text})
    await audit.aclose()
    await database.aclose()


def say(phrases: object) -> str:
    assert isinstance(phrases, list | tuple)
    return ". ".join(str(each) for each in phrases if isinstance(each, Phrase))


async def test_a_machine_adopts_the_lead_of_one_that_is_gone(
    settings: Settings, postgres: PostgresAddress, postgres_server: PostgresServer
) -> None:
    """With a signed event, and not while that one leads or events are lost."""
    heads = settings.audit_head_file
    await lead(postgres, heads, LOST, "one", "two")
    leading = Database.connect(postgres)
    assert await leading.try_lead(LOST)
    with pytest.raises(DatabaseInUse, match="lost leads over"):
        commands.adopt(settings)
    await leading.aclose()
    assert "of here count now" in say(commands.adopt(settings))
    [(name, term)] = postgres_server.execute("SELECT name, term FROM leader", postgres.name)
    with open_for_reading(postgres) as connection:
        event = table.read_last(connection)
    assert event is not None
    assert ("here", 2, "adopted", True) == (name, term, event.kind, KEYS.is_signed(event))
    assert 3 == verify_files(postgres, heads, KEYS.all).count
    postgres_server.execute("SET session_replication_role = replica; DELETE FROM audit WHERE sequence = 3", postgres.name)
    with pytest.raises(NotAdoptable, match="audit accept audit-3-"):
        commands.adopt(settings)
    with pytest.raises(NotAcceptable):
        commands.accept(settings, "audit-3-00000000")
    assert "accepted" in say(commands.accept(settings, f"audit-3-{event.mac[:8]}"))
    assert "of here count now" in say(commands.adopt(settings))


async def test_an_upgrade_on_a_server_needs_the_lock_and_a_backup(settings: Settings, postgres: PostgresAddress) -> None:
    leading = Database.connect(postgres)
    assert await leading.try_lead(LOST)
    with pytest.raises(Misconfigured, match="--backed-up"):
        commands.upgrade(settings, backed_up=False)
    with pytest.raises(DatabaseInUse):
        commands.upgrade(settings, backed_up=True)
    await leading.aclose()
    assert f"already up to date (revision {HEAD_REVISION})" in say(commands.upgrade(settings, backed_up=True))


async def test_a_history_moves_by_the_configuration(settings: Settings, postgres: PostgresAddress) -> None:
    """An empty database is neither begun nor adopted before, and nothing is accepted there: the history would be left."""
    database = Database.open(settings.database_file)
    audit = await AuditLog.open(database, KEYS, settings.audit_head_file, lambda: NOW)
    await audit.record(EventKind.START, "system", "", {})
    await audit.aclose()
    await database.aclose()
    await Database.connect(postgres).aclose()
    for begin in (commands.adopt, lambda settings: commands.accept(settings, "audit-1-00000000")):
        with pytest.raises(NotLeading, match=f"but {settings.database_file} has one"):
            begin(settings)
    with pytest.raises(NotLeading, match="flatnet-bot db move"):
        async with open_database(settings, load_secrets(settings)):
            pass
    assert f"database moved to {postgres} with 1 audit event" in say(commands.move(settings))
    with pytest.raises(Misconfigured, match="needs a PostgreSQL database"):
        commands.move(settings.model_copy(update={"database": None}))
