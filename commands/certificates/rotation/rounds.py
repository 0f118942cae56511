"""Next round of a rotation: how far each host has come, and which of them the next round changes. Pure.

rotation, certificates of all hosts ─ find_states ─▶ a MemberState each ─ find_round ─▶ what is due, for which hosts

The gate is here: no signature of the new CA while a host does not trust it, unless it is named to be left behind, and no
removal of a CA while a host has a certificate of it.

Plan of a round: the hosts that it changes, those that it leaves out, and what approvers must know. Pure.

RoundSight ─ list_others ─▶ UnchangedHost, LeftOutHost (owed) ─┐
the HostPlans of the round ────────────────────────────────────┴─ assemble_round ─▶ PlannedChange
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.errors import HostError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.certificates.reading import FleetCertificates
from commands.certificates.rotation.round_request import RotationRound
from commands.certificates.rotation.states import MemberState, find_states
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble_in_order, leave_unchecked
from commands.model.finding import list_some
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import NO_TARGET, Target

__all__ = ["NOTHING_DUE", "MemberState", "NextRound", "Round", "find_round", "find_states", "prepare_signing"]


class Round(StrEnum):
    """Rounds of a rotation. The values are stored with plans."""

    TRUST = "trust"
    SIGN = "sign"
    DROP = "drop"
    RETURN = "return"
    """Trust and a new certificate in one restart, for a host that lacks the trust while others sign already."""
    TAKE_BACK_SIGNATURE = "take-back-signature"
    TAKE_BACK_TRUST = "take-back-trust"
    NONE = "none"


@dataclass(frozen=True)
class NextRound:
    """Round that is due. `change` are the hosts to change, in order. `missing` are those that lack it and did not answer.

    With `missing` and nothing to change, the rotation waits for these hosts.
    """

    round: Round
    change: tuple[MemberState, ...] = ()
    missing: tuple[MemberState, ...] = ()

    @property
    def waits(self) -> bool:
        """True if nothing can be done until a missing host answers or is left behind."""
        return bool(self.missing) and not self.change


NOTHING_DUE = NextRound(Round.NONE)


def find_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str] = frozenset()) -> NextRound:
    """Finds the round that is due. `leave` names hosts that it goes on without."""
    if rotation.stage.ended:
        return NOTHING_DUE
    if rotation.stage is RotationStage.ABORTING:
        return _find_way_back(states, leave)
    if rotation.stage is RotationStage.DROPPING:
        return _find_drop_round(rotation, states, leave)
    if rotation.lost or rotation.stage is RotationStage.SIGNING:
        return _find_signing_round(rotation, states, leave)
    lacking = [each for each in states if each.trusts_new is not True and not _is_left(each, leave)]
    return _split(Round.TRUST, lacking) if lacking else _find_signing_round(rotation, states, leave)


def prepare_signing(rotation: Rotation, leave: frozenset[str], at: datetime) -> Rotation:
    """Returns a rotation as it is while a round signs with the new CA: without the hosts that the round leaves behind.

    With it in the view of a plan, `read_certificates` looks for the new key, and `find_signer` finds the new CA.
    """
    if rotation.stage not in (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING):
        return rotation
    left = tuple(rotation.find_member(name).model_copy(update={"left_at": at}) for name in sorted(leave))
    others = tuple(each for each in rotation.members if each.host not in leave)
    return rotation.model_copy(update={"stage": RotationStage.SIGNING, "members": (*others, *left)})


def _find_signing_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who gets a certificate of the new CA. A host that lacks the trust comes first: it is cut off, or will be."""
    wanted = [each for each in states if each.host not in leave]
    if rotation.lost:
        return _split(Round.RETURN, [each for each in wanted if not each.has_new])
    lacking = [each for each in wanted if each.trusts_new is not True and (each.answered or not each.left)]
    if lacking:
        return _split(Round.RETURN, lacking)
    return _split(Round.SIGN, [each for each in wanted if not each.has_new])


