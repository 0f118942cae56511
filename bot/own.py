"""Who answers the bot's own operations, and from what: one table.

Those that only look are answered wherever the database is open; those that decide, stop or forbid need the
running bot, which the desk sees to.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import metadata
from typing import Any, Protocol

from adapters.errors import Refused
from adapters.inventory import Inventory
from adapters.phrase import Listing, Phrase
from bot import audit_answers, incident_answers, incident_story, listings, scheduling
from bot.archiving import Archiving
from bot.audit_answers import AuditBook
from bot.can import explain as explain_rights
from bot.changes import Change, State
from bot.collecting import collect
from bot.decision import Catalogue
from bot.digests import digest
from bot.incident_answers import IncidentBook
from bot.incident_channels import Channels
from bot.locks import Lock, meant
from bot.planning import By
from bot.policy import Go, Policy, Verdict
from bot.reports import monthly, weekly
from bot.request import BotIdentity, Failure
from bot.scheduling import ScheduleBook
from bot.store.observations import Observation
from bot.store.operations import Ended
from commands.arguments import Target
from commands.auditing import AuditAccept, AuditExport, AuditSearch, AuditVerify
from commands.charts import HostHealth
from commands.decisions import (
    Approvals,
    ApprovalShow,
    Approve,
    Deny,
    OperationCancel,
    OperationContinue,
    OperationResolve,
    OperationReview,
    Operations,
    OperationShow,
)
from commands.digests import Digest
from commands.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.locks import LockAdd, LockRemove, Locks
from commands.logs import LogCollect
from commands.operation import Operation, View
from commands.own import Can, Doctor, Help, Version, WhoAmI
from commands.report import Cell, Column, Report, Row
from commands.reports import MonthlyReport, WeeklyReport
from commands.schedules import (
    ScheduleAdd,
    SchedulePause,
    ScheduleRemove,
    ScheduleResume,
    ScheduleRun,
    Schedules,
)
from commands.usage import explain

LATELY = 20
"""Changes that `op` lists."""

Body = Report | Change


class NobodyRuns(Refused):
    """A change was asked for where no bot runs that could carry it out."""

    @classmethod
    def here(cls) -> "NobodyRuns":
        return cls(Phrase("no bot runs here, so nothing can be changed; start it with flatnet-bot run, then ask again"))


class Changes(Protocol):
    """Changes and people's decisions on them (`bot.workflow`)."""

    async def show(self, operation_id: str) -> Change: ...

    async def recent(self, limit: int) -> tuple[Change, ...]: ...

    async def touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]: ...

    async def states(self, operations: Collection[str]) -> Mapping[str, State]: ...

    async def waiting(self) -> tuple[Change, ...]: ...

    async def running(self) -> tuple[Change, ...]: ...

    async def unknown(self) -> tuple[Change, ...]: ...

    async def ended(self, since: datetime, until: datetime) -> tuple[Ended, ...]: ...

    async def approve(self, operation_id: str, by: By) -> Change: ...

    async def deny(self, operation_id: str, by: By, reason: str) -> Change: ...

    async def cancel(self, operation_id: str, by: By) -> Change: ...

    async def resolve(self, operation_id: str, by: By, saw: str, outcome: State) -> Change: ...

    async def carry_on(self, new_id: str, operation_id: str, by: By) -> Change: ...

    async def review(self, operation_id: str, by: By, text: str) -> Change: ...


class LockBook(Protocol):
    """Where people forbid changes (`bot.locks`)."""

    async def all(self) -> tuple[Lock, ...]: ...

    async def add(self, operation: str, target: Target, lasts: timedelta, reason: str, owner: str) -> Lock: ...

    async def remove(self, operation: str, number: int, by: str, judge: Callable[[Lock], Verdict]) -> Lock: ...


class Memory(Protocol):
    """What was seen of the fleet over time, and what digests found (`bot.history`)."""

    async def record(self, report: Report, at: datetime) -> None: ...

    async def sums(self, since: datetime, until: datetime) -> Mapping[str, Observation]: ...

    async def days(
        self, hosts: Sequence[str], until: datetime, count: int
    ) -> tuple[tuple[date, ...], tuple[HostHealth, ...]]: ...

    async def keep(self, operation: str, at: datetime, document: str) -> None: ...

    async def earlier(self, operation: str, at: datetime) -> str | None: ...


@dataclass(frozen=True)
class Asked:
    """Who asks, and all that the bot's own operations answer from.

    `at` is when the request arrived, the same however often it is worked; `permitted` is what that person may ask for
    somewhere, of some host: for help alone. What an answer may tell is for `may` to say.
    """

    operation: str
    by: By
    at: datetime
    permitted: Catalogue
    known: Catalogue
    policy: Policy
    inventory: Inventory
    now: Callable[[], datetime]
    examine: Callable[[], Awaitable[Report]]
    changes: Changes
    locks: LockBook
    audit: AuditBook
    schedules: ScheduleBook
    incidents: IncidentBook
    channels: Channels
    may_see: Callable[[str], bool]
    """Whether this person may see here what was answered to words."""
    would: Callable[[str, str], Operation | Failure]
    """What words would be, asked by this person by the clock for a channel."""
    archiving: Archiving
    usual: tuple[str, str]
    """The time zone and the channel of what nobody says otherwise; "" where there is no such channel."""
    history: Memory
    view: View

    def verdict(self, operation: Operation) -> Verdict:
        """Whether whoever asks may ask for this by itself, and here. What the bot asks by itself is asked nowhere."""
        place = None if isinstance(self.by.identity, BotIdentity) else self.by.place
        return self.policy.judge(self.by.actor, type(operation), operation.hosts(self.inventory), place)

    def may(self, operation: Operation) -> bool:
        """The same as yes or no: an answer tells nothing that is withheld by its own name."""
        return isinstance(self.verdict(operation), Go)


