"""The page's side panel: what is wrong with the hosts and with Slack, and the switches for it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.faults import (
    DELIVERY,
    HANDSHAKE,
    PICTURES,
    RESPONSE_URL,
    SHARING,
    UPLOAD,
    DropAfter,
    DropBefore,
    Duplicated,
    Failing,
    Fault,
    NotLookedAt,
    NotShared,
    RateLimited,
    ServerError,
    Slow,
)
from tests.lab.workspace.methods import METHODS
from tests.lab.workspace.page.controls import Controls
from tests.lab.workspace.workspace import Workspace

FAULTS: Mapping[str, Fault] = {
    "429": RateLimited(retry_after=5),
    "500": ServerError(500),
    "slow": Slow(4.0),
    "dropped": DropBefore(),
    "answer lost": DropAfter(),
    "refused": Failing("fatal_error"),
}
"""What can be wrong with a call of the app, by its name in the page."""

PLACES = (*sorted(METHODS), RESPONSE_URL, UPLOAD)
"""Where one of these can be."""

SPECIAL: Mapping[str, tuple[str, Fault]] = {
    "handshake 500": (HANDSHAKE, ServerError(500)),
    "everything twice": (DELIVERY, Duplicated(2)),
    "no pictures": (PICTURES, NotLookedAt()),
    "files not shared": (SHARING, NotShared()),
}
"""What can be wrong at the places that are no call of the app."""


def shown(workspace: Workspace, controls: Controls) -> Mapping[str, Any]:
    """The panel as it is now."""
    return {
        "faults": list(controls.faults),
        "hosts": [asdict(host) for host in controls.hosts()],
        "slack": {
            "connections": workspace.connections,
            "places": PLACES,
            "faults": list(FAULTS),
            "special": [{"name": name, "place": place} for name, (place, _) in SPECIAL.items()],
            "active": [{"place": place, "fault": _name(fault)} for place, fault in workspace.faults.active().items()],
        },
    }


def switch(workspace: Workspace, controls: Controls, given: Arguments) -> None:
    """Carry out one switch; a `KeyError` or `ValueError` where there is no such thing."""
    match given.required("deed"):
        case "fault":
            controls.switch(given.required("host"), given.required("side"), given.required("fault"))
        case "start" | "stop" as deed:
            controls.run(given.required("host"), given.required("program"), runs=deed == "start")
        case "spoil":
            controls.spoil(given.required("host"), given.required("program"))
        case "turn":
            knob = given.required("kind"), given.optional("name") or ""
            controls.turn(given.required("host"), knob, given.required("to"))
        case "burst":
            controls.burst(given.required("host"))
        case "cut":
            controls.cut(given.required("host"))
        case "cut all":
            for host in controls.hosts():
                controls.cut(host.name)
        case "mend":
            controls.mend(given.required("host"))
        case "mend all":
            for host in controls.hosts():
                controls.mend(host.name)
        case "slack":
            workspace.faults.switch_on(given.required("place"), _fault(given), times=1 if given.flag("once") else None)
        case "slack well":
            workspace.faults.switch_off(given.required("place"))
        case "disconnect":
            workspace.abort_connections()
        case deed:
            raise ValueError(f"the panel has no {deed}")


def _fault(given: Arguments) -> Fault:
    name = given.required("fault")
    return SPECIAL[name][1] if name in SPECIAL else FAULTS[name]


def _name(fault: Fault) -> str:
    """A fault by its name in the page; one that somebody else switched on as Python shows it."""
    named = {**FAULTS, **{name: fault for name, (_, fault) in SPECIAL.items()}}
    return next((name for name, known in named.items() if known == fault), str(fault))
