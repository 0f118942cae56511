"""How long a process takes: the bot until it is connected, and one `do "health"`."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.lab import lab

RUNS = 5


def report() -> None:
    """Print the lines of docs/performance.md."""
    with (
        tempfile.TemporaryDirectory(prefix="b") as folder,
        lab(Path(folder), 3, "--workspace", "--rtt", "0", "--powershell", "0") as config,
    ):
        one = [sys.executable, "-m", "bot"]
        alone = [_ended([*one, "do", "health", "--config", str(config)]) for _ in range(RUNS)]
        starts = [_connected([*one, "run", "--config", str(config)]) for _ in range(RUNS)]
        nothing = [_ended([sys.executable, "-c", "pass"]) for _ in range(RUNS)]
    print(f"start of the bot until connected: {statistics.median(starts):.2f} s (median of {RUNS})")
    print(f'do "health" of 3 hosts, no bot running: {statistics.median(alone):.2f} s')
    print(f"Python that does nothing: {statistics.median(nothing):.2f} s")


def _ended(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _connected(command: list[str]) -> float:
    began = time.perf_counter()
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        for line in running.stderr:
            if '"connected"' in line:
                return time.perf_counter() - began
        raise RuntimeError("the bot ended before it was connected")
    finally:
        running.terminate()
        running.communicate()
