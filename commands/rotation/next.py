"""`ca rotation next`: the next round of the change of the CA, whichever is due.

all hosts ─ read ─▶ find_states ─▶ find_round ─▶ TRUST, SIGN or RETURN: a HostPlan each ─▶ PlannedChange

No certificate of the new CA is signed while a host does not trust it, unless that host is named with `--leave`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from adapters.phrase import Phrase
from commands.certs.fleet_certificates import read_certificates
from commands.model.identity import KnownIdentities
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.phrases import list_some
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.model.rotation import Rotation
from commands.planning.host_plan import HostPlan
from commands.rotation.bundle_round import BundleRound, plan_bundles
from commands.rotation.records import Mark
from commands.rotation.round_plan import RoundSight, assemble_round
from commands.rotation.round_request import RotationRound, require_rotation
from commands.rotation.rounds import NextRound, Round, find_round, find_states, prepare_signing
from commands.rotation.signing_round import SigningRound, plan_signing
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
