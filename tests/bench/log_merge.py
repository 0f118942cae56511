"""What it costs to read, merge and filter the lines of a fleet: no host, no network.

A thousand lines of each host, a second apart, in the formats of Nebula and of the gateway's access log. The merge is held
against `sorted` of the same lines by their time alone, which would lose the order within logs.
"""

import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, TypeVar, cast

from adapters.logs import BYTES_LIMIT, LINE_LIMIT, LogText
from commands.log_lines.groups import filter_lines, merge_lines
from commands.log_lines.lines import LogLine, LogOrigin, parse_log, sanitize_line
from commands.log_lines.patterns import parse_pattern

Made = TypeVar("Made")

HOSTS, LINES, RUNS = 100, 1_000, 5
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)

WORST = parse_pattern("(a|b)*a(a|b){100}(c|.{90}d)")
"""More states than RE2 keeps, so that it follows them all at once."""


def report() -> None:
    """Print the lines of docs/performance.md."""
    for source, write in (("nebula", _nebula), ("access", _access)):
        _fleet(source, LogText(lines=tuple(write(NOW - timedelta(seconds=LINES - at)) for at in range(LINES))))
    chosen = random.Random(1)  # the same in every run
    text = LogText(lines=tuple("".join(chosen.choices("ab", k=LINE_LIMIT)) for _ in range(BYTES_LIMIT // LINE_LIMIT)))
    lines = parse_log(text, LogOrigin("host", "nebula", NOW)).lines
    print(
        f"the worst of patterns over {BYTES_LIMIT // 1024} kB of one host: "
        f"{_timed(filter_lines, lines, None, WORST)[0]:.2f} s"
    )


def _read(text: LogText, origin: LogOrigin) -> tuple[LogLine, ...]:
    return parse_log(text.model_copy(update={"lines": tuple(map(sanitize_line, text.lines))}), origin).lines


def _fleet(source: str, text: LogText) -> None:
    origins = [LogOrigin(f"host-{number:03}", source, NOW, ahead=number / 1000) for number in range(HOSTS)]
    read, logs = _timed(lambda: [_read(text, origin) for origin in origins])
    merge, lines = _timed(merge_lines, logs)
    alone, _ = _timed(lambda: sorted((line for log in logs for line in log), key=attrgetter("at")))
    search, _ = _timed(filter_lines, lines, None, "lighthouse|curl")
    print(
        f"{source}, {HOSTS} × {LINES:,} lines: parse {read:.2f} s, merge {merge:.2f} s (sorted alone {alone:.2f} s, "
        f"ratio {merge / alone:.1f}), pattern {search:.2f} s"
    )


def _nebula(at: datetime) -> str:
    return (
        f'time="{at:%Y-%m-%dT%H:%M:%SZ}" level=info msg="Handshake message received" certName=lighthouse '
        'durationNs=8111136 fingerprint=f768a1 handshake="map[stage:2 style:ix_psk0]" udpAddr="192.0.2.1:4242"'
    )


def _access(at: datetime) -> str:
    return f'10.100.1.2 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /api/sync/status HTTP/1.1" 200 612 "-" "curl/8.5"'


def _timed(what: Callable[..., Made], *given: Any) -> tuple[float, Made]:
    """The quickest of some runs, in seconds of CPU, and what it made."""
    best, made = math.inf, None
    for _ in range(RUNS):
        made = None  # the garbage collector need not look at two
        started = time.process_time()
        made = what(*given)
        best = min(best, time.process_time() - started)
    return best, cast("Made", made)


if __name__ == "__main__":
    report()
