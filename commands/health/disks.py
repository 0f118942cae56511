"""Judges a host's disks: how full they are, and what uses the space. Pure.

A drive or file system used from `disk_warning_percent` is a finding of medium severity, from `disk_critical_percent` of
high. So is a file system whose inodes are used: it takes no more files, however much space is free. Places in WSL2 on the
same file system are judged once. Its size is virtual (`adapters.wsl.disks`).
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
from adapters.wsl.podman import UnreadPart
from commands.health.assessment import (
    Judgment,
    Remark,
    SideAnswers,
    make_absent_checks,
    make_unanswered_checks,
    make_unread_check,
    merge_judgments,
    merge_silent_sides,
)
from commands.health.log_rotation import describe_log_size, select_logs
from commands.model.finding import Severity, list_some
from commands.model.report import Cell, Column, Mark
from commands.model.thresholds import Thresholds
from commands.values.arguments import shorten_argument
from commands.values.units import compute_percent, format_size

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
    Column(key="podman_uses", heading=Phrase("Podman usage (unused)"), detail=True),
    Column(key="log_files", heading=Phrase("All logs"), detail=True),
)
DISK_SUBJECTS = frozenset({"drive", "wsl_disk", "flatnet", "podman"})
"""Subjects of findings on disks."""

CELL_KEYS = tuple(column.key for column in COLUMNS[1:])
_WINDOWS_KEYS = ("drive", "logs", "drives", "log_files")
_WSL_KEYS = ("wsl_disk", "flatnet", "podman", "file_systems", "folders", "podman_uses")

MAX_NAMED = 10
"""Maximum folders, drives and file systems shown by name; more are counted."""

_KIND_NAMES: dict[PodmanKind, Phrase] = {
    "Images": Phrase("images"),
    "Containers": Phrase("containers"),
    "Local Volumes": Phrase("volumes"),
}


@dataclass(frozen=True)
class DiskAnswers(SideAnswers):
    """Answers of both sides of a host; None for a side that it does not have."""

    host: Host
    windows: WindowsDisks | HostError | None
    wsl: WslDisks | HostError | None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.windows, self.wsl


class _DiskSpace(NamedTuple):
    """Space of one drive or file system in bytes, and the used percentage of the usable part. `places`: all places on it.

    `inode_percent` is the used percentage of its inodes, 0 without a limit.
    """

    name: Phrase | str
    places: Phrase | str
    size: int
    free: int
    percent: int
    inode_percent: int = 0

    @property
    def worst_percent(self) -> int:
        """The higher one of both percentages."""
        return max(self.percent, self.inode_percent)


def find_highest_usage(looked: DiskAnswers) -> int:
    """Finds the highest used percentage of a host's disks; 0 if none is known."""
    drives = _list_drives(looked.windows.drives or ()) if isinstance(looked.windows, WindowsDisks) else []
    systems = _list_file_systems(looked.wsl) if isinstance(looked.wsl, WslDisks) else []
    return max((room.worst_percent for room in (*drives, *systems)), default=0)


def judge_disks(looked: DiskAnswers, thresholds: Thresholds) -> Judgment:
    """Judges the disks of one host."""
    judged = merge_judgments(_judge_windows(looked.host, looked.windows, thresholds), _judge_wsl(looked.wsl, thresholds))
    return merge_silent_sides(looked.errors, judged) if looked.silent else judged


def _judge_windows(host: Host, said: WindowsDisks | HostError | None, thresholds: Thresholds) -> Judgment:
    if said is None or host.windows is None:
        return make_absent_checks(*_WINDOWS_KEYS)
    if isinstance(said, HostError):
        return make_unanswered_checks("windows", Phrase("Windows"), _WINDOWS_KEYS, said)
    logs = select_logs(host, said.logs)
    whole = sum(log.total_size for log in logs)
    unsure = any(log.state == "unknown" for log in logs)
    cells = {
        "logs": Cell(text=format_size(whole), value=whole, mark=Mark.UNKNOWN if unsure else Mark.PLAIN),
        "log_files": Cell(
            text=list_some([describe_log_size(log) for log in logs]),
            value=" ".join(f"{log.name}={log.total_size if log.state == 'present' else log.state}" for log in logs),
        ),
    }
    return merge_judgments(Judgment(cells), _judge_drives(said.drives, PureWindowsPath(host.windows.paths.base), thresholds))


def _judge_drives(drives: Sequence[Drive] | None, base: PureWindowsPath, thresholds: Thresholds) -> Judgment:
    if drives is None or not (rooms := _list_drives(drives)):
        why = Phrase("could not read drive usage from Windows. Run on the host: Get-CimInstance Win32_LogicalDisk")
        return merge_judgments(make_unread_check("drive", why, Phrase("Windows drive")), _make_unknown_checks("drives"))
    remarks = tuple(
        _build_full_remark("drive", room, thresholds, _describe_drive_remedy(str(room.name), base)) for room in rooms
    )
    untold = [Phrase("{what} unknown", what=drive.name) for drive in drives if drive.name not in {r.name for r in rooms}]
    cells = {"drive": _build_fullest_cell(rooms, thresholds, sure=not untold), "drives": _build_list_cell(rooms, untold)}
    return Judgment(cells, tuple(filter(None, remarks)))


