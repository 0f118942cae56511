"""Peers of gateways, between the fake Slack and the lab: an edit is approved with its diff, proven, or taken back."""

from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from tests.lab.gateway.state import GatewayState, Lua, ReloadFault, Workers
from tests.lab.windows.nginx import PATHS
from tests.scenarios.changing import ADMIN, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
ADD = "peer add host-c --on host-a"
CONFIG = PureWindowsPath(PATHS.gateway_config)
TWO, THREE = "http://10.100.2.1:8080", "http://10.100.3.1:8080"


def gateway(s: Shift, host: str = "host-a") -> GatewayState:
    found = s.fleet[host].gateway
    assert found is not None
    return found.state


def text(s: Shift, host: str = "host-a") -> str:
    return s.state(host).files[CONFIG]


def edit(s: Shift, old: str, new: str) -> None:
    """Somebody edits nginx.conf on the host."""
    assert old in text(s)
    s.state("host-a").write(CONFIG, text(s).replace(old, new, 1), s.fleet.mesh.now())


def only_host_b(s: Shift) -> str:
    """host-a has host-b as its only peer, in its file and at work; the text of the file."""
    edit(s, f'                "{THREE}",\n', "")
    s.state("host-a").reload_nginx(s.fleet.mesh.now())
    gateway(s).old = None
    return text(s)


async def test_a_peer_is_added_with_its_diff_proven_and_removed_again(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        before = only_host_b(s)
        card = await s.asked(ADD)
        [shown] = (await s.known(card)).plan.edits
        assert [f'+                "{THREE}",'] == [line for line in shown.diff if line[0] in "+-"]
        await s.press(ADMIN, card, "run.approve")
        ended = await s.ended(card)
        assert DONE == ended, (ended, s.outcomes(card))
        assert before.replace(f'"{TWO}",', f'"{TWO}",\n                "{THREE}",') == text(s)
        assert Workers(1, (TWO, THREE), Lua.WORKS) == gateway(s).answering
        assert [] == s.left("host-a")

        assert DONE == await s.ended(await s.approved("peer remove host-c --on host-a"))
        assert (before, (TWO,)) == (text(s), tuple(gateway(s).peers))


async def test_a_peer_that_is_no_longer_configured_is_removed_by_its_address(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        before = only_host_b(s)
        edit(s, f'"{TWO}",', f'"{TWO}",\n                "http://10.100.99.1:8080",')
        assert DONE == await s.ended(await s.approved("peer remove http://10.100.99.1:8080 --on host-a"))
        assert before == text(s)


@pytest.mark.parametrize("fault", [ReloadFault.LUA_DIES, ReloadFault.REFUSED, ReloadFault.STALE])
async def test_a_reload_that_does_not_bring_the_peers_is_taken_back(town: Build, fault: ReloadFault) -> None:
    """It passes -t and ends Lua, changes nothing, or the workers from before go on to answer."""
    async with shift(town, hosts=3, hurry=3) as s:
        before = only_host_b(s)
        gateway(s).reloads = [fault]
        state, why = await s.ended(await s.approved(ADD))
        assert (ChangeState.UNDONE, before) == (state, text(s)), why
        assert (TWO,) == tuple(gateway(s).peers)


async def test_a_file_that_changes_between_plan_and_run_is_asked_for_again(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        only_host_b(s)
        card = await s.asked(ADD)
        edit(s, "sync_interval = 30", "sync_interval = 31")
        edited = text(s)
        await s.press(ADMIN, card, "run.approve")
        state, _ = await s.ended(card)
        assert (ChangeState.CLOSED, edited) == (state, text(s))


async def test_the_host_that_dies_after_the_swap_puts_the_old_file_back_by_itself(town: Build) -> None:
    async with shift(town, hosts=3, hurry=3) as s:
        before = only_host_b(s)
        host = s.fleet["host-a"]
        hold = host.windows.hold("keep-good", "before")
        card = await s.approved(ADD)
        await hold.reached()
        host.cut()
        s.state("host-a").reboot(s.fleet.mesh.now())
        hold.release()
        host.mend()
        state, why = await s.ended(card)
        assert (ChangeState.UNDONE, before) == (state, text(s)), why


async def test_two_tables_of_peers_and_a_host_without_a_gateway_are_refused_with_the_reason(town: Build) -> None:
    async with shift(town, hosts=3) as s:
        edit(s, "sync.start()", "sync.configure({ peers = {} })")
        said = await s.types(OPERATOR, ADD)
        assert "peers のテーブルが複数あります" in said
        assert "host-a" in said
        assert "lighthouse" in await s.types(OPERATOR, "peer add host-c --on lighthouse")


async def test_both_directions_are_read(town: Build) -> None:
    async with shift(town, hosts=3) as s:
        only_host_b(s)
        said = await s.types(OPERATOR, "peer")
        assert "host-a" in said
        assert "peer add host-c --on host-a" in said
