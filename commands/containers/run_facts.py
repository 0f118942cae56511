"""Facts about a host on which a container will be made, and the reasons for which it cannot be made there.

Chooses the image of a new container among those of its host, or the one to pull. Pure.

ImageName ─ choose_image ─▶ ChosenImage: on the host, by its id; or to be pulled by its digest
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from adapters.wsl.description import Description
from adapters.wsl.images import ListedImage, Storage
from adapters.wsl.ipam import Allocations, ReadAllocations
from commands.containers.reading import read_gateways, read_holdings
from commands.gateways.registrations import GatewayRegistry
from commands.health.fleet_report import read_side
from commands.model.containers import ContainerRules
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView
from commands.values.containers import LATEST, ImageName


@dataclass(frozen=True)
class RunFacts:
    """Facts about the host, and the registrations at all gateways. `handed` are addresses with the ids that have them."""

    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    storage: Storage
    volumes: frozenset[str]
    handed: frozenset[IPv4Address]
    gateways: tuple[GatewayRegistry, ...]


async def read_run_facts(host: Host, view: FleetView) -> RunFacts | HostError:
    """Reads the facts, all at once; the first error of the host's WSL2 if there is any."""
    held, handed, gateways = await asyncio.gather(read_holdings(host, view), _read_handed(host, view), read_gateways(view))
    if isinstance(held, HostError):
        return held
    names = frozenset(volume.name for volume in held.volumes)
    return RunFacts(held.containers, held.images, held.storage, names, handed, gateways)


async def _read_handed(host: Host, view: FleetView) -> frozenset[IPv4Address]:
    """Reads the addresses that the plug-in has handed out; none where the bot may not read them."""
    if host.wsl is None or "ipam" not in host.wsl.manage:
        return frozenset()
    said: Allocations | HostError | None = await read_side(host, ReadAllocations(), view)
    return frozenset(said.allocations.values()) if isinstance(said, Allocations) else frozenset()


def find_run_obstacle(host: Host, wanted: Description, facts: RunFacts) -> Phrase | None:
    """Finds the reason for which the container cannot be made on the host; None if there is none."""
    taken = next((each for each in facts.containers if each.name == wanted.name), None)
    if taken is not None:
        return Phrase(
            "{host} has a container {name} already. Use another name with {option}, or see {words}",
            host=host.name,
            name=wanted.name,
            option="--name",
            words="container",
        )
    for port in wanted.ports:
        user = next((each for each in facts.containers if each.runs and any(map(port.collides, each.ports))), None)
        if user is not None:
            return Phrase("port {port} of {host} is used by {name}", port=port.host_port, host=host.name, name=user.name)
    return None if wanted.address is None else _find_address_obstacle(host, wanted.address, facts)


def _find_address_obstacle(host: Host, address: IPv4Address, facts: RunFacts) -> Phrase | None:
    network, gateway = host.bridge.network, host.bridge.ip
    if address not in network or address in (network.network_address, network.broadcast_address, gateway):
        return Phrase(
            "{address} is not an address of {host} ({network})", address=str(address), host=host.name, network=str(network)
        )
    user = next((each for each in facts.containers if each.address == address), None)
    if user is not None:
        return Phrase("{address} is used by {name}", address=str(address), name=user.name)
    if address in facts.handed:
        return Phrase("{address} is handed out already. See {words}", address=str(address), words=f"ipam {host.name}")
    return None


def warn_of_run(host: Host, wanted: Description, facts: RunFacts) -> Iterator[Phrase]:
    """Warns of volumes that exist already, and of what a rollback leaves."""
    names = [volume.name for volume in wanted.volumes]
    existing, new = [name for name in names if name in facts.volumes], [name for name in names if name not in facts.volumes]
    if existing:
        yield Phrase(
            "{host} has the volumes {volumes} already. Their files are used", host=host.name, volumes=list_some(existing)
        )
    if new:
        yield Phrase("new volumes: {volumes}. They stay after a rollback", volumes=list_some(new))


LOCAL_REGISTRY = "localhost"
"""podman's registry of images that were built on the host. None can be pulled from there."""


@dataclass(frozen=True)
class ChosenImage:
    """The image of a new container. `listed` is None if it must be pulled first. `name` is its full name."""

    wanted: ImageName
    name: str
    listed: ListedImage | None

    @property
    def digest(self) -> str:
        """Its digest; that on the host where it was named by a tag."""
        return self.wanted.digest or next(iter(self.listed.digests if self.listed is not None else ()), "")


def choose_image(wanted: ImageName, images: Sequence[ListedImage], host: str, *, pull: bool) -> ChosenImage:
    """Chooses the image. Raises `CannotPlan` if it is not there and may not be pulled, or if its name means several."""
    found = [image for image in images if _is_meant(wanted, image)]
    if len({image.id for image in found}) > 1:
        names = [name for image in found for name in image.names if wanted.is_tagged_as(name)]
        raise CannotPlan(
            Phrase("{image} means several images on {host}: {names}", image=str(wanted), host=host, names=list_some(names))
        )
    if found:
        return ChosenImage(wanted, _find_full_name(wanted, found[0]), found[0])
    if not wanted.digest:
        raise CannotPlan(
            Phrase(
                "{image} is not on {host}. Only an image with its digest can be pulled: {example}",
                image=str(wanted),
                host=host,
                example=f"{wanted.name}@sha256:…",
            )
        )
    if not pull:
        phrase = Phrase("{image} is not on {host}. Add {option} to pull it", image=str(wanted), host=host, option="--pull")
        raise CannotPlan(phrase)
    if not wanted.has_registry or wanted.name.startswith(f"{LOCAL_REGISTRY}/"):
        raise CannotPlan(
            Phrase(
                "{image} names no registry to pull it from. Example: {example}",
                image=str(wanted),
                example=f"docker.io/library/{wanted.short}",
            )
        )
    return ChosenImage(wanted, wanted.tagged, None)


def require_allowed(chosen: ChosenImage, rules: ContainerRules) -> None:
    """Raises `CannotPlan` if no pattern allows an image that is not configured."""
    names = {chosen.name, chosen.name.rpartition(":")[0] or chosen.name, f"{chosen.wanted.name}@{chosen.digest}"}
    if chosen.listed is not None:
        names = {part for name in chosen.listed.names for part in (name, name.rpartition(":")[0])}
    if any(fnmatchcase(name, pattern) for name in names for pattern in rules.images):
        return
    if not rules.images:
        raise CannotPlan(
            Phrase(
                "only configured containers can be run. Add the container under {table}, or allow images with {setting}",
                table="[[containers]]",
                setting="images in [container_rules]",
            )
        )
    raise CannotPlan(
        Phrase(
            "{image} is not allowed. Allowed images ([container_rules]): {patterns}",
            image=chosen.name,
            patterns=list_some(list(rules.images)),
        )
    )


def _is_meant(wanted: ImageName, image: ListedImage) -> bool:
    return wanted.digest in image.digests if wanted.digest else any(map(wanted.is_tagged_as, image.names))


def _find_full_name(wanted: ImageName, image: ListedImage) -> str:
    """Finds the full name of an image, by which rules judge it: the name that was meant, or what the operator typed."""
    meant = [name for name in image.names if wanted.is_tagged_as(name)]
    return meant[0] if meant else (wanted.tagged if wanted.digest else f"{wanted.name}:{wanted.tag or LATEST}")