def _describe_drive_remedy(drive: str, base: PureWindowsPath) -> Phrase:
    if drive.upper() == base.drive.upper():
        return Phrase("remove old backups and rotated logs in {folder}", folder=str(base))
    return Phrase("free up space on the host: cleanmgr /d {drive}", drive=drive)


def _judge_wsl(said: WslDisks | HostError | None, thresholds: Thresholds) -> Judgment:
    if said is None:
        return make_absent_checks(*_WSL_KEYS)
    if isinstance(said, HostError):
        return make_unanswered_checks("wsl", Phrase("WSL2"), _WSL_KEYS, said)
    parts = merge_judgments(_judge_file_systems(said, thresholds), _judge_folders(said.folders), _judge_podman(said.podman))
    return Judgment(parts.cells, tuple(_drop_repeated(parts.remarks)))


def _drop_repeated(remarks: Iterable[Remark]) -> Iterator[Remark]:
    """Drops remarks with a repeated reason, such as a refused sudo."""
    said: set[str] = set()
    for remark in remarks:
        if str(remark.why) not in said:
            yield remark
        said.add(str(remark.why))


def _judge_file_systems(said: WslDisks, thresholds: Thresholds) -> Judgment:
    rooms = _list_file_systems(said)
    troubles = tuple(
        remark
        for place in (said.root, said.flatnet, said.storage)
        if isinstance(place, UnreadPart)
        for remark in make_unread_check("wsl_disk", place.phrase, Phrase("WSL2 disk")).remarks
    )
    if not rooms:
        return merge_judgments(_make_unknown_checks("wsl_disk", "file_systems"), Judgment({}, troubles))
    remedy = Phrase("run sudo du -xh -d2 / in WSL2 to see usage, and sudo podman image prune to remove unused images")
    named = [_prefix_with_wsl(room) for room in rooms]
    full = (_build_full_remark("wsl_disk", room, thresholds, remedy) for room in named)
    crowded = (_build_inode_remark(room, thresholds) for room in named)
    cells = {"wsl_disk": _build_fullest_cell(rooms, thresholds, sure=not troubles), "file_systems": _build_list_cell(rooms)}
    return Judgment(cells, (*filter(None, full), *filter(None, crowded), *troubles))


def _list_file_systems(said: WslDisks) -> list[_DiskSpace]:
    """Lists the file systems that could be read, each once, with the places on it."""
    shared: list[list[FileSystem]] = []
    for place in (said.root, said.flatnet, said.storage):
        if isinstance(place, UnreadPart):
            continue
        same = next((known for known in shared if known[0].is_same_disk(place)), None)
        if same is None:
            shared.append([place])
        else:
            same.append(place)
    return [room for places in shared if (room := _build_space(places)) is not None]


def _build_space(places: Sequence[FileSystem]) -> _DiskSpace | None:
    """Builds the space of one file system from its first place."""
    first = places[0]
    percent = _round_up_percent(first.used, first.free)
    if percent is None:
        return None
    inodes = _round_up_percent(first.inodes_used or 0, first.inodes_free or 0) or 0
    names = Listing(tuple(shorten_argument(place.place) for place in places))
    return _DiskSpace(shorten_argument(first.place), Phrase("{items}", items=names), first.size, first.free, percent, inodes)


