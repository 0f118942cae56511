"""The names that rows hold: kinds, states, operations and their like, which code of a later version reads."""

from collections.abc import Iterable, Mapping
from enum import Enum

from adapters.action_registry import ACTIONS, get_kind
from bot.audit_log.log import EventKind
from bot.changes.services.engine import WORKFLOW
from bot.model.alert import AlertState, MuteKind
from bot.model.change import ApprovalState, ChangeState
from bot.model.incident import EntryKind, IncidentState
from bot.model.request import Surface
from bot.model.schedule import RunOutcome, ScheduleOrigin
from bot.slack import click_payload
from bot.slack.inbound import form, home_tab, log_filter, mention, message_shortcut, plan, reaction, slash_command
from bot.slack.inbound import listeners as group_change
from bot.store.outbox_values import PostState, Route
from commands.alerts.conditions import Condition
from commands.catalogue import CATALOGUE
from commands.model.backup import BackupPart
from commands.model.certificates import IdentityKind, Way
from commands.model.check import Area
from commands.model.finding import Severity
from commands.model.owed import Matter
from commands.model.plan import Result
from commands.model.rotation import RotationStage

STORED = (
    AlertState, ApprovalState, Area, BackupPart, ChangeState, Condition, EntryKind, EventKind, IdentityKind, IncidentState,
    Matter, MuteKind, PostState, Result, RotationStage, Route, RunOutcome, ScheduleOrigin, Severity, Surface, Way,
)  # fmt: skip
"""Enumerations whose values are stored."""

DELIVERIES = (
    click_payload, form, group_change, home_tab, log_filter, mention, message_shortcut, plan, reaction, slash_command,
)  # fmt: skip
"""Modules of the kinds of deliveries."""


def write_names() -> str:
    """Write the names by what they are names of, a name a line."""
    return "\n\n".join(_write_section(title, names) for title, names in sorted(_list_names().items())) + "\n"


def _list_names() -> Mapping[str, Iterable[str]]:
    return {
        "actions": map(get_kind, ACTIONS),
        "deliveries": [*(module.KIND for module in DELIVERIES), form.SHORTCUT],
        "operations": (" ".join(operation.words) for operation in CATALOGUE),
        "workflows": [WORKFLOW],
        **{kind.__name__: map(_name, kind) for kind in STORED},
    }


def _name(member: Enum) -> str:
    return str(member.value)


def _write_section(title: str, names: Iterable[str]) -> str:
    return "\n".join((f"{title}:", *(f"  {name}" for name in sorted(names))))
