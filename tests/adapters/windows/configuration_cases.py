"""What the scripts that read, edit, test and keep configuration files answer on which host."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import PureWindowsPath

from adapters.inventory import WindowsPaths, WindowsSide
from adapters.windows.configuration import (
    FILE_LIMIT,
    HashedFile,
    ListConfiguration,
    ReadConfiguration,
    Splice,
    StageEdit,
    hash_configuration,
)
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.good_configuration import KeepGood, ReadGood, StageGood
from adapters.windows.nginx import ReadNginx
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.nginx import PROXY_PARAMETERS, lay_configuration, write_configuration
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import round_trip

PATHS = WindowsPaths.model_validate({})
SIDE = WindowsSide.model_validate({"url": "https://192.0.2.11:5986/wsman", "user": "bot", "ca_file": "/ca.pem"})
BASE = PureWindowsPath(PATHS.gateway_config).parent
MAIN = PureWindowsPath(PATHS.gateway_config)
YAML = PureWindowsPath(PATHS.nebula_config)
FOLDER = PureWindowsPath(r"F:\flatnet\operations\op-0123456789ab")
GOOD = PureWindowsPath(r"C:\ProgramData\flatnet-bot\good")
LOG = PureWindowsPath(PATHS.error_log)
PEER = "http://10.100.2.1:8080"

KEY = "-----BEGIN NEBULA X25519 PRIVATE KEY-----\n" + "A" * 43 + "=\n-----END NEBULA X25519 PRIVATE KEY-----\n"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def well(state: WindowsState) -> None:
    """The gateway's configuration as the guide writes it."""
    lay_configuration(state, 1, [PEER], NOW)


TEXT = write_configuration(1, [PEER]).encode()
PARAMETERS = b"proxy_http_version 1.1;\nproxy_read_timeout 60s;\n"


def has(path: PureWindowsPath | str, content: bytes | str) -> Callable[[WindowsState], None]:
    """The configuration, with another content of one file."""

    def change(state: WindowsState) -> None:
        well(state)
        state.write_bytes(PureWindowsPath(path), content if isinstance(content, bytes) else content.encode(), NOW)

    return change


def says(content: bytes) -> dict[str, str]:
    """What a read says of the main file with that content."""
    return {"content": base64.b64encode(content).decode(), "sha256": sha(content)}


def whole(*changes: Callable[[WindowsState], None]) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        for each in changes:
            each(state)

    return change


def linked(path: PureWindowsPath) -> Callable[[WindowsState], None]:
    """A folder that is a link to elsewhere."""
    return whole(well, lambda state: state.remove(PROXY_PARAMETERS), lambda state: state.links.append(path))


def denied(state: WindowsState) -> None:
    well(state)
    state.denied.append(MAIN)


READ = Script(ReadConfiguration.of(str(MAIN)), {"file": str(MAIN)} | says(TEXT))

JAPANESE = "# 日本語の設定 表示ソ\r\n".encode("cp932") + TEXT.replace(b"\n", b"\r\n")

