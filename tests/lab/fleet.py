"""A whole fleet on loopback: hosts 1–N, the lighthouse if wanted, and the files that a bot needs to reach them.

Newcomers are machines beside it that no configuration knows (`tests.lab.newcomers`).
"""

import getpass
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

from aiohttp import web

from adapters.action import SideName
from adapters.inventory import LIGHTHOUSE_ID
from bot.config.schedules import BUILT_IN
from tests.lab import newcomers as machines
from tests.lab.access_log import Answered, log_requests
from tests.lab.faults import Fault, Wire
from tests.lab.gateway.nginx import Nginx
from tests.lab.gateway.proxy import OverlayProxy
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import GatewayState
from tests.lab.registrar import Registrar, Site
from tests.lab.windows.auth import ntlm_users
from tests.lab.windows.disks import SPARE, Disk, Expiry, lay_out
from tests.lab.windows.mesh import Member, Mesh
from tests.lab.windows.nginx import lay_configuration
from tests.lab.windows.server import WinRmServer, WinRmSettings
from tests.lab.windows.state import WindowsState
from tests.lab.windows.tls import Certificates, Tls, make_certificates
from tests.lab.workspace.workspace import Workspace
from tests.lab.wsl.server import Access, Keys, SshServer, write_access
from tests.lab.wsl.state import WslState

LIGHTHOUSE = "lighthouse"

GATEWAY_SERVICE = "OpenResty"
"""The service whose program listens for the gateway."""


ORDERS = Answered("10.87.1.11", "GET /orders/ HTTP/1.1")
"""What a container asks of a gateway."""


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass
class LabHost:
    """One host of the lab. States and wires may be changed while it runs; a side that is None is absent.

    `prepared`: both scripts were run on it, so it answers the bot.
    """

    name: str
    id: int
    windows: WinRmServer
    wsl: SshServer | None = None
    gateway: GatewayServer | None = None
    ports: dict[SideName, int] = field(default_factory=dict)
    prepared: bool = True
    now: Callable[[], datetime] = _utc

    @property
    def fingerprints(self) -> tuple[str, str]:
        """What a person reads at its console: SHA-256 of WinRM's certificate, and of the SSH host key (`SHA256:…`)."""
        assert self.wsl is not None
        return self.windows.tls.sha256, self.wsl.keys.host.get_fingerprint()

    @property
    def disk(self) -> Disk:
        """Its disk, on which certificates lie."""
        return Disk(self.id, self.name, self.windows.state)

    def wire(self, side: SideName) -> Wire:
        """The line to one side; a `KeyError` where this host does not have it."""
        server = {"windows": self.windows, "wsl": self.wsl, "gateway": self.gateway}[side]
        if server is None:
            raise KeyError(f"{self.name} has no {side} side")
        return server.wire

    def cut(self) -> None:
        """Pull the cable: nothing answers, on no side."""
        for server in (self.windows, self.wsl, self.gateway):
            if server is not None:
                server.wire.fault = Fault.SWALLOW

    def is_there(self) -> bool:
        """Whether the machine is on the net."""
        return self.windows.wire.fault is not Fault.SWALLOW

    def mend(self) -> None:
        """All sides answer again."""
        for side in self.ports:
            self.wire(side).fault = Fault.NONE

    def elapse(self, seconds: float) -> None:
        """Let time pass for the guard of a change on this host, and for its gateway, without waiting."""
        self.windows.state.elapse(seconds)
        if self.gateway is not None:
            self.gateway.state.elapse(seconds)

    def serve(self, service: str, runs: bool) -> None:
        """Open and close the gateway's port with its service."""
        if self.gateway is not None and service.lower() == GATEWAY_SERVICE.lower():
            self.gateway.wire.served = runs

    def prepare(self, number: int | None = None) -> None:
        """Run both scripts on a newcomer, with an id that has been reserved meanwhile: the bot can reach it from now on."""
        self.id, self.prepared = self.id if number is None else number, True
        if self.wsl is not None:
            machines.allow_changes(self.wsl.state, self.id)
        self.mend()

    def take_over(self, stranger: "LabHost") -> None:
        """Have another machine answer at this one's address: with all that it is, but for its ports."""
        self.windows.show(stranger.windows.tls)
        if self.wsl is not None and stranger.wsl is not None:
            self.wsl.keys = stranger.wsl.keys

    def restart_wsl(self) -> None:
        """WSL2 ends, with all connections to it, and begins anew."""
        if self.wsl is not None:
            self.wsl.wire.served = False
            self.wsl.state.restart()
            self.wsl.wire.served = True

    def add_requests(self, count: int, errors: int = 0) -> None:
        """Write so many requests into the gateway's access log, the last of them answered with 502."""
        broken = replace(ORDERS, status=502, size=157)
        log_requests(self.windows.state, [ORDERS] * (count - errors) + [broken] * errors, self.now())

    def log(self, request: web.BaseRequest, response: web.Response) -> None:
        """Write what the gateway answered into its access log."""
        version = f"HTTP/{request.version.major}.{request.version.minor}"
        answered = Answered(
            client=request.remote or "-",
            request=f"{request.method} {request.path_qs} {version}",
            status=response.status,
            size=len(response.body) if isinstance(response.body, bytes) else 0,
            agent=request.headers.get("User-Agent", "-"),
        )
        log_requests(self.windows.state, [answered], self.now())

    def roads(self, dead: bool) -> None:
        """What a change that cuts its own road does to this host's wires."""
        if dead:
            self.cut()
        else:
            self.mend()


