"""Reports as `commands.health.operation` makes them, of any size, for the tests of every surface."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.phrase import Moment, Phrase
from bot.locale.texts import get_texts
from bot.model.change import Change
from bot.model.request import Answer, Failure
from commands.model.finding import Finding, Severity
from commands.model.report import Cell, Column, Mark, Report, Row, Section

AT = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)
ENGLISH = get_texts("en", ZoneInfo("Asia/Tokyo"))
JAPANESE = get_texts("ja", ZoneInfo("Asia/Tokyo"))

CHECKS = ("nebula", "gateway", "api", "containers", "bridge", "forwarding")
HEADINGS = ("Nebula", "Gateway", "API", "Containers", "Bridge", "Forwarding")
COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    *(Column(key=key, heading=Phrase("{it}", it=heading)) for key, heading in zip(CHECKS, HEADINGS, strict=True)),
)


def row(host: str, *checks: Cell, severity: Severity | None = None) -> Row:
    return Row(cells=(Cell(text=host, value=host), *checks), host=host, severity=severity)


def cell(text: str, mark: Mark, value: str | None = None) -> Cell:
    return Cell(text=text, value=text if value is None and mark is not Mark.ABSENT else value, mark=mark)


def well(host: str) -> Row:
    texts = ("running", "running", "healthy", "3 running", "up", "on")
    return row(host, *(cell(text, Mark.WELL) for text in texts))


def stopped(host: str, why: str = "service Nebula is stopped") -> tuple[Row, Finding]:
    """A host whose Nebula is stopped."""
    checks = (cell("stopped", Mark.BAD), *well(host).cells[2:])
    return (
        row(host, *checks, severity=Severity.CRITICAL),
        Finding(
            severity=Severity.CRITICAL,
            host=host,
            subject="nebula",
            why=Phrase("{why}", why=why),
            next=f"health {host} --details",
        ),
    )


def silent(host: str) -> tuple[Row, Finding]:
    """A host of which nothing is known."""
    why = Phrase("Windows was unreachable: no response. Check that the host is up")
    return (
        row(host, *(cell("unreachable", Mark.UNKNOWN, "unreachable") for _ in CHECKS), severity=Severity.HIGH),
        Finding(
            severity=Severity.HIGH, host=host, subject="windows", why=why, next=f"health {host} --details", reached=False
        ),
    )


def health(summary: str, bad: Sequence[tuple[Row, Finding]], rows: Sequence[Row] = (), *, brief: bool = False) -> Report:
    return Report(
        title=Phrase("Health"),
        summary=Phrase("{summary}", summary=summary),
        columns=COLUMNS,
        rows=(*(row for row, _ in bad), *rows),
        findings=tuple(finding for _, finding in bad),
        brief=brief,
        taken_at=AT,
        next=tuple(f"health {row.host} --details" for row, _ in bad[:3]),
    )


MIXED = health(
    "2 of 3 hosts need attention: host-b: service Nebula is stopped, and host-c was unreachable",
    [stopped("host-b"), silent("host-c")],
    [well("host-a")],
)
WITHHELD = MIXED.model_copy(
    update={
        "findings": (
            stopped("host-b")[1].model_copy(
                update={
                    "next": None,
                    "ask": Phrase("{command}: ask {people}", command=Phrase("start Nebula on host-b"), people="bob"),
                }
            ),
        )
    }
)
"""A command that its reader may not run."""

DETAILED = MIXED.model_copy(
    update={
        "columns": (*MIXED.columns, Column(key="nebula_version", heading=Phrase("Nebula version"), detail=True)),
        "rows": tuple(
            row.model_copy(update={"cells": (*row.cells, Cell(text="1.9.5", value="1.9.5"))}) for row in MIXED.rows
        ),
    }
)
"""The same with more to see."""
NEWS = Section(
    heading=Phrase("Changes since {at}", at=Moment(AT - timedelta(days=1))),
    lines=(
        Phrase("new: {hosts}: {what}", hosts="host-b", what="Nebula stopped"),
        Phrase("resolved: {hosts}: {what}", hosts="host-a", what="Bridge down"),
    ),
)
PARTS = (
    Section(heading=Phrase("Locks"), lines=(Phrase("{it}", it="ana has locked host-c: disk swap"),)),
    Section(heading=Phrase("Audit log"), lines=(Phrase("audit log: event {n} ({mac})", n=1234, mac="ab12cd34ef56"),)),
)
DIGEST = MIXED.model_copy(update={"title": Phrase("Digest"), "news": NEWS, "sections": PARTS})
ALL_WELL = health("all 3 hosts are healthy", [], [well(f"host-{name}") for name in "abc"], brief=True)
ALL_DOWN = health("none of 254 hosts was reached", [silent(f"host-{n:03}") for n in range(1, 255)])
HOSTS = Report(
    title=Phrase("Hosts"),
    summary=Phrase("{n} host configured", plural="{n} hosts configured", n=2),
    columns=(
        Column(key="host", heading=Phrase("Host")),
        Column(key="id", heading=Phrase("ID")),
        Column(key="wsl", heading=Phrase("WSL2")),
    ),
    rows=(
        Row(host="host-a", cells=(cell("host-a", Mark.PLAIN), Cell(text="1", value=1), Cell(text="yes", value=True))),
        Row(
            host="light",
            cells=(cell("light", Mark.PLAIN), Cell(text="0", value=0), Cell(text="no", value=False, mark=Mark.ABSENT)),
        ),
    ),
)
_SIZES = (cell("5 GB", Mark.PLAIN), cell("1 MB", Mark.PLAIN))

DISKS = Report(
    title=Phrase("Disks"),
    summary=Phrase("1 of 3 hosts needs attention"),
    columns=(
        Column(key="host", heading=Phrase("Host")),
        Column(key="drive", heading=Phrase("Drive")),
        Column(key="podman", heading=Phrase("Podman")),
        Column(key="logs", heading=Phrase("Logs")),
    ),
    rows=(
        row("host-b", cell("full", Mark.BAD), *_SIZES, severity=Severity.HIGH),
        *(row(host, cell("ok", Mark.WELL), *_SIZES) for host in ("host-a", "host-c")),
    ),
)
"""Hosts that are well, and tell more than that."""

SCHEDULES = Report(
    title=Phrase("Schedules"),
    summary=Phrase("2 schedules"),
    columns=(Column(key="name", heading=Phrase("Schedule")), Column(key="last", heading=Phrase("Last"))),
    rows=(
        Row(cells=(Cell(text="digest"), cell("done", Mark.PLAIN))),
        Row(cells=(Cell(text="weekly"), cell("failed", Mark.BAD))),
    ),
)
"""A list in which something is bad, and nothing is called well."""

HELP = Report(
    title=Phrase("Help"),
    summary=Phrase("you can ask for health and host"),
    columns=(Column(key="words", heading=Phrase("Command")), Column(key="summary", heading=Phrase("Description"))),
    rows=(
        Row(cells=(Cell(text="health [target]"), Cell(text=Phrase("whether hosts are healthy")))),
        Row(cells=(Cell(text="host"), Cell(text=Phrase("list of configured hosts")))),
    ),
    next=("health host-a --details",),
)


def answer(body: Report | Failure | Change, understood: str = "health all") -> Answer:
    return Answer(operation="01K", understood=understood, body=body)


def with_details(report: Report, *, details: bool, further: tuple[Finding, ...] = ()) -> Report:
    """The same with a column of details, and findings that only they show."""
    column = Column(key="log_rotation", heading=Phrase("Log rotation"), detail=True)
    rows = tuple(row.model_copy(update={"cells": (*row.cells, Cell(text="told"))}) for row in report.rows)
    more = {"columns": (*report.columns, column), "rows": rows, "further": further, "details": details}
    return report.model_copy(update=more)


LARGE_LOG = Finding(severity=Severity.LOW, host="host-a", subject="logs", why=Phrase("access.log has 1 GB"))
