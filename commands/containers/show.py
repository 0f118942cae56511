"""`container show`: everything that is known of one container. Values of its variables stay on its host."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.gateway.containers import Registration, Registry
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from adapters.wsl.podman import Container
from adapters.wsl.system import ReadSystem, WslSystem
from commands.containers.assessment import COLUMNS, MAX_GATEWAYS, explain_stopped
from commands.containers.listing import Answers, Fleet, list_hosts, list_unread_findings, read_gateway
from commands.containers.lookup import FoundContainer, HostListing, find_container, list_candidate_hosts
from commands.containers.reading import HostSight, get_containers, read_sight
from commands.gateways.registrations import GatewayRegistry
from commands.health.assessment import Judgment, build_findings
from commands.health.fleet_report import read_all_hosts, read_side
from commands.health.wsl_checks import explain_unmanaged, format_container
from commands.log_lines.lines import make_container_source
from commands.model.finding import list_next_commands, list_some, sort_worst_first
from commands.model.operation import FleetRead, FleetView
from commands.model.report import FACT_COLUMNS, Cell, Mark, Report, Row, Section
from commands.values.arguments import shorten_argument
from commands.values.containers import ContainerName, make_container_argument

MAX_NEXT = 4
"""Maximum next commands."""

MAX_NAMES = 30
"""Maximum variables, and other settings, that are named."""


class ContainerShow(FleetRead):
    """Show one container: state, address, image, settings, and where it is registered."""

    words: ClassVar = ("container", "show")
    summary: ClassVar = Phrase("one container: state, address, image, settings, names of variables, registrations")
    example: ClassVar = "container show host-a/web"
    label: ClassVar = Phrase("show container {container}", container="…")

    container: Annotated[ContainerName, make_container_argument(Phrase("host-a/web, web, or its ID"))]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return list_candidate_hosts(self.container, inventory)

    async def read(self, view: FleetView) -> Report:
        inventory = view.fleet.inventory
        listings = await read_all_hosts(self.resolve_hosts(inventory), lambda host: _list_containers(host, view), view)
        found = find_container(self.container, listings)
        others = list_hosts((found.host,), view)
        sight, registries = await asyncio.gather(
            read_sight(found.host, view), asyncio.gather(*(read_gateway(host, view) for host in others))
        )
        answers: list[Answers] = [(sight, None), *((None, registry) for registry in registries)]
        fleet = await asyncio.to_thread(Fleet.of, answers, view.now())
        return _build_report(found, fleet, [each for each in registries if each is not None])


async def _list_containers(host: Host, view: FleetView) -> HostListing[Container]:
    if host.wsl is None:
        return HostListing(host, Phrase("no WSL2 connection configured"))
    said: WslSystem | HostError | None = await read_side(host, ReadSystem.of(host.wsl), view)
    return HostListing(host, get_containers(said))


@dataclass(frozen=True)
class _Shown:
    """A container, its judgment, and its registrations by gateway."""

    found: FoundContainer[Container]
    judged: Judgment
    listed: ListedContainer | None
    allocated: str | None
    registries: Sequence[GatewayRegistry]

    def list_rows(self) -> Iterator[Row]:
        """Lists the facts, those that everyone needs first."""
        yield _build_fact("host", Phrase("Host"), Cell.of(self.found.host.name))
        for column in COLUMNS[1:]:
            cell = self.judged.cells[column.key]
            if cell.mark is not Mark.ABSENT and cell.text:
                yield _build_fact(column.key, column.heading, _show_whole(cell))
        for key, heading, text in self._list_further():
            if text:
                yield _build_fact(key, heading, Cell.of(text))

    def _list_further(self) -> Iterator[tuple[str, Phrase, Phrase | str]]:
        yield "registrations", Phrase("Registrations"), self._describe_registrations()
        if self.allocated is not None:
            none = Phrase("none")
            yield "allocated", Phrase("Allocated address"), self.allocated or none
        listed = self.listed
        if listed is None:
            return
        yield "pinned", Phrase("Fixed address"), Phrase("yes", context="setting") if listed.pinned_address else ""
        yield "variables", Phrase("Variables (names only)"), _list_names(listed.variables)
        yield "obstacles", Phrase("Cannot be moved because of"), _list_names(listed.obstacles)
        yield "auto_remove", Phrase("Removed when it stops"), Phrase("yes", context="setting") if listed.auto_remove else ""

    def _describe_registrations(self) -> Phrase | str:
        """Describes with which address it is registered, and at which gateways."""
        by_address: dict[str, list[str]] = {}
        for gateway in self.registries:
            for registration in gateway.registry.registrations if isinstance(gateway.registry, Registry) else ():
                if self._is_meant(registration):
                    by_address.setdefault(registration.ip, []).append(gateway.host.name)
        told = [
            Phrase("{address} at {gateways}", address=shorten_argument(address), gateways=list_some(at, MAX_GATEWAYS))
            for address, at in by_address.items()
        ]
        return list_some(told) if told else ""

    def _is_meant(self, registration: Registration) -> bool:
        return registration.id in (self.found.container.id, self.found.container.name)


def _build_report(found: FoundContainer[Container], fleet: Fleet, registries: Sequence[GatewayRegistry]) -> Report:
    (sight,) = fleet.sights
    now = next((each for each in sight.known if each.id == found.container.id), found.container)
    judged = fleet.judge(sight, now)
    shown = _Shown(
        found,
        judged,
        sight.listed.get(now.id),
        None if sight.allocated is None else sight.allocated.get(now.id, ""),
        registries,
    )
    host = found.host.name
    own, source = f"container show {found.words}", make_container_source(now.name)
    findings = sort_worst_first([*build_findings(host, judged.worst, own), *list_unread_findings(fleet)])
    offered = tuple(words for words in list_next_commands(findings) if words != own)
    logs = () if source is None else (f"log {source} {host}",)
    return Report(
        title=Phrase("Container {name}", name=found.words),
        summary=_summarize(found.words, judged),
        columns=FACT_COLUMNS,
        rows=tuple(shown.list_rows()),
        findings=tuple(each.model_copy(update={"next": None}) if each.next == own else each for each in findings),
        sections=tuple(_build_sections(found)),
        taken_at=fleet.at,
        next=(*_suggest_fix(sight, now, judged), *offered, *logs)[:MAX_NEXT],
    )


def _suggest_fix(sight: HostSight, container: Container, judged: Judgment) -> tuple[str, ...]:
    """Suggests to start a container that has ended, or to restart one whose problems end with a restart."""
    host, shown = sight.host, format_container(sight.host, container)
    if shown is None or explain_unmanaged(host, "containers") is not None or explain_stopped(sight, container) is not None:
        return ()
    if not container.runs:
        return (f"container start {shown}",)
    own = [remark for remark in judged.remarks if remark.next is None or remark.next.startswith("container show ")]
    return (f"container restart {shown}",) if own and not container.restarting else ()


def _summarize(name: str, judged: Judgment) -> Phrase:
    """Summarizes the state in one sentence: what is wrong, or where it can be reached."""
    cells = judged.cells
    if judged.remarks:
        worst = list_some([remark.short for remark in judged.worst])
        return Phrase("{container} needs attention: {worst}", container=name, worst=worst)
    told = [cells[key].text for key in ("status", "address") if cells[key].text]
    if cells["registered"].mark is Mark.WELL:
        told.append(Phrase("registered at {gateways}", gateways=cells["registered"].text))
    return Phrase("{container}: {facts}", container=name, facts=list_some(told))


def _build_sections(found: FoundContainer[Container]) -> Iterator[Section]:
    if found.unread:
        why = Phrase("{hosts} could not be read, and may have a container of this name, too", hosts=list_some(found.unread))
        yield Section(heading=Phrase("Other hosts"), lines=(why,))
    unmanaged = explain_unmanaged(found.host, "containers")
    if unmanaged is not None:
        yield Section(heading=Phrase("Not known: image digest, ports, volumes, variables"), lines=(unmanaged,))


def _build_fact(key: str, heading: Phrase, cell: Cell) -> Row:
    return Row(cells=(Cell(text=heading, value=key), cell))


def _show_whole(cell: Cell) -> Cell:
    """Shows the whole of an id or a digest, of which a table shows the beginning."""
    whole = isinstance(cell.text, str) and isinstance(cell.value, str)
    return cell.model_copy(update={"text": cell.value}) if whole else cell


def _list_names(names: Sequence[str]) -> Phrase | str:
    return list_some([shorten_argument(name) for name in names], MAX_NAMES) if names else ""
