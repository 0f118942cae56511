"""What the script that looks at a backup answers on which host."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any

from adapters.inventory import WindowsPaths
from adapters.windows.backup_trial import PartTest, TestBackup
from tests.adapters.windows.archives import HOSTILE, pack
from tests.adapters.windows.configuration_cases import PARAMETERS, PEER, gateway_is, refused
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.nginx import lay_configuration, write_configuration
from tests.lab.windows.state import WindowsState

PATHS = WindowsPaths.model_validate({})
ID = "host-a-0123456789ab"
FOLDER = PureWindowsPath(PATHS.backups) / ID
SCRATCH = PureWindowsPath(PATHS.backups) / f"{ID}.test"
BASE = PureWindowsPath(PATHS.gateway_config).parent
MANIFEST = {"format": 1, "id": ID, "host": "host-a"}

TEXT = write_configuration(1, [PEER])
FILES: Mapping[str, bytes] = {"conf.d/proxy-params.conf": PARAMETERS, "nginx.conf": TEXT.encode()}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def of_gateway(archive: bytes, *keep: str) -> PartTest:
    return PartTest(
        part="openresty",
        file="openresty.tar",
        sha256=sha(archive),
        program="nginx",
        exe=PATHS.gateway_exe,
        base=str(BASE),
        main="nginx.conf",
        prefix=PATHS.gateway_folder,
        folders=("conf.d", "lualib"),
        keep=keep,
    )


def look(archive: bytes, *keep: str) -> Script:
    """A look at a backup with that archive of its gateway."""
    names = ("manifest.json", "openresty.tar")
    test = of_gateway(archive, *keep)
    answer = {"files": list_files(archive), "manifest": MANIFEST, "tests": [tested()]}
    return Script(TestBackup(folder=str(FOLDER), scratch=str(SCRATCH), names=names, tests=(test,)), answer)


def list_files(archive: bytes, manifest: bytes = json.dumps(MANIFEST).encode()) -> list[dict[str, Any]]:
    contents = {"manifest.json": manifest, "openresty.tar": archive}
    return [{"name": name, "size": len(content), "sha256": sha(content)} for name, content in contents.items()]


def tested(**differs: Any) -> dict[str, Any]:
    return {"part": "openresty", "failure": "", "words": "", "code": 0, "lines": [], "syntax": True} | differs


def has(archive: bytes, *further: Callable[[WindowsState], None]) -> Callable[[WindowsState], None]:
    """A gateway, and a backup of it with that archive."""

    def change(state: WindowsState) -> None:
        lay_configuration(state, 1, [PEER], NOW)
        state.write(FOLDER / "manifest.json", json.dumps(MANIFEST), NOW)
        state.write_bytes(FOLDER / "openresty.tar", archive, NOW)
        for each in further:
            each(state)

    return change


def lay(path: PureWindowsPath | str, text: str) -> Callable[[WindowsState], None]:
    return lambda state: state.write(PureWindowsPath(path), text, NOW)


def enter(state: WindowsState) -> None:
    state.readers[FOLDER] = ["S-1-5-32-545"]


def with_files(**files: str) -> bytes:
    """An archive of the gateway with other files, by their names without .conf."""
    changed = {name.replace("__", "/") + ".conf": text.encode() for name, text in files.items()}
    return pack({**FILES, **changed})


GOOD = pack(FILES)
ABSOLUTE = with_files(nginx=TEXT.replace("include conf.d/*.conf;", 'include "F:/flatnet/config/conf.d/*.conf";'))
LACKING = pack({"nginx.conf": TEXT.replace("conf.d/*.conf", "F:/flatnet/config/conf.d/proxy-params.conf").encode()})
HIDDEN = pack({"nginx.conf": b'include "F:/flatnet/config/conf.d/bad.conf";', "conf.d/bad.conf": b"bogus on;"})
ELSEWHERE = pack({"nginx.conf": b'include "F:/flatnet/config2/a.conf"; include F:/flatnet/config/other/a.conf;'})
KEPT = pack({"nginx.conf": b"include F:/flatnet/config/conf.d/secret.conf;", "conf.d/a.conf": b""})
CASES: tuple[Case, ...] = (
    Case("a good backup", look(GOOD), has(GOOD)),
    Case("absolute paths lead into the copy", look(ABSOLUTE), has(ABSOLUTE)),
    Case(
        "a fault that only the backup has, behind an absolute path",
        look(HIDDEN),
        has(HIDDEN),
        differs={"tests": [tested(**refused(rf'unknown directive "bogus" in {BASE}/conf.d/bad.conf:1'))]},
    ),
    Case(
        "a file that the backup lacks, although the host has it",
        look(LACKING),
        has(LACKING),
        differs={
            "tests": [
                tested(
                    **refused(
                        rf'CreateFile() "{BASE}/conf.d/proxy-params.conf" failed '
                        rf"(2: The system cannot find the file specified) in {BASE}/nginx.conf:12"
                    )
                )
            ]
        },
    ),
    Case(
        "backslashes and another case",
        look(pack({"nginx.conf": rb"include F:\flatnet\CONFIG\conf.d\bad.conf;", "conf.d/bad.conf": b"bogus on;"})),
        has(pack({"nginx.conf": rb"include F:\flatnet\CONFIG\conf.d\bad.conf;", "conf.d/bad.conf": b"bogus on;"})),
        differs={"tests": [tested(**refused(rf'unknown directive "bogus" in {BASE}/conf.d/bad.conf:1'))]},
    ),
    Case(
        "paths that are not of the part stay",
        look(ELSEWHERE),
        has(ELSEWHERE, lay(r"F:\flatnet\config2\a.conf", ""), lay(r"F:\flatnet\config\other\a.conf", "events {}")),
    ),
    Case(
        "a file that no backup holds is the present one",
        look(KEPT, "conf.d/secret.conf", "conf.d/gone.conf"),
        has(KEPT, lay(BASE / "conf.d" / "secret.conf", "events {}")),
    ),
    Case(
        "a file to keep that lies elsewhere",
        look(KEPT, "../ca.key"),
        has(KEPT),
        differs={
            "tests": [
                tested(failure="BadArchive", words="../ca.key is no name that a file of a backup can have", syntax=False)
            ]
        },
    ),
    Case(
        "one byte changed",
        look(GOOD),
        has(GOOD, lambda state: state.write_bytes(FOLDER / "openresty.tar", b"o" + GOOD[1:], NOW)),
        differs={"files": list_files(b"o" + GOOD[1:]), "tests": [tested(failure="Skipped", syntax=False)]},
    ),
    Case(
        "cut short",
        look(GOOD),
        has(GOOD, lambda state: state.write_bytes(FOLDER / "openresty.tar", GOOD[:700], NOW)),
        differs={"files": list_files(GOOD[:700]), "tests": [tested(failure="Skipped", syntax=False)]},
    ),
    Case(
        "a file that is gone",
        look(GOOD),
        has(GOOD, lambda state: state.remove(FOLDER / "openresty.tar")),
        differs={"files": list_files(GOOD)[:1], "tests": [tested(failure="Skipped", syntax=False)]},
    ),
    Case(
        "no manifest",
        look(GOOD),
        has(GOOD, lambda state: state.remove(FOLDER / "manifest.json")),
        differs={"files": list_files(GOOD)[1:], "manifest": None},
    ),
    Case(
        "a manifest that is none",
        look(GOOD),
        has(GOOD, lay(FOLDER / "manifest.json", "{")),
        differs={"files": list_files(GOOD, b"{"), "manifest": None},
    ),
    Case(
        "a hostile archive",
        look(HOSTILE["a symbolic link"]),
        has(HOSTILE["a symbolic link"]),
        differs={
            "tests": [tested(failure="BadArchive", words="a.conf is no plain file, but of type 2", syntax=False)],
        },
    ),
    Case(
        "a folder that an earlier look left",
        look(GOOD),
        has(GOOD, lay(SCRATCH / "nginx.conf", "bogus")),
    ),
    Case(
        "no nginx.exe",
        look(GOOD),
        has(GOOD, gateway_is("missing")),
        differs={
            "tests": [
                tested(failure="ProgramMissing", words=f"there is no program {PATHS.gateway_exe}", syntax=False),
            ]
        },
    ),
    Case(
        "a full disk",
        look(GOOD),
        has(GOOD, lambda state: setattr(state, "disk_full", True)),
        differs={"tests": [tested(failure="DiskFull", words="less than 1 MB is free on F:", syntax=False)]},
    ),
    Case("no backup", look(GOOD), fails=Failed("BackupMissing", f"there is no folder {FOLDER}")),
    Case(
        "a folder that others can enter",
        look(GOOD),
        has(GOOD, enter),
        fails=Failed(
            "FolderNotSafe", f"others than SYSTEM and Administrators can enter {FOLDER}; look at it, then remove it"
        ),
    ),
    Case("an argument is missing", look(GOOD), has(GOOD), left_out=frozenset({"names"}), fails=missing("names")),
)
