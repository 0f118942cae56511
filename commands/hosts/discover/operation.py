"""`host discover`: hosts that the lighthouse, the gateways and the ledger name, compared with the inventory.

lighthouse, gateways ─ read (readings) ─▶ Evidence ─ compare (comparison) ─▶ ComparedHost* ─▶ Report

Only configured hosts are read. A found host is a proposal: no one logs in there before its identity is pinned.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from adapters.inventory import LIGHTHOUSE_ID, GatewaySide, Host, Inventory, WindowsSide, WslSide
from adapters.phrase import Phrase
from commands.hosts.discover.comparison import (
    ComparedHost,
    InventoryStatus,
    Known,
    compare,
    describe_sources,
    list_gateway_remarks,
)
from commands.hosts.discover.mentions import Source
from commands.hosts.discover.readings import LEDGER, Evidence, UnreadSource, find_in_ledger, merge_evidence, read_evidence
from commands.model.finding import Finding, Severity, list_next_commands, list_some, sort_worst_first
from commands.model.need import Need
from commands.model.operation import FleetRead, FleetView, Role
from commands.model.report import Cell, Column, Mark, Report, Row, rate_rows
from commands.values.arguments import Flag, shorten_argument

MAX_NAMED = 3
"""Maximum hosts in a summary, and next commands. A notification is read on a phone."""

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="id", heading=Phrase("ID")),
    Column(key="inventory", heading=Phrase("Configuration")),
    Column(key="windows", heading=Phrase("Windows")),
    Column(key="wsl", heading=Phrase("WSL2")),
    Column(key="gateway", heading=Phrase("Gateway")),
    Column(key="names", heading=Phrase("Names in certificates"), detail=True),
    Column(key="certificates", heading=Phrase("Certificates"), detail=True),
    Column(key="sources", heading=Phrase("Named by"), detail=True),
)

STATUSES = {
    InventoryStatus.MEMBER: Phrase("member"),
    InventoryStatus.JOINING: Phrase("being added"),
    InventoryStatus.REMOVED: Phrase("removed"),
    InventoryStatus.EXPECTED: Phrase("not a host"),
    InventoryStatus.UNKNOWN: Phrase("missing"),
}


class HostDiscover(FleetRead):
    """Compare the hosts that the lighthouse, the gateways and the ledger name with the inventory."""

    words: ClassVar = ("host", "discover")
    roles: ClassVar = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
    summary: ClassVar = Phrase("find hosts that are not in the configuration (reads the lighthouse and the gateways)")
    example: ClassVar = "host discover"
    label: ClassVar = Phrase("find hosts")
    needs: ClassVar = frozenset({Need.IDENTITIES})

    details: Annotated[bool, Flag(Phrase("also show names in certificates, and the places that name each host"))] = False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return inventory.hosts

    async def read(self, view: FleetView) -> Report:
        inventory, known = view.fleet.inventory, view.identities
        read = await read_evidence(inventory.hosts, view)
        unread = () if known.available else (UnreadSource("", LEDGER, Phrase("the database could not be read")),)
        evidence = merge_evidence([read, find_in_ledger(known, view.now()), Evidence(unread=unread)])
        compared = compare(evidence, Known(inventory, view.certificates, known))
        findings = sort_worst_first(_list_findings(compared, evidence, inventory))
        rows = rate_rows((_build_row(each, inventory) for each in compared), findings)
        return Report(
            title=Phrase("Hosts that the fleet names"),
            summary=_summarize(compared, evidence),
            columns=COLUMNS,
            rows=rows,
            findings=findings,
            details=self.details,
            taken_at=view.now(),
            next=list_next_commands(findings, MAX_NAMED),
        )


def _list_findings(compared: tuple[ComparedHost, ...], evidence: Evidence, inventory: Inventory) -> Iterator[Finding]:
    for each in compared:
        for remark in each.remarks:
            yield remark.build_finding(each.name, remark.next)
    for name, remark in list_gateway_remarks(evidence, inventory):
        yield remark.build_finding(name, remark.next)
    for unread in evidence.unread:
        yield Finding(
            severity=Severity.MEDIUM,
            host=unread.place,
            subject="unread",
            why=Phrase("could not read {what}: {why}", what=unread.what, why=unread.why),
            short=Phrase("not read"),
            next=f"health {unread.place}" if unread.place else None,
            reached=False,
        )


def _summarize(compared: tuple[ComparedHost, ...], evidence: Evidence) -> Phrase:
    missing = [each.name for each in compared if each.status is InventoryStatus.UNKNOWN]
    contradictions = sum(remark.subject != "unknown" for each in compared for remark in each.remarks)
    if missing:
        said = Phrase(
            "{n} host is not in the configuration: {hosts}",
            plural="{n} hosts are not in the configuration: {hosts}",
            n=len(missing),
            hosts=list_some(missing, MAX_NAMED),
        )
    elif evidence.unread:
        said = Phrase("no unknown host found, but not every place could be read")
    else:
        said = Phrase("all hosts that the fleet names are in the configuration")
    if not contradictions:
        return said
    return Phrase("{said} ({n} contradiction)", plural="{said} ({n} contradictions)", said=said, n=contradictions)


def _build_row(each: ComparedHost, inventory: Inventory) -> Row:
    found = each.found
    names = [shorten_argument(name) for name in found.names]
    cells = (
        Cell.of(each.name),
        Cell(text=str(found.id), value=found.id),
        Cell(text=STATUSES[each.status], value=each.status.value, mark=_mark_status(each.status)),
        *_build_sides(each, inventory),
        Cell(text=list_some(names) if names else Phrase("none"), value=", ".join(names)),
        Cell(text=str(len(found.fingerprints)), value=len(found.fingerprints)),
        Cell.of(describe_sources(found)),
    )
    return Row(cells=cells, host=each.name)


def _build_sides(each: ComparedHost, inventory: Inventory) -> tuple[Cell, Cell, Cell]:
    """Builds the cells of the sides: configured, or what is known of them."""
    member = each.found.find_member(inventory)
    if member is not None:
        return _build_configured(member.windows), _build_configured(member.wsl), _build_configured(member.gateway)
    unknown = Cell(text=Phrase("unknown"), value=None, mark=Mark.UNKNOWN)
    windows = Cell.of(each.underlay) if each.underlay else unknown
    absent = Cell(text=Phrase("N/A"), value=None, mark=Mark.ABSENT)
    if each.found.id == LIGHTHOUSE_ID:
        return windows, absent, absent
    return windows, unknown, _build_gateway(each)


def _build_configured(side: WindowsSide | WslSide | GatewaySide | None) -> Cell:
    if side is None:
        return Cell(text=Phrase("none"), value=None, mark=Mark.ABSENT)
    return Cell(text=Phrase("configured"), value="configured")


def _build_gateway(each: ComparedHost) -> Cell:
    places = each.found.find_places(Source.PEER)
    if places:
        return Cell(text=Phrase("peer of {hosts}", hosts=list_some(list(places))), value=", ".join(places))
    return Cell(text=Phrase("named") if each.found.has_gateway else Phrase("unknown"), mark=Mark.UNKNOWN)


def _mark_status(status: InventoryStatus) -> Mark:
    match status:
        case InventoryStatus.MEMBER:
            return Mark.WELL
        case InventoryStatus.UNKNOWN | InventoryStatus.REMOVED:
            return Mark.BAD
        case _:
            return Mark.PLAIN
