"""Twins of the scripts that read, list, edit, test and keep configuration files."""

import base64
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatch
from itertools import islice
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows import nebula, nginx
from tests.lab.windows.state import RECORD, WindowsState
from tests.lab.windows.twin import ScriptError, Twin, round_trip
from tests.lab.windows.twins_change import open_root
from tests.lab.windows.twins_disks import rotated
from tests.lab.windows.twins_nebula import KEY_HIDDEN, last_words, open_folder, require_ours, start_program

GOOD = RECORD / "good"
DOCUMENT = GOOD / "good.json"


def _read_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    content = _read(arguments, state, arguments["base"], arguments["file"])
    return {"file": arguments["file"], "content": base64.b64encode(content).decode(), "sha256": _hash(content)}


def _read(arguments: Mapping[str, Any], state: WindowsState, base: str, file: str) -> bytes:
    """A file in the folder of a configuration, unless a private key is in it."""
    _require_standing(state, base, file)
    content = _bytes(state, PureWindowsPath(file), arguments["limit"])
    _require_no_key(file, content)
    return content


def _require_standing(state: WindowsState, base: str, file: str) -> None:
    match _standing(state, PureWindowsPath(base), PureWindowsPath(file)):
        case "missing":
            raise _failed("FileMissing", f"there is no file {file}")
        case "outside":
            raise _failed("FileOutside", f"{file} is not in {base}, or there is a link on its path")


def _standing(state: WindowsState, base: PureWindowsPath, file: PureWindowsPath) -> str:
    if base not in file.parents:
        return "outside"
    way = [file, *file.parents[: len(file.parents) - len(base.parents) - 1]]
    if any(path in state.links or path in state.file_links for path in way):
        return "outside"
    return "present" if file in state.files else "missing"


def _bytes(state: WindowsState, file: PureWindowsPath, limit: int) -> bytes:
    if file in state.denied or file in state.locked:
        raise _failed("FileUnreadable", f"{file} cannot be opened")
    content = state.bytes_of(file)
    if len(content) > limit:
        raise _failed("FileTooLarge", f"{file} has {len(content)} bytes, more than {limit}")
    return content


def _require_no_key(file: str, content: bytes) -> None:
    text = content.decode("latin-1").replace("\0", "")
    at = text.find("PRIVATE KEY-----")
    lines = [text.count("\n", 0, at) + 1] if at >= 0 else []
    entry = nebula.pki_entries(text).get("key")
    lines += [entry.line + 1] if entry is not None and entry.value == "inline" else []
    if lines:
        raise _failed("KeyInside", f"{file} has a private key in line {min(lines)}")


def _list_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    _require_standing(state, arguments["base"], arguments["main"])
    return {"files": [_list_file(state, arguments, file) for file in _tree(state, arguments)]}


def _list_file(state: WindowsState, arguments: Mapping[str, Any], file: str) -> dict[str, Any]:
    standing, content = _standing(state, PureWindowsPath(arguments["base"]), PureWindowsPath(file)), None
    if standing == "present":
        try:
            content = _bytes(state, PureWindowsPath(file), arguments["limit"])
        except ScriptError:
            standing = "unreadable"
    return {
        "file": file,
        "state": standing,
        "size": 0 if content is None else len(content),
        "sha256": "" if content is None else _hash(content),
    }


def _tree(state: WindowsState, arguments: Mapping[str, Any]) -> list[str]:
    """The main file, and whatever it includes, each once."""
    base, found, wanted = arguments["base"], list[str](), [arguments["main"]]
    for path in wanted:
        for file in _included(state, PureWindowsPath(base), path):
            if file.lower() in map(str.lower, found):
                continue
            if len(found) >= arguments["files_limit"]:
                raise _failed("TooManyFiles", f"{arguments['main']} includes more than {arguments['files_limit']} files")
            found.append(file)
            if _list_file(state, arguments, file)["state"] == "present":
                wanted.extend(_names(state.bytes_of(PureWindowsPath(file)), base))
    return found


def _names(content: bytes, base: str) -> Iterator[str]:
    """The paths that a file includes; where the syntax is bad it ends."""
    words = list[nginx.Token]()
    try:
        for token in nginx.split(content.decode("utf-8", "surrogateescape"), ""):
            if token.quoted or (not token.lua and token.text not in (";", "{", "}")):
                words.append(token)
                continue
            if token.text == ";" and words and words[0].text == "include" and len(words) == 2:
                yield _full(words[1].text, base)
            words = []
    except nginx.NotLoaded:
        return


