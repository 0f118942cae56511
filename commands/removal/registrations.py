"""Registrations of a removed host's containers: deleted at all gateways, and proven not to return. Pure.

Gateways keep each other's registrations alive, so those of a host that is gone would stay for good. All are deleted within
the same wait for the next pulls.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from adapters.errors import HostError
from adapters.gateway.containers import Registration, Registry
from adapters.phrase import Phrase
from commands.gateways.forget_steps import Deletion, compute_settling
from commands.gateways.registrations import GatewayRegistry, parse_host_number, shorten_id
from commands.model.plan import Part, Step
from commands.planning.host_plan import HostPlan
from commands.planning.stages import name_stage


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
