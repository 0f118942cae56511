"""Arguments of operations on backups: their ids."""

import re
from dataclasses import replace
from typing import Annotated

from adapters.phrase import Phrase
from commands.model.backup import Backup, KnownBackups
from commands.model.operation import CannotPlan, FleetView
from commands.values.arguments import BadArgument, Option, Positional, shorten_argument

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}")

MAX_NAMED = 5_000
"""Most backups that one request names."""


def parse_backup_id(text: str) -> str:
    """Parses the id of a backup. Raises `BadArgument`."""
    typed = text.strip().lower()
    if not _ID.fullmatch(typed):
        phrase = Phrase(
            "{part} is not the ID of a backup. Run {words} for the list", part=shorten_argument(text), words="backup"
        )
        raise BadArgument(phrase, part=text)
    return typed


def parse_backup_ids(text: str) -> tuple[str, ...]:
    """Parses ids with commas between them, each once. Raises `BadArgument`."""
    return tuple(dict.fromkeys(parse_backup_id(each) for each in text.split(",")[:MAX_NAMED]))


BackupIdArgument = Annotated[
    str,
    Positional(
        "ID", Phrase("ID of the backup (backup lists them)"), lambda typed: parse_backup_id(typed[0]), lambda name: (name,)
    ),
]

OnlyOption = Annotated[
    tuple[str, ...],
    Option("IDs", Phrase("only these backups, with commas between"), parse_backup_ids, ",".join),
]


async def load_backup(view: FleetView, name: str) -> KnownBackups:
    """Loads one backup with the files of its parts, which the list of all comes without."""
    if view.read_backup is None:
        return view.backups
    whole = await view.read_backup(name)
    return replace(view.backups, backups=() if whole is None else (whole,))


def require_backup(known: KnownBackups, name: str) -> Backup:
    """Returns a backup by its id. Raises `CannotPlan` if there is none."""
    backup = known.find(name)
    if backup is None:
        raise CannotPlan(Phrase("no backup {id}. Run {words} for the list", id=name, words="backup"))
    return backup
