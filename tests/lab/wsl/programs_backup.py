"""Backups of the network plug-in by the helper of a simulated WSL2. `tests/fleet/test_restore.py` has the real verbs."""

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.lab.wsl.ran import Ran

PLUGIN, CONFLIST = "/opt/cni/bin/flatnet", "/etc/cni/net.d/10-flatnet.conflist"
GOOD_PLUGIN = b"\x7fELF flatnet 0.4.2" + bytes(range(256)) * 1200
PIECE = 262_144
FREE = 2**34


def usual_files() -> dict[str, bytes]:
    """The plug-in and its configuration, as Flatnet sets them up."""
    conflist = {
        "cniVersion": "1.0.0",
        "name": "flatnet",
        "plugins": [{"type": "flatnet", "bridge": "flatnet-br0", "mtu": 1300}],
    }
    return {PLUGIN: GOOD_PLUGIN, CONFLIST: json.dumps(conflist, indent=2).encode() + b"\n"}


@dataclass
class Plugin:
    """Files of the network plug-in by their paths, and what the helper keeps.

    `known` are the hashes of its own tars, `staged` the bytes of those that come back, `replaced` the files from before.
    `runs`: a plug-in that begins as a program answers. `put_fails`: why nothing is put in place.
    """

    files: dict[str, bytes] = field(default_factory=usual_files)
    known: set[str] = field(default_factory=set)
    staged: dict[str, bytes] = field(default_factory=dict)
    replaced: dict[str, dict[str, bytes]] = field(default_factory=dict)
    put_fails: str = ""
    free: int = FREE


def run_backup(arguments: list[str], plugin: Plugin, allocations: str, given: bytes) -> Ran | None:
    """What a verb does; None where there is none of that kind. `allocations` is the plug-in's list of addresses."""
    match arguments:
        case ["size"]:
            tar = _pack(plugin.files, allocations)
            plugin.known.add(_hash(tar))
            return _say({"size": len(tar), "sha256": _hash(tar)})
        case ["read", offset] if re.fullmatch(r"0|[1-9][0-9]{0,11}", offset):
            piece = _pack(plugin.files, allocations)[int(offset) :][:PIECE]
            return Ran(stdout=piece.decode("utf-8", "surrogateescape"))
        case ["list"]:
            return Ran(stdout="".join(_list(path, content) for path, content in sorted(plugin.files.items())))
        case ["forget", sha256]:
            plugin.staged.pop(sha256, None)
            plugin.replaced.pop(sha256, None)
            return _say({"received": 0, "sha256": ""})
        case [_, sha256, *_] if sha256 not in plugin.known:
            words = f"this host did not make that backup. If you know it to be right, run as root: echo {sha256} >>"
            return Ran(6, stderr=f"flatnet-bot: {words}/var/lib/flatnet-bot/known\n")
        case _:
            return _put_back(arguments, plugin, given)


def _put_back(arguments: list[str], plugin: Plugin, given: bytes) -> Ran | None:
    match arguments:
        case ["stage", sha256, size]:
            if plugin.free <= int(size) * 3 + 16_777_216:
                words = f"too little free space in /var/lib/flatnet-bot: {plugin.free} bytes are free"
                return Ran(6, stderr=f"flatnet-bot: {words}\n")
            plugin.replaced.pop(sha256, None)
            plugin.staged.setdefault(sha256, b"")
            return _tell(sha256, plugin)
        case ["fill", sha256, offset]:
            plugin.staged[sha256] = plugin.staged[sha256][: int(offset)] + given
            return _tell(sha256, plugin)
        case ["staged", sha256]:
            return _tell(sha256, plugin)
        case ["check" | "put" as verb, sha256]:
            if _hash(plugin.staged.get(sha256, b"")) != sha256:
                return Ran(6, stderr="flatnet-bot: it is not there as a whole\n")
            kept = _unpack(plugin.staged[sha256])
            if verb == "put" and plugin.put_fails:
                return Ran(6, stderr=f"flatnet-bot: {plugin.put_fails}\n")
            if verb == "put":
                plugin.replaced.setdefault(sha256, plugin.files)
                plugin.files = kept
            return _compare(kept, plugin)
        case ["return", sha256]:
            if sha256 not in plugin.replaced:
                return Ran(6, stderr="flatnet-bot: nothing was replaced by it\n")
            plugin.files = plugin.replaced[sha256]
            return _compare(plugin.files, plugin)
        case _:
            return None


def _pack(files: Mapping[str, bytes], allocations: str) -> bytes:
    """The same tar each time, as long as the files are the same."""
    whole = {"/var/lib/flatnet/ipam/allocations.json": allocations.encode(), **files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in sorted(whole.items()):
            entry = tarfile.TarInfo(f".{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _unpack(tar: bytes) -> dict[str, bytes]:
    """The files of a tar, without the list of addresses."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        read = {member.name.removeprefix("."): archive.extractfile(member) for member in archive.getmembers()}
        return {path: file.read() for path, file in read.items() if file is not None and "/ipam/" not in path}


def _compare(kept: Mapping[str, bytes], plugin: Plugin) -> Ran:
    said = []
    for path in sorted({*kept, *plugin.files}):
        same = "same" if kept.get(path) == plugin.files.get(path) else "other"
        state = "extra" if path not in kept else "absent" if path not in plugin.files else same
        said.append({"path": path, "state": state})
    answers = plugin.files.get(PLUGIN, GOOD_PLUGIN).startswith(b"\x7fELF")
    return _say({"files": said, "answers": answers, "network": True, "addressed": True})


def _list(path: str, content: bytes) -> str:
    text = "" if path.startswith("/opt/") else base64.b64encode(content).decode()
    return json.dumps({"path": path, "size": len(content), "sha256": _hash(content), "text": text}) + "\n"


def _tell(sha256: str, plugin: Plugin) -> Ran:
    staged = plugin.staged.get(sha256, b"")
    return _say({"received": len(staged), "sha256": sha256 if _hash(staged) == sha256 else ""})


def _say(said: Mapping[str, object]) -> Ran:
    return Ran(stdout=json.dumps(said) + "\n")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