READING = (
    Case("a file as it is", READ, well),
    Case("Shift-JIS with CRLF, byte for byte", READ, has(MAIN, JAPANESE), differs=says(JAPANESE)),
    Case("a mark of UTF-8", READ, has(MAIN, b"\xef\xbb\xbf" + TEXT), differs=says(b"\xef\xbb\xbf" + TEXT)),
    Case("an empty file", READ, has(MAIN, b""), differs=says(b"")),
    Case("1 MB", READ, has(MAIN, b"#" * FILE_LIMIT), differs=says(b"#" * FILE_LIMIT)),
    Case(
        "1 MB and a byte",
        READ,
        has(MAIN, b"#" * (FILE_LIMIT + 1)),
        fails=Failed("FileTooLarge", f"{MAIN} has 1000001 bytes, more than 1000000"),
    ),
    Case("no file", READ, fails=Failed("FileMissing", f"there is no file {MAIN}")),
    Case(
        "a folder in its place",
        READ,
        lambda state: state.write(MAIN / "x.conf", "", NOW),
        fails=Failed("FileMissing", f"there is no file {MAIN}"),
    ),
    Case("a file that may not be read", READ, denied, fails=Failed("FileUnreadable", f"{MAIN} cannot be opened")),
    Case(
        "a private key in it",
        READ,
        has(MAIN, TEXT + b"# " + KEY.encode()),
        fails=Failed("KeyInside", f"{MAIN} has a private key in line {TEXT.count(10) + 1}"),
    ),
    Case(
        "a private key in UTF-16",
        READ,
        has(MAIN, ("\n\n" + KEY).encode("utf-16")),
        fails=Failed("KeyInside", f"{MAIN} has a private key in line 3"),
    ),
    Case(
        "a key inside of Nebula's configuration",
        READ,
        has(YAML, f"pki:\r\n  ca: x\r\n  key: |\r\n    {KEY}"),
        given={"file": str(YAML), "base": str(YAML.parent)},
        fails=Failed("KeyInside", f"{YAML} has a private key in line 3"),
    ),
    Case(
        "the file of a key itself",
        READ,
        has(PATHS.host_key, KEY),
        given={"file": PATHS.host_key},
        fails=Failed("KeyInside", f"{PATHS.host_key} has a private key in line 1"),
    ),
    Case(
        "a file elsewhere",
        READ,
        well,
        given={"file": r"F:\flatnet\logs\error.log"},
        fails=Failed("FileOutside", rf"F:\flatnet\logs\error.log is not in {BASE}, or there is a link on its path"),
    ),
    Case(
        "a folder of the configuration that is a link",
        READ,
        linked(BASE / "conf.d"),
        given={"file": str(PROXY_PARAMETERS)},
        fails=Failed("FileOutside", f"{PROXY_PARAMETERS} is not in {BASE}, or there is a link on its path"),
    ),
    Case(
        "a file that is a link",
        READ,
        lambda state: state.file_links.update({MAIN: PureWindowsPath(r"F:\flatnet\logs\x.conf")}),
        fails=Failed("FileOutside", f"{MAIN} is not in {BASE}, or there is a link on its path"),
    ),
    Case("an argument that is missing", READ, left_out=frozenset({"file"}), fails=missing("file")),
)


def listed(file: PureWindowsPath | str, content: bytes | None = None, state: str = "present") -> dict[str, object]:
    """A file as the list has it."""
    if content is None:
        return {"file": str(file), "state": state, "size": 0, "sha256": ""}
    return {"file": str(file), "state": state, "size": len(content), "sha256": sha(content)}


PARTS = {BASE / "conf.d" / name: f"# {name}\n".encode() for name in ("B.conf", "a.conf", "日本.conf")}


def many(state: WindowsState) -> None:
    """Includes of all kinds, and some that are none."""
    text = (
        "# include conf.d/commented.conf;\n"
        'http { include "F:/flatnet/config/conf.d/a.conf"; log_format x "include conf.d/quoted.conf;";\n'
        "include conf.d/*.conf; include ../config/mime.types; include F:\\flatnet\\openresty\\conf\\fastcgi.conf;\n"
        "content_by_lua_block { local s = 'include conf.d/lua.conf; }' -- include conf.d/comment.conf; }\n"
        "  local t = [==[ } ]] include conf.d/long.conf; ]==] if t then return end }\n"
        "include //elsewhere/share/x.conf; include nothing/*.conf; include conf.d/'odd'; include none.conf; }\n"
        "# the end: include conf.d/last.conf;"
    )
    state.write(MAIN, text, NOW)
    for path, content in PARTS.items():
        state.write_bytes(path, content, NOW)
    state.write(BASE / "mime.types", "types { text/html html; }\ninclude conf.d/a.conf;\n", NOW)
    for name in ("commented", "quoted", "lua", "comment", "long", "last"):
        state.write(BASE / "conf.d" / f"{name}.off", "", NOW)


