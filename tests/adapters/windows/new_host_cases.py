"""Cases of the scripts that look at a host that comes or goes, stage new files there, find stray keys and wipe them."""

import hashlib
from collections.abc import Callable
from typing import Any

from adapters.inventory import Host
from adapters.windows.key_files import FindStrayKeys, ReadKeyRemains, WipeKeys, locate_operations
from adapters.windows.new_host import ReadNewHost, StageFile
from tests.adapters.windows.nebula_cases import Case
from tests.adapters.windows.nebula_hosts import (
    CA,
    FOLDER,
    KEY_TEXT,
    PATHS,
    SIDE,
    at,
    both,
    change_is,
    file,
    full,
    original,
    program,
    readers,
    signed,
    without,
)
from tests.lab.windows.mesh import ADAPTER
from tests.lab.windows.state import WindowsState

HOST = Host(name="host-a", id=1, windows=SIDE)
BASE = r"F:\flatnet\config\nebula"
CA_KEY = original("lighthouse").files[at(PATHS.ca_key)]
ENCRYPTED = "-----BEGIN NEBULA ED25519 ENCRYPTED PRIVATE KEY-----\nx\n"
STRAY = r"F:\flatnet\nebula\host-new.key"
OLD = rf"{FOLDER}\host.key.old"
OTHER = r"F:\flatnet\operations\op-aaaaaaaaaaaa\deep\host.key"
ALL = locate_operations(SIDE)

READ = ReadNewHost.of(HOST)
FRESH = r"F:\flatnet\config\fresh.yaml"
STAGE = StageFile.of(FOLDER, r"F:\flatnet\config", FRESH, b"pki:\r\n  ca: x\r\n")
FIND = FindStrayKeys.of(SIDE)


def wipe(*files: str, folders: tuple[str, ...] = ()) -> WipeKeys:
    return WipeKeys.of(SIDE, files, folders)


def remains(*files: str, folders: tuple[str, ...] = ()) -> ReadKeyRemains:
    return ReadKeyRemains.of(SIDE, files, folders)


def staged(**fields: Any) -> StageFile:
    return StageFile.of(**{"folder": FOLDER, "base": r"F:\flatnet\config", "file": FRESH, "content": b"x\n"} | fields)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def blank(state: WindowsState) -> None:
    """A Windows on which nothing of Flatnet lies."""
    state.files.clear()
    state.programs.clear()
    state.services.clear()
    state.processes.clear()
    state.addresses[:] = [each for each in state.addresses if each.interface != ADAPTER]


def linked(path: str) -> Callable[[WindowsState], None]:
    return lambda state: state.links.append(at(path))


NOTHING = {
    "nebula_version": "",
    "nebula_cert_version": "",
    "nginx_version": "",
    "config": "",
    "certificate": "",
    "ca": "",
    "gateway_config": "",
    "key_present": False,
    "others": (),
    "overlay": False,
    "modules": False,
    "snippets": False,
}

LOOKING = (
    Case("a host on which nothing lies", READ, blank, told=NOTHING),
    Case(
        "a member",
        READ,
        both(
            file(PATHS.gateway_config, "events {}\n"),
            file(r"F:\flatnet\config\conf.d\x.conf", ""),
            file(r"F:\flatnet\config\lualib\flatnet\sync.lua", ""),
        ),
        told={
            "nebula_version": "1.9.3",
            "nebula_cert_version": "1.9.3",
            "nginx_version": "openresty/1.25.3.1",
            "ca": sha(CA),
            "gateway_config": sha("events {}\n"),
            "key_present": True,
            "others": (),
            "overlay": True,
            "modules": True,
            "snippets": True,
        },
    ),
    Case(
        "what else lies in Nebula's folder",
        READ,
        both(file(rf"{BASE}\host-a.crt", "x"), file(rf"{BASE}\old\host.key", "x"), file(rf"{BASE}\日本.txt", "x")),
        told={"others": ("host-a.crt", "old", "日本.txt")},
    ),
    Case("a program that does not start", READ, program(PATHS.nebula_exe, "broken"), told={"nebula_version": ""}),
    Case("the CA's key is no other file", READ, told={"others": ()}, host="lighthouse"),
    Case(
        "a file that may not be opened",
        READ,
        lambda state: state.denied.append(at(PATHS.nebula_config)),
        fails="FileUnreadable",
    ),
    Case("a file that is too large", READ, file(PATHS.ca_certificate, "x" * 1_000_001), fails="FileTooLarge"),
)

STAGING = (
    Case("a new file", STAGE, told={"changed": True}),
    Case("Shift-JIS", staged(content="設定 表\r\n".encode("cp932")), told={"changed": True}),
    Case("an empty file", staged(content=b""), told={"changed": True}),
    Case(
        "the file that was staged before",
        staged(),
        file(rf"{FOLDER}\edit\fresh.yaml", "x\n"),
        told={"changed": False},
    ),
    Case(
        "in a folder that is missing",
        staged(base=r"F:\flatnet\new\pki", file=r"F:\flatnet\new\pki\deep\a.yaml"),
        told={"changed": True},
    ),
    Case("the same file is in place already", staged(), file(FRESH, "x\n"), told={"changed": True}),
    Case("another file is in its place", staged(), file(FRESH, "y\n"), fails="FileThere"),
    Case("a folder is in its place", staged(), file(rf"{FRESH}\x", "x"), fails="FileThere"),
    Case("a private key in it", staged(content=KEY_TEXT.encode()), fails="KeyInside"),
    Case("a private key in UTF-16", staged(content=KEY_TEXT.encode("utf-16")), fails="KeyInside"),
    Case(
        "a link leads out of the folder",
        staged(file=r"F:\flatnet\config\linked\a.yaml"),
        linked(r"F:\flatnet\config\linked"),
        fails="FileOutside",
    ),
    Case("a folder that somebody else can enter", STAGE, readers(FOLDER, "S-1-1-0"), fails="FolderNotSafe"),
    Case("no room", STAGE, full, fails="DiskFull"),
    Case("the folder of no operation", staged(folder=BASE), fails="NotOurs"),
)

