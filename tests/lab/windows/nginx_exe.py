"""`python -m tests.lab.windows.nginx_exe -t -p FOLDER -c FILE` is `nginx.exe` where a real PowerShell runs the scripts."""

import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from tests.lab.windows.nginx import check_configuration
from tests.lab.windows.state import WindowsState


def main(arguments: list[str]) -> int:
    """`-t -p FOLDER -c FILE`, with the state and the drives of the lab host that the environment names."""
    drives = os.environ["FLATNET_LAB_DRIVES"]
    document = json.loads(Path(os.environ["FLATNET_LAB_STATE"]).read_text("utf-8"))
    state = WindowsState.from_json({name: value for name, value in document.items() if name != "clock"})
    state.files.clear()
    for file in Path(drives).rglob("*.conf"):
        drive, *parts = file.relative_to(drives).parts
        content = re.sub(re.escape(drives.encode()) + rb"/(\w)/", rb"\1:/", file.read_bytes())
        state.write_bytes(PureWindowsPath(f"{drive}:\\", *parts), content, datetime.now(UTC))
    match arguments:
        case ["-t", "-p", _, "-c", config]:
            drive, *parts = Path(config).relative_to(drives).parts
            code, said = check_configuration(state, str(PureWindowsPath(f"{drive}:\\", *parts)))
            print(re.sub(r"\b(\w):/", rf"{drives}/\1/", said), end="", file=sys.stderr)
            return code
        case _:
            print(f'nginx: invalid option: "{" ".join(arguments)}"', file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
