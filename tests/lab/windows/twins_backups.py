"""Twins of the scripts that pack a part of a backup, and tell and remove what lies at its first place."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Any

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, hash_content
from tests.lab.windows.twins_nebula import open_folder
from tests.lab.windows.twins_spool import find_spool, make_header, require_room

BACKUP = r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}"
FILE = r"[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9]{1,8}){1,3}"
KEY_NAME = re.compile(r"\.(key|pfx|p12|p8|pk8|pvk|ppk|jks|keystore|kdbx)\Z", re.IGNORECASE)
PASSWORD_NAME = re.compile(r"htpasswd|\A\.?(passwd|pgpass|netrc|env)\Z|\.(passwd|env)\Z", re.IGNORECASE)
KEY = re.compile(rb"PRIVATE\s+KEY-----", re.IGNORECASE)
HARMLESS_PEM = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL|DH PARAMETERS|PUBLIC KEY)-----", re.IGNORECASE)
PASSWORD = re.compile(
    rb"^[^:\s#]{1,128}:(\$(apr1|1|2[abxy]|5|6|argon2[a-z]{1,2})\$|\{(SHA|SSHA|PLAIN|MD5|CRYPT)\})",
    re.IGNORECASE | re.MULTILINE,
)
ENCRYPTED_KEYS = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c"))


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


def find_reason(name: str, content: bytes) -> str:
    """Why a file stays out of a backup: a key, a password, or "" for one that belongs in it."""
    leaf, text = name.rpartition("/")[2], content.replace(b"\0", b"")
    if KEY_NAME.search(leaf):
        return "key"
    if PASSWORD_NAME.search(leaf):
        return "password"
    if KEY.search(text) or _is_der_key(content):
        return "key"
    if leaf.lower().endswith(".pem") and not HARMLESS_PEM.search(text):
        return "key"
    return "password" if PASSWORD.search(text) else ""


def _is_der_key(content: bytes) -> bool:
    inside = _find_content(content, 0, 0x30)
    if not inside or len(content) < inside + 3:
        return False
    if content[inside : inside + 2] == b"\x02\x01" and content[inside + 2] in (0, 1, 3):
        return True
    way = _find_content(content, inside, 0x30)
    name = _find_content(content, way, 0x06) if way else 0
    return bool(name) and content[name : name + 8] in ENCRYPTED_KEYS


def _find_content(content: bytes, at: int, tag: int) -> int:
    """Where the content of a DER value begins; 0 where none of this length fits."""
    if len(content) < at + 2 or content[at] != tag:
        return 0
    length, begin = content[at + 1], at + 2
    if length >= 128:
        count = length - 128
        if not 1 <= count <= 3 or len(content) < begin + count:
            return 0
        length, begin = int.from_bytes(content[begin : begin + count], "big"), begin + count
    return begin if begin + length <= len(content) else 0


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
