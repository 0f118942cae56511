"""Startup times: the bot until it is connected, the command line with and without a running bot, a lab of many hosts."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.lab import lab, resident

RUNS = 5
MANY = 100


def report() -> None:
    """Print the lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), 3, workspace=True) as near:
        one = [sys.executable, "-m", "bot"]
        alone = [time_command([*one, "do", "health", "--config", str(near.config)]) for _ in range(RUNS)]
        starts = [_connected([*one, "run", "--config", str(near.config)]) for _ in range(RUNS)]
        nothing = [time_command([sys.executable, "-c", "pass"]) for _ in range(RUNS)]
        whoami = [*one, "do", "whoami", "--config", str(near.config)]
        local = [time_command(whoami) for _ in range(RUNS)]
        helped = [time_command([*one, "--help"]) for _ in range(RUNS)]
        with run_bot([*one, "run", "--config", str(near.config)]):
            remote = [time_command(whoami) for _ in range(RUNS)]
    print(f"start of the bot until connected: {statistics.median(starts):.2f} s (median of {RUNS})")
    print(f'do "health" of 3 hosts, no bot running: {statistics.median(alone):.2f} s')
    print(
        f"do whoami through a running bot: {statistics.median(remote):.2f} s; without one: {statistics.median(local):.2f} s"
    )
    print(f"--help: {statistics.median(helped):.2f} s")
    print(f"Python that does nothing: {statistics.median(nothing):.2f} s")
    with tempfile.TemporaryDirectory(prefix="b") as folder, lab(Path(folder), MANY) as large:
        print(f"a lab of {MANY} hosts: ready after {large.started:.2f} s, {resident(large.process):.0f} MB")


def time_command(command: list[str]) -> float:
    """Seconds that a command takes, which must end with exit code 0."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _connected(command: list[str]) -> float:
    began = time.perf_counter()
    with run_bot(command):
        return time.perf_counter() - began


@contextmanager
def run_bot(command: list[str]) -> Iterator[None]:
    """A bot that is connected until the block is left."""
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        if not any('"connected"' in line for line in running.stderr):
            raise RuntimeError("the bot ended before it was connected")
        yield
    finally:
        running.terminate()
        running.communicate()
