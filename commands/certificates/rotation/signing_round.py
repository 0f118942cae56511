"""Plans of the rounds in which hosts get a certificate of the CA that signs now.

hosts that are due ─ obstacles ─ read their workload and, of those that return, their file of CAs ─▶ a HostPlan each

The first host with a certificate of the new CA is proven from every other host before the next one follows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile
from commands.certificates.reading import FleetCertificates, HostCertificates
from commands.certificates.renewal import SigningContext, build_certificate_premise, build_renewal, list_renewal_warnings
from commands.certificates.renewal_obstacles import find_renewal_obstacle, find_return_obstacle, find_signer, find_witnesses
from commands.certificates.renewal_steps import Renewal, build_wipe_part
from commands.certificates.rotation.bundle_round import Bundle, build_bundle_edit, describe_bundle_edit, read_bundles
from commands.certificates.rotation.rounds import MemberState, Round
from commands.certificates.rotation.signing_steps import Signing, build_signing_part
from commands.changes.host_plan import HostPlan, leave_unchecked
from commands.changes.impact import (
    HostWorkload,
    build_workload_premises,
    describe_nebula_outage,
    is_reached_over_overlay,
    read_workloads,
)
from commands.changes.owed import find_owed_first
from commands.configuration.splice import UnsuitableText
from commands.model.finding import list_some
from commands.model.operation import FleetView
from commands.model.owed import KnownOwed, Matter
from commands.model.plan import LeftOutHost, Premise
from commands.model.rotation import Rotation


@dataclass(frozen=True)
class SigningRound:
    """A round that signs. `states` are those of all hosts, `change` those that are due, in order."""

    round: Round
    rotation: Rotation
    seen: FleetCertificates
    states: tuple[MemberState, ...]
    change: tuple[MemberState, ...]

    @property
    def due(self) -> tuple[HostCertificates, ...]:
        return tuple(state.read for state in self.change)

    @property
    def begins(self) -> bool:
        """True if no host has a certificate of the new CA yet."""
        return self.round is Round.SIGN and all(state.signed_by_new is not True for state in self.states)

    @property
    def lighthouse_comes_first(self) -> bool:
        """True if the lighthouse is one of the hosts that are due, and the tunnels of the others depend on that."""
        return self.rotation.lost and any(held.host.lighthouse for held in self.due)

    def find_peers(self, held: HostCertificates) -> tuple[Host, ...]:
        """Finds the other hosts whose Nebula runs, the lighthouse first."""
        peers = [each.host for each in self.seen.per_host if each is not held and each.files and each.files.running_since]
        return tuple(sorted(peers, key=lambda host: not host.lighthouse))


@dataclass(frozen=True)
class _Reading:
    """Facts that a round needs of its hosts, by name: their workload, and the files of CAs of those that return."""

    signing: SigningContext
    left_out: Mapping[str, LeftOutHost]
    served: Mapping[str, HostWorkload]
    bundles: Mapping[str, Bundle]
    canary: HostCertificates | None


async def plan_signing(due: SigningRound, view: FleetView) -> tuple[tuple[HostPlan | LeftOutHost, ...], Premise]:
    """Plans the hosts of a round, and returns the premise of the CA that signs. Raises `CannotPlan` if it cannot sign."""
    reading = await _read(due, view)
    planned = tuple(plan for held in due.due for plan in _plan_host(held, due, reading, view))
    return planned, reading.signing.premise


async def _read(due: SigningRound, view: FleetView) -> _Reading:
    signing = SigningContext(due.seen, *find_signer(due.seen))
    left = [(held.host.name, _find_obstacle(held, due, signing, view)) for held in due.due]
    left_out = {name: LeftOutHost(host=name, why=why) for name, why in left if why is not None}
    able = [held for held in due.due if held.host.name not in left_out]
    served = await read_workloads([held.host for held in able], view)
    bundles = await read_bundles([held.host for held in able] if due.round is Round.RETURN else (), view)
    canary = able[0] if due.begins and able and not able[0].host.lighthouse else None
    return _Reading(signing, left_out, served, bundles, canary)


def _find_obstacle(held: HostCertificates, due: SigningRound, signing: SigningContext, view: FleetView) -> Phrase | None:
    """Finds the reason why a host that answered gets no certificate now; None if there is none."""
    files = held.files
    if due.round is Round.RETURN:
        why = find_return_obstacle(held, due.seen) or _find_return_road(held, due)
    else:
        why = find_renewal_obstacle(held, due.seen, signing.ca) or _find_early_removal(held, due)
    if why is None and files is not None and files.running_since is None:
        return find_owed_first(held.host.name, _list_revocations(view.owed))
    return why


def _list_revocations(owed: KnownOwed) -> KnownOwed:
    """Lists what must run before Nebula starts. The removal of a CA is the rotation's own, and comes after this round."""
    return KnownOwed(tuple(note for note in owed.notes if note.matter is Matter.REVOCATION))


