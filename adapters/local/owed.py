"""Actions on owed changes, which are rows of the bot: give one up, and read whether it is settled."""

from typing import ClassVar

from adapters.action import Effect
from adapters.local.action import LocalAction
from adapters.value import Value


class OwedState(Value):
    """State of an owed change. One that does not exist counts as settled."""

    number: int
    settled: bool


class ReadOwed(LocalAction[OwedState]):
    """Read whether an owed change is settled."""

    number: int


class GiveUpOwed(LocalAction[OwedState]):
    """Settle an owed change without doing it, for the reason of an operation. A settled one stays as it is."""

    effect: ClassVar = Effect.CHANGE

    number: int
    operation: str
