"""Projection of audit events and moves of alerts to timeline entries, which name no incident yet. Pure.

REQUEST of a look ─────────────────────────────────────────── LOOK     who looked where; the answer is stored elsewhere
PLAN, WAIVER, BREAK_GLASS, REVIEW, RUN, END, OWED of a change ─ CHANGE   from the request to the outcome
a move of an alert ──────────────────────────────────────────── ALERT
events that are missing or not signed ───────────────────────── GAP

Refused requests, lists, requests of schedules, and dry runs are no entries. Signatures are checked before.

Scope of an incident: the hosts, the alerts and the time whose events belong to its timeline. Pure.

incident, inventory ─ make_scope ─▶ Scope ─ select ─▶ an entry of this incident, or None for what does not concern it

Looks from everywhere join, also those of a private channel or a direct message. A reader of the timeline sees who looked,
when, and the command, if they may run that command themselves. The answer is not part of it: only answers that everyone in
the incident's own channel could read are stored with the incident.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.audit_log.log import EventKind
from bot.model.alert import AlertState, AlertStep
from bot.model.change import APPROVAL_PHRASES, STATE_PHRASES, ApprovalState, ChangeState
from bot.model.incident import LOOKBACK_PERIOD, EntryKind, Incident, TimelineEntry
from bot.model.request import Surface
from bot.store.audit_chain import StoredEvent
from commands.model.finding import GRADE_NAMES, Grade, list_some
from commands.values.arguments import find_meant_names

_OWN_ACTORS = frozenset({BOT_ACTOR_NAME, "system"})
"""Actors of what the bot does by itself."""

CHANGE_KINDS = frozenset(
    {
        EventKind.PLAN,
        EventKind.WAIVER,
        EventKind.BREAK_GLASS,
        EventKind.REVIEW,
        EventKind.RUN,
        EventKind.END,
        EventKind.OWED,
    }
)
"""Kinds of events that tell how a change goes on."""

LATE_RULE = "too late"
"""Rule of a refusal that takes back a decision: another one was faster (`bot.changes.services.lifecycle`)."""

DIGEST_DIGITS = 8
"""Digits of a plan's digest that are shown, as on cards."""


@dataclass(frozen=True)
class PlannedWork:
    """Words and hosts of a change, from its signed plan. `hosts` includes those that the plan had to leave out."""

    words: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """Audit events `first` to `last` that are missing or not signed, and the time of the next signed one."""

    first: int
    last: int
    at: datetime

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def find_look_words(event: StoredEvent) -> str:
    """Finds the words of a request that a person made and that was answered; "" for any other event."""
    if event.kind != EventKind.REQUEST:
        return ""
    data = json.loads(event.data)
    if "outcome" in data or data.get("surface") == Surface.SCHEDULE:
        return ""
    return str(data.get("understood", ""))


def is_about_change(event: StoredEvent) -> bool:
    """Returns whether an event may tell how a change goes on. Of refusals only one does, which takes back a decision."""
    if event.kind == EventKind.REFUSAL:
        return bool(json.loads(event.data).get("rule") == LATE_RULE)
    return event.kind in CHANGE_KINDS


def parse_plan(event: StoredEvent) -> PlannedWork | None:
    """Parses the plan of a change; None for a dry run, and for any other event."""
    if event.kind != EventKind.PLAN:
        return None
    data = json.loads(event.data)
    if data.get("dry_run"):
        return None
    return PlannedWork(str(data.get("words", "")), (*data.get("hosts", ()), *data.get("left_out", ())))


def make_look_entry(event: StoredEvent, words: str, hosts: tuple[str, ...], now: datetime) -> TimelineEntry:
    """Makes the entry of a look at these hosts."""
    return _make_entry(
        event, EntryKind.LOOK, Phrase("checked {hosts}", hosts=list_some(hosts)), PlannedWork(words, hosts), now
    )


def make_change_entry(event: StoredEvent, work: PlannedWork | None, now: datetime) -> TimelineEntry | None:
    """Makes the entry of an event about a change; None for one that says nothing new, or whose plan is not known."""
    data = json.loads(event.data)
    if event.kind == EventKind.OWED and data.get("owed") == "dropped":
        work = PlannedWork(str(data.get("words", "")), (str(data.get("host", "")),))
    text = _describe_event(event.kind, data)
    return None if text is None or work is None else _make_entry(event, EntryKind.CHANGE, text, work, now)


def make_alert_entry(step: AlertStep, now: datetime) -> TimelineEntry | None:
    """Makes the entry of a move of an alert; None for one that people do not see."""
    change = step.change
    text = _describe_step(step)
    if text is None:
        return None
    return TimelineEntry(
        incident=0,
        source=f"alert:{change.alert}/{change.version}",
        kind=EntryKind.ALERT,
        happened_at=change.at,
        recorded_at=now,
        author=change.actor,
        text=text,
        hosts=(step.host,) if step.host else (),
        about=change.alert,
    )


def make_gap_entry(gap: Gap, now: datetime) -> TimelineEntry:
    """Makes the entry of a gap: what happened there is not known."""
    text = Phrase(
        "{n} audit event is missing or not signed ({first} to {last}): entries may be missing here",
        plural="{n} audit events are missing or not signed ({first} to {last}): entries may be missing here",
        n=gap.count,
        first=str(gap.first),
        last=str(gap.last),
    )
    source = f"gap:{gap.first}-{gap.last}"
    return TimelineEntry(0, source, EntryKind.GAP, gap.at, now, "", text)


