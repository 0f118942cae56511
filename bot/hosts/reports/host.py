"""Reports on hosts as the bot knows them: configuration, rehearsals, and what is owed to them. Pure.

Facts on one host beside its configuration: locks, certificates, and what its reader may request there. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.inventory import Host
from adapters.phrase import Phrase, Span
from adapters.windows.rehearsal import SYSTEM_SID
from bot.changes.reports.owed import build_owed_cell, list_owed_facts
from bot.changes.rules.locks import describe_lock
from bot.changes.rules.rehearsals import find_objection
from bot.hosts.reports.stages import build_suspension_section, list_resumes
from bot.model.lock import Lock
from bot.model.owed import OwedChange
from bot.model.rehearsal import Rehearsal
from commands.certificates.reading import shorten_fingerprint
from commands.changes.rehearsal import format_rehearsal_command
from commands.model.certificates import Identity
from commands.model.finding import list_some, relate_moment, round_distance
from commands.model.operation import Risk
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.model.suspension import Suspension

MAX_CERTIFICATES = 3
"""Certificates that are named. `cert show` has all."""

MAX_COMMANDS = 8

Fact = tuple[Phrase, Phrase | str]


@dataclass(frozen=True)
class HostRights:
    """Rights of a reader on one host: the changes that they may request, and the approvals that each risk needs there."""

    changes: tuple[str, ...] = ()
    approvers: Mapping[Risk, int] = field(default_factory=dict)


NO_RIGHTS = HostRights()
"""Where no rights are shown."""


def list_lock_facts(locks: Sequence[Lock], now: datetime) -> Iterator[Fact]:
    """Lists the locks that forbid changes on the host now."""
    for lock in locks:
        yield Phrase("Lock"), describe_lock(lock, now)


def list_certificate_facts(identities: Sequence[Identity], now: datetime) -> Iterator[Fact]:
    """Lists the host's certificates that have not ended, the newest first: each of them is accepted until it is blocked."""
    valid = [each for each in identities if not each.has_ended(now)]
    for each in valid[:MAX_CERTIFICATES]:
        yield Phrase("Certificate"), _describe_certificate(each, now)
    more = len(valid) - MAX_CERTIFICATES
    if more > 0:
        yield Phrase("Certificate"), Phrase("… and {n} more", n=more)


def _describe_certificate(each: Identity, now: datetime) -> Phrase:
    fingerprint = shorten_fingerprint(each.fingerprint)
    if each.ends_at is None:
        return Phrase("{fingerprint}, named by logs alone", fingerprint=fingerprint)
    ends = relate_moment(each.ends_at, now)
    if each.abandoned:
        return Phrase("{fingerprint}, signed but not in use, expires {at}", fingerprint=fingerprint, at=ends)
    return Phrase("{fingerprint}, expires {at}", fingerprint=fingerprint, at=ends)


def list_right_facts(rights: HostRights) -> Iterator[Fact]:
    """Lists what the reader may request on the host, and how many approvals that needs."""
    if not rights.approvers:
        return
    changes = list_some(rights.changes, MAX_COMMANDS) if rights.changes else Phrase("no changes")
    yield Phrase("You can request"), changes
    yield (
        Phrase("Approvals"),
        Phrase(
            "change {change}, disruption {disruption}, critical {critical}",
            change=str(rights.approvers[Risk.CHANGE]),
            disruption=str(rights.approvers[Risk.DISRUPT]),
            critical=str(rights.approvers[Risk.CRITICAL]),
        ),
    )


COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="labels", heading=Phrase("Labels")),
    Column(key="rehearsal", heading=Phrase("Rehearsal")),
    Column(key="owed", heading=Phrase("Owed")),
    Column(key="lighthouse", heading=Phrase("Lighthouse")),
    Column(key="id", heading=Phrase("ID")),
    Column(key="overlay", heading=Phrase("Overlay")),
    Column(key="windows", heading=Phrase("Windows")),
    Column(key="wsl", heading=Phrase("WSL2")),
    Column(key="gateway", heading=Phrase("Gateway")),
)

PHASES = {
    "apply": Phrase("Time to apply a change"),
    "confirm": Phrase("Time to confirm a change"),
    "revert": Phrase("Time to revert an unconfirmed change"),
    "abort": Phrase("Time to abort a change"),
}
"""Labels of the phases that were measured."""


@dataclass(frozen=True)
class KnownHosts:
    """Facts that the bot knows of hosts: their rehearsals, the open changes that are owed to them, and who is suspended.

    Of one host also: the locks that forbid changes there, its certificates, and the rights of the reader.
    """

    rehearsals: Mapping[str, Rehearsal]
    owed: Sequence[OwedChange]
    suspensions: Mapping[str, Suspension]
    locks: Sequence[Lock] = ()
    identities: Sequence[Identity] = ()
    rights: HostRights = NO_RIGHTS


def build_host_list(hosts: Sequence[Host], known: KnownHosts, now: datetime) -> Report:
    """Builds the list of hosts."""
    names = [host.name for host in hosts]
    suspended = build_suspension_section(known.suspensions, names)
    changes = {host.name: [each for each in known.owed if each.host == host.name] for host in hosts}
    return Report(
        title=Phrase("Hosts", context="title"),
        summary=Phrase("{n} host configured", plural="{n} hosts configured", n=len(hosts)),
        columns=COLUMNS,
        rows=tuple(
            _build_row(host, known.rehearsals.get(host.name), build_owed_cell(changes[host.name]), now) for host in hosts
        ),
        sections=() if suspended is None else (suspended,),
        taken_at=now,
        next=(*list_resumes(host for host in known.suspensions if host in names), *(("health",) if hosts else ())),
    )


