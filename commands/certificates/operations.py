"""`cert`, `cert show`, `cert export`, `ca show`: Nebula's certificates on all hosts, read on the hosts themselves.

hosts ─ read (inventory) ─▶ FleetCertificates ─ judge (assessment) ─▶ CertificateLine, one for each host and CA ─▶ Report
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certificates.assessment import judge_authority, judge_host_certificates
from commands.certificates.further import (
    KIND_NAMES,
    CertificateKind,
    FurtherReading,
    build_further,
    explain_ledger,
    read_further,
)
from commands.certificates.outsiders import describe_history
from commands.certificates.reading import FleetCertificates, build_stray_section, read_certificates, read_with_stray_keys
from commands.certificates.rotation.column import ProgressCells, list_progress_facts
from commands.certificates.table import CERTIFICATE_COLUMNS, format_days_left
from commands.health.assessment import Judgment, Remark
from commands.model.finding import Finding, list_next_commands, list_some, sort_worst_first
from commands.model.need import Need
from commands.model.operation import FleetRead, FleetView
from commands.model.report import FACT_COLUMNS, Cell, Column, Mark, Report, Row, Section, TextFile
from commands.values.arguments import ALL_HOSTS, Flag, HostsArgument, TargetArgument, resolve_one_host, shorten_argument

MAX_NAMED = 3
"""Maximum certificates in a summary, and next commands. A notification is read on a phone."""

TABLE_COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *CERTIFICATE_COLUMNS,
    Column(key="kind", heading=Phrase("Kind"), detail=True),
)
ALL_COLUMNS = (*TABLE_COLUMNS[:-1], TABLE_COLUMNS[-1].model_copy(update={"detail": False}))
"""Columns of a table with several kinds of certificates."""
REDUNDANT_KEYS = ("kind", "fingerprint")
"""Columns without new information where a single certificate is shown in full."""

EXPORT_COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="file", heading=Phrase("File")),
)


@dataclass(frozen=True)
class CertificateLine:
    """One certificate and its judgment. `host` is the host of its findings, `name` its name in a summary."""

    host: str
    name: str
    kind: CertificateKind
    judgment: Judgment
    time_left: timedelta | None = None

    @property
    def authority(self) -> bool:
        return self.kind is CertificateKind.CA

    @property
    def sort_key(self) -> tuple[int, bool, float]:
        """Sort key: the worst first, then by expiry, then hosts without a certificate."""
        left = 0.0 if self.time_left is None else self.time_left.total_seconds()
        return self.judgment.rank, not self.expected, left

    @property
    def expected(self) -> bool:
        """True if the host should have a certificate."""
        return self.judgment.cells["days"].mark is not Mark.ABSENT

    @property
    def row(self) -> Row:
        cells = (
            Cell.of(self.name),
            *(self.judgment.cells[column.key] for column in CERTIFICATE_COLUMNS),
            Cell(text=KIND_NAMES[self.kind], value=self.kind.value),
        )
        judged = self.judgment
        host = "" if self.authority else self.host
        return Row(cells=cells, host=host, severity=judged.severity, reached=judged.reached)

    @property
    def fact_rows(self) -> Iterator[Row]:
        """The row as facts from top to bottom, without columns that a CA does not have."""
        if all(cell.mark is Mark.UNKNOWN for cell in self.judgment.cells.values()):
            return  # the finding has the reason
        headings = {"host": Phrase("CA"), "trusted": Phrase("Trusted by")} if self.authority else {}
        for column, cell in zip(TABLE_COLUMNS, self.row.cells, strict=True):
            if column.key not in REDUNDANT_KEYS and not (self.authority and cell.mark is Mark.ABSENT):
                yield Row(cells=(Cell(text=headings.get(column.key, column.heading), value=column.key), cell))

    @property
    def findings(self) -> Iterator[Finding]:
        """Findings that name the kind of certificate, because a digest shows them among others."""
        for remark in self.judgment.remarks:
            found = _build_finding(self.host, remark)
            if self.authority:
                short = Phrase("CA {name}: {state}", name=shorten_argument(self.name), state=remark.short)
                yield found.model_copy(update={"subject": f"ca-{remark.subject}", "short": short})
            elif self.kind is not CertificateKind.HOST:
                yield self._build_further_finding(remark)
            elif remark.reached:
                yield found.model_copy(update={"short": Phrase("certificate: {state}", state=remark.short)})
            else:
                yield found

    def _build_further_finding(self, remark: Remark) -> Finding:
        """Builds the finding of a certificate that `cert renew` cannot renew."""
        match self.kind:
            case CertificateKind.WINRM:
                short = Phrase("WinRM certificate: {state}", state=remark.short)
            case CertificateKind.BOT:
                short = Phrase("the bot's certificate: {state}", state=remark.short)
            case _:
                short = Phrase("unknown certificate {name}", name=shorten_argument(str(self.judgment.cells["name"].value)))
        return remark.build_finding(self.host, remark.next).model_copy(update={"short": short})


class CertList(FleetRead):
    """List host and CA certificates: those that need attention first, then in the order of expiry."""

    words: ClassVar = ("cert",)
    aliases: ClassVar = (("certificate",),)
    summary: ClassVar = Phrase("certificates of hosts and CA: expiry, validity and use")
    example: ClassVar = "cert all --details"
    label: ClassVar = Phrase("show the certificates of {target}", target="…")
    needs: ClassVar = frozenset({Need.IDENTITIES})

    target: TargetArgument = ALL_HOSTS
    all: Annotated[bool, Flag(Phrase("also WinRM, this bot, and certificates of members outside the configuration"))] = False
    details: Annotated[bool, Flag(Phrase("also show dates, files, keys and full fingerprints"))] = False

    async def read(self, view: FleetView) -> Report:
        hosts = self.resolve_hosts(view.fleet.inventory)
        reading = await read_further(hosts, view) if self.all else None
        seen = await read_with_stray_keys(hosts, view)
        further = () if reading is None else tuple(_build_further_lines(seen, reading, view))
        unsorted = (*_build_host_lines(hosts, seen), *_build_authority_lines(seen), *further)
        lines = sorted(unsorted, key=lambda line: line.sort_key)
        troubled = [line for line in lines if line.judgment.remarks]
        findings = sort_worst_first(finding for line in troubled for finding in line.findings)
        report = Report(
            title=Phrase("Certificates"),
            summary=_summarize(lines, troubled),
            columns=ALL_COLUMNS if self.all else TABLE_COLUMNS,
            rows=tuple(line.row for line in lines),
            findings=findings,
            sections=_build_ledger_section(view) if self.all else (),
            details=self.details,
            taken_at=view.now(),
            next=list_next_commands(findings, MAX_NAMED),
        )
        return report if view.rotation is None else ProgressCells(view.rotation, seen).add_to(report)


class CertShow(FleetRead):
    """Show one host's certificate in full."""

    words: ClassVar = ("cert", "show")
    aliases: ClassVar = (("certificate", "show"),)
    summary: ClassVar = Phrase("details of one host's certificate")
    example: ClassVar = "cert show host-a"
    label: ClassVar = Phrase("show the certificate of {target}", target="…")
    needs: ClassVar = frozenset({Need.IDENTITIES})

    target: HostsArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return (resolve_one_host(self.target, inventory),)

    async def read(self, view: FleetView) -> Report:
        hosts = self.resolve_hosts(view.fleet.inventory)
        seen = await read_with_stray_keys(hosts, view)
        line = next(_build_host_lines(hosts, seen))
        report = _build_full_report(Phrase("Certificate of {host}", host=line.name), (line,), seen)
        strays = (section for held in seen.per_host if held.host in hosts for section in build_stray_section(held, seen))
        return report.model_copy(update={"sections": (*strays, *_build_history(hosts[0], view))})


