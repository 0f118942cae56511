"""Gateways with configuration files of their own: what their hosts and their API say of peers."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.action import Action
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from adapters.windows.configuration import Configuration, ConfigurationFile, ListConfiguration, ListedFile, ReadConfiguration
from commands.model.operation import FleetView
from tests.commands.canned_certs import Said, services, view
from tests.commands.configuration.test_peer_table import table

BASE = r"F:\flatnet\config"
MAIN = rf"{BASE}\nginx.conf"


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


class Windows:
    """A host's answers about its configuration files, by their names in the folder, and about its services."""

    def __init__(self, files: Mapping[str, bytes], **services: Any) -> None:
        self._files = {rf"{BASE}\{name}": text for name, text in files.items()}
        self._services = services

    def answer(self, action: Action[Any]) -> object:
        match action:
            case ListConfiguration():
                listed = tuple(
                    ListedFile(file=file, state="present", size=len(text), sha256=hashlib.sha256(text).hexdigest())
                    for file, text in self._files.items()
                )
                return Configuration(base=BASE, files=listed)
            case ReadConfiguration(file=file):
                text = self._files[file]
                return ConfigurationFile(file=file, content=text, sha256=hashlib.sha256(text).hexdigest())
            case _:
                return services(**self._services)


def fleet(*hosts: Host, said: Said | None = None, **texts: bytes) -> FleetView:
    """A view of gateways with these texts of nginx.conf; `_` in a name stands for a hyphen."""
    told: dict[tuple[str, str], object] = {}
    for name, text in texts.items():
        windows = Windows({"nginx.conf": text})
        told[name.replace("_", "-"), "windows"] = lambda action, windows=windows: windows.answer(action)
    return replace(view(*hosts, said=told | dict(said or {})))
