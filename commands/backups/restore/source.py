"""The copy of a part that a restore takes: the first place if it is whole there, else the second. Its files for the plan.

    both places ─ hashes ─▶ RestoreSource: whole at the first, at the second ─▶ the archive's bytes ─▶ files by name

The archive comes from a host, so each file is compared with the hash in the manifest before it is used.
"""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.action import Action
from adapters.errors import HostError
from adapters.inventory import Host
from adapters.local.backups import ReadBackupFile, ReadBackupFileState
from adapters.phrase import Phrase
from adapters.transfer import Piece, Source
from adapters.windows.spool import MAX_PACKED_BYTES, ReadSpool, ReadSpoolState
from commands.backups.parts import locate_first_place
from commands.model.backup import Backup, KeptPart
from commands.model.operation import CannotPlan, FleetView

Contents = Mapping[str, bytes]
"""Contents of files of a part by their names in the archive."""

Perform = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class RestoreSource:
    """A part of a backup on its way back. `whole_at_first`, `whole_at_second`: where its archive has the manifest's hash."""

    host: Host
    backup: Backup
    part: KeptPart
    whole_at_first: bool
    whole_at_second: bool

    @property
    def first_place(self) -> str:
        """The folder of the backup on its host; only for a host with a Windows side."""
        return locate_first_place(self.host, self.backup.id)


async def find_restore_source(host: Host, backup: Backup, part: KeptPart, view: FleetView) -> RestoreSource:
    """Finds the whole copies of a part. Raises `CannotPlan` if there is none."""
    at_first, at_second = await asyncio.gather(
        _is_whole_at_first(host, backup, part, view), _is_whole_at_second(backup, part, view)
    )
    if True in (at_first, at_second):
        return RestoreSource(host, backup, part, at_first is True, at_second is True)
    raise CannotPlan(
        Phrase(
            "no copy of {part} in {backup} is whole (host: {first}, bot: {second}). Run {words}",
            part=part.part.value,
            backup=backup.id,
            first=_describe_copy(at_first),
            second=_describe_copy(at_second),
            words=f"backup verify {backup.id}",
        )
    )


async def read_files(source: RestoreSource, names: Iterable[str], view: FleetView) -> Contents:
    """Reads files of the archive by their names, in the second place if it is whole there: that is close to the bot.

    Raises `CannotPlan` if they cannot be read, or are not those of the manifest.
    """
    wanted = frozenset(names)
    if not wanted:
        return {}
    reader, perform = _choose_reader(source, view)
    try:
        archive = await _read_whole(reader, perform, source.part.size)
    except HostError as error:
        raise CannotPlan(
            Phrase("could not read the backup {backup}: {why}", backup=source.backup.id, why=error.phrase)
        ) from error
    return await asyncio.to_thread(_extract, archive, source, wanted)


async def _is_whole_at_first(host: Host, backup: Backup, part: KeptPart, view: FleetView) -> bool | HostError:
    if host.windows is None:
        return False
    read = ReadSpoolState(folder=locate_first_place(host, backup.id), name=part.file, sha256=part.sha256)
    said = (await view.fleet.read(host, read)).outcome
    return said if isinstance(said, HostError) else said.whole


async def _is_whole_at_second(backup: Backup, part: KeptPart, view: FleetView) -> bool | HostError:
    try:
        state = await view.read_own(ReadBackupFileState(backup=backup.id, name=part.file, sha256=part.sha256))
    except HostError as error:
        return error
    return bool(state.whole)


def _describe_copy(state: bool | HostError) -> Phrase:
    return state.phrase if isinstance(state, HostError) else Phrase("absent or changed")


def _choose_reader(source: RestoreSource, view: FleetView) -> tuple[Source, Perform]:
    name = source.part.file
    if source.whole_at_second:
        return ReadBackupFile(backup=source.backup.id, name=name), view.read_own

    async def ask(action: Action[Any]) -> Any:
        said = (await view.fleet.read(source.host, action)).outcome
        if isinstance(said, HostError):
            raise said
        return said

    return ReadSpool(folder=source.first_place, name=name), ask


async def _read_whole(reader: Source, perform: Perform, size: int) -> bytes:
    """Reads an archive piece by piece. It is no larger than its manifest says."""
    archive = b""
    while len(archive) < min(size, MAX_PACKED_BYTES):
        piece: Piece = await perform(reader.read_at(len(archive)))
        if not piece.data:
            break
        archive += piece.data
    return archive


def _extract(archive: bytes, source: RestoreSource, wanted: frozenset[str]) -> Contents:
    if hashlib.sha256(archive).hexdigest() != source.part.sha256:
        raise CannotPlan(Phrase("the backup {backup} was changed while it was read. Try again", backup=source.backup.id))
    hashes = {file.path: file.sha256 for file in source.part.files}
    found = dict[str, bytes]()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
        for entry in opened:
            name = entry.name.removeprefix("./")
            if name in wanted and entry.isreg() and (file := opened.extractfile(entry)) is not None:
                found[name] = file.read()
    for name in wanted:
        if hashlib.sha256(found.get(name, b"")).hexdigest() != hashes.get(name):
            raise CannotPlan(
                Phrase("{file} in the backup {backup} is not that of its manifest", file=name, backup=source.backup.id)
            )
    return found
