"""Finds the registration that an operator names, and proves that its container does not run. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapters.gateway.containers import Registration, Registry
from adapters.phrase import Phrase
from commands.gateways.registrations import ContainerIndex, GatewayRegistry, HostContainers, shorten_id
from commands.model.finding import list_some
from commands.model.operation import CannotPlan
from commands.values.containers import ContainerName


@dataclass(frozen=True)
class Ghost:
    """A registration whose container does not run: its id, and its registered address by gateway.

    `owners` are the hosts that may run it; podman of each was read. `name` is podman's name, or the start of the id.
    """

    id: str
    name: str
    owners: tuple[str, ...]
    addresses: Mapping[str, str]


def find_ghost(wanted: ContainerName, hosts: Sequence[HostContainers], gateways: Iterable[GatewayRegistry]) -> Ghost | None:
    """Finds the registration; None if no gateway that answered has it.

    Raises `CannotPlan` if podman runs the container, or cannot tell, or if the name is not enough.
    """
    _require_not_running(wanted, hosts)
    index = ContainerIndex(hosts)
    found = _find_registrations(wanted, gateways, index)
    if not found:
        return None
    if len(found) > 1:
        names = [_name_registration(next(iter(each.values())), index) for each in found.values()]
        raise CannotPlan(
            Phrase(
                "{name} is not unique: {containers}. Use one of these names", name=str(wanted), containers=list_some(names)
            )
        )
    ((key, registrations),) = found.items()
    _require_findable(next(iter(registrations.values())))
    owners = tuple(dict.fromkeys(name for each in registrations.values() for name in _require_read_owners(each, index)))
    name = shorten_id(key)
    for registration in registrations.values():  # gateways may differ on the host of a container
        known = index.find_container(registration)
        if known is not None and known[1].runs:
            raise _make_running_error(known[0].host.name, known[1].name)
        name = name if known is None else known[1].name
    return Ghost(key, name, owners, {gateway: each.ip for gateway, each in registrations.items()})


def _find_registrations(
    wanted: ContainerName, gateways: Iterable[GatewayRegistry], index: ContainerIndex
) -> dict[str, dict[str, Registration]]:
    """Finds the registrations that the name may mean, by id and gateway."""
    found: dict[str, dict[str, Registration]] = {}
    for gateway in gateways:
        for registration in gateway.registry.registrations if isinstance(gateway.registry, Registry) else ():
            if _is_meant(registration, wanted, index):
                found.setdefault(registration.id, {})[gateway.host.name] = registration
    return found


def _require_findable(registration: Registration) -> None:
    if not registration.findable:
        raise CannotPlan(
            Phrase(
                "the gateway cannot delete {id}, because of characters in this ID. It expires by itself when no gateway "
                "passes it on",
                id=registration.id,
            )
        )


def _is_meant(registration: Registration, wanted: ContainerName, index: ContainerIndex) -> bool:
    known = index.find_container(registration)
    if not wanted.may_mean(registration.id, registration.hostname, known[1].name if known is not None else ""):
        return False
    owners = {owner.host.name for owner in index.find_owners(registration)}
    return not wanted.host or wanted.host in owners | ({known[0].host.name} if known is not None else set())


def _name_registration(registration: Registration, index: ContainerIndex) -> str:
    owners = index.find_owners(registration)
    return f"{owners[0].host.name}/{registration.id}" if owners else registration.id


def _require_not_running(wanted: ContainerName, hosts: Iterable[HostContainers]) -> None:
    """Raises `CannotPlan` if podman runs the only container that the name may mean."""
    named = [
        (host, container)
        for host in hosts
        if wanted.host in ("", host.host.name) and not isinstance(host.containers, Phrase)
        for container in host.containers
        if wanted.name in (container.name, container.id)
    ]
    if named and all(container.runs for _, container in named):
        host, container = named[0]
        raise _make_running_error(host.host.name, container.name)


def _make_running_error(host: str, name: str) -> CannotPlan:
    return CannotPlan(
        Phrase(
            "podman on {host} runs {name}. Without its registration it could not be reached until it is restarted",
            host=host,
            name=name,
        )
    )


def _require_read_owners(registration: Registration, index: ContainerIndex) -> tuple[str, ...]:
    """Returns the names of the hosts that may run the container.

    Raises `CannotPlan` if there is none, or podman of one was not read.
    """
    owners = index.find_owners(registration)
    if not owners:
        raise CannotPlan(
            Phrase(
                "{id} belongs to no host in the configuration ({address}), so no podman shows whether it runs",
                id=shorten_id(registration.id),
                address=registration.ip,
            )
        )
    for owner in owners:
        if isinstance(owner.containers, Phrase):
            raise CannotPlan(
                Phrase("it is unknown whether {host} runs this container: {why}", host=owner.host.name, why=owner.containers)
            )
    return tuple(owner.host.name for owner in owners)
