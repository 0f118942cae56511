"""`cert`, `cert show`, `cert export`, `ca show`: Nebula's certificates on all hosts, read on the hosts themselves.

hosts ─ read (inventory) ─▶ FleetCertificates ─ judge (assessment) ─▶ CertificateLine, one for each host and CA ─▶ Report
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.certs.assessment import judge, judge_authority
from commands.certs.inventory import Mesh, look_at, with_lighthouse
from commands.certs.table import COLUMNS, days
from commands.checks.assessment import Judged, Remark
from commands.model.finding import Finding, next_commands, worst_first
from commands.model.operation import FleetRead, View
from commands.model.phrases import some
from commands.model.report import FACTS, Cell, Column, File, Mark, Report, Row
from commands.values.arguments import ALL, BadArgument, Flag, HostsArgument, Target, TargetArgument, shown

WORST = 3
"""Maximum certificates in a summary, and next commands. A notification is read on a phone."""

TABLE = (
    Column(key="host", heading=Phrase("Host")),
    *COLUMNS,
    Column(key="kind", heading=Phrase("Kind"), detail=True),
)
TWICE = ("kind", "fingerprint")
"""Columns without new information where a single certificate is shown in full."""

EXPORT = (
    Column(key="host", heading=Phrase("Host")),
    Column(key="file", heading=Phrase("File")),
)


@dataclass(frozen=True)
class Line:
    """One certificate and its judgment. `host` is the host of its findings, `name` its name in a summary."""

    host: str
    name: str
    authority: bool
    judged: Judged
    left: timedelta | None = None

    @property
    def place(self) -> tuple[int, float]:
        """Sort key: by expiry, then unknown certificates, then those that do not exist."""
        if self.left is not None:
            return 0, self.left.total_seconds()
        return (2, 0.0) if self.judged.cells["days"].mark is Mark.ABSENT else (1, 0.0)

    @property
    def counted(self) -> bool:
        """True if the host should have a certificate."""
        return self.place[0] < 2

    @property
    def row(self) -> Row:
        kind = Phrase("CA") if self.authority else Phrase("host")
        cells = (
            Cell.of(self.name),
            *(self.judged.cells[column.key] for column in COLUMNS),
            Cell(text=kind, value="ca" if self.authority else "host"),
        )
        return Row(cells=cells, host="" if self.authority else self.host, severity=self.judged.severity)

    @property
    def facts(self) -> Iterator[Row]:
        """The row as facts from top to bottom, without columns that a CA does not have."""
        if all(cell.mark is Mark.UNKNOWN for cell in self.judged.cells.values()):
            return  # the finding has the reason
        headings = {"host": Phrase("CA"), "trusted": Phrase("Trusted by")} if self.authority else {}
        for column, cell in zip(TABLE, self.row.cells, strict=True):
            if column.key not in TWICE and not (self.authority and cell.mark is Mark.ABSENT):
                yield Row(cells=(Cell(text=headings.get(column.key, column.heading), value=column.key), cell))

    @property
    def findings(self) -> Iterator[Finding]:
        """Findings that name the kind of certificate, because a digest shows them among others."""
        for remark in self.judged.remarks:
            found = _finding(self.host, remark)
            if self.authority:
                short = Phrase("CA {name}: {state}", name=shown(self.name), state=remark.short)
                yield found.model_copy(update={"subject": f"ca-{remark.subject}", "short": short})
            elif remark.reached:
                yield found.model_copy(update={"short": Phrase("certificate: {state}", state=remark.short)})
            else:
                yield found


class Cert(FleetRead):
    """List host and CA certificates in the order of expiry."""

    words: ClassVar = ("cert",)
    aliases: ClassVar = (("certificate",),)
    summary: ClassVar = Phrase("certificates of hosts and CA: when they end, and whether they are right and in use")
    example: ClassVar = "cert all --details"

    target: TargetArgument = ALL
    details: Annotated[bool, Flag(Phrase("dates, files, keys and whole fingerprints too"))] = False

    async def read(self, view: View) -> Report:
        hosts = self.hosts(view.fleet.inventory)
        seen = await _look(hosts, view)
        lines = sorted((*_hosts(hosts, seen), *_authorities(seen)), key=lambda line: line.place)
        troubled = [line for line in lines if line.judged.remarks]
        findings = worst_first(tuple(finding for line in troubled for finding in line.findings))
        return Report(
            title=Phrase("Certificates"),
            summary=_summary(lines, troubled),
            columns=TABLE,
            rows=tuple(line.row for line in lines),
            findings=findings,
            details=self.details,
            taken_at=view.now(),
            next=next_commands(findings, WORST),
        )


class CertShow(FleetRead):
    """Show one host's certificate in full."""

    words: ClassVar = ("cert", "show")
    aliases: ClassVar = (("certificate", "show"),)
    summary: ClassVar = Phrase("everything about one host's certificate")
    example: ClassVar = "cert show host-a"

    target: HostsArgument

    def hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return (one_host(self.target, inventory),)

    async def read(self, view: View) -> Report:
        hosts = self.hosts(view.fleet.inventory)
        line = next(_hosts(hosts, await _look(hosts, view)))
        return _everything(Phrase("Certificate of {host}", host=line.name), (line,), view.now())


class CaShow(FleetRead):
    """Show the CAs that hosts trust in full."""

    words: ClassVar = ("ca", "show")
    summary: ClassVar = Phrase("everything about the CA, and which hosts trust it")
    example: ClassVar = "ca show"

    async def read(self, view: View) -> Report:
        seen = await _look(view.fleet.inventory.hosts, view)
        return _everything(Phrase("CA"), tuple(_authorities(seen)), view.now())


