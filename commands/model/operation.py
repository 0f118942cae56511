"""Operations: parsed requests.

A new operation is one class in one noun module and one line in `commands.catalogue`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from adapters.errors import NotAsked, Refused
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.key_backup import Recipient
from adapters.local.action import LocalAction
from adapters.phrase import Phrase
from commands.model.backup import NO_BACKUPS, Backup, Drill, KnownBackups
from commands.model.certificates import NO_IDENTITIES, KnownIdentities
from commands.model.check import NO_CHECKS, Area, KnownChecks
from commands.model.containers import DEFAULT_CONTAINER_RULES, ContainerRules, ContainerSpec
from commands.model.finding import list_some
from commands.model.need import Need
from commands.model.owed import NOTHING_OWED, KnownOwed, Matter
from commands.model.plan import LeftOutHost, PlannedChange
from commands.model.proven_configuration import ProvenConfigurations
from commands.model.report import Report
from commands.model.rotation import Rotation
from commands.model.suspension import Suspension
from commands.model.thresholds import Thresholds
from commands.values.arguments import Flag, ReasonOption, Target


class Risk(IntEnum):
    """Risk of an operation.

    READ changes nothing, neither on hosts nor in the bot's own state. DISRUPT stops or replaces something people use;
    CRITICAL touches identities.
    """

    READ = 0
    CHANGE = 1
    DISRUPT = 2
    CRITICAL = 3


class Role(StrEnum):
    """Roles of people. They form a set without an order."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    ADMINISTRATOR = "administrator"
    SECURITY = "security"


ALL_ROLES = frozenset(Role)


GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,62}$")]
"""A group in a certificate; nebula-cert takes several with commas between them."""


MemberName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,253}$")]
"""The name in a member's certificate. nebula-cert takes any text."""


class CertificateRules(BaseModel):
    """Rules by which certificates are made and judged; configured under `[certificates]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    lifetime_days: int = Field(default=365, ge=1, le=3650)
    """Lifetime of a new host certificate in days. It ends no later than its CA."""
    groups: tuple[GroupName, ...] = ("flatnet", "gateway")
    """Groups that a host's certificate must have. The lighthouse's must have `lighthouse_groups`."""
    lighthouse_groups: tuple[GroupName, ...] = ("lighthouse", "flatnet")
    bot_certificate: Path | None = None
    """Certificate of the bot's own machine in the overlay, if it takes part."""
    members: tuple[MemberName, ...] = ()
    """Names in certificates of members that are no hosts of the configuration, such as laptops."""


DEFAULT_CERTIFICATE_RULES = CertificateRules()
"""Rules of certificates where none are configured."""


@dataclass(frozen=True)
class ReadProgress:
    """Progress of a read: the number of places that it reads, mostly hosts, and the names of those still awaited.

    `build_report` builds the report on the places that have answered, in any thread. It costs as much as the whole report,
    so it is called for what is shown. None if this read has no report on a part of its hosts.
    """

    total: int
    awaited: tuple[str, ...]
    build_report: Callable[[], Report] | None = None
    place: Literal["host", "check"] = "host"
    """What is counted."""

    @property
    def answered(self) -> int:
        return self.total - len(self.awaited)


Progress = Callable[[ReadProgress], None]
"""Called during a read, whenever a place has answered. It returns at once and never raises."""


def ignore_progress(progress: ReadProgress) -> None:
    """Ignores progress, for a request that nothing displays."""


ReadOwn = Callable[[LocalAction[Any]], Awaitable[Any]]
"""Performs a read on the bot itself. Raises a `HostError`."""


async def refuse_own_read(action: LocalAction[Any]) -> Any:
    """Refuses a read on the bot itself, for an operation that has none."""
    raise NotAsked(Phrase("only a running bot can do this. Start flatnet-bot, then try again"))


Attest = Callable[[Backup | Drill], Awaitable[bool]]
"""Returns whether the audit log says what a row says. Raises an error of the database."""


async def attest_nothing(row: Backup | Drill) -> bool:
    """Attests nothing, for an operation that relies on no row."""
    return False


HashSecret = Callable[[str], str]
"""Returns a keyed hash of a secret by its name, for the premise of a plan. Raises a `FlatnetError` for a missing one."""


