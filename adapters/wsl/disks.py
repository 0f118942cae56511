"""Disk usage in WSL2: file systems, Flatnet's folder, podman's storage.

The size of a file system in WSL2 is that of a virtual disk. Its file grows on a Windows drive, which may be full long
before. Each part may fail without hiding the others: a part that could not be read is an `UnreadPart`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, Field, StrictInt, StringConstraints, TypeAdapter

from adapters.error_text import describe_error
from adapters.inventory import FolderPath, WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from adapters.wsl.podman import SUDO_RULES, UnreadPart, describe_podman_failure, is_refused_by_sudo, make_rootless_part

WALK_TIMEOUT = "8"
"""Seconds for a program that walks a tree as root. Root's own `timeout` ends it, because the user's cannot."""

FOLDERS_LIMIT = 1000
"""Subfolders of Flatnet's folder that are accepted. It has a handful."""

Bytes = Annotated[StrictInt, Field(ge=0, le=2**63 - 1)]
_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


CONTAINERS_FOLDER = "/var/lib/containers"
"""Default folder of podman. Its storage is in it, or a file system of its own below it. Only root can enter the folder."""

SAME_DISK_DIVISOR = 1000
"""Divisor of a size. File systems of equal size whose use differs by less than that fraction count as one."""


class FileSystem(Value):
    """File system that holds `place`, in bytes. Used and free sum to less than the size, because root keeps a reserve.

    `inodes_used`, `inodes_free`: files that it holds, and that it can hold in addition; None if it has no such limit.
    """

    place: _Path
    size: Bytes
    used: Bytes
    free: Bytes
    inodes_used: Bytes | None = None
    inodes_free: Bytes | None = None

    def is_same_disk(self, other: "FileSystem") -> bool:
        """Returns whether both are places on one file system. A program may have written between the two reads."""
        return self.size == other.size and abs(self.used - other.used) * SAME_DISK_DIVISOR < self.size


class Folder(Value):
    """A folder and the bytes that it takes with everything below it. `path` is absolute."""

    path: _Path
    size: Bytes


class Folders(Value):
    """Flatnet's folder, and the folders right below it, the largest first."""

    whole: Folder
    parts: Annotated[tuple[Folder, ...], Field(max_length=FOLDERS_LIMIT)]


PodmanKind = Literal["Images", "Containers", "Local Volumes"]


class PodmanUse(Value):
    """Disk usage of podman's images, containers or volumes. `reclaimable` are the bytes of unused ones."""

    kind: PodmanKind
    size: Bytes
    reclaimable: Bytes


class WslDisks(Value):
    """Disk usage of WSL2. `root`, `flatnet`, `storage`: file systems of /, of Flatnet's folder, of podman's storage."""

    root: FileSystem | UnreadPart
    flatnet: FileSystem | UnreadPart
    storage: FileSystem | UnreadPart
    folders: Folders | UnreadPart
    podman: tuple[PodmanUse, ...] | UnreadPart


class ReadDisks(WslAction[WslDisks]):
    """Reads file systems, folders and podman's share. Programs that walk no tree come first."""

    program_timeout = 10.0
    deadline = 45.0
    output_limit = 512 * 1024  # du prints one line for each folder, podman a few kilobytes

    folder: FolderPath

    @classmethod
    def of(cls, side: WslSide) -> "ReadDisks":
        """Makes the action for one host's folder."""
        return cls(folder=side.flatnet_folder)

    def build_commands(self) -> tuple[Argv, ...]:
        df = ("df", "-B1", "--output=size,used,avail,iused,iavail")
        root = ("sudo", "-n")
        return (
            (*df, "/"),
            (*df, self.folder),
            (*df, CONTAINERS_FOLDER, f"{CONTAINERS_FOLDER}/storage"),
            (*root, "podman", "info", "--format", "json"),
            (*root, "timeout", WALK_TIMEOUT, "du", "-0DxB1", "-d1", self.folder),
            (*root, "timeout", WALK_TIMEOUT, "podman", "system", "df", "--format", "json"),
        )

    def parse(self, completed: Sequence[CompletedProgram]) -> WslDisks:
        root, flatnet, containers, info, folders, podman = completed
        systems = _parse_file_system(root, "/"), _parse_file_system(flatnet, self.folder)
        storage = _parse_storage(info)
        return WslDisks(
            root=systems[0],
            flatnet=systems[1],
            storage=_add_reserve(storage, (*systems, *_parse_rows(containers.stdout, CONTAINERS_FOLDER))),
            folders=_parse_folders(folders, self.folder),
            podman=_parse_podman_use(podman)
            if isinstance(storage, FileSystem) or storage == _STORAGE_SIZE_UNKNOWN
            else storage,
        )


_ROW = re.compile(r"^ *(\d{1,18}) +(\d{1,18}) +(\d{1,18}) +(\d{1,18}|-) +(\d{1,18}|-) *$", re.ASCII | re.MULTILINE)
"""A line of df: size, used and available bytes, used and available inodes. A `-` is unknown."""


def _parse_file_system(answer: CompletedProgram, place: str) -> FileSystem | UnreadPart:
    rows = _parse_rows(answer.stdout, place)
    if answer.code != 0 or len(rows) != 1:
        why = answer.error_line
        return UnreadPart(
            phrase=Phrase(
                "could not read the usage of {place} with df: {why}. Run in WSL2: df -h {place}", place=place, why=why
            )
        )
    return rows[0]


def _parse_rows(table: str, place: str) -> tuple[FileSystem, ...]:
    """Parses the rows of df's table, which is for `place`."""
    return tuple(_parse_row(row, place) for row in _ROW.finditer(table))


