"""A new host beside two members with gateways, and a fleet that answers what a test says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

from adapters.action import Action, SideName
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory, JoiningHost, ManagedArea
from adapters.local.host_files import HostFileState
from adapters.windows.configuration import Configuration, ConfigurationFile, ListConfiguration, ListedFile, ReadConfiguration
from adapters.windows.new_host import NewHostState
from adapters.windows.routes import OwnAddress, ReadRoutes, RouteReading
from adapters.windows.services import ReadServices, Service, Services
from adapters.wsl.forwarding import ReadForwarding, WslForwarding
from adapters.wsl.helper import HELPER_VERSION, ForwardingStatus, HelperInfo, ReadForwardingStatus, ReadHelper
from adapters.wsl.network import NetworkState, ReadNetwork
from adapters.wsl.system import Bridge
from commands.hosts.add.newcomer import NewHost, Pattern
from commands.model.operation import FleetView
from tests.commands import canned
from tests.commands.containers.migrate.canned_migration import CannedHost
from tests.commands.gateways.canned_gateways import sha256
from tests.lab.windows.nginx import write_configuration

OPERATION = "op-0123456789ab"
A, B = canned.host("host-a", 1), canned.host("host-b", 2)
PEER_A, PEER_B, PEER_D = (f"http://10.100.{number}.1:8080" for number in (1, 2, 4))
FILE = r"F:\flatnet\config\nginx.conf"
HASH = "ab" * 32
BEFORE = HostFileState(sha256=HASH, active=True)
BLANK = NewHostState(
    nebula_version="1.9.3", nebula_cert_version="1.9.3", nginx_version="1.27", config="", certificate="", ca="",
    gateway_config="", key_present=False, others=(), overlay=False, modules=True, snippets=True,
)  # fmt: skip

Answers = Mapping[tuple[str, type[Action[Any]]], object]


def newcomer(*areas: ManagedArea) -> Host:
    host = canned.host("host-d", 4)
    assert host.wsl is not None
    return host.model_copy(update={"wsl": host.wsl.model_copy(update={"manage": areas})})


def new_host(host: Host, *, adopt: bool = False, **state: Any) -> NewHost:
    """The new host, whose configuration is made from that of host-a."""
    joining = JoiningHost(name=host.name, id=host.id, host=host, since=canned.NOW, by="u-1", adopt=adopt)
    text = write_configuration(1, [PEER_B])
    pattern = Pattern(A, file_of("pki: {}"), file_of(text))
    return NewHost(joining, host, OPERATION, services("Stopped"), BLANK.model_copy(update=state), pattern)


def services(gateway: str = "Running") -> Services:
    nebula = Service(name="Nebula", status="Running", start_type="Automatic", since=datetime(2026, 11, 1, tzinfo=UTC))
    other = Service.model_validate({"name": "OpenResty", "status": gateway, "start_type": "Automatic"})
    return Services(nebula=nebula, gateway=other, nginx_processes=3 if gateway == "Running" else 0)


def file_of(text: str) -> ConfigurationFile:
    return ConfigurationFile(file=FILE, content=text.encode(), sha256=sha256(text.encode()))


def network(state: str = "absent", *, plugin: bool = True) -> NetworkState:
    file = "/etc/cni/net.d/10-flatnet.conflist"
    said = {"backend": "cni", "network": "flatnet", "subnet": "10.87.4.0/24", "file": file, "own": False, "containers": 0}
    return NetworkState.model_validate({**said, "state": state, "plugin": plugin})


def gateway_files(text: str) -> dict[type[Action[Any]], object]:
    listed = ListedFile(file=FILE, state="present", size=len(text), sha256=sha256(text.encode()))
    return {
        ReadServices: services(),
        ListConfiguration: Configuration(base=r"F:\flatnet\config", files=(listed,)),
        ReadConfiguration: file_of(text),
    }


def answer(host: Host) -> dict[type[Action[Any]], object]:
    """Answers of a host where nothing is wrong, and on which nothing of forwarding is set up yet."""
    status = ForwardingStatus(
        bridge="flatnet-br0", address=str(host.bridge), link="absent", addressed=False, forwarding=False, at_boot=False,
        blocked=False,
    )  # fmt: skip
    own = OwnAddress(address=IPv4Address("172.28.0.1"), prefix=20, interface=42, alias="vEthernet (WSL)")
    wsl = WslForwarding(bridge=Bridge(exists=False), forwarding=False, address=IPv4Address("172.28.0.2"))
    return {
        ReadHelper: HelperInfo(version=HELPER_VERSION, areas=("forwarding", "containers")),
        ReadNetwork: network(),
        ReadForwarding: wsl,
        ReadForwardingStatus: status,
        ReadRoutes: RouteReading(routes=(), addresses=(own,)),
        **gateway_files(write_configuration(host.id, [PEER_A if host.id == 2 else PEER_B])),
    }


def make_view(host: Host, answers: Answers | None = None) -> FleetView:
    """A view of both members and the new host, in which a test exchanges some answers."""
    changed = answers or {}

    def connect(host: Host, side: SideName) -> CannedHost:
        return CannedHost(answer(host) | {action: said for (name, action), said in changed.items() if name == host.name})

    joining = JoiningHost(name=host.name, id=host.id, host=host, since=canned.NOW, by="u-1")
    table = {"windows": {"url": "https://192.0.2.14:5986/wsman"}, "labels": ["tokyo"], "joining": {"by": "u-1"}}
    inventory = Inventory(hosts=(A, B), joining=(joining,), tables={host.name: table})
    return replace(canned.view(A, B), fleet=Fleet(inventory, connect), operation_id=OPERATION)
