"""Last steps of adding a host: it works as `health` asks, it becomes a member, and people are told. Pure.

six checks of `health`, as reads with expected values ─▶ file of the member ─▶ announcement

A host is no member before its last proof. The announcement is a part of its own, so that a failure there takes nothing back.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from adapters.action import BOT_NAME, Place
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.reload import ProveSync
from adapters.inventory import Inventory
from adapters.local.host_files import HostFileState
from adapters.local.members import AnnounceMember
from adapters.phrase import Listing, Phrase
from adapters.windows.services import ReadServiceStates
from adapters.wsl.system import ReadSystem as ReadWsl
from commands.checks.assessment import CHECKS
from commands.joining.sight import NewHost
from commands.model.plan import Part, PlannedAction, Premise, Step
from commands.planning.commit_confirm import get_windows_side
from commands.planning.host_files import build_write_step, render_member
from commands.planning.host_plan import HostPlan

HEALTH_TIMEOUT = 30.0
"""Seconds for each proof. Everything has been started by then."""

_NOTES = frozenset({"joining", "overrides"})
"""Keys in the file of a host that is being added which are no settings of it."""


def make_file_key(new: NewHost) -> str:
    """Makes the key of the step that makes the host a member."""
    return new.make_key("host-file")


def plan_membership(new: NewHost, inventory: Inventory, before: HostFileState, peers: Sequence[str]) -> HostPlan:
    """Plans the proof and the file of the member. `peers` are those that its gateway must have."""
    content = render_member({key: each for key, each in _get_table(new, inventory).items() if key not in _NOTES})
    phrase = Phrase("make {host} a member: write its file, and read the configuration again", host=new.name)
    write = build_write_step(new.operation, new.name, content, before, phrase)
    steps = (*_build_health_steps(new, peers), write.model_copy(update={"key": make_file_key(new)}))
    return HostPlan(part=Part(host=new.name, steps=steps), premises=(_build_premise(new),))


def plan_announcement(new: NewHost) -> HostPlan:
    """Plans the announcement."""
    step = Step(
        key=new.make_key("announce"),
        host=BOT_NAME,
        deed=PlannedAction.of(AnnounceMember(operation=new.operation, name=new.name)),
        phrase=Phrase("announce {host} in the channel of the notices", host=new.name),
        harmless_remains=True,
    )
    return HostPlan(part=Part(host=new.name, steps=(step,)))


def _get_table(new: NewHost, inventory: Inventory) -> Mapping[str, Any]:
    return {"name": new.name, "id": new.host.id, **inventory.tables.get(new.name, {})}


def _build_health_steps(new: NewHost, peers: Sequence[str]) -> Iterator[Step]:
    """Builds the checks of `health` on the sides that the host has."""
    host = new.host
    yield _build_check(
        new,
        "health/services",
        PlannedAction.of(ReadServiceStates.of(get_windows_side(host))),
        Phrase("check as health does: Nebula and nginx run on {host}", host=host.name)
        if host.gateway is not None
        else Phrase("check as health does: Nebula runs on {host}", host=host.name),
        {"nebula": "Running"} if host.gateway is None else {"nebula": "Running", "nginx": True},
    )
    if host.gateway is not None:
        yield _build_check(
            new,
            "health/api",
            PlannedAction.of(ReadGateway()),
            Phrase("check as health does: the gateway API of {host} is healthy", host=host.name),
            {"healthy": True, "status": None},
        )
        yield _build_check(
            new,
            "health/sync",
            PlannedAction.of(ProveSync(host_id=host.id, peers=None if new.state.gateway_config else tuple(peers))),
            Phrase("check as health does: the gateway has host ID {id} and its peers", id=str(host.id)),
            {"state": "as configured"},
        )
    if host.wsl is not None:
        bridge: dict[str, JsonValue] = {"exists": True, "up": True, "addresses": [str(host.bridge)]}
        yield _build_check(
            new,
            "health/wsl",
            PlannedAction.of(ReadWsl.of(host.wsl)),
            Phrase("check as health does: the bridge is up with {address}, IP forwarding is on", address=str(host.bridge)),
            {"bridge": bridge, "forwarding": True, **({} if new.joining.adopt else {"containers": []})},
        )


def _build_check(new: NewHost, key: str, deed: PlannedAction, phrase: Phrase, expect: Mapping[str, JsonValue]) -> Step:
    return Step(key=new.make_key(key), host=new.name, deed=deed, phrase=phrase, expect=expect, patience=HEALTH_TIMEOUT)


def _build_premise(new: NewHost) -> Premise:
    """Builds the premise that says what is proven before the host counts."""
    sides: dict[Place, tuple[str, ...]] = {
        "windows": ("nebula", "gateway"),
        "gateway": ("api",),
        "wsl": ("bridge", "forwarding"),
    }
    keys = [key for side, keys in sides.items() if new.host.get_side(side) is not None for key in keys]
    if new.host.gateway is None:
        keys.remove("gateway")
    proven = Listing(tuple(CHECKS[key] for key in keys))
    phrase = Phrase("{host} becomes a member once these are proven healthy: {items}", host=new.name, items=proven)
    return Premise(host=new.name, what="health", value=[*keys], phrase=phrase)
