"""Any text and any report, hostile ones first, for tests of what must hold whatever a host says."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from adapters.phrase import Phrase
from commands.findings import Finding, Severity
from commands.report import Cell, Column, Mark, Report, Row

WHATEVER = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""No deadline: a busy machine is no failure."""

HOSTILE = st.text(st.one_of(st.sampled_from("<>!@#&`*_~|:;\n\r\t\0\x1b\u202e\u200b\ud800channel"), st.characters()))

CELLS = st.builds(
    lambda text, mark: Cell(text=text, mark=mark),
    HOSTILE,
    st.sampled_from(Mark),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Reports of any shape that consist of hostile text."""
    width = draw(st.integers(min_value=0, max_value=8))
    hosts = draw(st.lists(HOSTILE, max_size=12)) * draw(st.sampled_from([1, 1, 2, 60]))
    cells = draw(st.lists(CELLS, min_size=width, max_size=width))
    severities = st.none() | st.sampled_from(Severity)
    finding = st.builds(
        lambda severity, host, why, following, reached: Finding(
            severity=severity, host=host, subject="x", why=Phrase("{why}", why=why), next=following, reached=reached
        ),
        st.sampled_from(Severity),
        st.sampled_from(hosts) if hosts else HOSTILE,
        HOSTILE,
        st.none() | HOSTILE,
        st.booleans(),
    )
    return Report(
        title=Phrase("{it}", it=draw(HOSTILE)),
        summary=Phrase("{it}", it=draw(HOSTILE) * draw(st.sampled_from([1, 500]))),
        columns=tuple(Column(key=f"k{index}", heading=Phrase("{it}", it=draw(HOSTILE))) for index in range(width)),
        rows=tuple(Row(host=host, cells=tuple(cells), severity=draw(severities)) for host in hosts[:12])
        * (len(hosts) // 12 + 1),
        findings=tuple(draw(st.lists(finding, max_size=10)) * draw(st.sampled_from([1, 1, 100]))),
        brief=draw(st.booleans()),
        next=tuple(draw(st.lists(HOSTILE, max_size=9))),
    )