class CaShow(FleetRead):
    """Show the CAs that hosts trust in full."""

    words: ClassVar = ("ca", "show")
    summary: ClassVar = Phrase("details of the CA, and the hosts that trust it")
    example: ClassVar = "ca show"
    label: ClassVar = Phrase("show the CA")

    async def read(self, view: FleetView) -> Report:
        seen = await read_certificates(view.fleet.inventory.hosts, view)
        return _build_full_report(Phrase("CA"), tuple(_build_authority_lines(seen)), seen)


class CertExport(FleetRead):
    """Export the output of `nebula-cert print` for each certificate as one file."""

    words: ClassVar = ("cert", "export")
    aliases: ClassVar = (("certificate", "export"),)
    summary: ClassVar = Phrase("certificates.txt with the nebula-cert output for every certificate")
    example: ClassVar = "cert export"
    label: ClassVar = Phrase("export the certificates of {target}", target="…")

    target: TargetArgument = ALL_HOSTS

    async def read(self, view: FleetView) -> Report:
        seen = await read_certificates(self.resolve_hosts(view.fleet.inventory), view)
        printed = [
            (each.host.name, file, text)
            for each in seen.per_host
            if each.files is not None
            for file, text in (
                (each.paths.ca_certificate, each.files.ca_printed),
                (each.paths.host_certificate, each.files.printed),
            )
            if text
        ]
        silent = [each.host for each in seen.per_host if each.answer is not None and not (each.files and each.files.printed)]
        unread = list(_build_host_lines(silent, seen))
        return Report(
            title=Phrase("Certificates as a file"),
            summary=_summarize_export(len(printed), [line.name for line in unread]),
            columns=EXPORT_COLUMNS,
            rows=tuple(Row(host=host, cells=(Cell.of(host), Cell.of(file))) for host, file, _ in printed),
            findings=sort_worst_first(finding for line in unread for finding in line.findings),
            brief=True,
            taken_at=view.now(),
            files=(TextFile(name="certificates.txt", text="\n".join(_format_block(*each) for each in printed)),),
        )


