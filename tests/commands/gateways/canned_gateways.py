"""Gateways with configurations, as their hosts tell of them: files by their paths, and the copy that is kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import Action
from adapters.inventory import Host
from adapters.windows.configuration import (
    Configuration,
    ConfigurationFile,
    HashedFile,
    ListConfiguration,
    ListedFile,
    ReadConfiguration,
)
from adapters.windows.good_configuration import GoodConfiguration, ReadGood
from adapters.windows.services import ReadServices, Services
from commands.model.operation import FleetView
from commands.model.proven_configuration import ProvenConfiguration
from tests.commands.canned import NOW
from tests.commands.canned_certs import services, view
from tests.lab.windows.nginx import write_configuration

BASE = r"F:\flatnet\config"
MAIN = rf"{BASE}\nginx.conf"
PARAMETERS = rf"{BASE}\conf.d\proxy.conf"
KEPT = r"C:\ProgramData\flatnet-bot\good\files"
PEERS = ("http://10.100.2.1:8080",)

Files = Mapping[str, bytes]


def nginx_conf(*peers: str) -> bytes:
    return write_configuration(1, list(peers)).encode()


USUAL: Files = {MAIN: nginx_conf(*PEERS), PARAMETERS: b"proxy_read_timeout 60s;\n"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def configuration(files: Files, *others: ListedFile) -> Configuration:
    listed = (ListedFile(file=file, state="present", size=len(text), sha256=sha256(text)) for file, text in files.items())
    return Configuration(base=BASE, files=(*listed, *others))


def copy_of(file: str) -> str:
    """The path of a kept copy."""
    return str(PureWindowsPath(KEPT) / PureWindowsPath(file).relative_to(BASE))


@dataclass(frozen=True)
class Gateway:
    """What a host tells. `good`: files of the kept copy, None without one; `others` are listed beside the files."""

    files: Files = field(default_factory=lambda: USUAL)
    good: Files | None = None
    others: tuple[ListedFile, ...] = ()
    services: Services = field(default_factory=services)
    intact: bool = True

    @property
    def kept(self) -> GoodConfiguration:
        if self.good is None:
            return GoodConfiguration()
        hashed = tuple(HashedFile(file=file, sha256=sha256(text)) for file, text in self.good.items())
        return GoodConfiguration(
            base=BASE,
            folder=KEPT,
            sha256=configuration(self.good).sha256,
            kept_at=NOW,
            files=hashed,
            intact=self.intact,
        )

    def proven(self, host: str) -> ProvenConfiguration:
        """What the bot knows of its copy."""
        return ProvenConfiguration(host=host, sha256=self.kept.sha256, folder=KEPT, operation="op-before", at=NOW)

    def answer(self, action: Action[Any]) -> object:
        match action:
            case ReadServices():
                return self.services
            case ListConfiguration():
                return configuration(self.files, *self.others)
            case ReadGood():
                return self.kept
            case ReadConfiguration(base=base, file=file):
                copies = {copy_of(name): text for name, text in (self.good or {}).items()}
                content = (self.files if base == BASE else copies)[file]
                return ConfigurationFile(file=file, content=content, sha256=sha256(content))
        raise AssertionError(f"{action} was not expected")


def fleet(gateways: Mapping[Host, Gateway | Exception], **known: ProvenConfiguration) -> FleetView:
    """A view of hosts with these gateways; `known` are proven configurations instead of those of the kept copies."""
    said = {
        (host.name, "windows"): gateway if isinstance(gateway, Exception) else _make_function(gateway)
        for host, gateway in gateways.items()
    }
    proven = {
        host.name: gateway.proven(host.name)
        for host, gateway in gateways.items()
        if isinstance(gateway, Gateway) and gateway.good is not None
    }
    by_name = {each.host: each for each in known.values()}
    return replace(view(*gateways, said=said), good_configurations={**proven, **by_name})


def _make_function(gateway: Gateway) -> Any:
    return lambda action: gateway.answer(action)
