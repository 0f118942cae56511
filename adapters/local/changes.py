"""Actions on changes, which are rows of the bot: confirm one whose outcome is unknown, and read its state."""

from typing import ClassVar

from adapters.action import Effect
from adapters.local.action import LocalAction
from adapters.local.host_files import OperationId
from adapters.value import Value


class ChangeOutcomeState(Value):
    """State of a change, in its stored form; "" for one that does not exist."""

    state: str


class ReadOutcome(LocalAction[ChangeOutcomeState]):
    """Reads the state of a change."""

    change: OperationId


class ConfirmSuccess(LocalAction[ChangeOutcomeState]):
    """Records that a change whose outcome is unknown was done, as the approved operation says. A known outcome stays."""

    effect: ClassVar = Effect.CHANGE

    change: OperationId
    operation: OperationId
