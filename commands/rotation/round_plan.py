"""Plan of a round: the hosts that it changes, those that it leaves out, and what approvers must know. Pure.

RoundSight ─ list_others ─▶ UnchangedHost, LeftOutHost (owed) ─┐
the HostPlans of the round ────────────────────────────────────┴─ assemble_round ─▶ PlannedChange
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.certs.fleet_certificates import FleetCertificates
from commands.model.phrases import list_some
from commands.model.plan import LeftOutHost, PlannedChange, Premise
from commands.model.rotation import Rotation
from commands.planning.host_plan import HostPlan, UnchangedHost, assemble_in_order, leave_unchecked
from commands.rotation.round_request import RotationRound
from commands.rotation.rounds import MemberState, NextRound, Round
from commands.values.arguments import NO_TARGET, Target

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
