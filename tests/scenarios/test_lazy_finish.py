"""A finish that restarts nothing: files have the new CA alone, and each Nebula drops the old one with its next start."""

import pytest

from tests.scenarios.conftest import Build, ask
from tests.scenarios.rotating import NEW, OLD, find_cuts, list_private_keys, pass_drill
from tests.scenarios.test_rotation_stories import AFTER, FINISH, NEXT, START, Place, rotation_place


def running(place: Place) -> dict[str, tuple[str, ...]]:
    """The CAs that each Nebula has in memory."""
    pairs = ((name, member.running) for name, member in place.town.fleet.mesh.members.items())
    return {name: tuple(each.name for each in identity.authorities) for name, identity in pairs if identity}


def processes(place: Place) -> dict[str, int]:
    """The process of each Nebula."""
    return {name: place.town.fleet[name].windows.state.services["Nebula"].pid for name in running(place)}


@pytest.mark.slow
async def test_hosts_drop_the_old_ca_with_their_next_restart(town: Build) -> None:
    async with rotation_place(town) as p:
        await p.run(START, NEXT, NEXT)
        await pass_drill(lambda words: ask(p.house, words), p.town)
        before = processes(p)
        await p.run(f"{FINISH} --lazy")

        assert "done" == p.stage
        assert {AFTER} == p.everyone()
        assert {(OLD, NEW)} == set(running(p).values())
        assert before == processes(p)
        assert 1 == len(list_private_keys(p.town.fleet))

        await p.run("service restart nebula host-a")
        assert [("host-a", (NEW,))] == [pair for pair in running(p).items() if pair[1] != (OLD, NEW)]
        assert [] == find_cuts(p.town.fleet)
