"""A lighthouse and gateways that name hosts: what they say of whom."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from adapters.action import Action, SideName
from adapters.connection import Connection
from adapters.errors import Unreachable
from adapters.fleet import Fleet
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, ReadSystem, SyncStatus
from adapters.gateway.containers import ReadRegistry, Registration, Registry
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.handshakes import HandshakeReading, ReadHandshakes, SeenCertificate
from commands.model.operation import FleetView
from commands.model.thresholds import Thresholds
from tests.commands.canned import NOW
from tests.commands.canned_certs import Line, host

AWAY = Unreachable(Phrase("nothing answered"))
FORBIDDEN = UnusableAnswer(phrase=Phrase("this address is not allowed"), forbidden=True)

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
FLEET = Inventory(hosts=(LIGHTHOUSE, A, B))


def peer(number: int) -> str:
    return f"http://10.100.{number}.1:8080"


def gateway(number: int | None, *peers: int | str) -> GatewaySystem:
    """A gateway that says it is this host and synchronizes with these."""
    listed = tuple(each if isinstance(each, str) else peer(each) for each in peers)
    return GatewaySystem(healthy=True, sync=SyncStatus(host_id=number, peers=listed), status=None)


def seen(name: str, number: int, underlay: str = "", **given: Any) -> SeenCertificate:
    """A certificate with the address of a host."""
    usual = {"fingerprint": hashlib.sha256(f"{name} {number}".encode()).hexdigest(), "address": f"10.100.{number}.1"}
    return SeenCertificate.model_validate({"name": name, "issuer": "", "at": NOW, "underlay": underlay, **usual, **given})


def log(*certificates: SeenCertificate, **given: Any) -> HandshakeReading:
    told = {"state": "present", "position": None, "received": 0, "unparsed": 0, "dropped": 0, "skipped": 0, "lost": False}
    return HandshakeReading.model_validate({**told, "certificates": certificates, "clock": NOW, **given})


def static_hosts(entries: Iterable[tuple[str, str]] = (("10.100.0.1", "192.0.2.10:4242"),)) -> ConfigurationFile:
    rows = "".join(f'  "{overlay}": ["{underlay}"]\n' for overlay, underlay in entries)
    text = f"static_host_map:\n{rows}".encode()
    return ConfigurationFile(file="config.yaml", content=text, sha256=hashlib.sha256(text).hexdigest())


@dataclass
class NamingFleet:
    """What each place says; an error is raised. `asked` are the sides that were read."""

    inventory: Inventory = FLEET
    log: object = field(default_factory=lambda: log(seen("host-a", 1, "192.0.2.11"), seen("host-b", 2, "192.0.2.12")))
    static: object = field(default_factory=static_hosts)
    gateways: dict[str, object] = field(default_factory=lambda: {"host-a": gateway(1, 2), "host-b": gateway(2, 1)})
    registered: tuple[int | None, ...] = ()
    asked: set[tuple[str, SideName]] = field(default_factory=set)

    @property
    def view(self) -> FleetView:
        return FleetView(Fleet(self.inventory, self.connect), lambda: NOW, Thresholds())

    def connect(self, host: Host, side: SideName) -> Connection:
        return Line(host, side, self._answer)

    def _answer(self, host: Host, side: SideName, action: Action[Any]) -> object:
        self.asked.add((host.name, side))
        match action:
            case ReadHandshakes():
                return self.log
            case ReadConfiguration():
                return self.static
            case ReadSystem():
                return self.gateways[host.name]
            case ReadRegistry():
                listed = [Registration(id=f"c{n}", ip="10.87.9.9", host_id=n) for n in self.registered]
                said = self.gateways[host.name]
                return said if isinstance(said, Exception) else Registry(registrations=tuple(listed))
        raise AssertionError(action)