def _parse_row(row: re.Match[str], place: str) -> FileSystem:
    """Parses one row. A file system that makes inodes as it needs them reports none at all."""
    size, used, free = map(int, row.group(1, 2, 3))
    counted = "-" not in row.group(4, 5) and row.group(4, 5) != ("0", "0")
    inodes_used, inodes_free = map(int, row.group(4, 5)) if counted else (None, None)
    return FileSystem(place=place, size=size, used=used, free=free, inodes_used=inodes_used, inodes_free=inodes_free)


def _add_reserve(storage: FileSystem | UnreadPart, systems: Sequence[FileSystem | UnreadPart]) -> FileSystem | UnreadPart:
    """Adds root's reserve to podman's storage, which podman does not report, from df's row for the same file system."""
    if isinstance(storage, UnreadPart):
        return storage
    same = next((each for each in systems if isinstance(each, FileSystem) and each.is_same_disk(storage)), storage)
    return same.model_copy(update={"place": storage.place})


class _Store(BaseModel):
    """The storage in `podman info`, as far as it is read. Older releases print no sizes."""

    root: _Path = Field(alias="graphRoot")
    size: Bytes | None = Field(default=None, alias="graphRootAllocated")
    used: Bytes | None = Field(default=None, alias="graphRootUsed")


class _Security(BaseModel):
    rootless: bool


class _Host(BaseModel):
    security: _Security


class _Info(BaseModel):
    host: _Host
    store: _Store


_STORAGE_SIZE_UNKNOWN = UnreadPart(
    phrase=Phrase(
        "this version of podman does not report the size of its storage. Update podman, or run in WSL2: sudo df -h"
    )
)


def _parse_storage(answer: CompletedProgram) -> FileSystem | UnreadPart:
    if answer.code != 0:
        return UnreadPart(phrase=describe_podman_failure(answer))
    try:
        info = _Info.model_validate_json(answer.stdout)
    except ValueError as error:
        return UnreadPart(
            phrase=Phrase(
                "could not parse the output of podman info: {why}. Run in WSL2: sudo podman info --format json",
                why=describe_error(error),
            )
        )
    if info.host.security.rootless:
        return make_rootless_part()
    if info.store.size is None or info.store.used is None:
        return _STORAGE_SIZE_UNKNOWN
    free = max(info.store.size - info.store.used, 0)
    return FileSystem(place=info.store.root, size=info.store.size, used=info.store.used, free=free)


def _parse_folders(answer: CompletedProgram, folder: str) -> Folders | UnreadPart:
    """Parses du's output. Files that vanish while du walks are no failure, although du then exits with 1."""
    vanished = re.fullmatch(r"(du: [^\n]*: No such file or directory\n)*", answer.stderr) is not None
    found = [_parse_record(record) for record in answer.stdout.split("\0") if record]
    if not (answer.code == 0 or (answer.code == 1 and vanished and found)):
        return UnreadPart(phrase=_describe_du_failure(answer, folder))
    whole = next((each for each in found if each is not None and each.path == folder), None)
    parts = [each for each in found if each is not None and each.path != folder]
    if whole is None or None in found or len(parts) > FOLDERS_LIMIT:
        return UnreadPart(
            phrase=Phrase(
                "could not parse the output of du. Run in WSL2: sudo du -h -d1 {folder}",
                folder=folder,
            )
        )
    return Folders(whole=whole, parts=tuple(sorted(parts, key=lambda part: (-part.size, part.path))))


def _parse_record(text: str) -> Folder | None:
    match = re.fullmatch(r"(\d{1,18})\t(/.{0,4095})", text, re.DOTALL)
    return None if match is None else Folder(size=int(match[1]), path=match[2])


def _describe_du_failure(answer: CompletedProgram, folder: str) -> Phrase:
    if answer.code in (124, 137):
        return Phrase(
            "running du on {folder} took longer than {n} s. Check in WSL2 what is using the space",
            n=int(WALK_TIMEOUT),
            folder=folder,
        )
    if answer.stderr.endswith(": No such file or directory\n"):
        return Phrase(
            "WSL2 has no folder {folder}. Set up Flatnet there, or fix flatnet_folder in the configuration", folder=folder
        )
    if is_refused_by_sudo(answer):
        return Phrase(
            "could not run du with sudo: {why}. Run prepare-wsl.sh again with {option}, which writes the rule into {file}",
            why=answer.error_line,
            option=f"--folder {folder}",
            file=SUDO_RULES,
        )
    return Phrase(
        "could not read all of {folder} with du: {why}. Run in WSL2: sudo du -h -d1 {folder}",
        why=answer.error_line,
        folder=folder,
    )


class _UseElement(BaseModel):
    """One element of `podman system df --format json`. Older releases have bytes in Size and Reclaimable."""

    kind: PodmanKind = Field(alias="Type")
    size: Bytes = Field(validation_alias=AliasChoices("RawSize", "Size"))
    reclaimable: StrictInt = Field(validation_alias=AliasChoices("RawReclaimable", "Reclaimable"))

    def to_podman_use(self) -> PodmanUse:
        """Converts the element. podman may count shared layers twice, and has printed negative numbers."""
        return PodmanUse(kind=self.kind, size=self.size, reclaimable=min(max(self.reclaimable, 0), self.size))


_USES = TypeAdapter(Annotated[list[_UseElement], Field(min_length=1, max_length=3)])


def _parse_podman_use(answer: CompletedProgram) -> tuple[PodmanUse, ...] | UnreadPart:
    if answer.code != 0:
        return UnreadPart(phrase=describe_podman_failure(answer))
    try:
        return tuple(element.to_podman_use() for element in _USES.validate_json(answer.stdout))
    except ValueError as error:
        return UnreadPart(
            phrase=Phrase(
                "could not parse podman's disk usage: {why}. Run in WSL2: sudo podman system df",
                why=describe_error(error),
            )
        )
