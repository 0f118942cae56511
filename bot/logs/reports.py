"""Report of `log collect`: packs all evidence of some hosts into one archive for a reader who is new to an incident. Pure.

Evidence ─┬─ health with its details ─▶ health.md, health.csv
          ├─ logs ─▶ logs/<host>/<log>.txt, merged by time ─▶ timeline.txt
          └─ changes that the bot knows ─▶ changes.md
all of it ─▶ summary.md, which lists what is in the archive and what is missing ─▶ one ZIP
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Instant, Moment, Phrase
from bot.access.policy import Refusal
from bot.changes.reports import listing as listings
from bot.incidents.reports.listing import summarize
from bot.model.change import Change
from bot.model.incident import Incident
from commands.containers.show import ContainerShow
from commands.log_lines.excerpt import Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.groups import count_errors, filter_lines, merge_lines
from commands.log_lines.lines import HostLog
from commands.logs.collection import CollectedLog, build_finding, describe_unread, is_reported_in
from commands.logs.operations import build_report as log_report
from commands.logs.operations import select_newest
from commands.logs.text_file import COLLECTED_TRUNCATION_NOTES, list_notes
from commands.model.finding import GRADE_NAMES, Finding, Grade, list_some, sort_worst_first
from commands.model.report import Bundle, Column, FileFormat, Report, ReportFile, Row, Section, rate_rows
from commands.values.units import format_size

MAX_LOG_BYTES = 48 * 2**20
"""Limit of text of all logs together; each log gets its share. Packing in memory takes several times as much."""

CONTAINER_LOG_COMMAND = "log container:"
"""Command that reads a container's output, without the container's name."""

_SHOW_CONTAINER = f"{' '.join(ContainerShow.words)} "
"""Beginning of the next command of a finding about one container. Host and name follow, with a slash between."""

MAX_NAMED = 10
"""Limit of hosts, or containers, that one line names."""

MAX_OFFERED_COMMANDS = 3
"""Limit of commands that one line offers."""

MAX_CHANGES = 100
"""Limit of listed changes, the newest; each has its plan in memory meanwhile."""

TIMELINE_FILE = "timeline.txt"

MAX_LOGS_WITH_ERRORS = 20
"""Limit of named logs with errors, earliest error first, because the problem may have begun there."""

MAX_UNREAD_LINES = 50
"""Limit of lines about logs that could not be read."""


@dataclass(frozen=True)
class Evidence:
    """Everything read from some hosts about the time from `since` to `at`, and the changes in that time.

    `target` names the hosts as the requester typed them. `changes` is the refusal if the requester may not see changes.
    `incident` is that of the channel. `typed` is `since` as it can be typed. Each log has at most `tail` lines. `names` are
    the names of hosts by their addresses.
    """

    target: str
    health: Report
    logs: Sequence[CollectedLog]
    changes: Sequence[Change] | Refusal
    incident: Incident | None
    since: datetime
    typed: str
    tail: int
    at: datetime
    names: Mapping[str, str]


def compose_evidence(evidence: Evidence) -> Report:
    """Composes the report with the archive. This takes a second for 30 hosts."""
    health, got, now = evidence.health, evidence.logs, evidence.at
    logs = [each.log for each in got if each.log is not None]
    lines, said = (
        merge_lines(log.lines for log in logs),
        (*_list_dropped(got), *list_notes(logs, COLLECTED_TRUNCATION_NOTES)),
    )
    shown = select_newest(lines)
    missing = [each for each in got if each.error is not None]
    unread = (build_finding(each) for each in missing if not is_reported_in(health.findings, each))
    findings = sort_worst_first((*health.findings, *unread))
    others = (*_list_first_errors(logs), *_list_contents(evidence), *_list_missing(evidence))
    folder = f"evidence-{now:%Y%m%d-%H%M%S}"
    whole = Report(
        title=Phrase("Evidence"),
        summary=_summarize(sum(len(log.lines) for log in logs), len(logs), len(missing), health),
        columns=(Column(key="host", heading=Phrase("Host")),),
        rows=rate_rows((Row(host=row.host, cells=row.cells[:1]) for row in health.rows), findings),
        findings=findings,
        sections=(*_describe(evidence), *others),
        excerpt=Excerpt(lines=shown, notes=(*_count_left_out(len(shown), len(lines)), *said), names=evidence.names),
        taken_at=now,
    )
    sections = (*_describe(evidence), *_list_findings(findings), *others, *_list_notes(said))
    readable = whole.model_copy(update={"excerpt": None, "findings": (), "sections": sections})
    timeline = whole.model_copy(update={"excerpt": Excerpt(lines=lines, notes=said)})
    members = (
        ReportFile(name="summary.md", form=FileFormat.MARKDOWN, of=readable),
        ReportFile(name=TIMELINE_FILE, form=FileFormat.LINES, of=timeline),
        ReportFile(name="health.md", form=FileFormat.MARKDOWN, of=health, words=f"health {evidence.target} --details"),
        ReportFile(name="health.csv", form=FileFormat.CSV, of=health, words=f"health {evidence.target} --details"),
        *_build_changes_file(evidence),
        *(_build_log_file(each, evidence) for each in got if each.log is not None),
    )
    inside = tuple(member.model_copy(update={"name": f"{folder}/{member.name}"}) for member in members)
    return whole.model_copy(update={"files": (Bundle(name=f"{folder}.zip", members=inside),)})


def _build_changes_file(evidence: Evidence) -> tuple[ReportFile, ...]:
    if isinstance(evidence.changes, Refusal):
        return ()
    told = evidence.changes[:MAX_CHANGES]
    of = listings.list_recent_changes(told, evidence.at).model_copy(update={"summary": _count_changes(len(told), evidence)})
    return (ReportFile(name="changes.md", form=FileFormat.MARKDOWN, of=of, words="op"),)


def _count_changes(changes: int, evidence: Evidence) -> Phrase:
    """Summary of the changes, with hosts and time span: `op` beside it lists those of all hosts."""
    hosts, since, now = evidence.target, Moment(evidence.since), Moment(evidence.at)
    if not changes:
        return Phrase(
            "no changes made through the bot on {hosts} from {since} to {now} (other hosts not included)",
            hosts=hosts,
            since=since,
            now=now,
        )
    return Phrase(
        "{n} change made through the bot on {hosts} from {since} to {now}, including unfinished earlier ones",
        plural="{n} changes made through the bot on {hosts} from {since} to {now}, including unfinished earlier ones",
        n=changes,
        hosts=hosts,
        since=since,
        now=now,
    )


def _build_log_file(got: CollectedLog, evidence: Evidence) -> ReportFile:
    """File of one log, below the command that asks for the same lines."""
    report = log_report((got,), got.source, evidence.at)
    assert report.excerpt is not None
    told = report.excerpt.model_copy(update={"notes": (*_list_dropped((got,)), *report.excerpt.notes)})
    span = f"--since {evidence.typed} --tail {evidence.tail}"
    return ReportFile(
        name=f"logs/{got.host.name}/{got.source.replace(':', '-')}.txt",
        form=FileFormat.LINES,
        of=report.model_copy(update={"excerpt": told}),
        words=f"log {got.source} {got.host.name} {span}",
    )


def _summarize(lines: int, logs: int, unread: int, health: Report) -> Phrase:
    told = Phrase(
        "{n} line of {logs} logs collected. {health}",
        plural="{n} lines of {logs} logs collected. {health}",
        n=lines,
        logs=logs,
        health=health.summary,
    )
    if not unread:
        return told
    return Phrase("{told}. {n} log could not be read", plural="{told}. {n} logs could not be read", told=told, n=unread)


def _describe(evidence: Evidence) -> tuple[Section, ...]:
    """Sections that a reader who does not know the fleet needs first."""
    since, now = Moment(evidence.since), Moment(evidence.at)
    when = Section(heading=Phrase("Time span"), lines=(Phrase("{since} to {now}", since=since, now=now),))
    if evidence.incident is None:
        return (when,)
    return (Section(heading=Phrase("Incident"), lines=(summarize(evidence.incident, evidence.at),)), when)


def _list_findings(findings: Sequence[Finding]) -> tuple[Section, ...]:
    """Section of findings, worst first. Hosts with the same finding share a line."""
    same: dict[tuple[Grade, Phrase], list[Finding]] = {}
    for finding in findings:
        same.setdefault((finding.grade, finding.why), []).append(finding)
    lines = tuple(_join_alike(grade, why, alike) for (grade, why), alike in same.items())
    return (Section(heading=Phrase("Needs attention"), lines=lines),) if lines else ()


def _join_alike(grade: Grade, why: Phrase, alike: Sequence[Finding]) -> Phrase:
    hosts = list_some(tuple(dict.fromkeys(each.host for each in alike)), MAX_NAMED)
    told = Phrase("{host}, {severity}: {why}", host=hosts, severity=GRADE_NAMES[grade], why=why)
    words = tuple(dict.fromkeys(each.next for each in alike if each.next))
    return Phrase("{told}. Next: {words}", told=told, words=" · ".join(words[:MAX_OFFERED_COMMANDS])) if words else told


def _list_first_errors(logs: Sequence[HostLog]) -> tuple[Section, ...]:
    """Section of logs with errors, in the order in which the errors began."""
    found = [(errors[0], count_errors(errors), log) for log in logs if (errors := filter_lines(log.lines, Level.ERROR))]
    found.sort(key=lambda each: each[0].at.timestamp() if each[0].at is not None else 0.0)
    told = tuple(
        Phrase(
            "{log}: {n} error at {at}",
            plural="{log}: {n} errors, first at {at}",
            log=f"{log.host} {log.source}",
            n=n,
            at=Phrase("unknown time") if first.at is None else Instant(first.at),
        )
        for first, n, log in found[:MAX_LOGS_WITH_ERRORS]
    )
    if len(found) > MAX_LOGS_WITH_ERRORS:
        told = (*told, Phrase("and {n} more", n=len(found) - MAX_LOGS_WITH_ERRORS))
    return (Section(heading=Phrase("Logs with errors"), lines=told),) if told else ()


def _list_contents(evidence: Evidence) -> tuple[Section, ...]:
    files: tuple[Phrase, ...] = (
        Phrase("timeline.txt: all log lines in time order, with clock offsets corrected"),
        Phrase("logs/: the same lines, one file per host and log"),
        Phrase("health.md, health.csv: health of the hosts, with versions, containers and gateway"),
    )
    if not isinstance(evidence.changes, Refusal):
        files = (*files, Phrase("changes.md: changes made through the bot in this period"))
    return (Section(heading=Phrase("Archive contents"), lines=(*files, *_mention_containers(evidence))),)


def _mention_containers(evidence: Evidence) -> tuple[Phrase, ...]:
    """Note that container output is not in the archive, with the commands that bring it for unhealthy containers."""
    if all(host.wsl is None for host in {each.host for each in evidence.logs}):
        return ()
    shown = [each.next for each in evidence.health.findings if each.next and each.next.startswith(_SHOW_CONTAINER)]
    pairs = [words.removeprefix(_SHOW_CONTAINER).partition("/") for words in shown]
    words = [f"{CONTAINER_LOG_COMMAND}{name} {host}" for host, _, name in pairs] or [f"{CONTAINER_LOG_COMMAND}NAME HOST"]
    return (Phrase("container output is not included. Get it with {words}", words=list_some(words, MAX_NAMED)),)


def _count_left_out(shown: int, total: int) -> tuple[Phrase, ...]:
    if shown == total:
        return ()
    return (
        Phrase("showing the newest {n} of {total} lines. {file} has all of them", n=shown, total=total, file=TIMELINE_FILE),
    )


def _list_dropped(got: Sequence[CollectedLog]) -> tuple[Phrase, ...]:
    where = [f"{each.host.name} {each.source}" for each in got if each.dropped]
    if not where:
        return ()
    return (
        Phrase(
            "{logs}: limited to {size} per archive, newest lines only. Choose fewer hosts to collect more",
            logs=list_some(where),
            size=format_size(MAX_LOG_BYTES),
        ),
    )


def _list_notes(said: tuple[Phrase, ...]) -> tuple[Section, ...]:
    """Section of notes on the lines, for a reader of the summary alone."""
    return (Section(heading=Phrase("Notes"), lines=said),) if said else ()


def _list_missing(evidence: Evidence) -> tuple[Section, ...]:
    lines = _list_unread(evidence.logs)
    if isinstance(evidence.changes, Refusal):
        lines = (*lines, Phrase("{file}: {why}", file="changes.md", why=evidence.changes.reason))
    elif len(evidence.changes) > MAX_CHANGES:
        lines = (*lines, Phrase("{file} contains the newest {n} changes only", file="changes.md", n=MAX_CHANGES))
    return (Section(heading=Phrase("Not included"), lines=lines),) if lines else ()


def _list_unread(got: Sequence[CollectedLog]) -> tuple[Phrase, ...]:
    """Lines for each host and reason, with the logs that could not be read."""
    logs: dict[tuple[str, Phrase], list[str]] = {}
    for each in got:
        if each.error is not None:
            logs.setdefault((each.host.name, describe_unread(each)), []).append(each.source)
    lines = tuple(
        Phrase("{host}: {logs} ({why})", host=host, logs=list_some(sources, len(sources)), why=why)
        for (host, why), sources in logs.items()
    )
    if len(lines) <= MAX_UNREAD_LINES:
        return lines
    return (*lines[:MAX_UNREAD_LINES], Phrase("and {n} more", n=len(lines) - MAX_UNREAD_LINES))
