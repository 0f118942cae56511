"""Steps of a change that is made of files, moves of services and proofs."""

import pytest

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BareNginx, BeginChange, FileSwap, ServiceMove
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    RETURN_TIMEOUT,
    SERVICE_TIMEOUT,
    CommitConfirmedChange,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
    move_gateway,
)
from commands.model.plan import Step
from tests.commands.canned_certs import host

A = host("host-a", 1)


def build(host: Host, change: BeginChange) -> tuple[Step, ...]:
    taken = CommitConfirmedChange(host, change, Phrase("replace lualib"), Phrase("restore lualib"))
    return build_change_steps(taken, (), (build_gateway_step(host, PROOF_TIMEOUT),))


def test_a_gateway_is_moved_by_its_service_and_reloaded_with_the_folder_of_its_master() -> None:
    side = get_windows_side(A)
    nginx = BareNginx(program=side.paths.gateway_exe, folder=side.paths.gateway_folder, config=side.paths.gateway_config)
    assert ServiceMove(service="OpenResty", verb="reload", nginx=nginx) == move_gateway(side, "reload")


def test_files_and_moves_and_proofs_make_the_steps_of_a_change() -> None:
    side = get_windows_side(A)
    change = BeginChange(
        operation="op-1",
        swaps=(FileSwap(source=r"F:\new", target=r"F:\live", kind="folder"),),
        services=(move_gateway(side, "stop"), move_gateway(side, "start")),
    )
    steps = build(A, change)

    assert ["host-a/begin", "host-a/gateway", "host-a/confirm"] == [step.key for step in steps]
    assert change == steps[0].deed.build_action({})
    assert steps[0].undo is not None
    assert "windows.AbortChange" == steps[0].undo.kind


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_each_further_move_has_the_time_of_a_service(moves: int) -> None:
    restart = ServiceMove(service="Nebula", verb="restart")
    begin = build(A, BeginChange(operation="op-1", services=(restart,) * moves))[0]
    longest = SERVICE_TIMEOUT * max(1, moves) + RETURN_TIMEOUT

    assert begin.verify is not None
    assert (longest, CONFIRM_WINDOW + longest) == (begin.verify.patience, begin.undone[0].patience)


@pytest.mark.parametrize(("window", "longer"), [(60, 0), (CONFIRM_WINDOW, 0), (CONFIRM_WINDOW + 200, 200)])
def test_a_longer_window_gives_the_rollback_more_time(window: int, longer: int) -> None:
    restart = ServiceMove(service="Nebula", verb="restart")
    begin = build(A, BeginChange(operation="op-1", services=(restart,), window=window))[0]

    assert CONFIRM_WINDOW + SERVICE_TIMEOUT + RETURN_TIMEOUT + longer == begin.undone[0].patience
