"""Twins of the scripts that look at a host that comes or goes, stage new files there, and wipe keys."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.guard import PENDING
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content, round_trip
from tests.lab.windows.twins_configuration import add_file, find_standing, read_bytes, require_no_key
from tests.lab.windows.twins_nebula import open_folder, require_ours

KEY_NAME = re.compile(r"\.key(\.[A-Za-z0-9-]+)?\Z", re.IGNORECASE)
AUTHORITY = re.compile(r"-----BEGIN NEBULA (ED25519|ECDSA P256)( ENCRYPTED)? PRIVATE KEY-----")
HOST = re.compile(r"-----BEGIN NEBULA (X25519|P256) PRIVATE KEY-----")
OPERATIONS = re.compile(r"\\operations(\\op-[0-9a-f]{12})?\Z")


def _read_new_host(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    gateway = PureWindowsPath(arguments["gateway_config"]).parent
    return {
        "nebula_version": _version(state, arguments["nebula_exe"], r"Version: (\S{1,64})"),
        "nebula_cert_version": _version(state, arguments["nebula_cert_exe"], r"Version: (\S{1,64})"),
        "nginx_version": _version(state, arguments["gateway_exe"], r"nginx version: (\S{1,64})"),
        "config": _hash(state, arguments, "config"),
        "certificate": _hash(state, arguments, "certificate"),
        "ca": _hash(state, arguments, "ca"),
        "gateway_config": _hash(state, arguments, "gateway_config"),
        "key_present": PureWindowsPath(arguments["key"]) in state.files,
        "others": _others(state, arguments)[: arguments["others_limit"]],
        "overlay": any(own.address == arguments["address"] for own in state.addresses),
        "modules": state.has_folder(gateway / "lualib" / "flatnet"),
        "snippets": state.has_folder(gateway / "conf.d"),
    }


def _version(state: WindowsState, path: str, pattern: str) -> str:
    program = state.program(path)
    found = re.search(pattern, program.prints, re.IGNORECASE) if program and program.condition == "working" else None
    return found[1] if found else ""


def _hash(state: WindowsState, arguments: Mapping[str, Any], name: str) -> str:
    path = PureWindowsPath(arguments[name])
    return hash_content(read_bytes(state, path, arguments["limit"])) if path in state.files else ""


def _others(state: WindowsState, arguments: Mapping[str, Any]) -> list[str]:
    own = [PureWindowsPath(arguments[name]) for name in ("config", "certificate", "key", "ca", "ca_key")]
    folder = own[0].parent
    inside = {folder / path.relative_to(folder).parts[0] for path in state.files if folder in path.parents}
    return sorted((path.name for path in inside if path not in own), key=str.lower)


def _stage_file(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, file, base = PureWindowsPath(arguments["folder"]), arguments["file"], arguments["base"]
    require_ours(folder)
    content = base64.b64decode(arguments["content"])
    if len(content) > arguments["limit"]:
        raise fail("FileTooLarge", f"{file} would have {len(content)} bytes, more than {arguments['limit']}")
    require_no_key(file, content)
    path = PureWindowsPath(file)
    if find_standing(state, PureWindowsPath(base), path) == "outside":
        raise fail("FileOutside", f"{file} is not in {base}, or there is a link on its path")
    there = path in state.files and hash_content(read_bytes(state, path, arguments["limit"])) != arguments["sha256"]
    if there or state.has_folder(path):
        raise fail("FileThere", f"there is another {file} already")
    open_folder(state, folder)
    changed = add_file(state, PureWindowsPath(arguments["staged"]), content, now)
    return {"file": arguments["staged"], "sha256": arguments["sha256"], "changed": changed}


def _find_stray_keys(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    skipped = [PureWindowsPath(path) for path in arguments["skipped"]]
    expected = [PureWindowsPath(path) for path in arguments["expected"]]
    roots = [PureWindowsPath(path) for path in arguments["folders"]]
    folders = [each for root in roots for each in _folders_below(state, root, skipped)]
    looked = folders[: arguments["folders_limit"]]
    found = [
        {
            "file": str(path),
            "kind": kind,
            "written_at": round_trip(state.written_at(path)),
            "certificate": _beside(state, path, arguments["pem_limit"]),
        }
        for folder in looked
        for path in _keys_in(state, folder)
        if path not in expected and (kind := _kind(state, path))
    ]
    return {
        "keys": found[: arguments["keys_limit"]],
        "complete": looked == folders and len(found) <= arguments["keys_limit"],
        "clock": round_trip(state.clock(now)),
    }


def _folders_below(state: WindowsState, root: PureWindowsPath, skipped: list[PureWindowsPath]) -> list[PureWindowsPath]:
    """The folder and those in it, level by level, without links and what is skipped."""
    every = {folder for path in (*state.files, *state.programs) for folder in path.parents}
    found = [root] if root in every else []
    for folder in found:
        inside = sorted((each for each in every if each.parent == folder), key=lambda each: each.name.lower())
        found += [each for each in inside if each not in skipped and each not in state.links]
    return found


def _keys_in(state: WindowsState, folder: PureWindowsPath) -> list[PureWindowsPath]:
    names = (path for path in state.files if path.parent == folder and KEY_NAME.search(path.name))
    return sorted(names, key=lambda path: path.name.lower())


def _kind(state: WindowsState, path: PureWindowsPath) -> str:
    text = state.files.get(path, "")[:4000]
    return "authority" if AUTHORITY.search(text) else "host" if HOST.search(text) else ""


def _beside(state: WindowsState, path: PureWindowsPath, limit: int) -> str:
    """The certificate beside a key, without a key that lies in its file by mistake."""
    text = state.files.get(path.with_name(KEY_NAME.sub(r".crt\1", path.name)), "")[:limit]
    banner = "[A-Z0-9 ]*PRIVATE KEY-----"
    return re.sub(rf"(?s)-----BEGIN {banner}.*?(-----END {banner}|\Z)", "", text)


def _wipe_keys(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    remains = _find_remains(arguments, state)
    for path in remains:
        for operation in (each.name for each in path.parents if each.parent.name == "operations"):
            change = state.changes.get(operation)
            if change is not None and (change.state in PENDING or change.state == "stuck"):
                words = f"the change of {operation} is {change.state}, and its old files are still needed"
                raise fail("ChangeNotEnded", words)
    for path in remains:
        state.remove(path)
    return {"wiped": len(remains), "changed": bool(remains)}


def _read_key_remains(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    remains = _find_remains(arguments, state)
    return {"left": len(remains), "first": str(remains[0]) if remains else ""}


def _find_remains(arguments: Mapping[str, Any], state: WindowsState) -> list[PureWindowsPath]:
    files = [PureWindowsPath(path) for path in arguments["files"]]
    for path in (*files, *map(PureWindowsPath, arguments["folders"])):
        _require_place(arguments, state, path)
    found = []
    for path in files:
        if path == PureWindowsPath(arguments["ca_key"]) or _kind(state, path) == "authority":
            raise fail("CaKey", f"{path} is the key of a CA")
        found += [path] if path in state.files else []
    for folder in map(PureWindowsPath, arguments["folders"]):
        if not OPERATIONS.search(str(folder)):
            raise fail("NotOurs", f"{folder} is not the folder of operations")
        found += [path for path in _keys_below(state, folder) if path not in files]
    return found


def _keys_below(state: WindowsState, folder: PureWindowsPath) -> Iterator[PureWindowsPath]:
    yield from (path for path in _keys_in(state, folder) if _kind(state, path) != "authority")
    inside = {each for path in state.files for each in path.parents if each.parent == folder} - set(state.links)
    for each in sorted(inside, key=lambda each: each.name.lower()):
        yield from _keys_below(state, each)


def _require_place(arguments: Mapping[str, Any], state: WindowsState, path: PureWindowsPath) -> None:
    roots = [root for root in map(PureWindowsPath, arguments["roots"]) if root in path.parents]
    if not roots or any(find_standing(state, root, path) == "outside" for root in roots):
        raise fail("FileOutside", f"{path} is not in a folder of Flatnet, or there is a link on its path")


TWINS: Mapping[str, Twin] = {
    "read-new-host": _read_new_host,
    "stage-file": _stage_file,
    "find-stray-keys": _find_stray_keys,
    "wipe-keys": _wipe_keys,
    "read-key-remains": _read_key_remains,
}