class CertExport(FleetRead):
    """Export the output of `nebula-cert print` for each certificate as one file."""

    words: ClassVar = ("cert", "export")
    aliases: ClassVar = (("certificate", "export"),)
    summary: ClassVar = Phrase("the file certificates.txt: what nebula-cert prints of every certificate")
    example: ClassVar = "cert export"

    target: TargetArgument = ALL

    async def read(self, view: View) -> Report:
        seen = await look_at(self.hosts(view.fleet.inventory), view)
        printed = [
            (each.host.name, file, text)
            for each in seen.held
            if each.files is not None
            for file, text in (
                (each.paths.ca_certificate, each.files.ca_printed),
                (each.paths.host_certificate, each.files.printed),
            )
            if text
        ]
        silent = [each.host for each in seen.held if each.said is not None and not (each.files and each.files.printed)]
        unread = list(_hosts(silent, seen))
        return Report(
            title=Phrase("Certificates as a file"),
            summary=_exported(len(printed), [line.name for line in unread]),
            columns=EXPORT,
            rows=tuple(Row(host=host, cells=(Cell.of(host), Cell.of(file))) for host, file, _ in printed),
            findings=worst_first(tuple(finding for line in unread for finding in line.findings)),
            brief=True,
            taken_at=view.now(),
            files=(File(name="certificates.txt", text="\n".join(_block(*each) for each in printed)),),
        )


def one_host(target: Target, inventory: Inventory) -> Host:
    """Resolves a target to a single host. Raises `BadArgument` if it matches several."""
    meant = target.resolve(inventory)
    if len(meant) == 1:
        return meant[0]
    phrase = Phrase("{part} are {n} hosts; name one of them", part=str(target), n=len(meant))
    raise BadArgument(phrase, part=str(target), nearest=tuple(host.name for host in meant[:WORST]))


async def _look(hosts: Sequence[Host], view: View) -> Mesh:
    return await look_at(with_lighthouse(hosts, view.fleet.inventory), view)


def _hosts(hosts: Sequence[Host], seen: Mesh) -> Iterator[Line]:
    """Builds a line for each of these hosts."""
    for held in seen.held:
        if held.host in hosts:
            left = None if held.certificate is None else seen.left(held.certificate)
            yield Line(held.host.name, held.host.name, False, judge(held, seen), left)


def _authorities(seen: Mesh) -> Iterator[Line]:
    """Builds a line for each CA, whose host is the lighthouse if that trusts it."""
    for ca, holders in seen.authorities:
        place = next((held for held in holders if held.host.lighthouse), holders[0])
        yield Line(place.host.name, ca.name, True, judge_authority(ca, holders, seen), seen.left(ca))


def _finding(host: str, remark: Remark) -> Finding:
    return remark.finding(host, remark.next or (f"cert show {host}" if remark.reached else f"health {host} --details"))


def _block(host: str, file: str, printed: str) -> str:
    """Formats one certificate below its host and file. The host's text is untrusted: its lines never look like a heading."""
    lines = (f" {line}" if line.startswith("#") else line for line in printed.strip().splitlines())
    return "\n".join((f"# {host} {file}", *lines, ""))


def _everything(title: Phrase, lines: Sequence[Line], at: datetime) -> Report:
    found = worst_first(tuple(finding for line in lines for finding in line.findings))
    words = tuple(word for word in next_commands(found, WORST) if not word.startswith(("cert show", "ca show")))
    return Report(
        title=title,
        summary=_summary(lines, [line for line in lines if line.judged.remarks]),
        columns=FACTS,
        rows=tuple(row for line in lines for row in line.facts),
        findings=tuple(each.model_copy(update={"next": each.next if each.next in words else None}) for each in found),
        taken_at=at,
        next=words,
    )


def _summary(lines: Sequence[Line], troubled: Sequence[Line]) -> Phrase:
    counted = [line for line in lines if line.counted]
    if not counted:
        return Phrase("no host here has a certificate; cert without a target shows all hosts")
    if len(lines) == 1:
        return _one(lines[0])
    if not troubled:
        first = min(counted, key=lambda line: line.place)
        return Phrase(
            "{n} certificate is well, that of {first}: {left}",
            plural="all {n} certificates are well; the first to end is that of {first}: {left}",
            n=len(counted),
            first=first.name,
            left=days(first.left or timedelta(0)),
        )
    return Phrase(
        "{n} of {total} certificates needs attention: {worst}",
        plural="{n} of {total} certificates need attention: {worst}",
        n=len(troubled),
        total=len(counted),
        worst=some([_headline(line) for line in sorted(troubled, key=lambda line: line.judged.rank)], WORST),
    )


def _one(line: Line) -> Phrase:
    if not line.judged.remarks:
        return Phrase("the certificate of {host} is well: {left}", host=line.name, left=days(line.left or timedelta(0)))
    shorts = some([remark.short for remark in line.judged.worst], WORST)
    return Phrase("the certificate of {host} needs attention: {worst}", host=line.name, worst=shorts)


def _headline(line: Line) -> Phrase:
    return Phrase("{host} {short}", host=line.name, short=line.judged.worst[0].short)


def _exported(count: int, unread: Sequence[str]) -> Phrase:
    if unread:
        return Phrase(
            "{n} certificate is in the file; missing: {hosts}",
            plural="{n} certificates are in the file; missing: {hosts}",
            n=count,
            hosts=some(list(unread), WORST),
        )
    return Phrase("{n} certificate is in the file", plural="{n} certificates are in the file", n=count)
