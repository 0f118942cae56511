"""Shapes of a guarded change: what one may ask for, and how plans of earlier versions hold it."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.action_registry import parse_action
from adapters.windows.commit_confirm import BareNginx, BeginChange, FileSwap, ServiceMove

NGINX = BareNginx(program=r"F:\nginx.exe", folder="F:\\", config=r"F:\nginx.conf")
SWAP = {"source": r"F:\new", "target": r"F:\live"}

OLDER: tuple[tuple[str, Mapping[str, Any], BeginChange], ...] = (
    (
        "a service and a file",
        {"service": "Nebula", "verb": "restart", "swaps": [SWAP], "nginx": None, "window": 120},
        BeginChange(
            operation="op-1",
            swaps=(FileSwap(source=r"F:\new", target=r"F:\live"),),
            services=(ServiceMove(service="Nebula", verb="restart"),),
        ),
    ),
    (
        "an nginx without a service",
        {"service": "OpenResty", "verb": "stop", "nginx": NGINX.model_dump()},
        BeginChange(operation="op-1", services=(ServiceMove(service="OpenResty", verb="stop", nginx=NGINX),)),
    ),
    (
        "files alone",
        {"service": "", "verb": "none", "swaps": [SWAP]},
        BeginChange(operation="op-1", swaps=(FileSwap(source=r"F:\new", target=r"F:\live"),)),
    ),
)


@pytest.mark.parametrize(("stored", "read"), [case[1:] for case in OLDER], ids=[case[0] for case in OLDER])
def test_a_change_of_a_plan_of_an_earlier_version_is_read(stored: Mapping[str, Any], read: BeginChange) -> None:
    assert read == parse_action("windows.BeginChange", {"operation": "op-1", **stored})
    assert read == parse_action("windows.BeginChange", read.model_dump(mode="json"))


@pytest.mark.parametrize(
    "move",
    [
        {"service": "OpenResty", "verb": "reload"},
        {"service": "", "verb": "restart"},
        {"service": "Nebula", "verb": "none"},
    ],
)
def test_what_no_host_could_do_is_no_move(move: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServiceMove.model_validate(move)
