"""Reads what podman holds on a host: containers, images and volumes, and its room for more."""

import asyncio
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.images import ImageList, ListedImage, ListImages, ReadStorage, Storage
from adapters.wsl.volumes import ListedVolume, ListVolumes, VolumeList
from commands.checks.concurrent_reads import read_side
from commands.model.operation import FleetView


@dataclass(frozen=True)
class PodmanHoldings:
    """Everything that podman holds on one host."""

    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    volumes: tuple[ListedVolume, ...]
    storage: Storage


async def read_holdings(host: Host, view: FleetView) -> PodmanHoldings | HostError:
    """Reads all of it at once on a host with WSL2; the first error if a part could not be read."""
    containing, imaging = read_side(host, ListContainers(), view), read_side(host, ListImages(), view)
    keeping, storing = read_side(host, ListVolumes(), view), read_side(host, ReadStorage(), view)
    answers = await asyncio.gather(containing, imaging, keeping, storing)
    match answers:
        case [ContainerList() as containers, ImageList() as images, VolumeList() as volumes, Storage() as storage]:
            return PodmanHoldings(containers.containers, images.images, volumes.volumes, storage)
    return next(each for each in answers if isinstance(each, HostError))
