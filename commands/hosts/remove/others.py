"""Plans the gateways that list a removed host among their peers.

Registrations of a removed host's containers: deleted at all gateways, and proven not to return. Pure.

Gateways keep each other's registrations alive, so those of a host that is gone would stay for good. All are deleted within
the same wait for the next pulls.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from adapters.errors import HostError
from adapters.gateway.containers import Registration, Registry
from adapters.inventory import Host
from adapters.overlay import format_gateway
from adapters.phrase import Phrase
from commands.changes.host_plan import HostPlan, UnchangedHost, name_stage
from commands.gateways.forget import Deletion, compute_settling
from commands.gateways.peers import PeerRemove
from commands.gateways.registrations import GatewayRegistry, parse_host_number, shorten_id
from commands.health.fleet_report import read_all_hosts
from commands.model.operation import FleetView
from commands.model.plan import FollowUp, LeftOutHost, Part, Step
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


def find_registrations(number: int, gateways: Iterable[GatewayRegistry]) -> tuple[Registration, ...]:
    """Finds the registrations of the host with this id at the gateways that answered, each once, by their ids."""
    found = {
        each.id: each
        for gateway in gateways
        if isinstance(gateway.registry, Registry)
        for each in gateway.registry.registrations
        if number in (each.host_id, parse_host_number(each.ip))
    }
    return tuple(found[key] for key in sorted(found) if found[key].findable)


def list_forgetting_plans(name: str, number: int, gateways: Sequence[GatewayRegistry]) -> Iterator[HostPlan]:
    """Lists the part that deletes them at every gateway that answered; none if no gateway has one."""
    asked = tuple(each.host.name for each in gateways if isinstance(each.registry, Registry))
    found = find_registrations(number, gateways)
    if not asked or not found:
        return
    settling = compute_settling(gateways)
    deletions = [Deletion(each.id, each.hostname or shorten_id(each.id), asked, settling) for each in found]
    steps = tuple(_interleave([_list_steps(each) for each in deletions], len(asked)))
    yield HostPlan(part=Part(host=asked[0], steps=steps), warnings=tuple(_list_warnings(name, gateways)))


def _list_steps(deletion: Deletion) -> tuple[Step, ...]:
    part = Part(host=deletion.gateways[0], steps=tuple(deletion.list_steps()))
    return name_stage(part, f"{part.host}/forget/{deletion.id}").steps


def _interleave(all_steps: Sequence[Sequence[Step]], count: int) -> Iterator[Step]:
    """Lists the steps of deletions stage by stage, so that all share one wait. Each deletes at `count` gateways twice."""
    ends = (0, count, count + 1, 2 * count + 1, 3 * count + 1)
    for begin, end in pairwise(ends):
        yield from chain.from_iterable(steps[begin:end] for steps in all_steps)


def _list_warnings(name: str, gateways: Sequence[GatewayRegistry]) -> Iterator[Phrase]:
    silent = [each.host.name for each in gateways if isinstance(each.registry, HostError)]
    for gateway in silent:
        yield Phrase(
            "{gateway} could not be read. Registrations of {host} may return from there: {words}",
            gateway=gateway,
            host=name,
            words="sync",
        )