def _round_up_percent(used: int, free: int) -> int | None:
    """Computes the used percentage as df prints it, rounded up; None where the capacity is zero."""
    return -(-used * 100 // (used + free)) if used + free > 0 else None


def _prefix_with_wsl(room: _DiskSpace) -> _DiskSpace:
    """Prefixes the names with WSL2, to tell them from drives of Windows."""
    name, places = Phrase("WSL2 {place}", place=room.name), Phrase("WSL2 {place}", place=room.places)
    return room._replace(name=name, places=places)


def _judge_folders(said: Folders | UnreadPart) -> Judgment:
    if isinstance(said, UnreadPart):
        return merge_judgments(
            make_unread_check("flatnet", said.phrase, Phrase("Flatnet folder")), _make_unknown_checks("folders")
        )
    parts = [
        Phrase("{name} {size}", name=shorten_argument(_strip_root(part.path, said)), size=format_size(part.size))
        for part in said.parts
    ]
    value = " ".join(f"{_strip_root(part.path, said)}={part.size}" for part in said.parts)
    return Judgment(
        {
            "flatnet": Cell(text=format_size(said.whole.size), value=said.whole.size),
            "folders": Cell(text=list_some(parts, MAX_NAMED) if parts else Phrase("none"), value=value),
        }
    )


def _strip_root(path: str, folders: Folders) -> str:
    return path.removeprefix(folders.whole.path).lstrip("/")


def _judge_podman(said: Sequence[PodmanUse] | UnreadPart) -> Judgment:
    if isinstance(said, UnreadPart):
        return merge_judgments(
            make_unread_check("podman", said.phrase, Phrase("Podman")), _make_unknown_checks("podman_uses")
        )
    whole = sum(use.size for use in said)
    value = " ".join(f"{use.kind.replace(' ', '-')}={use.size}/{use.reclaimable}" for use in said)
    return Judgment(
        {
            "podman": Cell(text=format_size(whole), value=whole),
            "podman_uses": Cell(text=list_some([_describe_podman_use(use) for use in said]), value=value),
        }
    )


def _describe_podman_use(use: PodmanUse) -> Phrase:
    return Phrase(
        "{name} {size} ({part})", name=_KIND_NAMES[use.kind], size=format_size(use.size), part=format_size(use.reclaimable)
    )


def _list_drives(drives: Iterable[Drive]) -> list[_DiskSpace]:
    """Lists the drives of known size."""
    rooms = []
    for drive in drives:
        if drive.size and drive.free is not None:
            used = max(drive.size - drive.free, 0)
            rooms.append(_DiskSpace(drive.name, drive.name, drive.size, drive.free, compute_percent(used, drive.free) or 0))
    return rooms


def _build_full_remark(subject: str, room: _DiskSpace, thresholds: Thresholds, remedy: Phrase) -> Remark | None:
    """Builds the remark on a drive or file system that is nearly full; None if it is not."""
    if room.percent < thresholds.disk_warning_percent:
        return None
    severity = Severity.HIGH if room.percent >= thresholds.disk_critical_percent else Severity.MEDIUM
    why = Phrase(
        "{disk} is {percent}% full ({free} free of {size}). To fix this, {remedy}",
        disk=room.places,
        percent=room.percent,
        free=format_size(room.free),
        size=format_size(room.size),
        remedy=remedy,
    )
    return Remark(subject, severity, Phrase("{disk} {percent}% full", disk=room.name, percent=room.percent), why)


def _build_inode_remark(room: _DiskSpace, thresholds: Thresholds) -> Remark | None:
    """Builds the remark on a file system that can hold few more files; None if it can."""
    if room.inode_percent < thresholds.disk_warning_percent:
        return None
    severity = Severity.HIGH if room.inode_percent >= thresholds.disk_critical_percent else Severity.MEDIUM
    why = Phrase(
        "{disk} has used {percent}% of its inodes, which limit the number of files. Remove small files. To find them, run "
        "in WSL2: sudo du --inodes -xd2 /",
        disk=room.places,
        percent=room.inode_percent,
    )
    return Remark(
        "wsl_disk", severity, Phrase("{disk} {percent}% of inodes", disk=room.name, percent=room.inode_percent), why
    )


def _build_fullest_cell(rooms: Sequence[_DiskSpace], thresholds: Thresholds, *, sure: bool) -> Cell:
    """Builds the cell of the fullest drive or file system. `sure`: all of them could be read, so none is fuller."""
    worst = max(rooms, key=lambda room: room.worst_percent)
    bad = worst.worst_percent >= thresholds.disk_warning_percent
    mark = Mark.BAD if bad else Mark.WELL if sure else Mark.UNKNOWN
    if worst.inode_percent > worst.percent:
        text = Phrase("{disk} {percent}% of inodes", disk=worst.name, percent=worst.inode_percent)
    else:
        text = Phrase("{disk} {percent}%", disk=worst.name, percent=worst.percent)
    return Cell(text=text, value=worst.worst_percent, mark=mark)


def _build_list_cell(rooms: Sequence[_DiskSpace], untold: Sequence[Phrase] = ()) -> Cell:
    text = [_describe_space(room) for room in rooms]
    value = " ".join(_format_space(room) for room in rooms)
    return Cell(text=list_some([*text, *untold], MAX_NAMED), value=value)


def _format_space(room: _DiskSpace) -> str:
    """Formats the use of a disk for data; `commands.alerts.disk_signals` parses it."""
    return f"{room.places}={room.percent}%/{room.size}" + (f"/{room.inode_percent}%" if room.inode_percent else "")


def _describe_space(room: _DiskSpace) -> Phrase:
    return Phrase("{disk} {percent}% of {size}", disk=room.places, percent=room.percent, size=format_size(room.size))


def _make_unknown_checks(*keys: str) -> Judgment:
    """Makes the cells that depend on a part that could not be read."""
    return Judgment(dict.fromkeys(keys, Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)))
