"""Reloads of gateways, between the fake Slack and the lab: what is asked, proven, kept, and restored where a proof fails."""

from dataclasses import dataclass
from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from commands.model.report import Report
from tests.lab.faults import Fault
from tests.lab.gateway.state import GatewayState, Lua, ReloadFault, Workers
from tests.lab.windows.nginx import PATHS
from tests.scenarios.changing import ADMIN, FOLDER, OPERATOR, Card, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
RELOAD = "gateway reload host-a"
CONFIG = PureWindowsPath(PATHS.gateway_config)
ERROR_LOG = PureWindowsPath(PATHS.error_log)
TWO, THREE = "http://10.100.2.1:8080", "http://10.100.3.1:8080"
WELL = Workers(1, (TWO,), Lua.WORKS)


@dataclass(frozen=True)
class Gateway:
    """The gateway of one host, and what people do with its configuration there."""

    s: Shift
    host: str = "host-a"

    @property
    def state(self) -> GatewayState:
        gateway = self.s.fleet[self.host].gateway
        assert gateway is not None
        return gateway.state

    @property
    def text(self) -> str:
        return self.s.state(self.host).files[CONFIG]

    def edit(self, old: str, new: str) -> str:
        """Somebody edits nginx.conf on the host; the new text."""
        assert old in self.text
        text = self.text.replace(old, new, 1)
        self.s.state(self.host).write(CONFIG, text, self.s.fleet.mesh.now())
        return text

    def add_peer(self) -> str:
        return self.edit(f'"{TWO}",', f'"{TWO}",\n                "{THREE}",')

    def processes(self) -> list[int]:
        return [each.pid for each in self.s.state(self.host).processes if each.name == "nginx"]

    def emergencies(self) -> list[str]:
        return [line for line in self.s.state(self.host).files[ERROR_LOG].splitlines() if "[emerg]" in line]


async def reloaded(s: Shift, words: str = RELOAD) -> Card:
    """A reload that was asked for, approved, and is done."""
    card = await s.approved(words)
    assert DONE == await s.ended(card)
    return card


async def warnings(s: Shift, card: Card) -> str:
    return " | ".join(str(each) for each in (await s.known(card)).plan.warnings)


async def good(s: Shift) -> dict[str, str]:
    """The operations that proved the last good configurations, by host."""
    rows = await s.house.wings.changes.good_configurations.table.list_gateways()
    return {host: each.operation for host, each in rows.items()}


async def findings(s: Shift) -> list[str]:
    """What `gateway` finds on host-a."""
    report = (await s.shell("gateway host-a")).body
    assert isinstance(report, Report)
    return [str(finding.short) for finding in report.findings]