LIST = Script(ListConfiguration.of(str(MAIN)), {"files": [listed(MAIN, TEXT), listed(PROXY_PARAMETERS, PARAMETERS)]})


def listed_many() -> dict[str, object]:
    state = WindowsState.healthy(1, "host-a")
    many(state)
    a, b, japanese = BASE / "conf.d" / "a.conf", BASE / "conf.d" / "B.conf", BASE / "conf.d" / "日本.conf"
    return {
        "files": [
            listed(MAIN, state.bytes_of(MAIN)),
            listed(a, PARTS[a]),
            listed(b, PARTS[b]),
            listed(japanese, PARTS[japanese]),
            listed(BASE / "mime.types", state.bytes_of(BASE / "mime.types")),
            listed(r"F:\flatnet\openresty\conf\fastcgi.conf", state="outside"),
            listed("//elsewhere/share/x.conf", state="outside"),
            listed(BASE / "conf.d" / "'odd'", state="missing"),
            listed(BASE / "none.conf", state="missing"),
        ]
    }


SELF = b"include nginx.conf; include NGINX.conf;"

LISTING = (
    Case("the main file and what it includes", LIST, well),
    Case("includes by every kind of path, and what only looks like one", LIST, many, differs=listed_many()),
    Case("a file that includes itself", LIST, has(MAIN, SELF), differs={"files": [listed(MAIN, SELF)]}),
    Case(
        "an included folder that is a link",
        LIST,
        linked(BASE / "conf.d"),
        differs={"files": [listed(MAIN, TEXT), listed(BASE / "conf.d" / "*.conf", state="outside")]},
    ),
    Case(
        "a file that is too large is told of",
        LIST,
        has(PROXY_PARAMETERS, b"#" * (FILE_LIMIT + 1)),
        differs={"files": [listed(MAIN, TEXT), listed(PROXY_PARAMETERS, state="unreadable")]},
    ),
    Case(
        "a text that does not end",
        LIST,
        has(MAIN, b'include conf.d/*.conf; http { "'),
        differs={
            "files": [listed(MAIN, b'include conf.d/*.conf; http { "'), listed(PROXY_PARAMETERS, PARAMETERS)],
        },
    ),
    Case(
        "too many files",
        LIST,
        well,
        given={"files_limit": 1},
        fails=Failed("TooManyFiles", f"{MAIN} includes more than 1 files"),
    ),
    Case("no main file", LIST, fails=Failed("FileMissing", f"there is no file {MAIN}")),
)

OLD, NEW = b'peers = {\n                "' + PEER.encode(), b"10.100.3.1"
AT = TEXT.index(PEER.encode())
EDITED = TEXT.replace(b"10.100.2.1", NEW)
STAGED = FOLDER / "edit" / "nginx.conf"


def edit(old: bytes, new: bytes, *splices: Splice) -> StageEdit:
    """An edit of the main file."""
    return StageEdit(
        folder=str(FOLDER), base=str(BASE), file=str(MAIN), sha256=sha(old), splices=splices, new_sha256=sha(new)
    )


EDIT = edit(TEXT, EDITED, Splice(offset=AT + 7, removed=b"10.100.2.1", inserted=NEW))
STAGE = Script(EDIT, {"file": str(STAGED), "sha256": sha(EDITED), "changed": True})
FOREIGN = JAPANESE.replace(b"10.100.2.1", NEW)
TWICE = Script(
    edit(
        JAPANESE,
        b"#" + FOREIGN + "ソ".encode("cp932"),
        Splice(offset=0, inserted=b"#"),
        Splice(offset=JAPANESE.index(b"10.100.2.1"), removed=b"10.100.2.1", inserted=NEW),
        Splice(offset=len(JAPANESE), inserted="ソ".encode("cp932")),
    ),
    {"file": str(STAGED), "sha256": sha(b"#" + FOREIGN + "ソ".encode("cp932")), "changed": True},
)
WITH_KEY = Script(
    edit(TEXT, KEY.encode() + TEXT, Splice(offset=0, inserted=KEY.encode())),
    {},
)
LARGE = b"#" * FILE_LIMIT


