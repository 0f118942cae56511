"""Twins of the scripts that read, list, edit and test configuration files."""

import base64
import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatch
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows import nebula, nginx
from tests.lab.windows.nebula_cert_usage import find_edition
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError, Twin, fail, hash_content
from tests.lab.windows.twins_nebula import KEY_HIDDEN, last_words, open_folder, require_ours, start_program


def _read_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    content = read_file(arguments, state, arguments["base"], arguments["file"])
    return {"file": arguments["file"], "content": base64.b64encode(content).decode(), "sha256": hash_content(content)}


def read_file(arguments: Mapping[str, Any], state: WindowsState, base: str, file: str) -> bytes:
    """A file in the folder of a configuration, unless a private key is in it."""
    _require_standing(state, base, file)
    content = read_bytes(state, PureWindowsPath(file), arguments["limit"])
    require_no_key(file, content)
    return content


def _require_standing(state: WindowsState, base: str, file: str) -> None:
    match find_standing(state, PureWindowsPath(base), PureWindowsPath(file)):
        case "missing":
            raise fail("FileMissing", f"there is no file {file}")
        case "outside":
            raise fail("FileOutside", f"{file} is not in {base}, or there is a link on its path")


def find_standing(state: WindowsState, base: PureWindowsPath, file: PureWindowsPath) -> str:
    """Whether a file is present, missing, or outside of the folder of its configuration."""
    if base not in file.parents:
        return "outside"
    way = [file, *file.parents[: len(file.parents) - len(base.parents) - 1]]
    if any(path in state.links or path in state.file_links for path in way):
        return "outside"
    return "present" if file in state.files else "missing"


def read_bytes(state: WindowsState, file: PureWindowsPath, limit: int) -> bytes:
    """What a file holds, of at most so many bytes."""
    if file in state.denied or file in state.locked:
        raise fail("FileUnreadable", f"{file} cannot be opened")
    content = state.bytes_of(file)
    if len(content) > limit:
        raise fail("FileTooLarge", f"{file} has {len(content)} bytes, more than {limit}")
    return content


def require_no_key(file: str, content: bytes) -> None:
    """Refuse a content with a private key in it."""
    text = content.decode("latin-1").replace("\0", "")
    at = text.find("PRIVATE KEY-----")
    lines = [text.count("\n", 0, at) + 1] if at >= 0 else []
    entry = nebula.pki_entries(text).get("key")
    lines += [entry.line + 1] if entry is not None and entry.value == "inline" else []
    if lines:
        raise fail("KeyInside", f"{file} has a private key in line {min(lines)}")


def _list_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    _require_standing(state, arguments["base"], arguments["main"])
    return {"files": [_list_file(state, arguments, file) for file in _tree(state, arguments)]}


def _list_file(state: WindowsState, arguments: Mapping[str, Any], file: str) -> dict[str, Any]:
    standing, content = find_standing(state, PureWindowsPath(arguments["base"]), PureWindowsPath(file)), None
    if standing == "present":
        try:
            content = read_bytes(state, PureWindowsPath(file), arguments["limit"])
        except ScriptError:
            standing = "unreadable"
    return {
        "file": file,
        "state": standing,
        "size": 0 if content is None else len(content),
        "sha256": "" if content is None else hash_content(content),
    }


def _tree(state: WindowsState, arguments: Mapping[str, Any]) -> list[str]:
    """The main file, and whatever it includes, each once."""
    base, found, wanted = arguments["base"], list[str](), [arguments["main"]]
    for path in wanted:
        for file in _included(state, PureWindowsPath(base), path):
            if file.lower() in map(str.lower, found):
                continue
            if len(found) >= arguments["files_limit"]:
                raise fail("TooManyFiles", f"{arguments['main']} includes more than {arguments['files_limit']} files")
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
    if folder != base and find_standing(state, base, folder) == "outside":
        return [path]
    names = [each.name for each in state.files if each.parent == folder and fnmatch(each.name.lower(), file.name.lower())]
    return [f"{folder}\\{name}" for name in sorted(names, key=str.upper)]


