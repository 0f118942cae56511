"""A fleet for migrations: web runs on host-a, host-b is the target, host-c the third gateway."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.action import Action, Answer, SideName
from adapters.fleet import Fleet
from adapters.gateway.containers import ReadRegistry, Registry
from adapters.inventory import Host, Inventory
from adapters.windows.configuration import Configuration, ConfigurationFile, ListConfiguration, ListedFile, ReadConfiguration
from adapters.wsl.container_reads import ChangedFiles, CountChangedFiles
from adapters.wsl.containers import ContainerList, ListContainers, ListedContainer
from adapters.wsl.helper import HELPER_VERSION, HelperInfo, ReadHelper
from adapters.wsl.images import ImageList, ListedImage, ListImages, ReadStorage, Storage
from adapters.wsl.volumes import ListedVolume, ListVolumes, VolumeList
from commands.model.operation import FleetView
from tests.commands import canned
from tests.commands.containers.canned_containers import A, B, C, listed
from tests.commands.gateways.canned_registrations import registered

GB = 2**30
BASE = r"F:\flatnet\config"
MAIN = rf"{BASE}\nginx.conf"
IMAGE = ListedImage(
    id="a" * 64, names=("docker.io/library/nginx:1.27",), digests=("sha256:" + "b" * 64,), size=GB, architecture="amd64"
)
VOLUME = {"name": "data", "path": "/data"}

Answers = Mapping[tuple[str, type[Action[Any]]], object]
"""Answers that a test exchanges, by host and action: an answer, or an error to raise."""


def web(address: str | None = "10.87.1.10", **given: Any) -> ListedContainer:
    """The container that is moved."""
    return listed("web", address, **{"settings": "e" * 64, **given})


def store(podman: str = "5.4.2", free: int = 10 * GB, architecture: str = "amd64") -> Storage:
    """podman's storage on a host."""
    return Storage(free=free, architecture=architecture, podman=podman)


def volumes(*names: str, **given: Any) -> VolumeList:
    """Volumes on a host."""
    usual = {"driver": "local", "size": GB, **given}
    return VolumeList(volumes=tuple(ListedVolume.model_validate({"name": name, **usual}) for name in names))


def files(text: str) -> Mapping[type[Action[Any]], object]:
    """Answers of Windows whose nginx.conf has this text."""
    listed_file = ListedFile(file=MAIN, state="present", sha256="c" * 64)
    return {
        ListConfiguration: Configuration(base=BASE, files=(listed_file,)),
        ReadConfiguration: ConfigurationFile(file=MAIN, content=text.encode(), sha256="c" * 64),
    }


def answer(host: Host) -> dict[type[Action[Any]], object]:
    """Answers of a host where nothing is wrong."""
    runs = web() if host.name == "host-a" else listed(f"other-{host.id}", f"10.87.{host.id}.10")
    return {
        ReadHelper: HelperInfo(version=HELPER_VERSION, areas=("containers", "ipam")),
        ListContainers: ContainerList(containers=(runs,)),
        ListImages: ImageList(images=(IMAGE,) if host.name == "host-a" else ()),
        ListVolumes: volumes(),
        ReadStorage: store(),
        CountChangedFiles: ChangedFiles(files=0),
        ReadRegistry: Registry(registrations=(registered("web", "10.87.1.10"),), counted=1, interval=30, peers=2),
        **files("http { }"),
    }


class CannedHost:
    """One side of a host, with an answer for each action."""

    def __init__(self, answers: Mapping[type[Action[Any]], object]) -> None:
        self._answers = answers

    async def perform(self, action: Action[Answer]) -> Answer:
        said: Any = self._answers[type(action)]
        if isinstance(said, Exception):
            raise said
        return said  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        pass


def make_view(answers: Answers | None = None, hosts: tuple[Host, ...] = (A, B, C), **given: Any) -> FleetView:
    """A view of the fleet, in which a test exchanges some answers."""
    changed = answers or {}

    def connect(host: Host, side: SideName) -> CannedHost:
        return CannedHost(answer(host) | {action: said for (name, action), said in changed.items() if name == host.name})

    fleet = Fleet(Inventory(hosts=hosts), connect)
    return replace(canned.view(*hosts), fleet=fleet, operation_id="op-0123456789ab", **given)