async def _help(operation: Help, asked: Asked) -> Body:
    return explain(operation.about, asked.permitted)


async def _whoami(operation: WhoAmI, asked: Asked) -> Body:
    actor = asked.by.actor
    roles = Listing(tuple(sorted(actor.roles)))
    words = Listing(tuple(" ".join(permitted.words) for permitted in asked.permitted))
    return Report.of_facts(
        Phrase("Who you are"),
        Phrase("you are {name}, with the roles {roles}", name=actor.name, roles=roles),
        (
            (Phrase("Name"), actor.name),
            (Phrase("Roles"), Phrase("{items}", items=roles)),
            (Phrase("Rule"), actor.rule),
            (Phrase("May ask for"), Phrase("{items}", items=words)),
        ),
    ).model_copy(update={"next": ("help",)})


async def _version(operation: Version, asked: Asked) -> Body:
    version = metadata.version("flatnet-bot")
    return Report(
        title=Phrase("Version"),
        summary=Phrase("flatnet-bot {version}", version=version),
        columns=(Column(key="version", heading=Phrase("Version")),),
        rows=(Row(cells=(Cell.of(version),)),),
        brief=True,
    )


async def _doctor(operation: Doctor, asked: Asked) -> Body:
    return await asked.examine()


async def _can(operation: Can, asked: Asked) -> Body:
    return explain_rights(asked.policy, asked.known, asked.inventory, operation.person, operation.request)


async def _approvals(operation: Approvals, asked: Asked) -> Body:
    return listings.waiting(await asked.changes.waiting(), asked.now())


async def _operations(operation: Operations, asked: Asked) -> Body:
    return listings.lately(await asked.changes.recent(LATELY), asked.now())


async def _show(operation: ApprovalShow | OperationShow, asked: Asked) -> Body:
    return await asked.changes.show(operation.id)


async def _approve(operation: Approve, asked: Asked) -> Body:
    return await asked.changes.approve(operation.id, asked.by)


async def _deny(operation: Deny, asked: Asked) -> Body:
    return await asked.changes.deny(operation.id, asked.by, operation.why)


async def _cancel(operation: OperationCancel, asked: Asked) -> Body:
    return await asked.changes.cancel(operation.id, asked.by)


async def _continue(operation: OperationContinue, asked: Asked) -> Body:
    return await asked.changes.carry_on(asked.operation, operation.id, asked.by)


async def _resolve(operation: OperationResolve, asked: Asked) -> Body:
    return await asked.changes.resolve(operation.id, asked.by, operation.saw, State(operation.outcome))


async def _review(operation: OperationReview, asked: Asked) -> Body:
    return await asked.changes.review(operation.id, asked.by, operation.found)


async def _locks(operation: Locks, asked: Asked) -> Body:
    return listings.locks(await asked.locks.all(), asked.now())


async def _lock(operation: LockAdd, asked: Asked) -> Body:
    operation.target.resolve(asked.inventory)  # a name that nobody has would lock nothing
    lock = await asked.locks.add(asked.operation, operation.target, operation.lasts, operation.why, asked.by.actor.name)
    return listings.locks((lock,), asked.now())


async def _unlock(operation: LockRemove, asked: Asked) -> Body:
    def judge(lock: Lock) -> Verdict:
        return asked.policy.judge(asked.by.actor, LockRemove, meant(lock, asked.inventory), asked.by.place)

    await asked.locks.remove(asked.operation, operation.number, asked.by.actor.name, judge)
    return await _locks(Locks(), asked)


OWN: Mapping[type[Operation], Callable[[Any, Asked], Awaitable[Body]]] = {
    Help: _help,
    WhoAmI: _whoami,
    Version: _version,
    Doctor: _doctor,
    Can: _can,
    Digest: digest,
    WeeklyReport: weekly,
    MonthlyReport: monthly,
    Approvals: _approvals,
    ApprovalShow: _show,
    Approve: _approve,
    Deny: _deny,
    Operations: _operations,
    OperationShow: _show,
    OperationCancel: _cancel,
    OperationContinue: _continue,
    OperationResolve: _resolve,
    OperationReview: _review,
    Locks: _locks,
    LockAdd: _lock,
    LockRemove: _unlock,
    AuditSearch: audit_answers.searched,
    AuditExport: audit_answers.exported,
    AuditVerify: audit_answers.verified,
    AuditAccept: audit_answers.accepted,
    Schedules: scheduling.listed,
    ScheduleAdd: scheduling.add,
    SchedulePause: scheduling.pause,
    ScheduleResume: scheduling.resume,
    ScheduleRemove: scheduling.remove,
    ScheduleRun: scheduling.run,
    LogCollect: collect,
    IncidentList: incident_answers.listed,
    IncidentOpen: incident_answers.opened,
    IncidentShow: incident_story.shown,
    IncidentResolve: incident_answers.resolved,
}
"""Who answers the bot's own operations."""
