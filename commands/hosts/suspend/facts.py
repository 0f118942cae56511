"""Reads a host for its suspension or its resume: services, containers, and what podman there can do."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.services import ReadServices, Services
from adapters.wsl.containers import ListedContainer
from adapters.wsl.images import ReadStorage, Storage
from adapters.wsl.podman import UnreadPart, can_change_policies
from adapters.wsl.system import ReadSystem, WslSystem
from commands.changes.commit_confirm import get_windows_side
from commands.changes.impact import HostWorkload
from commands.containers.reading import read_listing
from commands.health.wsl_checks import explain_unmanaged
from commands.model.operation import CannotPlan, FleetView
from commands.model.suspension import RememberedContainer
from commands.services.steps import ServiceName, ServiceState, explain_unknown


@dataclass(frozen=True)
class HostSight:
    """A host that answered. `podman` is the version of its podman, "" if it is not known."""

    host: Host
    services: Services
    containers: tuple[ListedContainer, ...] = ()
    podman: str = ""

    @property
    def changes_policies(self) -> bool:
        """True if podman there can change restart policies."""
        return can_change_policies(self.podman)

    def get_service(self, name: ServiceName) -> ServiceState:
        """Returns the state of one of its services."""
        names = tuple(sorted(each.name for each in self.containers if each.runs))
        return ServiceState(self.host, name, self.services, HostWorkload(self.host, names, None))

    @property
    def service_names(self) -> tuple[ServiceName, ...]:
        """Names of the services that the host has, in the order in which they start."""
        return ("nebula", "openresty") if self.host.gateway is not None else ("nebula",)

    def find_container(self, wanted: RememberedContainer) -> ListedContainer | None:
        """Finds a remembered container; None if podman does not have it any more."""
        return next((each for each in self.containers if each.id == wanted.id), None)


async def read_sight(host: Host, view: FleetView) -> HostSight:
    """Reads a host that has a Windows side. Raises `CannotPlan` if a part of it is unknown."""
    asking: Awaitable[ReadResult[Services]] = view.fleet.read(host, ReadServices.of(get_windows_side(host)))
    seen, (containers, podman) = await asyncio.gather(asking, _read_podman(host, view))
    if isinstance(seen.outcome, HostError):
        raise CannotPlan(Phrase("could not check Windows of {host}: {why}", host=host.name, why=seen.outcome.phrase))
    sight = HostSight(host, seen.outcome, containers, podman)
    for name in sight.service_names:
        if (unknown := explain_unknown(sight.get_service(name))) is not None:
            raise CannotPlan(unknown)
    return sight


async def _read_podman(host: Host, view: FleetView) -> tuple[tuple[ListedContainer, ...], str]:
    """Reads the containers and podman's version. A host without WSL2 has none."""
    if host.wsl is None:
        return (), ""
    if explain_unmanaged(host, "containers") is not None:
        await _require_none_running(host, view)
        return (), ""
    asking: Awaitable[ReadResult[Storage]] = view.fleet.read(host, ReadStorage())
    listing, storage = await asyncio.gather(read_listing(host, view), asking)
    if isinstance(listing.containers, Phrase):
        raise CannotPlan(_explain_unread(host, listing.containers))
    return listing.containers, "" if isinstance(storage.outcome, HostError) else storage.outcome.podman


async def _require_none_running(host: Host, view: FleetView) -> None:
    """Raises `CannotPlan` if containers run, or may run, on a host where the bot may change none."""
    assert host.wsl is not None
    seen: ReadResult[WslSystem] = await view.fleet.read(host, ReadSystem.of(host.wsl))
    if isinstance(seen.outcome, HostError):
        raise CannotPlan(_explain_unread(host, seen.outcome.phrase))
    containers = seen.outcome.containers
    if isinstance(containers, UnreadPart):
        raise CannotPlan(_explain_unread(host, containers.phrase))
    if any(each.runs for each in containers) and (why := explain_unmanaged(host, "containers")) is not None:
        raise CannotPlan(Phrase("containers run on {host}: {why}", host=host.name, why=why))


def _explain_unread(host: Host, why: Phrase) -> Phrase:
    return Phrase(
        "could not list the containers of {host}: {why}. If WSL2 is not running, start it on the host: wsl",
        host=host.name,
        why=why,
    )
