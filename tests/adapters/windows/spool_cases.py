"""What the scripts that move files of operations answer on which host."""

import base64
import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath

from adapters.windows.spool import PackFolder, ReadSpool, ReadSpoolState, RemoveSpool, WriteSpool
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.state import Drive, WindowsState
from tests.lab.windows.twins_spool import SPARE

FOLDER = PureWindowsPath(r"F:\flatnet\operations\op-0123456789ab")
SOURCE = PureWindowsPath(r"F:\flatnet\pack")
FILE, PART = FOLDER / "config.tar", FOLDER / "config.tar.part"
CONTENT = bytes(range(256)) * 5
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = "-----BEGIN NEBULA X25519 PRIVATE KEY-----\nAAAA\n-----END NEBULA X25519 PRIVATE KEY-----\n"

FILES: Mapping[str, bytes] = {
    "B.conf": b"upper case comes first\n",
    "a.conf": b"",
    "conf.d/x.conf": b"x" * 512,
    "conf.d/\u8a2d\u5b9a.conf": "\u8a2d\u5b9a\r\n".encode("shift_jis"),
    "lualib/" + "d" * 90 + "/" + "f" * 90 + ".lua": b"return 1\n",
}
SECRETS: Mapping[str, bytes] = {
    "HOST.KEY": b"anything",
    "conf.d/inline.yaml": f"pki:\n  key: |\n    {KEY}".encode(),
    "conf.d/utf16.txt": KEY.encode("utf-16"),
    "tls.pem": b"anything",
    "conf.d/users.htpasswd": b"ana:$apr1$salt$hash\n",
}


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive as Python's own tar writes it, without the filling at its end."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT, encoding="utf-8") as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(files[name]), 0
            tar.addfile(entry, io.BytesIO(files[name]))
        end = tar.offset
    return archive.getvalue()[:end] + bytes(1024)


def put(files: Mapping[str, bytes]) -> Callable[[WindowsState], None]:
    def change(host: WindowsState) -> None:
        for name, content in files.items():
            host.write_bytes(SOURCE / PureWindowsPath(name), content, NOW)

    return change


def lay(path: PureWindowsPath, content: bytes) -> Callable[[WindowsState], None]:
    return lambda host: host.write_bytes(path, content, NOW)


def do_nothing(host: WindowsState) -> None:
    pass


def fill(host: WindowsState) -> None:
    host.drives["F:"] = Drive(500 * 2**30, SPARE + len(CONTENT) - 1)


def put_over_older(host: WindowsState) -> None:
    put(FILES)(host)
    lay(FILE, b"old")(host)


def enter(host: WindowsState) -> None:
    host.files[FOLDER / "note.txt"] = "mine"
    host.readers[FOLDER] = ["S-1-5-32-545"]


def describe(files: Mapping[str, bytes], left: tuple[str, ...] = ()) -> Mapping[str, object]:
    packed = pack(files)
    digest = hashlib.sha256(packed).hexdigest()
    return {"size": len(packed), "sha256": digest, "files": len(files), "left_out": sorted(left), "changed": True}


PACK = Script(PackFolder(folder=str(FOLDER), name="config.tar", source=str(SOURCE)), describe(FILES))
READ = Script(
    ReadSpool(folder=str(FOLDER), name="config.tar", offset=256, count=512),
    {"offset": 256, "size": len(CONTENT), "data": base64.b64encode(CONTENT[256:768]).decode()},
)
STATE = Script(ReadSpoolState(folder=str(FOLDER), name="config.tar", sha256=SHA256), {"received": 0, "sha256": ""})
WRITE = Script(
    WriteSpool(folder=str(FOLDER), name="config.tar", size=len(CONTENT), sha256=SHA256),
    {"received": 0, "sha256": "", "changed": True},
)
REMOVE = Script(RemoveSpool(folder=str(FOLDER), name="config.tar"), {"received": 0, "sha256": "", "changed": False})
PIECE = {"move": "write", "offset": 256, "data": base64.b64encode(CONTENT[256:512]).decode()}
NOT_OURS = Failed("NotOurs", r"F:\flatnet\config is not the folder of an operation or of a backup")
NO_NAME = Failed("NotOurs", r"..\host.key is no name of a file that is moved")

