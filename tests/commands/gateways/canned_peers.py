"""Gateways with configuration files of their own: what their hosts and their API say of peers."""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.action import Action
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from commands.model.operation import FleetView
from tests.commands.canned_certs import Said, services, view
from tests.commands.configuration.test_peer_table import table
from tests.commands.gateways.canned_gateways import BASE, Gateway


def address(number: int) -> str:
    return f"http://10.100.{number}.1:8080"


def conf(*peers: int | str) -> bytes:
    """An nginx.conf with the peers of these hosts."""
    listed = (f'"{peer if isinstance(peer, str) else address(peer)}"' for peer in peers)
    return table(f"{{{', '.join(listed)}}}")


def api(number: int, *peers: int | str) -> GatewaySystem:
    """The answer of a gateway that runs with the peers of these hosts."""
    listed = tuple(peer if isinstance(peer, str) else address(peer) for peer in peers)
    return GatewaySystem(healthy=True, sync=SyncStatus(host_id=number, peers=listed), status=None)


def windows(files: Mapping[str, bytes], **given: Any) -> Callable[[Action[Any]], object]:
    """A host's answers about its configuration files, by their names in the folder, and about its services."""
    gateway = Gateway({rf"{BASE}\{name}": text for name, text in files.items()}, services=services(**given))
    return lambda action: gateway.answer(action)


def fleet(*hosts: Host, said: Said | None = None, **texts: bytes) -> FleetView:
    """A view of gateways with these texts of nginx.conf; `_` in a name stands for a hyphen."""
    told: dict[tuple[str, str], object] = {
        (name.replace("_", "-"), "windows"): windows({"nginx.conf": text}) for name, text in texts.items()
    }
    return view(*hosts, said=told | dict(said or {}))
