"""`ca rotation abort`: back to the old CA, by rounds of what the stage allows.

MADE       the new key is wiped
TRUSTING   the new CA is taken out everywhere, then the new key is wiped
SIGNING    a first round of certificates of the old CA, then as TRUSTING
DROPPING   refused: some hosts do not trust the old CA any more
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath
from typing import ClassVar

from adapters.phrase import Moment, Phrase
from adapters.windows.authority import WipeAuthority
from commands.certificates.reading import read_certificates
from commands.certificates.rotation.bundle_round import BundleRound, plan_bundles
from commands.certificates.rotation.records import Mark, make_key
from commands.certificates.rotation.round_request import RotationRound, require_rotation
from commands.certificates.rotation.rounds import NOTHING_DUE, Round, RoundSight, assemble_round, find_round, find_states
from commands.certificates.rotation.signing_round import SigningRound, plan_signing
from commands.changes.host_plan import HostPlan
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView, Risk
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Part, PlannedAction, PlannedChange, Premise, Step
from commands.model.rotation import Rotation, RotationStage

SHORTEST_RETURN = timedelta(days=30)
"""Least time that the old CA must be valid: certificates of it would be due at once, and need another CA by then."""


class RotationAbort(RotationRound):
    """Abort the change of the CA: hosts return to the old one, and the new one is taken out and its key wiped."""

    words: ClassVar = ("ca", "rotation", "abort")
    risk: ClassVar = Risk.CRITICAL
    matter: ClassVar = Matter.AUTHORITY
    summary: ClassVar = Phrase("abort changing the CA: hosts return to the old CA, and the new key is wiped")
    example: ClassVar = 'ca rotation abort --reason "the new CA has the wrong groups"'
    label: ClassVar = Phrase("abort changing the CA")

    async def plan(self, view: FleetView) -> PlannedChange:
        rotation = require_rotation(view, self.only)
        _require_way_back(rotation)
        inventory = view.fleet.inventory
        aborting = rotation.model_copy(update={"stage": RotationStage.ABORTING})
        view = replace(view, rotation=aborting)
        sight = await self._look(rotation, view)
        if sight.due.waits:
            raise CannotPlan(_explain_wait(sight))
        if sight.due.round is Round.TAKE_BACK_SIGNATURE and rotation.stage is not RotationStage.ABORTING:
            _require_time(sight)
        planned, premises = await _plan_hosts(sight, view)
        return assemble_round(sight, planned, inventory, premises)

    async def _look(self, rotation: Rotation, view: FleetView) -> RoundSight:
        """Looks at all hosts, for a round that may sign with the old CA."""
        assert view.rotation is not None
        inventory = view.fleet.inventory
        leave = self.find_left(inventory)
        seen = await read_certificates(inventory.hosts, view)
        states = find_states(view.rotation, seen)
        asked = frozenset(host.name for host in self.resolve_hosts(inventory))
        made = rotation.stage is RotationStage.MADE
        due = NOTHING_DUE if made else find_round(view.rotation, states, leave)
        return RoundSight(self, view.rotation, seen, states, due, asked, leave)


def _require_way_back(rotation: Rotation) -> None:
    """Raises `CannotPlan` if the rotation goes only forward."""
    if rotation.stage is RotationStage.DROPPING:
        phrase = Phrase(
            "the old CA is being taken out, and only the way forward is left. Go on with {words}", words="ca rotation finish"
        )
        raise CannotPlan(phrase)
    if rotation.lost and rotation.stage not in (RotationStage.MADE, RotationStage.ABORTING):
        phrase = Phrase("the old CA is lost, and only the way forward is left. Go on with {words}", words="ca rotation next")
        raise CannotPlan(phrase)


async def _plan_hosts(sight: RoundSight, view: FleetView) -> tuple[tuple[HostPlan | LeftOutHost, ...], tuple[Premise, ...]]:
    """Plans the hosts of the round that is due, and its premises. The last round discards the new CA."""
    if sight.due.round is Round.TAKE_BACK_SIGNATURE:
        if not sight.change:
            return (), ()
        signing = SigningRound(sight.due.round, sight.rotation, sight.seen, sight.states, sight.change)
        planned, premise = await plan_signing(signing, view)
        return _warn_of_second_round(planned), (premise,)
    removing = BundleRound(Mark.TAKE_BACK, sight.rotation, sight.seen, tuple(state.read for state in sight.change))
    removed = await plan_bundles(removing, view)
    return (_discard(removed, sight) if _is_last(sight) else removed), ()


def _require_time(sight: RoundSight) -> None:
    """Raises `CannotPlan` if the old CA ends so early that certificates of it are no way back.

    This is asked before the first round only: from then on there is no other way, and a short certificate is better than one
    of a CA that goes.
    """
    old = sight.rotation.old
    if old.ends_at - sight.seen.now < SHORTEST_RETURN:
        phrase = Phrase(
            "{ca} is valid only until {at}, too short to return to it. Go on with {words}",
            ca=old.name,
            at=Moment(old.ends_at),
            words="ca rotation next",
        )
        raise CannotPlan(phrase)


def _is_last(sight: RoundSight) -> bool:
    """Returns whether no host trusts the new CA after this round, except those that are left behind."""
    away = [state for state in sight.due.missing if state.host not in sight.leave]
    return not away and len(sight.change) == len(sight.due.change)


def _discard(planned: tuple[HostPlan | LeftOutHost, ...], sight: RoundSight) -> tuple[HostPlan | LeftOutHost, ...]:
    """Adds the end of the rotation, in a part of its own: what is wiped cannot be rolled back."""
    if any(isinstance(each, LeftOutHost) for each in planned):
        return planned
    return (*planned, HostPlan(part=Part(host=sight.lighthouse, steps=(_build_wipe_step(sight),))))


def _build_wipe_step(sight: RoundSight) -> Step:
    lighthouse = sight.lighthouse
    return Step(
        key=make_key(lighthouse, Mark.SETTLE, "wipe"),
        host=lighthouse,
        deed=PlannedAction.of(WipeAuthority(folder=str(PureWindowsPath(sight.rotation.new.key_file).parent))),
        phrase=Phrase("wipe the key of {ca}", ca=sight.rotation.new.name),
    )


def _warn_of_second_round(planned: tuple[HostPlan | LeftOutHost, ...]) -> tuple[HostPlan | LeftOutHost, ...]:
    """Adds to the first host's plan that a further round follows."""
    warning = Phrase("after this round, {words} once more takes the new CA out", words="ca rotation abort")
    first = next((each for each in planned if isinstance(each, HostPlan)), None)
    return tuple(
        replace(each, warnings=(warning, *each.warnings)) if isinstance(each, HostPlan) and each is first else each
        for each in planned
    )


def _explain_wait(sight: RoundSight) -> Phrase:
    names = [state.host for state in sight.due.missing]
    return Phrase(
        "{hosts} must return to the old CA, but cannot be checked. Get them to respond, or go on without them: {words}",
        hosts=list_some(names),
        words=f"ca rotation abort --leave {','.join(names)}",
    )