def build_host_report(host: Host, known: KnownHosts, now: datetime) -> Report:
    """Builds the report on one host."""
    rehearsal, suspension = known.rehearsals.get(host.name), known.suspensions.get(host.name)
    owed = [each for each in known.owed if each.host == host.name]
    suspended = () if suspension is None else ((Phrase("Suspension"), suspension.phrase),)
    objection = _find_objection(host, rehearsal, now)
    report = Report.of_facts(
        Phrase("Host"),
        Phrase("{host} has a fresh rehearsal", host=host.name)
        if objection is None
        else Phrase("{host}: {why}", host=host.name, why=objection),
        (
            *suspended,
            *list_lock_facts(known.locks, now),
            *_list_facts(host),
            *list_owed_facts(owed, now),
            *list_right_facts(known.rights),
            *list_certificate_facts(known.identities, now),
            *_list_rehearsal_facts(rehearsal, now),
        ),
    )
    offered = (format_rehearsal_command((host.name,)),) if objection is not None and host.windows is not None else ()
    more = (
        *(("owed",) if owed else ()),
        *list_resumes(() if suspension is None else (host.name,)),
        *((f"cert show {host.name}",) if known.identities else ()),
    )
    return report.model_copy(update={"taken_at": now, "next": (f"health {host.name}", *offered, *more)})


def _build_row(host: Host, rehearsal: Rehearsal | None, owed: Cell, now: datetime) -> Row:
    return Row(
        host=host.name,
        cells=(
            Cell.of(host.name),
            Cell(text=" ".join(host.labels), value=" ".join(host.labels)),
            _build_rehearsal_cell(host, rehearsal, now),
            owed,
            Cell(text=Phrase("yes", context="lighthouse") if host.lighthouse else "", value=host.lighthouse),
            Cell(text=str(host.id), value=host.id),
            Cell.of(str(host.overlay)),
            *(_build_presence_cell(host.get_side(side) is not None) for side in ("windows", "wsl", "gateway")),
        ),
    )


def _build_presence_cell(present: bool) -> Cell:
    if present:
        return Cell(text=Phrase("yes", context="present"), value=True)
    return Cell(text=Phrase("no", context="present"), value=False, mark=Mark.ABSENT)


def _build_rehearsal_cell(host: Host, rehearsal: Rehearsal | None, now: datetime) -> Cell:
    """Builds the cell of a rehearsal: the age of a fresh one, else why there is none. The list judges no host."""
    objection = _find_objection(host, rehearsal, now)
    if host.windows is None:
        return Cell(text=Phrase("no", context="present"), value="", mark=Mark.ABSENT)
    if objection is not None or rehearsal is None:
        return Cell.of(objection or "")
    return Cell(
        text=Phrase("{time} ago", time=Span(round_distance(now - rehearsal.at).total_seconds())),
        value=rehearsal.at.isoformat(),
    )


def _find_objection(host: Host, rehearsal: Rehearsal | None, now: datetime) -> Phrase | None:
    return Phrase("no Windows connection configured") if host.windows is None else find_objection(host, rehearsal, now)


def _list_facts(host: Host) -> Iterator[tuple[Phrase, Phrase | str]]:
    yield Phrase("ID"), str(host.id)
    yield Phrase("Overlay"), str(host.overlay)
    if host.windows is not None:
        yield Phrase("Windows"), host.windows.url
    if host.wsl is not None:
        yield Phrase("WSL2"), f"{host.wsl.address}:{host.wsl.port}"
    if host.gateway is not None:
        yield Phrase("Gateway"), host.gateway.url
    if host.labels:
        yield Phrase("Labels"), " ".join(host.labels)


def _list_rehearsal_facts(rehearsal: Rehearsal | None, now: datetime) -> Iterator[tuple[Phrase, Phrase | str]]:
    if rehearsal is None:
        return
    result = Phrase("done") if rehearsal.successful else Phrase("failed")
    yield Phrase("Last rehearsal"), Phrase("{at}: {result}", at=relate_moment(rehearsal.at, now), result=result)
    yield Phrase("Operation"), rehearsal.operation
    if not rehearsal.account:
        return
    yield Phrase("Windows version"), rehearsal.build
    yield Phrase("PowerShell"), f"{rehearsal.powershell} {rehearsal.edition}"
    yield Phrase("Language"), f"{rehearsal.culture} / {rehearsal.ui_culture}"
    yield Phrase("Account of the task"), "SYSTEM" if rehearsal.account == SYSTEM_SID else rehearsal.account
    yield Phrase("Access list"), rehearsal.sddl
    yield Phrase("Length of the task's arguments"), str(rehearsal.arguments_length)
    yield Phrase("Clock difference"), Phrase("{seconds} s", seconds=rehearsal.clock_offset)
    for phase, label in PHASES.items():
        if phase in rehearsal.seconds:
            yield label, Phrase("{seconds} s", seconds=rehearsal.seconds[phase])
