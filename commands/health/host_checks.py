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

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase, Span
from adapters.windows.system import ServiceStatus
from commands.health.assessment import (
    HostAnswers,
    Judgment,
    Remark,
    ServiceStates,
    make_absent_checks,
    make_healthy_check,
    make_remarked_check,
    make_unanswered_checks,
    make_unhealthy_check,
    make_unread_check,
    merge_judgments,
    merge_silent_sides,
)
from commands.health.wsl_checks import judge_wsl
from commands.model.finding import Severity, list_some
from commands.model.report import Cell, Mark
from commands.model.thresholds import Thresholds
from commands.values.arguments import shorten_argument

NETWORK_SUBJECT = "wsl.network"
"""Subject of the finding of `doctor` that podman has no network of Flatnet: adding a host makes it."""


def list_known_peers(inventory: Inventory) -> frozenset[str]:
    """Lists the valid names of a gateway's peers: the hosts' overlay addresses and the inventory's gateway addresses."""
    overlay = {str(host.overlay.ip) for host in inventory.hosts}
    return frozenset(overlay | {urlsplit(host.gateway.url).netloc for host in inventory.hosts if host.gateway is not None})


def judge_host(looked: HostAnswers, known: frozenset[str], thresholds: Thresholds) -> Judgment:
    """Judges the six checks of one host, and its clock; `known` is from `list_known_peers`."""
    judged = merge_judgments(
        judge_windows(looked.host, looked.windows),
        judge_gateway(looked.host, looked.gateway, known),
        judge_wsl(looked.host, looked.wsl),
        judge_clock(looked.ahead, thresholds),
    )
    return merge_silent_sides(looked.errors, judged) if looked.silent else judged


def judge_windows(host: Host, said: ServiceStates | HostError | None) -> Judgment:
    """Judges Nebula and, if the host has a gateway, the gateway's programs."""
    if said is None or host.windows is None:
        return make_absent_checks("nebula", "gateway")
    lacking = make_absent_checks() if host.gateway is not None else make_absent_checks("gateway")
    if isinstance(said, HostError):
        return merge_judgments(make_unanswered_checks("windows", Phrase("Windows"), ("nebula", "gateway"), said), lacking)
    gateway = (
        judge_gateway_service(host.name, host.windows.gateway_service, said.gateway, said.nginx_processes)
        if host.gateway is not None
        else lacking
    )
    return merge_judgments(judge_nebula_service(host.name, host.windows.nebula_service, said.nebula), gateway)


def judge_gateway(host: Host, said: GatewaySystem | HostError | None, known: frozenset[str]) -> Judgment:
    """Judges the gateway's API."""
    if said is None:
        return make_absent_checks("api")
    if isinstance(said, HostError):
        return make_unanswered_checks("api", Phrase("gateway API"), ("api",), said)
    return _judge_answers(host, said) or _judge_startup(host, said) or _judge_silent_paths(said) or _judge_peers(said, known)


SERVICE_STATES: Mapping[ServiceStatus, Phrase] = {
    "Running": Phrase("running", context="service"),
    "Stopped": Phrase("stopped"),
    "StartPending": Phrase("starting"),
    "StopPending": Phrase("stopping"),
    "Paused": Phrase("paused"),
    "PausePending": Phrase("pausing"),
    "ContinuePending": Phrase("resuming"),
    "Absent": Phrase("not installed"),
    "Unknown": Phrase("unknown"),
}
_STARTING = frozenset({"StartPending", "ContinuePending"})
_STOPPING = frozenset({"StopPending", "PausePending"})


