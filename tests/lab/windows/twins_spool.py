"""Twins of the scripts that move files of operations: one packs a folder, the others read, write and remove a file."""

import base64
import re
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.private_files import find_reason
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content
from tests.lab.windows.twins_nebula import OUR_FOLDER, open_folder

SPARE = 268435456
NAME = r"[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){0,2}"


def _pack_folder(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file, source = find_spool(arguments), PureWindowsPath(arguments["source"])
    names = sorted(path.relative_to(source).as_posix() for path in state.files if source in path.parents)
    if not names:
        raise fail("FolderMissing", f"there is no folder {source}")
    open_folder(state, file.parent)
    archive, left = b"", []
    for name in names:
        content = state.bytes_of(source / name)
        if len(archive) + len(content) > arguments["limit"]:
            raise fail("TooLarge", f"{source} has more than {arguments['limit']} bytes")
        if find_reason(name, content):
            left.append(name)
            continue
        archive += make_header(name, len(content)) + content + bytes(-len(content) % 512)
    state.write_bytes(file, archive + bytes(1024), now)
    packed = state.bytes_of(file)
    return {
        "size": len(packed),
        "sha256": hash_content(packed),
        "files": len(names) - len(left),
        "left_out": left,
        "changed": True,
    }


def make_header(name: str, size: int) -> bytes:
    """The header of a file in an archive."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = size, 0
    try:
        return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8")
    except ValueError as error:
        raise fail("NameTooLong", f"the name of {name} is too long for an archive") from error


def _read_spool(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file, offset, count = find_spool(arguments), arguments["offset"], arguments["count"]
    if file not in state.files:
        raise fail("SpoolMissing", f"there is no file {file}")
    content = state.bytes_of(file)
    return {"offset": offset, "size": len(content), "data": base64.b64encode(content[offset : offset + count]).decode()}


def _read_state(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file = find_spool(arguments)
    if file in state.files:
        return {"received": len(state.bytes_of(file)), "sha256": hash_content(state.bytes_of(file))}
    part = _part_of(file)
    return {"received": len(state.bytes_of(part)) if part in state.files else 0, "sha256": ""}


def _write_spool(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file = find_spool(arguments)
    part = _part_of(file)
    if arguments["move"] == "prepare":
        return _prepare(file, arguments, state, now)
    if part not in state.files and file not in state.files:
        raise fail("SpoolMissing", f"there is no file {part}")
    if arguments["move"] == "write":
        return _add_piece(part, arguments, state, now)
    return _complete(file, arguments, state, now)


def _prepare(file: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    size = arguments["size"]
    if file in state.files and hash_content(state.bytes_of(file)) == arguments["sha256"]:
        return {"received": size, "sha256": arguments["sha256"], "changed": False}
    if size > arguments["limit"]:
        raise fail("TooLarge", f"{size} bytes are more than the limit of {arguments['limit']}")
    require_room(state, file, size)
    open_folder(state, file.parent)
    state.remove(file)
    state.write_bytes(_part_of(file), b"", now)
    return {"received": 0, "sha256": "", "changed": True}


def _add_piece(part: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    data, offset = base64.b64decode(arguments["data"]), arguments["offset"]
    held = state.bytes_of(part)
    if len(held) not in (offset, offset + len(data)):
        raise fail("OutOfOrder", f"a piece for byte {offset} came where {len(held)} bytes are")
    state.write_bytes(part, held[:offset] + data, now)
    return {"received": offset + len(data), "sha256": "", "changed": True}


def _complete(file: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    part = _part_of(file)
    if part not in state.files:
        return {"received": len(state.bytes_of(file)), "sha256": hash_content(state.bytes_of(file)), "changed": False}
    content = state.bytes_of(part)
    if (len(content), hash_content(content)) == (arguments["size"], arguments["sha256"]):
        state.rename(part, file)
    return {"received": len(content), "sha256": hash_content(content), "changed": True}


def _remove_spool(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    file = find_spool(arguments)
    there = file in state.files or _part_of(file) in state.files
    for path in (file, _part_of(file)):
        state.remove(path)
    return {"received": 0, "sha256": "", "changed": there}


def find_spool(arguments: Mapping[str, Any]) -> PureWindowsPath:
    """The file that is moved, in the folder of an operation or of a backup."""
    folder, name = PureWindowsPath(arguments["folder"]), str(arguments["name"])
    of_operation = folder.parent.name == "operations" and re.fullmatch(OUR_FOLDER, folder.name)
    if not of_operation and not re.fullmatch(r"[a-z0-9-]{1,64}-[0-9a-f]{12}", folder.name):
        raise fail("NotOurs", f"{folder} is not the folder of an operation or of a backup")
    if not re.fullmatch(NAME, name):
        raise fail("NotOurs", f"{name} is no name of a file that is moved")
    return folder / name


def require_room(state: WindowsState, file: PureWindowsPath, size: int) -> None:
    """Refuse a file for which too little is free on its drive."""
    drive = state.drives.get(file.drive)
    free = None if drive is None else 0 if state.disk_full else drive.free
    if state.wmi and free is not None and free < size + SPARE:
        raise fail("DiskFull", f"{size + SPARE} bytes are needed on {file.drive} and {free} are free")


def _part_of(file: PureWindowsPath) -> PureWindowsPath:
    return file.with_name(f"{file.name}.part")


TWINS: Mapping[str, Twin] = {
    "pack-folder": _pack_folder,
    "read-spool": _read_spool,
    "read-spool-state": _read_state,
    "write-spool": _write_spool,
    "remove-spool": _remove_spool,
}
