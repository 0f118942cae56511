"""Changes of the CA that do not go well: aborted in each stage, with full disks, with a wrong clock, and begun twice.

The administrator at the terminal asks, and approves for everyone. Time passes on the hosts in the waits of the bot.
"""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import PureWindowsPath

import pytest

from bot.app import key_backup_files as key_backups
from bot.app.application import Application
from bot.model.change import ChangeState
from bot.runtime.clock import read_utc_time
from tests.lab.faults import Fault
from tests.lab.fleet import Conditions
from tests.lab.windows.bundles import write_bundles
from tests.lab.windows.disks import Expiry
from tests.lab.windows.mesh import PATHS
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Build, Town, ask
from tests.scenarios.rotating import (
    HURRY,
    NEW,
    OLD,
    Trust,
    add_recipients,
    ask_alone,
    describe,
    find_cuts,
    list_private_keys,
    must_run,
    pass_drill,
    read_stage,
    run_alone,
)

pytestmark = pytest.mark.slow

START, NEXT, FINISH, ABORT = (f"ca rotation {each}" for each in ("start", "next", "finish", "abort"))

BUNDLE = PureWindowsPath(PATHS.ca_certificate)

BEFORE = Trust((OLD,), OLD)
AFTER = Trust((NEW,), NEW)


@dataclass(frozen=True)
class Place:
    """A town whose hosts are rehearsed, and its bot."""

    town: Town
    house: Application

    async def run(self, *commands: str) -> None:
        await must_run(self.house, *commands)

    async def refuse(self, words: str) -> str:
        """Why a change is not even planned."""
        return str((await ask_alone(self.house, words)).body)

    def everyone(self) -> set[Trust]:
        """All that is true of some host; one thing, if it is true of all. None is cut off."""
        assert [] == find_cuts(self.town.fleet)
        return set(describe(self.town.fleet).values())

    def list_trusted(self, *names: str) -> list[tuple[str, ...]]:
        """The names of the CAs in the files of hosts."""
        return [each.listed for each in describe(self.town.fleet, names).values()]

    def list_running(self) -> dict[str, tuple[str, ...]]:
        """The names of the CAs that each Nebula has in memory."""
        pairs = ((name, member.running) for name, member in self.town.fleet.mesh.members.items())
        return {name: tuple(each.name for each in identity.authorities) for name, identity in pairs if identity}

    def list_processes(self) -> dict[str, int]:
        """The process of each Nebula."""
        return {name: self.town.fleet[name].windows.state.services["Nebula"].pid for name in self.list_running()}

    @property
    def stage(self) -> str:
        return read_stage(self.town)


@asynccontextmanager
async def rotation_place(town: Build, expiry: Expiry | None = None) -> AsyncIterator[Place]:
    """A bot at work in a town whose hosts have rehearsed."""
    async with town(hosts=2, lighthouse=True, conditions=Conditions(expiry=expiry or Expiry())) as t:
        add_recipients(t.config)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            await must_run(house, "host rehearse all")
            yield Place(t, house)


async def test_a_rotation_is_aborted_in_each_stage_but_the_last_and_leaves_nothing(town: Build) -> None:
    async with rotation_place(town) as place:
        fleet = place.town.fleet
        for number, (rounds, aborts) in enumerate((((), 1), ((NEXT,), 1), ((NEXT, NEXT), 2)), start=2):
            new = f"{OLD} {number}"
            await place.run(START, *rounds)
            reached = (BEFORE, Trust((OLD, new), OLD), Trust((OLD, new), new))[len(rounds)]
            assert {reached} == place.everyone()
            assert "the CA is being changed already" in await place.refuse(START)
            await place.run(*[ABORT] * aborts)
            assert ("aborted", {BEFORE}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(fleet))


