"""Actions: one thing that can be done or read on one side of one host."""

from enum import StrEnum
from typing import ClassVar, Generic, Literal, TypeVar

from adapters.value import Value

SideName = Literal["windows", "wsl", "gateway"]
SIDES: tuple[SideName, ...] = ("windows", "wsl", "gateway")

Answer = TypeVar("Answer")
"""What an action brings back: a frozen value."""


class Effect(StrEnum):
    """Whether an action leaves the host as it was."""

    READ = "read"
    CHANGE = "change"


class Action(Value, Generic[Answer]):
    """One thing that can be done or read on one side of a host, as a value.

    Fields are the arguments; they are data wherever they travel, never code, and hashable: equal reads share an answer.
    `deadline` is in seconds and covers connecting, running and the answer; it begins when the connection begins.
    `output_limit` is in bytes: what a host says beyond it is not read (each side says of what it holds).
    `repeatable`: doing it twice leaves what doing it once leaves, so a lost answer may be asked for again.
    """

    side: ClassVar[SideName]
    effect: ClassVar[Effect] = Effect.READ
    repeatable: ClassVar[bool] = True
    deadline: ClassVar[float]
    output_limit: ClassVar[int]

    @property
    def changes(self) -> bool:
        """Whether it may leave the host different, so that a lost answer leaves a doubt."""
        return self.effect is Effect.CHANGE