async def test_a_reload_is_approved_proven_and_kept_and_the_next_card_shows_what_is_different(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        gateway = Gateway(s)
        before = gateway.processes()
        card = await s.asked(RELOAD)
        assert "host-a has no last good configuration (no reload of this gateway was verified yet)" in await warnings(
            s, card
        )
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
        assert (before[0], True) == (gateway.processes()[0], gateway.processes()[1] not in before)
        assert ({"host-a": card.operation}, []) == (await good(s), s.left("host-a"))

        gateway.add_peer()
        assert ["configuration changed since its last verified reload"] == await findings(s)
        second = await s.asked(RELOAD)
        plan = (await s.known(second)).plan
        assert [f'+                "{THREE}",'] == [line for edit in plan.edits for line in edit.diff if line[0] in "+-"]
        assert "no last good configuration" not in await warnings(s, second)
        await s.press(ADMIN, second, "run.approve")
        assert DONE == await s.ended(second)
        assert Workers(1, (TWO, THREE), Lua.WORKS) == gateway.state.answering
        assert ({"host-a": second.operation}, []) == (await good(s), s.left("host-a"))

        third = await s.asked(RELOAD)
        said = [str(premise.phrase) for premise in (await s.known(third)).plan.premises]
        assert f"the configuration of host-a is unchanged since {second.operation} verified it" in said


async def test_a_mistake_in_lua_passes_the_test_is_seen_and_the_last_good_files_are_restored(town: Build) -> None:
    """The gateway answers 200 with no host_id; the mistake is kept for the person who made it."""
    async with shift(town, hurry=10) as s:
        gateway, first = Gateway(s), await reloaded(s)
        was = gateway.text
        mistake = gateway.edit("sync.start()", "error('no')")
        card = await s.approved(RELOAD)
        state, why = await s.ended(card)
        assert ChangeState.UNDONE is state, why
        assert "its Lua code did not start (no host_id)" in why
        assert (was, WELL) == (gateway.text, gateway.state.workers)
        kept = s.state("host-a").files[FOLDER / card.operation / "edit" / "nginx.conf.old"]
        assert (mistake, {"host-a": first.operation}) == (kept, await good(s))


async def test_a_reload_that_returns_0_and_changes_nothing_is_seen_in_the_log(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        gateway = Gateway(s)
        await reloaded(s)
        was, edited = gateway.text, gateway.add_peer()
        assert was != edited
        gateway.state.reloads = [ReloadFault.REFUSED]
        card = await s.approved(RELOAD)
        state, why = await s.ended(card)
        assert (ChangeState.UNDONE, was, WELL) == (state, gateway.text, gateway.state.workers), why
        assert 1 == len(gateway.emergencies())


async def test_an_answer_from_before_the_reload_proves_nothing(town: Build) -> None:
    """New workers run, and yet the old ones answer: with the peers from before."""
    async with shift(town, hurry=10) as s:
        gateway = Gateway(s)
        await reloaded(s)
        was = gateway.text
        gateway.add_peer()
        gateway.state.reloads = [ReloadFault.STALE]
        state, why = await s.ended(await s.approved(RELOAD))
        assert (ChangeState.UNDONE, was) == (state, gateway.text), why


async def test_a_host_that_dies_after_the_reload_restores_the_last_good_files_by_itself(town: Build) -> None:
    """Windows ends, and the guard finds its change when it is back."""
    async with shift(town, hurry=10) as s:
        gateway = Gateway(s)
        await reloaded(s)
        was = gateway.text
        gateway.add_peer()
        host = s.fleet["host-a"]
        hold = host.windows.hold("keep-good", "before")
        card = await s.approved(RELOAD)
        await hold.reached()
        host.cut()
        s.state("host-a").reboot(s.fleet.mesh.now())
        hold.release()
        host.mend()
        state, why = await s.ended(card)
        assert (ChangeState.UNDONE, was, WELL) == (state, gateway.text, gateway.state.workers), why


async def test_without_a_last_good_configuration_a_broken_gateway_is_never_called_rolled_back(town: Build) -> None:
    async with shift(town, hurry=30) as s:
        gateway = Gateway(s)
        gateway.edit("sync.start()", "error('no')")
        card = await s.asked(RELOAD)
        assert "If nginx refuses the reload, it keeps its old workers" in await warnings(s, card)
        await s.press(ADMIN, card, "run.approve")
        change = await s.until(card, lambda change: change.state.ended or change.state is ChangeState.UNKNOWN)
        assert ChangeState.UNKNOWN is change.state
        assert ({}, Lua.INIT_FAILED) == (await good(s), gateway.state.lua)


async def test_a_configuration_that_fails_its_test_is_not_loaded(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        gateway = Gateway(s)
        before = gateway.processes()
        gateway.edit("worker_processes", "worker_proceses")
        state, why = await s.ended(await s.approved(RELOAD))
        assert (ChangeState.FAILED, before) == (state, gateway.processes())
        assert 'unknown directive "worker_proceses"' in why


async def test_without_nebula_a_reload_is_refused_before_anything(town: Build) -> None:
    async with shift(town) as s:
        s.state("host-a").stop_service("Nebula", s.fleet.mesh.now())
        said = await s.types(OPERATOR, RELOAD)
        assert "Nebula が停止しており、nginx に必要なアドレスがありません" in said


@pytest.mark.parametrize("edited", [False, True])
async def test_a_configuration_that_changes_after_the_approval_is_asked_for_again(town: Build, edited: bool) -> None:
    async with shift(town, hurry=10) as s:
        card = await s.asked(RELOAD)
        if edited:
            Gateway(s).edit("sync_interval = 30", "sync_interval = 31")
        await s.press(ADMIN, card, "run.approve")
        state, _ = await s.ended(card)
        assert (ChangeState.CLOSED if edited else ChangeState.DONE) is state


async def test_several_gateways_are_reloaded_one_by_one_and_the_first_failure_stops(town: Build) -> None:
    async with shift(town, hosts=3, hurry=10) as s:
        words = "gateway reload host-a,host-b,host-c"
        first, second, third = await reloaded(s, words), Gateway(s, "host-b"), Gateway(s, "host-c")
        second.edit("sync.start()", "error('no')")
        before = third.processes()
        card = await s.approved(words)
        state, why = await s.ended(card)
        assert ChangeState.FAILED is state
        assert "done on host-a, host-b is back to its previous state, not started on host-c" in why
        assert (before, Lua.WORKS) == (third.processes(), second.state.lua)
        proven = {"host-a": card.operation, "host-b": first.operation, "host-c": first.operation}
        assert proven == await good(s)


async def test_a_gateway_that_is_silent_is_owed(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        for side in s.fleet["host-b"].ports:
            s.fleet["host-b"].wire(side).fault = Fault.REFUSE
        card = await s.approved("gateway reload host-a,host-b")
        state, _ = await s.ended(card)
        left = [(each.host, each.owed) for each in (await s.known(card)).plan.left_out]
        assert (ChangeState.DONE, [("host-b", True)]) == (state, left)
