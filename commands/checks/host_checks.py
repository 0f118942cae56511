"""Judges the daily check: the answers of a host's sides become cells and remarks. Pure.

| check | side | good |
| --- | --- | --- |
| nebula | Windows | the service runs |
| gateway | Windows | the OpenResty service runs with an nginx process, or a bare nginx does |
| api | gateway | healthy page, working Lua side behind it, the right host id |
| containers | WSL2 | all of Flatnet's containers run, none is unhealthy |
| bridge | WSL2 | exists, is up, has the host's bridge address |
| forwarding | WSL2 | on |

A side that a host does not have is n/a. The checks of a side that did not answer are unknown, never bad, with one remark
for the side, or for the whole host if no side answered.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.gateway.api import GatewaySystem, Sync, Unusable
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase, Span
from adapters.windows.system import ServiceStatus, WindowsSystem
from adapters.wsl.podman import Container, Unread
from adapters.wsl.system import Bridge, WslSystem
from commands.checks.assessment import (
    Judged,
    Looked,
    Remark,
    absent,
    bad,
    remarked,
    silent,
    together,
    unanswered,
    unread,
    well,
)
from commands.loglines.sources import container_source
from commands.model.finding import Severity
from commands.model.operation import Thresholds
from commands.model.phrases import NAMED, some
from commands.model.report import Cell, Mark
from commands.values.arguments import shown


def known_peers(inventory: Inventory) -> frozenset[str]:
    """Lists the valid names of a gateway's peers: the hosts' overlay addresses and the inventory's gateway addresses."""
    overlay = {str(host.overlay.ip) for host in inventory.hosts}
    return frozenset(overlay | {urlsplit(host.gateway.url).netloc for host in inventory.hosts if host.gateway is not None})


def judge(looked: Looked, known: frozenset[str], thresholds: Thresholds) -> Judged:
    """Judges the six checks of one host, and its clock; `known` is from `list_known_peers`."""
    judged = together(
        judge_windows(looked.host, looked.windows),
        judge_gateway(looked.host, looked.gateway, known),
        judge_wsl(looked.host, looked.wsl),
        judge_clock(looked.ahead, thresholds),
    )
    return silent(looked.errors, judged) if looked.silent else judged


def judge_windows(host: Host, said: WindowsSystem | HostError | None) -> Judged:
    """Judges Nebula and, if the host has a gateway, the gateway's programs."""
    if said is None or host.windows is None:
        return absent("nebula", "gateway")
    lacking = absent() if host.gateway is not None else absent("gateway")
    if isinstance(said, HostError):
        return together(unanswered("windows", Phrase("Windows"), ("nebula", "gateway"), said), lacking)
    gateway = (
        judge_gateway_service(host.name, host.windows.gateway_service, said.gateway, said.nginx_processes)
        if host.gateway is not None
        else lacking
    )
    return together(judge_nebula_service(host.name, host.windows.nebula_service, said.nebula), gateway)


def judge_gateway(host: Host, said: GatewaySystem | HostError | None, known: frozenset[str]) -> Judged:
    """Judges the gateway's API."""
    if said is None:
        return absent("api")
    if isinstance(said, HostError):
        return unanswered("api", Phrase("gateway API"), ("api",), said)
    return _unhealthy(host, said) or _broken(host, said) or _partly_silent(said) or _api_well(said, known)


def judge_wsl(host: Host, said: WslSystem | HostError | None) -> Judged:
    """Judges containers, bridge and forwarding."""
    keys = ("containers", "bridge", "forwarding")
    if said is None:
        return absent(*keys)
    if isinstance(said, HostError):
        return unanswered("wsl", Phrase("WSL2"), keys, said)
    return together(_containers(host, said.containers), _bridge(host, said.bridge), _forwarding(said.forwarding))


STATES: Mapping[ServiceStatus, Phrase] = {
    "Running": Phrase("running"),
    "Stopped": Phrase("stopped"),
    "StartPending": Phrase("starting"),
    "StopPending": Phrase("stopping"),
    "Paused": Phrase("paused"),
    "PausePending": Phrase("pausing"),
    "ContinuePending": Phrase("resuming"),
    "Absent": Phrase("not installed"),
    "Unknown": Phrase("not known"),
}
_COMING = frozenset({"StartPending", "ContinuePending"})
_GOING = frozenset({"StopPending", "PausePending"})


def judge_nebula_service(host: str, service: str, status: ServiceStatus) -> Judged:
    """Judges Nebula by its service. `host` is the target of the command that fixes it."""
    if status == "Unknown":
        return unread("nebula", _untold(service))
    if status == "Running":
        return well("nebula", STATES[status], status)
    severity = Severity.MEDIUM if status in _COMING else Severity.HIGH if status in _GOING else Severity.CRITICAL
    mend = f"service start nebula {host}" if status == "Stopped" else None
    return bad("nebula", STATES[status], status, severity, _not_running(service, status)).suggest(mend)


