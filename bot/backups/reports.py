"""Answers about the verification of backups. Pure.

Section of the monthly report on backups: how many were made, and which hosts cannot rely on theirs. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.action import BOT_NAME
from adapters.phrase import Phrase
from bot.model.month import Month
from commands.backups.findings import Lack, find_problems, find_unread_second
from commands.backups.listing import name_owner
from commands.backups.verdict import JudgedBackup
from commands.model.backup import KnownBackups
from commands.model.finding import Finding, Severity, list_some, sort_worst_first
from commands.model.report import Cell, Column, Mark, Report, Row, Section, rate_rows
from commands.values.units import format_size

_COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="result", heading=Phrase("Result")),
    Column(key="first", heading=Phrase("On the host")),
    Column(key="second", heading=Phrase("On the bot")),
    Column(key="made", heading=Phrase("Made")),
    Column(key="id", heading=Phrase("ID")),
)


def report_verification(verdicts: Sequence[JudgedBackup], without: Sequence[str], at: datetime) -> Report:
    """Reports on verified backups. `without` are hosts that have no backup."""
    findings = sort_worst_first([*filter(None, map(_make_finding, verdicts)), *map(_make_lack, without)])
    rows = [*(_build_row(verdict, at) for verdict in verdicts), *(_build_lack(host) for host in without)]
    return Report(
        title=Phrase("Verification of backups"),
        summary=_summarize(verdicts, without),
        columns=_COLUMNS,
        rows=rate_rows(rows, findings),
        findings=findings,
        taken_at=at,
        next=() if verdicts else ("backup create all",),
    )


def _make_finding(verdict: JudgedBackup) -> Finding | None:
    backup = verdict.backup
    again = "backup create --bot" if backup.host == BOT_NAME else f"backup create {backup.host}"
    if verdict.fault is not None:
        return Finding(
            severity=Severity.HIGH, host=backup.host, subject="backup", why=verdict.fault, short=Phrase("fault"), next=again
        )
    if verdict.unverified is not None:
        return Finding(
            severity=Severity.MEDIUM,
            host=backup.host,
            subject="backup",
            why=verdict.unverified,
            short=Phrase("not verified"),
            next=f"backup verify {backup.id}",
            reached=False,
        )
    return None


def _make_lack(host: str) -> Finding:
    return Finding(
        severity=Severity.LOW,
        host=host,
        subject="backup",
        why=Phrase("no backup yet"),
        next=f"backup create {host}",
    )


def _build_row(verdict: JudgedBackup, at: datetime) -> Row:
    backup = verdict.backup
    return Row(
        host=backup.host,
        cells=(
            Cell(text=name_owner(backup.host), value=backup.host),
            _build_result_cell(verdict),
            backup.first.build_cell(),
            backup.second.build_cell(),
            Cell.of_moment(backup.at, at),
            Cell.of(backup.id),
        ),
    )


def _build_result_cell(verdict: JudgedBackup) -> Cell:
    if verdict.fault is not None:
        return Cell(text=Phrase("fault"), value="fault", mark=Mark.BAD)
    if verdict.unverified is not None:
        return Cell(text=Phrase("not verified"), value="unknown", mark=Mark.UNKNOWN)
    return Cell(text=Phrase("verified"), value="verified", mark=Mark.WELL)


def _build_lack(host: str) -> Row:
    nothing = Cell(text="", value=None, mark=Mark.ABSENT)
    return Row(host=host, cells=(Cell.of(host), *([nothing] * (len(_COLUMNS) - 1))))


def _summarize(verdicts: Sequence[JudgedBackup], without: Sequence[str]) -> Phrase:
    if not verdicts:
        return Phrase("no backups yet")
    faulty = [verdict.backup.host for verdict in verdicts if verdict.fault is not None]
    doubtful = [verdict.backup.host for verdict in verdicts if verdict.unverified is not None]
    n = sum(verdict.verified for verdict in verdicts)
    counted = Phrase("{n} of {total} backups verified", n=n, total=len(verdicts))
    if faulty:
        return Phrase("{counted}. Faults: {hosts}", counted=counted, hosts=list_some(faulty))
    if doubtful:
        return Phrase("{counted}. Not verified: {hosts}", counted=counted, hosts=list_some(doubtful))
    if without:
        return Phrase("{counted}. Without a backup: {hosts}", counted=counted, hosts=list_some(list(without)))
    return Phrase("{n} backup verified", plural="all {n} backups verified", n=n)


def build_backup_section(known: KnownBackups | None, hosts: Sequence[str], month: Month) -> Section:
    """Builds the section. `known` is None if the requester may not see backups."""
    return Section(heading=Phrase("Backups"), lines=tuple(_list_lines(known, hosts, month)))


def _list_lines(known: KnownBackups | None, hosts: Sequence[str], month: Month) -> Iterator[Phrase]:
    if known is None:
        yield Phrase("not shown: the person requesting this report has no access")
        return
    if not known.available:
        yield Phrase("unknown")
        return
    if not known.backups:
        yield Phrase("no backups yet")
        return
    made = [backup for backup in known.backups if month.begin <= backup.at < month.end]
    yield Phrase(
        "{n} backup made and kept, {size}",
        plural="{n} backups made and kept, {size}",
        n=len(made),
        size=format_size(sum(backup.size for backup in made)),
    )
    yield from _list_problem_lines(known, hosts, month)


def _list_problem_lines(known: KnownBackups, hosts: Sequence[str], month: Month) -> Iterator[Phrase]:
    problems = find_problems(known.backups, hosts, month.now)
    names = {lack: [name_owner(each.host) for each in problems if each.lack is lack] for lack in Lack}
    if not problems:
        yield Phrase("every host and the bot have a verified backup of the last 8 days")
    if names[Lack.OLD]:
        yield Phrase("newest verified backup older than 8 days: {hosts}", hosts=list_some(names[Lack.OLD]))
    if names[Lack.NEVER]:
        yield Phrase("never verified: {hosts}", hosts=list_some(names[Lack.NEVER]))
    if names[Lack.NONE]:
        yield Phrase("without a backup: {hosts}", hosts=list_some(names[Lack.NONE]))
    if unread := find_unread_second(known):
        owners = [name_owner(host) for host in unread]
        yield Phrase("second place unreachable when last verified: {hosts}", hosts=list_some(owners))
