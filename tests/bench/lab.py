"""A lab fleet in a process of its own, so that its work is not measured as the bot's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RTT = 50
"""Milliseconds for each exchange."""

POWERSHELL = 400
"""Milliseconds that powershell.exe takes to start."""


@contextmanager
def lab(folder: Path, hosts: int, *more: str) -> Iterator[Path]:
    """A running lab; the path of its configuration."""
    wanted = ["--hosts", str(hosts), "--rtt", str(RTT), "--powershell", str(POWERSHELL), "--dir", str(folder), *more]
    running = subprocess.Popen([sys.executable, "-m", "tests.lab", *wanted], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("ready"), "the lab did not start"
        yield folder / "flatnet.toml"
    finally:
        running.terminate()
        running.wait()
