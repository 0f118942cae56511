"""Steps that start, stop or restart a service on one host, and obstacles to them. Pure.

Finds what can prove that Nebula on a host is back in the overlay. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from adapters.errors import HostError
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.services import Service, Services
from commands.certificates.reading import FleetCertificates
from commands.certificates.renewal_obstacles import find_witnesses
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    REVERT_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
    move_gateway,
)
from commands.changes.impact import HostWorkload, ServiceVerb, is_reached_over_overlay
from commands.health.host_checks import SERVICE_STATES
from commands.model.plan import Check, Part, PlannedAction, Premise, Step

ServiceName = Literal["nebula", "openresty"]

DISPLAY_NAMES = {"nebula": "Nebula", "openresty": "OpenResty"}


@dataclass(frozen=True)
class ServiceState:
    """State of a service on one host. `tunnel` proves Nebula by the certificate with `fingerprint`; None: without proof."""

    host: Host
    service_name: ServiceName
    answer: Services | HostError | None
    workload: HostWorkload
    tunnel: TunnelProof | None = None
    fingerprint: str = ""

    @property
    def error(self) -> HostError | None:
        """The error of a host that has this service and could not be asked for its state."""
        absent = self.service_name == "openresty" and self.host.gateway is None
        return self.answer if isinstance(self.answer, HostError) and not absent else None

    @property
    def service(self) -> Service:
        """The service as Windows reports it; only for a host that answered."""
        assert isinstance(self.answer, Services)
        return self.answer.nebula if self.service_name == "nebula" else self.answer.gateway

    @property
    def bare(self) -> bool:
        """True for an nginx that runs without its service."""
        return self.service_name == "openresty" and isinstance(self.answer, Services) and self.answer.gateway_is_bare

    @property
    def running(self) -> bool:
        assert isinstance(self.answer, Services)
        return self.answer.nginx_processes > 0 if self.bare else self.service.status == "Running"

    @property
    def premise(self) -> Premise:
        state = SERVICE_STATES["Running" if self.running else "Stopped"]
        phrase = Phrase(
            "{service} on {host} is {state}", service=DISPLAY_NAMES[self.service_name], state=state, host=self.host.name
        )
        value = {"status": "Bare" if self.bare else self.service.status, "running": self.running}
        return Premise(host=self.host.name, what=self.service_name, value=value, phrase=phrase)


def explain_unchanged(stand: ServiceState, verb: ServiceVerb) -> Phrase | None:
    """Explains that the service is in the wanted state already; None if it is not."""
    if (verb, stand.running) == ("start", True):
        return Phrase("{service} is already running", service=DISPLAY_NAMES[stand.service_name])
    if (verb, stand.running) == ("stop", False):
        return Phrase("{service} is already stopped", service=DISPLAY_NAMES[stand.service_name])
    return None


def explain_unknown(stand: ServiceState) -> Phrase | None:
    """Explains why the service has no known state, though the host answered or has no such side; None if it is known."""
    name = stand.host.name
    if stand.service_name == "openresty" and stand.host.gateway is None:
        return Phrase("no gateway configured")
    if stand.answer is None:
        return Phrase("no Windows connection configured")
    assert isinstance(stand.answer, Services)
    status, service = stand.service.status, stand.service.name
    if stand.bare or status in ("Running", "Stopped"):
        if stand.service_name == "openresty" and status == "Stopped" and stand.answer.nginx_processes > 0:
            return Phrase("nginx is running outside service {service}. Stop that nginx on the host first", service=service)
        return None
    if status == "Absent":
        return Phrase("service {service} not found. Install it, or fix its name in the configuration", service=service)
    if status == "Unknown":
        return Phrase("could not read the state of service {service} from Windows. Check the host", service=service)
    return Phrase(
        "service {service} is {state}. Run {words} to see when it changes",
        service=service,
        state=SERVICE_STATES[status],
        words=f"service {name}",
    )


def find_service_obstacle(stand: ServiceState, verb: ServiceVerb, inventory: Inventory) -> Phrase | None:
    """Finds the reason why this change of a service of known state is not allowed; None if there is none."""
    assert isinstance(stand.answer, Services)
    if verb != "stop" and not stand.bare and stand.service.start_type == "Disabled":
        return Phrase("service {service} is disabled on the host. Enable it there first", service=stand.service.name)
    if stand.service_name == "openresty":
        if verb != "stop" and stand.answer.nebula.status != "Running":
            return Phrase("Nebula is not running, so nginx has no overlay address. Start Nebula first")
        return None
    if verb == "stop":
        return _find_stop_obstacle(stand.host, inventory)
    return None


def build_service_part(stand: ServiceState, verb: ServiceVerb, operation: str) -> Part:
    """Builds the part of one host."""
    steps = build_change_steps(_build_change(stand, verb, operation), *_build_proofs(stand, verb))
    return Part(host=stand.host.name, steps=steps)


def _find_stop_obstacle(host: Host, inventory: Inventory) -> Phrase | None:
    """Finds the reason why Nebula must not be stopped: the bot would lose its connection and could not confirm the stop."""
    if is_reached_over_overlay(host):
        return Phrase("the bot reaches this host through Nebula and could not confirm the stop. Stop it on the host itself")
    through = [each.name for each in inventory.hosts if is_reached_over_overlay(each)] if host.lighthouse else []
    if through:
        return Phrase(
            "the bot reaches {hosts} through tunnels that depend on this lighthouse. Stop it on the host itself",
            hosts=Listing(tuple(through)),
        )
    return None


def _build_proofs(stand: ServiceState, verb: ServiceVerb) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Builds the steps that note the ends of logs before the change, and the steps that verify it afterwards."""
    if verb == "stop":
        return (), ()
    if stand.service_name == "openresty":
        return (), (build_gateway_step(stand.host, PROOF_TIMEOUT),)
    tunnel = stand.tunnel
    gateway = verb == "restart" and stand.workload.gateway is True
    patience = PROOF_TIMEOUT / max(gateway + (tunnel.proof_count if tunnel else 0), 1)
    behind = (build_gateway_step(stand.host, patience),) if gateway else ()
    if tunnel is None:
        return (), behind
    # The certificate stays the same, so a handshake between the note and the restart would count as well. That is safe: the
    # host records "applied" only after it has started the service, and the pings come after that.
    return tuple(tunnel.build_note_steps()), (*tunnel.build_proof_steps(stand.fingerprint, patience), *behind)


