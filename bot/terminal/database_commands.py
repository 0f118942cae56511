"""Commands of an administrator on the bot's own database: `flatnet-bot db …` and `audit accept`. Each returns sentences.

They run where no bot does: on SQLite they own the file, on PostgreSQL the lock of the lead. Those that write this machine's
head file own the data folder, too.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from adapters.phrase import Phrase
from bot.app.leading_rules import NotLeading, judge_left_history
from bot.app.takeover import identify_copy, own_data_folder
from bot.audit_log.adoption import NamedLoss, accept_loss, adopt_lead
from bot.backups.database.move import move_database
from bot.backups.database.restore import DatabasePlaces, restore_database, restore_to_server
from bot.config.database import find_database
from bot.config.errors import Misconfigured
from bot.config.settings import Settings, load_audit_keys
from bot.model.request import SystemIdentity
from bot.security.file_trust import trust_owner_of
from bot.security.secrets import Secrets, read_secrets
from bot.store.address import DatabaseAddress, PostgresAddress
from bot.store.audit_chain import AuditKeys
from bot.store.audit_head_file import HeadFile
from bot.store.leadership import CopyIdentity
from bot.store.reading import open_for_reading
from bot.store.situation import read_situation
from bot.store.upgrade import upgrade_database, upgrade_server


class _Opened:
    """Secrets, keys, address and files that the commands need."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.secrets: Secrets = read_secrets(
            settings.secret_names, settings.secrets_folder, trust_owner_of(settings.data_folder)
        )
        self.address: DatabaseAddress = find_database(settings, self.secrets)
        self.places = DatabasePlaces(settings.database_file, settings.audit_head_file, settings.engine_file)

    @property
    def keys(self) -> AuditKeys:
        """The keys of the audit log."""
        return load_audit_keys(self.settings, self.secrets)

    @property
    def server(self) -> PostgresAddress:
        """The database on a server. Raises `Misconfigured` if none is configured."""
        if isinstance(self.address, PostgresAddress):
            return self.address
        raise Misconfigured(
            Phrase("this needs a PostgreSQL database. Name one in the setting {setting}", setting="database")
        )

    def identify(self) -> CopyIdentity:
        """Identifies this copy, which is to write into the database on a server.

        Raises `NotLeading` if its history is in a file of this machine, and the database has none.
        """
        candidate = identify_copy(self.settings, self.secrets)
        with open_for_reading(self.server) as session:
            obstacle = judge_left_history(candidate, read_situation(session))
        if obstacle is not None:
            raise NotLeading(obstacle)
        return candidate.identity


def upgrade(settings: Settings, *, backed_up: bool) -> Sequence[Phrase]:
    """Upgrades the tables. On PostgreSQL no copy is made, so the caller says that there is a backup."""
    address = _Opened(settings).address if settings.database is not None else settings.database_file
    if isinstance(address, Path):
        done = upgrade_database(address, datetime.now(UTC))
    elif backed_up:
        done = upgrade_server(address)
    else:
        raise Misconfigured(
            Phrase(
                "no copy of a PostgreSQL database is made. Back it up, then run again with {option}", option="--backed-up"
            )
        )
    if done.before == done.after:
        return [Phrase("the database is already up to date (revision {revision})", revision=done.after)]
    if done.copy is None:
        return [Phrase("database upgraded from {before} to {after}", before=done.before, after=done.after)]
    return [
        Phrase(
            "database upgraded from {before} to {after}. Backup saved as {copy}",
            before=done.before,
            after=done.after,
            copy=str(done.copy),
        )
    ]


def restore(settings: Settings, file: Path) -> Sequence[Phrase]:
    """Restores the database from a backup: the file's place is taken, a database on a server must be empty."""
    opened = _Opened(settings)
    if isinstance(opened.address, PostgresAddress):
        done = restore_to_server(file, opened.places, opened.address, opened.keys.all)
    else:
        done = restore_database(file, opened.places, opened.keys.all, datetime.now(UTC))
    return done.describe(file)


def move(settings: Settings) -> Sequence[Phrase]:
    """Moves the history from SQLite to the configured PostgreSQL database."""
    opened = _Opened(settings)
    return move_database(opened.places, opened.server, opened.keys.all, datetime.now(UTC)).describe()


def adopt(settings: Settings) -> Sequence[Phrase]:
    """Lets this machine's version, configuration and audit key count from now on."""
    opened = _Opened(settings)
    me, actor = opened.identify(), SystemIdentity.from_uid(os.getuid()).name
    with own_data_folder(settings):
        adopt_lead(opened.server, opened.keys, HeadFile(settings.audit_head_file), me, (actor, datetime.now(UTC)))
    return [
        Phrase("the version, the configuration and the audit key of {name} count now. Start the bot here", name=me.name),
    ]


def accept(settings: Settings, name: str) -> Sequence[Phrase]:
    """Accepts a loss of events by the name that this machine's head file shows."""
    opened = _Opened(settings)
    me, actor = opened.identify(), SystemIdentity.from_uid(os.getuid()).name
    with own_data_folder(settings):
        loss = NamedLoss(name, actor, datetime.now(UTC), me)
        accept_loss(opened.server, opened.keys, HeadFile(settings.audit_head_file), loss)
    return [Phrase("accepted. Start the bot here. The gap stays on record")]
