"""Who answers the bot's own operations, and from what: one table.

Those that only look are answered wherever the database is open; those that decide, stop or forbid need the
running bot, which the desk sees to.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.handlers import audit as audit_answers
from bot.handlers import incident_timeline as incident_story
from bot.handlers import incidents as incident_answers
from bot.handlers import schedules as scheduling
from bot.handlers.about import _can, _doctor, _help, _version, _whoami
from bot.handlers.changes import _approvals, _approve, _cancel, _continue, _deny, _operations, _resolve, _review, _show
from bot.handlers.context import Asked, Body
from bot.handlers.digest import digest
from bot.handlers.evidence import collect
from bot.handlers.locks import _lock, _locks, _unlock
from bot.handlers.reports import monthly, weekly
from commands.bot_state.about import Can, Doctor, Help, Version, WhoAmI
from commands.bot_state.audit import AuditAccept, AuditExport, AuditSearch, AuditVerify
from commands.bot_state.changes import (
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
from commands.bot_state.incidents import IncidentList, IncidentOpen, IncidentResolve, IncidentShow
from commands.bot_state.locks import LockAdd, LockRemove, Locks
from commands.bot_state.reports import Digest, MonthlyReport, WeeklyReport
from commands.bot_state.schedules import ScheduleAdd, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun, Schedules
from commands.logs.operations import LogCollect
from commands.model.operation import Operation

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
