"""`backup` and `backup show`: backups that were made, where they are, and when they were last verified. From rows alone.

Words for backups that several answers share: whose one is, and what it does not hold. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from adapters.action import BOT_NAME
from adapters.inventory import Host, Inventory
from adapters.phrase import Listing, Phrase
from commands.backups.arguments import BackupIdArgument, load_backup, require_backup
from commands.backups.findings import find_problems
from commands.backups.verdict import read_fault
from commands.model.backup import Backup, KeptPart, KnownBackups
from commands.model.finding import Finding, Severity, list_some, relate_moment, sort_worst_first
from commands.model.need import Need
from commands.model.operation import FleetRead, FleetView
from commands.model.report import Cell, Column, Mark, Report, Row, Section, rate_rows
from commands.values.arguments import Flag
from commands.values.units import format_size


def name_owner(host: str) -> Phrase | str:
    """Names the host of a backup, or the bot."""
    return Phrase("the bot") if host == BOT_NAME else host


def describe_reason(why: str) -> Phrase:
    """Describes why a backup does not hold a file or a part."""
    match why:
        case "key":
            return Phrase("a private key, which never leaves its host")
        case "password":
            return Phrase("it holds passwords")
        case "link":
            return Phrase("a link to another place")
        case "not-managed":
            return Phrase("the configuration does not let the bot read it (manage, see docs/hosts.md)")
        case "not-allowed":
            return Phrase("the helper in WSL2 does not allow it (prepare-wsl.sh --manage, see docs/hosts.md)")
        case "unreachable":
            return Phrase("WSL2 does not respond")
        case "large":
            return Phrase("too large")
        case _:
            return Phrase("not there")


COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="at", heading=Phrase("Made")),
    Column(key="size", heading=Phrase("Size")),
    Column(key="parts", heading=Phrase("Parts")),
    Column(key="verified", heading=Phrase("Verified")),
    Column(key="id", heading=Phrase("ID")),
    Column(key="first", heading=Phrase("On the host"), detail=True),
    Column(key="second", heading=Phrase("On the bot"), detail=True),
    Column(key="missing", heading=Phrase("Left out"), detail=True),
)

MAX_LISTED_FILES = 200
"""Files of a part that are listed. More are counted."""


class BackupList(FleetRead):
    """List the backups, the newest of each host first."""

    words: ClassVar = ("backup",)
    summary: ClassVar = Phrase("backups with age, size, and when they were last verified")
    example: ClassVar = "backup"
    label: ClassVar = Phrase("show backups")
    needs: ClassVar = frozenset({Need.BACKUPS})

    details: Annotated[bool, Flag(Phrase("also show the state of both places"))] = False

    async def read(self, view: FleetView) -> Report:
        hosts = [host.name for host in view.fleet.inventory.hosts]
        report = build_list(view.backups, hosts, view.now())
        return report.model_copy(update={"details": self.details})


class BackupShow(FleetRead):
    """Show one backup: its parts, their files, and what it does not hold."""

    words: ClassVar = ("backup", "show")
    summary: ClassVar = Phrase("one backup: places, parts, files, versions, and what it does not hold")
    example: ClassVar = "backup show host-a-0123456789ab"
    label: ClassVar = Phrase("show backup {id}", id="…")
    needs: ClassVar = frozenset({Need.BACKUPS})

    id: BackupIdArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the host of the backup, if it is still configured."""
        host = inventory.find_host(self.id.rpartition("-")[0])
        return () if host is None else (host,)

    async def read(self, view: FleetView) -> Report:
        return build_details(require_backup(await load_backup(view, self.id), self.id), view.now())


def build_list(known: KnownBackups, hosts: Sequence[str], now: datetime) -> Report:
    """Builds the list of backups. Damaged ones come first, then hosts that have no verified backup of the last days."""
    backups = known.backups
    lacks = (problem.to_finding() for problem in find_problems(backups, hosts, now))
    findings = sort_worst_first([*(_find_fault(backup) for backup in backups if backup.fault), *lacks])
    newest = {backup.host: backup for backup in reversed(backups)}
    return Report(
        title=Phrase("Backups"),
        summary=_summarize(backups, newest, now, available=known.available),
        columns=COLUMNS,
        rows=rate_rows((_build_row(backup, now) for backup in backups), findings),
        findings=findings,
        taken_at=now,
        next=tuple(f"backup show {backup.id}" for backup in list(newest.values())[:3]) or ("backup create all --bot",),
    )


