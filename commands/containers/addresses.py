"""`ipam`: the addresses that Flatnet's plug-in has handed out on each host, those left, and those without a container.

helper: ipam list ─┐
helper: ipam look ─┴─▶ AddressAnswers ─ judge_addresses ─▶ Judgment ─▶ Report

`ipam clean`: removes the addresses of containers that podman does not have, after two checks a minute apart.

check ─▶ check again, 60 s later by WSL2's own clock ─▶ remove under the plug-in's lock, if podman still has none of them

The addresses are fixed when the plan is made. The helper keeps a copy of the plug-in's file, and compares with podman once
more itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.ipam import (
    Allocation,
    Allocations,
    CheckOrphans,
    LookForOrphans,
    OrphanLook,
    ReadAllocations,
    RemoveOrphans,
)
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.health.assessment import (
    Judgment,
    Remark,
    SideAnswers,
    build_findings,
    make_absent_checks,
    make_unanswered_checks,
    make_unread_check,
    merge_judgments,
)
from commands.health.fleet_report import AssessedHost, AssessmentRead, read_all_hosts, read_side
from commands.health.wsl_checks import explain_unmanaged
from commands.model.check import Area
from commands.model.finding import Severity, list_some
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, PlannedChange, Premise, Product, Step
from commands.model.report import Cell, Column, Mark, Report, Section
from commands.values.arguments import Flag, HostsArgument, Target

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="allocated", heading=Phrase("Allocated")),
    Column(key="free", heading=Phrase("Free")),
    Column(key="orphans", heading=Phrase("Orphans")),
    Column(key="range", heading=Phrase("Range"), detail=True),
    Column(key="addresses", heading=Phrase("Addresses of orphans"), detail=True),
)
CELL_KEYS = tuple(column.key for column in COLUMNS[1:])

FEW_FREE = 20
"""Free addresses from which a host is a finding: a rolling restart of many containers needs some."""

MAX_ADDRESSES = 30
"""Maximum orphans named in a cell."""


class AddressList(AssessmentRead):
    """Show the addresses that Flatnet's plug-in has handed out, those that are free, and orphans."""

    words: ClassVar = ("ipam",)
    summary: ClassVar = Phrase("container addresses: allocated, free, and orphans without a container")
    example: ClassVar = "ipam all --details"
    label: ClassVar = Phrase("show the container addresses of {target}", target="…")
    title: ClassVar = Phrase("Container addresses")
    columns: ClassVar = COLUMNS

    details: Annotated[bool, Flag(Phrase("also show the range, and the addresses of orphans"))] = False

    async def read(self, view: FleetView) -> Report:
        report = await super().read(view)
        hosts = [host for host in self.resolve_hosts(view.fleet.inventory) if host.wsl is not None]
        return report.model_copy(update={"sections": _build_unmanaged_section(hosts)})

    def make_assessor(self, view: FleetView) -> Callable[[Host], Awaitable[AssessedHost]]:
        return lambda host: _assess(host, view)

    def summarize_healthy(self, hosts: Sequence[Host]) -> Phrase:
        read = [host for host in hosts if _is_managed(host)]
        if not read:
            return Phrase("the bot may not read the addresses of these hosts")
        return Phrase(
            "{n} host has free addresses and no orphans", plural="{n} hosts have free addresses and no orphans", n=len(read)
        )


@dataclass(frozen=True)
class AddressAnswers(SideAnswers):
    """Addresses of one host as read; None where the bot may not read them."""

    host: Host
    handed: Allocations | HostError | None
    look: OrphanLook | HostError | None

    @property
    def answers(self) -> tuple[object, ...]:
        return self.handed, self.look


def judge_addresses(said: AddressAnswers) -> Judgment:
    """Judges the addresses of one host. An orphan was seen once: a container may be under way, so `ipam clean` waits."""
    if said.handed is None or said.look is None:
        return make_absent_checks(*CELL_KEYS)
    if isinstance(said.handed, HostError):
        return make_unanswered_checks("ipam", Phrase("container addresses"), CELL_KEYS, said.handed)
    return merge_judgments(_judge_free(said.host, said.handed), _judge_orphans(said.host, said.look))


