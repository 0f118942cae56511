"""The access log of a lab's gateway, in nginx's combined format."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import PureWindowsPath
from zoneinfo import ZoneInfo

from adapters.inventory import WindowsPaths
from tests.lab.windows.state import WindowsState

PATH = PureWindowsPath(WindowsPaths.model_validate({}).access_log)


@dataclass(frozen=True)
class Answered:
    """A request as the log has it, with nginx's answer to it."""

    client: str
    request: str
    status: int = 200
    size: int = 1843
    agent: str = "python-requests/2.32.3"


def write_line(answered: Answered, at: datetime, zone: tzinfo) -> str:
    """A line of the log. nginx writes a client's quotes, backslashes and control characters as \\xHH."""
    request, agent = (
        "".join(each if " " <= each <= "~" and each not in '"\\' else f"\\x{ord(each):02X}" for each in text)
        for text in (answered.request, answered.agent)
    )
    time = f"{at.astimezone(zone):%d/%b/%Y:%H:%M:%S %z}"
    return f'{answered.client} - - [{time}] "{request}" {answered.status} {answered.size} "-" "{agent}"\n'


def log_requests(state: WindowsState, answers: Iterable[Answered], now: datetime) -> None:
    """Write requests into a host's log, where it has one."""
    if PATH in state.files:
        zone = ZoneInfo(state.zone)
        state.append(PATH, "".join(write_line(each, state.clock(now), zone) for each in answers), now)


def rotate(state: WindowsState, now: datetime, name: str = "access.log.1") -> None:
    """Put the log aside under that name, and begin a new one."""
    state.rename(PATH, PATH.with_name(name))
    state.write(PATH, "", now)