def refuse_secrets(name: str) -> str:
    """Refuses secrets, for an operation that uses none."""
    raise NotAsked(Phrase("only a running bot can do this. Start flatnet-bot, then try again"))


@dataclass(frozen=True)
class UnknownChange:
    """A change whose outcome is unknown: its command, and the names of the hosts that it is about."""

    words: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class FleetView:
    """Read access of an operation: the fleet, the time, settings as values, and a callback for its progress."""

    fleet: Fleet
    now: Callable[[], datetime]
    thresholds: Thresholds
    progress: Progress = ignore_progress
    certificates: CertificateRules = DEFAULT_CERTIFICATE_RULES
    redact: Callable[[str], str] = str
    """Removes secrets from lines of logs and files before they are stored. It returns as many lines."""
    operation_id: str = ""
    """Id of the operation that is planned. Folders on hosts are named after it."""
    asked_at: datetime | None = None
    asked_by: str = ""
    """Time and requester of the operation, for a plan that writes them down. They stay when the plan is made again."""
    checks: KnownChecks = NO_CHECKS
    """The newest stored checks, for a read that folds them into its verdict."""
    identities: KnownIdentities = NO_IDENTITIES
    """The ledger of identities, for an answer about certificates."""
    critical_unknown: Mapping[str, UnknownChange] = field(default_factory=dict)
    """Critical changes whose outcome is unknown, by their ids."""
    owed: KnownOwed = NOTHING_OWED
    """The open owed changes, for a plan: some of them must run before others."""
    good_configurations: ProvenConfigurations = field(default_factory=dict)
    """The last configuration of each gateway that a run proved to work."""
    rotation: Rotation | None = None
    """The change of the CA that is under way."""
    backups: KnownBackups = NO_BACKUPS
    """The backups that were made, and those of the CA key."""
    read_backup: Callable[[str], Awaitable[Backup | None]] | None = None
    """Reads a backup with the files of its parts, which `backups` may come without."""
    recipients: tuple[Recipient, ...] = ()
    """The people for whom the CA key is encrypted, as configured."""
    read_own: ReadOwn = refuse_own_read
    """Reads on the bot itself, for a plan: its copies of backups."""
    attest: Attest = attest_nothing
    """Compares a row with the audit log, for a plan that relies on it."""
    suspensions: Mapping[str, Suspension] = field(default_factory=dict)
    """The suspended hosts, by name."""
    container_rules: ContainerRules = DEFAULT_CONTAINER_RULES
    container_specs: tuple[ContainerSpec, ...] = ()
    """The containers that can be run by name, as configured."""
    hash_secret: HashSecret = refuse_secrets
    """Hashes a secret under a key of the bot, for a plan that names it."""


class Operation(BaseModel):
    """A parsed request: a frozen value with typed arguments.

    Class attributes define its command, fields its arguments (`commands.language.grammar` reads both).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    words: ClassVar[tuple[str, ...]]
    """Words of the command, singular: ("cert", "renew")."""
    aliases: ClassVar[tuple[tuple[str, ...], ...]] = ()
    risk: ClassVar[Risk] = Risk.READ
    roles: ClassVar[frozenset[Role]] = ALL_ROLES
    summary: ClassVar[Phrase]
    """Summary in one line, for help."""
    example: ClassVar[str]
    """Example that can be run as it is, without `/flatnet`."""
    label: ClassVar[Phrase]
    """Label of a button that runs it, beginning with a verb. Its values are fields; "…" stands for one that is missing."""
    needs: ClassVar[frozenset[Need]] = frozenset()
    includes: ClassVar[tuple[type["Operation"], ...]] = ()
    """Operations whose answers this one contains. It needs permission for each of them on the same hosts."""
    offered: ClassVar[tuple[str, ...]] = ()
    """Fields that the form for missing arguments offers, too. The form that confirms offers them alone, if there are any."""
    choices: ClassVar[Mapping[tuple[str, ...], Phrase]] = {}
    """Labels of buttons by arguments as they are typed, for commands among which a reader chooses. The first that fits."""

    here: Annotated[bool, Flag(Phrase("show the result to everyone in this channel"))] = False

    @property
    def assessed_risk(self) -> Risk:
        """Risk of this request. Its arguments may raise it above the risk of its class, never lower it."""
        return self.risk

    @property
    def needed_roles(self) -> frozenset[Role]:
        """Roles of which its requester needs one, beside those of its class. None is needed for most requests."""
        return frozenset()

    @property
    def incomplete(self) -> bool:
        """True if one of several alternative arguments is required and none is given. A form can ask for it."""
        return False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Resolves the hosts of its `target`, on which permission is checked; none without one. Raises `NoSuchHost`."""
        target: Target | None = getattr(self, "target", None)
        return () if target is None else target.resolve(inventory)

    @classmethod
    def runs_at_a_tap(cls) -> bool:
        """Returns whether a button may run it at once. All others open their form first."""
        return cls.risk is Risk.READ

    @classmethod
    def is_about_hosts(cls) -> bool:
        """Returns whether operations of this class concern hosts."""
        return "target" in cls.model_fields or cls.resolve_hosts is not Operation.resolve_hosts