def entered(state: WindowsState) -> None:
    well(state)
    state.write(FOLDER / "note.txt", "mine", NOW)
    state.readers[FOLDER] = ["S-1-5-32-545"]


STAGING = (
    Case("an edit of one line", STAGE, well),
    Case("the same once more", STAGE, has(STAGED, EDITED), differs={"changed": False}),
    Case("another copy that lies there", STAGE, has(STAGED, b"half"), differs={"changed": True}),
    Case("several places of a file in Shift-JIS with CRLF", TWICE, has(MAIN, JAPANESE)),
    Case(
        "a file that was changed since it was read",
        STAGE,
        has(MAIN, TEXT + b"\n"),
        fails=Failed("FileChanged", f"{MAIN} has changed"),
    ),
    Case("a file that is gone", STAGE, fails=Failed("FileMissing", f"there is no file {MAIN}")),
    Case(
        "bytes that are not there",
        Script(edit(TEXT, EDITED, Splice(offset=AT + 6, removed=b"10.100.2.1", inserted=NEW)), {}),
        well,
        fails=Failed("EditDiffers", f"the edit removes other bytes than those in {MAIN}"),
    ),
    Case(
        "places beyond the end",
        Script(edit(TEXT, EDITED, Splice(offset=len(TEXT) + 1, inserted=NEW)), {}),
        well,
        fails=Failed("EditDiffers", f"the edit does not fit into {MAIN}"),
    ),
    Case(
        "places in the wrong order",
        Script(edit(TEXT, EDITED, Splice(offset=9, inserted=b"x"), Splice(offset=8, inserted=b"y")), {}),
        well,
        fails=Failed("EditDiffers", f"the edit does not fit into {MAIN}"),
    ),
    Case(
        "another text than was planned",
        Script(edit(TEXT, TEXT, Splice(offset=0, inserted=b"x")), {}),
        well,
        fails=Failed("EditDiffers", f"the edit of {MAIN} does not lead to the text that was planned"),
    ),
    Case(
        "a text that would be too large",
        Script(edit(LARGE, LARGE + b"#", Splice(offset=0, inserted=b"#")), {}),
        has(MAIN, LARGE),
        fails=Failed("FileTooLarge", f"{MAIN} would have 1000001 bytes, more than 1000000"),
    ),
    Case("a key that is inserted", WITH_KEY, well, fails=Failed("KeyInside", f"{MAIN} has a private key in line 1")),
    Case(
        "a folder that is not an operation's",
        STAGE,
        well,
        given={"folder": str(BASE)},
        fails=Failed("NotOurs", f"{BASE} is not the folder of an operation"),
    ),
    Case(
        "a folder that others can enter",
        STAGE,
        entered,
        fails=Failed(
            "FolderNotSafe", f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it"
        ),
    ),
    Case(
        "no room",
        STAGE,
        whole(well, lambda state: setattr(state, "disk_full", True)),
        fails=Failed("DiskFull", "less than 1 MB is free on F:"),
    ),
)

TEST = Script(TestConfiguration.of_gateway(SIDE), {"code": 0, "lines": [], "syntax": True})
TEST_STAGED = Script(TestConfiguration.of_gateway(SIDE, str(FOLDER)), {"code": 0, "lines": [], "syntax": True})
BIND = "bind() to 10.100.1.1:8080 failed (10049: The requested address is not valid in its context)"


def refused(words: str, *, syntax: bool = False) -> dict[str, object]:
    return {"code": 1, "lines": [f"nginx: [emerg] {words}"], "syntax": syntax}


