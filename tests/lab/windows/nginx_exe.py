"""`python -m tests.lab.windows.nginx_exe -t -p FOLDER -c FILE` is `nginx.exe` where a real PowerShell runs the scripts.

It takes `-s reload`, too, and starts the workers of the lab host anew then.
"""

import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from tests.lab.windows.nginx import NotLoaded, check_configuration, load
from tests.lab.windows.state import WindowsState


def main(arguments: list[str]) -> int:
    """`-t` or `-s reload`, `-p FOLDER -c FILE`, with the state and the drives of the lab host that the environment names."""
    drives, there = os.environ["FLATNET_LAB_DRIVES"], Path(os.environ["FLATNET_LAB_STATE"])
    document = json.loads(there.read_text("utf-8"))
    state = WindowsState.from_json({name: value for name, value in document.items() if name != "clock"})
    state.files.clear()
    for file in Path(drives).rglob("*.conf"):
        drive, *parts = file.relative_to(drives).parts
        content = re.sub(re.escape(drives.encode()) + rb"/(\w)/", rb"\1:/", file.read_bytes())
        state.write_bytes(PureWindowsPath(f"{drive}:\\", *parts), content, datetime.now(UTC))
    code, said = 1, f'nginx: invalid option: "{" ".join(arguments)}"\n'
    match arguments:
        case ["-t", "-p", _, "-c", config]:
            code, said = check_configuration(state, _find_windows_path(config, drives))
            if config.startswith(drives):
                said = re.sub(r"\b(\w):/", rf"{drives}/\1/", said)
        case ["-s", "reload", "-p", _, "-c", config]:
            code, said = _reload(state, _find_windows_path(config, drives), datetime.fromisoformat(document["clock"]))
            new = there.with_suffix(".nginx")
            new.write_text(json.dumps(document | {"processes": state.to_json()["processes"]}), "utf-8")
            new.replace(there)
    print(said, end="", file=sys.stderr)
    return code


def _find_windows_path(config: str, drives: str) -> str:
    """The path on the host of one on this machine; one that is of the host stays."""
    if not config.startswith(drives):
        return config
    drive, *parts = Path(config).relative_to(drives).parts
    return str(PureWindowsPath(f"{drive}:\\", *parts))


def _reload(state: WindowsState, config: str, now: datetime) -> tuple[int, str]:
    try:
        load(state, config)
    except NotLoaded as failed:
        return 1, f"nginx: [emerg] {failed}\n"
    said = state.reload_nginx(now)
    state.hand_over()
    return (1, f"{said}\n") if said else (0, "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