class FleetRead(Operation):
    """An operation that reads hosts and changes nothing."""

    shows_maintenance: ClassVar[bool] = False
    """True if its answer says which of its hosts are suspended or in maintenance."""

    async def read(self, view: FleetView) -> Report:
        """Reads the hosts and reports on them. A host's failure is a finding in the report and does not stop the others."""
        raise NotImplementedError


class CannotPlan(Refused):
    """The change is impossible in the hosts' present state. The phrase has the reason and what to do first.

    `left_out` are the hosts that could not be planned, if that is the reason.
    """

    def __init__(self, phrase: Phrase, left_out: Sequence[LeftOutHost] = ()) -> None:
        super().__init__(phrase)
        self.left_out = tuple(left_out)

    @classmethod
    def from_left_out(cls, left_out: Sequence[LeftOutHost]) -> "CannotPlan":
        """Makes the error of a change that leaves out every host, with the reason of each."""
        reasons = [Phrase("{host}: {why}", host=left.host, why=left.why) for left in left_out]
        several = Phrase("no host can be changed: {reasons}", reasons=list_some(reasons))
        return cls(reasons[0] if len(reasons) == 1 else several, left_out)


class FleetChange(Operation):
    """An operation that changes hosts. It makes the plan. `bot.changes` gets the approvals and starts the run."""

    risk: ClassVar[Risk] = Risk.CHANGE
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
    affects: ClassVar[frozenset[Area]] = frozenset(Area)
    """Areas of its hosts whose earlier checks prove nothing after a run."""
    matter: ClassVar[Matter] = Matter.CHANGE
    """Matter of a change that a run owes to a host."""
    unattended: ClassVar[bool] = False
    """True if a schedule may run it without approval, where a waiver names it: it replaces nothing that is in use."""
    acts_on_suspended: ClassVar[bool] = False
    """True for what suspends and resumes hosts. For every other change, a suspended host counts as one that is away."""
    needs_reason: ClassVar[bool] = False
    """True if it needs a reason, whatever its risk."""
    independent: ClassVar[bool] = False
    """True if its parts do not depend on one another: one that fails is rolled back, and the next ones run all the same."""

    dry_run: Annotated[bool, Flag(Phrase("show the plan without requesting approval"))] = False
    reason: ReasonOption = ""
    break_glass: Annotated[
        bool, Flag(Phrase("run without approval (administrators only, reason required, everyone is notified)"))
    ] = False

    def restrict_to(self, names: tuple[str, ...]) -> "FleetChange":
        """Returns the same operation for these hosts only."""
        raise NotImplementedError

    @property
    def resolved_arguments(self) -> Mapping[str, JsonValue]:
        """Its arguments as stored with a plan, without the options that all changes share."""
        arguments: Mapping[str, JsonValue] = self.model_dump(mode="json", exclude=set(FleetChange.model_fields))
        return arguments

    async def plan(self, view: FleetView) -> PlannedChange:
        """Makes the plan from the hosts' present state. It only reads. Raises `CannotPlan` if nothing can be done."""
        raise NotImplementedError


class OwnOperation(Operation):
    """An operation on the bot's own state, or one that needs it, too. `bot.requests` maps it to its handler."""


Catalogue = tuple[type[Operation], ...]