def nebula_stopped(state: WindowsState) -> None:
    well(state)
    state.services["Nebula"].status = "Stopped"


def gateway_is(condition: str) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        well(state)
        program = state.programs[PureWindowsPath(PATHS.gateway_exe)]
        if condition == "missing":
            del state.programs[PureWindowsPath(PATHS.gateway_exe)]
        else:
            program.condition = condition  # type: ignore[assignment]

    return change


ABSOLUTE = TEXT.replace(b"include conf.d/*.conf;", b'include "F:/flatnet/config/conf.d/*.conf";')

TESTING = (
    Case("a good configuration", TEST, well),
    Case("Nebula is stopped", TEST, nebula_stopped, differs=refused(BIND, syntax=True)),
    Case(
        "an unknown directive in an included file",
        TEST,
        has(PROXY_PARAMETERS, "\nbogus on;\n"),
        differs=refused(rf'unknown directive "bogus" in {BASE}/conf.d/proxy-params.conf:2'),
    ),
    Case(
        "a key in the words of nginx",
        TEST,
        has(MAIN, "A" * 43 + "= on;"),
        differs=refused(rf'unknown directive "..." in {BASE}/nginx.conf:1'),
    ),
    Case("no main file", TEST, fails=Failed("FileMissing", f"there is no file {MAIN}")),
    Case(
        "no nginx.exe",
        TEST,
        gateway_is("missing"),
        fails=Failed("ProgramMissing", f"there is no program {PATHS.gateway_exe}"),
    ),
    Case(
        "nginx.exe that Windows does not start",
        TEST,
        gateway_is("broken"),
        fails=Failed("ProgramBroken", f"{PATHS.gateway_exe} cannot be run"),
    ),
    Case("nothing is staged", TEST_STAGED, well),
    Case(
        "a staged main file that is new",
        TEST_STAGED,
        whole(has(FOLDER / "edit" / "nginx.conf", TEXT), lambda state: state.remove(MAIN)),
    ),
    Case(
        "no main file, and none that is staged",
        TEST_STAGED,
        whole(has(FOLDER / "edit" / "conf.d" / "x.conf", TEXT), lambda state: state.remove(MAIN)),
        fails=Failed("FileMissing", f"there is no file {MAIN}"),
    ),
    Case(
        "a staged main file that is bad, with the place in the present one",
        TEST_STAGED,
        has(STAGED, b"\n\nbogus;\n" + TEXT),
        differs=refused(rf'unknown directive "bogus" in {BASE}/nginx.conf:3'),
    ),
    Case(
        "a staged file that a relative include leads to",
        TEST_STAGED,
        has(FOLDER / "edit" / "conf.d" / "proxy-params.conf", "bogus;"),
        differs=refused(rf'unknown directive "bogus" in {BASE}/conf.d/proxy-params.conf:1'),
    ),
    Case(
        "a staged file that an absolute include leads to",
        TEST_STAGED,
        whole(has(FOLDER / "edit" / "conf.d" / "proxy-params.conf", "bogus;"), lambda s: s.write_bytes(MAIN, ABSOLUTE, NOW)),
        differs=refused(rf'unknown directive "bogus" in {BASE}/conf.d/proxy-params.conf:1'),
    ),
    Case(
        "a staged file that mends a bad one",
        TEST_STAGED,
        whole(has(PROXY_PARAMETERS, "bogus;"), has(FOLDER / "edit" / "conf.d" / "proxy-params.conf", PARAMETERS)),
    ),
    Case(
        "an included file with a private key",
        TEST_STAGED,
        has(PROXY_PARAMETERS, KEY),
        fails=Failed("KeyInside", f"{PROXY_PARAMETERS} has a private key in line 1"),
    ),
    Case(
        "a folder that is not an operation's",
        TEST_STAGED,
        well,
        given={"folder": str(BASE)},
        fails=Failed("NotOurs", f"{BASE} is not the folder of an operation"),
    ),
)
HANGING = Case(
    "nginx.exe that does not end",
    TEST,
    gateway_is("hanging"),
    given={"milliseconds": 300},
    fails=Failed("ProgramHangs", f"{PATHS.gateway_exe} does not end"),
)

