"""Plans the hosts that must refuse a removed one: the lighthouse first, then the others, one at a time.

each other host ─ read: config.yaml, what its Nebula has said that it blocks ─▶ HostPlan, UnchangedHost or LeftOutHost (owed)
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.blocklist import BlocklistReading, FindBlocklist
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.certificates.renewal_obstacles import find_witnesses
from commands.changes.commit_confirm import TunnelProof, get_windows_side
from commands.changes.configuration_edit import ConfigurationEdit
from commands.changes.host_plan import HostPlan, UnchangedHost, leave_unchecked
from commands.changes.impact import HostWorkload, build_workload_premises, describe_nebula_outage, read_workloads
from commands.configuration.nebula import (
    add_blocks,
    explain_silent_log,
    is_fingerprint,
    read_blocklist,
    unblock_fingerprint,
)
from commands.configuration.splice import Splices, UnsuitableText, apply_splices, find_splices
from commands.health.fleet_report import read_all_hosts
from commands.hosts.remove.identities import IdentitySources, find_ended
from commands.hosts.remove.steps import BlocklistChange, build_blocklist_part
from commands.model.operation import FleetView
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost
from commands.values.arguments import shorten_argument

START_TOLERANCE = timedelta(seconds=5)
"""Time by which a line of Nebula's log may come before the start that it belongs to. Its times have no fractions."""


@dataclass(frozen=True)
class HostBlocklist:
    """The config.yaml of a host, and what its Nebula has logged of the certificates that it blocks."""

    file: ConfigurationFile
    reading: BlocklistReading

    @property
    def listed(self) -> tuple[str, ...]:
        """The entries of the file. Raises `UnsuitableText`."""
        return read_blocklist(self.file.content)

    @property
    def blocked(self) -> tuple[str, ...]:
        """The certificates that its Nebula has read as blocked. Raises `UnsuitableText`."""
        return tuple(each for each in self.listed if each not in self.reading.missing)


@dataclass(frozen=True)
class Revocation:
    """Revocation of certificates at all hosts of `seen`, which the removed one is not among."""

    fingerprints: tuple[str, ...]
    sources: IdentitySources
    operation: str
    redact: Callable[[str], str] = str

    @property
    def seen(self) -> FleetCertificates:
        return self.sources.others


Planned = HostPlan | UnchangedHost | LeftOutHost


async def read_blocklists(
    hosts: Iterable[Host], fingerprints: tuple[str, ...], view: FleetView
) -> Mapping[str, HostBlocklist | HostError]:
    """Reads hosts that have a Windows side, by their names."""

    async def read(host: Host) -> tuple[str, HostBlocklist | HostError]:
        side = get_windows_side(host)
        seen: ReadResult[ConfigurationFile]
        logged: ReadResult[BlocklistReading]
        seen, logged = await asyncio.gather(
            view.fleet.read(host, ReadConfiguration.of(side.paths.nebula_config)),
            view.fleet.read(host, FindBlocklist.of(side, fingerprints)),
        )
        if isinstance(seen.outcome, HostError):
            return host.name, seen.outcome
        if isinstance(logged.outcome, HostError):
            return host.name, logged.outcome
        return host.name, HostBlocklist(seen.outcome, logged.outcome)

    return dict(await read_all_hosts(tuple(hosts), read, view))


async def plan_blocklists(
    revocation: Revocation, hosts: Iterable[Host], lists: Mapping[str, HostBlocklist | HostError], view: FleetView
) -> tuple[Planned, ...]:
    """Plans these hosts, in their order."""
    held = {each.host.name: each for each in revocation.seen.per_host}
    asked = [held[host.name] for host in hosts]
    running = [each.host for each in asked if each.files is not None and each.files.running_since is not None]
    served = await read_workloads(running, view)

    def plan(each: HostCertificates) -> Planned:
        return _plan_host(each, revocation, lists.get(each.host.name), served.get(each.host.name))

    return await asyncio.to_thread(lambda: tuple(map(plan, asked)))


def edit_blocklist(text: bytes, fingerprints: Iterable[str], sources: IdentitySources) -> Splices:
    """Makes the splices that add these fingerprints; none if all are there. Raises `UnsuitableText`.

    Entries whose certificates have ended go with them.
    """
    listed = read_blocklist(text)
    new = add_blocks(text, fingerprints)
    if new == text:
        return ()
    for entry in dict.fromkeys(find_ended(listed, sources)):
        new = apply_splices(new, unblock_fingerprint(new, entry))
    return find_splices(text, new)


