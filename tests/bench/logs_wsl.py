"""How long the real command takes on a log of a gigabyte in WSL2, and how much memory; and beside it a line of 200 MB.

The command is the bot's own, in a real shell with the real Perl; what the bot makes of its answer is measured too.
"""

import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.logs import LogSearch, LogText
from adapters.wsl.action import CompletedProgram
from adapters.wsl.logs import ReadCni
from adapters.wsl.shell import build_shell_line, parse_frames

SIZE = 2**30
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
USUAL = (
    "systemd[1]: Started Session 12 of user flatnet.",
    "sshd[4711]: Accepted publickey for flatnet from 192.0.2.5 port 50122 ssh2: ED25519 SHA256:abcdef",
    "kernel: [12345.678] IPv4: martian source 10.87.1.1 from 10.87.1.10, on dev flatnet-br0",
    "CRON[99]: (root) CMD (test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily ))",
)
CNI_EVERY = 1_000
"""Lines; the others are not about CNI."""

_SMALL = """
import resource, subprocess, sys
subprocess.run(["sh", "-c", sys.argv[1]])
sys.stderr.write(f"\\0{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
"""
"""Between us and the programs: a child's greatest size counts from its parent's, and this one is small (some 10 MB)."""

QUESTIONS = (
    ("the newest 50", LogSearch(tail=50)),
    ("a pattern that is everywhere", LogSearch(tail=50, pattern=r"ADD .*10\.87\.1\.\d+")),
    ("a pattern that is nowhere", LogSearch(tail=50, pattern="(DEL|CHECK) failed")),
    ("a text that is nowhere", LogSearch(tail=50, pattern="no such text", fixed=True)),
    ("5,000 lines", LogSearch(tail=5_000)),
    ("an hour near its beginning", LogSearch(tail=50, since=BEGAN, until=BEGAN + timedelta(hours=1))),
)


def report() -> None:
    """Print the lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        log = Path(folder) / "syslog"
        with log.open("wb") as written:
            for block in _blocks():
                written.write(block)
        print(f"syslog of {log.stat().st_size / 1e6:,.0f} MB in WSL2:")
        for name, search in QUESTIONS:
            _measure(name, ReadCni(syslog=str(log), search=search))
        with log.open("ab") as written:
            written.write(b"cni " + b"x" * 200_000_000 + b"\n")
        _measure("a line of 200 MB at its end", ReadCni(syslog=str(log), search=LogSearch(tail=50)))


def _blocks() -> Iterator[bytes]:
    """Lines a tenth of a second apart, as rsyslog writes them, until there are enough."""
    size = number = 0
    while size < SIZE:
        block = "".join(_line(each) for each in range(number, number + 100_000)).encode()
        yield block
        size, number = size + len(block), number + 100_000


def _line(number: int) -> str:
    text = f"flatnet-cni[31]: CNI ADD {number} ip=10.87.1.{number % 250}" if number % CNI_EVERY == 0 else USUAL[number % 4]
    return f"{(BEGAN + timedelta(seconds=number / 10)).isoformat(timespec='microseconds')} host-a {text}\n"


def _measure(name: str, read: ReadCni) -> None:
    """One line: seconds, megabytes of the programs over there, and of what is made of their answer here."""
    began = time.perf_counter()
    (completed,), peak = _run(read)
    taken = time.perf_counter() - began
    tracemalloc.start()
    text: LogText = read.parse([completed])
    here = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cut = ", ".join(sorted(text.cut)) or "nothing cut"
    print(f"  {name}: {taken:.2f} s, {peak} MB there, {here / 1e6:.1f} MB here; {len(text.lines)} lines, {cut}")


def _run(read: ReadCni) -> tuple[tuple[CompletedProgram, ...], int]:
    """What the programs left behind, and the most that one of them has held."""
    line = build_shell_line(read.build_commands(), read.program_timeout, "nonce")
    small = [sys.executable, "-I", "-S", "-c", _SMALL, line]
    ran = subprocess.run(small, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    stderr, _, peak = ran.stderr.rpartition(b"\0")
    return parse_frames(ran.stdout, stderr, "nonce", 1), int(peak) // 1024


if __name__ == "__main__":
    report()
