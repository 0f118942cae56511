"""Registrations and escalation at the gateways, between the fake Slack and the lab: what is asked, done and proven."""

import pytest

from bot.model.change import ChangeState
from tests.lab.faults import Fault
from tests.lab.gateway.state import Escalated, GatewayState
from tests.scenarios.changing import ADMIN, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
GHOST = "f" * 64
FORGET = f"sync forget host-a/{GHOST[:12]}"
IP = "10.87.2.10"


def gateway(s: Shift, host: str) -> GatewayState:
    """What a gateway of the lab is like."""
    server = s.fleet[host].gateway
    assert server is not None
    return server.state


def haunt(s: Shift, *hosts: str) -> None:
    """Leave a registration of a container at these gateways that runs nowhere."""
    for host in hosts:
        gateway(s, host).registrations.register({"id": GHOST, "ip": "10.87.1.99", "hostId": 1})


def having(s: Shift) -> list[str]:
    """The gateways that have the ghost."""
    hosts = [host.name for host in s.fleet.hosts if host.gateway is not None]
    return [host for host in hosts if gateway(s, host).registrations.find(GHOST) is not None]


async def test_a_ghost_is_found_forgotten_everywhere_and_stays_gone(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        haunt(s, "host-a", "host-b")
        found = await s.types(OPERATOR, "sync")
        assert [part for part in ("ゴースト 1 件", FORGET) if part not in found] == []
        card = await s.approved(FORGET)
        assert DONE == await s.ended(card)
        assert having(s) == []
        assert {"done", "unchanged"} == set(s.outcomes(card).values())
        assert [s.outcomes(card)[key] for key in ("host-c/delete", "host-a/again", "host-c/look")] == [
            "unchanged",
            "unchanged",
            "done",
        ]
        assert "3 台の Gateway に登録がないことを確認" in await s.shows(card, ChangeState.DONE)
        assert "稼働中のコンテナ 6 件はすべて、3 台の Gateway に正しく登録されています" in await s.types(OPERATOR, "sync")


async def test_a_ghost_that_a_late_pull_brings_back_is_deleted_a_second_time(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        haunt(s, "host-a", "host-b")
        card = await s.approved(FORGET)
        await s.until(card, lambda change: any(result.key == "host-c/delete" for result in change.results))
        haunt(s, "host-b")
        assert DONE == await s.ended(card)
        again = {s.outcomes(card)[f"{host}/again"] for host in ("host-a", "host-b", "host-c")}
        assert (having(s), "done" in again) == ([], True)


async def test_a_ghost_that_another_gateway_keeps_alive_is_not_said_to_be_gone(town: Build) -> None:
    """The bot may not ask host-c, but its peers may, and bring the ghost back from there."""
    async with shift(town, hosts=3, hurry=10) as s:
        haunt(s, "host-a", "host-b", "host-c")
        gateway(s, "host-c").foreign = gateway(s, "host-c").deaf = True
        card = await s.approved(FORGET)
        state, why = await s.ended(card)
        assert (state, "a peer has registered it again" in why) == (ChangeState.FAILED, True)
        assert "host-c" in having(s)


async def test_a_gateway_that_was_silent_is_owed_the_deletion_and_gets_it_alone(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        haunt(s, "host-a", "host-b", "host-c")
        s.fleet["host-c"].wire("gateway").fault = Fault.REFUSE
        card = await s.approved(FORGET)
        state, _ = await s.ended(card)
        assert (state, having(s)) == (ChangeState.DONE, ["host-c"])
        assert [(left.host, left.owed) for left in (await s.known(card)).plan.left_out] == [("host-c", True)]

        s.fleet["host-c"].mend()
        gateway(s, "host-a").registrations.forget(GHOST)
        later = await s.approved(f"{FORGET} --on host-c")
        assert DONE == await s.ended(later)
        assert having(s) == []


async def test_what_podman_runs_is_never_forgotten(town: Build) -> None:
    async with shift(town, hosts=2) as s:
        runs = "host-a の podman で web が稼働中です"
        assert runs in await s.types(OPERATOR, "sync forget host-a/web")
        running = s.fleet["host-a"].wsl
        assert running is not None
        key = running.state.containers[0].id
        assert runs in await s.types(OPERATOR, f"sync forget {key}")
        assert gateway(s, "host-b").registrations.find(key) is not None


async def test_a_container_that_starts_before_the_run_is_not_forgotten(town: Build) -> None:
    """It was approved while the container was down."""
    async with shift(town, hosts=2, hurry=10) as s:
        wsl = s.fleet["host-a"].wsl
        assert wsl is not None
        web = wsl.state.containers[0]
        web.state = "exited"
        await s.types(OPERATOR, "sync")  # the plug-in takes the registration away
        gateway(s, "host-a").registrations.register({"id": web.id, "ip": web.address, "hostId": 1})
        card = await s.asked("sync forget host-a/web")
        web.state = "running"
        await s.press(ADMIN, card, "run.approve")
        state, why = await s.ended(card)
        assert (state, "podman on host-a runs web" in why) == (ChangeState.CLOSED, True)
        assert gateway(s, "host-a").registrations.find(web.id) is not None


async def test_a_pull_gets_what_is_missing_from_the_peers(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        await s.types(OPERATOR, "sync")
        missing = next(iter(gateway(s, "host-b").registrations.entries))
        gateway(s, "host-b").registrations.forget(missing)
        assert "sync pull host-b" in await s.types(OPERATOR, "sync")
        assert DONE == await s.ended(await s.approved("sync pull host-b"))
        assert gateway(s, "host-b").registrations.find(missing) is not None


async def test_a_pull_that_reports_200_without_its_peers_failed(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        s.fleet["host-c"].wire("gateway").fault = Fault.REFUSE
        state, why = await s.ended(await s.approved("sync pull host-a,host-b"))
        assert (state, "1 of 2 peers did not respond to the gateway" in why) == (ChangeState.FAILED, True)
        assert "not started on host-b" in why


async def test_an_attempt_that_never_ends_is_found_and_reset(town: Build) -> None:
    async with shift(town, hosts=2, hurry=10) as s:
        began = gateway(s, "host-a").now().timestamp() - 3600
        gateway(s, "host-a").escalated[IP] = Escalated("P2P_ATTEMPTING", began, "10.100.2.1")
        reset = f"escalation reset {IP} --on host-a"
        assert reset in await s.types(OPERATOR, "escalation")
        card = await s.approved(reset)
        assert DONE == await s.ended(card)
        assert gateway(s, "host-a").escalated == {}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("escalation reset 10.100.2.10 --on host-a", "10.87.0.0/16"),
        ("escalation reset 10.87.2.77 --on host-a", "10.87.2.77"),
        ("escalation reset 10.87.2.10 --on lighthouse", "lighthouse"),
    ],
)
async def test_a_reset_that_would_do_nothing_is_refused_with_the_reason(town: Build, words: str, reason: str) -> None:
    async with shift(town, hosts=2) as s:
        assert reason in await s.types(OPERATOR, words)