def _plan_host(
    held: HostCertificates,
    revocation: Revocation,
    found: HostBlocklist | HostError | None,
    served: HostWorkload | None,
) -> Planned:
    """Plans one host, or returns why it is left out: whatever the reason, the revocation is owed to it."""
    name = held.host.name
    if found is None:
        why = Phrase(
            "no Windows connection configured. Block the certificates there by hand, then run {words}", words="owed"
        )
        return LeftOutHost(host=name, why=why, owed=True)
    if isinstance(held.answer, HostError) or isinstance(found, HostError):
        error = held.answer if isinstance(held.answer, HostError) else found
        assert isinstance(error, HostError)
        return leave_unchecked(name, error, Matter.REVOCATION)
    try:
        return _plan_change(held, revocation, found, served)
    except UnsuitableText as error:
        return LeftOutHost(host=name, why=error.locate(found.file.file, found.file.content), owed=True)


def _plan_change(
    held: HostCertificates, revocation: Revocation, found: HostBlocklist, served: HostWorkload | None
) -> Planned:
    """Plans a host that answered. Raises `UnsuitableText`."""
    name = held.host.name
    splices = edit_blocklist(found.file.content, revocation.fingerprints, revocation.sources)
    restarts = served is not None and (bool(splices) or not _is_loaded(held, found.reading))
    if not splices and not restarts:
        return UnchangedHost(name, Phrase("refuses all of its certificates already"))
    if restarts and (why := _find_proof_obstacle(held, found, revocation.seen)) is not None:
        return LeftOutHost(host=name, why=why, owed=True)
    return _build_plan(held, revocation, found, (splices, served if restarts else None))


def _is_loaded(held: HostCertificates, reading: BlocklistReading) -> bool:
    """Returns whether the Nebula that runs has read all of them. An earlier one may have, before the file was restored."""
    since = None if held.files is None else held.files.running_since
    early = reading.oldest is not None and since is not None and reading.oldest < since - START_TOLERANCE
    return reading.listed and not early


def _find_proof_obstacle(held: HostCertificates, found: HostBlocklist, seen: FleetCertificates) -> Phrase | None:
    """Finds the reason why a restart could not be proven; None if there is none. Raises `UnsuitableText`."""
    if (silent := explain_silent_log(found.file.content)) is not None:
        return silent
    if held.certificate is None:
        return Phrase("its certificate could not be read, so its restart could not be verified")
    if find_witnesses(held, seen):
        return None
    if held.host.lighthouse:
        return Phrase("no other host is reachable with Nebula running, so the change cannot be verified")
    lighthouse = seen.lighthouse
    name = "" if lighthouse is None else lighthouse.host.name
    return Phrase("Nebula is not running on {host}, so the change cannot be verified. Start Nebula", host=name)


def _build_plan(
    held: HostCertificates,
    revocation: Revocation,
    found: HostBlocklist,
    change: tuple[Splices, HostWorkload | None],
) -> HostPlan:
    splices, served = change
    host, file = held.host, found.file
    base = str(PureWindowsPath(file.file).parent)
    edit = ConfigurationEdit(host, revocation.operation, base, file.file, file.content, splices) if splices else None
    tunnel = None if served is None else _build_tunnel(held, revocation.seen)
    part = build_blocklist_part(
        BlocklistChange(
            host=host,
            operation=revocation.operation,
            fingerprints=revocation.fingerprints,
            edit=edit,
            tunnel=tunnel,
            certificate="" if held.certificate is None else held.certificate.fingerprint,
            gateway=served is not None and served.gateway is True,
        )
    )
    return HostPlan(
        part=part,
        premises=() if served is None else build_workload_premises(served, "restart"),
        disrupts=() if served is None else describe_nebula_outage(served, "restart"),
        warnings=tuple(_list_warnings(held, found)),
        edits=() if edit is None else (edit.describe(revocation.redact),),
    )


def _build_tunnel(held: HostCertificates, seen: FleetCertificates) -> TunnelProof:
    assert held.certificate is not None
    assert seen.lighthouse is not None
    return TunnelProof(held.host, seen.lighthouse.host, find_witnesses(held, seen), held.certificate.name)


def _list_warnings(held: HostCertificates, found: HostBlocklist) -> Iterator[Phrase]:
    for entry in read_blocklist(found.file.content):
        if not is_fingerprint(entry):
            yield Phrase(
                "{host} has an entry in its blocklist that blocks nothing: {entry}. A fingerprint has 64 lower-case "
                "hexadecimal digits",
                host=held.host.name,
                entry=shorten_argument(entry),
            )
    if held.files is not None and held.files.running_since is None:
        yield Phrase("Nebula is not running on {host}. Its next start counts", host=held.host.name)
