"""What the hosts of the demo's story wrote before somebody looked: requests, why some of them failed, and what lay behind.

host-b   Nebula is told to stop                       nebula.log, and no request more in its access.log
host-a   the tunnel to host-b dies, orders get a 502   nebula.log, access.log and, in the same second, error.log
host-d   the container web is killed, its page too     the journal, what it printed, access.log and error.log
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from zoneinfo import ZoneInfo

from tests.lab.access_log import Answered, write_line
from tests.lab.fleet import LabFleet, LabHost
from tests.lab.windows.disks import PATHS
from tests.lab.wsl.logs import Entry, Printed

BEFORE, STOPPED = timedelta(minutes=25), timedelta(minutes=6)
"""How long ago the logs begin, and how long ago things went wrong."""

JAPAN = ZoneInfo("Asia/Tokyo")
"""Where the hosts are: the gateway writes its local time."""

EVERY = timedelta(seconds=20)
"""Between two requests."""

UNANSWERED = (
    "10060: A connection attempt failed because the connected party did not properly respond after a period of time, "
    "or established connection failed because connected host has failed to respond"
)
REFUSED = "10061: No connection could be made because the target machine actively refused it"


@dataclass(frozen=True)
class Requests:
    """What is asked of a gateway all the time; where it is `broken`, Windows' reason why the upstream was not reached."""

    client: str
    path: str
    upstream: str
    broken: str = ""


def leave(fleet: LabFleet, now: datetime) -> None:
    """Write it into the logs of host-a to host-d, and of host-f, where all is well."""
    stopped = now - STOPPED
    lately, until_then = _times(now - BEFORE, now), _times(now - BEFORE, stopped)
    _gateway(fleet["host-a"], _orders(broken=UNANSWERED), lately, stopped)
    _gateway(fleet["host-b"], Requests("10.100.1.1", "/orders/", "http://10.87.2.10:80/orders/"), until_then, stopped)
    _gateway(fleet["host-c"], Requests("10.87.3.11", "/stock/", "http://10.87.3.10:80/stock/"), lately, stopped)
    _gateway(fleet["host-f"], Requests("10.87.6.11", "/print/", "http://10.87.6.10:80/print/"), lately, stopped)
    _gateway(fleet["host-d"], Requests("10.100.3.1", "/", "http://10.87.4.10:80/", broken=REFUSED), lately, stopped)
    ends = ('msg="Caught signal, shutting down" signal=terminated', "msg=Goodbye")
    _nebula(fleet["host-b"], [(stopped, each) for each in ends])
    tries = [(at, _lost("Handshake timed out")) for at in _times(stopped + timedelta(seconds=15), now)]
    _nebula(fleet["host-a"], [(stopped + timedelta(seconds=8), _lost("Close tunnel received, tearing down.")), *tries])
    _killed(fleet["host-d"], stopped)


def fill(fleet: LabFleet, lines: int, now: datetime) -> None:
    """So many lines a second apart in Nebula's log, the access log and podman's journal of every host, and in error.log
    those of the last minutes."""
    times = [(now - timedelta(seconds=lines - n)).astimezone(UTC) for n in range(lines)]
    for host in fleet.hosts:
        _nebula(host, [(at, _lost("Handshake timed out")) for at in times])
        if host.wsl is not None:
            _gateway(host, _orders(broken=UNANSWERED), times, now - STOPPED)
            host.wsl.state.logs.journal = [Entry(at, f"{at:%Y-%m-%d %H:%M:%S} container exec web (flatnet)") for at in times]


def _orders(broken: str) -> Requests:
    """What containers of host-a ask of host-b."""
    return Requests("10.87.1.11", "/orders/", "http://10.100.2.1:8080/orders/", broken)


def _gateway(host: LabHost, asked: Requests, times: Sequence[datetime], stopped: datetime) -> None:
    """A request at each of these times; a broken one got a 502 after things went wrong, and error.log says why."""
    bad = [at for at in times if asked.broken and at > stopped]
    host.windows.state.zone = JAPAN.key
    good = Answered(asked.client, f"GET {asked.path} HTTP/1.1")
    broken = replace(good, status=502, size=157)
    access = (write_line(broken if at in bad else good, at, JAPAN) for at in times)
    error = (
        f"{at.astimezone(JAPAN):%Y/%m/%d %H:%M:%S} [error] 2404#4120: *{number} connect() failed ({asked.broken}) while "
        f'connecting to upstream, client: {asked.client}, server: , request: "GET {asked.path} HTTP/1.1", '
        f'upstream: "{asked.upstream}", host: "{host.name}:8080"\n'
        for number, at in enumerate(bad, start=1180)
    )
    host.windows.state.write(PureWindowsPath(PATHS.access_log), "".join(access), times[-1])
    host.windows.state.write(PureWindowsPath(PATHS.error_log), "".join(error), times[-1])


def _times(since: datetime, until: datetime) -> Sequence[datetime]:
    """Every so often, in UTC."""
    return [since.astimezone(UTC) + n * EVERY for n in range((until - since) // EVERY)]


def _nebula(host: LabHost, told: Sequence[tuple[datetime, str]]) -> None:
    """Append to its log."""
    file = PureWindowsPath(PATHS.nebula_log)
    lines = (f'time="{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" level=info {each}\n' for at, each in told)
    host.windows.state.write(file, host.windows.state.files[file] + "".join(lines), told[-1][0])


def _lost(message: str) -> str:
    """What Nebula says of the tunnel to host-b."""
    return f'msg="{message}" certName=host-b udpAddrs="[192.0.2.12:4242]" vpnIp=10.100.2.1'


def _killed(host: LabHost, at: datetime) -> None:
    """A container that had taken all memory, and the one that could then write no more."""
    assert host.wsl is not None
    logs = host.wsl.state.logs
    assert logs.journal is not None
    logs.printed["web"] = [each for each in logs.printed["web"] if each.at < at]
    logs.printed["web"].append(Printed(at, b"ERROR cannot allocate 268435456 bytes for the page cache"))
    logs.journal.append(Entry(at + timedelta(seconds=1), f"{at:%Y-%m-%d %H:%M:%S} container oom web (flatnet)"))
    logs.journal.append(Entry(at + timedelta(seconds=1), f"{at:%Y-%m-%d %H:%M:%S} container died web (exit code 137)"))
    ends = at + timedelta(seconds=3)
    logs.printed["db"] = [each for each in logs.printed["db"] if each.at < ends]
    logs.printed["db"].append(Printed(ends, b'FATAL: could not write to file "pgsql_tmp0.1": No space left on device'))
    logs.journal.append(Entry(ends, f"{ends:%Y-%m-%d %H:%M:%S} container died db (exit code 1)"))