@dataclass(frozen=True)
class Conditions:
    """How the whole fleet is: its latency, its PowerShell, its certificates. Times in seconds.

    `latency` is of each exchange, `powershell_start` of each process, `script_time` of each script that a process runs.
    `now` is the time that its hosts live by.
    """

    latency: float = 0.0
    powershell_start: float = 0.0
    script_time: float = 0.0
    expiry: Expiry = field(default_factory=Expiry)
    now: Callable[[], datetime] = _utc


@dataclass(frozen=True)
class LabFleet:
    """A running fleet and what a bot needs to reach it. `proxy` is the port of the overlay's, where there are newcomers."""

    hosts: tuple[LabHost, ...]
    certificates: Certificates
    access: Access
    settings: WinRmSettings
    mesh: Mesh
    newcomers: tuple[LabHost, ...] = ()
    proxy: int = 0

    def __getitem__(self, name: str) -> LabHost:
        return next(host for host in (*self.hosts, *self.newcomers) if host.name == name)


def host_name(number: int) -> str:
    """host-a … host-z, host-aa …: as the guide names them."""
    letters = ""
    while number > 0:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return f"host-{letters}"


@asynccontextmanager
async def run_fleet(
    folder: Path, hosts: int, *, lighthouse: bool = False, conditions: Conditions | None = None, newcomers: int = 0
) -> AsyncIterator[LabFleet]:
    """Start hosts 1–N and, if wanted, the lighthouse; their keys and certificates lie in `folder`.

    Newcomers are named and numbered behind them. They do not answer before they are prepared.
    """
    conditions = conditions or Conditions()
    folder.mkdir(parents=True, exist_ok=True)
    settings = WinRmSettings(
        password=secrets.token_urlsafe(18),
        powershell_start=conditions.powershell_start,
        script_time=conditions.script_time,
    )
    certificates, keys = make_certificates(folder), Keys.generate()
    made = [_host(number, hosts, settings, keys, conditions) for number in range(0 if lighthouse else 1, hosts + 1)]
    new = [_newcomer(number, settings, keys, conditions) for number in range(hosts + 1, hosts + newcomers + 1)]
    async with AsyncExitStack() as stack:
        stack.enter_context(ntlm_users(folder, {settings.user: settings.password}))
        for host in made:
            await _start(host, certificates.tls, stack)
        for host in new:
            await _start(host, certificates.issue(host.name), stack)
        ports = [host.ports["wsl"] for host in made if "wsl" in host.ports]
        mesh = _mesh(made, new, conditions)
        for host in (*made, *new):
            host.windows.state.reach = partial(_reach, host, host.windows.state.reach)
        _connect_gateways([*made, *new])
        access, proxy = write_access(folder, keys, ports), await _start_proxy([*made, *new], mesh, stack) if new else 0
        yield LabFleet(tuple(made), certificates, access, settings, mesh, tuple(new), proxy)


def _host(number: int, hosts: int, settings: WinRmSettings, keys: Keys, conditions: Conditions) -> LabHost:
    name = host_name(number) if number else LIGHTHOUSE
    windows = WinRmServer(WindowsState.healthy(number, name), _wire(conditions), settings, now=conditions.now)
    if not number:
        return LabHost(name, number, windows, now=conditions.now)
    peers = [other for other in range(1, hosts + 1) if other != number]
    wsl = WslState.healthy(number, conditions.now())
    wsl.now = conditions.now
    return LabHost(
        name,
        number,
        windows,
        SshServer(wsl, _wire(conditions), keys),
        GatewayServer(GatewayState.healthy(number, peers), _wire(conditions)),
        now=conditions.now,
    )


