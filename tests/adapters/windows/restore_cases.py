"""What the scripts of a restore answer on which host: the present files of a part, and those of a backup beside them."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any

from adapters.windows.restore import ListPart, StageRestore
from tests.adapters.windows.archives import pack
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.state import Drive, WindowsState
from tests.lab.windows.twins_spool import SPARE

OPERATION = PureWindowsPath(r"F:\flatnet\operations\op-0123456789ab")
PLACE = PureWindowsPath(r"F:\flatnet\backups\host-a-ba9876543210")
BASE = PureWindowsPath(r"F:\flatnet\config")
KEY = b"-----BEGIN RSA PRIVATE KEY-----\nnot one\n-----END RSA PRIVATE KEY-----\n"

KEPT: Mapping[str, bytes] = {
    "conf.d/web.conf": b"server {}\n",
    "lualib/flatnet/sync.lua": b"return 1\n",
    "nginx.conf": b"http\n",
}
PRESENT: Mapping[str, bytes] = {**KEPT, "conf.d/mistake.conf": b"no\n", "conf.d/tls/web.key": KEY, "conf.d/.htpasswd": b"a"}
ARCHIVE = pack(KEPT)
Change = Callable[[WindowsState], None]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def lay(files: Mapping[str, bytes], archive: bytes = ARCHIVE, *further: Change) -> Change:
    """Present files, and the archive of a backup."""

    def change(host: WindowsState) -> None:
        for name, content in files.items():
            host.write_bytes(BASE / name, content, NOW)
        host.write_bytes(PLACE / "openresty.tar", archive, NOW)
        for each in further:
            each(host)

    return change


def describe(files: Mapping[str, bytes], why: Mapping[str, str] = {}) -> list[dict[str, Any]]:
    return [
        {"path": name, "size": len(files[name]), "sha256": sha(files[name]), "why": why.get(name, "")}
        for name in sorted(files)
    ]


def link(host: WindowsState) -> None:
    host.file_links[BASE / "conf.d" / "secret.conf"] = PureWindowsPath(r"F:\flatnet\config\host.key")


def fill(host: WindowsState) -> None:
    host.drives["F:"] = Drive(500 * 2**30, SPARE)


def enter(host: WindowsState) -> None:
    host.readers[PLACE] = ["S-1-5-32-545"]


def lay_before(host: WindowsState) -> None:
    host.write(OPERATION / "restore" / "conf.d" / "old.conf", "of a call before\n", NOW)


def stage(archive: bytes = ARCHIVE, *keep: str) -> Script:
    action = StageRestore(
        folder=str(OPERATION),
        archive_folder=str(PLACE),
        name="openresty.tar",
        sha256=sha(archive),
        base=str(BASE),
        keep=keep,
    )
    return Script(action, {"files": len(KEPT), "kept": list(keep), "changed": True})


ENTERED = "others than SYSTEM and Administrators can enter {}; look at it, then remove it"
SECRETS = {"conf.d/tls/web.key": "key", "conf.d/.htpasswd": "password"}
LIST = Script(ListPart(source=str(BASE), folders=("conf.d", "lualib")), {"files": describe(PRESENT, SECRETS)})
STAGE = stage(ARCHIVE, "conf.d/.htpasswd", "conf.d/tls/web.key")
LINK = {"path": "conf.d/secret.conf", "size": 0, "sha256": "", "why": "link"}

CASES: tuple[Case, ...] = (
    Case("the present files", LIST, lay(PRESENT)),
    Case("what belongs to another part", LIST, lay({**PRESENT, "nebula/config.yaml": b"pki:\n"})),
    Case(
        "a link",
        LIST,
        lay(KEPT, ARCHIVE, link),
        differs={"files": sorted([*describe(KEPT), LINK], key=lambda each: each["path"])},
    ),
    Case("no such folder", LIST, differs={"files": []}),
    Case(
        "too many files",
        LIST,
        lay(PRESENT),
        given={"files_limit": 3},
        fails=Failed("TooMany", rf"{BASE} has more than 3 files"),
    ),
    Case("too large", LIST, lay(PRESENT), given={"limit": 9}, fails=Failed("TooLarge", rf"{BASE} has more than 9 bytes")),
    Case(
        "a locked file",
        LIST,
        lay(PRESENT, ARCHIVE, lambda host: host.locked.append(BASE / "nginx.conf")),
        fails=Failed("FileUnreadable", rf"{BASE}\nginx.conf cannot be opened"),
    ),
    Case("a part with the keys of the host beside it", STAGE, lay(PRESENT)),
    Case("it is there from a call before", STAGE, lay(PRESENT, ARCHIVE, lay_before)),
    Case("a key that is gone", STAGE, lay(KEPT), differs={"kept": []}),
    Case("a name that leads out of the folder", stage(ARCHIVE, "../ca.key"), lay(PRESENT),
         fails=Failed("BadArchive", "../ca.key is no name that a file of a backup can have")),
    Case("no such backup", STAGE, fails=Failed("BackupMissing", rf"there is no file {PLACE}\openresty.tar")),
    Case(
        "one byte of the backup was changed",
        STAGE,
        lay(PRESENT, ARCHIVE.replace(b"server", b"Server")),
        fails=Failed("BackupDiffers", rf"{PLACE}\openresty.tar was changed since it was made"),
    ),
    Case(
        "the backup was cut",
        STAGE,
        lay(PRESENT, ARCHIVE[:-600]),
        fails=Failed("BackupDiffers", rf"{PLACE}\openresty.tar was changed since it was made"),
    ),
    Case(
        "a place that others can enter",
        STAGE,
        lay(PRESENT, ARCHIVE, enter),
        fails=Failed("FolderNotSafe", ENTERED.format(PLACE)),
    ),
    Case(
        "no room for it",
        STAGE,
        lay(PRESENT, ARCHIVE, fill),
        fails=Failed("DiskFull", f"{SPARE + 2 * len(ARCHIVE)} bytes are needed on F: and {SPARE} are free"),
    ),
    Case(
        "not the folder of an operation",
        STAGE,
        lay(PRESENT),
        given={"folder": str(BASE)},
        fails=Failed("NotOurs", rf"{BASE} is not the folder of an operation"),
    ),
    Case("an argument is missing", STAGE, lay(PRESENT), left_out=frozenset({"sha256"}), fails=missing("sha256")),
)  # fmt: skip
