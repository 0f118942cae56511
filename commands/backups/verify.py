"""`backup verify`: reads both copies of backups, and tests what is unpacked from them. Data; `bot.backups` does it."""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar

from adapters.action import BOT_NAME
from adapters.backup import BackupId
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.backup import Backup
from commands.model.operation import OwnOperation
from commands.values.arguments import BadArgument, Positional, shorten_argument

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}")


def parse_backup_id(words: tuple[str, ...]) -> BackupId:
    """Parses the ID of a backup. Raises `BadArgument`."""
    given = words[0].lower()
    if not _ID.fullmatch(given):
        part = shorten_argument(words[0])
        raise BadArgument(
            Phrase("{part} is not the ID of a backup. backup lists them, such as host-a-0123456789ab", part=part), part=part
        )
    return given


BackupIdArgument = Annotated[
    str,
    Positional("ID", Phrase("the backup's ID, as backup lists it"), parse_backup_id, lambda name: (name,) if name else ()),
]


def find_backup_host(name: BackupId) -> str:
    """Finds the host of a backup by its ID."""
    return name.rpartition("-")[0]


def resolve_backup_hosts(name: str, inventory: Inventory) -> tuple[Host, ...]:
    """Resolves the host of a backup, on which permission is checked; all hosts for "", and for one of no known host."""
    found = tuple(host for host in inventory.hosts if host.name == find_backup_host(name))
    return found if found and name else inventory.hosts


class BackupVerify(OwnOperation):
    """Verify backups: both copies, and what is unpacked from them."""

    words: ClassVar = ("backup", "verify")
    summary: ClassVar = Phrase("verify a backup, or the newest of each host: both copies, tested by nginx and Nebula")
    example: ClassVar = "backup verify host-a-0123456789ab"
    label: ClassVar = Phrase("verify backup {id}", id="…")

    id: BackupIdArgument = ""

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return resolve_backup_hosts(self.id, inventory)


def select_newest(backups: Sequence[Backup], hosts: Sequence[str]) -> tuple[Backup, ...]:
    """Selects the newest backup of each of these hosts, in their order, and of the bot. `backups` come newest first."""
    newest: dict[str, Backup] = {}
    for backup in backups:
        newest.setdefault(backup.host, backup)
    return tuple(newest[owner] for owner in (*hosts, BOT_NAME) if owner in newest)
