"""Forwarding from the finding to its proof: WSL2 was restarted, has another address, and lost what was set up there."""

from collections.abc import Callable

import pytest

from adapters.wsl.helper import HELPER_VERSION
from bot.model.change import ChangeState
from tests.lab.faults import Fault
from tests.lab.windows.state import WSL_INTERFACE, Route
from tests.lab.wsl.state import Helper, WslState
from tests.scenarios.changing import Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
SUBNET = "10.87.1.0/24"
STALE = Route(SUBNET, "172.20.5.9", 7, metric=1, persistent=True)


def wsl(s: Shift, host: str = "host-a") -> WslState:
    server = s.fleet[host].wsl
    assert server is not None
    return server.state


async def manage(s: Shift, host: str = "host-a", helper: Helper | None = None) -> None:
    """The bot may change forwarding on a host."""
    port = f"port = {s.fleet[host].ports['wsl']}\n"
    wsl(s, host).helper = helper or Helper(areas=("forwarding",))
    await s.edited(port, f'{port}manage = ["forwarding"]\n')


def restart_wsl(s: Shift, host: str = "host-a") -> None:
    """WSL2 is restarted: another address, no bridge without a container, forwarding off."""
    state = wsl(s, host)
    state.own_address, state.bridge_exists, state.forwarding, state.kept_at_boot = "172.28.7.7", False, False, False


def hops(s: Shift, host: str = "host-a") -> list[str]:
    return [route.next_hop for route in s.state(host).routes]


async def test_a_restarted_wsl2_is_found_set_up_again_and_proven(town: Build) -> None:
    async with shift(town) as s:
        await manage(s)
        restart_wsl(s)
        told = await s.types("U0ADMIN", "forwarding host-a")
        assert "172.28.7.7" in told
        assert "forwarding apply host-a" in told
        card = await s.approved("forwarding apply host-a")
        assert DONE == await s.ended(card)
        steps = ["host-a/wsl", "host-a/route", "host-a/ping", "host-a/health"]
        assert dict.fromkeys(steps, "done") == s.outcomes(card)
        assert [Route(SUBNET, "172.28.7.7", WSL_INTERFACE)] == s.state("host-a").routes
        assert (True, True, True) == (wsl(s).bridge_up, wsl(s).forwarding, wsl(s).kept_at_boot)
        assert () == (await s.shell("forwarding host-a")).body.findings  # type: ignore[union-attr]
        assert [f"10.87.2.0/24 {wsl(s, 'host-b').own_address}"] == [
            f"{route.destination} {route.next_hop}" for route in s.state("host-b").routes
        ]


async def test_where_all_is_set_up_there_is_nothing_to_do(town: Build) -> None:
    async with shift(town) as s:
        await manage(s)
        assert "forwarding is set up already" in await s.types("U0ADMIN", "forwarding apply host-a")
        assert [] == s.cards()


async def test_a_ping_that_fails_puts_the_old_route_back(town: Build) -> None:
    """Its metric, and that it is stored. What the helper set up in WSL2 stays."""
    async with shift(town, hurry=1) as s:
        await manage(s)
        restart_wsl(s)
        s.state("host-a").routes[:] = [STALE]
        s.state("host-a").reach = lambda address: False
        card = await s.approved("forwarding apply host-a")
        assert ChangeState.UNDONE == (await s.ended(card))[0]
        assert [STALE] == s.state("host-a").routes
        assert (True, True) == (wsl(s).bridge_exists, wsl(s).forwarding)


async def test_a_helper_that_fails_leaves_windows_alone(town: Build) -> None:
    async with shift(town, hurry=1) as s:
        await manage(s, helper=Helper(areas=("forwarding",), apply_fails="flatnet-br0 has the address 10.88.0.1/24"))
        restart_wsl(s)
        card = await s.approved("forwarding apply host-a")
        state, why = await s.ended(card)
        assert state in (ChangeState.FAILED, ChangeState.UNDONE)
        assert "flatnet-br0 has the address 10.88.0.1/24" in why
        assert ["172.28.0.2"] == hops(s)


def refuse(area: tuple[str, ...]) -> Callable[[Shift], None]:
    return lambda s: setattr(wsl(s), "helper", Helper(areas=area))


REFUSALS: list[tuple[str, Callable[[Shift], None], str]] = [
    (
        "another version",
        lambda s: setattr(wsl(s), "helper", Helper(version=9)),
        f"has version 9, but this bot needs version {HELPER_VERSION}",
    ),
    ("not installed", lambda s: setattr(wsl(s), "helper", None), "sudo sh prepare-wsl.sh --manage forwarding --id 1"),
    ("others can change it", lambda s: setattr(wsl(s), "helper", Helper(writable="/usr/local")), "chmod go-w /usr/local"),
    ("the host does not allow it", refuse(("ipam",)), "sudo sh prepare-wsl.sh --manage forwarding --id 1"),
    ("WSL2 is on no network of Windows", lambda s: setattr(wsl(s), "own_address", "10.9.9.9"), "10.9.9.9"),
    ("Windows does not answer", lambda s: setattr(s.fleet["host-a"].wire("windows"), "fault", Fault.REFUSE), "host-a"),
]


@pytest.mark.parametrize(("change", "words"), [each[1:] for each in REFUSALS], ids=[each[0] for each in REFUSALS])
async def test_it_is_refused_with_what_to_do(change: Callable[[Shift], None], words: str, town: Build) -> None:
    async with shift(town) as s:
        await manage(s)
        restart_wsl(s)
        change(s)
        assert words in await s.types("U0ADMIN", "forwarding apply host-a")
        assert [] == s.cards()


async def test_a_host_that_is_not_managed_is_read_and_not_changed(town: Build) -> None:
    """The refusal has the command and the setting; the finding has no button for the change."""
    async with shift(town) as s:
        restart_wsl(s)
        told = await s.types("U0ADMIN", "forwarding apply host-a")
        assert "sudo sh prepare-wsl.sh --manage forwarding --id 1" in told
        assert 'manage = ["forwarding"]' in told
        assert [] == s.cards()
        assert "forwarding apply" not in await s.types("U0ADMIN", "forwarding host-a")
