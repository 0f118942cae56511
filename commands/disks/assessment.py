"""Judges a host's disks: how full they are, and what uses the space. Pure.

A drive or file system used from `disk_warning_percent` is a finding of medium severity, from `disk_critical_percent` of
high. Places in WSL2 on the same file system are judged once. Its size is virtual (`adapters.wsl.disks`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import NamedTuple

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.disks import Drive, WindowsDisks
from adapters.wsl.disks import FileSystem, Folders, PodmanKind, PodmanUse, WslDisks
from adapters.wsl.podman import Unread
from commands.checks.assessment import Answers, Judged, Remark, absent, silent, together, unanswered, unread
from commands.checks.log_rotation import log_size, logs_of
from commands.model.finding import Severity
from commands.model.operation import Thresholds
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shown
from commands.values.units import percent_of, size_of

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="drive", heading=Phrase("Windows drive")),
    Column(key="wsl_disk", heading=Phrase("WSL2 disk")),
    Column(key="flatnet", heading=Phrase("Flatnet folder")),
    Column(key="podman", heading=Phrase("Podman")),
    Column(key="logs", heading=Phrase("Logs")),
    Column(key="drives", heading=Phrase("All Windows drives"), detail=True),
    Column(key="file_systems", heading=Phrase("WSL2 file systems (virtual size)"), detail=True),
    Column(key="folders", heading=Phrase("In the Flatnet folder"), detail=True),
    Column(key="podman_uses", heading=Phrase("Podman holds (unused)"), detail=True),
    Column(key="log_files", heading=Phrase("All logs"), detail=True),
)
CELLS = tuple(column.key for column in COLUMNS[1:])
_WINDOWS = ("drive", "logs", "drives", "log_files")
_WSL = ("wsl_disk", "flatnet", "podman", "file_systems", "folders", "podman_uses")

SHARED = 1000
"""File systems of equal size whose use differs by less than this fraction of it are one. Each place is read separately."""

NAMED = 10
"""Maximum folders, drives and file systems shown by name; more are counted."""

_KINDS: dict[PodmanKind, Phrase] = {
    "Images": Phrase("images"),
    "Containers": Phrase("containers"),
    "Local Volumes": Phrase("volumes"),
}


@dataclass(frozen=True)
class Looked(Answers):
    """Answers of both sides of a host; None for a side that it does not have."""

    host: Host
    windows: WindowsDisks | HostError | None
    wsl: WslDisks | HostError | None

    @property
    def said(self) -> tuple[object, ...]:
        return self.windows, self.wsl


class _Room(NamedTuple):
    """Space of one drive or file system in bytes, and the used percentage of the usable part. `places`: all places on it."""

    name: Phrase | str
    places: Phrase | str
    size: int
    free: int
    percent: int


def fullest(looked: Looked) -> int:
    """Finds the highest used percentage of a host's disks; 0 if none is known."""
    drives = _rooms(looked.windows.drives or ()) if isinstance(looked.windows, WindowsDisks) else []
    systems = _systems(looked.wsl) if isinstance(looked.wsl, WslDisks) else []
    return max((room.percent for room in (*drives, *systems)), default=0)


def judge(looked: Looked, thresholds: Thresholds) -> Judged:
    """Judges the disks of one host."""
    judged = together(_windows(looked.host, looked.windows, thresholds), _wsl(looked.wsl, thresholds))
    return silent(looked.errors, judged) if looked.silent else judged


def _windows(host: Host, said: WindowsDisks | HostError | None, thresholds: Thresholds) -> Judged:
    if said is None or host.windows is None:
        return absent(*_WINDOWS)
    if isinstance(said, HostError):
        return unanswered("windows", Phrase("Windows"), _WINDOWS, said)
    logs = logs_of(host, said.logs)
    whole = sum(log.whole for log in logs)
    unsure = any(log.state == "unknown" for log in logs)
    cells = {
        "logs": Cell(text=size_of(whole), value=whole, mark=Mark.UNKNOWN if unsure else Mark.PLAIN),
        "log_files": Cell(
            text=some([log_size(log) for log in logs]),
            value=" ".join(f"{log.name}={log.whole if log.state == 'present' else log.state}" for log in logs),
        ),
    }
    return together(Judged(cells), _drives(said.drives, PureWindowsPath(host.windows.paths.base), thresholds))


