"""A fleet for the reads of containers: three managed hosts with a gateway each, whose podman, plug-in and gateways agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from adapters.action import Action
from adapters.errors import HostError
from adapters.gateway.containers import Registration, Registry
from adapters.inventory import Host
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.ipam import Allocations, ReadAllocations
from adapters.wsl.podman import Container
from commands.model.operation import FleetView
from commands.model.suspension import Suspension
from tests.commands import canned, canned_certs
from tests.commands.containers.canned_containers import A, B, C, listed
from tests.commands.gateways.canned_registrations import registered

LIGHTHOUSE = canned.host("lighthouse", 0)


def seen_by_ps(container: ListedContainer) -> Container:
    """The same container as `podman ps` lists it."""
    return Container(
        id=container.id,
        name=container.name,
        state=container.state,
        exit_code=container.exit_code,
        healthy={"healthy": True, "unhealthy": False}.get(container.health),
        restarts=container.restarts,
        image=container.image,
        started_at=container.started_at,
    )


@dataclass(frozen=True)
class Wsl2:
    """What WSL2 of a host says. `allocated`: the plug-in's addresses, by default those of podman.

    `further` are containers that only `podman ps` lists. `helper` and `system` are errors of the helper and of everything.
    """

    containers: tuple[ListedContainer, ...] = ()
    allocated: Mapping[str, str] | HostError | None = None
    helper: HostError | None = None
    system: HostError | None = None
    further: tuple[Container, ...] = ()

    def answer(self, host: Host) -> Callable[[Action[Any]], object]:
        def answer(action: Action[Any]) -> object:
            match action:
                case ListContainers():
                    return self.helper or ContainerList(containers=self.containers)
                case ReadAllocations():
                    return self._allocate(host)
                case _:
                    return self.system or canned.wsl(host, containers=(*map(seen_by_ps, self.containers), *self.further))

        return answer

    def _allocate(self, host: Host) -> object:
        if isinstance(self.allocated, HostError):
            return self.allocated
        podman = {each.id: str(each.address) for each in self.containers if each.address}
        handed = podman if self.allocated is None else self.allocated
        allocations = {key: IPv4Address(address) for key, address in handed.items()}
        return Allocations(subnet=str(host.bridge.network), allocations=allocations)


WEB, API, DB = listed("web", "10.87.1.10"), listed("api", "10.87.1.11"), listed("db", "10.87.2.10")
REGISTERED = (registered("web", "10.87.1.10"), registered("api", "10.87.1.11"), registered("db", "10.87.2.10"))
USUAL = {"host-a": Wsl2((WEB, API)), "host-b": Wsl2((DB,)), "host-c": Wsl2()}


def registry(*registrations: Registration) -> Registry:
    return Registry(registrations=registrations, counted=len(registrations), interval=30, peers=2)


def make_view(
    wsl: Mapping[str, Wsl2] | None = None,
    gateways: Mapping[str, Registry | HostError] | None = None,
    hosts: tuple[Host, ...] = (A, B, C),
    suspensions: Mapping[str, Suspension] | None = None,
) -> FleetView:
    """A view of the fleet; what is given differs from the usual."""
    said: dict[tuple[str, str], object] = {}
    for host in hosts:
        said[host.name, "wsl"] = {**USUAL, **(wsl or {})}[host.name].answer(host)
        said[host.name, "gateway"] = (gateways or {}).get(host.name, registry(*REGISTERED))
    return replace(canned_certs.view(LIGHTHOUSE, *hosts, said=said), suspensions=suspensions or {})
