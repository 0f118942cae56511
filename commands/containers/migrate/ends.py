"""Values of a migration: both ends as they were read, the container, and what travels. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import TypeAdapter, ValidationError

from adapters.errors import HostError
from adapters.gateway.containers import Registry
from adapters.inventory import Host
from adapters.wsl.containers import ListedContainer
from adapters.wsl.images import ImageReference, ListedImage, Storage
from adapters.wsl.podman import can_change_policies
from adapters.wsl.volumes import ListedVolume
from commands.containers.migrate.address_uses import AddressUse, GatewayConfiguration, find_address_uses, list_unread
from commands.containers.serving_proof import Witness, find_witness
from commands.gateways.registrations import GatewayRegistry

_REFERENCE = TypeAdapter(ImageReference)

ROOM = 2
"""Free bytes that the target needs for each byte that travels: podman unpacks an archive beside it."""


@dataclass(frozen=True)
class End:
    """One end of a migration: the host, its containers on Flatnet's network, and podman's images, volumes and storage."""

    host: Host
    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    volumes: tuple[ListedVolume, ...]
    storage: Storage

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def can_set_policy(self) -> bool:
        """True if its podman can change the restart policy of a container."""
        return can_change_policies(self.storage.podman)

    def find_image(self, image: str) -> ListedImage | None:
        """Finds an image by its id."""
        return next((each for each in self.images if each.id == image.removeprefix("sha256:")), None)

    def find_volume(self, name: str) -> ListedVolume | None:
        """Finds a volume by its name."""
        return next((each for each in self.volumes if each.name == name), None)


@dataclass(frozen=True)
class MigrationOptions:
    """Options that the requester typed."""

    with_volumes: bool = False
    without_data: bool = False
    address_moves: bool = False


@dataclass(frozen=True)
class Surroundings:
    """All gateways: their registrations, and their configuration files."""

    registries: Sequence[GatewayRegistry]
    configurations: Sequence[GatewayConfiguration]

    @property
    def answering(self) -> tuple[str, ...]:
        """Hosts of the gateways that listed their registrations."""
        return tuple(each.host.name for each in self.registries if isinstance(each.registry, Registry))

    @property
    def silent(self) -> tuple[GatewayRegistry, ...]:
        """Gateways that did not list them."""
        return tuple(each for each in self.registries if isinstance(each.registry, HostError))


@dataclass(frozen=True)
class Migration:
    """One container from one end to the other. `changed_files`: those in its own layer, which never travel.

    `kept`: it is the source of an earlier migration, whose removal is owed. The source stays for `keep_days`.
    """

    operation: str
    source: End
    target: End
    container: ListedContainer
    changed_files: int
    kept: bool
    options: MigrationOptions
    around: Surroundings
    keep_days: int

    @property
    def name(self) -> str:
        return self.container.name

    @property
    def image_id(self) -> str:
        return self.container.image_id.removeprefix("sha256:")

    @property
    def image(self) -> ListedImage | None:
        """Its image as the source lists it."""
        return self.source.find_image(self.image_id)

    @property
    def image_travels(self) -> bool:
        return self.target.find_image(self.image_id) is None

    @property
    def volumes(self) -> tuple[str, ...]:
        """Names of its volumes, each once."""
        return tuple(dict.fromkeys(volume.name for volume in self.container.volumes))

    @property
    def travelling_volumes(self) -> tuple[str, ...]:
        return self.volumes if self.options.with_volumes else ()

    @cached_property
    def uses(self) -> tuple[AddressUse, ...]:
        """Places in the gateways' files that name its address."""
        address = self.container.address
        return () if address is None else find_address_uses(address, self.around.configurations)

    @property
    def unread_configurations(self) -> tuple[str, ...]:
        return list_unread(self.around.configurations)

    @property
    def witness(self) -> Witness | None:
        """A gateway that must find the container: a third one, else that of the source."""
        third = find_witness(self.target.host, self.around.registries, {self.source.name})
        return third or find_witness(self.target.host, self.around.registries)

    @property
    def bytes_to_send(self) -> int:
        """Bytes that travel, as podman counts them."""
        image = self.image
        of_image = image.size if image is not None and self.image_travels else 0
        found = (self.source.find_volume(name) for name in self.travelling_volumes)
        return of_image + sum(volume.size for volume in found if volume is not None)

    @property
    def sets_policy(self) -> bool:
        """True if the source must be told not to start again, and its podman can be."""
        return self.restarts_by_itself and self.source.can_set_policy

    @property
    def holds_policy(self) -> bool:
        """True if the target gets the restart policy only when it is started: WSL2 may restart there before that."""
        return self.restarts_by_itself and self.target.can_set_policy

    @property
    def restarts_by_itself(self) -> bool:
        """True if podman may start it when WSL2 restarts."""
        return self.container.restart_policy not in ("", "no")

    @property
    def image_name(self) -> str:
        """Name of the image on the target: the source's, unless it means another image there."""
        assert self.image is not None
        taken = {name for image in self.target.images if image.id != self.image_id for name in image.names}
        for name in (self.container.image, *self.image.names):
            if name not in taken and _is_reference(name):
                return name
        return f"localhost/flatnet/{self.image_id[:12]}:migrated"

    def make_key(self, end: End, stage: str) -> str:
        """Makes the key of a step."""
        return f"{end.name}/{stage}"


def _is_reference(name: str) -> bool:
    try:
        _REFERENCE.validate_python(name)
    except ValidationError:
        return False
    return True