def _full(name: str, base: str) -> str:
    path = PureWindowsPath(re.sub(r"\\([\"'\\ ])", r"\1", name))
    if path.drive.startswith("\\\\"):
        return name
    kept = list[str]()
    for part in (PureWindowsPath(base) / path).parts:
        if part == ".." and len(kept) > 1:
            kept.pop()
        elif part != "..":
            kept.append(part.rstrip("\\"))
    return "\\".join(kept)


def _included(state: WindowsState, base: PureWindowsPath, path: str) -> list[str]:
    file = PureWindowsPath(path)
    folder = file.parent
    inside = folder == base or base in folder.parents
    if not re.search(r"[*?]", path) or not inside:
        return [path]
    if folder != base and _standing(state, base, folder) == "outside":
        return [path]
    names = [each.name for each in state.files if each.parent == folder and fnmatch(each.name.lower(), file.name.lower())]
    return [f"{folder}\\{name}" for name in sorted(names, key=str.upper)]


def _stage_edit(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, file = PureWindowsPath(arguments["folder"]), arguments["file"]
    require_ours(folder)
    old = _read(arguments, state, arguments["base"], file)
    if _hash(old) != arguments["sha256"]:
        raise _failed("FileChanged", f"{file} has changed")
    new = _edited(arguments, old)
    if len(new) > arguments["limit"]:
        raise _failed("FileTooLarge", f"{file} would have {len(new)} bytes, more than {arguments['limit']}")
    _require_no_key(file, new)
    if _hash(new) != arguments["new_sha256"]:
        raise _failed("EditDiffers", f"the edit of {file} does not lead to the text that was planned")
    open_folder(state, folder)
    changed = _add(state, PureWindowsPath(arguments["staged"]), new, now)
    return {"file": arguments["staged"], "sha256": arguments["new_sha256"], "changed": changed}


def _edited(arguments: Mapping[str, Any], old: bytes) -> bytes:
    new, at = b"", 0
    for splice in arguments["splices"]:
        removed, inserted = base64.b64decode(splice["removed"]), base64.b64decode(splice["inserted"])
        offset, end = splice["offset"], splice["offset"] + len(removed)
        if offset < at or end > len(old):
            raise _failed("EditDiffers", f"the edit does not fit into {arguments['file']}")
        if old[offset:end] != removed:
            raise _failed("EditDiffers", f"the edit removes other bytes than those in {arguments['file']}")
        new, at = new + old[at:offset] + inserted, end
    return new + old[at:]


def _add(state: WindowsState, path: PureWindowsPath, content: bytes, now: datetime) -> bool:
    """Write a file; whether it was not there before."""
    if path in state.files and state.bytes_of(path) == content:
        return False
    state.write_bytes(path, content, now)
    return True


def _test_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    main, base = PureWindowsPath(arguments["main"]), PureWindowsPath(arguments["base"])
    _require_standing(state, str(base), str(main))
    if not arguments["folder"]:
        return _try(arguments, state, now)
    folder = PureWindowsPath(arguments["folder"])
    require_ours(folder)
    open_folder(state, folder)
    written: dict[str, Any] = {name: dict(getattr(state, name)) for name in ("files", "raw", "gaps", "written")}
    staged = dataclasses.replace(state, **written)
    for path in [path for path in state.files if folder / "edit" in path.parents]:
        live = base / path.relative_to(folder / "edit")
        if live in staged.files:
            staged.write_bytes(live, state.bytes_of(path), now)
    for file in _tree(staged, arguments):
        if _standing(staged, base, PureWindowsPath(file)) == "present":
            _require_no_key(file, _bytes(staged, PureWindowsPath(file), arguments["limit"]))
    return _try(arguments, staged, now)


def _try(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    main = arguments["main"]
    start_program(state, arguments["exe"])
    if arguments["program"] == "nebula":
        try:
            nebula.load(lambda path: state.files.get(PureWindowsPath(path)), main, state.clock(now))
        except nebula.NotLoaded as failed:
            return {"code": 1, "lines": [last_words(nebula.says(failed, state.clock(now)))], "syntax": False}
        return {"code": 0, "lines": [], "syntax": False}
    code, said = nginx.check_configuration(state, main)
    base = arguments["base"]
    lines = [line.replace(base.replace("\\", "/"), base) for line in said.splitlines() if "[emerg]" in line]
    told = [re.sub(KEY_HIDDEN, "...", line)[:1000] for line in lines]
    return {"code": code, "lines": told, "syntax": "syntax is ok" in said}


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
            raise _failed("FolderNotSafe", f"{folder} is a link; look at it, then remove it")
        if state.readers.get(folder):
            words = f"others than SYSTEM and Administrators can enter {folder}; look at it, then remove it"
            raise _failed("FolderNotSafe", words)
    try:
        return json.loads(state.files[DOCUMENT])
    except ValueError as error:
        words = f"{DOCUMENT} cannot be read; remove it, and keep a configuration anew"
        raise _failed("GoodUnreadable", words) from error


def _folder(sha256: str) -> PureWindowsPath:
    return GOOD / sha256[:16]


def _copy(document: Any, file: str) -> PureWindowsPath:
    """The kept copy of a file."""
    return PureWindowsPath(f"{_folder(document['sha256'])}{file[len(document['base']) :]}")


def _is_intact(state: WindowsState, document: Any) -> bool:
    copies = [(_copy(document, each["file"]), each["sha256"]) for each in document["files"]]
    return all(path in state.files and _hash(state.bytes_of(path)) == sha256 for path, sha256 in copies)


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
    content = _read(arguments, state, arguments["base"], each["file"])
    if _hash(content) != each["sha256"]:
        raise _failed("FileChanged", f"{each['file']} has changed")
    return content


def _stage_good(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, base = PureWindowsPath(arguments["folder"]), arguments["base"]
    require_ours(folder)
    document = _known(state)
    if document is None or (document["sha256"], document["base"]) != (arguments["sha256"], base):
        short = arguments["sha256"][:12]
        raise _failed("GoodDiffers", f"this host does not keep the configuration {short} as the last good one")
    open_folder(state, folder)
    files, changed = [], False
    for each in arguments["files"]:
        content = _read(arguments, state, str(_folder(document["sha256"])), str(_copy(document, each["file"])))
        if _hash(content) != each["sha256"]:
            raise _failed("GoodDiffers", f"the kept copy of {each['file']} has another hash")
        staged = f"{folder}\\{arguments['edit']}{each['file'][len(base) :]}"
        changed = _add(state, PureWindowsPath(staged), content, now) or changed
        files.append({"file": staged, "sha256": each["sha256"]})
    return {"files": files, "changed": changed}


def _read_nginx(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    log, after = PureWindowsPath(arguments["log"]), arguments["after"]
    position = state.size_of(log) if log in state.files else None
    found = [] if position is None or after is None else list(_emergencies(state, log, after))
    own = [process for process in state.processes if process.name.lower() == "nginx"]
    own = own if state.program(arguments["program"]) is not None else []
    processes = [
        {"pid": process.pid, "started_at": None if process.started_at is None else round_trip(process.started_at)}
        for process in sorted(own, key=lambda process: (process.started_at or now, process.pid))
    ]
    return {
        "version": _version(state, arguments["program"]),
        "master": processes[0] if processes else None,
        "workers": processes[1:],
        "clock": round_trip(state.clock(now)),
        "position": position,
        "emergencies": len(found),
        "emergency_lines": found[-arguments["lines_limit"] :],
    }


def _version(state: WindowsState, path: str) -> str:
    program = state.program(path)
    if program is None or program.condition != "working":
        return ""
    found = re.search(r"nginx version: (\S{1,64})", program.prints)
    return found[1] if found else ""


def _emergencies(state: WindowsState, log: PureWindowsPath, after: int) -> Iterator[str]:
    parts = [state.bytes_of(log)[after:]]
    if state.size_of(log) < after:
        aside = sorted(rotated(log, state), key=state.written_at)[-1:]
        parts = [*(state.bytes_of(path)[after:] for path in aside), state.bytes_of(log)]
    for part in parts:
        for line in re.split(r"\r\n|\r|\n", part.decode("utf-8", "replace")):
            if " [emerg] " in line:
                yield re.sub(KEY_HIDDEN, "...", "".join(islice(line, 500)))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _failed(code: str, message: str) -> ScriptError:
    return ScriptError(message, "System.InvalidOperationException", code)


TWINS: Mapping[str, Twin] = {
    "read-configuration": _read_configuration,
    "list-configuration": _list_configuration,
    "stage-edit": _stage_edit,
    "test-configuration": _test_configuration,
    "read-good": _read_good,
    "keep-good": _keep_good,
    "stage-good": _stage_good,
    "read-nginx": _read_nginx,
}
