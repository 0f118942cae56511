"""How long a process takes: the bot until it is connected, one `do "health"`, a lab of many hosts until it is ready."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.lab import lab, resident

RUNS = 5
MANY = 100


def report() -> None:
    """Print the lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), 3, workspace=True) as near:
        one = [sys.executable, "-m", "bot"]
        alone = [_ended([*one, "do", "health", "--config", str(near.config)]) for _ in range(RUNS)]
        starts = [_connected([*one, "run", "--config", str(near.config)]) for _ in range(RUNS)]
        nothing = [_ended([sys.executable, "-c", "pass"]) for _ in range(RUNS)]
    print(f"start of the bot until connected: {statistics.median(starts):.2f} s (median of {RUNS})")
    print(f'do "health" of 3 hosts, no bot running: {statistics.median(alone):.2f} s')
    print(f"Python that does nothing: {statistics.median(nothing):.2f} s")
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), MANY) as large:
        print(f"a lab of {MANY} hosts: ready after {large.started:.2f} s, {resident(large.process):.0f} MB")


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