def _is_managed(host: Host) -> bool:
    return host.wsl is not None and "ipam" in host.wsl.manage


async def _assess(host: Host, view: FleetView) -> AssessedHost:
    side = host.wsl if _is_managed(host) else None
    handing = read_side(host, ReadAllocations() if side else None, view)
    looking = read_side(host, LookForOrphans() if side else None, view)
    said = AddressAnswers(host, *await asyncio.gather(handing, looking))
    judged = judge_addresses(said)
    return AssessedHost(
        host=host,
        judgment=judged,
        cells=tuple(judged.cells[key] for key in CELL_KEYS),
        findings=tuple(build_findings(host.name, judged.worst, f"ipam {host.name} --details")),
        answers=said,
    )


def _judge_free(host: Host, handed: Allocations) -> Judgment:
    """Judges how many addresses are left."""
    size, used = len(list_range(host, handed)), len(handed.allocations)
    free = max(size - used, 0)
    few = free <= FEW_FREE
    text = Phrase("{n} of {total}", n=free, total=size)
    ends = f"{handed.first}–{handed.last}" if handed.first and handed.last else handed.subnet
    cells = {
        "allocated": Cell(text=str(used), value=used),
        "free": Cell(text=text, value=free, mark=Mark.BAD if few else Mark.WELL),
        "range": Cell.of(ends),
    }
    if not few:
        return Judgment(cells)
    severity = Severity.MEDIUM if free else Severity.HIGH
    short = Phrase("{n} free addresses", n=free)
    why = Phrase("{n} of {total} addresses are free. A container without an address does not start", n=free, total=size)
    return Judgment(cells, (Remark("ipam", severity, short, why),))


def list_range(host: Host, handed: Allocations) -> Sequence[IPv4Address]:
    """Lists the addresses that containers of a host can have: the plug-in's range, else all but the bridge's."""
    network: IPv4Network = host.bridge.network
    first, last = handed.first or network[2], handed.last or network[-2]
    return [address for address in network.hosts() if first <= address <= last and address != host.bridge.ip]


def _judge_orphans(host: Host, look: OrphanLook | HostError) -> Judgment:
    """Judges the allocations without a container."""
    if isinstance(look, HostError):
        unread = make_unread_check("orphans", look.phrase, Phrase("orphans"))
        return merge_judgments(unread, Judgment({"addresses": Cell.of("")}))
    count = len(look.orphans)
    cells = {"addresses": Cell(text=name_addresses(look.orphans, MAX_ADDRESSES), value=_join_addresses(look.orphans))}
    if not count:
        return Judgment(cells | {"orphans": Cell(text=Phrase("none"), value=0, mark=Mark.WELL)})
    short = Phrase("{n} orphan", plural="{n} orphans", n=count)
    why = Phrase(
        "{n} address belongs to a container that podman does not have (seen once): {addresses}",
        plural="{n} addresses belong to containers that podman does not have (seen once): {addresses}",
        n=count,
        addresses=name_addresses(look.orphans),
    )
    orphans = Cell(text=str(count), value=count, mark=Mark.BAD)
    remark = Remark("orphans", Severity.LOW, short, why, next=f"ipam clean {host.name}")
    return Judgment(cells | {"orphans": orphans}, (remark,))


def name_addresses(orphans: Sequence[Allocation], most: int = 5) -> Phrase | str:
    """Names the addresses of orphans; "" without any."""
    return list_some([str(each.address) for each in orphans], most) if orphans else ""


def _join_addresses(orphans: Sequence[Allocation]) -> str:
    return " ".join(str(each.address) for each in orphans)


