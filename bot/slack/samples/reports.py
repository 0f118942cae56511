"""Invented reports, at the size at which they fill several pages. Pure."""

from datetime import UTC, date, datetime, timedelta

from adapters.phrase import Phrase
from commands.log_lines.excerpt import Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.lines import LogLine
from commands.model.chart import CertificateExpiry, Chart, DayHealth, HostHealth
from commands.model.finding import Finding, Severity
from commands.model.report import FACT_COLUMNS, Cell, ChannelLink, Column, Mark, Report, Row, Section

AT = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)

FOREIGN = 'failed: <b>"ä" & `x`</b> *証明書* https://example.com/?a=1&b=2 '
"""Text as a host may return it, with everything that must be escaped."""

HOSTS = tuple(f"host-{number:03}" for number in range(1, 121))
COMMANDS = tuple(f"service restart nebula {host}" for host in HOSTS[:5])

_MARKS = (Mark.WELL, Mark.BAD, Mark.UNKNOWN, Mark.ABSENT, Mark.PLAIN)
_CHECKS = ("nebula", "gateway", "api", "containers", "bridge", "forwarding")


def quote_text(text: str, times: int = 1) -> Phrase:
    """Makes a phrase of text that has no translation."""
    return Phrase("{text}", text=text * times)


def _make_section(count: int) -> Section:
    return Section(heading=quote_text("Heading"), lines=(quote_text(FOREIGN, 3),) * count)


def _make_finding(number: int, host: str) -> Finding:
    return Finding(
        severity=tuple(Severity)[number % len(Severity)],
        host=host,
        subject="nebula",
        why=quote_text(FOREIGN, 1 + number % 9),
        next=f"health {host} --details",
        reached=number % 5 != 0,
    )


_COLUMNS = (
    Column(key="host", heading=quote_text("Host")),
    *(Column(key=key, heading=quote_text(key)) for key in _CHECKS),
    Column(key="version", heading=quote_text("Version"), detail=True),
)


def _make_row(number: int, host: str, severity: Severity | None) -> Row:
    checks = (Cell(text=FOREIGN, value="x", mark=_MARKS[(number + place) % len(_MARKS)]) for place in range(len(_CHECKS)))
    return Row(host=host, cells=(Cell.of(host), *checks, Cell.of("1.9.5")), severity=severity)


FINDINGS = tuple(_make_finding(number, host) for number, host in enumerate(HOSTS[:80]))

JUDGED = Report(
    title=quote_text("Health"),
    summary=quote_text(FOREIGN, 20),
    columns=_COLUMNS,
    rows=tuple(
        _make_row(number, host, FINDINGS[number].severity if number < len(FINDINGS) else None)
        for number, host in enumerate(HOSTS)
    ),
    findings=FINDINGS,
    news=_make_section(30),
    sections=(_make_section(20),) * 4,
    taken_at=AT,
    channel=ChannelLink(id="C0123456789", name="incident"),
    next=COMMANDS,
)
"""Hosts with and without findings, on several pages, with everything around them."""

ALL_WELL = JUDGED.model_copy(
    update={
        "rows": tuple(_make_row(0, host, None) for host in HOSTS[:3]),
        "findings": (),
        "further": (),
        "news": None,
        "sections": (),
        "brief": True,
        "channel": None,
        "next": (),
    }
)

LISTED = Report(
    title=quote_text("Schedules"),
    summary=quote_text("120 schedules"),
    columns=(Column(key="name", heading=quote_text("Name")), Column(key="last", heading=quote_text("Last"))),
    rows=tuple(Row(cells=(Cell.of(host), Cell.of("ok"))) for host in HOSTS * 5),
    next=COMMANDS[:1],
)
"""Short entries, so that a page has as many blocks as it may."""

FACTS = Report(
    title=quote_text("Host"),
    summary=quote_text(FOREIGN),
    columns=FACT_COLUMNS,
    rows=tuple(Row(cells=(Cell.of(f"fact {number}"), Cell.of(FOREIGN * 10))) for number in range(60)),
    findings=FINDINGS[:2],
    taken_at=AT,
)

LOG_LINES = Report(
    title=quote_text("Logs"),
    summary=quote_text("120 lines"),
    rows=(Row(host=HOSTS[0], cells=()), Row(host=HOSTS[1], cells=())),
    findings=FINDINGS[:6],
    taken_at=AT,
    excerpt=Excerpt(
        lines=tuple(
            LogLine(
                host=HOSTS[number % 2],
                source=("nebula", "openresty")[number % 2],
                at=AT - timedelta(days=number),
                level=(Level.INFO, Level.ERROR)[number % 2],
                text=FOREIGN * 9,
                order=number,
            )
            for number in range(120, 0, -1)
        ),
        notes=(quote_text(FOREIGN, 9),) * 9,
    ),
)

LOG_GROUPS = LOG_LINES.model_copy(
    update={
        "excerpt": Excerpt(
            lines=tuple(
                LogLine(
                    host=HOSTS[number % 5],
                    source="nebula",
                    at=AT + timedelta(seconds=number),
                    level=Level.ERROR,
                    text=f"{FOREIGN * (number % 9)} after {number} ms from 192.0.2.{number}",
                    order=number,
                )
                for number in range(120)
            ),
            names={f"192.0.2.{number}": host for number, host in enumerate(HOSTS)},
        )
    }
)
"""Lines in groups, with several hosts, addresses and numbers in each."""

NO_LINES = LOG_LINES.model_copy(update={"findings": (), "excerpt": Excerpt(lines=(), notes=(quote_text("none"),))})

_DAYS = tuple(date(2026, 11, 12) + timedelta(days=number) for number in range(14))
_LOOKS = (
    DayHealth(well=48, troubled=0, unreached=0),
    DayHealth(well=20, troubled=28, unreached=0),
    DayHealth(well=0, troubled=0, unreached=48),
    DayHealth(well=47, troubled=1, unreached=0),
    None,
)

DIGEST = JUDGED.model_copy(
    update={
        "chart": Chart(
            days=_DAYS,
            hosts=tuple(
                HostHealth(host=host, days=tuple(_LOOKS[(number + day) % len(_LOOKS)] for day in range(len(_DAYS))))
                for number, host in enumerate(HOSTS)
            ),
            certificates=tuple(
                CertificateExpiry(name=f"{host}.flat.example.net", authority=number == 0, days=number - 3)
                for number, host in enumerate(HOSTS)
            ),
        )
    }
)
"""The digest, with a chart of more hosts and certificates than can be drawn."""
