"""`cert renew`: a new key pair and certificate for a host, put in place and proven from the other side of the tunnel.

all hosts ─ read (commands.certs.inventory) ─▶ obstacles, of all hosts or of one ─▶ a HostPlan each ─▶ PlannedChange
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.nebula.certificates import Certificate
from adapters.phrase import Moment, Phrase
from commands.certs.inventory import Held, Mesh, look_at, short
from commands.certs.renewal_obstacles import obstacle, signer, witnesses
from commands.certs.renewal_steps import Renewal, part
from commands.model.operation import CannotPlan, FleetChange, Risk, View
from commands.model.phrases import some
from commands.model.plan import LeftOut, Planned, Premise
from commands.planning.host_plan import HostPlan, assemble
from commands.planning.impact import Served, cut_off, nebula_cut, serve
from commands.values.arguments import HostsArgument, Option, Target, shown
from commands.values.errors import GrammarError
from commands.values.units import duration_between, render_duration

NOBODY = Target(parts=())
"""Target of a request without hosts."""

SHORT = timedelta(days=30)
"""Lifetime up to which a new certificate would be due at once."""

Due = Annotated[
    timedelta | None,
    Option(
        "days",
        Phrase("in place of hosts: all whose certificate ends within this time; 30d where only the option stands"),
        duration_between(timedelta(days=1), timedelta(days=3650)),
        render_duration,
        bare="30d",
    ),
]


@dataclass(frozen=True)
class Signing:
    """The signer of new certificates, and the certificates that all hosts hold."""

    seen: Mesh
    lighthouse: Held
    ca: Certificate

    @property
    def premise(self) -> Premise:
        name, ca = self.lighthouse.host.name, self.ca
        phrase = Phrase(
            "{host} signs with the CA {ca}, {fingerprint}", host=name, ca=ca.name, fingerprint=short(ca.fingerprint)
        )
        return Premise(host=name, what="ca", value=ca.fingerprint, phrase=phrase)


class CertRenew(FleetChange):
    """Renew the certificates of the given hosts, or of all that are due, one after the other, the lighthouse last."""

    words: ClassVar = ("cert", "renew")
    aliases: ClassVar = (("certificate", "renew"),)
    risk: ClassVar = Risk.DISRUPT
    summary: ClassVar = Phrase("a new key pair and certificate for hosts, proven by the others; Nebula restarts")
    example: ClassVar = "cert renew host-a"

    target: HostsArgument = NOBODY
    due: Due = None

    @property
    def incomplete(self) -> bool:
        return self.target == NOBODY and self.due is None

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        self._one_of_both()
        return inventory.hosts if self.due is not None else super().hosts(inventory)

    def only(self, names: tuple[str, ...]) -> "CertRenew":
        return self.model_copy(update={"target": Target(parts=names), "due": None})

    async def plan(self, view: View) -> Planned:
        inventory = view.fleet.inventory
        meant = self.hosts(inventory)
        seen = await look_at(inventory.hosts, view)
        signing = Signing(seen, *signer(seen))
        wanted = self._find_wanted(seen, meant)
        obstacles = {held.host.name: obstacle(held, seen, signing.ca) for held in wanted}
        able = [held for held in wanted if obstacles[held.host.name] is None]
        serves = await serve([held.host for held in able], view)
        planned = [_plan_host(held, signing, serves[held.host.name], view.operation) for held in able]
        left_out = [LeftOut(host=name, why=why) for name, why in obstacles.items() if why is not None]
        return assemble(self, (*planned, *left_out), inventory, (signing.premise,))

    def _one_of_both(self) -> None:
        if (self.target == NOBODY) == (self.due is None):
            phrase = Phrase(
                "{words} takes hosts, or {option} for all that end soon; one of both", words="cert renew", option="--due"
            )
            raise GrammarError(phrase, suggestions=(self.example, "cert renew --due 30d"))

    def _find_wanted(self, seen: Mesh, meant: Sequence[Host]) -> tuple[Held, ...]:
        """Finds the certificates to renew. Raises `CannotPlan` if none is due."""
        wanted = tuple(held for held in seen.held if held.host in meant and self._is_wanted(held, seen))
        if not wanted and self.due is not None:
            due = render_duration(self.due)
            raise CannotPlan(Phrase("no certificate ends within {due}; nothing is to be done", due=due))
        return wanted

    def _is_wanted(self, held: Held, seen: Mesh) -> bool:
        """Returns whether a host is requested. With `--due` a host of unknown state counts, so that it stays visible."""
        if self.due is None or isinstance(held.said, HostError):
            return True
        return held.certificate is not None and seen.left(held.certificate) <= self.due


def _plan_host(held: Held, signing: Signing, served: Served, operation: str) -> HostPlan:
    """Plans one host. Premises on certificates of all hosts come before those on workloads."""
    renewal = _renewal(held, signing, served, operation)
    return HostPlan(
        part=part(renewal),
        foremost=(_held(renewal),),
        premises=cut_off(served, "restart"),
        disrupts=nebula_cut(served, "restart"),
        warnings=tuple(_warnings(renewal, signing.seen)),
    )


def _renewal(held: Held, signing: Signing, served: Served, operation: str) -> Renewal:
    assert held.files is not None
    assert held.certificate is not None
    return Renewal(
        held=held,
        lighthouse=signing.lighthouse,
        ca=signing.ca,
        witnesses=witnesses(held, signing.seen),
        lifetime=signing.seen.rules.lifetime_days * 24,
        operation=operation,
        proven=held.files.running_since is not None and signing.seen.left(held.certificate) > timedelta(0),
        gateway=served.gateway is True,
    )


def _held(renewal: Renewal) -> Premise:
    """Builds the premise of the present certificate. Its fingerprint covers the whole content."""
    certificate = renewal.certificate
    phrase = Phrase(
        "{host} has the certificate {fingerprint}: {name}, {addresses}, groups {groups}",
        host=renewal.host.name,
        fingerprint=short(certificate.fingerprint),
        name=shown(certificate.name),
        addresses=some([str(network) for network in certificate.networks]),
        groups=some([shown(group) for group in certificate.groups]),
    )
    return Premise(host=renewal.host.name, what="certificate", value=certificate.fingerprint, phrase=phrase)


def _warnings(renewal: Renewal, seen: Mesh) -> Iterator[Phrase]:
    """Lists the warnings for the approver."""
    host, certificate, files = renewal.host.name, renewal.certificate, renewal.held.files
    ends = min(seen.now + timedelta(hours=renewal.lifetime), renewal.ca.not_after - timedelta(seconds=1))
    if ends <= certificate.not_after:
        yield Phrase("the new certificate of {host} ends no later than the present one, at {at}", host=host, at=Moment(ends))
    elif ends - seen.now < SHORT:
        yield Phrase("the new certificate of {host} ends soon, at {at}: its CA ends then", host=host, at=Moment(ends))
    if seen.left(certificate) <= timedelta(0):
        yield Phrase("the certificate of {host} has expired: it has no tunnels now, and a way back has none", host=host)
    elif files is not None and files.running_since is None:
        yield Phrase("Nebula does not run on {host} now; it is started with the new certificate", host=host)
    if more := [group for group in certificate.groups if group not in seen.groups(renewal.host)]:
        yield Phrase("{host} keeps its further groups: {groups}", host=host, groups=some([shown(group) for group in more]))
    if renewal.host.gateway is not None and not renewal.gateway:
        yield Phrase("the gateway of {host} does not answer now, so it proves nothing afterwards", host=host)