def _stage_edit(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    folder, file = PureWindowsPath(arguments["folder"]), arguments["file"]
    require_ours(folder)
    old = read_file(arguments, state, arguments["base"], file)
    if hash_content(old) != arguments["sha256"]:
        raise fail("FileChanged", f"{file} has changed")
    new = _edited(arguments, old)
    if len(new) > arguments["limit"]:
        raise fail("FileTooLarge", f"{file} would have {len(new)} bytes, more than {arguments['limit']}")
    require_no_key(file, new)
    if hash_content(new) != arguments["new_sha256"]:
        raise fail("EditDiffers", f"the edit of {file} does not lead to the text that was planned")
    open_folder(state, folder)
    changed = add_file(state, PureWindowsPath(arguments["staged"]), new, now)
    return {"file": arguments["staged"], "sha256": arguments["new_sha256"], "changed": changed}


def _edited(arguments: Mapping[str, Any], old: bytes) -> bytes:
    new, at = b"", 0
    for splice in arguments["splices"]:
        removed, inserted = base64.b64decode(splice["removed"]), base64.b64decode(splice["inserted"])
        offset, end = splice["offset"], splice["offset"] + len(removed)
        if offset < at or end > len(old):
            raise fail("EditDiffers", f"the edit does not fit into {arguments['file']}")
        if old[offset:end] != removed:
            raise fail("EditDiffers", f"the edit removes other bytes than those in {arguments['file']}")
        new, at = new + old[at:offset] + inserted, end
    return new + old[at:]


def add_file(state: WindowsState, path: PureWindowsPath, content: bytes, now: datetime) -> bool:
    """Write a file; whether it was not there before."""
    if path in state.files and state.bytes_of(path) == content:
        return False
    state.write_bytes(path, content, now)
    return True


def _test_configuration(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    main, base = PureWindowsPath(arguments["main"]), PureWindowsPath(arguments["base"])
    if not arguments["folder"]:
        _require_standing(state, str(base), str(main))
        return try_program(arguments, state, now)
    folder = PureWindowsPath(arguments["folder"])
    require_ours(folder)
    if find_standing(state, base, main) != "missing" or folder / "edit" / main.relative_to(base) not in state.files:
        _require_standing(state, str(base), str(main))
    open_folder(state, folder)
    written: dict[str, Any] = {name: dict(getattr(state, name)) for name in ("files", "raw", "gaps", "written")}
    staged = dataclasses.replace(state, **written)
    for path in [path for path in state.files if folder / "edit" in path.parents]:
        live = base / path.relative_to(folder / "edit")
        if find_standing(state, base, live) in ("present", "missing"):
            staged.write_bytes(live, state.bytes_of(path), now)
    for file in _tree(staged, arguments):
        if find_standing(staged, base, PureWindowsPath(file)) == "present":
            require_no_key(file, read_bytes(staged, PureWindowsPath(file), arguments["limit"]))
    return try_program(arguments, staged, now)


def try_program(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    """What nginx or Nebula says of a configuration."""
    main = arguments["main"]
    program = start_program(state, arguments["exe"])
    if arguments["program"] == "nebula":
        try:
            nebula.load(
                lambda path: state.files.get(PureWindowsPath(path)), main, state.clock(now), find_edition(program.prints)
            )
        except nebula.NotLoaded as failed:
            return {"code": 1, "lines": [last_words(nebula.says(failed, state.clock(now)))], "syntax": False}
        return {"code": 0, "lines": [], "syntax": False}
    code, said = nginx.check_configuration(state, main)
    base = arguments["base"]
    lines = [line.replace(base.replace("\\", "/"), base) for line in said.splitlines() if "[emerg]" in line]
    told = [re.sub(KEY_HIDDEN, "...", line)[:1000] for line in lines]
    return {"code": code, "lines": told, "syntax": "syntax is ok" in said}


TWINS: Mapping[str, Twin] = {
    "read-configuration": _read_configuration,
    "list-configuration": _list_configuration,
    "stage-edit": _stage_edit,
    "test-configuration": _test_configuration,
}
