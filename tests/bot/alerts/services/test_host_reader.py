"""One read of a host for the watch: which sides are asked, and when a host counts as silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.action import Action, SideName
from adapters.errors import AuthenticationFailed, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.watch import AccessLogReading, ReadWatch, WatchReading
from bot.alerts.services.host_reader import WatchRequest, read_host
from tests.commands.canned import gateway, host, wsl

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
A, LIGHTHOUSE = host("host-a", 1), host("lighthouse", 0)
LOST = Unreachable(Phrase("no connection"))
LOG = AccessLogReading(state="absent", position=None, counts=None, skipped=0, lost=False)


def watched(clock: datetime = NOW) -> WatchReading:
    return WatchReading(nebula="Running", gateway="Running", nginx_processes=3, clock=clock, access_log=LOG)


class Side:
    """One side of a host, which answers what is said, and notes that it was asked."""

    def __init__(self, name: str, said: object, asked: list[str]) -> None:
        self._name = name
        self._said = said
        self._asked = asked

    async def perform(self, action: Action[Any]) -> Any:
        self._asked.append(self._name)
        if isinstance(self._said, Exception):
            raise self._said
        assert self._name != "windows" or isinstance(action, ReadWatch)
        return self._said

    async def aclose(self) -> None:
        pass


async def read(
    of: Host, *, wanted: bool = False, rejected: AuthenticationFailed | None = None, **said: object
) -> tuple[Any, list[str]]:
    """The reading, and the sides that were asked, sorted."""
    asked: list[str] = []
    answers = {"windows": watched(), "wsl": wsl(of), "gateway": gateway(of)} | said

    def connect(host: Host, side: SideName) -> Side:
        return Side(side, answers[side], asked)

    reading = await read_host(
        Fleet(Inventory(hosts=(of,)), connect), WatchRequest(of, wsl=wanted, rejected=rejected), lambda: NOW
    )
    return reading, sorted(asked)


@pytest.mark.parametrize(
    ("wanted", "asked"), [(False, ["gateway", "windows"]), (True, ["gateway", "windows", "wsl"])], ids=["short", "full"]
)
async def test_wsl2_is_asked_when_a_full_check_is_due(wanted: bool, asked: list[str]) -> None:
    reading, seen = await read(A, wanted=wanted)

    assert (asked, LOG) == (seen, reading.log)
    assert (reading.looked.wsl is not None) == wanted


async def test_before_a_host_counts_as_silent_every_side_is_asked() -> None:
    reading, seen = await read(A, windows=LOST, gateway=LOST)

    assert (["gateway", "windows", "wsl"], False) == (seen, reading.looked.silent)


async def test_a_host_of_which_no_side_answers_is_silent() -> None:
    reading, _ = await read(A, windows=LOST, gateway=LOST, wsl=LOST)

    assert (True, None) == (reading.looked.silent, reading.log)


async def test_one_side_that_answers_is_enough() -> None:
    reading, seen = await read(A, windows=LOST)

    assert (["gateway", "windows"], False) == (seen, reading.looked.silent)


async def test_a_lighthouse_has_only_windows_and_no_access_log() -> None:
    reading, seen = await read(LIGHTHOUSE, wanted=True)

    assert (["windows"], None) == (seen, reading.log)


async def test_windows_that_rejected_the_login_is_not_asked_again() -> None:
    refused = AuthenticationFailed(Phrase("login rejected"))
    reading, seen = await read(A, rejected=refused)

    assert (["gateway"], refused) == (seen, reading.looked.windows)


async def test_the_clock_is_compared_with_the_bots() -> None:
    reading, _ = await read(A, windows=watched(NOW + timedelta(minutes=2)))

    assert 120.0 == reading.looked.ahead