CASES: tuple[Case, ...] = (
    Case("a folder", PACK, put(FILES)),
    Case(
        "keys and passwords stay",
        PACK,
        put({**FILES, **SECRETS}),
        differs={"left_out": sorted(SECRETS)},
    ),
    Case("keys and passwords alone", PACK, put(SECRETS), differs=describe({}, tuple(SECRETS))),
    Case(
        "an older file of that name",
        PACK,
        put_over_older,
    ),
    Case("no such folder", PACK, fails=Failed("FolderMissing", rf"there is no folder {SOURCE}")),
    Case(
        "more than is wanted",
        PACK,
        put(FILES),
        given={"limit": 100},
        fails=Failed("TooLarge", rf"{SOURCE} has more than 100 bytes"),
    ),
    Case("not an operation's folder", PACK, put(FILES), given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("no name", PACK, put(FILES), given={"name": r"..\host.key"}, fails=NO_NAME),
    Case("an argument is missing", PACK, left_out=frozenset({"source"}), fails=missing("source")),
    Case("a piece in the middle", READ, lay(FILE, CONTENT)),
    Case(
        "the last piece",
        READ,
        lay(FILE, CONTENT[:300]),
        differs={"size": 300, "data": base64.b64encode(CONTENT[256:300]).decode()},
    ),
    Case("behind the end", READ, lay(FILE, b"x"), differs={"size": 1, "data": ""}),
    Case("no file", READ, fails=Failed("SpoolMissing", f"there is no file {FILE}")),
    Case("a file that is not whole", READ, lay(PART, CONTENT), fails=Failed("SpoolMissing", f"there is no file {FILE}")),
    Case("not an operation's folder", READ, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("no name", READ, given={"name": r"..\host.key"}, fails=NO_NAME),
    Case("nothing there", STATE),
    Case("a part", STATE, lay(PART, b"12345"), differs={"received": 5}),
    Case("the whole", STATE, lay(FILE, CONTENT), differs={"received": len(CONTENT), "sha256": SHA256}),
    Case("not an operation's folder", STATE, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("room is made", WRITE),
    Case("room is made again", WRITE, lay(PART, b"12345")),
    Case("another file of that name", WRITE, lay(FILE, b"other")),
    Case(
        "the same file is there",
        WRITE,
        lay(FILE, CONTENT),
        differs={"received": len(CONTENT), "sha256": SHA256, "changed": False},
    ),
    Case(
        "more than the limit",
        WRITE,
        given={"limit": 10},
        fails=Failed("TooLarge", f"{len(CONTENT)} bytes are more than the limit of 10"),
    ),
    Case(
        "no room",
        WRITE,
        fill,
        fails=Failed("DiskFull", f"{len(CONTENT) + SPARE} bytes are needed on F: and {len(CONTENT) + SPARE - 1} are free"),
    ),
    Case(
        "a folder that others can enter",
        WRITE,
        enter,
        fails=Failed(
            "FolderNotSafe", f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it"
        ),
    ),
    Case("not an operation's folder", WRITE, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("no name", WRITE, given={"name": r"..\host.key"}, fails=NO_NAME),
    Case("the next piece", WRITE, lay(PART, CONTENT[:256]), given=PIECE, differs={"received": 512}),
    Case("a piece once more", WRITE, lay(PART, CONTENT[:512]), given=PIECE, differs={"received": 512}),
    Case(
        "a piece too early",
        WRITE,
        lay(PART, CONTENT[:100]),
        given=PIECE,
        fails=Failed("OutOfOrder", "a piece for byte 256 came where 100 bytes are"),
    ),
    Case("a piece without room", WRITE, given=PIECE, fails=Failed("SpoolMissing", f"there is no file {PART}")),
    Case(
        "the end",
        WRITE,
        lay(PART, CONTENT),
        given={"move": "finish"},
        differs={"received": len(CONTENT), "sha256": SHA256},
    ),
    Case(
        "the end once more",
        WRITE,
        lay(FILE, CONTENT),
        given={"move": "finish"},
        differs={"received": len(CONTENT), "sha256": SHA256, "changed": False},
    ),
    Case(
        "the end of other bytes",
        WRITE,
        lay(PART, b"other"),
        given={"move": "finish"},
        differs={"received": 5, "sha256": hashlib.sha256(b"other").hexdigest()},
    ),
    Case("nothing to remove", REMOVE),
    Case("the whole is removed", REMOVE, lay(FILE, CONTENT), differs={"changed": True}),
    Case("a part is removed", REMOVE, lay(PART, CONTENT), differs={"changed": True}),
    Case("not an operation's folder", REMOVE, given={"folder": r"F:\flatnet\config"}, fails=NOT_OURS),
    Case("no name", REMOVE, given={"name": r"..\host.key"}, fails=NO_NAME),
)
