"""How long redaction takes for the log lines of a hundred hosts.

All lines that a person sees pass through it: once as the lines of a host's log, once in the message.
"""

import statistics
import time

from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK

HOSTS, LINES, LINES_WITH_SECRETS = 100, 500, 10
RUNS = 3

NEBULA = (
    'time="2026-11-25T18:26:{second:02}+09:00" level=info msg="Handshake message received" certName=host-{host} '
    'durationNs=1834512 fingerprint={hexadecimal} handshake="map[stage:2 style:ix_psk0]" udpAddr="192.0.2.2:4242"'
)
NGINX = '10.1.0.9 - - [25/Nov/2026:18:26:{second:02} +0900] "GET /api/v1/items?id={host} HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
WITH_SECRETS = '{host} {second} GET /login?token={hexadecimal} password: {hexadecimal} "Authorization: Bearer {hexadecimal}"'
"""Lines without a secret, and lines with three."""


def report() -> None:
    """Prints the table of docs/performance.md."""
    print("\n| 100 hosts | lines of each | CPU | lines changed |\n| --- | --: | --: | --: |")
    for name, shape, lines in (
        ("Nebula", NEBULA, LINES),
        ("nginx", NGINX, LINES),
        ("three secrets in every line", WITH_SECRETS, LINES_WITH_SECRETS),
    ):
        logs = [_make_log(shape, host, lines) for host in range(HOSTS)]
        redactor = Redactor(["a registered secret", "another one"])
        spent = statistics.median(_measure(redactor, logs) for _ in range(RUNS))
        changed = sum(MARK in line for log in logs for line in redactor.redact_log(log).split("\n"))
        print(f"| {name} | {lines} | {spent * 1000:.0f} ms | {changed:,} |")


def _make_log(shape: str, host: int, lines: int) -> str:
    return "\n".join(shape.format(host=host, second=line % 60, hexadecimal=f"{line:08x}" * 8) for line in range(lines))


def _measure(redactor: Redactor, logs: list[str]) -> float:
    began = time.process_time()
    for log in logs:
        redactor.redact_log(log)
    return time.process_time() - began
