"""Operations on locks, as data only. A lock forbids changes on hosts."""

from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import OneWordTarget, Positional, make_number_parser, make_text_argument
from commands.values.units import make_duration_parser, render_duration


class LockList(OwnOperation):
    """List the locks."""

    words: ClassVar = ("lock",)
    summary: ClassVar = Phrase("active locks on changes: hosts, owner, end time and reason")
    example: ClassVar = "lock"
    label: ClassVar = Phrase("show locks")


_parse_lock_duration = make_duration_parser(timedelta(minutes=1), timedelta(days=90))
"""Parser of a lock's duration. Every lock expires, and can be added again while it is needed."""


class LockAdd(OwnOperation):
    """Forbid changes on hosts for a while."""

    words: ClassVar = ("lock", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.SECURITY})
    summary: ClassVar = Phrase("lock hosts against changes for a while (all locks everything)")
    example: ClassVar = 'lock add host-a 2h "disk swap"'
    label: ClassVar = Phrase("lock {target}", target="…")

    target: OneWordTarget
    lasts: Annotated[
        timedelta,
        Positional(
            "duration",
            Phrase("duration: 30m, 2h, 7d"),
            lambda words: _parse_lock_duration(words[0]),
            lambda lasts: (render_duration(lasts),),
        ),
    ]
    why: Annotated[str, make_text_argument("reason", Phrase("reason, shown to anyone blocked by the lock"))]


class LockRemove(OwnOperation):
    """Allow changes again."""

    words: ClassVar = ("lock", "remove")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.SECURITY})
    summary: ClassVar = Phrase("remove a lock (lock lists the numbers)")
    example: ClassVar = "lock remove 3"
    label: ClassVar = Phrase("remove lock {number}", number="…")

    number: Annotated[
        int,
        Positional(
            "number", Phrase("the lock's number"), lambda words: make_number_parser("lock")(words[0]), lambda n: (str(n),)
        ),
    ]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. Its hosts are unknown here; `bot.requests.handler_registry` checks permission for them."""
        return ()
