"""Twins of the scripts that keep the last good configuration."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import RECORD, WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content, round_trip
from tests.lab.windows.twins_change import open_root
from tests.lab.windows.twins_configuration import add_file, read_file
from tests.lab.windows.twins_nebula import open_folder, require_ours

GOOD = RECORD / "good"
DOCUMENT = GOOD / "good.json"


def _read_good(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    document = _known(state)
    if document is None:
        nothing: dict[str, Any] = {"base": "", "folder": "", "sha256": "", "kept_at": None, "files": []}
        return {**nothing, "intact": True, "changed": False}
    return _tell(document, intact=_is_intact(state, document), changed=False)


def _known(state: WindowsState) -> Any:
    if DOCUMENT not in state.files:
        return None
    for folder in (RECORD, GOOD):
        if folder in state.links:
            raise fail("FolderNotSafe", f"{folder} is a link; look at it, then remove it")
        if state.readers.get(folder):
            words = f"others than SYSTEM and Administrators can enter {folder}; look at it, then remove it"
            raise fail("FolderNotSafe", words)
    try:
        return json.loads(state.files[DOCUMENT])
    except ValueError as error:
        words = f"{DOCUMENT} cannot be read; remove it, and keep a configuration anew"
        raise fail("GoodUnreadable", words) from error


def _folder(sha256: str) -> PureWindowsPath:
    return GOOD / sha256[:16]


def _copy(document: Any, file: str) -> PureWindowsPath:
    """The kept copy of a file."""
    return PureWindowsPath(f"{_folder(document['sha256'])}{file[len(document['base']) :]}")


def _is_intact(state: WindowsState, document: Any) -> bool:
    copies = [(_copy(document, each["file"]), each["sha256"]) for each in document["files"]]
    return all(path in state.files and hash_content(state.bytes_of(path)) == sha256 for path, sha256 in copies)


def _tell(document: Any, *, intact: bool, changed: bool) -> dict[str, Any]:
    return {**document, "folder": str(_folder(document["sha256"])), "intact": intact, "changed": changed}


def _keep_good(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    known, base, sha256 = _known(state), arguments["base"], arguments["sha256"]
    if known is not None and (known["sha256"], known["base"]) == (sha256, base) and _is_intact(state, known):
        return _tell(known, intact=True, changed=False)
    open_root(state)
    open_folder(state, GOOD)
    contents = {each["file"]: _read_hashed(arguments, state, each) for each in arguments["files"]}
    for path in [path for path in state.files if GOOD in path.parents]:
        state.remove(path)
    kept_at, files = round_trip(state.clock(now)), [dict(each) for each in arguments["files"]]
    document = {"base": base, "sha256": sha256, "kept_at": kept_at, "files": files}
    for file, content in contents.items():
        state.write_bytes(_copy(document, file), content, now)
    state.write(DOCUMENT, json.dumps(document, separators=(",", ":")), now)
    return _tell(document, intact=True, changed=True)


def _read_hashed(arguments: Mapping[str, Any], state: WindowsState, each: Mapping[str, str]) -> bytes:
    content = read_file(arguments, state, arguments["base"], each["file"])
    if hash_content(content) != each["sha256"]:
        raise fail("FileChanged", f"{each['file']} has changed")
    return content


def _stage_good(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, base = PureWindowsPath(arguments["folder"]), arguments["base"]
    require_ours(folder)
    document = _known(state)
    if document is None or (document["sha256"], document["base"]) != (arguments["sha256"], base):
        short = arguments["sha256"][:12]
        raise fail("GoodDiffers", f"this host does not keep the configuration {short} as the last good one")
    open_folder(state, folder)
    files, changed = [], False
    for each in arguments["files"]:
        content = read_file(arguments, state, str(_folder(document["sha256"])), str(_copy(document, each["file"])))
        if hash_content(content) != each["sha256"]:
            raise fail("GoodDiffers", f"the kept copy of {each['file']} has another hash")
        staged = f"{folder}\\{arguments['edit']}{each['file'][len(base) :]}"
        changed = add_file(state, PureWindowsPath(staged), content, now) or changed
        files.append({"file": staged, "sha256": each["sha256"]})
    return {"files": files, "changed": changed}


TWINS: Mapping[str, Twin] = {
    "read-good": _read_good,
    "keep-good": _keep_good,
    "stage-good": _stage_good,
}
