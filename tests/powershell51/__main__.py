"""Runs the check in PowerShell 7: `python -m tests.powershell51 FOLDER...`.

Prints `file:line kind message`; the exit code is 1 where there is anything to say. Without a PowerShell nothing is
checked, which is said in one line.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.lab.windows.pwsh import find_pwsh

CHECK = Path(__file__).with_name("check.ps1")

SKIPPED = "NO POWERSHELL: the Windows scripts were not checked against 5.1; put pwsh on PATH or set FLATNET_PWSH"
"""Also read by .ci/run, which has a PowerShell."""

QUIET = {"NO_COLOR": "1", "POWERSHELL_TELEMETRY_OPTOUT": "1", "POWERSHELL_UPDATECHECK": "Off"}


def main(folders: Iterable[Path], environment: Mapping[str, str]) -> int:
    """Check every PowerShell file of some folders."""
    program = find_pwsh(environment)
    if program is None:
        print(SKIPPED, file=sys.stderr)
        return 0
    files = [str(file) for folder in folders for file in sorted(folder.rglob("*.ps*1"))]
    if not files:
        print("no PowerShell files in these folders", file=sys.stderr)
        return 1
    command = [str(program), "-NoLogo", "-NoProfile", "-NonInteractive", "-File", str(CHECK), *files]
    return subprocess.run(command, env={**environment, **QUIET}, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(map(Path, sys.argv[1:]), os.environ))
