"""`ca rotation next`: the next round of the change of the CA, whichever is due.

all hosts ─ read ─▶ find_states ─▶ find_round ─▶ TRUST, SIGN or RETURN: a HostPlan each ─▶ PlannedChange

No certificate of the new CA is signed while a host does not trust it, unless that host is named with `--leave`.

Progress of a rotation in one sentence: how many hosts have what its stage gives them, and which are awaited. Pure.

The overview counts what hosts have now; digest, home tab and alerts count the rows, which cost no read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.certificates.reading import read_certificates
from commands.certificates.rotation.bundle_round import BundleRound, plan_bundles
from commands.certificates.rotation.records import Mark
from commands.certificates.rotation.round_request import RotationRound, require_rotation
from commands.certificates.rotation.rounds import (
    NextRound,
    Round,
    RoundSight,
    assemble_round,
    find_round,
    find_states,
    prepare_signing,
)
from commands.certificates.rotation.signing_round import SigningRound, plan_signing
from commands.certificates.rotation.states import MemberState
from commands.changes.host_plan import HostPlan
from commands.model.certificates import KnownIdentities
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.model.rotation import Rotation, RotationMember, RotationStage
from commands.values.arguments import NO_TARGET, shorten_argument


class RotationNext(RotationRound):
    """Run the next round of the change of the CA: hosts trust the new CA, then they get certificates of it."""

    words: ClassVar = ("ca", "rotation", "next")
    risk: ClassVar = Risk.DISRUPT
    summary: ClassVar = Phrase("run the next round of changing the CA: all hosts trust it, then get new certificates")
    example: ClassVar = "ca rotation next"
    label: ClassVar = Phrase("run the next round of changing the CA")

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        sight, prepared = await self._look(require_rotation(view, self.only), view)
        _refuse_needless_leave(sight)
        if sight.due.round in _ELSEWHERE:
            return self._plan_nothing(sight, view)
        if sight.due.waits and sight.due.round is not Round.SIGN:
            raise CannotPlan(_explain_wait(sight))
        planned, premises = await _plan_hosts(sight, replace(view, rotation=prepared))
        made = assemble_round(sight, planned, inventory, premises)
        warnings = (*_warn_of_outsiders(sight, view.identities), *made.plan.warnings)
        return made.model_copy(update={"plan": made.plan.model_copy(update={"warnings": warnings})})

    def _plan_nothing(self, sight: RoundSight, view: FleetView) -> PlannedChange:
        """Plans nothing for named hosts that have all that rounds of this operation give. Raises `CannotPlan` otherwise."""
        asked = [state for state in sight.states if state.host in sight.asked]
        if self.only == NO_TARGET or not all(state.has_new for state in asked):
            raise CannotPlan(_ELSEWHERE[sight.due.round])
        return assemble_round(replace(sight, due=NextRound(sight.due.round)), (), view.fleet.inventory, ())

    async def _look(self, rotation: Rotation, view: FleetView) -> tuple[RoundSight, Rotation]:
        """Looks at all hosts, for a round that may sign: the new CA's key is looked for, too."""
        inventory = view.fleet.inventory
        leave = self.find_left(inventory)
        prepared = prepare_signing(rotation, leave, view.now())
        seen = await read_certificates(inventory.hosts, replace(view, rotation=prepared))
        states = find_states(rotation, seen)
        asked = frozenset(host.name for host in self.resolve_hosts(inventory))
        due = find_round(rotation, states, leave)
        return RoundSight(self, rotation, seen, states, due, asked, leave), prepared


async def _plan_hosts(sight: RoundSight, view: FleetView) -> tuple[tuple[HostPlan | LeftOutHost, ...], tuple[Premise, ...]]:
    """Plans the hosts of the round that is due, and its premises."""
    match sight.due.round:
        case _ if not sight.change:
            return (), ()
        case Round.TRUST:
            trusting = BundleRound(Mark.TRUST, sight.rotation, sight.seen, tuple(state.read for state in sight.change))
            return await plan_bundles(trusting, view), ()
        case due:
            assert view.rotation is not None
            returning = frozenset(state.host for state in sight.change) if due is Round.RETURN else frozenset()
            excused = prepare_return(view.rotation, returning, view.now())
            seen = replace(sight.seen, rotation=excused)
            planned, premise = await plan_signing(SigningRound(due, excused, seen, sight.states, sight.change), view)
            return planned, (premise,)


def prepare_return(rotation: Rotation, hosts: frozenset[str], at: datetime) -> Rotation:
    """Returns a rotation in which the hosts that return in this round do not keep it from signing."""
    returning = tuple(rotation.find_member(name).model_copy(update={"left_at": at}) for name in sorted(hosts))
    return rotation.model_copy(
        update={"members": (*(each for each in rotation.members if each.host not in hosts), *returning)}
    )


def _refuse_needless_leave(sight: RoundSight) -> None:
    """Raises `CannotPlan` if a host is to be left behind that nothing waits for."""
    trusting = [state.host for state in sight.states if state.host in sight.leave and state.trusts_new is True]
    if trusting:
        raise CannotPlan(
            Phrase(
                "nothing waits for {hosts}, because the new CA is trusted there already. Leave out {option}",
                hosts=list_some(trusting),
                option="--leave",
            )
        )


def _warn_of_outsiders(sight: RoundSight, identities: KnownIdentities) -> Iterator[Phrase]:
    """Warns of members outside the configuration before the first certificate of the new CA: their trust is not known."""
    if sight.due.round is not Round.SIGN or any(state.signed_by_new is True for state in sight.states):
        return
    hosts = {each.host.name for each in sight.seen.per_host}
    dependents = identities.find_dependents(sight.rotation.old.fingerprint, sight.seen.now)
    if names := [shorten_argument(each.name) for each in dependents if each.name not in hosts]:
        yield Phrase(
            "it is unknown whether {names}, outside the configuration, trust the new CA. Without that they lose their "
            "tunnels to every host with a new certificate. Copy the CA file of {host} there first",
            names=list_some(names),
            host=sight.lighthouse,
        )