def _build_change(stand: ServiceState, verb: ServiceVerb, operation: str) -> CommitConfirmedChange:
    side, name = get_windows_side(stand.host), DISPLAY_NAMES[stand.service_name]
    service = side.nebula_service if stand.service_name == "nebula" else side.gateway_service
    move = move_gateway(side, verb) if stand.bare else ServiceMove(service=service, verb=verb)
    change = BeginChange(operation=operation, services=(move,))
    undo = Phrase("restore {service} to its previous state", service=name)
    return CommitConfirmedChange(
        stand.host, change, _describe_begin(name, verb, stand.host), undo, tuple(_build_revert_checks(stand))
    )


def _describe_begin(name: str, verb: ServiceVerb, host: Host) -> Phrase:
    match verb:
        case "start":
            done = Phrase("start {service}", service=name)
        case "stop":
            done = Phrase("stop {service}", service=name)
        case "restart":
            done = Phrase("restart {service}", service=name)
    return Phrase(
        "{done} ({host} reverts automatically unless confirmed within {window} s)",
        done=done,
        window=CONFIRM_WINDOW,
        host=host.name,
    )


def _build_revert_checks(stand: ServiceState) -> Iterator[Check]:
    """Builds the checks after a rollback: what worked before must work again."""
    if not stand.running:
        return
    if stand.service_name == "nebula" and stand.tunnel is not None:
        yield stand.tunnel.build_return_check()
    if stand.workload.gateway is True:
        yield Check(
            host=stand.host.name, deed=PlannedAction.of(ReadGateway()), expect={"healthy": True}, patience=REVERT_TIMEOUT
        )


def find_tunnel(host: Host, seen: FleetCertificates) -> tuple[TunnelProof, str] | None:
    """Finds the proof of a host's tunnels, and the fingerprint of its certificate.

    None if its certificate is unknown or has expired, or if no host can witness its handshake.
    """
    held = next((each for each in seen.per_host if each.host == host), None)
    if held is None or held.certificate is None or seen.lighthouse is None:
        return None
    if seen.compute_time_left(held.certificate) <= timedelta(0) or not (able := find_witnesses(held, seen)):
        return None
    return TunnelProof(host, seen.lighthouse.host, able, held.certificate.name), held.certificate.fingerprint
