"""Disk usage in WSL2: file systems, Flatnet's folder, podman's storage.

The size of a file system in WSL2 is that of a virtual disk. Its file grows on a Windows drive, which may be full long
before. Each part may fail without hiding the others: a part that could not be read is an `UnreadPart`.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, Field, StrictInt, StringConstraints, TypeAdapter

from adapters.error_text import reason
from adapters.inventory import FolderPath, WslSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.wsl.action import Argv, Completed, WslAction
from adapters.wsl.podman import Unread, no_answer, not_root

WALK = "8"
"""Seconds for a program that walks a tree as root. Root's own `timeout` ends it, because the user's cannot."""

FOLDERS_LIMIT = 1000
"""Subfolders of Flatnet's folder that are accepted. It has a handful."""

Bytes = Annotated[StrictInt, Field(ge=0, le=2**63 - 1)]
_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class FileSystem(Value):
    """File system that holds `place`, in bytes. Used and free sum to less than the size, because root keeps a reserve."""

    place: _Path
    size: Bytes
    used: Bytes
    free: Bytes


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

    root: FileSystem | Unread
    flatnet: FileSystem | Unread
    storage: FileSystem | Unread
    folders: Folders | Unread
    podman: tuple[PodmanUse, ...] | Unread


class ReadDisks(WslAction[WslDisks]):
    """Reads file systems, folders and podman's share. Programs that walk no tree come first."""

    each = 10.0
    deadline = 45.0
    output_limit = 512 * 1024  # du prints one line for each folder, podman a few kilobytes

    folder: FolderPath

    @classmethod
    def of(cls, side: WslSide) -> "ReadDisks":
        """Makes the action for one host's folder."""
        return cls(folder=side.flatnet_folder)

    def commands(self) -> tuple[Argv, ...]:
        df = ("df", "-B1", "--output=size,used,avail")
        root = ("sudo", "-n")
        return (
            (*df, "/"),
            (*df, self.folder),
            (*root, "podman", "info", "--format", "json"),
            (*root, "timeout", WALK, "du", "-0DxB1", "-d1", self.folder),
            (*root, "timeout", WALK, "podman", "system", "df", "--format", "json"),
        )

    def parse(self, completed: Sequence[Completed]) -> WslDisks:
        root, flatnet, info, folders, podman = completed
        storage = _storage(info)
        return WslDisks(
            root=_file_system(root, "/"),
            flatnet=_file_system(flatnet, self.folder),
            storage=storage,
            folders=_folders(folders, self.folder),
            podman=_podman(podman) if isinstance(storage, FileSystem) or storage == _UNTOLD else storage,
        )


def _file_system(answer: Completed, place: str) -> FileSystem | Unread:
    match = re.fullmatch(r"[^\n]*\n\s*(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s*", answer.stdout)
    if answer.code != 0 or match is None:
        why = answer.complaint
        return Unread(phrase=Phrase("df does not tell of {place}: {why}; try in WSL2: df -h {place}", place=place, why=why))
    size, used, free = map(int, match.groups())
    return FileSystem(place=place, size=size, used=used, free=free)


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


_UNTOLD = Unread(
    phrase=Phrase("this podman does not tell how large its storage's file system is; update it, or try in WSL2: sudo df -h")
)


def _storage(answer: Completed) -> FileSystem | Unread:
    if answer.code != 0:
        return Unread(phrase=no_answer(answer))
    try:
        info = _Info.model_validate_json(answer.stdout)
    except ValueError as error:
        return Unread(
            phrase=Phrase(
                "podman's word on itself cannot be understood: {why}; look at it in WSL2: sudo podman info --format json",
                why=reason(error),
            )
        )
    if info.host.security.rootless:
        return not_root()
    if info.store.size is None or info.store.used is None:
        return _UNTOLD
    free = max(info.store.size - info.store.used, 0)
    return FileSystem(place=info.store.root, size=info.store.size, used=info.store.used, free=free)


def _folders(answer: Completed, folder: str) -> Folders | Unread:
    """Parses du's output. Files that vanish while du walks are no failure, although du then exits with 1."""
    vanished = re.fullmatch(r"(du: [^\n]*: No such file or directory\n)*", answer.stderr) is not None
    found = [_record(record) for record in answer.stdout.split("\0") if record]
    if not (answer.code == 0 or (answer.code == 1 and vanished and found)):
        return Unread(phrase=_no_du(answer, folder))
    whole = next((each for each in found if each is not None and each.path == folder), None)
    parts = [each for each in found if each is not None and each.path != folder]
    if whole is None or None in found or len(parts) > FOLDERS_LIMIT:
        return Unread(
            phrase=Phrase(
                "du's answer cannot be understood; look at it in WSL2: sudo du -h -d1 {folder}",
                folder=folder,
            )
        )
    return Folders(whole=whole, parts=tuple(sorted(parts, key=lambda part: (-part.size, part.path))))


def _record(text: str) -> Folder | None:
    match = re.fullmatch(r"(\d{1,18})\t(/.{0,4095})", text, re.DOTALL)
    return None if match is None else Folder(size=int(match[1]), path=match[2])


def _no_du(answer: Completed, folder: str) -> Phrase:
    if answer.code in (124, 137):
        return Phrase("du takes longer than {n} s over {folder}; see in WSL2 what fills it", n=int(WALK), folder=folder)
    if answer.stderr.endswith(": No such file or directory\n"):
        return Phrase(
            "WSL2 has no folder {folder}; set Flatnet up there, or mend flatnet_folder in the configuration", folder=folder
        )
    return Phrase(
        "sudo does not run du: {why}; allow it with prepare-wsl.sh, or try in WSL2: sudo du -h -d1 {folder}",
        why=answer.complaint,
        folder=folder,
    )


class _Use(BaseModel):
    """One element of `podman system df --format json`. Older releases have bytes in Size and Reclaimable."""

    kind: PodmanKind = Field(alias="Type")
    size: Bytes = Field(validation_alias=AliasChoices("RawSize", "Size"))
    reclaimable: StrictInt = Field(validation_alias=AliasChoices("RawReclaimable", "Reclaimable"))

    def use(self) -> PodmanUse:
        """Converts the element. podman may count shared layers twice, and has printed negative numbers."""
        return PodmanUse(kind=self.kind, size=self.size, reclaimable=min(max(self.reclaimable, 0), self.size))


_USES = TypeAdapter(Annotated[list[_Use], Field(min_length=1, max_length=3)])


def _podman(answer: Completed) -> tuple[PodmanUse, ...] | Unread:
    if answer.code != 0:
        return Unread(phrase=no_answer(answer))
    try:
        return tuple(element.use() for element in _USES.validate_json(answer.stdout))
    except ValueError as error:
        return Unread(
            phrase=Phrase(
                "podman's word on its disk usage cannot be understood: {why}; look at it in WSL2: sudo podman system df",
                why=reason(error),
            )
        )
