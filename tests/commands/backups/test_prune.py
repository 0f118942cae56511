"""`backup prune`: what is removed, in which order, and what is left alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.backups import FirstPlaceState
from commands.backups.prune import BackupPrune
from commands.model.backup import Backup, KnownBackups, PlaceState
from commands.model.operation import FleetView
from commands.model.plan import PlannedChange
from commands.model.thresholds import Thresholds
from tests.commands.backups.made import make_backup
from tests.commands.canned import NOW
from tests.commands.canned_certs import host

A, B = host("host-a", 1), host("host-b", 2)


def nightly(name: str, days: int = 10) -> list[Backup]:
    """One a night; of these the retention keeps seven days, and the newest of the week and month."""
    return [make_backup(name, NOW - timedelta(days=number, hours=1)) for number in range(days)]


class Line:
    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    async def perform(self, action: Action[Any]) -> Any:
        if self._silent:
            raise Unreachable(Phrase("nothing answers"))
        return FirstPlaceState(present=True)

    async def aclose(self) -> None:
        pass


def see(*hosts: Host, backups: Sequence[Backup], silent: str = "") -> FleetView:
    fleet = Fleet(Inventory(hosts=hosts), lambda host, side: Line(silent=host.name == silent))
    view = FleetView(fleet, lambda: NOW, Thresholds())
    return replace(view, backups=KnownBackups(tuple(backups)))


def removed(planned: PlannedChange) -> list[str]:
    return [step.key for step in planned.plan.steps]


async def test_old_ones_are_removed_from_the_host_first_then_from_the_bot() -> None:
    backups = nightly("host-a")
    planned = await BackupPrune().plan(see(A, backups=backups))
    old = [backups[9], backups[8], backups[7]]
    old = [backup for backup in old if f"{backup.id}/second" in removed(planned)]
    assert 2 <= len(old) <= 3
    assert [f"{backup.id}/{place}" for backup in old for place in ("first", "second")] == removed(planned)
    assert {"only": [backup.id for backup in old]} == planned.arguments


async def test_the_same_request_planned_again_later_removes_the_same() -> None:
    backups = nightly("host-a")
    planned = await BackupPrune().plan(see(A, backups=backups))
    later = replace(see(A, backups=backups), now=lambda: NOW + timedelta(days=3))
    again = await BackupPrune.model_validate(planned.arguments).plan(later)
    assert removed(planned) == removed(again)


async def test_the_newest_verified_one_is_never_removed() -> None:
    backups = nightly("host-a", 30)
    gone = set(removed(await BackupPrune().plan(see(A, backups=backups))))
    chosen = next(backup for backup in backups if f"{backup.id}/second" in gone)
    kept = [each.model_copy(update={"verified_at": NOW}) if each is chosen else each for each in backups]
    assert f"{chosen.id}/second" not in removed(await BackupPrune().plan(see(A, backups=kept)))


async def test_a_silent_host_is_left_out_and_the_others_are_done() -> None:
    planned = await BackupPrune().plan(see(A, B, backups=[*nightly("host-a"), *nightly("host-b")], silent="host-a"))
    assert ["host-a"] == [left.host for left in planned.plan.left_out]
    assert {"host-b"} == {part.host for part in planned.plan.parts}
    assert [] == [each for each in planned.arguments["only"] if each.startswith("host-a")]  # type: ignore[union-attr]


async def test_of_a_host_that_left_the_configuration_the_copies_on_the_bot_are_removed() -> None:
    planned = await BackupPrune().plan(see(B, backups=nightly("host-a")))
    assert {"second"} == {key.rpartition("/")[2] for key in removed(planned)}


async def test_a_backup_without_a_first_place_is_removed_from_the_bot_alone() -> None:
    backups = [each.model_copy(update={"first": PlaceState.NONE}) for each in nightly("host-a")]
    assert {"second"} == {key.rpartition("/")[2] for key in removed(await BackupPrune().plan(see(A, backups=backups)))}


@pytest.mark.parametrize("backups", [[], nightly("host-a", 3)])
async def test_without_old_ones_there_is_nothing_to_do(backups: list[Backup]) -> None:
    assert () == (await BackupPrune().plan(see(A, backups=backups))).plan.steps
