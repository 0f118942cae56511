"""`cert renew`: replaces the key pair and certificate of a host, and verifies them from other hosts.

all hosts ─ read (commands.certificates.reading) ─▶ obstacles, of all hosts or of one ─▶ a HostPlan each ─▶ PlannedChange
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.nebula.certificates import Certificate
from adapters.phrase import Moment, Phrase
from commands.certificates.reading import FleetCertificates, HostCertificates, read_certificates, shorten_fingerprint
from commands.certificates.renewal_obstacles import find_renewal_obstacle, find_signer, find_witnesses
from commands.certificates.renewal_steps import Renewal, build_renewal_part, build_wipe_part
from commands.changes.host_plan import HostPlan, assemble, leave_unchecked
from commands.changes.impact import HostWorkload, build_workload_premises, describe_nebula_outage, read_workloads
from commands.changes.owed import find_owed_first
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.values.arguments import NO_TARGET, HostsArgument, Option, Target, shorten_argument
from commands.values.errors import GrammarError
from commands.values.units import make_duration_parser, render_duration

SHORT_LIFETIME = timedelta(days=30)
"""Lifetime up to which a new certificate would be due at once."""

DueOption = Annotated[
    timedelta | None,
    Option(
        "days",
        Phrase("instead of hosts: all certificates expiring within this time (30d if no value is given)"),
        make_duration_parser(timedelta(days=1), timedelta(days=3650)),
        render_duration,
        flag_value="30d",
    ),
]


@dataclass(frozen=True)
class SigningContext:
    """The signer of new certificates, and the certificates that all hosts hold."""

    fleet: FleetCertificates
    lighthouse: HostCertificates
    ca: Certificate

    @property
    def premise(self) -> Premise:
        name, ca = self.lighthouse.host.name, self.ca
        phrase = Phrase(
            "{host} signs with {ca} ({fingerprint})",
            host=name,
            ca=ca.name,
            fingerprint=shorten_fingerprint(ca.fingerprint),
        )
        return Premise(host=name, what="ca", value=ca.fingerprint, phrase=phrase)


class CertRenew(FleetChange):
    """Renew the certificates of the given hosts, or of all that are due, one after the other, the lighthouse last."""

    words: ClassVar = ("cert", "renew")
    aliases: ClassVar = (("certificate", "renew"),)
    risk: ClassVar = Risk.DISRUPT
    affects: ClassVar = frozenset({Area.SERVICES, Area.CERTIFICATES})
    summary: ClassVar = Phrase("renew the keys and certificates of hosts, verified from other hosts (restarts Nebula)")
    example: ClassVar = "cert renew host-a"
    label: ClassVar = Phrase("renew the certificate of {target}", target="…")

    target: HostsArgument = NO_TARGET
    due: DueOption = None

    @property
    def incomplete(self) -> bool:
        return self.target == NO_TARGET and self.due is None

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        self._require_one_selection()
        return inventory.hosts if self.due is not None else super().resolve_hosts(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "CertRenew":
        return self.model_copy(update={"target": Target(parts=names), "due": None})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        meant = self.resolve_hosts(inventory)
        seen = await read_certificates(inventory.hosts, view)
        signing = SigningContext(seen, *find_signer(seen))
        wanted = self._find_wanted(seen, meant)
        left_out = tuple(left for held in wanted if (left := _leave_out(held, signing, view)) is not None)
        excluded = {left.host for left in left_out}
        able = [held for held in wanted if held.host.name not in excluded]
        serves = await read_workloads([held.host for held in able], view)
        planned = [plan for held in able for plan in _plan_host(held, signing, serves[held.host.name], view.operation_id)]
        return assemble(self, (*planned, *left_out), inventory, (signing.premise,))

    def _require_one_selection(self) -> None:
        if (self.target == NO_TARGET) == (self.due is None):
            phrase = Phrase(
                "{words} takes either hosts or {option} (all hosts that expire soon), not both",
                words="cert renew",
                option="--due",
            )
            raise GrammarError(phrase)

    def _find_wanted(self, seen: FleetCertificates, meant: Sequence[Host]) -> tuple[HostCertificates, ...]:
        """Finds the certificates to renew. Raises `CannotPlan` if none is due."""
        wanted = tuple(held for held in seen.per_host if held.host in meant and self._is_wanted(held, seen))
        if not wanted and self.due is not None:
            due = render_duration(self.due)
            raise CannotPlan(Phrase("no certificate expires within {due}. Nothing to do", due=due))
        return wanted

    def _is_wanted(self, held: HostCertificates, seen: FleetCertificates) -> bool:
        """Returns whether a host is requested. With `--due` a host of unknown state counts, so that it stays visible."""
        if self.due is None or isinstance(held.answer, HostError):
            return True
        return held.certificate is not None and seen.compute_time_left(held.certificate) <= self.due


def _leave_out(held: HostCertificates, signing: SigningContext, view: FleetView) -> LeftOutHost | None:
    """Returns why a host is left out; None if it can be renewed. A renewal starts Nebula where it does not run."""
    name, files = held.host.name, held.files
    if isinstance(held.answer, HostError):
        return leave_unchecked(name, held.answer)
    why = find_renewal_obstacle(held, signing.fleet, signing.ca)
    if why is None and files is not None and files.running_since is None:
        why = find_owed_first(name, view.owed)
    return None if why is None else LeftOutHost(host=name, why=why)


def _plan_host(
    held: HostCertificates, signing: SigningContext, served: HostWorkload, operation: str
) -> tuple[HostPlan, HostPlan]:
    """Plans one host: its renewal, then what is wiped. Premises on certificates come before those on workloads."""
    renewal = build_renewal(held, signing, served, operation)
    renewed = HostPlan(
        part=build_renewal_part(renewal),
        leading_premises=(build_certificate_premise(renewal),),
        premises=build_workload_premises(served, "restart"),
        disrupts=describe_nebula_outage(served, "restart"),
        warnings=tuple(list_renewal_warnings(renewal, signing.fleet)),
    )
    return renewed, HostPlan(part=build_wipe_part(renewal))


def build_renewal(held: HostCertificates, signing: SigningContext, served: HostWorkload, operation: str) -> Renewal:
    """Builds the renewal of a host that has no obstacle."""
    assert held.files is not None
    assert held.certificate is not None
    return Renewal(
        held=held,
        lighthouse=signing.lighthouse,
        ca=signing.ca,
        witnesses=find_witnesses(held, signing.fleet),
        lifetime=signing.fleet.rules.lifetime_days * 24,
        operation=operation,
        is_working=held.files.running_since is not None and signing.fleet.compute_time_left(held.certificate) > timedelta(0),
        gateway_answers=served.gateway is True,
        signer=None if signing.fleet.rotation is None else signing.fleet.rotation.signer,
    )


def build_certificate_premise(renewal: Renewal) -> Premise:
    """Builds the premise of the present certificate. Its fingerprint covers the whole content."""
    certificate = renewal.certificate
    phrase = Phrase(
        "{host} has certificate {fingerprint}: {name}, {addresses}, groups {groups}",
        host=renewal.host.name,
        fingerprint=shorten_fingerprint(certificate.fingerprint),
        name=shorten_argument(certificate.name),
        addresses=list_some([str(network) for network in certificate.networks]),
        groups=list_some([shorten_argument(group) for group in certificate.groups]),
    )
    return Premise(host=renewal.host.name, what="certificate", value=certificate.fingerprint, phrase=phrase)


def list_renewal_warnings(renewal: Renewal, seen: FleetCertificates) -> Iterator[Phrase]:
    """Lists the warnings for the approver."""
    host, certificate, files = renewal.host.name, renewal.certificate, renewal.held.files
    ends = min(seen.now + timedelta(hours=renewal.lifetime), renewal.ca.not_after - timedelta(seconds=1))
    if ends <= certificate.not_after and certificate.issuer == renewal.ca.fingerprint:
        yield Phrase("the new certificate of {host} would not extend the expiry ({at})", host=host, at=Moment(ends))
    elif ends - seen.now < SHORT_LIFETIME:
        yield Phrase(
            "the new certificate of {host} will expire soon ({at}), together with its CA", host=host, at=Moment(ends)
        )
    if seen.compute_time_left(certificate) <= timedelta(0):
        yield Phrase(
            "the certificate of {host} has expired, so it has no tunnels now. A rollback would not restore them", host=host
        )
    elif files is not None and files.running_since is None:
        yield Phrase("Nebula is not running on {host}. It will be started with the new certificate", host=host)
    if more := [group for group in certificate.groups if group not in seen.get_groups(renewal.host)]:
        yield Phrase(
            "{host} keeps its additional groups: {groups}",
            host=host,
            groups=list_some([shorten_argument(group) for group in more]),
        )
    if renewal.host.gateway is not None and not renewal.gateway_answers:
        yield Phrase("the gateway of {host} is not responding, so it cannot be used for verification", host=host)