def _find_early_removal(held: HostCertificates, due: SigningRound) -> Phrase | None:
    """Finds the reason why a host that dropped the old CA too early must wait; None if it need not.

    It refuses the hosts with certificates of the old CA, so its own new one could be proven with none of them.
    """
    state = next(each for each in due.change if each.read is held)
    waiting = [each for each in due.states if each.answered and each.signed_by_new is False]
    refused = [each.host for each in waiting if each.trusts_old is not False]
    if due.round is not Round.SIGN or state.trusts_old is not False or not refused:
        return None
    return Phrase(
        "it refuses {hosts}, because it does not trust {ca} any more. It comes after them: run {words} again",
        hosts=list_some(refused),
        ca=due.rotation.old.name,
        words="ca rotation next",
    )


def _find_return_road(held: HostCertificates, due: SigningRound) -> Phrase | None:
    """Finds the reason why a host that returns could not be proven, or not be reached; None if there is none."""
    if due.rotation.lost and is_reached_over_overlay(held.host):
        return Phrase("the bot reaches it over Nebula, which this cuts off. Configure its address in the local network")
    if held.host.lighthouse or due.lighthouse_comes_first or find_witnesses(held, due.seen):
        return None
    lighthouse = next((each.host.name for each in due.seen.per_host if each.host.lighthouse), "lighthouse")
    return Phrase(
        "Nebula is not running on {host}, so the new certificate cannot be verified. Start Nebula", host=lighthouse
    )


def _plan_host(
    held: HostCertificates, due: SigningRound, reading: _Reading, view: FleetView
) -> tuple[HostPlan | LeftOutHost, ...]:
    """Plans one host, and what is wiped there afterwards, or returns why it is left out."""
    name = held.host.name
    bundle = reading.bundles.get(name)
    if name in reading.left_out:
        return (reading.left_out[name],)
    if isinstance(bundle, HostError):
        return (leave_unchecked(name, bundle),)
    renewal = build_renewal(held, reading.signing, reading.served[name], view.operation_id)
    try:
        signing = _build_signing(renewal, due, bundle, reading)
    except UnsuitableText as error:
        return (LeftOutHost(host=name, why=error.why),)
    return _build_plan(signing, due, reading.served[name]), HostPlan(part=build_wipe_part(renewal))


def _build_signing(renewal: Renewal, due: SigningRound, bundle: ConfigurationFile | None, reading: _Reading) -> Signing:
    """Builds the new certificate of a host. Raises `UnsuitableText` for a file of CAs that the bot does not edit."""
    rotation = due.rotation
    if reading.canary is renewal.held:
        return Signing(replace(renewal, witnesses=due.find_peers(renewal.held)), meets_all=True)
    if bundle is None:
        return Signing(renewal)
    gone = rotation.old.fingerprint if rotation.lost else ""
    edit = build_bundle_edit(renewal.host, bundle, renewal.operation, add=rotation.new.certificate, remove=gone)
    if not rotation.lost:
        return Signing(renewal, edit=edit, canary=rotation.canary)
    # The hosts that have not returned yet are cut off: they neither prove anything nor count where they are refused.
    witnesses = () if renewal.host.lighthouse else (renewal.lighthouse.host,)
    cut_off = replace(renewal, witnesses=witnesses, is_working=False)
    return Signing(cut_off, edit=edit, canary=rotation.canary, is_quiet=False)


def _build_plan(signing: Signing, due: SigningRound, served: HostWorkload) -> HostPlan:
    renewal, edit = signing.renewal, signing.edit
    gone = due.rotation.old if due.rotation.lost else None
    return HostPlan(
        part=build_signing_part(signing),
        leading_premises=(build_certificate_premise(renewal),),
        premises=build_workload_premises(served, "restart"),
        disrupts=describe_nebula_outage(served, "restart"),
        warnings=(*list_renewal_warnings(renewal, due.seen), *_list_warnings(signing, due)),
        edits=() if edit is None else (describe_bundle_edit(edit, added=due.rotation.new, removed=gone),),
    )


def _list_warnings(signing: Signing, due: SigningRound) -> Iterable[Phrase]:
    """Lists what an approver must know of the first host."""
    if not signing.meets_all:
        return
    name = signing.host.name
    yield Phrase("{host} goes first, and every other host must accept its new certificate", host=name)
    proving = {name, *(host.name for host in signing.renewal.witnesses)}
    silent = [state.host for state in due.states if state.host not in proving]
    if silent:
        yield Phrase("no proof from {hosts}: not answering, or Nebula is not running there", hosts=list_some(silent))