FINDING = (
    Case("a new key pair of an operation that goes on", FIND, told={"complete": True}),
    Case("nothing lies there", FIND, blank, told={"keys": (), "complete": True}),
    Case(
        "old pairs, copies, and keys of a guide's backup",
        FIND,
        both(
            file(OLD, KEY_TEXT),
            file(rf"{FOLDER}\host.crt.old", signed()),
            file(STRAY, KEY_TEXT),
            file(r"F:\flatnet\nebula\host-new.crt", KEY_TEXT + signed()),
            file(r"F:\flatnet\backups\20261128\host.key", KEY_TEXT),
            file(rf"{BASE}\host.key.flatnet-old", KEY_TEXT),
            file(rf"{BASE}\host-a.KEY", KEY_TEXT),
        ),
        told={"complete": True},
    ),
    Case(
        "keys of CAs beside the one in use",
        FIND,
        both(file(r"F:\flatnet\pki\ca.key", CA_KEY), file(r"F:\flatnet\nebula\ca.key", ENCRYPTED)),
        told={"complete": True},
        host="lighthouse",
    ),
    Case(
        "what is no key of Nebula's",
        FIND,
        both(
            without(rf"{FOLDER}\host.key"),
            file(r"F:\flatnet\config\tls.key", "-----BEGIN PRIVATE KEY-----\nx\n"),
            file(OLD, "\0" * 127),
            file(r"F:\flatnet\nebula\key.txt", KEY_TEXT),
            file(r"F:\flatnet\nebula\host.pub", "x"),
        ),
        told={"keys": (), "complete": True},
    ),
    Case(
        "a CA that is being made, and the gateway's folder, are not searched",
        FIND,
        both(
            without(rf"{FOLDER}\host.key"),
            file(r"F:\flatnet\authorities\op-0123456789ab\ca.key", CA_KEY),
            file(r"F:\flatnet\openresty\x.key", KEY_TEXT),
        ),
        told={"keys": (), "complete": True},
    ),
    Case(
        "more keys than one answer names",
        FIND,
        both(*(file(rf"F:\flatnet\nebula\{number:03}.key", KEY_TEXT) for number in range(205))),
        told={"complete": False},
    ),
)

WIPING = (
    Case(
        "the old pair and the copy of the new one",
        wipe(folders=(FOLDER,)),
        both(file(OLD, KEY_TEXT), file(OTHER, KEY_TEXT)),
        told={"wiped": 2, "changed": True},
    ),
    Case(
        "the key of the host and all of operations",
        wipe(PATHS.host_key, folders=(ALL,)),
        both(file(OLD, KEY_TEXT), file(OTHER, KEY_TEXT)),
        told={"wiped": 4, "changed": True},
    ),
    Case(
        "what a crash left half wiped",
        wipe(folders=(FOLDER,)),
        file(OLD, "\0" * 127),
        told={"wiped": 2, "changed": True},
    ),
    Case("a copy that a person left", wipe(STRAY), file(STRAY, KEY_TEXT), told={"wiped": 1, "changed": True}),
    Case("it was wiped before", wipe(STRAY), told={"wiped": 0, "changed": False}),
    Case("a file twice", wipe(OLD, folders=(FOLDER, ALL)), file(OLD, KEY_TEXT), told={"changed": True}),
    Case(
        "a CA's key in a folder is left there",
        wipe(folders=(ALL,)),
        both(without(rf"{FOLDER}\host.key"), file(rf"{FOLDER}\ca.key", CA_KEY)),
        told={"wiped": 0},
    ),
    Case("a file that holds a CA's key", wipe(PATHS.host_key, STRAY), file(STRAY, CA_KEY), fails="CaKey"),
    Case("an encrypted key of a CA", wipe(STRAY), file(STRAY, ENCRYPTED), fails="CaKey"),
    Case(
        "another folder than that of operations",
        wipe(PATHS.host_key, folders=(r"F:\flatnet\config",)),
        fails="NotOurs",
    ),
    Case(
        "a link leads out of Flatnet's folders",
        wipe(PATHS.host_key, r"F:\flatnet\linked\host.key"),
        linked(r"F:\flatnet\linked"),
        fails="FileOutside",
    ),
    Case("a change that waits", wipe(folders=(ALL,)), change_is("applied"), fails="ChangeNotEnded"),
    Case("a change that is stuck", wipe(rf"{FOLDER}\host.key"), change_is("stuck"), fails="ChangeNotEnded"),
    Case("a change that is confirmed", wipe(folders=(FOLDER,)), change_is("confirmed"), told={"wiped": 1}),
    Case("what is left of it", remains(PATHS.host_key, folders=(ALL,)), told={"left": 2, "first": PATHS.host_key}),
    Case("nothing is left", remains(STRAY, folders=(ALL,)), without(rf"{FOLDER}\host.key"), told={"left": 0, "first": ""}),
    Case("what is left is the CA's", remains(STRAY), file(STRAY, CA_KEY), fails="CaKey"),
)

CASES = (
    *LOOKING,
    *STAGING,
    *FINDING,
    *WIPING,
    *(
        Case("an argument that is missing", action, left_out=name, fails="PropertyNotFoundStrict")
        for action, name in ((READ, "address"), (STAGE, "content"), (FIND, "folders"), (wipe(STRAY), "roots"))
    ),
)
