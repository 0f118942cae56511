"""What it costs to group 100,000 log lines, and to show the newest page of them: no host, no network.

The lines are a second apart, in the formats of Nebula and of the gateway; and the extremes: all equal, none like another.
The peak of memory is measured apart, because measuring it takes time.
"""

import math
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.phrase import Phrase
from bot.answers.slack import render
from bot.locale.texts import get_texts
from bot.model.request import Answer
from commands.log_lines.excerpt import Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.groups import group_entries
from commands.log_lines.lines import LogLine
from commands.model.report import Report

LINES, RUNS = 100_000, 5
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
TEXTS = get_texts("en", ZoneInfo("Asia/Tokyo"))

SHAPES = {
    "Nebula": 'time="{at:%Y-%m-%dT%H:%M:%SZ}" level=info msg="Handshake message received" certName=lighthouse '
    'durationNs=81{n} fingerprint=f768a1 handshake="map[stage:2 style:ix_psk0]" udpAddr="192.0.2.1:4242"',
    "access log": '10.100.1.2 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /orders/{n} HTTP/1.1" 200 612 "-" "curl/8.5"',
    "error log of Windows": "{at:%Y/%m/%d %H:%M:%S} [error] 2404#4120: *{n} connect() failed (10060: A connection attempt "
    "failed because the connected party did not properly respond after a period of time, or established connection failed "
    "because connected host has failed to respond) while connecting to upstream, client: 10.87.1.11, server: , "
    'request: "GET /orders/ HTTP/1.1", upstream: "http://10.100.2.1:8080/orders/", host: "host-a:8080"',
    "all equal": "connect() failed (111: Connection refused)",
    "all distinct": "name-{n} failed after {n} ms",
}


def report() -> None:
    """Print the table of docs/performance.md."""
    print(f"\n| {LINES:,} lines | groups | grouping | a page | peak memory |\n| --- | --: | --: | --: | --: |")
    for name, shape in SHAPES.items():
        lines = tuple(_make_line(shape, n) for n in range(LINES))
        groups, spent = len(group_entries(lines)), _measure(lambda lines=lines: group_entries(lines))  # type: ignore[misc]
        answer = _make_answer(lines)
        page = _measure(lambda answer=answer: render(answer, TEXTS))  # type: ignore[misc]
        print(f"| {name} | {groups:,} | {spent:.2f} s | {page:.2f} s | {_measure_memory(lines) / 1e6:.0f} MB |")


def _make_line(shape: str, n: int) -> LogLine:
    at = NOW + timedelta(seconds=n)
    return LogLine(host="host-a", source="nebula", at=at, level=Level.ERROR, text=shape.format(at=at, n=n), order=n)


def _make_answer(lines: tuple[LogLine, ...]) -> Answer:
    body = Report(title=Phrase("Logs"), summary=Phrase("lines"), excerpt=Excerpt(lines=lines))
    return Answer(operation="op-1", understood="log nebula", body=body)


def _measure(make: Callable[[], object]) -> float:
    """Return the seconds of CPU of the quickest of some runs."""
    best = math.inf
    for _ in range(RUNS):
        began = time.process_time()
        make()
        best = min(best, time.process_time() - began)
    return best


def _measure_memory(lines: Sequence[LogLine]) -> int:
    tracemalloc.start()
    group_entries(lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    report()
