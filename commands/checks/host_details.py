"""Cells that `health --details` shows beside the checks: versions, clock, uptime, gateway, containers. Pure."""

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem
from adapters.phrase import Phrase, Span
from adapters.windows.system import WindowsSystem
from adapters.wsl.podman import Container
from adapters.wsl.system import WslSystem
from commands.checks.assessment import Looked
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shown

CONTAINERS_LIMIT = 30
"""Maximum containers shown by name; more are counted. The data has all of them."""

DETAILS = (
    Column(key="nebula_version", heading=Phrase("Nebula version"), detail=True),
    Column(key="nginx_version", heading=Phrase("nginx version"), detail=True),
    Column(key="os_version", heading=Phrase("Windows version"), detail=True),
    Column(key="powershell_version", heading=Phrase("PowerShell version"), detail=True),
    Column(key="clock_difference", heading=Phrase("Clock"), detail=True),
    Column(key="uptime", heading=Phrase("Up for"), detail=True),
    Column(key="api_ms", heading=Phrase("Gateway answers in"), detail=True),
    Column(key="container_list", heading=Phrase("All containers"), detail=True),
)


def details_of(looked: Looked) -> tuple[Cell, ...]:
    """Builds one cell for each of `DETAIL_COLUMNS`."""
    return *_windows(looked), _answering(looked.gateway), _containers(looked.wsl)


def _windows(looked: Looked) -> tuple[Cell, ...]:
    said = looked.windows
    if not isinstance(said, WindowsSystem):
        return (_nothing(said),) * 6
    return (
        _version(said.nebula_version),
        _version(said.nginx_version),
        _version(said.os_version),
        _version(said.powershell_version),
        clock_cell(looked.ahead or 0.0),
        _uptime(said),
    )


def _version(version: str) -> Cell:
    return Cell(text=shown(version), value=version) if version else Cell(text=Phrase("none"), value="")


def clock_cell(ahead: float) -> Cell:
    """Builds the cell of a clock's offset, in seconds."""
    if abs(ahead) < 1:
        return Cell(text=Phrase("right"), value=round(ahead, 1))
    if ahead > 0:
        return Cell(text=Phrase("{time} ahead", time=Span(ahead)), value=round(ahead, 1))
    return Cell(text=Phrase("{time} behind", time=Span(-ahead)), value=round(ahead, 1))


def _uptime(system: WindowsSystem) -> Cell:
    if system.booted_at is None:
        return Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
    seconds = max((system.clock - system.booted_at).total_seconds(), 0.0)
    return Cell(text=Phrase("{time}", time=Span(seconds)), value=round(seconds))


def _answering(said: GatewaySystem | HostError | None) -> Cell:
    """Builds the cell of the health page's response time, in milliseconds."""
    if not isinstance(said, GatewaySystem):
        return _nothing(said)
    if said.answer_ms is None:
        return Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
    return Cell(text=Phrase("{n} ms", n=said.answer_ms), value=said.answer_ms)


def _containers(said: WslSystem | HostError | None) -> Cell:
    if not isinstance(said, WslSystem):
        return _nothing(said)
    if not isinstance(said.containers, tuple):
        return Cell(text=Phrase("could not be read"), mark=Mark.UNKNOWN)
    value = " ".join(f"{container.name}={container.state}" for container in said.containers)
    if not said.containers:
        return Cell(text=Phrase("none"), value=value)
    return Cell(text=some([_container(container) for container in said.containers], CONTAINERS_LIMIT), value=value)


def _container(container: Container) -> Phrase:
    return Phrase("{container} {state}", container=shown(container.name), state=shown(container.state))


def _nothing(said: HostError | None) -> Cell:
    """Builds the cell of a side that did not answer, or that the host does not have."""
    if said is None:
        return Cell(text=Phrase("n/a"), mark=Mark.ABSENT)
    return Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)