def _find_drop_round(rotation: Rotation, states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who drops the old CA. A host that answers again without a certificate of the new one gets that first."""
    wanted = [each for each in states if each.host not in leave]
    back = [each for each in wanted if each.answered and not (each.has_new or (rotation.lazy and each.will_have_new))]
    if back:
        return _split(Round.RETURN, back)
    holding = [each for each in wanted if (each.lists_old if rotation.lazy else each.trusts_old) is not False]
    return _split(Round.DROP, holding)


def _find_way_back(states: Sequence[MemberState], leave: frozenset[str]) -> NextRound:
    """Finds who returns to the old CA: first the certificates, then the trust, without which they would be cut off.

    A host that an earlier round left behind returns once it answers. One that is named now does not, also if it answers:
    otherwise a host that cannot be changed would keep the rotation open.
    """
    wanted = [each for each in states if each.host not in leave and (each.answered or not each.left)]
    signed = [each for each in wanted if each.signed_by_new is True or (each.answered and each.signed_by_new is None)]
    if signed:
        return _split(Round.TAKE_BACK_SIGNATURE, signed)
    return _split(Round.TAKE_BACK_TRUST, [each for each in wanted if each.trusts_new is not False])


def _split(due: Round, lacking: Sequence[MemberState]) -> NextRound:
    """Splits those that lack something. The lighthouse is the first to trust, and the last of everything else."""
    if not lacking:
        return NOTHING_DUE
    answered = [each for each in lacking if each.answered]
    lighthouse_last = due not in (Round.TRUST, Round.RETURN)
    change = sorted(answered, key=lambda each: each.read.host.lighthouse is lighthouse_last)
    return NextRound(due, tuple(change), tuple(each for each in lacking if not each.answered))


def _is_left(state: MemberState, leave: frozenset[str]) -> bool:
    return state.left or state.host in leave


ROUND_NAMES = {
    Round.TRUST: Phrase("hosts trust the new CA"),
    Round.SIGN: Phrase("hosts get certificates of the new CA"),
    Round.RETURN: Phrase("hosts get the new CA and a certificate of it in one restart"),
    Round.DROP: Phrase("hosts drop the old CA"),
    Round.TAKE_BACK_SIGNATURE: Phrase("hosts get certificates of the old CA again"),
    Round.TAKE_BACK_TRUST: Phrase("hosts trust the old CA only"),
    Round.NONE: Phrase("the new CA is discarded"),
}
"""What a round does."""


@dataclass(frozen=True)
class RoundSight:
    """Facts from which a round is planned: the change of the CA, all hosts as they are, and what is due.

    `asked` are the names of the hosts of the request, `leave` those that it goes on without.
    """

    request: RotationRound
    rotation: Rotation
    seen: FleetCertificates
    states: tuple[MemberState, ...]
    due: NextRound
    asked: frozenset[str]
    leave: frozenset[str]

    @property
    def change(self) -> tuple[MemberState, ...]:
        """The hosts to change, in order."""
        return tuple(state for state in self.due.change if state.host in self.asked)

    @property
    def left(self) -> tuple[MemberState, ...]:
        """The hosts that are left behind: those that are named now, and those of earlier rounds that are still away."""
        due = {state.host for state in self.due.change}
        return tuple(
            state
            for state in self.states
            if state.host in self.leave or (state.left and not state.answered and state.host not in due)
        )

    @property
    def lighthouse(self) -> str:
        return next((each.host.name for each in self.seen.per_host if each.host.lighthouse), "")

    def list_others(self) -> Iterator[UnchangedHost | LeftOutHost]:
        """Lists the hosts of the request that the round does not change. One that is away is owed the same command."""
        left, missing = {state.host for state in self.left}, {state.host for state in self.due.missing}
        for state in self.states:
            if state.host not in self.asked or state in self.change:
                continue
            if state.host in left:
                yield self._leave_behind(state)
            elif state.host in missing:
                assert isinstance(state.read.answer, HostError)
                yield leave_unchecked(state.host, state.read.answer, self.request.matter)
            elif self.request.only != NO_TARGET:
                yield self._explain(state)

    def build_premise(self) -> Premise:
        """Builds the premise of the round that is due."""
        phrase = Phrase(
            "changing the CA from {old} to {new}: {round}",
            old=self.rotation.old.name,
            new=self.rotation.new.name,
            round=ROUND_NAMES[self.due.round],
        )
        value = {"rotation": self.rotation.number, "round": self.due.round.value}
        return Premise(host=self.lighthouse, what="round", value=value, phrase=phrase)

    def _leave_behind(self, state: MemberState) -> LeftOutHost:
        words = f"{' '.join(self.request.words)} --only {state.host}"
        why = Phrase("left behind. When it responds again, it needs {words}", words=words)
        return LeftOutHost(host=state.host, why=why, owed=True)

    def _explain(self, state: MemberState) -> UnchangedHost | LeftOutHost:
        """Explains why a host that was asked for is not changed now."""
        if state.has_new or (self.due.round is Round.TRUST and state.trusts_new is True):
            return UnchangedHost(state.host, Phrase("has all that this round changes"))
        first = [each.host for each in (*self.due.change, *self.due.missing)]
        why = Phrase("comes after {hosts} ({round})", hosts=list_some(first), round=ROUND_NAMES[self.due.round])
        return LeftOutHost(host=state.host, why=why)


def assemble_round(
    sight: RoundSight, planned: Sequence[HostPlan | LeftOutHost], inventory: Inventory, premises: tuple[Premise, ...]
) -> PlannedChange:
    """Assembles the plan of a round in its order. Raises `CannotPlan` if no host can be changed."""
    # Names, also where a pattern was given: the end of the run records these very hosts as left behind.
    left = Target(parts=tuple(sorted(sight.leave))) if sight.leave else NO_TARGET
    request = sight.request.model_copy(update={"leave": left})
    made = assemble_in_order(request, (*planned, *sight.list_others()), inventory, (sight.build_premise(), *premises))
    if not sight.leave:
        return made
    plan = made.plan.model_copy(
        update={
            "about": ",".join(sorted(sight.leave)),
            "warnings": (*_warn_of_leaving(sight), *made.plan.warnings),
        }
    )
    return made.model_copy(update={"plan": plan})


def _warn_of_leaving(sight: RoundSight) -> Iterator[Phrase]:
    hosts = list_some(sorted(sight.leave))
    yield Phrase("{hosts}: cut off from every host with a new certificate until its return", hosts=hosts)
    for state in sight.states:
        if state.host in sight.leave and state.answered:
            yield Phrase("{host} responds now, and is left behind all the same", host=state.host)
