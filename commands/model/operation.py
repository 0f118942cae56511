"""Operations: requests that have been understood.

A new operation is one class in one noun module and one line in `commands.catalogue`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from adapters.errors import Refused
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory, Unfit
from adapters.phrase import Phrase
from commands.model.phrases import some
from commands.model.plan import LeftOut, Planned
from commands.model.report import Report
from commands.values.arguments import Flag, Reason, Target


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
    disk_warning_percent: int = Field(default=80, ge=1, le=100)
    """Percent of a drive or file system in use from which somebody should know."""
    disk_critical_percent: int = Field(default=90, ge=1, le=100)
    """From which it is urgent."""
    log_limit_mb: int = Field(default=100, ge=1, le=1_000_000)
    """Megabytes (2^20 bytes) beyond which a log should have been rotated."""
    rotation_days: int = Field(default=8, ge=1, le=3650)
    """Days that a log of some size may go on without being rotated."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.disk_warning_percent >= self.disk_critical_percent:
            raise Unfit(Phrase("disk_warning_percent must be below disk_critical_percent"))
        return self


GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,62}$")]
"""A group in a certificate; nebula-cert takes several with commas between them."""


class CertificateRules(BaseModel):
    """How certificates are made and judged; configured under `[certificates]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lifetime_days: int = Field(default=365, ge=1, le=3650)
    """Days that a new host certificate lives, at most to the end of its CA."""
    groups: tuple[GroupName, ...] = ("flatnet", "gateway")
    """Groups that a host's certificate must have; the lighthouse's are `lighthouse_groups`."""
    lighthouse_groups: tuple[GroupName, ...] = ("lighthouse", "flatnet")


USUAL = CertificateRules()
"""What holds where nothing is configured."""

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
    certificates: CertificateRules = USUAL
    clean: Callable[[str], str] = str
    """Takes secrets out of the lines of a log that are about to be kept; as many lines remain."""
    operation: str = ""
    """The id of the operation that is planned: folders on hosts carry it."""


class Operation(BaseModel):
    """A request that has been understood: a frozen value with typed arguments.

    Class attributes say how it is asked for; fields are its arguments (`commands.language.grammar` reads
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
    includes: ClassVar[tuple[type["Operation"], ...]] = ()
    """Others whose answers are part of this one's: it is for those alone who may ask for each of them, of the same hosts."""

    here: Annotated[bool, Flag(Phrase("answer for all in this channel"))] = False

    @property
    def incomplete(self) -> bool:
        """Whether it still lacks one of several arguments of which none alone is required; a form can ask for it."""
        return False

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """The hosts that it is about, for rights and rules: those of its `target`, none where it has no such argument.

        Raises `NoSuchHost` where a name names none.
        """
        target: Target | None = getattr(self, "target", None)
        return () if target is None else target.resolve(inventory)

    @classmethod
    def names_hosts(cls) -> bool:
        """Tells whether it is about hosts at all."""
        return "target" in cls.model_fields or cls.hosts is not Operation.hosts


class FleetRead(Operation):
    """An operation that looks at hosts and changes nothing."""

    async def read(self, view: View) -> Report:
        """Look; one host's failure is a finding in the report, never the end of the others."""
        raise NotImplementedError


class CannotPlan(Refused):
    """Nothing can be done as hosts stand now; the phrase says why, and what to do first."""

    @classmethod
    def anywhere(cls, left_out: Sequence[LeftOut]) -> "CannotPlan":
        """Every host is left out, each for its reason."""
        reasons = [Phrase("{host}: {why}", host=left.host, why=left.why) for left in left_out]
        return cls(reasons[0] if len(reasons) == 1 else Phrase("nothing can be done: {reasons}", reasons=some(reasons)))


class FleetChange(Operation):
    """An operation that changes hosts: it makes a plan, and `bot.changes.lifecycle` does the rest."""

    risk: ClassVar[Risk] = Risk.CHANGE
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})

    dry_run: Annotated[bool, Flag(Phrase("show what would be done, and ask nobody"))] = False
    reason: Reason = ""
    break_glass: Annotated[
        bool, Flag(Phrase("without waiting for approval, as an administrator and with a reason; everybody is told"))
    ] = False

    def only(self, names: tuple[str, ...]) -> "FleetChange":
        """The same operation for these hosts alone."""
        raise NotImplementedError

    @property
    def settled(self) -> Mapping[str, JsonValue]:
        """Its arguments as a plan keeps them: what is done, not how it was asked for."""
        arguments: Mapping[str, JsonValue] = self.model_dump(mode="json", exclude=set(FleetChange.model_fields))
        return arguments

    async def plan(self, view: View) -> Planned:
        """What it would do, from what hosts say now; reads and never changes. `CannotPlan` where nothing can be done."""
        raise NotImplementedError


class OwnOperation(Operation):
    """An operation on the bot's own state or knowledge, or one that needs it beside the hosts: data only;
    `bot.requests.dispatcher` knows who handles which."""


Catalogue = tuple[type[Operation], ...]
