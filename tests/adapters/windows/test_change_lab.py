"""Guarded changes over the real road: pywinrm to the lab host, whose guard applies, keeps and puts back."""

import asyncio
from pathlib import Path, PureWindowsPath

import pytest

from adapters.errors import ActionFailed, HostError
from adapters.windows.commit_confirm import (
    AbortChange,
    BareNginx,
    BeginChange,
    ChangeStatus,
    ConfirmChange,
    FileSwap,
    ReadChange,
    ServiceMove,
)
from adapters.windows.services import ReadServices
from tests.adapters.windows.winrm_host import Reached, winrm_host
from tests.lab.holds import When
from tests.lab.windows.guard import A_MINUTE
from tests.lab.windows.server import Drop
from tests.lab.windows.state import EVERY, WindowsState

OPERATION = "op-0123456789ab"
NEW, LIVE = r"F:\flatnet\operations\op-0123456789ab\host.crt", r"F:\flatnet\config\nebula\host.crt"

READ = ReadChange(operation=OPERATION)
CONFIRM = ConfirmChange(operation=OPERATION)
ABORT = AbortChange(operation=OPERATION)
RESTART = BeginChange(
    operation=OPERATION,
    swaps=(FileSwap(source=NEW, target=LIVE),),
    services=(ServiceMove(service="Nebula", verb="restart"),),
)
STOP = BeginChange(operation=OPERATION, services=(ServiceMove(service="OpenResty", verb="stop"),))


def status(state: str, why: str = "", *, changed: bool = False) -> ChangeStatus:
    return ChangeStatus.model_validate({"operation": OPERATION, "state": state, "why": why, "changed": changed})


def prepared(host: Reached) -> WindowsState:
    """The host answers by its twins; a new certificate lies ready beside the live one."""
    host.play_twins()
    state = host.server.state
    state.files |= {PureWindowsPath(NEW): "new", PureWindowsPath(LIVE): "old"}
    return state


def live(state: WindowsState) -> str:
    return state.files[PureWindowsPath(LIVE)]


async def code_of(host: Reached, action: BeginChange | ConfirmChange | AbortChange) -> str:
    """The code with which the host refuses an action."""
    with pytest.raises(ActionFailed) as caught:
        await host.connection.perform(action)
    return caught.value.code


