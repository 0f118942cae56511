"""Actions: one thing that can be done or read on one side of one host."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Literal, TypeVar

from adapters.phrase import Phrase
from adapters.value import Value

SideName = Literal["windows", "wsl", "gateway"]
SIDES: tuple[SideName, ...] = ("windows", "wsl", "gateway")
"""The sides that a host may have."""

Place = Literal["windows", "wsl", "gateway", "bot"]
"""Where an action is done: on a side of a host, or on the bot itself."""

BOT_NAME = "flatnet-bot"
"""The bot as the host of a step. No host of the inventory can have this name."""

Answer = TypeVar("Answer")
"""The answer of an action: a frozen value."""


class Effect(StrEnum):
    """Effect of an action on its host: none (a read), or a possible change."""

    READ = "read"
    CHANGE = "change"


class Action(Value, Generic[Answer]):
    """One thing that can be done or read on one side of a host, as a value.

    Fields are the arguments. They travel as data, never as code. They are hashable, so equal reads can share an answer.
    `deadline` is in seconds and covers connecting, running and the answer. It starts when the connection starts.
    `output_limit` is in bytes. Output beyond it is not read. Each side defines what it limits.
    `repeatable`: doing it twice has the same effect as doing it once, so it may be sent again after a lost answer.
    """

    side: ClassVar[Place]
    effect: ClassVar[Effect] = Effect.READ
    repeatable: ClassVar[bool] = True
    deadline: ClassVar[float]
    output_limit: ClassVar[int]

    @classmethod
    def get_answer_type(cls) -> Any:
        """Returns the class of its answer: the parameter of its nearest base that names one."""
        parameters = (getattr(each, "__pydantic_generic_metadata__", {}).get("args", ()) for each in cls.__mro__)
        return next(each[0] for each in parameters if each and isinstance(each[0], type))

    def explain_answer(self, answer: Answer) -> Phrase | None:
        """Explains an answer that is not the expected one, and says what to do; None where its fields say it all."""
        return None

    def find_fault(self, answer: Answer, asked_at: datetime, answered_at: datetime) -> Phrase | None:
        """Finds what an answer shows to be wrong on the host, so that it proves nothing; the phrase says what to do.

        The times are those of the bot, before and after the host was asked.
        """
        return None

    @property
    def time_limit(self) -> float:
        """Seconds for this action: `deadline`, unless its arguments make it longer (on the gateway only)."""
        return self.deadline

    @property
    def changes(self) -> bool:
        """Returns whether the action may change the host. Its outcome is then in doubt when the answer is lost."""
        return self.effect is Effect.CHANGE