def judge_gateway_service(host: str, service: str, status: ServiceStatus, processes: int) -> Judged:
    """Judges the gateway by its nginx processes, with the reason from the service. A bare nginx.exe needs no service."""
    if status == "Unknown":
        return unread("gateway", _untold(service))
    if status in _COMING | _GOING:
        severity = Severity.MEDIUM if status in _COMING else Severity.HIGH
        return bad("gateway", STATES[status], status, severity, _not_running(service, status))
    if processes > 0:
        text = STATES[status] if status == "Running" else Phrase("running, without its service")
        return well("gateway", text, "Running" if status == "Running" else "Bare")
    if status == "Running":
        why = Phrase("the service {service} is running without an nginx process", service=service)
        restart = f"service restart openresty {host}"
        return bad("gateway", Phrase("no nginx process"), "NoProcess", Severity.HIGH, why).suggest(restart)
    start = f"service start openresty {host}"
    if status == "Absent":
        why = Phrase("no nginx process runs, and there is no service {service}", service=service)
        return bad("gateway", STATES[status], status, Severity.HIGH, why).suggest(start)
    mend = start if status == "Stopped" else None
    return bad("gateway", STATES[status], status, Severity.HIGH, _not_running(service, status)).suggest(mend)


def _not_running(service: str, status: ServiceStatus) -> Phrase:
    """Explains the state of a service, with the fix if no command of the bot is one."""
    if status in _COMING | _GOING:
        state = STATES[status]
        return Phrase("the service {service} is {state}; ask again in a minute", service=service, state=state)
    if status == "Absent":
        return Phrase(
            "there is no service {service}; install it on the host, or mend its name in the configuration", service=service
        )
    if status == "Paused":
        command = _powershell("Resume-Service", service)
        return Phrase("the service {service} is paused; resume it on the host: {command}", service=service, command=command)
    return Phrase("the service {service} is {state}", service=service, state=STATES[status])


def _untold(service: str) -> Phrase:
    command = _powershell("Get-Service", service)
    return Phrase(
        "Windows does not tell the state of the service {service}; see why on the host: {command}",
        service=service,
        command=command,
    )


def _powershell(command: str, service: str) -> str:
    """Formats a command line to be typed on the host. The inventory allows spaces in the name, and no quotes."""
    return f"{command} '{service}'" if " " in service else f"{command} {service}"


def _unhealthy(host: Host, system: GatewaySystem) -> Judged | None:
    """Judges errors within the three answers. Requests from outside of the overlay may read the health page only."""
    problems = [said for said in (system.healthy, system.sync, system.status) if isinstance(said, Unusable)]
    forbidden = next((problem for problem in problems if problem.forbidden), None)
    if forbidden is not None:
        cell = Cell(text=Phrase("address not allowed"), value="forbidden", mark=Mark.UNKNOWN)
        why = Phrase("the gateway API was reached, but {why}", why=forbidden.phrase)
        return remarked("api", cell, Severity.MEDIUM, why)
    if system.healthy is False:
        why = Phrase("the gateway's health page does not answer OK; its error.log may say why")
        return bad("api", Phrase("not healthy"), "unhealthy", Severity.HIGH, why).suggest(_error_log(host))
    if problems:
        why = problems[0].phrase
        if system.healthy is True and len(problems) == 2:
            why = Phrase("only the gateway's health page works: {why}", why=why)
        return bad("api", Phrase("broken"), "broken", Severity.HIGH, why).suggest(_error_log(host))
    return None


def _broken(host: Host, system: GatewaySystem) -> Judged | None:
    """Judges the Lua side below a healthy page: it may have failed to start, or have started as another host."""
    if not isinstance(system.sync, Sync) or system.sync.host_id == host.id:
        return None
    if system.sync.host_id is None:
        why = Phrase(
            "the gateway failed to start up (it has no host id), so it synchronises nothing; its error.log may say why"
        )
        return bad("api", Phrase("not initialised"), "uninitialised", Severity.HIGH, why).suggest(_error_log(host))
    why = Phrase(
        "the gateway says that it is host {said}, the inventory says {known}; mend host_id in nginx.conf or the inventory",
        said=str(system.sync.host_id),
        known=str(host.id),
    )
    return bad("api", Phrase("wrong host id"), "wrong-host-id", Severity.HIGH, why)


def _error_log(host: Host) -> str | None:
    """Returns the command that shows the error log; None if the bot reads no files of this host."""
    return f"log error {host.name} --since 1h" if host.windows is not None else None


def _partly_silent(system: GatewaySystem) -> Judged | None:
    """Judges paths that did not answer. One of them makes the check unknown, even if the others are healthy."""
    parts = {"/api/health": system.healthy, "/api/sync/status": system.sync, "/api/status": system.status}
    for path, said in parts.items():
        if isinstance(said, HostError):
            return unanswered("api", Phrase("gateway API, {path}", path=path), ("api",), said)
    return None