async def test_a_change_is_applied_and_kept_once_it_is_confirmed(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        assert status("absent") == await host.connection.perform(READ)
        assert status("applying", changed=True) == await host.connection.perform(RESTART)
        assert status("applied") == await host.connection.perform(READ)
        assert status("confirmed", changed=True) == await host.connection.perform(CONFIRM)
        assert status("confirmed") == await host.connection.perform(CONFIRM)
        state.elapse(1_000)
        assert status("confirmed") == await host.connection.perform(READ)
        assert ("new", "old") == (live(state), state.files[PureWindowsPath(f"{NEW}.old")])
        assert {} == state.tasks


async def test_what_nobody_confirms_is_put_back_and_cannot_be_confirmed_any_more(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(RESTART)
        state.elapse(119)
        assert "new" == live(state)
        state.elapse(1)
        assert status("reverted", "not confirmed within 120 s") == await host.connection.perform(READ)
        assert "ChangeReverted" == await code_of(host, CONFIRM)
        assert ("old", "Running") == (live(state), state.services["Nebula"].status)


async def test_an_aborted_change_is_put_back_at_once_and_aborting_twice_is_harmless(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(STOP)
        assert ("Stopped", 0) == (state.services["OpenResty"].status, sum(p.name == "nginx" for p in state.processes))
        assert status("reverted", "aborted", changed=True) == await host.connection.perform(ABORT)
        assert status("reverted", "aborted") == await host.connection.perform(ABORT)
        assert "Running" == state.services["OpenResty"].status
        assert "ChangeReverted" == await code_of(host, CONFIRM)


async def test_what_is_aborted_before_it_begins_never_begins(tmp_path: Path) -> None:
    """The request to begin was lost, or comes late; either way the host proves that nothing of it happened."""
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        never = "aborted before it began"
        assert status("reverted", never, changed=True) == await host.connection.perform(ABORT)
        assert status("reverted", never) == await host.connection.perform(ABORT)
        assert status("reverted", never) == await host.connection.perform(RESTART)
        assert status("reverted", never) == await host.connection.perform(READ)
        assert "ChangeReverted" == await code_of(host, CONFIRM)
        assert ("old", {}) == (live(state), state.tasks)


async def test_what_was_forbidden_meanwhile_hinders_no_change_that_is_under_way(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(RESTART)
        await host.connection.perform(ABORT.model_copy(update={"operation": "op-other"}))
        assert status("applied") == await host.connection.perform(READ)
        state.elapse(120)
        assert status("reverted", "not confirmed within 120 s") == await host.connection.perform(READ)


async def test_a_confirmed_change_is_not_aborted(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        prepared(host)
        assert "ChangeAbsent" == await code_of(host, CONFIRM)
        await host.connection.perform(STOP)
        await host.connection.perform(CONFIRM)
        assert "ChangeConfirmed" == await code_of(host, ABORT)


async def test_after_a_lost_answer_beginning_is_asked_again_and_begins_nothing(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        host.may_leave_a_shell = True
        host.settings.drops.append(Drop("Receive", "after"))
        assert status("applied") == await host.connection.perform(RESTART)
        pids = [process.pid for process in state.processes]
        assert status("applied") == await host.connection.perform(RESTART)
        assert pids == [process.pid for process in state.processes]


async def test_where_the_answer_stays_lost_the_host_tells_what_became_of_the_change(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        prepared(host)
        host.may_leave_a_shell = True
        host.settings.drops += [Drop("Receive", "after"), Drop("Receive", "before")]
        with pytest.raises(HostError) as caught:
            await host.connection.perform(RESTART)
        assert caught.value.maybe_ran
        assert status("applied") == await host.connection.perform(READ)


async def test_one_change_at_a_time(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(STOP)
        other = BeginChange(operation="op-other", services=(ServiceMove(service="Nebula", verb="stop"),))
        assert "ChangeUnderWay" == await code_of(host, other)
        await host.connection.perform(CONFIRM)
        await host.connection.perform(other)
        assert status("confirmed") == await host.connection.perform(READ)
        assert ["op-0123456789ab", "op-other"] == list(state.changes)


async def test_a_service_that_refuses_at_first_is_tried_again(tmp_path: Path) -> None:
    """As Nebula does while Windows has not let go of its network adapter."""
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        state.services["Nebula"].refusals = A_MINUTE - 1
        await host.connection.perform(RESTART)
        assert status("applied") == await host.connection.perform(READ)
        assert ("new", "Running") == (live(state), state.services["Nebula"].status)


async def test_a_service_that_does_not_start_for_a_minute_is_put_back(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        state.services["Nebula"].refusals = A_MINUTE
        await host.connection.perform(RESTART)
        assert status("reverted", "the service Nebula is Stopped, not Running") == await host.connection.perform(READ)
        assert ("old", "Running") == (live(state), state.services["Nebula"].status)


async def test_a_service_that_never_comes_back_is_down_with_its_old_files(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        state.services["Nebula"].refusals = EVERY
        await host.connection.perform(RESTART)
        why = "the service Nebula is Stopped, not Running"
        assert status("down", f"{why}; {why}") == await host.connection.perform(READ)
        assert ("old", "Stopped") == (live(state), state.services["Nebula"].status)


async def test_a_host_that_was_restarted_in_the_middle_has_put_the_old_state_back(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(RESTART)
        state.reboot(state.booted_at)
        assert status("reverted", "the guard was ended before it was done") == await host.connection.perform(READ)
        assert "old" == live(state)


async def test_a_guard_that_was_ended_is_no_confirmation(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        await host.connection.perform(RESTART)
        state.guard_asleep = True
        assert "GuardSilent" == await code_of(host, CONFIRM)
        assert "GuardSilent" == await code_of(host, ABORT)


async def test_a_bare_nginx_is_stopped_and_started_without_a_service(tmp_path: Path) -> None:
    nginx = BareNginx(
        program=r"F:\flatnet\openresty\nginx.exe", folder=r"F:\flatnet\openresty", config=r"F:\flatnet\nginx.conf"
    )
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        del state.services["OpenResty"]
        stop = ServiceMove(service="OpenResty", verb="stop", nginx=nginx)
        await host.connection.perform(BeginChange(operation=OPERATION, services=(stop,)))
        read = ReadServices.of(host.side)
        services = await host.connection.perform(read)
        assert (True, 0) == (services.gateway_is_bare, services.nginx_processes)
        await host.connection.perform(ABORT)
        assert 2 == (await host.connection.perform(read)).nginx_processes


@pytest.mark.parametrize(("when", "begun"), [("before", False), ("after", True)])
async def test_a_request_is_held_before_its_effect_and_before_its_answer(when: When, begun: bool, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        hold = host.server.hold("begin-change", when)
        asked = asyncio.create_task(host.connection.perform(STOP))
        await hold.reached()
        assert (begun, False) == (OPERATION in state.changes, asked.done())
        hold.release()
        assert status("applying", changed=True) == await asked


async def test_the_window_passes_in_real_time_too(tmp_path: Path) -> None:
    """Nobody asks the host anything meanwhile: its roads are dead."""
    async with winrm_host(tmp_path) as host:
        state = prepared(host)
        told: list[bool] = []
        state.cut_after_apply = True
        state.on_cut.append(told.append)
        await host.connection.perform(RESTART.model_copy(update={"window": 1}))
        assert ([True], "new") == (told, live(state))
        async with asyncio.timeout(5):
            while len(told) < 2:
                await asyncio.sleep(0.01)
        assert ([True, False], "old") == (told, live(state))


@pytest.mark.parametrize("operation", ["", "..", r"a\b", "op 1", "x" * 65])
def test_an_operation_that_could_be_no_folder_is_no_operation(operation: str) -> None:
    with pytest.raises(ValueError, match="operation"):
        ReadChange(operation=operation)
