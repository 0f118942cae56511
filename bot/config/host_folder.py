"""Writes the host folder: whole files by renaming, with the earlier state kept for a rollback. Blocking.

    DATA_FOLDER/hosts.d/NAME.toml              what is read
    DATA_FOLDER/changes/OPERATION/NAME.toml    as it was before the operation;  NAME.absent: there was none

Every method may raise an `OSError`.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.config.hosts import HOST_FOLDER, find_host_file

KEPT_OPERATIONS = 50
"""Operations of which the earlier files are kept. A rollback belongs to the newest, so the others are for people."""

FILE_MODE, FOLDER_MODE = 0o640, 0o750


@dataclass(frozen=True)
class HostFolder:
    """The host folder in one data folder, and the earlier states of its files."""

    data_folder: Path

    def hash_file(self, name: str) -> str:
        """Returns the SHA-256 of the file of a host; "" if there is none."""
        try:
            return hashlib.sha256(find_host_file(self.data_folder, name).read_bytes()).hexdigest()
        except FileNotFoundError:
            return ""

    def read_files(self) -> dict[str, str]:
        """Returns the content of each file by the name of its host."""
        return {path.stem: path.read_text() for path in sorted((self.data_folder / HOST_FOLDER).glob("*.toml"))}

    def read_kept(self) -> dict[str, dict[str, str | None]]:
        """Returns the earlier states that are kept, by operation and host; None where there was no file."""
        kept: dict[str, dict[str, str | None]] = {}
        for path in sorted((self.data_folder / "changes").glob("*/[!.]*.*")):
            files = kept.setdefault(path.parent.name, {})
            files[path.stem] = path.read_text() if path.suffix == ".toml" else None
        return kept

    def take(self, operation: str, name: str, content: str | None) -> None:
        """Keeps an earlier state that another copy of the bot has kept; None: there was no file."""
        folder = self._find_kept_folder(operation)
        file = folder / (f"{name}.absent" if content is None else f"{name}.toml")
        if not file.exists():
            self._forget_oldest()
            _make_folder(folder)
            _write_file(file, (content or "").encode())

    def keep(self, operation: str, name: str) -> None:
        """Keeps the state of a file before an operation. What is kept already stays as it is."""
        folder = self._find_kept_folder(operation)
        if (folder / f"{name}.toml").exists() or (folder / f"{name}.absent").exists():
            return
        self._forget_oldest()
        _make_folder(folder)
        try:
            _write_file(folder / f"{name}.toml", find_host_file(self.data_folder, name).read_bytes())
        except FileNotFoundError:
            _write_file(folder / f"{name}.absent", b"")

    def write(self, name: str, content: bytes) -> None:
        """Writes the file of a host. There is no instant at which it is neither the earlier one nor the new one."""
        file = find_host_file(self.data_folder, name)
        _make_folder(file.parent)
        _write_file(file, content)

    def remove(self, name: str) -> None:
        """Removes the file of a host; nothing if there is none."""
        file = find_host_file(self.data_folder, name)
        file.unlink(missing_ok=True)
        if file.parent.exists():
            sync_folder(file.parent)

    def restore(self, operation: str, name: str) -> bool:
        """Restores the file as it was before an operation. Returns whether that changed something."""
        folder, before = self._find_kept_folder(operation), self.hash_file(name)
        if (folder / f"{name}.toml").exists():
            self.write(name, (folder / f"{name}.toml").read_bytes())
        elif (folder / f"{name}.absent").exists():
            self.remove(name)
        return self.hash_file(name) != before

    def _find_kept_folder(self, operation: str) -> Path:
        return self.data_folder / "changes" / operation

    def _forget_oldest(self) -> None:
        folder = self.data_folder / "changes"
        kept = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime) if folder.exists() else []
        for old in kept[: max(0, len(kept) - KEPT_OPERATIONS + 1)]:
            shutil.rmtree(old)


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def _write_file(file: Path, content: bytes) -> None:
    """Writes a file beside its place under a name with a dot, and renames it when its bytes are on the disk."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Writes the names in a folder to the disk, so that a power cut does not bring an earlier one back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
