"""Messages about an incident in its channel: its status, and the entries of its timeline as replies to that.

A notice has only what the message shows. So two equal notices are the same message, and an entry that changes nothing of
it causes no edit.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from pydantic import AwareDatetime

from adapters.phrase import Phrase
from adapters.value import Value
from bot.model.alert import Alert, AlertState
from bot.model.alert_notice import MAX_NAMED, describe_alert
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from commands.model.finding import Severity, list_some

MAX_ALERT_LINES = 3
"""Moves of alerts in one reply that have a line each. More are one line."""

MAX_LINES = 20
"""Maximum lines of a reply: about two screens of a phone. The next entries are the next reply."""

REPLIED_KINDS = frozenset(EntryKind) - {EntryKind.OPENED, EntryKind.LOOK, EntryKind.INVITATION}
"""Kinds of entries that are replies. The message itself says that it was opened, and looks have their own answers."""


class AlertCounts(Value):
    """Alerts of an incident: the worst firing ones in words, and the number of those in each state."""

    named: Phrase | None = None
    firing: int = 0
    acknowledged: int = 0
    resolved: int = 0


class IncidentNotice(Value):
    """Status message of an incident. `overdue`: its next update should have been there already.

    `exposed`: the incident is private, and its channel has become public.

    `lead` and all other people are names as the configuration has them. `update` is the newest text for those who wait.
    """

    number: int
    title: str
    target: str
    state: IncidentState
    severity: Severity | None
    lead: str
    opened_by: str
    opened_at: AwareDatetime
    began_at: AwareDatetime | None
    mitigated_at: AwareDatetime | None
    resolved_by: str
    resolved_at: AwareDatetime | None
    was: str
    update: str
    updated_at: AwareDatetime | None
    next_update_at: AwareDatetime | None
    overdue: bool
    alerts: AlertCounts
    exposed: bool = False

    @property
    def open(self) -> bool:
        """True while people work on the incident."""
        return self.state in (IncidentState.OPEN, IncidentState.MITIGATED)

    @property
    def digest(self) -> str:
        """Hash of what the message shows."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class ReplyLine(Value):
    """One line of a reply: an entry, or several moves of alerts in one, and when the newest of it happened.

    `operation` is the request whose answer says the same, "" if none does. `words` are the command of a change.
    """

    kind: EntryKind
    at: AwareDatetime
    author: str
    text: Phrase
    about: int = 0
    words: str = ""
    operation: str = ""


class IncidentReply(Value):
    """New entries of a timeline, oldest first, as one reply to the status message. `newest` is the last entry's number."""

    incident: int
    newest: int
    lines: tuple[ReplyLine, ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """Requests whose answers say the same as a line."""
        return tuple(dict.fromkeys(line.operation for line in self.lines if line.operation))

    def leave_out(self, operations: Collection[str]) -> "IncidentReply":
        """Returns the reply without the lines that the answers of these requests say."""
        return self.model_copy(update={"lines": tuple(line for line in self.lines if line.operation not in operations)})


def make_notice(incident: Incident, alerts: AlertCounts, now: datetime) -> IncidentNotice:
    """Makes the status message of an incident with the alerts that belong to it. What is over shows no alerts."""
    due = incident.next_update_at
    return IncidentNotice(
        number=incident.number,
        title=incident.title,
        target=incident.target,
        state=incident.state if incident.open or incident.duplicate_of else IncidentState.RESOLVED,
        severity=incident.severity,
        lead=incident.lead,
        opened_by=incident.opened_by,
        opened_at=incident.opened_at,
        began_at=incident.began_at,
        mitigated_at=incident.mitigated_at,
        resolved_by=incident.resolved_by,
        resolved_at=incident.resolved_at,
        was=incident.was,
        update=incident.update,
        updated_at=incident.updated_at,
        next_update_at=due,
        overdue=incident.open and due is not None and now >= due,
        alerts=alerts if incident.open else AlertCounts(),
    )


def count_alerts(numbers: Collection[int], still: Iterable[Alert]) -> AlertCounts:
    """Counts the alerts with these numbers by their states, and names the worst firing ones.

    `still` are all alerts that are open. Any other is resolved.
    """
    mine = [alert for alert in still if alert.number in numbers]
    firing = [alert for alert in mine if alert.state is AlertState.FIRING]
    firing.sort(key=lambda alert: (alert.severity.rank, alert.number))
    return AlertCounts(
        named=list_some([describe_alert(alert) for alert in firing], MAX_NAMED) if firing else None,
        firing=len(firing),
        acknowledged=len(mine) - len(firing),
        resolved=len(numbers) - len(mine),
    )


def make_reply(
    entries: Sequence[TimelineEntry], may_see: Callable[[TimelineEntry], bool] = lambda entry: True
) -> IncidentReply:
    """Makes the next reply of new entries of one incident, at least one, in the order of their numbers.

    Of a change, the newest entry counts. Entries that do not fit are left for the next reply. A reply may have no lines:
    those that not all readers may see are left out.
    """
    newest_of = {entry.operation: entry.number for entry in entries if entry.kind is EntryKind.CHANGE}
    wanted = [
        entry
        for entry in entries
        if entry.kind in REPLIED_KINDS
        and may_see(entry)
        and (entry.kind is not EntryKind.CHANGE or newest_of[entry.operation] == entry.number)
    ]
    taken = _count_fitting(wanted)
    newest = entries[-1].number if taken == len(wanted) else wanted[taken].number - 1
    return IncidentReply(incident=entries[0].incident, newest=newest, lines=fold_entries(wanted[:taken]))


def _count_fitting(entries: Sequence[TimelineEntry]) -> int:
    """Counts the first entries that fit into one reply."""
    moves = others = 0
    for place, entry in enumerate(entries):
        moves += entry.kind is EntryKind.ALERT
        others += entry.kind is not EntryKind.ALERT
        if others + (moves if moves <= MAX_ALERT_LINES else 1) > MAX_LINES:
            return place
    return len(entries)


def fold_entries(entries: Sequence[TimelineEntry]) -> tuple[ReplyLine, ...]:
    """Folds entries to lines: each has its own, except for many moves of alerts, which share the place of the first."""
    moves = [entry for entry in entries if entry.kind is EntryKind.ALERT]
    if len(moves) <= MAX_ALERT_LINES:
        return tuple(map(_make_line, entries))
    kept = [entry for entry in entries if entry.kind is not EntryKind.ALERT or entry is moves[0]]
    return tuple(_fold_moves(moves) if entry is moves[0] else _make_line(entry) for entry in kept)


def _make_line(entry: TimelineEntry) -> ReplyLine:
    change = entry.kind is EntryKind.CHANGE
    return ReplyLine(
        kind=entry.kind,
        at=entry.happened_at,
        author=entry.author,
        text=entry.text,
        about=entry.about,
        words=entry.words if change else "",
        operation="" if change else entry.operation,
    )


def _fold_moves(moves: Sequence[TimelineEntry]) -> ReplyLine:
    """Folds moves of alerts: their number, and the hosts."""
    hosts = sorted({host for move in moves for host in move.hosts})
    text = Phrase("{n} changes of alerts ({hosts})", n=len(moves), hosts=list_some(hosts)) if hosts else None
    return ReplyLine(
        kind=EntryKind.ALERT,
        at=max(move.happened_at for move in moves),
        author="",
        text=text or Phrase("{n} changes of alerts", n=len(moves)),
    )
