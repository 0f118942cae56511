"""Silences and maintenance in answers: their lists, and what is said wherever something is muted. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.alerts.rules.mutes import find_maintenance, find_mutes, make_matcher
from bot.model.alert import CA_PREFIX, Alert, Mute, MuteKind
from bot.model.alert_notice import describe_alert
from commands.model.finding import Finding, list_some, relate_moment
from commands.model.report import Cell, Column, Report, Row, Section

MAX_NEXT_COMMANDS = 3
"""Maximum number of suggested commands."""

MAX_NAMED_ALERTS = 10
"""Maximum muted alerts that an answer names. More are counted."""

_COLUMNS = (
    Column(key="what", heading=Phrase("Mutes")),
    Column(key="muted", heading=Phrase("Muted now")),
    Column(key="owner", heading=Phrase("User")),
    Column(key="reason", heading=Phrase("Reason")),
    Column(key="ends_at", heading=Phrase("Expires")),
    Column(key="state", heading=Phrase("State")),
    Column(key="number", heading=Phrase("Number")),
)

_TITLES = {MuteKind.SILENCE: Phrase("Silences"), MuteKind.MAINTENANCE: Phrase("Maintenance")}


@dataclass(frozen=True)
class AlertSight:
    """View of alerts by which a mute is judged: all open alerts, the hosts, and the time."""

    alerts: tuple[Alert, ...]
    inventory: Inventory
    at: datetime

    def list_muted(self, mute: Mute) -> tuple[Alert, ...]:
        """Lists the open alerts that a mute hides now."""
        return tuple(filter(make_matcher(mute, self.inventory), self.alerts)) if mute.is_active(self.at) else ()

    def count_muted(self, mutes: Iterable[Mute]) -> int:
        """Counts the open alerts that any of these mutes hides now."""
        return len(find_mutes([mute for mute in mutes if mute.is_active(self.at)], self.alerts, self.inventory))


def list_mutes(kind: MuteKind, found: Sequence[Mute], sight: AlertSight) -> Report:
    """Lists the silences or the maintenance: active and recently ended ones."""
    active = [mute for mute in found if mute.is_active(sight.at)]
    return Report(
        title=_TITLES[kind],
        summary=_summarize(kind, active, sight),
        columns=_COLUMNS,
        rows=tuple(_build_row(mute, sight) for mute in found),
        taken_at=sight.at,
        next=tuple(f"{kind} remove {mute.number}" for mute in active[:MAX_NEXT_COMMANDS]),
    )


def confirm_mute(mute: Mute, sight: AlertSight) -> Report:
    """Confirms a mute that was added, with what it hides now. One that hides nothing or everything may be a mistake."""
    muted = sight.list_muted(mute)
    lines = (list_some([describe_alert(alert) for alert in muted], MAX_NAMED_ALERTS),)
    return Report(
        title=_TITLES[mute.kind],
        summary=Phrase("{first}. {second}", first=_describe_begin(mute, sight.at), second=_count_muted(muted, sight)),
        columns=_COLUMNS,
        rows=(_build_row(mute, sight),),
        sections=(Section(heading=Phrase("Muted now"), lines=lines),) if muted else (),
        taken_at=sight.at,
        next=(f"{mute.kind} remove {mute.number}",),
    )


def build_mute_section(mutes: Sequence[Mute], sight: AlertSight) -> Section:
    """Builds the section of everything that hides something now, soonest end first."""
    active = sorted((mute for mute in mutes if mute.is_active(sight.at)), key=lambda mute: mute.ends_at)
    return Section(heading=Phrase("Silences and maintenance"), lines=tuple(_describe(mute, sight) for mute in active))


def build_maintenance_section(maintenance: Mapping[str, Mute], hosts: Collection[str], at: datetime) -> Section | None:
    """Builds the section of those hosts that are in maintenance; None if there are none. Their state is shown as it is."""
    lines = tuple(_describe_maintenance({host: mute for host, mute in maintenance.items() if host in hosts}, at))
    return Section(heading=Phrase("In maintenance: alerts are muted"), lines=lines) if lines else None


def is_in_maintenance(finding: Finding, maintenance: Collection[str]) -> bool:
    """Returns whether maintenance hides a finding: on its host, or on the host that explains it. A CA is of all hosts."""
    if finding.subject.startswith(CA_PREFIX):
        return False
    return finding.host in maintenance or finding.cause in maintenance


def count_maintenance(hosts: int, problems: int) -> Phrase:
    """Counts hosts in maintenance, and the problems that are left out because of it."""
    counted = Phrase("{n} host in maintenance", plural="{n} hosts in maintenance", n=hosts)
    if not problems:
        return counted
    muted = Phrase("{n} problem muted", plural="{n} problems muted", n=problems)
    return Phrase("{hosts} ({problems})", hosts=counted, problems=muted)


def _summarize(kind: MuteKind, active: Sequence[Mute], sight: AlertSight) -> Phrase:
    if not active:
        return Phrase("no silences are active") if kind is MuteKind.SILENCE else Phrase("no host is in maintenance")
    n, hosts = len(active), len(find_maintenance(active, sight.inventory, sight.at))
    counted = (
        Phrase("{n} silence is active", plural="{n} silences are active", n=n)
        if kind is MuteKind.SILENCE
        else count_maintenance(hosts, 0)
    )
    return Phrase("{first}. {second}", first=counted, second=count_muted_alerts(sight.count_muted(active)))


def count_muted_alerts(n: int) -> Phrase:
    """Describes how many open alerts are muted."""
    if not n:
        return Phrase("no open alert is muted now")
    return Phrase("{n} open alert is muted now", plural="{n} open alerts are muted now", n=n)


def _count_muted(muted: Sequence[Alert], sight: AlertSight) -> Phrase:
    if 1 < len(muted) == len(sight.alerts):
        return Phrase("all {n} open alerts are muted now", n=len(muted))
    return count_muted_alerts(len(muted))


def _describe_begin(mute: Mute, at: datetime) -> Phrase:
    end = relate_moment(mute.ends_at, at)
    if mute.kind is MuteKind.SILENCE:
        return Phrase("{what} is silenced until {end}", what=mute.what, end=end)
    return Phrase("{what} is in maintenance until {end}", what=mute.what, end=end)


def _describe(mute: Mute, sight: AlertSight) -> Phrase:
    values: dict[str, Any] = {
        "what": mute.what,
        "end": relate_moment(mute.ends_at, sight.at),
        "owner": mute.owner,
        "reason": mute.reason,
        "n": len(sight.list_muted(mute)),
    }
    if mute.kind is MuteKind.SILENCE:
        return Phrase(
            "{what} is silenced until {end}: {reason} ({owner}, {n} open alert muted)",
            plural="{what} is silenced until {end}: {reason} ({owner}, {n} open alerts muted)",
            **values,
        )
    return Phrase(
        "{what} is in maintenance until {end}: {reason} ({owner}, {n} open alert muted)",
        plural="{what} is in maintenance until {end}: {reason} ({owner}, {n} open alerts muted)",
        **values,
    )


def _describe_maintenance(maintenance: Mapping[str, Mute], at: datetime) -> Iterator[Phrase]:
    """Describes each maintenance once, with its hosts."""
    hosts: dict[int, list[str]] = {}
    for host, mute in maintenance.items():
        hosts.setdefault(mute.number, []).append(host)
    for mute in dict.fromkeys(maintenance.values()):
        yield Phrase(
            "{hosts} until {end}: {reason} ({owner})",
            hosts=list_some(hosts[mute.number]),
            end=relate_moment(mute.ends_at, at),
            owner=mute.owner,
            reason=mute.reason,
        )


def _build_row(mute: Mute, sight: AlertSight) -> Row:
    muted = len(sight.list_muted(mute))
    return Row(
        cells=(
            Cell.of(mute.what),
            Cell(text=str(muted), value=muted),
            Cell.of(mute.owner),
            Cell.of(mute.reason),
            Cell.of_moment(mute.ends_at, sight.at),
            _build_state_cell(mute, sight.at),
            Cell(text=str(mute.number), value=mute.number),
        )
    )


def _build_state_cell(mute: Mute, at: datetime) -> Cell:
    if mute.is_active(at):
        return Cell(text=Phrase("active"), value="active")
    if mute.removed_by:
        return Cell(text=Phrase("removed by {person}", person=mute.removed_by), value="removed")
    return Cell(text=Phrase("ended"), value="ended")
