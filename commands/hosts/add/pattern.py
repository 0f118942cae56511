"""Configuration of Nebula for a new host, made from that of a member. Pure but for reading nginx.conf of that member.

members, those with the most labels in common first ─ the first whose files another host can have ─▶ Pattern ─▶ config.yaml

The copy names the new host's files, and blocks whatever any member blocks: a new host must not accept what they refuse.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.inventory import Host, WindowsPaths
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.changes.commit_confirm import get_windows_side
from commands.configuration.nebula import (
    add_blocks,
    explain_silent_log,
    is_fingerprint,
    name_pki,
    read_blocklist,
    remove_static_host,
    require_common,
)
from commands.configuration.splice import UnsuitableText, apply_splices
from commands.health.fleet_report import read_side
from commands.hosts.add.members import MemberReading
from commands.hosts.add.newcomer import Pattern
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView


@dataclass(frozen=True)
class NebulaText:
    """config.yaml of a new host, and the number of certificates that it blocks."""

    content: bytes
    blocked: int


async def choose_pattern(host: Host, members: Iterable[MemberReading], view: FleetView) -> Pattern:
    """Chooses the member whose files are the pattern for a new host. Raises `CannotPlan` with the reason of each."""
    reasons = list[Phrase]()
    for member in _sort_by_likeness(host, members):
        found = await _read_pattern(host, member, view)
        if isinstance(found, Pattern):
            return found
        reasons.append(Phrase("{host}: {why}", host=member.host.name, why=found))
    if not reasons:
        raise CannotPlan(Phrase("no other host has a configuration that could be the pattern for {host}", host=host.name))
    raise CannotPlan(
        Phrase(
            "no member's configuration can be the pattern for {host}: {reasons}", host=host.name, reasons=list_some(reasons)
        )
    )


def write_nebula_text(host: Host, pattern: Pattern, members: Iterable[MemberReading]) -> NebulaText:
    """Writes config.yaml of a new host. Raises `UnsuitableText`."""
    paths = get_windows_side(host).paths
    text = pattern.nebula.content
    text = apply_splices(text, name_pki(text, _name_files(paths)))
    text = apply_splices(text, remove_static_host(text, str(host.overlay.ip)))
    text = add_blocks(text, list_blocked(members))
    return NebulaText(text, len(read_blocklist(text)))


def list_blocked(members: Iterable[MemberReading]) -> tuple[str, ...]:
    """Lists the fingerprints that any member blocks, as far as they are known."""
    blocklists = [each.blocklist for each in members]
    return tuple(
        sorted({each for found in blocklists if isinstance(found, frozenset) for each in found if is_fingerprint(each)})
    )


def _sort_by_likeness(host: Host, members: Iterable[MemberReading]) -> list[MemberReading]:
    able = [each for each in members if not each.host.lighthouse and each.host.windows is not None]
    return sorted(able, key=lambda each: -len(set(each.host.labels) & set(host.labels)))


async def _read_pattern(host: Host, member: MemberReading, view: FleetView) -> Pattern | Phrase:
    """Reads the files of a member, or says why they cannot be the pattern."""
    file = member.nebula
    if not isinstance(file, ConfigurationFile):
        return Phrase("no Windows connection configured") if file is None else file.phrase
    try:
        require_common(file.content, tuple(_list_marks(member.host)))
        if (silent := explain_silent_log(file.content)) is not None:
            return silent
    except UnsuitableText as error:
        return error.locate(file.file, file.content)
    if host.gateway is None:
        return Pattern(member.host, file, None)
    if member.host.gateway is None:
        return Phrase("no gateway configured")
    read = ReadConfiguration.of(get_windows_side(member.host).paths.gateway_config)
    gateway = await read_side(member.host, read, view)
    return gateway.phrase if isinstance(gateway, HostError) else Pattern(member.host, file, gateway)


def _list_marks(host: Host) -> Iterator[str]:
    """Lists the addresses and names that only this host's configuration may have."""
    yield host.name
    yield str(host.overlay.ip)
    yield str(host.bridge.ip)
    yield str(host.bridge.network)
    for address in (urlsplit(get_windows_side(host).url).hostname or "", "" if host.wsl is None else host.wsl.address):
        if address and not _is_loopback(address):
            yield address


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _name_files(paths: WindowsPaths) -> dict[str, str]:
    return {"ca": paths.ca_certificate, "cert": paths.host_certificate, "key": paths.host_key}
