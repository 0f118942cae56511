"""The demo's story: a small fleet on an ordinary bad day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import PureWindowsPath

from adapters.nebula.certificates import parse_pem
from tests.lab import traces
from tests.lab.day import find_time
from tests.lab.faults import Fault
from tests.lab.fleet import GATEWAY_SERVICE, LabFleet
from tests.lab.shop import open_shop
from tests.lab.watchmen import Watchmen
from tests.lab.windows.disks import PATHS, Expiry
from tests.lab.windows.state import GB, Drive, WindowsState
from tests.lab.wsl.mishaps import Streaming
from tests.lab.wsl.state import MB, Helper

EXPIRY = {
    "now": Expiry(hosts={"host-c": 20}),
    "day": Expiry(hosts={"host-a": 14, "host-b": -2, "host-c": 6}),
}
"""By story: one certificate that has to be renewed; or one that has expired and two that end soon, of which one has less
than 14 days on the second morning."""

ROUTINE = """
[notices]
channel = "C0OPS"

[[approvals.rules]]
risk = "critical"
approvers = 1

[[alerts.routes]]
severities = ["critical", "high"]
channel = "C0OPS"
mention = ["kenji"]
escalate = "30m"
escalate_to = ["alice"]

[[alerts.routes]]
channel = "C0OPS"

[incidents]
channel = "C0OPS"
announce = "C0OPS"
escalate = ["alice"]
reaction = "white_check_mark"
"""
"""What the demo's configuration says of notices, approvals, alerts and incidents. It has two administrators."""

REASONS = {"en": "both containers move to host-c tomorrow", "ja": "明日 2 つとも host-c に移すため"}
"""Why Kenji silences the containers of host-d, by language."""

STEP = 0.05
"""Seconds between two looks at the clock."""

LATER = 0.6
"""Real seconds after which something happens at its time: what looks at hosts then has looked already."""


PACE = 0.03
"""Seconds for each piece of a stream of 64 KiB, at which a person can watch an image of 64 MB travel."""


@dataclass(frozen=True)
class Trouble:
    """What was wrong with a host from `since` to `until`, in days ago; it was not reached where no check is named."""

    host: str
    since: float
    until: float = 0.0
    check: str = ""


PAST = (
    Trouble("host-b", since=2, check="nebula"),
    Trouble("host-d", since=1.2, check="containers"),
    Trouble("host-d", since=9, until=8.4, check="containers"),
    Trouble("host-e", since=5.3),
    Trouble("host-a", since=6.5, until=6.4, check="gateway"),
    Trouble("host-f", since=11.2, until=11.1),
)
"""The fortnight before the story."""


def tell(fleet: LabFleet, now: datetime) -> None:
    """Nebula is stopped on host-b, two containers of host-d have exited, host-e is cut off, a drive of host-f is full.

    A laptop with a certificate of the fleet's CA has been to host-a. WSL2 of host-c was restarted and has another address;
    the bot may set up forwarding and move containers everywhere, and has a shop to move on host-a. Logs tell what happened
    before."""
    traces.leave(fleet, now)
    fleet["host-b"].windows.state.stop_service("Nebula", now)
    wsl = fleet["host-d"].wsl
    assert wsl is not None
    for container, code in zip(wsl.state.containers, (137, 1), strict=True):
        container.state, container.exit_code, container.health = "exited", code, None
    fleet["host-e"].cut()
    _fill(fleet["host-f"].windows.state, now)
    _visit(fleet["host-a"].windows.state, now)
    for host in fleet.hosts:
        if host.wsl is not None:
            host.wsl.state.helper = Helper(areas=("forwarding", "containers"))
            host.wsl.state.streaming = Streaming(pace=PACE)
    shop_host = fleet["host-a"].wsl
    assert shop_host is not None
    open_shop(shop_host.state, 64 * MB)
    moved = fleet["host-c"].wsl
    assert moved is not None
    moved.state.own_address = "172.28.9.4"


async def live(fleet: LabFleet, people: Watchmen, language: str, now: Callable[[], datetime]) -> None:
    """The day's own trouble: host-e refuses at once, and the gateway of host-a is down from one o'clock to five.

    People silence what they know of, and acknowledge the rest."""
    gateway, begin = fleet["host-a"].windows.state, now()
    _every_side(fleet, "host-e", Fault.REFUSE)
    await _until(find_time(begin, "08:40"), now)
    await people.silence("host-d", "container 1d", REASONS[language])
    await people.acknowledge_news("--until change")
    await _until(find_time(begin, "09:15"), now)
    await people.acknowledge_news("--until morning")
    await _until(find_time(begin, "12:58"), now)
    gateway.stop_service(GATEWAY_SERVICE, now())
    await _until(find_time(begin, "13:05"), now)
    await people.acknowledge_news("--until change")
    await _until(find_time(begin, "16:58"), now)
    gateway.start_service(GATEWAY_SERVICE, now())


def _visit(state: WindowsState, now: datetime) -> None:
    """A member that is in no configuration, as Nebula logs it."""
    (authority,) = parse_pem(state.files[PureWindowsPath(PATHS.ca_certificate)])
    state.append(
        PureWindowsPath(PATHS.nebula_log),
        f'time="{now - timedelta(minutes=40):%Y-%m-%dT%H:%M:%SZ}" level=info msg="Handshake message received" '
        f"certName=laptop-ana fingerprint={sha256(b'laptop-ana').hexdigest()} "
        f'handshake="map[stage:1 style:ix_psk0]" issuer={authority.fingerprint} udpAddr="192.0.2.77:4242" '
        "vpnIp=10.100.200.1\n",
        now,
    )


async def _until(at: datetime, now: Callable[[], datetime]) -> None:
    """Wait for that time, and for what the bot does at its beginning."""
    while now() < at:
        await asyncio.sleep(STEP)
    await asyncio.sleep(LATER)


def _every_side(fleet: LabFleet, name: str, fault: Fault) -> None:
    for side in fleet[name].ports:
        fleet[name].wire(side).fault = fault


def _fill(windows: WindowsState, now: datetime) -> None:
    """Drive F: is 91 % full, and nobody rotates the gateway's access log."""
    windows.drives["F:"] = Drive(size=200 * GB, free=18 * GB)
    log = PureWindowsPath(PATHS.access_log)
    windows.grow(log, GB, now)
