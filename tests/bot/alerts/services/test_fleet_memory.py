"""What the check of one host knows of the others, and of its own past."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.inventory import Inventory
from bot.alerts.services.fleet_memory import CheckedHost, FleetMemory
from commands.alerts.watch import FleetSight, WatchAnswers
from commands.health.host_checks import judge_host
from commands.model.thresholds import Thresholds
from tests.commands.canned import container, gateway, host, windows, wsl

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
A, B, C = host("host-a", 1), host("host-b", 2), host("host-c", 3)
HOSTS = (A, B)


def memory(*hosts: Any) -> FleetMemory:
    return FleetMemory(Inventory(hosts=hosts or HOSTS), Thresholds())


def check(of: Any = A, at: float = 0.0, **given: Any) -> CheckedHost:
    looked = WatchAnswers(of, **({"windows": windows(), "wsl": None, "gateway": gateway(of), "ahead": 0.0} | given))
    return CheckedHost(looked, judge_host(looked, frozenset(), Thresholds()), at, NOW)


def see(known: FleetMemory, last: CheckedHost) -> FleetSight:
    known.keep(last)
    return known.make_sight(last, held=False)


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([0], 0),
        ([5], 0),
        ([0, 1], 1),
        ([0, 3], 3),
        ([0, 2, 4], 4),
        ([7, 8, 9], 2),
        ([9, 1], 1),
        ([9, 0, 3], 3),
        ([0, 5, 5, 5], 0),
    ],
    ids=["one", "old ones", "few", "at once", "slowly", "of many", "started by hand", "and again", "long ago"],
)
def test_restarts_are_counted_over_ten_minutes(counts: list[int], found: int) -> None:
    known = memory()
    for number, restarts in enumerate(counts):
        last = check(at=300.0 * number, wsl=wsl(A, containers=(container("web", restarts=restarts),)))
        sight = see(known, last)

    assert {"web": found} == sight.restarts


def test_a_container_that_is_new_has_no_restarts() -> None:
    known = memory()
    known.keep(check(wsl=wsl(A, containers=())))

    assert {"web": 0} == see(known, check(at=300.0, wsl=wsl(A, containers=(container("web", restarts=9),)))).restarts


def test_an_outage_is_known_until_the_next_check_of_its_host() -> None:
    known = memory()
    known.keep(check(B, windows=windows(nebula="Stopped")))
    assert [B] == list(see(known, check()).outages)

    known.keep(check(B))
    assert {} == see(known, check()).outages


def test_a_reload_keeps_what_is_known_of_hosts_that_stay() -> None:
    known = memory()
    known.keep(check(A, windows=windows(nebula="Stopped")))
    known.keep(check(B))
    moved = known.move_to(Inventory(hosts=(A, C)), Thresholds())

    assert (["host-a"], False) == ([each.looked.host.name for each in moved.list_checks()], moved.is_complete())
    assert [A] == list(see(moved, check(C)).outages)


def test_a_host_with_another_address_is_another_host() -> None:
    known = memory()
    known.keep(check(A))
    elsewhere = A.model_copy(update={"labels": ("tokyo",)})

    assert () == known.move_to(Inventory(hosts=(elsewhere,)), Thresholds()).list_checks()