def judge_nebula_service(host: str, service: str, status: ServiceStatus) -> Judgment:
    """Judges Nebula by its service. `host` is the target of the command that fixes it."""
    if status == "Unknown":
        return make_unread_check("nebula", _explain_unknown_state(service))
    if status == "Running":
        return make_healthy_check("nebula", SERVICE_STATES[status], status)
    severity = Severity.MEDIUM if status in _STARTING else Severity.HIGH if status in _STOPPING else Severity.CRITICAL
    mend = f"service start nebula {host}" if status == "Stopped" else None
    return make_unhealthy_check(
        "nebula", SERVICE_STATES[status], status, severity, _explain_not_running(service, status)
    ).suggest(mend)


def judge_gateway_service(host: str, service: str, status: ServiceStatus, processes: int) -> Judgment:
    """Judges the gateway by its nginx processes, with the reason from the service. A bare nginx.exe needs no service."""
    if status == "Unknown":
        return make_unread_check("gateway", _explain_unknown_state(service))
    if status in _STARTING | _STOPPING:
        severity = Severity.MEDIUM if status in _STARTING else Severity.HIGH
        return make_unhealthy_check(
            "gateway", SERVICE_STATES[status], status, severity, _explain_not_running(service, status)
        )
    if processes > 0:
        text = SERVICE_STATES[status] if status == "Running" else Phrase("running (without its service)")
        return make_healthy_check("gateway", text, "Running" if status == "Running" else "Bare")
    if status == "Running":
        why = Phrase("service {service} is running without an nginx process", service=service)
        restart = f"service restart openresty {host}"
        return make_unhealthy_check("gateway", Phrase("no nginx process"), "NoProcess", Severity.HIGH, why).suggest(restart)
    start = f"service start openresty {host}"
    if status == "Absent":
        why = Phrase("no nginx process is running, and service {service} does not exist", service=service)
        return make_unhealthy_check("gateway", SERVICE_STATES[status], status, Severity.HIGH, why).suggest(start)
    mend = start if status == "Stopped" else None
    return make_unhealthy_check(
        "gateway", SERVICE_STATES[status], status, Severity.HIGH, _explain_not_running(service, status)
    ).suggest(mend)


def _explain_not_running(service: str, status: ServiceStatus) -> Phrase:
    """Explains the state of a service, with the fix if no command of the bot is one."""
    if status in _STARTING | _STOPPING:
        state = SERVICE_STATES[status]
        return Phrase("service {service} is {state}. Check again in a minute", service=service, state=state)
    if status == "Absent":
        return Phrase(
            "service {service} not found. Install it on the host, or fix its name in the configuration", service=service
        )
    if status == "Paused":
        command = _format_powershell("Resume-Service", service)
        return Phrase("service {service} is paused. Resume it on the host: {command}", service=service, command=command)
    return Phrase("service {service} is {state}", service=service, state=SERVICE_STATES[status])


def _explain_unknown_state(service: str) -> Phrase:
    command = _format_powershell("Get-Service", service)
    return Phrase(
        "could not read the state of service {service} from Windows. Run on the host: {command}",
        service=service,
        command=command,
    )


def _format_powershell(command: str, service: str) -> str:
    """Formats a command line to be typed on the host. The inventory allows spaces in the name, and no quotes."""
    return f"{command} '{service}'" if " " in service else f"{command} {service}"


def _judge_answers(host: Host, system: GatewaySystem) -> Judgment | None:
    """Judges errors within the three answers. The API allows only the health page to addresses outside the overlay."""
    problems = [said for said in (system.healthy, system.sync, system.status) if isinstance(said, UnusableAnswer)]
    forbidden = next((problem for problem in problems if problem.forbidden), None)
    if forbidden is not None:
        cell = Cell(text=Phrase("address not allowed"), value="forbidden", mark=Mark.UNKNOWN)
        why = Phrase("connected to the gateway API, but {why}", why=forbidden.phrase)
        return make_remarked_check("api", cell, Severity.MEDIUM, why)
    if system.healthy is False:
        why = Phrase("the gateway's health page does not return OK. Check its error.log")
        return make_unhealthy_check("api", Phrase("unhealthy"), "unhealthy", Severity.HIGH, why).suggest(
            _suggest_error_log(host)
        )
    if problems:
        why = problems[0].phrase
        if system.healthy is True and len(problems) == 2:
            why = Phrase("only the gateway's health page responds: {why}", why=why)
        return make_unhealthy_check("api", Phrase("error"), "broken", Severity.HIGH, why).suggest(_suggest_error_log(host))
    return None


