"""`peer`: with which gateways each gateway synchronizes, whether they do so in return, and whether its file says the same.

all gateways ─ /api/sync/status, table of peers ─▶ PeerReading* ─ judge ─▶ Report

Synchronization is a pull: a gateway that does not list another never learns of its containers by itself. A gateway that did
not answer makes the other direction unknown, never missing.

Addresses of peers: the gateway's API on the overlay, `http://10.100.N.1:8080` for host N. Pure.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, Inventory
from adapters.overlay import format_gateway
from adapters.phrase import Phrase
from commands.configuration.splice import UnsuitableText
from commands.gateways.files import read_configuration_files
from commands.health.assessment import (
    Judgment,
    Remark,
    make_absent_checks,
    make_healthy_check,
    make_unanswered_checks,
    make_unread_check,
    merge_judgments,
)
from commands.health.fleet_report import AssessedHost, AssessmentRead, build_fleet_report, read_all_hosts
from commands.model.finding import Severity, list_some
from commands.model.operation import FleetView
from commands.model.report import Cell, Column, Mark, Report
from commands.values.arguments import Flag, shorten_argument

_ADDRESS = re.compile(r"http://[a-z0-9.-]{1,200}(:[0-9]{1,5})?/?")


def is_peer_address(text: str) -> bool:
    """Returns whether a text is an address as a request can name it."""
    return _ADDRESS.fullmatch(text) is not None


def make_peer_address(host: Host) -> str:
    """Makes the address under which other gateways list a host."""
    return format_gateway(host.id)


def are_equal_addresses(one: str, other: str) -> bool:
    """Returns whether two spellings mean the same address."""
    return one.lower().rstrip("/") == other.lower().rstrip("/")


def find_peer(address: str, inventory: Inventory) -> Host | None:
    """Finds the host of an address; None if it is not one of the inventory."""
    return next((host for host in inventory.hosts if are_equal_addresses(address, make_peer_address(host))), None)


COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="peers", heading=Phrase("Synchronizes with")),
    Column(key="return", heading=Phrase("Not in return")),
    Column(key="file", heading=Phrase("Configuration")),
    Column(key="addresses", heading=Phrase("Addresses"), detail=True),
)
CELL_KEYS = tuple(column.key for column in COLUMNS[1:])
STATUS_KEYS = ("peers", "return", "addresses")

Status = SyncStatus | UnusableAnswer | HostError | None
"""The synchronization of a gateway, or why it is unknown. None: no gateway."""


@dataclass(frozen=True)
class PeerReading:
    """Answers of one host. `listed`: the addresses in its file, or why they are unknown (None: there is no file)."""

    host: Host
    status: Status
    listed: tuple[str, ...] | HostError | Phrase | None

    @property
    def running(self) -> tuple[str, ...] | None:
        """The addresses with which the gateway synchronizes now; None if they are unknown."""
        status = self.status
        return status.peers if isinstance(status, SyncStatus) and status.host_id is not None else None

    def lists(self, host: Host) -> bool | None:
        """Returns whether the gateway synchronizes with that host; None if that is unknown."""
        if self.running is None:
            return None
        return any(are_equal_addresses(each, make_peer_address(host)) for each in self.running)


class PeerList(AssessmentRead):
    """List the peers of each gateway in both directions."""

    words: ClassVar = ("peer",)
    summary: ClassVar = Phrase("with which other gateways each gateway synchronizes, in both directions")
    example: ClassVar = "peer all"
    label: ClassVar = Phrase("show the peers of {target}", target="…")
    title: ClassVar = Phrase("Peers")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("also show the addresses"))] = False

    async def read(self, view: FleetView) -> Report:
        inventory = view.fleet.inventory
        meant = {host.name for host in self.resolve_hosts(inventory)}

        def report(readings: Sequence[PeerReading]) -> Report:
            by_name = {each.host.name: each for each in readings}
            assessed = [_assess(each, by_name, meant, inventory) for each in readings if each.host.name in meant]
            return build_fleet_report(self, sorted(assessed, key=lambda each: each.rank), view.now())

        async def look(host: Host) -> PeerReading:
            return await _read_host(host, host.name in meant, view)

        asked = [host for host in inventory.hosts if host.name in meant or host.gateway is not None]
        return report(await read_all_hosts(asked, look, view))

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        count = sum(host.gateway is not None for host in hosts)
        return Phrase(
            "the peers of {n} gateway are mutual and as configured",
            plural="the peers of all {n} gateways are mutual and as configured",
            n=count,
        )


async def _read_host(host: Host, with_file: bool, view: FleetView) -> PeerReading:
    status, listed = await asyncio.gather(
        _read_status(host, view), _read_listed(host, view) if with_file else _read_nothing()
    )
    return PeerReading(host, status, listed)


async def _read_status(host: Host, view: FleetView) -> Status:
    if host.gateway is None:
        return None
    outcome: GatewaySystem | HostError = (await view.fleet.read(host, ReadGateway())).outcome
    return outcome if isinstance(outcome, HostError) else outcome.sync


async def _read_nothing() -> None:
    return None


async def _read_listed(host: Host, view: FleetView) -> tuple[str, ...] | HostError | Phrase | None:
    if host.gateway is None or host.windows is None:
        return None
    files = await read_configuration_files(host, view)
    if isinstance(files, HostError):
        return files
    try:
        return (await files.find_peers()).addresses
    except UnsuitableText as error:
        return error.why


def _assess(
    reading: PeerReading, all_readings: Mapping[str, PeerReading], meant: set[str], inventory: Inventory
) -> AssessedHost:
    judged = merge_judgments(
        make_absent_checks(*CELL_KEYS), _judge_status(reading, all_readings, meant, inventory), _judge_file(reading)
    )
    return AssessedHost(
        host=reading.host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(
            remark.build_finding(reading.host.name, remark.next or f"health {reading.host.name} --details")
            for remark in judged.remarks
        ),
    )


def _judge_status(
    reading: PeerReading, all_readings: Mapping[str, PeerReading], meant: set[str], inventory: Inventory
) -> Judgment:
    match reading.status:
        case None:
            return Judgment({})
        case HostError() as error:
            return make_unanswered_checks("api", Phrase("gateway API"), STATUS_KEYS, error)
        case UnusableAnswer(phrase=why):
            unread = make_unread_check("peers", why, Phrase("Peers"))
            return Judgment(dict.fromkeys(STATUS_KEYS, unread.cells["peers"]), unread.remarks)
        case SyncStatus(host_id=None):
            return _judge_stopped(reading.host)
        case SyncStatus(peers=addresses):
            named = [_name_peer(each, inventory) for each in addresses]
            cells = {
                "peers": Cell(text=list_some(named) if named else Phrase("none"), value=", ".join(named)),
                "return": _build_return_cell(reading, all_readings),
                "addresses": Cell.of(", ".join(addresses)),
            }
            remarks = (*_find_one_way(reading, all_readings, meant), *_find_strangers(reading, inventory))
            return Judgment(cells, remarks)


def _judge_stopped(host: Host) -> Judgment:
    """Judges a gateway whose Lua side did not start: it answers, without host_id and peers."""
    cell = Cell(text=Phrase("not started"), value="not started", mark=Mark.BAD)
    why = Phrase("Lua did not start in the gateway, so it synchronizes with no peer. See error.log on the host")
    short = Phrase("synchronization not started")
    return Judgment({"peers": cell}, (Remark("peers", Severity.HIGH, short, why, next=f"log error {host.name}"),))


def _judge_file(reading: PeerReading) -> Judgment:
    """Compares the addresses in the file with those that the gateway runs with."""
    match reading.listed:
        case None:
            return Judgment({})
        case HostError() as error:
            return make_unanswered_checks("windows", Phrase("Windows"), ("file",), error)
        case Phrase() as why:
            return make_unread_check("file", why, Phrase("Configuration"))
        case listed if reading.running is None:
            return Judgment({"file": Cell(text=Phrase("{n} peer", plural="{n} peers", n=len(listed)), value=len(listed))})
        case listed if sorted(listed) == sorted(reading.running):
            return make_healthy_check("file", Phrase("as running"), "as running")
        case listed:
            cell = Cell(text=Phrase("differs"), value="differs", mark=Mark.BAD)
            why = Phrase(
                "the gateway runs with {running}, but its file lists {listed}. Reload it",
                running=list_some(reading.running) if reading.running else Phrase("none"),
                listed=list_some(listed) if listed else Phrase("none"),
            )
            short = Phrase("runs with other peers than configured")
            remark = Remark("file", Severity.MEDIUM, short, why, next=f"gateway reload {reading.host.name}")
            return Judgment({"file": cell}, (remark,))


def _build_return_cell(reading: PeerReading, all_readings: Mapping[str, PeerReading]) -> Cell:
    """Builds the cell of the gateways with which the synchronization goes one way; unknown ones have a question mark."""
    one_way, unknown = list[str](), list[str]()
    for other in all_readings.values():
        here, there = reading.lists(other.host), other.lists(reading.host)
        if other.host == reading.host or other.host.gateway is None or (not here and not there):
            continue
        if there is None:
            unknown.append(f"{other.host.name}?")
        elif here != there:
            one_way.append(other.host.name)
    names = [*one_way, *unknown]
    mark = Mark.BAD if one_way else Mark.UNKNOWN if unknown else Mark.WELL
    return Cell(text=list_some(names) if names else Phrase("none"), value=", ".join(names), mark=mark)


def _find_one_way(reading: PeerReading, all_readings: Mapping[str, PeerReading], meant: set[str]) -> Iterator[Remark]:
    """Finds the gateways with which the synchronization goes one way.

    The remark belongs to the gateway that does not list the other, or to this one if that is not among the requested.
    """
    for other in all_readings.values():
        here, there = reading.lists(other.host), other.lists(reading.host)
        if there and not here:
            short = Phrase("lacks the peer {peer}", peer=other.host.name)
            yield _build_remark(reading.host, other.host, short)
        elif here and there is False and other.host.gateway is not None and other.host.name not in meant:
            short = Phrase("missing among the peers of {host}", host=other.host.name)
            yield _build_remark(other.host, reading.host, short)


def _build_remark(host: Host, peer: Host, short: Phrase) -> Remark:
    """Builds the remark that a host does not list a peer in return."""
    why = Phrase(
        "{peer} synchronizes with {host}, but {host} not with {peer}. It may never learn of the containers there",
        host=host.name,
        peer=peer.name,
    )
    command = f"peer add {peer.name} --on {host.name}"
    return Remark("one-way", Severity.MEDIUM, short, why, next=command)


def _find_strangers(reading: PeerReading, inventory: Inventory) -> Iterator[Remark]:
    """Finds peers that are no configured host, and a gateway that is its own peer."""
    for address in reading.running or ():
        host = find_peer(address, inventory)
        shown = shorten_argument(address)
        if host is None:
            why = Phrase("its peer {address} is not a configured host. Add the host, or remove the peer", address=shown)
            command = f"peer remove {address} --on {reading.host.name}" if is_peer_address(address) else None
            yield Remark("stranger", Severity.MEDIUM, Phrase("unknown peer {address}", address=shown), why, next=command)
        elif host == reading.host:
            why = Phrase("the gateway is its own peer, which slows down each synchronization. Remove it")
            command = f"peer remove {host.name} --on {host.name}"
            yield Remark("itself", Severity.LOW, Phrase("its own peer"), why, next=command)


def _name_peer(address: str, inventory: Inventory) -> str:
    host = find_peer(address, inventory)
    return shorten_argument(address) if host is None else host.name