FILES = (HashedFile(file=str(MAIN), sha256=sha(TEXT)), HashedFile(file=str(PROXY_PARAMETERS), sha256=sha(PARAMETERS)))
HASH = hash_configuration(FILES, str(BASE))
KEPT = GOOD / HASH[:16]
TOLD = {
    "base": str(BASE),
    "folder": str(KEPT),
    "sha256": HASH,
    "kept_at": round_trip(NOW),
    "files": [each.model_dump() for each in FILES],
    "intact": True,
    "changed": False,
}
KEEP = Script(KeepGood(base=str(BASE), sha256=HASH, files=FILES), {**TOLD, "changed": True})
READ_KEPT = Script(ReadGood(), TOLD)
RESTORE = Script(
    StageGood(folder=str(FOLDER), base=str(BASE), sha256=HASH, files=FILES[:1]),
    {"files": [{"file": str(STAGED), "sha256": sha(TEXT)}], "changed": True},
)
NONE: dict[str, object] = {"base": "", "folder": "", "sha256": "", "kept_at": None, "files": []}


def kept(state: WindowsState) -> None:
    """The host keeps the configuration; since then its main file is another one."""
    well(state)
    document = KeepGood(base=str(BASE), sha256=HASH, files=FILES).model_dump_json(exclude={"files"})
    files = ",".join(each.model_dump_json() for each in FILES)
    at = f'"kept_at":"{round_trip(NOW)}","files":[{files}]}}'
    state.write(GOOD / "good.json", f"{document[:-1]},{at}", NOW)
    state.write_bytes(KEPT / "nginx.conf", TEXT, NOW)
    state.write_bytes(KEPT / "conf.d" / "proxy-params.conf", PARAMETERS, NOW)


def kept_another(state: WindowsState) -> None:
    """The host keeps another configuration."""
    well(state)
    old = "0" * 64
    at = round_trip(NOW)
    state.write(GOOD / "good.json", f'{{"base":"F:\\\\x","sha256":"{old}","kept_at":"{at}","files":[]}}', NOW)
    state.write(GOOD / old[:16] / "old.conf", "", NOW)


def spoilt(state: WindowsState) -> None:
    kept(state)
    state.write_bytes(KEPT / "nginx.conf", TEXT + b"x", NOW)


def exposed(state: WindowsState) -> None:
    kept(state)
    state.readers[GOOD] = ["S-1-5-32-545"]


UNSAFE = Failed("FolderNotSafe", f"others than SYSTEM and Administrators can enter {GOOD}; look at it, then remove it")
DIFFERS = Failed("GoodDiffers", f"this host does not keep the configuration {HASH[:12]} as the last good one")