def _judge_startup(host: Host, system: GatewaySystem) -> Judgment | None:
    """Judges the Lua side below a healthy page: it may have failed to start, or have started as another host."""
    if not isinstance(system.sync, SyncStatus) or system.sync.host_id == host.id:
        return None
    if system.sync.host_id is None:
        why = Phrase("the gateway failed to initialize (no host ID), so nothing is synchronized. Check its error.log")
        return make_unhealthy_check("api", Phrase("not initialized"), "uninitialised", Severity.HIGH, why).suggest(
            _suggest_error_log(host)
        )
    why = Phrase(
        "the gateway reports host ID {said}, but the configuration has {known}. Fix host_id in nginx.conf or the "
        "configuration",
        said=str(system.sync.host_id),
        known=str(host.id),
    )
    return make_unhealthy_check("api", Phrase("wrong host ID"), "wrong-host-id", Severity.HIGH, why)


def _suggest_error_log(host: Host) -> str | None:
    """Returns the command that shows the error log; None if the bot reads no files of this host."""
    return f"log error {host.name} --since 1h" if host.windows is not None else None


def _judge_silent_paths(system: GatewaySystem) -> Judgment | None:
    """Judges paths that did not answer. One of them makes the check unknown, even if the others are healthy."""
    parts = {"/api/health": system.healthy, "/api/sync/status": system.sync, "/api/status": system.status}
    for path, said in parts.items():
        if isinstance(said, HostError):
            return make_unanswered_checks("api", Phrase("gateway API ({path})", path=path), ("api",), said)
    return None


def _judge_peers(system: GatewaySystem, known: frozenset[str]) -> Judgment:
    peers = system.sync.peers if isinstance(system.sync, SyncStatus) else ()
    strange = [shorten_argument(peer) for peer in peers if not _is_known(peer, known)]
    cells = {"api": Cell(text=Phrase("healthy"), value="healthy", mark=Mark.WELL)}
    if not strange:
        return Judgment(cells)
    why = Phrase(
        "the gateway has a peer that is not in the configuration: {peers}. Add the host, or remove it from nginx.conf",
        plural=(
            "the gateway has {n} peers that are not in the configuration: {peers}. Add the hosts, or remove them from "
            "nginx.conf"
        ),
        n=len(strange),
        peers=list_some(strange),
    )
    return Judgment(cells, (Remark("api", Severity.LOW, Phrase("unknown peers"), why),))


def _is_known(peer: str, known: frozenset[str]) -> bool:
    return not known.isdisjoint(list_peer_names(peer))


@lru_cache(maxsize=1024)
def list_peer_names(peer: str) -> tuple[str, ...]:
    """Lists the names under which a peer may be known: its address, and its address with the port.

    Cached, because every gateway of a fleet reports all the others.
    """
    try:
        parts = urlsplit(peer)
        return (parts.hostname or "", parts.netloc)
    except ValueError:
        return ()


def judge_clock(ahead: float | None, thresholds: Thresholds) -> Judgment:
    """Judges the clock.

    It has no cell, because the table has the six checks of the daily round. A wrong clock is a remark.
    """
    if ahead is None or abs(ahead) <= thresholds.clock_difference:
        return Judgment({})
    if ahead > 0:
        why = Phrase("the Windows clock is {time} ahead. Run on the host: w32tm /resync", time=Span(ahead))
    else:
        why = Phrase("the Windows clock is {time} behind. Run on the host: w32tm /resync", time=Span(-ahead))
    return Judgment({}, (Remark("clock", Severity.MEDIUM, Phrase("clock skew"), why),))
