"""Steps that start, stop or restart a service on one host, and obstacles to them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.errors import HostError
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase
from adapters.windows.commit_confirm import WINDOW, BareNginx, BeginChange
from adapters.windows.services import Service, Services
from commands.checks.host_checks import STATES
from commands.model.plan import Check, Deed, Part, Premise, Step
from commands.planning.commit_confirm import PROVING, REVERTING, Taken, Tunnel, begin, confirm, gateway_answers, side_of
from commands.planning.impact import Served, Verb, over_overlay

Which = Literal["nebula", "openresty"]

NAMES = {"nebula": "Nebula", "openresty": "OpenResty"}


@dataclass(frozen=True)
class Stand:
    """State of a service on one host. `tunnel` proves Nebula by the certificate with `fingerprint`; None: without proof."""

    host: Host
    which: Which
    said: Services | HostError | None
    served: Served
    tunnel: Tunnel | None = None
    fingerprint: str = ""

    @property
    def service(self) -> Service:
        """The service as Windows reports it; only for a host that answered."""
        assert isinstance(self.said, Services)
        return self.said.nebula if self.which == "nebula" else self.said.gateway

    @property
    def bare(self) -> bool:
        """True for an nginx that runs without its service."""
        return self.which == "openresty" and isinstance(self.said, Services) and self.said.bare

    @property
    def running(self) -> bool:
        assert isinstance(self.said, Services)
        return self.said.nginx_processes > 0 if self.bare else self.service.status == "Running"

    @property
    def premise(self) -> Premise:
        state = STATES["Running" if self.running else "Stopped"]
        phrase = Phrase("{service} is {state} on {host}", service=NAMES[self.which], state=state, host=self.host.name)
        value = {"status": "Bare" if self.bare else self.service.status, "running": self.running}
        return Premise(host=self.host.name, what=self.which, value=value, phrase=phrase)


def already(stand: Stand, verb: Verb) -> Phrase | None:
    """Explains that the service is in the wanted state already; None if it is not."""
    if (verb, stand.running) == ("start", True):
        return Phrase("{service} is running already", service=NAMES[stand.which])
    if (verb, stand.running) == ("stop", False):
        return Phrase("{service} is stopped already", service=NAMES[stand.which])
    return None


def unknown(stand: Stand) -> Phrase | None:
    """Explains why the service's state is unknown, or cannot be changed; None if it is known."""
    name = stand.host.name
    if stand.which == "openresty" and stand.host.gateway is None:
        return Phrase("it has no gateway")
    if stand.said is None:
        return Phrase("it has no Windows side in the inventory")
    if isinstance(stand.said, HostError):
        return Phrase("it cannot be asked: {why}", why=stand.said.phrase)
    status, service = stand.service.status, stand.service.name
    if stand.bare or status in ("Running", "Stopped"):
        if stand.which == "openresty" and status == "Stopped" and stand.said.nginx_processes > 0:
            return Phrase("nginx runs without its service {service}; stop that nginx on the host first", service=service)
        return None
    if status == "Absent":
        return Phrase("there is no service {service}; install it, or mend its name in the inventory", service=service)
    if status == "Unknown":
        return Phrase("Windows does not tell how the service {service} stands; look at the host", service=service)
    return Phrase(
        "the service {service} is {state}; {words} shows when that is over",
        service=service,
        state=STATES[status],
        words=f"service {name}",
    )


def obstacle(stand: Stand, verb: Verb, inventory: Inventory) -> Phrase | None:
    """Finds the reason why a service of known state must not be changed so; None if there is none."""
    assert isinstance(stand.said, Services)
    if verb != "stop" and not stand.bare and stand.service.start_type == "Disabled":
        return Phrase("the service {service} is disabled on the host; enable it there first", service=stand.service.name)
    if stand.which == "openresty":
        if verb != "stop" and stand.said.nebula.status != "Running":
            return Phrase("Nebula does not run there, and nginx needs the address that it brings; start Nebula first")
        return None
    if verb == "stop":
        return _no_way_back(stand.host, inventory)
    return None


def part(stand: Stand, verb: Verb, operation: str) -> Part:
    """Builds the part of one host."""
    noted, proofs = _proofs(stand, verb)
    steps = (*noted, begin(_taken(stand, verb, operation)), *proofs, confirm(stand.host, operation))
    return Part(host=stand.host.name, steps=steps)


def _no_way_back(host: Host, inventory: Inventory) -> Phrase | None:
    """Finds the reason why Nebula must not be stopped: the bot would lose its connection and could not confirm the stop."""
    if over_overlay(host):
        return Phrase("the bot reaches it through Nebula itself, so it could never confirm the stop; stop it at the host")
    through = [each.name for each in inventory.hosts if over_overlay(each)] if host.lighthouse else []
    if through:
        return Phrase(
            "the bot reaches {hosts} through tunnels that this lighthouse helps to find; stop it at the host",
            hosts=Listing(tuple(through)),
        )
    return None


def _proofs(stand: Stand, verb: Verb) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Builds the notes before the change and the proofs after it."""
    if verb == "stop":
        return (), ()
    if stand.which == "openresty":
        return (), (gateway_answers(stand.host, PROVING),)
    tunnel = stand.tunnel
    gateway = verb == "restart" and stand.served.gateway is True
    patience = PROVING / max(gateway + (tunnel.proofs if tunnel else 0), 1)
    behind = (gateway_answers(stand.host, patience),) if gateway else ()
    if tunnel is None:
        return (), behind
    # Its certificate stays, so a handshake from between the note and the restart would count as well. That is no gap: the
    # host records "applied" only after it has started the service, and what is pinged is pinged after that.
    return tuple(tunnel.noted()), (*tunnel.proven(stand.fingerprint, patience), *behind)


def _taken(stand: Stand, verb: Verb, operation: str) -> Taken:
    side, name = side_of(stand.host), NAMES[stand.which]
    paths = side.paths
    nginx = BareNginx(program=paths.gateway_exe, folder=paths.gateway_folder, config=paths.gateway_config)
    change = BeginChange(
        operation=operation,
        service=side.nebula_service if stand.which == "nebula" else side.gateway_service,
        verb=verb,
        nginx=nginx if stand.bare else None,
    )
    undo = Phrase("put {service} back as it was", service=name)
    return Taken(stand.host, change, _phrase(name, verb, stand.host), undo, tuple(_back(stand)))


def _phrase(name: str, verb: Verb, host: Host) -> Phrase:
    match verb:
        case "start":
            done = Phrase("start {service}", service=name)
        case "stop":
            done = Phrase("stop {service}", service=name)
        case "restart":
            done = Phrase("restart {service}", service=name)
    return Phrase("{done}; unconfirmed for {window} s, {host} puts it back alone", done=done, window=WINDOW, host=host.name)


def _back(stand: Stand) -> Iterator[Check]:
    """Builds the checks after a rollback: what worked before must work again."""
    if not stand.running:
        return
    if stand.which == "nebula" and stand.tunnel is not None:
        yield stand.tunnel.back()
    if stand.served.gateway is True:
        yield Check(host=stand.host.name, deed=Deed.of(ReadGateway()), expect={"healthy": True}, patience=REVERTING)
