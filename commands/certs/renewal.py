"""`cert renew`: a new key pair and certificate for a host, put in place and proven from the other side of the tunnel.

all hosts ─ look (certs_held) ─▶ what stands in the way, of all or of one host ─▶ a part for each host (certs_steps)
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
from commands.model.plan import LeftOut, Plan, Planned, Premise, roads_of
from commands.planning.impact import Served, cut_off, nebula_cut, serve
from commands.values.arguments import HostsArgument, Option, Target, shown
from commands.values.errors import GrammarError
from commands.values.units import duration_between, render_duration

NOBODY = Target(parts=())
"""No host was named."""

SHORT = timedelta(days=30)
"""A new certificate that lives no longer than this would be due at once."""

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
class Asked:
    """What was asked for, as hosts stand now: who can be renewed, who cannot and why."""

    seen: Mesh
    lighthouse: Held
    ca: Certificate
    able: tuple[Held, ...]
    unable: tuple[LeftOut, ...]


class CertRenew(FleetChange):
    """New certificates for the hosts named, or for all that are due; one after the other, the lighthouse last."""

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
        return inventory.hosts if self.due is not None else self.target.resolve(inventory)

    def only(self, names: tuple[str, ...]) -> "CertRenew":
        return self.model_copy(update={"target": Target(parts=names), "due": None})

    async def plan(self, view: View) -> Planned:
        meant = self.hosts(view.fleet.inventory)
        asked = self._able(await look_at(view.fleet.inventory.hosts, view), meant)
        serves = await serve([held.host for held in asked.able], view)
        renewals = [_renewal(held, asked, serves[held.host.name], view.operation) for held in asked.able]
        parts = tuple(part(renewal) for renewal in renewals)
        plan = Plan(
            parts=parts,
            premises=(
                _premise(asked.lighthouse, asked.ca),
                *(_held(renewal) for renewal in renewals),
                *(premise for renewal in renewals for premise in cut_off(serves[renewal.host.name], "restart")),
            ),
            roads=tuple(roads_of(parts, view.fleet.inventory)),
            disrupts=tuple(cut for renewal in renewals for cut in nebula_cut(serves[renewal.host.name], "restart")),
            warnings=tuple(warning for renewal in renewals for warning in _warnings(renewal, asked.seen)),
            left_out=asked.unable,
        )
        return Planned(arguments=self.only(tuple(each.host for each in parts)).settled, plan=plan)

    def _one_of_both(self) -> None:
        if (self.target == NOBODY) == (self.due is None):
            phrase = Phrase(
                "{words} takes hosts, or {option} for all that end soon; one of both", words="cert renew", option="--due"
            )
            raise GrammarError(phrase, suggestions=(self.example, "cert renew --due 30d"))

    def _able(self, seen: Mesh, meant: Sequence[Host]) -> Asked:
        """Who can be renewed, the lighthouse last; `CannotPlan` where nobody can."""
        lighthouse, ca = signer(seen)
        wanted = [held for held in seen.held if held.host in meant and self._wanted(held, seen)]
        wanted.sort(key=lambda held: held.host.lighthouse)
        why = {held.host.name: obstacle(held, seen, ca) for held in wanted}
        able = tuple(held for held in wanted if why[held.host.name] is None)
        unable = tuple(LeftOut(host=name, why=reason) for name, reason in why.items() if reason is not None)
        if not wanted and self.due is not None:
            due = render_duration(self.due)
            raise CannotPlan(Phrase("no certificate ends within {due}; nothing is to be done", due=due))
        if not able:
            raise CannotPlan.anywhere(unable)
        return Asked(seen, lighthouse, ca, able, unable)

    def _wanted(self, held: Held, seen: Mesh) -> bool:
        """Whether a host is asked for. One that is not known stays visible where all are asked that are due."""
        if self.due is None or isinstance(held.said, HostError):
            return True
        return held.certificate is not None and seen.left(held.certificate) <= self.due


def _renewal(held: Held, asked: Asked, served: Served, operation: str) -> Renewal:
    assert held.files is not None
    assert held.certificate is not None
    return Renewal(
        held=held,
        lighthouse=asked.lighthouse,
        ca=asked.ca,
        witnesses=witnesses(held, asked.seen),
        lifetime=asked.seen.rules.lifetime_days * 24,
        operation=operation,
        proven=held.files.running_since is not None and asked.seen.left(held.certificate) > timedelta(0),
        gateway=served.gateway is True,
    )


def _premise(lighthouse: Held, ca: Certificate) -> Premise:
    name = lighthouse.host.name
    phrase = Phrase("{host} signs with the CA {ca}, {fingerprint}", host=name, ca=ca.name, fingerprint=short(ca.fingerprint))
    return Premise(host=name, what="ca", value=ca.fingerprint, phrase=phrase)


def _held(renewal: Renewal) -> Premise:
    """What the approver relies on: the fingerprint stands for all that the certificate says."""
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
    """What an approver must know beside the steps."""
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
