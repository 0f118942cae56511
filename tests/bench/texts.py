"""How long suggestions for the longest requests take, and how long the lab takes to sign a whole fleet's certificates."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PureWindowsPath

from adapters.inventory import Inventory
from bot.requests.dispatcher import REPEATED_REQUEST
from commands.catalogue import CATALOGUE
from commands.language.suggestions import Suggester
from tests.commands.canned import host
from tests.lab.windows import nebula_cert

HOSTS = 254
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LONG = ("x" * REPEATED_REQUEST, "health " + "hots-a," * 500 + "a", "a,b " * 1000)


def report() -> None:
    """Print the figures."""
    print(f"suggestions for a long request, {HOSTS} hosts: {_measure(_suggest) * 1000:.0f} ms")
    print(f"the lab signs the certificates of {HOSTS} hosts: {_measure(_sign):.2f} s")


def _measure(work: Callable[[], object]) -> float:
    """The shortest of three runs, because the machine is shared."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _suggest() -> None:
    fleet = Inventory(hosts=tuple(host(f"host-{number:03}", number) for number in range(1, HOSTS + 1)))
    for text in LONG:
        Suggester(CATALOGUE, fleet).suggest(text, ())


def _sign() -> None:
    files: dict[PureWindowsPath, str] = {}
    nebula_cert.run(["ca", "-name", "CA"], files, NOW)
    for number in range(1, HOSTS + 1):
        nebula_cert.run(["sign", "-name", f"host-{number}", "-ip", f"10.1.{number}.1/16"], files, NOW)