def _explain_wait(sight: RoundSight) -> Phrase:
    names = [state.host for state in sight.due.missing]
    return Phrase(
        "{hosts} must trust the new CA first, but cannot be checked. Get them to respond, or go on without them: {words}",
        hosts=list_some(names),
        words=f"ca rotation next --leave {','.join(names)}",
    )


_ELSEWHERE = {
    Round.NONE: Phrase("every host has a certificate of the new CA. Go on with {words}", words="ca rotation finish"),
    Round.DROP: Phrase("the old CA is being taken out. Go on with {words}", words="ca rotation finish"),
    Round.TAKE_BACK_SIGNATURE: Phrase(
        "the change of the CA is being aborted. Go on with {words}", words="ca rotation abort"
    ),
    Round.TAKE_BACK_TRUST: Phrase("the change of the CA is being aborted. Go on with {words}", words="ca rotation abort"),
}
"""Rounds of other operations: what to do instead."""


STAGE_PHRASES: Mapping[RotationStage, Phrase] = {
    RotationStage.MADE: Phrase("new CA made"),
    RotationStage.TRUSTING: Phrase("adding the new CA to all hosts"),
    RotationStage.SIGNING: Phrase("replacing the certificates"),
    RotationStage.DROPPING: Phrase("removing the old CA"),
    RotationStage.DONE: Phrase("completed"),
    RotationStage.ABORTING: Phrase("aborting, the new CA is removed"),
    RotationStage.ABORTED: Phrase("aborted"),
}
"""Stages as they are shown."""

NEXT_COMMANDS: Mapping[RotationStage, str] = {
    RotationStage.MADE: "ca rotation next",
    RotationStage.TRUSTING: "ca rotation next",
    RotationStage.SIGNING: "ca rotation next",
    RotationStage.DROPPING: "ca rotation finish",
    RotationStage.ABORTING: "ca rotation abort",
}
"""Commands that move a rotation on."""


@dataclass(frozen=True)
class Tally:
    """Hosts that have what the stage gives them, and the others. Those that were left behind are among neither."""

    rotation: Rotation
    done: tuple[str, ...]
    awaited: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def phrase(self) -> Phrase:
        """The tally in one sentence."""
        counted = _count(self.rotation, len(self.done), len(self.done) + len(self.awaited) + len(self.left))
        if self.awaited and self.done:
            counted = Phrase("{counted}, waiting for {hosts}", counted=counted, hosts=list_some(self.awaited))
        if self.left:
            counted = Phrase("{counted}, left behind: {hosts}", counted=counted, hosts=list_some(self.left))
        return counted


def describe_members(rotation: Rotation, hosts: Iterable[Host]) -> Phrase:
    """Describes the stage, and how far the rows of these hosts are. One without a Windows side takes no part."""
    names = [host.name for host in hosts if host.windows is not None]
    return Phrase("{stage}: {tally}", stage=STAGE_PHRASES[rotation.stage], tally=tally_members(rotation, names).phrase)


def tally_members(rotation: Rotation, hosts: Sequence[str]) -> Tally:
    """Counts the rows of these hosts."""
    members = [rotation.find_member(host) for host in hosts]
    has = _choose_member_test(rotation)
    return _tally(rotation, [(member.host, has(member), member.left_at is not None) for member in members])


def tally_states(rotation: Rotation, states: Sequence[MemberState]) -> Tally:
    """Counts what hosts have now."""
    has = _choose_state_test(rotation)
    return _tally(rotation, [(state.host, has(state), state.left) for state in states])


def _tally(rotation: Rotation, hosts: Sequence[tuple[str, bool, bool]]) -> Tally:
    return Tally(
        rotation,
        done=tuple(host for host, has, _ in hosts if has),
        awaited=tuple(host for host, has, left in hosts if not has and not left),
        left=tuple(host for host, has, left in hosts if not has and left),
    )


def _choose_member_test(rotation: Rotation) -> Callable[[RotationMember], bool]:
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return lambda member: member.trusts_at is None and member.signed_at is None
        case RotationStage.DROPPING | RotationStage.DONE:
            return lambda member: member.dropped_at is not None
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return lambda member: member.trusts_at is not None
        case _:
            return lambda member: member.signed_at is not None and member.trusts_at is not None


def _choose_state_test(rotation: Rotation) -> Callable[[MemberState], bool]:
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return lambda state: state.trusts_new is False and state.signed_by_new is False
        case RotationStage.DROPPING | RotationStage.DONE:
            return lambda state: (state.lists_old if rotation.lazy and state.answered else state.trusts_old) is False
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return lambda state: state.trusts_new is True
        case _:
            return lambda state: state.has_new


def _count(rotation: Rotation, done: int, total: int) -> Phrase:
    new, old = (shorten_argument(ca.name) for ca in (rotation.new, rotation.old))
    match rotation.stage:
        case RotationStage.ABORTING | RotationStage.ABORTED:
            return Phrase("{n} of {total} hosts are without {ca} again", n=done, total=total, ca=new)
        case RotationStage.DROPPING | RotationStage.DONE:
            return Phrase("{n} of {total} hosts are without {ca}", n=done, total=total, ca=old)
        case RotationStage.MADE | RotationStage.TRUSTING if not rotation.lost:
            return Phrase("{n} of {total} hosts trust {ca}", n=done, total=total, ca=new)
        case _:
            return Phrase("{n} of {total} hosts have a certificate of {ca}", n=done, total=total, ca=new)
