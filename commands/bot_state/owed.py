"""Operations on owed changes: what is still to be done on hosts that a change had to leave out. As data only.

One that concerns identities is not dropped but given up, with approvals: `commands.owed`.
"""

from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.bot_state.about import make_text_argument
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import Positional, make_number_parser

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
        """Returns no hosts. That of the owed change is not known here; `bot.handlers.owed` checks permission for it."""
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
        """Returns no hosts. That of the owed change is not known here; `bot.handlers.owed` checks permission for it."""
        return ()