def _drives(drives: Sequence[Drive] | None, base: PureWindowsPath, thresholds: Thresholds) -> Judged:
    if drives is None or not (rooms := _rooms(drives)):
        why = Phrase("Windows does not tell how full its drives are; see why on the host: Get-CimInstance Win32_LogicalDisk")
        return together(unread("drive", why, Phrase("Windows drive")), _not_known("drives"))
    remarks = tuple(_full("drive", room, thresholds, _drive_remedy(str(room.name), base)) for room in rooms)
    untold = [Phrase("{what} not known", what=drive.name) for drive in drives if drive.name not in {r.name for r in rooms}]
    cells = {"drive": _fullest(rooms, thresholds, sure=not untold), "drives": _all(rooms, untold)}
    return Judged(cells, tuple(filter(None, remarks)))


def _drive_remedy(drive: str, base: PureWindowsPath) -> Phrase:
    if drive.upper() == base.drive.upper():
        return Phrase("remove old backups and rotated logs below {folder}", folder=str(base))
    return Phrase("make room on the host: cleanmgr /d {drive}", drive=drive)


def _wsl(said: WslDisks | HostError | None, thresholds: Thresholds) -> Judged:
    if said is None:
        return absent(*_WSL)
    if isinstance(said, HostError):
        return unanswered("wsl", Phrase("WSL2"), _WSL, said)
    parts = together(_file_systems(said, thresholds), _folders(said.folders), _podman(said.podman))
    return Judged(parts.cells, tuple(_once(parts.remarks)))


def _once(remarks: Iterable[Remark]) -> Iterator[Remark]:
    """Drops remarks with a repeated reason, such as a refused sudo."""
    said: set[str] = set()
    for remark in remarks:
        if str(remark.why) not in said:
            yield remark
        said.add(str(remark.why))


def _file_systems(said: WslDisks, thresholds: Thresholds) -> Judged:
    rooms = _systems(said)
    troubles = tuple(
        remark
        for place in (said.root, said.flatnet, said.storage)
        if isinstance(place, Unread)
        for remark in unread("wsl_disk", place.phrase, Phrase("WSL2 disk")).remarks
    )
    if not rooms:
        return together(_not_known("wsl_disk", "file_systems"), Judged({}, troubles))
    remedy = Phrase("in WSL2, sudo du -xh -d2 / shows what takes it, sudo podman image prune removes unused images")
    full = (_full("wsl_disk", _in_wsl(room), thresholds, remedy) for room in rooms)
    cells = {"wsl_disk": _fullest(rooms, thresholds, sure=not troubles), "file_systems": _all(rooms)}
    return Judged(cells, (*filter(None, full), *troubles))


def _systems(said: WslDisks) -> list[_Room]:
    """Lists the file systems that could be read, each once, with the places on it."""
    shared: list[list[FileSystem]] = []
    for place in (said.root, said.flatnet, said.storage):
        if isinstance(place, Unread):
            continue
        same = next((known for known in shared if _is_one(known[0], place)), None)
        if same is None:
            shared.append([place])
        else:
            same.append(place)
    return [room for places in shared if (room := _of_places(places)) is not None]


def _is_one(known: FileSystem, other: FileSystem) -> bool:
    return known.size == other.size and abs(known.used - other.used) * SHARED < known.size


def _of_places(places: Sequence[FileSystem]) -> _Room | None:
    """Builds the space of one file system from its first place, read by df. Unlike podman, df knows root's reserve."""
    first = places[0]
    percent = percent_of(first.used, first.free)
    if percent is None:
        return None
    names = Listing(tuple(shown(place.place) for place in places))
    return _Room(shown(first.place), Phrase("{items}", items=names), first.size, first.free, percent)


