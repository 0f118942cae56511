"""`log collect`: all evidence of some hosts as one archive, for whoever comes new to an incident.

hosts ─┬─ health with its details ─▶ health.md, health.csv
       ├─ every log, all at once ─▶ logs/<host>/<log>.txt, and merged by time ─▶ timeline.txt
       └─ changes that the bot knows ─▶ changes.md
all of it ─▶ summary.md, which says what is in the archive and what is missing ─▶ one ZIP
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.inventory import Host
from adapters.phrase import Instant, Moment, Phrase
from bot.access.policy import Refuse
from bot.handlers.incidents import in_short
from bot.incidents.service import Incident
from bot.model.change import Change
from bot.model.request import Surface
from bot.reports import listings
from commands.bot_state.changes import Operations
from commands.bot_state.incidents import IncidentList
from commands.health import Health
from commands.loglines.excerpt import Excerpt
from commands.loglines.formats import Level
from commands.loglines.lines import Log
from commands.loglines.merge import filtered, grave, merged
from commands.logs.collection import SOURCES, Got, Wanted, finding_of, read_all, told_by, unread
from commands.logs.operations import FARTHEST, LogCollect, newest
from commands.logs.operations import report as log_report
from commands.logs.text_file import COLLECTED, notes
from commands.model.finding import SEVERITIES, Finding, Severity, worst_first
from commands.model.operation import untold
from commands.model.phrases import some
from commands.model.report import Bundle, Column, Copy, Form, Report, Row, Section
from commands.model.times import instant, render_when
from commands.values.units import size_of

if TYPE_CHECKING:
    from bot.handlers.context import Asked

LINES = 60_000
"""Lines of all logs together; each log gets its share."""

BYTES = 48 * 2**20
"""Of the text of all logs together, each of which gets its share. The archive is made in memory, which takes several times
as much."""

CONTAINERS = "log container:"
"""Words that bring what a container prints."""

NAMED = 10
"""Hosts, or containers, that one line names."""

OFFERED = 3
"""Words that one line offers."""

LEAST, MOST = 50, 1_000
"""Lines of one log, however many there are."""

CHANGES = 100
"""Changes that are told of, the newest ones; each has its plan in memory meanwhile."""

TIMELINE = "timeline.txt"

BEGINNINGS = 20
"""Logs with errors that are named, those that had them first: there it began, perhaps."""


UNREAD = 50
"""Lines about logs that could not be read."""


@dataclass(frozen=True)
class _Evidence:
    """What was brought of hosts, of the time from `since` to `at`: of each log `tail` lines at most. `incident`: that of
    the channel; `typed`: since when, as it can be typed; `target`: which hosts, as it was typed."""

    target: str
    health: Report
    got: Sequence[Got]
    changes: Sequence[Change] | Refuse
    incident: Incident | None
    since: datetime
    typed: str
    tail: int
    at: datetime


async def collect(operation: LogCollect, asked: "Asked") -> Report:
    """Look at everything at once, and pack it, when it is its turn; of 30 hosts packing takes a second."""
    return await asked.archiving.make(_asker(asked), lambda: _gathered(operation, asked), _packed)


def _asker(asked: "Asked") -> str:
    """Who waits for their archive; each run of a schedule by itself, for nobody can be told to ask again."""
    return asked.operation if asked.by.surface is Surface.SCHEDULE else asked.by.actor.name


async def _gathered(operation: LogCollect, asked: "Asked") -> _Evidence:
    """Awaited hosts are those whose logs are: they take longer than health."""
    view, now = asked.view, asked.now()
    hosts = operation.hosts(view.fleet.inventory)
    tail, since = _share(hosts), instant(operation.since, now, FARTHEST)
    wanted = Wanted(tail=tail, since=since, room=BYTES // max(1, len(hosts) * len(SOURCES)))
    async with asyncio.TaskGroup() as group:
        health = group.create_task(Health(target=operation.target, details=True).read(replace(view, progress=untold)))
        logs = group.create_task(read_all(hosts, SOURCES, wanted, view))
    ours = await _changes(hosts, since, asked)
    incident = await _incident(asked)
    typed = render_when(operation.since)
    return _Evidence(str(operation.target), health.result(), logs.result(), ours, incident, since, typed, tail, now)


async def _changes(hosts: Sequence[Host], since: datetime, asked: "Asked") -> Sequence[Change] | Refuse:
    """Changes of that time, where whoever asks may ask for changes by themselves; why not, where they may not."""
    verdict = asked.verdict(Operations())
    if isinstance(verdict, Refuse):
        return verdict
    return await asked.changes.touching([host.name for host in hosts], since, CHANGES + 1)


async def _incident(asked: "Asked") -> Incident | None:
    """That of the channel, where whoever asks may ask for it by itself."""
    if isinstance(asked.verdict(IncidentList()), Refuse):
        return None
    return await asked.incidents.open_in(asked.by.channel)


def _share(hosts: Sequence[Host]) -> int:
    return max(LEAST, min(MOST, LINES // max(1, len(hosts) * len(SOURCES))))


def _packed(evidence: _Evidence) -> Report:
    health, got, now = evidence.health, evidence.got, evidence.at
    logs = [each.log for each in got if each.log is not None]
    lines, said = merged(log.lines for log in logs), (*_no_room(got), *notes(logs, COLLECTED))
    shown = newest(lines)
    missing = [each for each in got if each.error is not None]
    unread = (finding_of(each) for each in missing if not told_by(health.findings, each))
    findings = worst_first((*health.findings, *unread))
    others = (*_beginnings(logs), *_contents(evidence), *_missing(evidence))
    folder = f"evidence-{now:%Y%m%d-%H%M%S}"
    whole = Report(
        title=Phrase("Evidence"),
        summary=_summary(sum(len(log.lines) for log in logs), len(logs), len(missing), health),
        columns=(Column(key="host", heading=Phrase("Host")),),
        rows=tuple(Row(host=row.host, cells=row.cells[:1], severity=row.severity) for row in health.rows),
        findings=findings,
        sections=(*_about(evidence), *others),
        excerpt=Excerpt(lines=shown, notes=(*_left_out(len(shown), len(lines)), *said)),
        taken_at=now,
    )
    sections = (*_about(evidence), *_wrong(findings), *others, *_known(said))
    readable = whole.model_copy(update={"excerpt": None, "findings": (), "sections": sections})
    timeline = whole.model_copy(update={"excerpt": Excerpt(lines=lines, notes=said)})
    members = (
        Copy(name="summary.md", form=Form.MARKDOWN, of=readable),
        Copy(name=TIMELINE, form=Form.LINES, of=timeline),
        Copy(name="health.md", form=Form.MARKDOWN, of=health, words=f"health {evidence.target} --details"),
        Copy(name="health.csv", form=Form.CSV, of=health, words=f"health {evidence.target} --details"),
        *_changed(evidence),
        *(_log(each, evidence) for each in got if each.log is not None),
    )
    inside = tuple(member.model_copy(update={"name": f"{folder}/{member.name}"}) for member in members)
    return whole.model_copy(update={"files": (Bundle(name=f"{folder}.zip", members=inside),)})


def _changed(evidence: _Evidence) -> tuple[Copy, ...]:
    if isinstance(evidence.changes, Refuse):
        return ()
    told = evidence.changes[:CHANGES]
    of = listings.lately(told, evidence.at).model_copy(update={"summary": _how_many(len(told), evidence)})
    return (Copy(name="changes.md", form=Form.MARKDOWN, of=of, words="op"),)


def _how_many(changes: int, evidence: _Evidence) -> Phrase:
    """Of which hosts and time: `op` beside it tells of all."""
    hosts, since, now = evidence.target, Moment(evidence.since), Moment(evidence.at)
    if not changes:
        return Phrase(
            "no change through the bot on {hosts} from {since} to {now}; other hosts were not looked at",
            hosts=hosts,
            since=since,
            now=now,
        )
    return Phrase(
        "{n} change through the bot on {hosts} from {since} to {now}, or not ended before",
        plural="{n} changes through the bot on {hosts} from {since} to {now}, or not ended before",
        n=changes,
        hosts=hosts,
        since=since,
        now=now,
    )


def _log(got: Got, evidence: _Evidence) -> Copy:
    """One log, below the words that ask for the same lines."""
    report = log_report((got,), got.source, evidence.at)
    assert report.excerpt is not None
    told = report.excerpt.model_copy(update={"notes": (*_no_room((got,)), *report.excerpt.notes)})
    span = f"--since {evidence.typed} --tail {evidence.tail}"
    return Copy(
        name=f"logs/{got.host.name}/{got.source.replace(':', '-')}.txt",
        form=Form.LINES,
        of=report.model_copy(update={"excerpt": told}),
        words=f"log {got.source} {got.host.name} {span}",
    )


def _summary(lines: int, logs: int, unread: int, health: Report) -> Phrase:
    told = Phrase(
        "{n} line of {logs} logs collected; {health}",
        plural="{n} lines of {logs} logs collected; {health}",
        n=lines,
        logs=logs,
        health=health.summary,
    )
    if not unread:
        return told
    return Phrase("{told}; {n} log could not be read", plural="{told}; {n} logs could not be read", told=told, n=unread)


def _about(evidence: _Evidence) -> tuple[Section, ...]:
    """What somebody who opens the archive without knowing us asks first."""
    since, now = Moment(evidence.since), Moment(evidence.at)
    when = Section(heading=Phrase("Time span"), lines=(Phrase("{since} to {now}", since=since, now=now),))
    if evidence.incident is None:
        return (when,)
    return (Section(heading=Phrase("Incident"), lines=(in_short(evidence.incident),)), when)


def _wrong(findings: Sequence[Finding]) -> tuple[Section, ...]:
    """What is wrong, the worst first, before what is in the archive: hosts of which the same is to be said together."""
    same: dict[tuple[Severity, Phrase], list[Finding]] = {}
    for finding in findings:
        same.setdefault((finding.severity, finding.why), []).append(finding)
    lines = tuple(_told(severity, why, alike) for (severity, why), alike in same.items())
    return (Section(heading=Phrase("What needs somebody"), lines=lines),) if lines else ()


def _told(severity: Severity, why: Phrase, alike: Sequence[Finding]) -> Phrase:
    hosts = some(tuple(dict.fromkeys(each.host for each in alike)), NAMED)
    told = Phrase("{host}, {severity}: {why}", host=hosts, severity=SEVERITIES[severity], why=why)
    words = tuple(dict.fromkeys(each.next for each in alike if each.next))
    return Phrase("{told}; next: {words}", told=told, words=" · ".join(words[:OFFERED])) if words else told


def _beginnings(logs: Sequence[Log]) -> tuple[Section, ...]:
    """In which logs errors are, in the order in which they began."""
    found = [(errors[0], grave(errors), log) for log in logs if (errors := filtered(log.lines, Level.ERROR))]
    found.sort(key=lambda each: each[0].at.timestamp() if each[0].at is not None else 0.0)
    told = tuple(
        Phrase(
            "{log}: {n} error, at {at}",
            plural="{log}: {n} errors, the first at {at}",
            log=f"{log.host} {log.source}",
            n=n,
            at=Phrase("an unknown time") if first.at is None else Instant(first.at),
        )
        for first, n, log in found[:BEGINNINGS]
    )
    if len(found) > BEGINNINGS:
        told = (*told, Phrase("and {n} more", n=len(found) - BEGINNINGS))
    return (Section(heading=Phrase("Where errors are"), lines=told),) if told else ()


def _contents(evidence: _Evidence) -> tuple[Section, ...]:
    files: tuple[Phrase, ...] = (
        Phrase("timeline.txt: the lines of all these logs in the order of time, clocks corrected"),
        Phrase("logs/: the same, one file for each log of each host"),
        Phrase("health.md, health.csv: how the hosts are, with versions, containers and gateway"),
    )
    if not isinstance(evidence.changes, Refuse):
        files = (*files, Phrase("changes.md: what was changed through the bot in this time"))
    return (Section(heading=Phrase("What is in the archive"), lines=(*files, *_containers(evidence))),)


def _containers(evidence: _Evidence) -> tuple[Phrase, ...]:
    """What containers print is on no list of logs; those that are not well are named with the words that bring it."""
    if all(host.wsl is None for host in {each.host for each in evidence.got}):
        return ()
    found = [each.next for each in evidence.health.findings if each.next and each.next.startswith(CONTAINERS)]
    words = found or [f"{CONTAINERS}NAME HOST"]
    return (Phrase("not in it: what containers print; {words} brings it", words=some(words, NAMED)),)


def _left_out(shown: int, total: int) -> tuple[Phrase, ...]:
    if shown == total:
        return ()
    return (Phrase("the newest {n} of {total} lines are shown; {file} has all", n=shown, total=total, file=TIMELINE),)


def _no_room(got: Sequence[Got]) -> tuple[Phrase, ...]:
    where = [f"{each.host.name} {each.source}" for each in got if each.dropped]
    if not where:
        return ()
    return (
        Phrase(
            "{logs}: an archive has room for {size} of lines, these are the newest; collect fewer hosts",
            logs=some(where),
            size=size_of(BYTES),
        ),
    )


def _known(said: tuple[Phrase, ...]) -> tuple[Section, ...]:
    """What must be said of the lines, for whoever reads the summary alone."""
    return (Section(heading=Phrase("About the lines"), lines=said),) if said else ()


def _missing(evidence: _Evidence) -> tuple[Section, ...]:
    lines = _unread(evidence.got)
    if isinstance(evidence.changes, Refuse):
        lines = (*lines, Phrase("{file}: {why}", file="changes.md", why=evidence.changes.reason))
    elif len(evidence.changes) > CHANGES:
        lines = (*lines, Phrase("{file} has the newest {n} changes; there are older ones", file="changes.md", n=CHANGES))
    return (Section(heading=Phrase("What is missing"), lines=lines),) if lines else ()


def _unread(got: Sequence[Got]) -> tuple[Phrase, ...]:
    """A line for each host and reason, with the logs that could not be read for it."""
    logs: dict[tuple[str, Phrase], list[str]] = {}
    for each in got:
        if each.error is not None:
            logs.setdefault((each.host.name, unread(each)), []).append(each.source)
    lines = tuple(
        Phrase("{host}: {logs} ({why})", host=host, logs=some(sources, len(sources)), why=why)
        for (host, why), sources in logs.items()
    )
    if len(lines) <= UNREAD:
        return lines
    return (*lines[:UNREAD], Phrase("and {n} more", n=len(lines) - UNREAD))
