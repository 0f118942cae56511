"""Parts of adding a host that follow its identity: gateway, WSL2, peers, its file.

nginx.conf, OpenResty ─▶ network, bridge, route ─▶ the new peer at each gateway ─▶ health ─▶ member ─▶ announcement
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.local.host_files import HostFileState
from adapters.phrase import Listing, Phrase
from commands.checks.managed import explain_unmanaged
from commands.joining.finish_steps import make_file_key, plan_announcement, plan_membership
from commands.joining.gateway_likeness import find_unlike_gateways
from commands.joining.gateway_steps import plan_gateway
from commands.joining.peer_parts import list_wanted_peers, plan_own_peers, plan_peers
from commands.joining.sight import NewHost
from commands.joining.wsl_steps import plan_wsl
from commands.model.operation import FleetView
from commands.model.plan import FollowUp, LeftOutHost, PlannedChange
from commands.planning.host_plan import HostPlan, UnchangedHost


@dataclass(frozen=True)
class LaterParts:
    """Plans in their order, and what is asked for later. Nothing is done twice: what is there already has no part."""

    planned: tuple[HostPlan | UnchangedHost | LeftOutHost, ...]
    follow_ups: tuple[FollowUp, ...]
    warnings: tuple[Phrase, ...]

    def complete(self, made: PlannedChange) -> PlannedChange:
        """Returns the change with what the parts leave for later, and with their warnings."""
        plan = made.plan
        more = {"follow_ups": (*plan.follow_ups, *self.follow_ups), "warnings": (*plan.warnings, *self.warnings)}
        return made.model_copy(update={"plan": plan.model_copy(update=more)})


async def plan_later_parts(new: NewHost, before: HostFileState, view: FleetView) -> LaterParts:
    """Plans everything after the identity. `before` is the file of the host as it is now. Raises `CannotPlan`."""
    inventory = view.fleet.inventory
    wanted = list_wanted_peers(new, inventory)
    own = (
        plan_gateway(new, wanted, view.redact),
        await plan_wsl(new, view),
        await plan_own_peers(new, wanted, view),
    )
    peers = await plan_peers(new, make_file_key(new), view)
    last = (plan_membership(new, inventory, before, wanted), plan_announcement(new))
    planned = (*(each for each in own if each is not None), *peers.planned, *last)
    unlike = await find_unlike_gateways(new, wanted, view)
    warnings = (*filter(None, (unlike,)), *_list_warnings(new, peers.follow_ups))
    return LaterParts(planned, peers.follow_ups, warnings)


def _list_warnings(new: NewHost, later: tuple[FollowUp, ...]) -> Iterator[Phrase]:
    if later:
        yield Phrase(
            "did not respond, so they get the new peer later, each with an approval of its own: {hosts}",
            hosts=Listing(tuple(each.host for each in later)),
        )
    if new.host.wsl is not None and explain_unmanaged(new.host, "forwarding") is not None:
        yield Phrase(
            "the bot may set up nothing in WSL2 of {host}. Network, bridge and forwarding must be there, or the last check "
            "fails",
            host=new.name,
        )
