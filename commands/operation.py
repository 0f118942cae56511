"""Operations: requests that have been understood.

A new operation is one class in one noun module and one line in `commands.catalogue`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from adapters.fleet import Fleet
from adapters.phrase import Phrase
from commands.arguments import Flag
from commands.report import Report


class Risk(IntEnum):
    """How much an operation can do. DISRUPT stops or replaces something people use; CRITICAL touches identities."""

    READ = 0
    CHANGE = 1
    DISRUPT = 2
    CRITICAL = 3


class Role(StrEnum):
    """What a person may be; a set, not a ladder."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    ADMINISTRATOR = "administrator"
    SECURITY = "security"


EVERYBODY = frozenset(Role)


class Thresholds(BaseModel):
    """Where a reading becomes a finding; configured under `[thresholds]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clock_difference: float = Field(default=30.0, gt=0, le=3600)
    """Seconds that a host's clock may differ from the bot's."""


Progress = Callable[[tuple[str, ...]], None]
"""Told, while an operation looks, which hosts are still awaited; returns at once and never raises."""


def untold(awaited: tuple[str, ...]) -> None:
    """The progress of a request for which nobody watches."""


@dataclass(frozen=True)
class View:
    """What an operation may look at: the fleet, the time, and settings as values; `progress` is told how far it is."""

    fleet: Fleet
    now: Callable[[], datetime]
    thresholds: Thresholds
    progress: Progress = untold


class Operation(BaseModel):
    """A request that has been understood: a frozen value with typed arguments.

    Class attributes say how it is asked for; fields are its arguments (`commands.grammar` reads
    both). `here` is every operation's option: answer for all in this channel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: ClassVar[tuple[str, ...]]
    """The words that name it, singular: ("cert", "renew")."""
    aliases: ClassVar[tuple[tuple[str, ...], ...]] = ()
    risk: ClassVar[Risk] = Risk.READ
    roles: ClassVar[frozenset[Role]] = EVERYBODY
    summary: ClassVar[Phrase]
    """One line for help."""
    example: ClassVar[str]
    """Words that work as they stand, without `/flatnet`."""

    here: Annotated[bool, Flag(Phrase("answer for all in this channel"))] = False


class FleetRead(Operation):
    """An operation that looks at hosts and changes nothing."""

    async def read(self, view: View) -> Report:
        """Look; one host's failure is a finding in the report, never the end of the others."""
        raise NotImplementedError


class OwnOperation(Operation):
    """An operation on the bot's own state or knowledge: data only; `bot.desk` knows who handles which."""
