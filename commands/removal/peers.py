"""Plans the gateways that list a removed host among their peers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from adapters.inventory import Host
from adapters.overlay import format_gateway
from adapters.phrase import Phrase
from commands.checks.concurrent_reads import read_all_hosts
from commands.gateways.peers import PeerRemove
from commands.model.operation import FleetView
from commands.model.plan import FollowUp, LeftOutHost
from commands.planning.host_plan import HostPlan, UnchangedHost
from commands.planning.stages import name_stage
from commands.values.arguments import Target

PART_NAME = "peers"


@dataclass(frozen=True)
class PeerPlans:
    """Plans of the gateways that list a host, by name. `left` could not be planned, although their Windows answers."""

    removal: str
    address: str
    planned: Mapping[str, HostPlan | UnchangedHost | LeftOutHost]

    @property
    def plans(self) -> tuple[HostPlan, ...]:
        return tuple(each for each in self.planned.values() if isinstance(each, HostPlan))

    def find_left(self, name: str) -> LeftOutHost | None:
        """Finds why a gateway could not be planned; None if it was, or needs nothing."""
        each = self.planned.get(name)
        return each if isinstance(each, LeftOutHost) else None

    def list_follow_ups(self, after: Mapping[str, str]) -> Iterator[FollowUp]:
        """Lists what is left for gateways that do not run now, once their step `after` is done."""
        for name, step in after.items():
            if self.find_left(name) is not None:
                yield FollowUp(
                    after=step,
                    host=name,
                    kind=" ".join(PeerRemove.words),
                    arguments=_ask(self.address, (name,)).resolved_arguments,
                    words=f"{' '.join(PeerRemove.words)} {self.address} --on {name}",
                    days=0,
                    why=Phrase("{host} was removed", host=self.removal),
                )

    def list_warnings(self, owed: Collection[str]) -> Iterator[Phrase]:
        """Lists the gateways that go on listing the host for now, without those that are `owed` their share anyway."""
        for name, each in self.planned.items():
            if isinstance(each, LeftOutHost) and name not in owed:
                yield Phrase(
                    "{host} stays among the peers of {gateway}: {why}", host=self.removal, gateway=name, why=each.why
                )


async def plan_peers(removal: tuple[str, int], hosts: Iterable[Host], view: FleetView) -> PeerPlans:
    """Plans these gateways. `removal` are the name and the id of the removed host."""
    name, number = removal
    address = format_gateway(number)
    gateways = tuple(host for host in hosts if host.gateway is not None and host.windows is not None)
    if not gateways:
        return PeerPlans(name, address, {})
    asked = _ask(address, tuple(host.name for host in gateways))
    planned = await read_all_hosts(gateways, lambda host: asked.plan_host(host, address, view), view)
    return PeerPlans(name, address, {each.host: _name_part(each) for each in planned})


def _ask(address: str, names: tuple[str, ...]) -> PeerRemove:
    return PeerRemove(peer=address, on=Target(parts=names))


def _name_part(planned: HostPlan | UnchangedHost | LeftOutHost) -> HostPlan | UnchangedHost | LeftOutHost:
    if not isinstance(planned, HostPlan):
        return planned
    return replace(planned, part=name_stage(planned.part, f"{planned.host}/{PART_NAME}"))