def _build_unmanaged_section(hosts: Sequence[Host]) -> tuple[Section, ...]:
    """Builds the section on hosts of which the addresses may not be read, with the way to allow it."""
    unmanaged = [host for host in hosts if not _is_managed(host)]
    if not unmanaged:
        return ()
    first = explain_unmanaged(unmanaged[0], "ipam")
    assert first is not None
    names = Phrase("not read: {hosts}", hosts=list_some([host.name for host in unmanaged]))
    return (Section(heading=Phrase("Hosts that do not let the bot manage addresses"), lines=(names, first)),)


SETTLING = 60
"""Seconds between both checks: more than the plug-in and podman take for a container that is made or removed."""

PATIENCE = 30.0
"""Seconds beyond that in which the helper must answer."""


class AddressClean(FleetChange):
    """Remove the addresses of containers that podman does not have, if two checks a minute apart agree."""

    affects: ClassVar[frozenset[Area]] = frozenset()
    independent: ClassVar[bool] = True
    words: ClassVar = ("ipam", "clean")
    summary: ClassVar = Phrase("remove addresses of containers that no longer exist (orphans)")
    example: ClassVar = "ipam clean host-a"
    label: ClassVar = Phrase("remove orphan addresses on {target}", target="…")

    target: HostsArgument

    def restrict_to(self, names: tuple[str, ...]) -> "AddressClean":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        planned = await read_all_hosts(hosts, lambda host: _plan_host(host, view), view)
        return assemble(self, planned, view.fleet.inventory)


async def _plan_host(host: Host, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans one host. The addresses of one that is silent wait: nothing is owed to it."""
    if (why := explain_unmanaged(host, "ipam")) is not None:
        return LeftOutHost(host=host.name, why=why)
    said: OrphanLook | HostError | None = await read_side(host, LookForOrphans(), view)
    if not isinstance(said, OrphanLook):
        assert said is not None
        return leave_unchecked(host.name, said).model_copy(update={"owed": False})
    if not said.orphans:
        return UnchangedHost(host.name, Phrase("no orphan addresses"))
    orphans = tuple(sorted(said.orphans, key=lambda each: (each.address, each.container)))
    premise = _build_premise(host.name, orphans)
    return HostPlan(
        part=Part(host=host.name, steps=tuple(_build_steps(host.name, orphans))),
        premises=(premise,),
        warnings=(
            premise.phrase,
            Phrase(
                "takes about a minute on {host}. It cannot be rolled back, but the helper keeps a copy of the file",
                host=host.name,
            ),
        ),
    )


def _build_premise(host: str, orphans: Sequence[Allocation]) -> Premise:
    phrase = Phrase(
        "{host}: podman has no container for {n} address: {addresses}",
        plural="{host}: podman has no container for {n} addresses: {addresses}",
        host=host,
        n=len(orphans),
        addresses=name_addresses(orphans, MAX_ADDRESSES),
    )
    value = [each.model_dump(mode="json") for each in orphans]
    return Premise(host=host, what="orphans", value=value, phrase=phrase)


def _build_steps(host: str, orphans: tuple[Allocation, ...]) -> Iterator[Step]:
    """Builds both checks and the removal. The second check takes the time of the first one from its answer."""
    yield Step(
        key=f"{host}/check",
        host=host,
        deed=PlannedAction.of(LookForOrphans(expected=orphans)),
        phrase=Phrase("check that podman has none of these containers"),
        expect={"missing": 0},
        patience=PATIENCE,
    )
    yield Step(
        key=f"{host}/again",
        host=host,
        deed=PlannedAction.of(
            LookForOrphans(expected=orphans, settling=SETTLING), since=Product(step=f"{host}/check", field="uptime")
        ),
        phrase=Phrase("check it again {n} s later", n=SETTLING),
        expect={"missing": 0, "settled": True},
        patience=SETTLING + PATIENCE,
    )
    yield Step(
        key=f"{host}/remove",
        host=host,
        deed=PlannedAction.of(RemoveOrphans(orphans=orphans)),
        phrase=Phrase("remove {n} address", plural="remove {n} addresses", n=len(orphans)),
        verify=Check(host=host, deed=PlannedAction.of(CheckOrphans(orphans=orphans)), expect={"left": 0}, patience=PATIENCE),
    )
