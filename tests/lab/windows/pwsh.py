"""A real PowerShell that takes a simulated Windows host for its own.

PowerShell 7 on Linux runs the same bootstrap and the same scripts; the module `LabWindows` stands in
for what Linux lacks. It starts in half a second and takes 100 MB, so few run at a time.
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PureWindowsPath

from adapters.windows import powershell
from tests.lab.windows.state import Program, WindowsState

SHIMS = Path(__file__).parent / "shims"

AT_ONCE = 2
"""PowerShell processes at a time: each takes one core for its start."""

TIME_LIMIT = 60.0
"""Seconds for one run, on a machine that is busy with other tests."""


def find_pwsh(environment: Mapping[str, str]) -> Path | None:
    """The PowerShell 7 to use: `FLATNET_PWSH`, else `pwsh` on the `PATH`, else none."""
    found = shutil.which(environment.get("FLATNET_PWSH") or "pwsh", path=environment.get("PATH"))
    return Path(found) if found else None


class Pwsh:
    """Runs requests in one PowerShell program, `AT_ONCE` at a time; may be used from several threads."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def run(self, request: bytes, state: WindowsState, now: datetime) -> bytes:
        """What the bootstrap writes to stdout for a request line (`powershell.pack`) on that host at `now`."""
        with self._slots, tempfile.TemporaryDirectory(prefix="flatnet-pwsh-") as folder:
            host = Path(folder)
            _lay_out(host, state, now)
            completed = subprocess.run(
                [self._program, "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", _encoded_command()],
                input=request,
                stdout=subprocess.PIPE,
                env=_environment(host, state),
                cwd=host,
                timeout=TIME_LIMIT,
                check=False,
            )
        return completed.stdout


def _encoded_command() -> str:
    """The prelude of the lab, then exactly the code that a Windows host gets."""
    sent = base64.b64decode(powershell.command_line().rpartition(" ")[2]).decode("utf-16-le")
    prelude = (SHIMS / "prelude.ps1").read_text("utf-8")
    return base64.b64encode(f"{prelude}\n{sent}".encode("utf-16-le")).decode()


def _environment(host: Path, state: WindowsState) -> dict[str, str]:
    return os.environ | {
        "COMPUTERNAME": state.computer_name,
        "FLATNET_LAB_DRIVES": str(host / "drives"),
        "FLATNET_LAB_STATE": str(host / "state.json"),
        "HOME": str(host),
        "NO_COLOR": "1",
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
        "POWERSHELL_UPDATECHECK": "Off",
        "PSModulePath": str(SHIMS),
    }


def _lay_out(host: Path, state: WindowsState, now: datetime) -> None:
    """The host's state as the shims read it, its files, and a stand-in for each of its programs."""
    (host / "drives").mkdir()
    document = state.to_json() | {"clock": state.clock(now).isoformat()}
    (host / "state.json").write_text(json.dumps(document), "utf-8")
    for path, text in state.files.items():
        _write(host, path, text)
    for path, program in state.programs.items():
        file = _write(host, path, _stand_in(program))
        file.chmod(0o600 if program.condition == "broken" else 0o700)


def _write(host: Path, path: PureWindowsPath, text: str) -> Path:
    file = host.joinpath("drives", path.drive.rstrip(":"), *path.parts[1:])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def _stand_in(program: Program) -> str:
    """A shell script in the program's place; it knows its one option, so a script that asks wrongly gets nothing."""
    if program.condition == "hanging":
        return "#!/bin/sh\nexec sleep 600\n"
    option, prints = shlex.quote(program.option), shlex.quote(program.prints)
    stream = 2 if program.stream == "stderr" else 1
    return f'#!/bin/sh\n[ "$*" = {option} ] && printf "%s\\n" {prints} >&{stream}\n'