def build_details(backup: Backup, now: datetime) -> Report:
    """Builds the report on one backup."""
    manifest = backup.manifest
    return Report.of_facts(
        Phrase("Backup {id}", id=backup.id),
        _summarize_one(backup, now),
        list(_list_facts(backup, now)),
    ).model_copy(
        update={
            "sections": tuple(_describe_part(part) for part in manifest.parts),
            "findings": (_find_fault(backup),) if backup.fault else (),
            "taken_at": now,
            "next": ("backup",),
        }
    )


def _summarize(backups: Sequence[Backup], newest: dict[str, Backup], now: datetime, *, available: bool) -> Phrase:
    if not available:
        return Phrase("the backups could not be read from the database")
    if not backups:
        return Phrase("no backup was made yet")
    latest = max(backups, key=lambda backup: backup.at)
    return Phrase(
        "{n} backup of {hosts}, the newest {at}",
        plural="{n} backups of {hosts}, the newest {at}",
        n=len(backups),
        hosts=list_some([name_owner(host) for host in sorted(newest)]),
        at=relate_moment(latest.at, now),
    )


def _summarize_one(backup: Backup, now: datetime) -> Phrase:
    verified = Phrase("never verified") if backup.verified_at is None else describe_verified(backup, now)
    return Phrase(
        "{host}, made {at}, {verified}", host=name_owner(backup.host), at=relate_moment(backup.at, now), verified=verified
    )


def describe_verified(backup: Backup, now: datetime) -> Phrase:
    """Describes when a backup was last verified."""
    if backup.verified_at is None:
        return Phrase("never")
    return Phrase("verified {at}", at=relate_moment(backup.verified_at, now))


def _build_row(backup: Backup, now: datetime) -> Row:
    parts = tuple(part.part.value for part in backup.manifest.parts)
    missing = sum(len(part.missing) for part in backup.manifest.parts) + len(backup.manifest.missing)
    verified = backup.verified_at
    cells = (
        Cell(text=name_owner(backup.host), value=backup.host),
        Cell.of_moment(backup.at, now),
        Cell(text=format_size(backup.size), value=backup.size),
        Cell(text=Phrase("{items}", items=Listing(parts)), value=" ".join(parts)),
        Cell(text=Phrase("never"), value=None, mark=Mark.UNKNOWN) if verified is None else Cell.of_moment(verified, now),
        Cell.of(backup.id),
        backup.first.build_cell(),
        backup.second.build_cell(),
        Cell(text=str(missing), value=missing),
    )
    return Row(cells=cells, host=backup.host)


def _list_facts(backup: Backup, now: datetime) -> Iterator[tuple[Phrase, Phrase | str]]:
    manifest = backup.manifest
    yield Phrase("Host"), name_owner(backup.host)
    yield Phrase("Made"), relate_moment(backup.at, now)
    yield Phrase("By"), manifest.operation
    yield Phrase("Size"), format_size(backup.size)
    yield Phrase("On the host"), backup.first.build_cell().text
    yield Phrase("On the bot"), backup.second.build_cell().text
    yield Phrase("Verified"), Phrase("never") if backup.verified_at is None else relate_moment(backup.verified_at, now)
    for name, version in manifest.versions.items():
        yield Phrase("Version of {name}", name=name), version
    if manifest.certificate:
        yield Phrase("Certificate"), manifest.certificate
    for missing in manifest.missing:
        yield Phrase("Part {part}", part=missing.path), Phrase("not in it: {why}", why=describe_reason(missing.why))
    yield Phrase("SHA-256 of the manifest"), backup.manifest_sha256


def _describe_part(part: KeptPart) -> Section:
    lines = [Phrase("{file}, {size}, SHA-256 {sha256}", file=part.file, size=format_size(part.size), sha256=part.sha256)]
    lines += [
        Phrase("{path} ({size})", path=file.path, size=format_size(file.size)) for file in part.files[:MAX_LISTED_FILES]
    ]
    if len(part.files) > MAX_LISTED_FILES:
        lines.append(Phrase("and {n} more files", n=len(part.files) - MAX_LISTED_FILES))
    lines += [
        Phrase("left out: {path} ({why})", path=each.path, why=describe_reason(each.why))
        for each in part.missing[:MAX_LISTED_FILES]
    ]
    return Section(heading=Phrase("{part} from {folder}", part=part.part.value, folder=part.folder), lines=tuple(lines))


def _find_fault(backup: Backup) -> Finding:
    return Finding(
        severity=Severity.HIGH,
        host=backup.host,
        subject=f"backup/{backup.id}",
        why=Phrase("the backup {id} cannot be relied on: {fault}", id=backup.id, fault=read_fault(backup)),
        short=Phrase("backup {id} faulty", id=backup.id),
        next=f"backup show {backup.id}",
    )
