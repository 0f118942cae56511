"""`host`: the hosts of the inventory. No host is contacted."""

from typing import ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.model.operation import FleetRead, FleetView
from commands.model.report import Cell, Column, Mark, Report, Row


class HostList(FleetRead):
    """List the hosts of the inventory."""

    words: ClassVar = ("host",)
    summary: ClassVar = Phrase("list of configured hosts")
    example: ClassVar = "host"

    async def read(self, view: FleetView) -> Report:
        hosts = view.fleet.inventory.hosts
        return Report(
            title=Phrase("Hosts", context="title"),
            summary=Phrase("{n} host configured", plural="{n} hosts configured", n=len(hosts)),
            columns=COLUMNS,
            rows=tuple(_build_row(host) for host in hosts),
            taken_at=view.now(),
            next=("health",) if hosts else (),
        )


COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="id", heading=Phrase("ID")),
    Column(key="overlay", heading=Phrase("Overlay")),
    Column(key="windows", heading=Phrase("Windows")),
    Column(key="wsl", heading=Phrase("WSL2")),
    Column(key="gateway", heading=Phrase("Gateway")),
    Column(key="lighthouse", heading=Phrase("Lighthouse")),
    Column(key="labels", heading=Phrase("Labels")),
)


def _build_row(host: Host) -> Row:
    return Row(
        host=host.name,
        cells=(
            Cell.of(host.name),
            Cell(text=str(host.id), value=host.id),
            Cell.of(str(host.overlay)),
            *(_build_presence_cell(host.get_side(side) is not None) for side in ("windows", "wsl", "gateway")),
            Cell(text=Phrase("yes", context="lighthouse") if host.lighthouse else "", value=host.lighthouse),
            Cell(text=" ".join(host.labels), value=" ".join(host.labels)),
        ),
    )


def _build_presence_cell(present: bool) -> Cell:
    if present:
        return Cell(text=Phrase("yes", context="present"), value=True)
    return Cell(text=Phrase("no", context="present"), value=False, mark=Mark.ABSENT)
