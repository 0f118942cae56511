"""A lab fleet in a process of its own, so that its work is not measured as the bot's."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lab:
    """A running lab: its configuration, its process, and the seconds that it took to be ready."""

    config: Path
    process: int
    started: float


@contextmanager
def lab(folder: Path, hosts: int, *more: str, rtt: int = 0, powershell: int = 0, workspace: bool = False) -> Iterator[Lab]:
    """A lab until left. `rtt` of each exchange and the start of `powershell` are in milliseconds; `more`: other options."""
    wanted = ["--hosts", str(hosts), "--rtt", str(rtt), "--powershell", str(powershell), "--dir", str(folder)]
    began = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.lab", *wanted, *(["--workspace"] if workspace else []), *more],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("ready"), "the lab did not start"
        yield Lab(folder / "flatnet.toml", running.pid, time.perf_counter() - began)
    finally:
        running.terminate()
        running.communicate()


def resident(process: int) -> float:
    """MB of memory that a process holds now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
