"""`owed abandon`: gives up an owed revocation, or an owed removal of a CA. Its one step runs on the bot itself."""

from typing import ClassVar

from adapters.action import BOT_NAME
from adapters.endpoint import BOT_ENDPOINT
from adapters.local.owed import GiveUpOwed, ReadOwed
from adapters.phrase import Moment, Phrase
from commands.bot_state.owed import OwedNumber
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.owed import Matter, OwedNote
from commands.model.plan import Check, Part, Plan, PlannedAction, PlannedChange, Premise, Step


class OwedAbandon(FleetChange):
    """Give up an owed change that concerns identities. Its host keeps accepting what it should not."""

    words: ClassVar = ("owed", "abandon")
    risk: ClassVar = Risk.CRITICAL
    affects: ClassVar = frozenset[Area]()
    summary: ClassVar = Phrase("give up an owed revocation or CA removal, with approvals (owed lists the numbers)")
    example: ClassVar = 'owed abandon 3 --reason "host-a was scrapped"'
    label: ClassVar = Phrase("give up owed change {number}", number="…")

    number: OwedNumber

    def restrict_to(self, names: tuple[str, ...]) -> "OwedAbandon":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        note = view.owed.find(self.number)
        if note is None:
            raise CannotPlan(
                Phrase("no owed change {number}. Run {words} for the list", number=str(self.number), words="owed")
            )
        if not note.matter.is_guarded:
            raise CannotPlan(Phrase("this needs no approval: {words}", words=f'owed drop {note.number} "…"'))
        plan = Plan(
            parts=(Part(host=BOT_NAME, steps=(self._build_step(note, view),)),),
            premises=(_build_premise(note),),
            roads=(BOT_ENDPOINT,),
            warnings=(_describe_danger(note),),
            about=note.host,
        )
        return PlannedChange(arguments=self.resolved_arguments, plan=plan)

    def _build_step(self, note: OwedNote, view: FleetView) -> Step:
        deed = GiveUpOwed(number=note.number, operation=view.operation_id)
        proof = Check(host=BOT_NAME, deed=PlannedAction.of(ReadOwed(number=note.number)), expect={"settled": True})
        phrase = Phrase("give up {command} on {host}", command=note.words, host=note.host)
        return Step(key="give-up", host=BOT_NAME, deed=PlannedAction.of(deed), phrase=phrase, verify=proof)


def _build_premise(note: OwedNote) -> Premise:
    phrase = Phrase("{command} is owed to {host} since {at}", command=note.words, host=note.host, at=Moment(note.since))
    value = [note.number, note.host, note.words, note.matter.value]
    return Premise(host=note.host, what="owed", value=value, phrase=phrase)


def _describe_danger(note: OwedNote) -> Phrase:
    if note.matter is Matter.REVOCATION:
        return Phrase("{host} keeps accepting what was revoked. Nebula can start there again", host=note.host)
    return Phrase("{host} keeps trusting the CA. Nebula can start there again", host=note.host)