async def test_a_rotation_whose_old_ca_goes_has_no_way_back(town: Build) -> None:
    """The second host has no room for its edited file; the first one has dropped the old CA already."""
    async with rotation_place(town) as place:
        host = place.town.fleet["host-b"].windows.state
        await place.run(START, NEXT, NEXT)
        assert "was never opened" in await place.refuse(FINISH)
        await pass_drill(partial(ask, place.house), place.town)
        host.disk_full = True
        change = await run_alone(place.house, FINISH)
        assert (ChangeState.FAILED, "dropping") == (change.state, place.stage)
        assert {AFTER, Trust((OLD, NEW), NEW)} == place.everyone()
        assert "only the way forward is left" in await place.refuse(ABORT)
        host.disk_full = False
        await place.run(FINISH)
        assert ("done", {AFTER}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(place.town.fleet))


async def test_bundles_of_all_kinds_go_through_a_rotation_and_another_one_begins(town: Build) -> None:
    """One with CRLF and an expired CA before the others, one with twenty CAs. What is not of the rotation stays."""
    async with rotation_place(town) as place:
        host_a, host_b = (place.town.fleet[name].windows.state.files for name in ("host-a", "host-b"))
        bundles = write_bundles(host_a[BUNDLE], read_utc_time() - timedelta(days=1))
        host_a[BUNDLE] = bundles["an expired CA first"].replace("\n", "\r\n")
        host_b[BUNDLE] = bundles["twenty CAs"]
        others = tuple(f"Old CA {number}" for number in range(1, 20))
        await place.run(START, NEXT)
        assert [("Expired CA", OLD, NEW), (OLD, *others, NEW)] == place.list_trusted("host-a", "host-b")
        await place.run(NEXT)
        await pass_drill(partial(ask, place.house), place.town)
        await place.run(FINISH)
        assert [(NEW,), ("Expired CA", NEW), (*others, NEW)] == place.list_trusted("lighthouse", "host-a", "host-b")
        assert {NEW} == {each.signed_by for each in place.everyone()}
        assert host_a[BUNDLE].count("\r\n") == host_a[BUNDLE].count("\n")
        assert ("done", [PATHS.ca_key]) == (place.stage, list_private_keys(place.town.fleet))

        await place.run("cert renew host-a", START, NEXT, NEXT)
        assert {"Flatnet CA 3"} == {each.signed_by for each in place.everyone()}


async def test_a_host_that_has_dropped_the_old_ca_too_early_is_signed_last(town: Build) -> None:
    """A person removes it there by hand. It refuses the others until all of them have new certificates."""
    async with rotation_place(town) as place:
        await place.run(START, NEXT)
        host, now = place.town.fleet["host-a"].windows.state, read_utc_time()
        host.write(BUNDLE, host.files[BUNDLE][host.files[BUNDLE].rindex("-----BEGIN") :], now)
        host.stop_service("Nebula", now)
        host.start_service("Nebula", now)
        assert [("lighthouse", "host-a"), ("host-a", "lighthouse")] == [
            pair for pair in find_cuts(place.town.fleet) if "host-b" not in pair
        ]
        await place.run(NEXT)
        assert {"host-a": OLD, "host-b": NEW, "lighthouse": NEW} == {
            name: each.signed_by for name, each in describe(place.town.fleet).items()
        }
        await place.run(NEXT)
        assert {NEW} == {each.signed_by for each in place.everyone()}


async def test_a_host_that_is_away_while_the_old_ca_goes_keeps_the_rotation_open(town: Build) -> None:
    async with rotation_place(town) as place:
        away = place.town.fleet["host-b"]
        await place.run(START, NEXT, NEXT)
        await pass_drill(partial(ask, place.house), place.town)
        for side in away.ports:
            away.wire(side).fault = Fault.REFUSE
        await place.run(FINISH)
        assert ("dropping", {AFTER, Trust((OLD, NEW), NEW)}) == (place.stage, place.everyone())
        assert 2 == len(list_private_keys(place.town.fleet))
        away.mend()
        await place.run(FINISH)
        assert ("done", {AFTER}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(place.town.fleet))