KEEPING = (
    Case("the first one", KEEP, well),
    Case("the same once more", KEEP, kept, differs={"changed": False}),
    Case("another one before", KEEP, kept_another),
    Case("a kept copy that was changed is made anew", KEEP, spoilt),
    Case(
        "a file that was changed since",
        KEEP,
        has(MAIN, b"x"),
        fails=Failed("FileChanged", f"{MAIN} has changed"),
    ),
    Case("a folder that others can enter", KEEP, exposed, fails=UNSAFE),
    Case("an argument that is missing", KEEP, well, left_out=frozenset({"sha256"}), fails=missing("sha256")),
    Case("nothing is kept", READ_KEPT, well, differs=NONE),
    Case("what is kept", READ_KEPT, kept),
    Case("a kept copy that was changed", READ_KEPT, spoilt, differs={"intact": False}),
    Case("a folder that others can enter", READ_KEPT, exposed, fails=UNSAFE),
    Case(
        "a document that is none",
        READ_KEPT,
        lambda state: state.write(GOOD / "good.json", "{", NOW),
        fails=Failed("GoodUnreadable", rf"{GOOD}\good.json cannot be read; remove it, and keep a configuration anew"),
    ),
    Case("a kept file in an operation's folder", RESTORE, kept),
    Case("the same once more", RESTORE, whole(kept, has(STAGED, TEXT)), differs={"changed": False}),
    Case("nothing is kept", RESTORE, well, fails=DIFFERS),
    Case("another one is kept", RESTORE, kept_another, fails=DIFFERS),
    Case(
        "a kept copy that was changed",
        RESTORE,
        spoilt,
        fails=Failed("GoodDiffers", f"the kept copy of {MAIN} has another hash"),
    ),
)

NGINX = Script(
    ReadNginx.of(SIDE),
    {
        "version": "openresty/1.25.3.1",
        "master": {"pid": 2400, "started_at": "2025-06-02T06:30:40.0000000Z"},
        "workers": [{"pid": 2404, "started_at": "2025-06-02T06:30:40.0000000Z"}],
        "clock": round_trip(NOW),
        "position": None,
        "emergencies": 0,
        "emergency_lines": [],
    },
)
EMERGENCY = "2026/03/01 12:00:00 [emerg] 2400#2408: bind() to 10.100.1.1:8080 failed (10049: no such address)"
LINES = f"2026/03/01 11:00:00 [emerg] 1#2: old\n2026/03/01 12:00:00 [notice] 1#2: [emerg]ency\r\n{EMERGENCY}\r\n"


def logged(text: str) -> Callable[[WindowsState], None]:
    return lambda state: state.write(LOG, text, NOW)


def put_aside(state: WindowsState) -> None:
    """The log was rotated after 40 bytes."""
    state.write(LOG.with_name("error.log.1"), "x" * 39 + "\n" + EMERGENCY + "\n", NOW)
    state.write(LOG, "begun anew\n" + EMERGENCY[:-1] + "\n", NOW)


def ended(state: WindowsState) -> None:
    state.processes[:] = [process for process in state.processes if process.name != "nginx"]


NGINX_READING = (
    Case("it runs, and there is no log", NGINX),
    Case("it does not run", NGINX, ended, differs={"master": None, "workers": []}),
    Case(
        "nginx.exe is not there",
        NGINX,
        gateway_is("missing"),
        differs={"version": "", "master": None, "workers": []},
    ),
    Case("without a place only the end of the log is told", NGINX, logged(LINES), differs={"position": len(LINES)}),
    Case(
        "[emerg] beyond a place",
        NGINX,
        logged(LINES),
        given={"after": 20},
        differs={"position": len(LINES), "emergencies": 1, "emergency_lines": [EMERGENCY]},
    ),
    Case(
        "only the newest are told",
        NGINX,
        logged(LINES * 4),
        given={"after": 0},
        differs={
            "position": 4 * len(LINES),
            "emergencies": 8,
            "emergency_lines": [EMERGENCY, LINES.partition("\n")[0], EMERGENCY, LINES.partition("\n")[0], EMERGENCY],
        },
    ),
    Case(
        "a log that was rotated",
        NGINX,
        put_aside,
        given={"after": 40 + len(EMERGENCY)},
        differs={"position": 11 + len(EMERGENCY), "emergencies": 1, "emergency_lines": [EMERGENCY[:-1]]},
    ),
    Case("an argument that is missing", NGINX, left_out=frozenset({"log"}), fails=missing("log")),
)

BY_FILES = (*READING, *STAGING)
"""Cases that files alone decide, wherever they lie."""

CASES = (*READING, *LISTING, *STAGING, *TESTING, *KEEPING, *NGINX_READING)
