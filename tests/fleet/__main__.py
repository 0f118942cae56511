"""The fleet by hand.

python -m tests.fleet up              starts it; prints a configuration for `flatnet-bot do … --config FILE`
python -m tests.fleet run PROGRAM …   runs a program as root in its WSL2 side, `bash` for example
python -m tests.fleet down            ends it
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fleet.fleet import start_fleet, write_configuration
from tests.fleet.machine import find_obstacle
from tests.fleet.space import Space

FOLDER = Path(tempfile.gettempdir()) / "flatnet-fleet"

STATE = FOLDER / "spaces.json"


def main(words: list[str]) -> int:
    """Does what the words say; returns the exit code."""
    match words:
        case ["up"]:
            return _up()
        case ["run", program, *arguments]:
            command = _read_spaces()[0].command(program, *arguments)
            return subprocess.run(command, check=False).returncode
        case ["down"]:
            return _down()
        case _:
            print(__doc__, file=sys.stderr)
            return 2


def _up() -> int:
    if STATE.exists():
        print(f"it is up already; see {STATE}", file=sys.stderr)
        return 1
    if (obstacle := find_obstacle()) is not None:
        print(f"the fleet cannot be started: {obstacle}", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    fleet = start_fleet(FOLDER, dies_with_us=False)
    STATE.write_text(json.dumps([[str(space.cgroup), space.init] for space in fleet.spaces]))
    print(write_configuration(FOLDER, fleet.wsl))
    return 0


def _down() -> int:
    for space in _read_spaces():
        space.end()
    shutil.rmtree(FOLDER)
    return 0


def _read_spaces() -> list[Space]:
    if not STATE.exists():
        raise SystemExit("it is not up")
    return [Space(Path(cgroup), init) for cgroup, init in json.loads(STATE.read_text())]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
