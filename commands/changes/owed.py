"""Operations on owed changes: what is still to be done on hosts that a change had to leave out.

One that concerns identities is not dropped but given up, with approvals: `owed abandon`, for an owed revocation or an owed
removal of a CA. Its one step runs on the bot itself.

Order of owed changes: what is owed to a host and concerns identities runs before Nebula starts there. Pure.
"""

from typing import Annotated, ClassVar

from adapters.action import BOT_NAME
from adapters.endpoint import BOT_ENDPOINT
from adapters.inventory import Host, Inventory
from adapters.local.owed import GiveUpOwed, ReadOwed
from adapters.phrase import Moment, Phrase
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, OwnOperation, Risk, Role
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import Check, Part, Plan, PlannedAction, PlannedChange, Premise, Step
from commands.values.arguments import Positional, make_number_parser, make_text_argument

OWED_ROLES = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
"""Roles that may drop what is owed, or ask for it now."""

_parse_number = make_number_parser("owed")

OwedNumber = Annotated[
    int,
    Positional(
        "number",
        Phrase("number of the owed change (owed lists it)"),
        lambda typed: _parse_number(typed[0]),
        lambda number: (str(number),),
    ),
]


class OwedList(OwnOperation):
    """List the owed changes."""

    words: ClassVar = ("owed",)
    summary: ClassVar = Phrase("changes still owed to hosts that did not respond")
    example: ClassVar = "owed"
    label: ClassVar = Phrase("show owed changes")


class OwedDrop(OwnOperation):
    """Drop an owed change: it will not be requested any more."""

    words: ClassVar = ("owed", "drop")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = OWED_ROLES
    summary: ClassVar = Phrase("drop an owed change, with a reason (owed lists the numbers)")
    example: ClassVar = 'owed drop 3 "host-a was scrapped"'
    label: ClassVar = Phrase("drop owed change {number}", number="…")

    number: OwedNumber
    why: Annotated[str, make_text_argument("reason", Phrase("reason, shown in the list of owed changes"))]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. That of the owed change is not known here; `bot.changes.handlers` checks permission for it."""
        return ()


class OwedRetry(OwnOperation):
    """Ask for an owed change now, in the requester's own name."""

    words: ClassVar = ("owed", "retry")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = OWED_ROLES
    summary: ClassVar = Phrase("request an owed change now, in your own name (owed lists the numbers)")
    example: ClassVar = "owed retry 3"
    label: ClassVar = Phrase("request owed change {number} now", number="…")

    number: OwedNumber

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. That of the owed change is not known here; `bot.changes.handlers` checks permission for it."""
        return ()


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


def find_owed_first(host: str, owed: KnownOwed) -> Phrase | None:
    """Finds the reason for which Nebula must not start on a host now; None if there is none."""
    note = owed.find_guarded(host)
    if note is None:
        return None
    if note.matter is Matter.REVOCATION:
        return Phrase(
            "a revocation is owed there and must run before Nebula starts: {command}. Run {words} for the list",
            command=note.words,
            words="owed",
        )
    return Phrase(
        "the removal of a CA is owed there and must run before Nebula starts: {command}. Run {words} for the list",
        command=note.words,
        words="owed",
    )
