"""Cells that `health --details` shows beside the checks: versions, clock, uptime, gateway, containers. Pure."""

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem
from adapters.phrase import Phrase, Span
from adapters.windows.system import WindowsSystem
from adapters.wsl.podman import Container
from adapters.wsl.system import WslSystem
from commands.checks.assessment import HealthAnswers
from commands.model.phrases import list_some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shorten_argument

CONTAINERS_LIMIT = 30
"""Maximum containers shown by name; more are counted. The data has all of them."""

DETAIL_COLUMNS = (
    Column(key="nebula_version", heading=Phrase("Nebula version"), detail=True),
    Column(key="nginx_version", heading=Phrase("nginx version"), detail=True),
    Column(key="os_version", heading=Phrase("Windows version"), detail=True),
    Column(key="powershell_version", heading=Phrase("PowerShell version"), detail=True),
    Column(key="clock_difference", heading=Phrase("Clock"), detail=True),
    Column(key="uptime", heading=Phrase("Uptime"), detail=True),
    Column(key="api_ms", heading=Phrase("Gateway response time"), detail=True),
    Column(key="container_list", heading=Phrase("All containers"), detail=True),
)


def build_details(looked: HealthAnswers) -> tuple[Cell, ...]:
    """Builds one cell for each of `DETAIL_COLUMNS`."""
    return *_build_windows_cells(looked), _build_answer_time_cell(looked.gateway), _build_container_list_cell(looked.wsl)


def _build_windows_cells(looked: HealthAnswers) -> tuple[Cell, ...]:
    said = looked.windows
    if not isinstance(said, WindowsSystem):
        return (_build_missing_cell(said),) * 6
    return (
        _build_version_cell(said.nebula_version),
        _build_version_cell(said.nginx_version),
        _build_version_cell(said.os_version),
        _build_version_cell(said.powershell_version),
        build_clock_cell(looked.ahead or 0.0),
        _build_uptime_cell(said),
    )


def _build_version_cell(version: str) -> Cell:
    return Cell(text=shorten_argument(version), value=version) if version else Cell(text=Phrase("none"), value="")


def build_clock_cell(ahead: float) -> Cell:
    """Builds the cell of a clock's offset, in seconds."""
    if abs(ahead) < 1:
        return Cell(text=Phrase("in sync"), value=round(ahead, 1))
    if ahead > 0:
        return Cell(text=Phrase("{time} ahead", time=Span(ahead)), value=round(ahead, 1))
    return Cell(text=Phrase("{time} behind", time=Span(-ahead)), value=round(ahead, 1))


def _build_uptime_cell(system: WindowsSystem) -> Cell:
    if system.booted_at is None:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    seconds = max((system.clock - system.booted_at).total_seconds(), 0.0)
    return Cell(text=Phrase("{time}", time=Span(seconds)), value=round(seconds))


def _build_answer_time_cell(said: GatewaySystem | HostError | None) -> Cell:
    """Builds the cell of the health page's response time, in milliseconds."""
    if not isinstance(said, GatewaySystem):
        return _build_missing_cell(said)
    if said.answer_ms is None:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    return Cell(text=Phrase("{n} ms", n=said.answer_ms), value=said.answer_ms)


def _build_container_list_cell(said: WslSystem | HostError | None) -> Cell:
    if not isinstance(said, WslSystem):
        return _build_missing_cell(said)
    if not isinstance(said.containers, tuple):
        return Cell(text=Phrase("unavailable"), mark=Mark.UNKNOWN)
    value = " ".join(f"{container.name}={container.state}" for container in said.containers)
    if not said.containers:
        return Cell(text=Phrase("none"), value=value)
    return Cell(
        text=list_some([_describe_container(container) for container in said.containers], CONTAINERS_LIMIT), value=value
    )


def _describe_container(container: Container) -> Phrase:
    return Phrase("{container} {state}", container=shorten_argument(container.name), state=shorten_argument(container.state))


def _build_missing_cell(said: HostError | None) -> Cell:
    """Builds the cell of a side that did not answer, or that the host does not have."""
    if said is None:
        return Cell(text=Phrase("N/A"), mark=Mark.ABSENT)
    return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