def _api_well(system: GatewaySystem, known: frozenset[str]) -> Judged:
    peers = system.sync.peers if isinstance(system.sync, Sync) else ()
    strange = [shown(peer) for peer in peers if not _is_known(peer, known)]
    cells = {"api": Cell(text=Phrase("healthy"), value="healthy", mark=Mark.WELL)}
    if not strange:
        return Judged(cells)
    why = Phrase(
        "the gateway has a peer that the inventory does not know: {peers}; add the host, or take it out of nginx.conf",
        plural="the gateway has {n} peers that the inventory does not know: {peers}; "
        "add the hosts, or take them out of nginx.conf",
        n=len(strange),
        peers=some(strange),
    )
    return Judged(cells, (Remark("api", Severity.LOW, Phrase("unknown peers"), why),))


def _is_known(peer: str, known: frozenset[str]) -> bool:
    try:
        parts = urlsplit(peer)
    except ValueError:
        return False
    return parts.hostname in known or parts.netloc in known


def _containers(host: Host, said: tuple[Container, ...] | Unread) -> Judged:
    if isinstance(said, Unread):
        return unread("containers", said.phrase)
    troubled = [container for container in said if container.state != "running" or container.healthy is False]
    if not troubled:
        text = Phrase("{n} running", n=len(said)) if said else Phrase("none")
        return well("containers", text, f"{len(said)}/{len(said)}")
    running = len(said) - len(troubled)
    failed = [container for container in troubled if not _done(container)]
    severity = Severity.MEDIUM if failed else Severity.LOW
    text = Phrase("{n} of {total} not well", n=len(troubled), total=len(said))
    troubles = some([_trouble(each) for each in troubled])
    if failed:
        restart = _podman("restart", failed)
        why = Phrase(
            "{troubles}; the log may say why, and in WSL2 {command} starts again", troubles=troubles, command=restart
        )
    else:
        start = _podman("start", troubled)
        why = Phrase(
            "{troubles}, without an error; if that should run, in WSL2: {command}", troubles=troubles, command=start
        )
    return bad("containers", text, f"{running}/{len(said)}", severity, why).suggest(_log_of(host, failed or troubled))


def _done(container: Container) -> bool:
    """Returns whether the container has exited without an error."""
    return container.state == "exited" and container.exit_code == 0


def _podman(verb: str, containers: Sequence[Container]) -> str:
    """Formats a command line to be typed in WSL2, for the first few containers with valid names."""
    names = [container.name for container in containers if container_source(container.name) is not None]
    return " ".join(("sudo podman", verb, *names[:NAMED]))


def _log_of(host: Host, containers: Sequence[Container]) -> str | None:
    """Returns the command that shows the log of the first container with a valid name; None if there is none."""
    source = next(filter(None, (container_source(container.name) for container in containers)), None)
    return None if source is None else f"log {source} {host.name}"


def _trouble(container: Container) -> Phrase:
    name = shown(container.name)
    if container.state == "exited":
        return Phrase("{container} exited with {code}", container=name, code=str(container.exit_code))
    if container.state == "running":
        return Phrase("{container} is unhealthy", container=name)
    return Phrase("{container} is {state}", container=name, state=shown(container.state))


def _bridge(host: Host, said: Bridge | Unread) -> Judged:
    expected = str(host.bridge)
    name = host.wsl.bridge if host.wsl is not None else ""
    if isinstance(said, Unread):
        return unread("bridge", said.phrase)
    if not said.exists:
        why = Phrase(
            "the bridge {bridge} does not exist; start a container of Flatnet's in WSL2, which makes it", bridge=name
        )
        return bad("bridge", Phrase("missing"), "missing", Severity.HIGH, why)
    if not said.up:
        why = Phrase("the bridge {bridge} is down; in WSL2: sudo ip link set {bridge} up", bridge=name)
        return bad("bridge", Phrase("down"), "down", Severity.HIGH, why)
    if expected not in said.addresses:
        why = Phrase(
            "the bridge {bridge} has {addresses}, not {expected}; compare the podman network in WSL2 with the inventory",
            bridge=name,
            addresses=some(said.addresses) if said.addresses else Phrase("no address"),
            expected=expected,
        )
        return bad("bridge", Phrase("wrong address"), "wrong-address", Severity.HIGH, why)
    return well("bridge", Phrase("up"), "up")


def _forwarding(said: bool | Unread) -> Judged:
    if isinstance(said, Unread):
        return unread("forwarding", said.phrase)
    if said:
        return well("forwarding", Phrase("on"), "on")
    why = Phrase("IP forwarding is off, which cuts containers off; in WSL2: sudo sysctl -w net.ipv4.ip_forward=1")
    return bad("forwarding", Phrase("off"), "off", Severity.HIGH, why)


def judge_clock(ahead: float | None, thresholds: Thresholds) -> Judged:
    """Judges the clock. It has no cell, because the six checks are the operators' own; a wrong clock is a remark."""
    if ahead is None or abs(ahead) <= thresholds.clock_difference:
        return Judged({})
    if ahead > 0:
        why = Phrase("the Windows clock is {time} ahead; set it on the host: w32tm /resync", time=Span(ahead))
    else:
        why = Phrase("the Windows clock is {time} behind; set it on the host: w32tm /resync", time=Span(-ahead))
    return Judged({}, (Remark("clock", Severity.MEDIUM, Phrase("clock wrong"), why),))
