"""Discovery of `init --discover`: reads the lighthouse and one gateway, and nothing else.

    draft ─ as settings ─▶ lighthouse, gateway ─ read ─▶ Evidence ─ compared with the draft ─▶ found hosts, notes

Both are what a person typed. No found address is contacted, and no host is changed.
"""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.errors import HostError, Unreachable
from adapters.fleet import ConnectionFactory, Fleet, ReadResult
from adapters.gateway.api import GatewaySystem, ReadSystem, SyncStatus
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from bot.config.settings import Settings, parse_settings
from bot.runtime.clock import read_utc_time
from bot.runtime.connections import make_connector
from bot.security.secrets import FindSecret
from bot.setup.draft import PROBE, Draft
from bot.setup.found_hosts import take_found_hosts
from commands.hosts.discover.comparison import (
    ComparedHost,
    InventoryStatus,
    Known,
    compare,
    describe_missing,
    list_gateway_remarks,
)
from commands.hosts.discover.readings import Evidence, UnreadSource, read_evidence
from commands.model.certificates import NO_IDENTITIES
from commands.model.finding import list_some
from commands.model.operation import FleetView

THREADS = 4
"""Threads for the two reads of the lighthouse, and for ending its sessions."""


@dataclass(frozen=True)
class Discovered:
    """A draft with the found hosts, and what a person should know of them, in the order in which it is shown."""

    draft: Draft
    notes: tuple[Phrase, ...]


def discover_hosts(draft: Draft, file: Path, find: FindSecret) -> Discovered:
    """Read what the draft names, and add the hosts that it does not have. Raises `Unreachable` if nothing could be read."""
    settings = make_probe_settings(draft, file)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="winrm") as pool:
        read = asyncio.run(read_typed_hosts(settings, make_connector(find, pool)))
    return add_found_hosts(draft, read, settings)


def make_probe_settings(draft: Draft, file: Path) -> Settings:
    """Make the settings of the draft in which the gateway to read is a host of its own."""
    return parse_settings((draft.with_probe() if draft.gateway else draft).text, file)


@dataclass(frozen=True)
class TypedReading:
    """Reading of the lighthouse and the gateway. `gateway_id` is the ID that the gateway reports; None if it is unknown."""

    evidence: Evidence
    gateway_id: int | None


async def read_typed_hosts(settings: Settings, connect: ConnectionFactory) -> TypedReading:
    """Read the lighthouse and the gateway of the settings. Their failures are values."""
    typed = [host for host in settings.hosts if host.lighthouse or host.name == PROBE]
    async with AsyncExitStack() as stack:
        fleet = Fleet(Inventory(hosts=tuple(typed)), connect)
        stack.push_async_callback(fleet.aclose)
        view = FleetView(fleet, read_utc_time, settings.thresholds)
        identified = [await _identify(host, view) for host in typed]
        evidence = await read_evidence(identified, view)
    return TypedReading(evidence, next((number for name, number in evidence.gateways if name == PROBE), None))


async def _identify(host: Host, view: FleetView) -> Host:
    """Return the gateway with the ID that it reports; every other host unchanged."""
    if host.gateway is None:
        return host
    read: ReadResult[GatewaySystem] = await view.fleet.read(host, ReadSystem())
    sync = None if isinstance(read.outcome, HostError) else read.outcome.sync
    known = sync.host_id if isinstance(sync, SyncStatus) else None
    return host.model_copy(update={"id": known}) if known else host


def add_found_hosts(draft: Draft, read: TypedReading, settings: Settings) -> Discovered:
    """Add what was found to the draft. Raises `Unreachable` if nothing could be read."""
    evidence = read.evidence
    if evidence.unread and not evidence.mentions:
        reasons = list_some([_explain(unread) for unread in evidence.unread])
        raise Unreachable(Phrase("could not find any host: {reasons}. Nothing was written", reasons=reasons))
    typed = Inventory(hosts=tuple(host for host in settings.hosts if host.name != PROBE))
    compared = compare(evidence, Known(typed, settings.certificates, NO_IDENTITIES))
    gateway = None if read.gateway_id is None else (read.gateway_id, _find_url(settings))
    found = take_found_hosts(compared, gateway)
    return Discovered(replace(draft, found=found), tuple(_list_notes(compared, evidence, typed)))


def _find_url(settings: Settings) -> str:
    side = next(host.gateway for host in settings.hosts if host.name == PROBE)
    assert side is not None
    return side.url


def _list_notes(compared: Iterable[ComparedHost], evidence: Evidence, typed: Inventory) -> Iterator[Phrase]:
    for each in compared:
        if each.status is InventoryStatus.UNKNOWN and each.words is not None:
            yield Phrase(
                "found {host} ({address}). Missing: {missing}",
                host=each.name,
                address=each.found.address,
                missing=describe_missing(each),
            )
    contradictions = [remark for each in compared for remark in each.remarks if remark.subject != "unknown"]
    for remark in (*contradictions, *(remark for _, remark in list_gateway_remarks(evidence, typed))):
        yield remark.why
    yield from map(_explain, evidence.unread)


def _explain(unread: UnreadSource) -> Phrase:
    return Phrase("could not read {what}: {why}", what=unread.what, why=unread.why)
