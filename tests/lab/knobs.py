"""What of a lab host can be turned from well to wrong and back, beside its lines and services: each a knob with positions.

The first position of a knob is well. Where a knob stands is read from the host's own state, so it is true whoever turned it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import PureWindowsPath

from adapters.nebula.certificates import parse_pem
from tests.lab.fleet import LIGHTHOUSE, LabFleet, LabHost
from tests.lab.gateway.state import Escalated, GatewayState, Lua, ReloadFault
from tests.lab.windows.disks import PATHS, renew
from tests.lab.windows.mesh import Member
from tests.lab.windows.nginx import PATHS as NGINX_PATHS
from tests.lab.windows.state import Drive, WindowsState
from tests.lab.workspace.page import Knob
from tests.lab.wsl.container import Container
from tests.lab.wsl.state import Disk

CLOCKS = {"right": timedelta(), "ahead": timedelta(minutes=5), "behind": -timedelta(minutes=5)}

USES = {"usual": 24, "85 %": 85, "95 %": 95}
"""Percent of a disk in use."""

LIMITS = {"95 %": 90, "85 %": 80}
"""Percent from which a disk is shown so."""

LIFETIMES = {"valid": timedelta(days=365), "expires soon": timedelta(days=5), "expired": timedelta(hours=1)}
"""How long a certificate is valid that is signed now; an expired one was signed two hours ago."""

SOON, AGO = timedelta(days=30), timedelta(hours=2)

RESTARTS = 12
"""Of a container that podman starts again and again."""

CONTAINERS: Mapping[str, Callable[[Container], bool]] = {
    "running": lambda it: it.state == "running" and it.health != "unhealthy" and not it.restarts,
    "unhealthy": lambda it: it.state == "running" and it.health == "unhealthy",
    "restarting": lambda it: it.state == "running" and it.restarts > 0,
    "stopped": lambda it: it.state != "running" and it.exit_code == 0,
    "failed": lambda it: it.state != "running" and it.exit_code != 0,
}
"""Whether a container is at that position."""

GHOST = "0123456789ab" * 5 + "cafe"
"""The id of a container that is gone."""

APIS = {"works": Lua.WORKS, "broken": Lua.BROKEN, "init failed": Lua.INIT_FAILED}


@dataclass(frozen=True)
class Turn:
    """One knob of one host, and what turning it does."""

    knob: Knob
    to: Callable[[str], None]


def list_turns(fleet: LabFleet, host: LabHost) -> Iterator[Turn]:
    """The knobs that a host has."""
    member = fleet.mesh.members[host.name]
    if host in fleet.newcomers and not member.copies:
        yield _scripts(host)
        return
    if PureWindowsPath(PATHS.host_key) not in host.windows.state.files:
        yield _copy(member, fleet.mesh.now())
        return
    yield _clock(host.windows.state)
    yield from _drives(host.windows.state)
    lighthouse = next((other for other in fleet.hosts if other.name == LIGHTHOUSE), None)
    if lighthouse is not None and lighthouse is not host:
        yield _certificate(host, lighthouse, fleet.mesh.now())
    if host.gateway is not None:
        others = [other.id for other in fleet.hosts if other.gateway is not None and other is not host]
        yield _api(host.gateway.state)
        yield _peers(host.gateway.state, GatewayState.healthy(host.id, others).peers)
        yield _next_reload(host.gateway.state)
        yield _configuration(host.windows.state, fleet.mesh.now())
        yield _escalation(host)
        if host.wsl is not None:
            yield _registration(host, host.gateway.state, host.wsl.state.containers)
    if host.wsl is not None:
        yield _root(host.wsl.state.disks["/"])
        yield from map(_container, host.wsl.state.containers)


def _scripts(host: LabHost) -> Turn:
    """Both scripts on a machine that no configuration knows yet."""

    def turn(position: str) -> None:
        if position == "run":
            host.prepare()

    return Turn(Knob("scripts", "", "run" if host.prepared else "not run", ("run", "not run")), turn)


def _copy(member: Member, now: datetime) -> Turn:
    """Whatever certificate a removed host has had: somebody starts Nebula with a copy of it."""

    def turn(position: str) -> None:
        if position == "started":
            member.come_back(member.copies[-1], now)

    return Turn(Knob("copy", "", "kept", ("kept", "started")), turn)


def _clock(state: WindowsState) -> Turn:
    def turn(position: str) -> None:
        state.clock_offset = CLOCKS[position]

    seconds = state.clock_offset.total_seconds()
    at = "right" if abs(seconds) < 1 else "ahead" if seconds > 0 else "behind"
    return Turn(Knob("clock", "", at, tuple(CLOCKS)), turn)


def _drives(state: WindowsState) -> Iterator[Turn]:
    for name, drive in state.drives.items():
        if drive.size is not None and drive.free is not None:
            at = _describe_use(100 - 100 * drive.free // drive.size)
            yield Turn(Knob("disk", name, at, tuple(USES)), partial(_fill_drive, drive))


def _fill_drive(drive: Drive, position: str) -> None:
    assert drive.size is not None
    drive.free = drive.size - drive.size * USES[position] // 100


def _root(disk: Disk) -> Turn:
    def turn(position: str) -> None:
        disk.used = (disk.used + disk.free) * USES[position] // 100

    return Turn(Knob("disk", "/", _describe_use(100 * disk.used // (disk.used + disk.free)), tuple(USES)), turn)


def _describe_use(percent: int) -> str:
    return next((name for name, limit in LIMITS.items() if percent >= limit), "usual")


def _certificate(host: LabHost, lighthouse: LabHost, now: datetime) -> Turn:
    def turn(position: str) -> None:
        signed_at = now - AGO if position == "expired" else now
        renew(host.disk, lighthouse.disk, LIFETIMES[position], signed_at)

    (certificate,) = parse_pem(host.windows.state.files[PureWindowsPath(PATHS.host_certificate)])
    left = certificate.not_after - now
    at = "expired" if left <= timedelta() else "expires soon" if left <= SOON else "valid"
    return Turn(Knob("certificate", "", at, tuple(LIFETIMES)), turn)


def _api(state: GatewayState) -> Turn:
    def turn(position: str) -> None:
        state.lua = APIS[position]

    return Turn(Knob("api", "", next(name for name, lua in APIS.items() if lua is state.lua), tuple(APIS)), turn)


def _peers(state: GatewayState, peers: list[str]) -> Turn:
    def turn(position: str) -> None:
        state.peers = peers if position == "in sync" else peers[1:]

    at = "in sync" if set(peers) <= set(state.peers) else "one missing"
    return Turn(Knob("peers", "", at, ("in sync", "one missing")), turn)


def _next_reload(state: GatewayState) -> Turn:
    def turn(position: str) -> None:
        fault = ReloadFault(position)
        state.reloads = [] if fault is ReloadFault.NONE else [fault]

    at = state.reloads[0] if state.reloads else ReloadFault.NONE
    return Turn(Knob("reload", "", at.value, tuple(fault.value for fault in ReloadFault)), turn)


def _configuration(state: WindowsState, now: datetime) -> Turn:
    """A hasty edit that nginx has not loaded yet: a file that nobody wanted, and peers that listen elsewhere."""
    config = PureWindowsPath(NGINX_PATHS.gateway_config)
    mistake = config.parent / "conf.d" / "mistake.conf"

    def turn(position: str) -> None:
        bad = position == "bad edit"
        old, new = (":8080", ":8081") if bad else (":8081", ":8080")
        state.write(config, re.sub(rf'("http://10\.100\.[0-9]+\.1){old}"', rf'\g<1>{new}"', state.files[config]), now)
        if bad:
            state.write(mistake, "server {\n    listen 8088;\n    return 503;\n}\n", now)
        else:
            state.remove(mistake)

    at = "bad edit" if mistake in state.files else "as set up"
    return Turn(Knob("configuration", "", at, ("as set up", "bad edit")), turn)


def _registration(host: LabHost, gateway: GatewayState, containers: list[Container]) -> Turn:
    """A ghost of this host at its gateway, or a wrong address of its first container."""
    known = gateway.registrations

    def turn(position: str) -> None:
        known.forget(GHOST)
        if containers and (info := known.find(containers[0].id)) is not None:
            known.register(info | {"ip": f"10.87.{host.id}.77" if position == "wrong address" else containers[0].address})
        if position == "ghost":
            known.register({"id": GHOST, "ip": f"10.87.{host.id}.99", "hostId": host.id})

    info = known.find(containers[0].id) if containers else None
    wrong = info is not None and info["ip"] != containers[0].address
    at = "ghost" if known.find(GHOST) is not None else "wrong address" if wrong else "right"
    return Turn(Knob("registration", "", at, ("right", "ghost", "wrong address")), turn)


def _escalation(host: LabHost) -> Turn:
    """An attempt of P2P to a container of the next host that began an hour ago and never ends."""
    assert host.gateway is not None
    state, other = host.gateway.state, host.id % 254 + 1
    ip = f"10.87.{other}.10"

    def turn(position: str) -> None:
        state.escalated.pop(ip, None)
        if position == "stuck":
            state.escalated[ip] = Escalated("P2P_ATTEMPTING", state.now().timestamp() - 3600, f"10.100.{other}.1")

    return Turn(Knob("escalation", "", "stuck" if ip in state.escalated else "usual", ("usual", "stuck")), turn)


def _container(container: Container) -> Turn:
    def turn(position: str) -> None:
        container.state = "exited" if position in ("stopped", "failed") else "running"
        container.exit_code = 137 if position == "failed" else 0
        container.restarts = RESTARTS if position == "restarting" else 0
        container.health = "unhealthy" if position == "unhealthy" else "healthy" if container.health else None

    at = next((name for name, fits in CONTAINERS.items() if fits(container)), "failed")
    return Turn(Knob("container", container.name, at, tuple(CONTAINERS)), turn)