async def test_a_full_disk_stops_a_round_where_it_is_and_the_next_try_goes_on(
    town: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rotation_place(town) as place:
        lighthouse, host = (place.town.fleet[name].windows.state for name in ("lighthouse", "host-a"))
        lighthouse.disk_full = True
        assert ChangeState.DONE is not (await run_alone(place.house, START)).state
        lighthouse.disk_full = False

        def fail(*given: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as full:
            full.setattr(key_backups, "write_file", fail)
            assert ChangeState.DONE is not (await run_alone(place.house, START)).state
        assert ({BEFORE}, [PATHS.ca_key]) == (place.everyone(), list_private_keys(place.town.fleet))

        await place.run(START)
        host.disk_full = True
        change = await run_alone(place.house, NEXT)
        assert ChangeState.DONE is not change.state
        assert BEFORE == describe(place.town.fleet)["host-a"]
        host.disk_full = False
        await place.run(NEXT)
        assert {Trust((OLD, "Flatnet CA 3"), OLD)} == place.everyone()


async def test_a_lighthouse_whose_clock_is_off_by_a_day_makes_no_ca_and_signs_nothing(town: Build) -> None:
    """Its certificates would be valid for the others only tomorrow, or end a day early. Once it is right, all goes on."""
    async with rotation_place(town) as place:
        lighthouse = place.town.fleet["lighthouse"].windows.state
        lighthouse.clock_offset = timedelta(days=1)
        assert "clock" in await place.refuse(START)
        assert ("", [PATHS.ca_key]) == (place.stage, list_private_keys(place.town.fleet))
        lighthouse.clock_offset = timedelta()
        await place.run(START, NEXT)
        lighthouse.clock_offset = timedelta(days=-1)
        assert "clock" in await place.refuse(NEXT)
        lighthouse.clock_offset = timedelta()
        await place.run(NEXT)
        assert {Trust((OLD, NEW), NEW)} == place.everyone()
        await finish_lazily(place)


async def finish_lazily(place: Place) -> None:
    """A finish that restarts nothing: files have the new CA alone, and each Nebula drops the old one with its next start."""
    await pass_drill(partial(ask, place.house), place.town)
    before = place.list_processes()
    await place.run(f"{FINISH} --lazy")
    assert ("done", {AFTER}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(place.town.fleet))
    assert {(OLD, NEW)} == set(place.list_running().values())
    assert before == place.list_processes()

    await place.run("service restart nebula host-a")
    assert [("host-a", (NEW,))] == [pair for pair in place.list_running().items() if pair[1] != (OLD, NEW)]
    assert [] == find_cuts(place.town.fleet)


async def test_an_expired_ca_is_replaced_over_the_local_network(town: Build) -> None:
    """Nothing reaches anything over the overlay. Each host gets the new CA and a certificate of it in one restart."""
    async with rotation_place(town, Expiry(ca=-2)) as place:
        assert 6 == len(find_cuts(place.town.fleet))
        assert "ca rotation start --lost" in await place.refuse(START)
        await place.run(f"{START} --lost", NEXT)
        assert {NEW} == {each.signed_by for each in place.everyone()}
        await pass_drill(partial(ask, place.house), place.town)
        await place.run(FINISH)
        assert ("done", {AFTER}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(place.town.fleet))


async def test_a_leaked_ca_is_trusted_by_no_host_after_the_first_round(town: Build) -> None:
    """Hosts that are done refuse what the leaked CA signed, so those that are not are cut off meanwhile."""
    async with rotation_place(town) as place:
        await place.run(f"{START} --lost", NEXT)
        assert {AFTER} == place.everyone()
        assert "only the way forward" in await place.refuse(ABORT)
        await pass_drill(partial(ask, place.house), place.town)
        await place.run(FINISH)
        assert ("done", {AFTER}, [PATHS.ca_key]) == (place.stage, place.everyone(), list_private_keys(place.town.fleet))