def _newcomer(number: int, settings: WinRmSettings, keys: Keys, conditions: Conditions) -> LabHost:
    """A machine that no configuration knows, on which nothing answers yet."""
    name, now = host_name(number), conditions.now()
    windows = WinRmServer(machines.make_windows(number, name, now), _wire(conditions), settings, now=conditions.now)
    wsl = machines.make_wsl(number, now)
    wsl.now = conditions.now
    host = LabHost(
        name,
        number,
        windows,
        SshServer(wsl, _wire(conditions), keys.for_machine()),
        GatewayServer(machines.make_gateway(number), _wire(conditions)),
        prepared=False,
        now=conditions.now,
    )
    for server in (host.windows, host.wsl, host.gateway):
        if server is not None:
            server.wire.fault = Fault.REFUSE
    host.serve(GATEWAY_SERVICE, runs=False)
    return host


async def _start_proxy(hosts: list[LabHost], mesh: Mesh, stack: AsyncExitStack) -> int:
    """Start the proxy that reaches gateways on the overlay, and those of this machine's loopback by their ports."""

    def find_port(address: str, port: int) -> int | None:
        if address == "127.0.0.1":
            return port
        return next((host.ports["gateway"] for host in hosts if mesh.owns(host.name, address) and host.gateway), None)

    proxy = OverlayProxy(find_port)
    stack.push_async_callback(proxy.stop)
    return await proxy.start()


def _connect_gateways(hosts: list[LabHost]) -> None:
    """Let the gateways find each other, and let them have what runs."""

    def list_sites() -> Iterator[Site]:
        for host in hosts:
            if host.wsl is not None and host.gateway is not None:
                yield host.id, host.wsl.state, host.gateway

    def find_peer(url: str) -> GatewayServer | None:
        return next((gateway for number, _, gateway in list_sites() if url == f"http://10.100.{number}.1:8080"), None)

    registrar = Registrar(list_sites)
    for _, _, gateway in list_sites():
        gateway.find_peer = find_peer
        gateway.on_request.append(registrar.follow)
    registrar.follow()


def crowd(fleet: LabFleet, count: int) -> None:
    """Let every host run so many containers, and the gateways have them before they are asked."""
    for host in fleet.hosts:
        if host.wsl is not None:
            host.wsl.state.crowd(host.id, count)
    for prepare in {prepare for host in fleet.hosts if host.gateway is not None for prepare in host.gateway.on_request}:
        prepare()


def _mesh(hosts: list[LabHost], new: list[LabHost], conditions: Conditions) -> Mesh:
    """Certificates on all disks, and Nebula running by them; each has spoken with the lighthouse and with its neighbour.

    Newcomers have neither, but their gateways load what the bot will lay there.
    """
    now = conditions.now()
    lay_out([host.disk for host in hosts], conditions.expiry, now)
    _lay_gateways(hosts, now)
    for host in new:
        if host.gateway is not None:
            Nginx(host.windows.state, host.gateway.state)
    mesh = Mesh({host.name: Member(host.windows.state, host.is_there) for host in (*hosts, *new)}, conditions.now)
    neighbours = list(pairwise(hosts))
    spoken = neighbours + [(host, hosts[0]) for host in hosts[2:] if hosts[0].id == LIGHTHOUSE_ID]
    mesh.begin(now - SPARE / 2, [(host.name, other.name) for host, other in spoken])
    return mesh


def _lay_gateways(hosts: list[LabHost], now: datetime) -> None:
    """Configurations on the disks of all hosts that have a gateway, by which their nginx run."""
    for host in hosts:
        if host.gateway is not None:
            gateway, windows = host.gateway.state, host.windows.state
            lay_configuration(windows, gateway.host_id, gateway.peers, now)
            Nginx(windows, gateway)


def _reach(host: LabHost, overlay: Callable[[str], bool], address: str) -> bool:
    """Whether an address answers a ping from Windows: its containers through the route, all others over Nebula."""
    if not address.startswith("10.87."):
        return overlay(address)
    subnet = f"{address.rpartition('.')[0]}.0/24"
    hops = {route.next_hop for route in host.windows.state.routes if route.destination == subnet}
    wsl = None if host.wsl is None else host.wsl.state
    return wsl is not None and hops == {wsl.own_address} and wsl.bridge_exists and wsl.bridge_up