def _make_entry(event: StoredEvent, kind: EntryKind, text: Phrase, work: PlannedWork, now: datetime) -> TimelineEntry:
    return TimelineEntry(
        incident=0,
        source=f"audit:{event.sequence}",
        kind=kind,
        happened_at=datetime.fromisoformat(event.at),
        recorded_at=now,
        author="" if event.actor in _OWN_ACTORS else event.actor,
        text=text,
        hosts=tuple(dict.fromkeys(work.hosts)),
        words=work.words,
        operation=event.operation,
    )


def _describe_event(kind: str, data: Mapping[str, Any]) -> Phrase | None:
    match kind:
        case EventKind.PLAN:
            return _describe_plan(data)
        case EventKind.WAIVER:
            return Phrase("approved by rule {rule}", rule=str(data.get("rule", "")))
        case EventKind.BREAK_GLASS:
            return Phrase("break-glass, without approval: {reason}", reason=str(data.get("reason", "")))
        case EventKind.REVIEW:
            return _describe_review(data)
        case EventKind.REFUSAL:
            return Phrase("the decision came too late, and did not count")
        case EventKind.RUN:
            return Phrase("started")
        case EventKind.END:
            return _describe_end(data)
        case EventKind.OWED:
            return _describe_owed(data)
    return None


def _describe_plan(data: Mapping[str, Any]) -> Phrase | None:
    if data.get("dry_run"):
        return None
    digest, reason = str(data.get("digest", ""))[:DIGEST_DIGITS], str(data.get("reason", ""))
    if not reason:
        return Phrase("requested, plan {digest}", digest=digest)
    return Phrase("requested, plan {digest}: {reason}", digest=digest, reason=reason)


def _describe_review(data: Mapping[str, Any]) -> Phrase:
    if data.get("break_glass"):
        return Phrase("break-glass reviewed: {text}", text=str(data.get("review", "")))
    if data.get("approves"):
        return APPROVAL_PHRASES[ApprovalState.USED]
    denied, reason = APPROVAL_PHRASES[ApprovalState.DENIED], str(data.get("reason", ""))
    return Phrase("{state}: {why}", state=denied, why=reason) if reason else denied


def _describe_end(data: Mapping[str, Any]) -> Phrase | None:
    """Describes the end of a change: of one that never started by what became of its approval."""
    state, approval, why = str(data.get("state")), str(data.get("approval")), str(data.get("why", ""))
    if state not in set(ChangeState):
        return None
    name = STATE_PHRASES[ChangeState(state)]
    if state == ChangeState.CLOSED and approval in set(ApprovalState):
        name = APPROVAL_PHRASES.get(ApprovalState(approval), name)
    return Phrase("{state}: {why}", state=name, why=why) if why else name


def _describe_owed(data: Mapping[str, Any]) -> Phrase | None:
    items = [str(item) for item in data.get("items", ())]
    match data.get("owed"):
        case "left":
            return Phrase("owed to {hosts}", hosts=list_some(items))
        case "settled" | "fulfilled":
            return Phrase("settled what was owed ({numbers})", numbers=list_some(items))
        case "dropped":
            return Phrase("dropped what was owed ({numbers}): {reason}", numbers=list_some(items), reason=data.get("reason"))
    return None


def _describe_step(step: AlertStep) -> Phrase | None:
    change = step.change
    alert = Phrase("{host}: {why}", host=step.host, why=step.short) if step.host else step.short
    named: dict[str, Any] = {"number": str(change.alert), "alert": alert}
    match change.state:
        case AlertState.FIRING:
            return Phrase("#{number} {alert}: fired, {severity}", severity=GRADE_NAMES[Grade.of(change.severity)], **named)
        case AlertState.ACKNOWLEDGED:
            return Phrase("#{number} {alert}: acknowledged", **named)
        case AlertState.RESOLVED:
            return Phrase("#{number} {alert}: resolved", **named)
    return None


@dataclass(frozen=True)
class Scope:
    """Scope of one incident: the events of `hosts`, and the moves of `alerts`, which a person added, since then.

    `until` is its resolution, None before it. After that only changes that were in its timeline before still join, so that
    their outcome is known. `opening` is the operation that opened the incident.
    """

    incident: int
    hosts: frozenset[str]
    alerts: frozenset[int]
    since: datetime
    until: datetime | None = None
    opening: str = ""

    def select(self, entry: TimelineEntry, joined: Set[str]) -> TimelineEntry | None:
        """Selects an entry that names no incident yet. `joined` are the changes that are in the timeline, by their ids.

        Of the hosts of a look only those of the incident are named. Its reader needs the right to its words instead.
        """
        if not self._concerns(entry) or self._is_too_late(entry, joined):
            return None
        hosts = tuple(name for name in entry.hosts if name in self.hosts) if entry.kind is EntryKind.LOOK else entry.hosts
        return replace(entry, incident=self.incident, hosts=hosts)

    def _concerns(self, entry: TimelineEntry) -> bool:
        if entry.kind is EntryKind.GAP or not self.hosts.isdisjoint(entry.hosts):
            return True
        return entry.kind is EntryKind.ALERT and entry.about in self.alerts

    def _is_too_late(self, entry: TimelineEntry, joined: Set[str]) -> bool:
        if self.until is None or entry.happened_at <= self.until:
            return False
        return entry.kind is not EntryKind.CHANGE or entry.operation not in joined


def make_scope(incident: Incident, inventory: Inventory) -> Scope:
    """Makes the scope of an incident, with the hosts that its target means now."""
    return Scope(
        incident.number,
        find_meant_names(incident.target, inventory) - {""},
        frozenset(incident.alerts),
        incident.beginning - LOOKBACK_PERIOD,
        incident.resolved_at,
        incident.operation,
    )