def _in_wsl(room: _Room) -> _Room:
    """Prefixes the names with WSL2, to tell them from drives of Windows."""
    name, places = Phrase("WSL2 {place}", place=room.name), Phrase("WSL2 {place}", place=room.places)
    return room._replace(name=name, places=places)


def _folders(said: Folders | Unread) -> Judged:
    if isinstance(said, Unread):
        return together(unread("flatnet", said.phrase, Phrase("Flatnet folder")), _not_known("folders"))
    parts = [Phrase("{name} {size}", name=shown(_below(part.path, said)), size=size_of(part.size)) for part in said.parts]
    value = " ".join(f"{_below(part.path, said)}={part.size}" for part in said.parts)
    return Judged(
        {
            "flatnet": Cell(text=size_of(said.whole.size), value=said.whole.size),
            "folders": Cell(text=some(parts, NAMED) if parts else Phrase("none"), value=value),
        }
    )


def _below(path: str, folders: Folders) -> str:
    return path.removeprefix(folders.whole.path).lstrip("/")


def _podman(said: Sequence[PodmanUse] | Unread) -> Judged:
    if isinstance(said, Unread):
        return together(unread("podman", said.phrase, Phrase("Podman")), _not_known("podman_uses"))
    whole = sum(use.size for use in said)
    value = " ".join(f"{use.kind.replace(' ', '-')}={use.size}/{use.reclaimable}" for use in said)
    return Judged(
        {
            "podman": Cell(text=size_of(whole), value=whole),
            "podman_uses": Cell(text=some([_use(use) for use in said]), value=value),
        }
    )


def _use(use: PodmanUse) -> Phrase:
    return Phrase("{name} {size} ({part})", name=_KINDS[use.kind], size=size_of(use.size), part=size_of(use.reclaimable))


def _rooms(drives: Iterable[Drive]) -> list[_Room]:
    """Lists the drives of known size."""
    rooms = []
    for drive in drives:
        if drive.size and drive.free is not None:
            used = max(drive.size - drive.free, 0)
            rooms.append(_Room(drive.name, drive.name, drive.size, drive.free, percent_of(used, drive.free) or 0))
    return rooms


def _full(subject: str, room: _Room, thresholds: Thresholds, remedy: Phrase) -> Remark | None:
    """Builds the remark on a drive or file system that is nearly full; None if it is not."""
    if room.percent < thresholds.disk_warning_percent:
        return None
    severity = Severity.HIGH if room.percent >= thresholds.disk_critical_percent else Severity.MEDIUM
    why = Phrase(
        "{disk} is {percent} % full, {free} of {size} free; {remedy}",
        disk=room.places,
        percent=room.percent,
        free=size_of(room.free),
        size=size_of(room.size),
        remedy=remedy,
    )
    return Remark(subject, severity, Phrase("{disk} {percent} % full", disk=room.name, percent=room.percent), why)


def _fullest(rooms: Sequence[_Room], thresholds: Thresholds, *, sure: bool) -> Cell:
    """Builds the cell of the fullest one. `sure`: all could be read, so no other one is fuller."""
    worst = max(rooms, key=lambda room: room.percent)
    bad = worst.percent >= thresholds.disk_warning_percent
    mark = Mark.BAD if bad else Mark.WELL if sure else Mark.UNKNOWN
    return Cell(text=Phrase("{disk} {percent} %", disk=worst.name, percent=worst.percent), value=worst.percent, mark=mark)


def _all(rooms: Sequence[_Room], untold: Sequence[Phrase] = ()) -> Cell:
    text = [_told(room) for room in rooms]
    value = " ".join(f"{room.places}={room.percent}%/{room.size}" for room in rooms)
    return Cell(text=some([*text, *untold], NAMED), value=value)


def _told(room: _Room) -> Phrase:
    return Phrase("{disk} {percent} % of {size}", disk=room.places, percent=room.percent, size=size_of(room.size))


def _not_known(*keys: str) -> Judged:
    """Makes the cells that depend on a part that could not be read."""
    return Judged(dict.fromkeys(keys, Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)))