def _wire(conditions: Conditions) -> Wire:
    return Wire(latency=conditions.latency)


async def _start(host: LabHost, tls: Tls, stack: AsyncExitStack) -> None:
    host.windows.state.on_cut.append(host.roads)
    host.windows.state.on_service.append(host.serve)
    host.ports["windows"] = await host.windows.start(tls)
    stack.push_async_callback(host.windows.stop)
    if host.wsl is not None:
        host.ports["wsl"] = await host.wsl.start()
        stack.push_async_callback(host.wsl.stop)
    if host.gateway is not None:
        host.gateway.on_answer.append(host.log)
        host.ports["gateway"] = await host.gateway.start()
        stack.push_async_callback(host.gateway.stop)


NO_SCHEDULES = "\n".join(f'[[schedules]]\nname = "{name}"\nenabled = false\n' for name in BUILT_IN)
QUIET = f"[alerts]\nenabled = false\n\n{NO_SCHEDULES}"


def write_configuration(
    folder: Path, fleet: LabFleet, workspace: Workspace | None = None, language: str = "ja", routine: str = QUIET
) -> Path:
    """Write `flatnet.toml` and the secrets folder: everything that a bot needs. Returns the configuration's path.

    `routine` is what the configuration says of alerts, schedules and notices; by default nothing runs by the clock.
    """
    _write_secrets(folder / "secrets", fleet, workspace)
    parts = [
        f'language = "{language}"\ntime_zone = "Asia/Tokyo"\n'
        'data_folder = "data"\nsocket_file = "bot.sock"\nsecrets_folder = "secrets"\n',
        _slack(workspace),
        _people(workspace),
        f'[defaults.windows]\nuser = "{fleet.settings.user}"\nca_file = "{fleet.certificates.ca_file}"\n',
        f'[defaults.wsl]\naddress = "127.0.0.1"\nkey_file = "{fleet.access.key_file}"\n'
        f'known_hosts_file = "{fleet.access.known_hosts_file}"\n',
        f'[defaults.gateway]\nproxy = "http://127.0.0.1:{fleet.proxy}"\n' if fleet.proxy else "",
        routine,
        *(_described(host) for host in fleet.hosts),
    ]
    file = folder / "flatnet.toml"
    file.write_text("\n".join(part for part in parts if part), encoding="utf-8")
    return file


def _write_secrets(folder: Path, fleet: LabFleet, workspace: Workspace | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    values = {"winrm_password": fleet.settings.password, "audit_key": secrets.token_hex(32)}
    if workspace is not None:
        values |= {"slack_bot_token": workspace.bot_token, "slack_app_token": workspace.app_token}
    for name, value in values.items():
        file = folder / name
        file.touch(mode=0o600)
        if name != "audit_key" or not file.read_text():
            file.write_text(value)


def _slack(workspace: Workspace | None) -> str:
    if workspace is None:
        return ""
    return (
        f'[slack]\nteam = "{workspace.seed.team}"\napi_url = "{workspace.api_url}"\n'
        f'[approvals]\nchannel = "{workspace.seed.channels[0].id}"\n'
    )


def _people(workspace: Workspace | None) -> str:
    """Whoever started the lab is its administrator; the workspace's people have the roles that they play."""
    name = "me" if workspace is None else workspace.seed.terminal
    me = f'[[people]]\nname = "{name}"\nsystem = ["{getpass.getuser()}"]\nroles = ["administrator", "operator"]\n'
    others = (
        f'[[people]]\nname = "{person.name}"\nslack = ["{person.id}"]\nroles = ["{person.role}"]\n'
        for person in (workspace.seed.people if workspace is not None else ())
        if person.role is not None
    )
    return "\n".join((me, *others))


def _described(host: LabHost) -> str:
    lines = ["[[hosts]]", f'name = "{host.name}"', f"id = {host.id}"]
    if host.id == 0:
        lines.append("lighthouse = true")
    lines += ["[hosts.windows]", f'url = "https://127.0.0.1:{host.ports["windows"]}/wsman"']
    if "wsl" in host.ports:
        lines += ["[hosts.wsl]", f"port = {host.ports['wsl']}"]
    if host.wsl is not None and host.wsl.state.helper is not None:
        lines.append(f"manage = {json.dumps(host.wsl.state.helper.areas)}")
    if "gateway" in host.ports:
        lines += ["[hosts.gateway]", f'url = "http://127.0.0.1:{host.ports["gateway"]}"']
    return "\n".join(lines) + "\n"
