"""What the scripts of the encrypted copy of a CA key answer on which host."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any

from adapters.inventory import WindowsPaths
from adapters.key_backup import KEY_FILES
from adapters.nebula.certificates import parse_pem
from adapters.windows.key_backup import ProtectKey, ReadKeyCopy, RemoveKeyCopy
from tests.adapters.windows.nebula_hosts import CA, EXPIRED, original
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.recipients import make_holder
from tests.lab.windows.state import WindowsState

PATHS = WindowsPaths.model_validate({})
ID = "lighthouse-0123456789ab"
FOLDER = PureWindowsPath(rf"F:\flatnet\backups\ca\{ID}")
CA_KEY = original("lighthouse").files[PureWindowsPath(PATHS.ca_key)]
PEOPLE = (make_holder("Alice"), make_holder("\u677e\u672c"))

CONTENT: Mapping[str, bytes] = {
    "ca-key.cms": b"-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n",
    "ca.crt": CA.encode(),
    "manifest.json": b'{"format":1,"at":"2026-03-01T12:00:00Z"}\n',
}


def hash_file(name: str) -> str:
    return hashlib.sha256(CONTENT[name]).hexdigest()


def describe(name: str) -> dict[str, Any]:
    data = base64.b64encode(CONTENT[name]).decode()
    return {"name": name, "size": len(CONTENT[name]), "sha256": hash_file(name), "data": data}


MADE = {
    f"{field}_{what}": value
    for field, name in zip(("key", "certificate", "manifest"), KEY_FILES, strict=True)
    for what, value in (("size", len(CONTENT[name])), ("sha256", hash_file(name)))
} | {"at": "2026-03-01T12:00:00Z", "changed": False}


def lay_copy(host: WindowsState) -> None:
    for name, content in CONTENT.items():
        host.write(FOLDER / name, content.decode(), NOW)


def lay(path: str | PureWindowsPath, text: str) -> Callable[[WindowsState], None]:
    return lambda host: host.write(PureWindowsPath(path), text, NOW)


def hold_key(host: WindowsState) -> None:
    lighthouse = original("lighthouse")
    host.programs[PureWindowsPath(PATHS.nebula_cert_exe)] = lighthouse.programs[PureWindowsPath(PATHS.nebula_cert_exe)]
    lay(PATHS.ca_key, CA_KEY)(host)


def hold_other_key(host: WindowsState) -> None:
    hold_key(host)
    lay(PATHS.ca_key, EXPIRED.key)(host)


def encrypt_key(host: WindowsState) -> None:
    lay(PATHS.ca_key, CA_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"))(host)


def damage_key(host: WindowsState) -> None:
    hold_key(host)
    lay(PATHS.ca_key, "no key\n")(host)


def lay_large(host: WindowsState) -> None:
    lay(FOLDER / "ca-key.cms", "x" * 64_001)(host)


def enter(host: WindowsState) -> None:
    lay_copy(host)
    host.readers[FOLDER] = ["S-1-5-32-545"]


def enter_before(host: WindowsState) -> None:
    hold_key(host)
    lay(FOLDER / "note.txt", "mine")(host)
    host.readers[FOLDER] = ["S-1-5-32-545"]


def fill_disk(host: WindowsState) -> None:
    hold_key(host)
    host.disk_full = True


def lay_note(host: WindowsState) -> None:
    lay_copy(host)
    lay(FOLDER / "note.txt", "mine")(host)


PROTECT = Script(
    ProtectKey(
        folder=str(FOLDER),
        id=ID,
        host="lighthouse",
        operation="op-0123456789ab",
        ca_key=PATHS.ca_key,
        nebula_cert_exe=PATHS.nebula_cert_exe,
        certificate=CA,
        fingerprint=parse_pem(CA)[0].fingerprint,
        recipients=tuple(person.recipient for person in PEOPLE),
    ),
    MADE,
)
READ = Script(
    ReadKeyCopy(
        folder=str(FOLDER),
        key_sha256=hash_file("ca-key.cms"),
        certificate_sha256=hash_file("ca.crt"),
        manifest_sha256=hash_file("manifest.json"),
    ),
    {"files": [describe(name) for name in KEY_FILES], "closed": True},
)
REMOVE = Script(RemoveKeyCopy(folder=str(FOLDER)), {"changed": True})

ELSEWHERE = {"folder": r"F:\flatnet\config\nebula"}
NOT_OURS = Failed("NotOurs", r"F:\flatnet\config\nebula is not the folder of a copy of a CA key")

CASES: tuple[Case, ...] = (
    Case("a copy that this operation has made before", PROTECT, lay_copy),
    Case("no key", PROTECT, fails=Failed("CaKeyMissing", f"there is no CA key {PATHS.ca_key}")),
    Case(
        "a key with a passphrase",
        PROTECT,
        encrypt_key,
        fails=Failed("CaKeyEncrypted", f"the CA key {PATHS.ca_key} is encrypted, so the file itself is the backup"),
    ),
    Case(
        "the key of another CA",
        PROTECT,
        hold_other_key,
        fails=Failed("CaDiffers", f"the key {PATHS.ca_key} does not belong to the CA"),
    ),
    Case(
        "no key in the file",
        PROTECT,
        damage_key,
        fails=Failed(
            "CaKeyUnreadable",
            "nebula-cert: error while parsing ca-key: input did not contain a valid PEM encoded block",
        ),
    ),
    Case(
        "a folder that somebody else can enter",
        PROTECT,
        enter_before,
        fails=Failed(
            "FolderNotSafe",
            f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it",
        ),
    ),
    Case("a full disk", PROTECT, fill_disk, fails=Failed("DiskFull", "less than 1 MB is free on F:")),
    Case("another folder", PROTECT, hold_key, given=ELSEWHERE, fails=NOT_OURS),
    Case("an argument is missing", PROTECT, left_out=frozenset({"folder"}), fails=missing("folder")),
    Case("a copy", READ, lay_copy),
    Case("no copy", READ, differs={"files": [], "closed": None}),
    Case("a file is missing", READ, lay(FOLDER / "ca.crt", CA), differs={"files": [describe("ca.crt")]}),
    Case("others can read it", READ, enter, differs={"closed": False}),
    Case(
        "a file that is too large",
        READ,
        lay_large,
        fails=Failed("TooLarge", rf"{FOLDER}\ca-key.cms is larger than any copy of a CA key"),
    ),
    Case("another folder", READ, given=ELSEWHERE, fails=NOT_OURS),
    Case("a copy", REMOVE, lay_copy),
    Case("no copy", REMOVE, differs={"changed": False}),
    Case("a file of somebody else stays", REMOVE, lay_note),
    Case("another folder", REMOVE, lay_copy, given=ELSEWHERE, fails=NOT_OURS),
)
