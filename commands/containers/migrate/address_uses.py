"""Finds the places where configuration files of gateways name the address of a container. Pure.

Only these files can be read. Variables of containers stay on their hosts, and other programs are unknown to the bot.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.gateways.files import ConfigurationFiles


@dataclass(frozen=True)
class GatewayConfiguration:
    """Configuration files of the gateway of a host, or why they are unknown."""

    host: Host
    files: ConfigurationFiles | HostError


@dataclass(frozen=True)
class AddressUse:
    """A file of a gateway that names an address, and the numbers of the lines."""

    host: str
    file: str
    lines: tuple[int, ...]

    @property
    def place(self) -> Phrase:
        """The first place, for people."""
        file = PureWindowsPath(self.file).name
        return Phrase("{host}: {file}, line {line}", host=self.host, file=file, line=self.lines[0])


def find_address_uses(address: IPv4Address, gateways: Iterable[GatewayConfiguration]) -> tuple[AddressUse, ...]:
    """Finds the files that name an address. A longer number, as in 10.87.1.100 for 10.87.1.10, is another address."""
    return tuple(
        AddressUse(gateway.host.name, file, lines)
        for gateway in gateways
        if isinstance(gateway.files, ConfigurationFiles)
        for file, lines in _find_lines(address, gateway.files.contents)
    )


def list_unread(gateways: Iterable[GatewayConfiguration]) -> tuple[str, ...]:
    """Lists the hosts whose files are unknown, or some of them: they lie elsewhere, or cannot be opened."""
    return tuple(each.host.name for each in gateways if isinstance(each.files, HostError) or _has_closed_files(each.files))


def _has_closed_files(files: ConfigurationFiles) -> bool:
    return any(each.state in ("outside", "unreadable") for each in files.configuration.files)


def _find_lines(address: IPv4Address, contents: Mapping[str, bytes]) -> Iterator[tuple[str, tuple[int, ...]]]:
    pattern = re.compile(rb"(?<![0-9.])" + re.escape(str(address).encode()) + rb"(?![0-9]|\.[0-9])")
    for file, text in sorted(contents.items()):
        lines = tuple(number for number, line in enumerate(text.split(b"\n"), 1) if pattern.search(line))
        if lines:
            yield file, lines
