"""Twin of the script that looks at a backup and has programs test what is in it."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError, Twin, fail, hash_content
from tests.lab.windows.twins_configuration import try_program
from tests.lab.windows.unpack import expand_part, require_name


def _test_backup(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder = PureWindowsPath(arguments["folder"])
    if not state.has_folder(folder):
        raise fail("BackupMissing", f"there is no folder {folder}")
    if state.readers.get(folder):
        raise fail("FolderNotSafe", f"others than SYSTEM and Administrators can enter {folder}; look at it, then remove it")
    files = list(_read_files(state, folder, arguments["names"]))
    whole = {(file["name"], file["sha256"]) for file in files}
    tests = [_test_part(arguments, test, whole, state, now) for test in arguments["tests"]]
    return {"files": files, "manifest": _read_manifest(state, folder / "manifest.json"), "tests": tests}


def _read_files(state: WindowsState, folder: PureWindowsPath, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        if folder / name in state.files:
            content = state.bytes_of(folder / name)
            yield {"name": name, "size": len(content), "sha256": hash_content(content)}


def _read_manifest(state: WindowsState, path: PureWindowsPath) -> dict[str, Any] | None:
    try:
        read = json.loads(state.bytes_of(path))
        return {"format": int(read["format"]), "id": str(read["id"]), "host": str(read["host"])}
    except (KeyError, ValueError, TypeError):
        return None


def _test_part(
    arguments: Mapping[str, Any],
    test: Mapping[str, Any],
    whole: set[tuple[str, str]],
    state: WindowsState,
    now: datetime,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"part": test["part"], "failure": "", "words": "", "code": 0, "lines": [], "syntax": False}
    if (test["file"], test["sha256"]) not in whole:
        return answer | {"failure": "Skipped"}
    scratch = PureWindowsPath(arguments["scratch"])
    for path in [path for path in state.files if scratch in path.parents]:
        state.remove(path)
    written: dict[str, Any] = {name: dict(getattr(state, name)) for name in ("files", "raw", "gaps", "written", "readers")}
    try:
        return answer | _try_copy(arguments, test, dataclasses.replace(state, **written), now)
    except ScriptError as error:
        return answer | {"failure": error.id, "words": error.message}


def _try_copy(arguments: Mapping[str, Any], test: Mapping[str, Any], copy: WindowsState, now: datetime) -> dict[str, Any]:
    """Unpack on a copy of the host, and have the program test it there."""
    scratch, base = PureWindowsPath(arguments["scratch"]), PureWindowsPath(test["base"])
    archive = PureWindowsPath(arguments["folder"]) / test["file"]
    limits = (arguments["bytes_limit"], arguments["files_limit"])
    for name in expand_part(copy, archive, scratch, limits, now):
        path = scratch / PureWindowsPath(name)
        if len(copy.bytes_of(path)) <= arguments["limit"]:
            copy.write_bytes(path, _edit_paths(copy.bytes_of(path), test, scratch), now)
    for name in test["keep"]:
        require_name(name)
        if base / name in copy.files:
            copy.write_bytes(scratch / name, copy.bytes_of(base / name), now)
    tried = try_program({**test, "main": str(scratch / test["main"]), "base": str(scratch)}, copy, now)
    lines = [_tell(line, scratch, test["base"]) for line in tried["lines"]]
    return {**tried, "lines": lines}


def _tell(line: str, scratch: PureWindowsPath, base: str) -> str:
    return re.sub(re.escape(scratch.as_posix()).replace("/", r"[\\/]"), lambda _: base, line.replace(str(scratch), base))


def _edit_paths(content: bytes, test: Mapping[str, Any], scratch: PureWindowsPath) -> bytes:
    slash, end = rb"[\\/]{1,2}", rb"""(?=[\\/"'\s;]|\Z)"""
    folder = slash.join(re.escape(part.encode()) for part in test["base"].split("\\"))
    if test["folders"] is not None:
        inside = b"|".join(re.escape(name.encode()) for name in test["folders"])
        name = slash + rb"""[^\\/"'\s;]+(?=["'\s;]|\Z)"""
        end = b"(?=" + slash + b"(?:" + inside + b")" + end + b"|" + name + rb"""|["'\s;]|\Z)"""
    pattern = rb"""(?i)(?<![^\s"'=;,])""" + folder + end
    return re.sub(pattern, lambda _: scratch.as_posix().encode(), content)


TWINS: Mapping[str, Twin] = {"test-backup": _test_backup}
