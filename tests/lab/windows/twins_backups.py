"""Twins of the scripts that pack a part of a backup, and tell and remove what lies at its first place."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.private_files import find_reason
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content
from tests.lab.windows.twins_nebula import open_folder
from tests.lab.windows.twins_spool import find_spool, make_header, require_room

BACKUP = r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}"
FILE = r"[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){1,3}"


def _pack_backup(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file, source, limit = find_spool(arguments), PureWindowsPath(arguments["source"]), arguments["limit"]
    if not state.has_folder(source):
        raise fail("FolderMissing", f"there is no folder {source}")
    missing = dict.fromkeys(find_links(source, arguments, state), "link")
    names = sorted(find_files(source, arguments, state))
    if len(names) > arguments["files_limit"]:
        raise fail("TooMany", f"{source} has more than {arguments['files_limit']} files")
    whole = sum(1024 + state.size_of(source / name) for name in names)
    if whole > 4 * limit:
        raise fail("TooLarge", f"{source} has more than {limit} bytes")
    require_room(state, file, whole)
    open_folder(state, file.parent)
    archive = b""
    for name in names:
        content = _read(source / name, state)
        if len(archive) + len(content) > limit:
            raise fail("TooLarge", f"{source} has more than {limit} bytes")
        if why := find_reason(name, content):
            missing[name] = why
        else:
            archive += make_header(name, len(content)) + content + bytes(-len(content) % 512)
        if len(missing) > arguments["missing_limit"]:
            raise fail("TooMany", f"more than {arguments['missing_limit']} files of {source} would be left out")
    state.write_bytes(file, archive + bytes(1024), now)
    packed = state.bytes_of(file)
    return {
        "size": len(packed),
        "sha256": hash_content(packed),
        "files": len(names) - sum(why != "link" for why in missing.values()),
        "missing": [{"path": name, "why": missing[name]} for name in sorted(missing)],
        "changed": True,
    }


def _belongs(name: str, arguments: Mapping[str, Any]) -> bool:
    folders, (top, *below) = arguments["folders"], name.split("/")
    return folders is None or not below or top.lower() in {folder.lower() for folder in folders}


def find_files(source: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState) -> Iterator[str]:
    """The names of the files of a part."""
    for path in state.files:
        if source in path.parents and path not in state.file_links:
            name = path.relative_to(source).as_posix()
            if _belongs(name, arguments):
                yield name


def find_links(source: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState) -> Iterator[str]:
    """The names of the links in the folders of a part."""
    for path in (*state.links, *state.file_links):
        if source in path.parents:
            name = path.relative_to(source).as_posix()
            if _belongs(f"{name}/x" if path in state.links else name, arguments):
                yield name


def _read(path: PureWindowsPath, state: WindowsState) -> bytes:
    if path in (*state.locked, *state.denied):
        why = "cannot be read: another program keeps it open, or its access list forbids it"
        raise fail("FileUnreadable", f"{path} {why}")
    return state.bytes_of(path)


def _require_backup(folder: PureWindowsPath) -> None:
    if not re.fullmatch(BACKUP, folder.name) or not folder.is_absolute():
        raise fail("NotOurs", f"{folder} is not the folder of a backup")


def _read_first_place(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    _require_backup(folder)
    return {"present": state.has_folder(folder)}


def _remove_first_place(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    _require_backup(folder)
    inside = sorted(path for path in state.files if folder in path.parents)
    links = [path for path in (*state.links, *state.file_links) if folder in (path, *path.parents)]
    tops = {folder / path.relative_to(folder).parts[0] for path in inside}
    foreign = [path for path in tops if path not in inside or not re.fullmatch(FILE, path.name)]
    if strange := sorted([*links, *foreign]):
        raise fail("NotOurs", f"{strange[0]} does not belong to a backup; look at it, then remove it")
    for path in inside:
        state.remove(path)
    return {"present": False, "changed": bool(inside)}


TWINS: Mapping[str, Twin] = {
    "pack-backup": _pack_backup,
    "read-first-place": _read_first_place,
    "remove-first-place": _remove_first_place,
}
"""What the scripts of backups answer on which host."""
