"""Twins of the scripts that list the present files of a part, and unpack those of a backup beside them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.private_files import find_reason
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content
from tests.lab.windows.twins_backups import find_files, find_links
from tests.lab.windows.twins_nebula import open_folder, require_ours
from tests.lab.windows.twins_spool import require_room
from tests.lab.windows.unpack import expand_part, require_name


def _list_part(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    source = PureWindowsPath(arguments["source"])
    files = sorted(find_files(source, arguments, state))
    if len(files) > arguments["files_limit"]:
        raise fail("TooMany", f"{source} has more than {arguments['files_limit']} files")
    if sum(state.size_of(source / name) for name in files) > arguments["limit"]:
        raise fail("TooLarge", f"{source} has more than {arguments['limit']} bytes")
    found = [*_describe(source, files, state), *_describe_links(source, arguments, state)]
    return {"files": sorted(found, key=lambda each: str(each["path"]))}


def _describe(source: PureWindowsPath, files: list[str], state: WindowsState) -> Iterator[dict[str, Any]]:
    for name in files:
        if source / name in (*state.locked, *state.denied):
            raise fail("FileUnreadable", f"{source / name} cannot be opened")
        content = state.bytes_of(source / name)
        yield {"path": name, "size": len(content), "sha256": hash_content(content), "why": find_reason(name, content)}


def _describe_links(source: PureWindowsPath, arguments: Mapping[str, Any], state: WindowsState) -> Iterator[dict[str, Any]]:
    for name in find_links(source, arguments, state):
        yield {"path": name, "size": 0, "sha256": "", "why": "link"}


def _stage_restore(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, place = PureWindowsPath(arguments["folder"]), PureWindowsPath(arguments["archive_folder"])
    base, restored, archive = PureWindowsPath(arguments["base"]), folder / "restore", place / arguments["name"]
    require_ours(folder)
    if archive not in state.files:
        raise fail("BackupMissing", f"there is no file {archive}")
    if state.readers.get(place):
        raise fail("FolderNotSafe", f"others than SYSTEM and Administrators can enter {place}; look at it, then remove it")
    content = state.bytes_of(archive)
    if hash_content(content) != arguments["sha256"]:
        raise fail("BackupDiffers", f"{archive} was changed since it was made")
    require_room(state, folder, 2 * len(content))
    open_folder(state, folder)
    _remove(restored, state)
    try:
        names = expand_part(state, archive, restored, (arguments["bytes_limit"], arguments["files_limit"]), now)
        kept = [name for name in arguments["keep"] if _lay_beside(name, base, restored, state, now)]
    except BaseException:
        _remove(restored, state)
        raise
    return {"files": len(names), "kept": kept, "changed": True}


def _lay_beside(name: str, base: PureWindowsPath, restored: PureWindowsPath, state: WindowsState, now: datetime) -> bool:
    """Copy a present file with its access list; whether there is one."""
    require_name(name)
    if base / name not in state.files or base / name in state.file_links:
        return False
    state.write_bytes(restored / name, state.bytes_of(base / name), now)
    if readers := state.readers.get(base / name):
        state.readers[restored / name] = list(readers)
    return True


def _remove(folder: PureWindowsPath, state: WindowsState) -> None:
    for path in [path for path in state.files if folder in path.parents]:
        state.remove(path)


TWINS: Mapping[str, Twin] = {"list-part": _list_part, "stage-restore": _stage_restore}
"""What the scripts of a restore answer on which host."""
