"""How long the script that reads logs of Windows takes over a gigabyte, and how much memory, in a real PowerShell 7.

Each measure starts a PowerShell of its own, as a host does; its start is told apart.
"""

import os
import resource
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

from adapters.logs import LogSearch, LogText
from adapters.windows import powershell
from adapters.windows.logs import ReadLog
from tests.lab.windows.disks import PATHS
from tests.lab.windows.pwsh import Machine, Pwsh, find_pwsh
from tests.lab.windows.state import WindowsState

SIZE = 1_000_000_000
RUNS = 3
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
LINE = (
    'time="{at:%Y-%m-%dT%H:%M:%SZ}" level=info msg="Handshake message received" certName=host-{n} durationNs={ns} '
    'handshake="map[stage:2 style:ix_psk0]" udpAddr="192.0.2.{n}:4242" vpnIp=10.100.{n}.1\n'
)

QUESTIONS: Mapping[str, LogSearch] = {
    "the last 50 lines": LogSearch(tail=50),
    "a text that is not there": LogSearch(tail=50, pattern="nowhere", fixed=True),
    "a pattern that is not there": LogSearch(tail=50, pattern="level=(error|warning)"),
    "a pattern that begins in every tenth line": LogSearch(tail=50, pattern="host-3 .*timed out"),
    "a pattern that looks around itself, tried line by line": LogSearch(tail=50, pattern="(?<!x)nowhere"),
    "50 lines until a time at its beginning": LogSearch(tail=50, until=BEGAN + timedelta(seconds=5)),
}

_WHOLE = LINE.format(at=BEGAN, n=1, ns=1).encode()
_JAPANESE = _WHOLE.replace(b"received", "を受け取りました".encode("cp932"))

STRANGE: Mapping[str, bytes] = {
    "whole": _WHOLE * 10_000,
    "with a broken byte in every 10,000th line": _WHOLE * 9_999 + _WHOLE.replace(b"received", b"\xff"),
    "in Shift-JIS": _JAPANESE * 10_000,
}
"""Some lines of logs of `STRANGE_SIZE`, in which a text is looked for that is not there."""

STRANGE_SIZE = 100_000_000


def report() -> None:
    """Print the table of docs/performance.md."""
    program = find_pwsh(os.environ)
    if program is None:
        print("\nlogs of Windows: not measured, there is no PowerShell")
        return
    pwsh = Pwsh(program)
    state = WindowsState.healthy(1, "host-a")
    with pwsh.machine(state, BEGAN) as machine:
        log = machine.place(PureWindowsPath(PATHS.nebula_log))
        _write(log, 1)
        start, _, _ = _measure(machine, QUESTIONS["the last 50 lines"])
        _write(log, SIZE)
        print(f"\nreading a log of {SIZE:,} bytes; PowerShell alone takes {start:.2f} s of each\n")
        print("| what | time | processor | searched | peak memory so far |")
        print("| --- | --: | --: | --: | --: |")
        for what, search in QUESTIONS.items():
            seconds, worked, said = _measure(machine, search)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(
                f"| {what} | {seconds:.2f} s | {worked:.2f} s | {(said.searched or 0) / 1e6:,.0f} MB | {peak} MB |",
                flush=True,
            )
        for what, lines in STRANGE.items():
            log.write_bytes(lines * (STRANGE_SIZE // len(lines)))
            seconds, _, said = _measure(machine, QUESTIONS["a text that is not there"])
            print(
                f"{log.stat().st_size / 1e6:,.0f} MB {what}: {seconds:.2f} s, {(said.searched or 0) / 1e6:,.0f} MB searched"
            )
        log.unlink()
    pwsh.close()


def _write(log: Path, size: int) -> None:
    """Lines a quarter of a second apart until it has that size."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        number = 0
        while file.tell() < size:
            numbers = range(number, number + 20_000)
            file.writelines(
                LINE.format(at=BEGAN + timedelta(seconds=n / 4), n=n % 10, ns=n * 7_919 % 10**9) for n in numbers
            )
            number += 20_000


def _measure(machine: Machine, search: LogSearch) -> tuple[float, float, LogText]:
    """Medians of some runs, on the clock and of the processor, in seconds, and the last answer."""
    action = ReadLog(log=PATHS.nebula_log, search=search)
    request = powershell.pack_request("n", powershell.load_script(action.script), action.build_arguments())
    took, worked = [], []
    for _ in range(RUNS):
        began, idle = time.perf_counter(), _worked()
        stdout = machine.run_alone(request)
        took.append(time.perf_counter() - began)
        worked.append(_worked() - idle)
    said = action.parse(powershell.unpack_answer(stdout, "n", action.output_limit))
    return statistics.median(took), statistics.median(worked), said


def _worked() -> float:
    """Seconds of the processor that programs have taken which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
