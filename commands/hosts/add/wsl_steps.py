"""Steps that set up WSL2 of a new host: podman's network of Flatnet, then bridge, IP forwarding and Windows' route.

network ─▶ bridge, IP forwarding ─▶ route ─▶ ping the bridge ─▶ read both, as `forwarding apply` does

Only what is absent is made. A network that is there keeps its place, and one with another subnet is left to people.
"""

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.phrase import Phrase
from adapters.wsl.network import CreateNetwork, NetworkState, ReadNetwork, RemoveNetwork
from commands.changes.host_plan import HostPlan, name_stage
from commands.gateways.forwarding.assessment import read_forwarding
from commands.gateways.forwarding.operations import plan_forwarding
from commands.gateways.forwarding.steps import SETTLE_TIMEOUT
from commands.health.wsl_checks import explain_unmanaged
from commands.hosts.add.newcomer import NewHost
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, Premise, Step


async def plan_wsl(new: NewHost, view: FleetView) -> HostPlan | None:
    """Plans WSL2; None where nothing is left to set up, or where the bot may set up nothing.

    Raises `CannotPlan` if WSL2 does not answer, or if a person must fix something there first.
    """
    if new.host.wsl is None or explain_unmanaged(new.host, "forwarding") is not None:
        return None
    forwarding = plan_forwarding(await read_forwarding(new.host, view))
    if isinstance(forwarding, LeftOutHost):
        raise CannotPlan.from_left_out([forwarding])
    network = await _read_network(new, view)
    missing = (_build_network_step(new, network),) if network.state == "absent" else ()
    others = forwarding if isinstance(forwarding, HostPlan) else None
    steps = (*missing, *(() if others is None else others.part.steps))
    if not steps:
        return None
    part = name_stage(Part(host=new.name, steps=steps), new.make_key("wsl"))
    return HostPlan(
        part=part,
        premises=(_build_premise(new, network), *(() if others is None else others.premises)),
        warnings=() if others is None else others.warnings,
    )


async def _read_network(new: NewHost, view: FleetView) -> NetworkState:
    """Reads the network. Raises `CannotPlan` unless it is right, or can be made."""
    seen: ReadResult[NetworkState] = await view.fleet.read(new.host, ReadNetwork())
    state = seen.outcome
    if isinstance(state, HostError):
        raise CannotPlan(Phrase("could not check WSL2 of {host}: {why}", host=new.name, why=state.phrase))
    if state.state == "other" and (why := ReadNetwork().explain_answer(state)) is not None:
        raise CannotPlan(Phrase("{host}: {why}", host=new.name, why=why))
    if state.state == "absent" and not state.plugin:
        raise CannotPlan(
            Phrase("{host} lacks {programs}. Install them there first", host=new.name, programs="/opt/cni/bin/flatnet")
        )
    return state


def _build_network_step(new: NewHost, state: NetworkState) -> Step:
    read = PlannedAction.of(ReadNetwork())
    return Step(
        key=new.make_key("network"),
        host=new.name,
        deed=PlannedAction.of(CreateNetwork()),
        phrase=Phrase("create podman's network {network} with {subnet}", network=state.network, subnet=state.subnet),
        verify=Check(host=new.name, deed=read, expect={"state": "ready", "own": True}, patience=SETTLE_TIMEOUT),
        unbegun={"state": "absent"},
        undo=PlannedAction.of(RemoveNetwork()),
        undo_phrase=Phrase("remove the network"),
        undone=(Check(host=new.name, deed=read, expect={"state": "absent"}, patience=SETTLE_TIMEOUT),),
    )


def _build_premise(new: NewHost, state: NetworkState) -> Premise:
    phrase = (
        Phrase("{host}: podman has no network {network}", host=new.name, network=state.network)
        if state.state == "absent"
        else Phrase("{host}: podman has the network {network} with {subnet}", host=new.name, network=state.network,
                    subnet=state.subnet)
    )  # fmt: skip
    return Premise(host=new.name, what="network", value={"state": state.state, "file": state.file}, phrase=phrase)