def _build_host_lines(hosts: Sequence[Host], seen: FleetCertificates) -> Iterator[CertificateLine]:
    """Builds a line for each of these hosts."""
    for held in seen.per_host:
        if held.host in hosts:
            left = None if held.certificate is None else seen.compute_time_left(held.certificate)
            name, judgment = held.host.name, judge_host_certificates(held, seen)
            yield CertificateLine(name, name, CertificateKind.HOST, judgment, left)


def _build_authority_lines(seen: FleetCertificates) -> Iterator[CertificateLine]:
    """Builds a line for each CA, whose host is the lighthouse if that trusts it."""
    for ca, holders in seen.authorities:
        place = next((held for held in holders if held.host.lighthouse), holders[0])
        judgment, left = judge_authority(ca, holders, seen), seen.compute_time_left(ca)
        yield CertificateLine(place.host.name, ca.name, CertificateKind.CA, judgment, left)


def _build_further_lines(seen: FleetCertificates, reading: FurtherReading, view: FleetView) -> Iterator[CertificateLine]:
    """Builds a line for each certificate beyond those of hosts and CAs."""
    for each in build_further(seen, reading, view):
        yield CertificateLine(each.name, each.name, each.kind, each.judgment, each.time_left)


def _build_ledger_section(view: FleetView) -> tuple[Section, ...]:
    """Builds the section of what could not be read of the ledger."""
    why = explain_ledger(view.identities)
    return () if why is None else (Section(heading=Phrase("Ledger"), lines=(why,)),)


def _build_history(host: Host, view: FleetView) -> tuple[Section, ...]:
    """Builds the section with all certificates of a host that the ledger knows."""
    lines = tuple(describe_history(host, view.identities, view.now()))
    section = (Section(heading=Phrase("Certificates in the ledger"), lines=lines),) if lines else ()
    return (*section, *_build_ledger_section(view))


def _build_finding(host: str, remark: Remark) -> Finding:
    return remark.build_finding(host, remark.next or (f"cert show {host}" if remark.reached else f"health {host} --details"))


def _format_block(host: str, file: str, printed: str) -> str:
    """Formats one certificate below its host and file. The host's text is untrusted: its lines never look like a heading."""
    lines = (f" {line}" if line.startswith("#") else line for line in printed.strip().splitlines())
    return "\n".join((f"# {host} {file}", *lines, ""))


def _build_full_report(title: Phrase, lines: Sequence[CertificateLine], seen: FleetCertificates) -> Report:
    found = sort_worst_first(finding for line in lines for finding in line.findings)
    words = tuple(word for word in list_next_commands(found, MAX_NAMED) if not word.startswith(("cert show", "ca show")))
    return Report(
        title=title,
        summary=_summarize(lines, [line for line in lines if line.judgment.remarks]),
        columns=FACT_COLUMNS,
        rows=tuple(row for line in lines for row in _list_facts(line, seen)),
        findings=tuple(each.model_copy(update={"next": each.next if each.next in words else None}) for each in found),
        taken_at=seen.now,
        next=words,
    )


def _list_facts(line: CertificateLine, seen: FleetCertificates) -> Iterator[Row]:
    yield from line.fact_rows
    fingerprint = str(line.judgment.cells["whole_fingerprint"].value)
    yield from list_progress_facts(seen, "" if line.authority else line.host, fingerprint)


def _summarize(lines: Sequence[CertificateLine], troubled: Sequence[CertificateLine]) -> Phrase:
    counted = [line for line in lines if line.expected]
    if not counted:
        return Phrase("none of these hosts has a certificate. Run cert without a target for all hosts")
    if len(lines) == 1:
        return _summarize_one(lines[0])
    if not troubled:
        first = min(counted, key=lambda line: line.sort_key)
        return Phrase(
            "{n} certificate is valid: {first}, {left}",
            plural="all {n} certificates are valid. {first} expires first: {left}",
            n=len(counted),
            first=first.name,
            left=format_days_left(first.time_left or timedelta(0)),
        )
    return Phrase(
        "{n} of {total} certificates needs attention: {worst}",
        plural="{n} of {total} certificates need attention: {worst}",
        n=len(troubled),
        total=len(counted),
        worst=list_some([_describe_worst(line) for line in troubled], MAX_NAMED),
    )


def _summarize_one(line: CertificateLine) -> Phrase:
    if not line.judgment.remarks:
        return Phrase(
            "the certificate of {host} is valid: {left}",
            host=line.name,
            left=format_days_left(line.time_left or timedelta(0)),
        )
    shorts = list_some([remark.short for remark in line.judgment.worst], MAX_NAMED)
    return Phrase("the certificate of {host} needs attention: {worst}", host=line.name, worst=shorts)


def _describe_worst(line: CertificateLine) -> Phrase:
    return Phrase("{host} {short}", host=line.name, short=line.judgment.worst[0].short)


def _summarize_export(count: int, unread: Sequence[str]) -> Phrase:
    if unread:
        return Phrase(
            "{n} certificate in the file. Missing: {hosts}",
            plural="{n} certificates in the file. Missing: {hosts}",
            n=count,
            hosts=list_some(list(unread), MAX_NAMED),
        )
    return Phrase("{n} certificate in the file", plural="{n} certificates in the file", n=count)
