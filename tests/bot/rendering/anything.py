"""Any text, any report and any change, hostile ones first, for tests of what must hold whatever a host says."""

from datetime import date

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from adapters.phrase import Phrase
from bot.model.change import Approval, ApprovalState, Change, ChangeState
from commands.model.chart import CertificateExpiry, Chart, DayHealth, HostHealth
from commands.model.finding import Finding, Severity
from commands.model.operation import Risk
from commands.model.plan import FileEdit, LeftOutHost, Part, Plan, PlannedAction, Premise, Result, Step, StepResult
from commands.model.report import Cell, Column, Mark, Report, Row, Section
from tests.bot.rendering.changes import ENDED_AT, STARTED, change, review

WHATEVER = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""No deadline: a busy machine is no failure."""

HOSTILE = st.text(st.one_of(st.sampled_from("<>!@#&`*_~|:;\n\r\t\0\x1b\u202e\u200b\ud800channel"), st.characters()))

CELLS = st.builds(
    lambda text, mark: Cell(text=text, mark=mark),
    HOSTILE,
    st.sampled_from(Mark),
)


_SECTIONS = st.builds(
    lambda heading, lines, times: Section(
        heading=Phrase("{it}", it=heading * times), lines=tuple(Phrase("{it}", it=line * times) for line in lines) * times
    ),
    HOSTILE,
    st.lists(HOSTILE, max_size=5),
    st.sampled_from([1, 1, 50]),
)


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    """Charts of hostile names."""
    looks = st.builds(
        lambda well, troubled, unreached: DayHealth(well=well, troubled=troubled, unreached=unreached),
        *[st.integers(0, 48)] * 3,
    )
    days = st.tuples(*[st.none() | looks] * 2)
    hosts = st.builds(lambda name, seen: HostHealth(host=name, days=seen), HOSTILE, days)
    certificates = st.builds(
        lambda name, authority, left: CertificateExpiry(name=name, authority=authority, days=left),
        HOSTILE,
        st.booleans(),
        st.floats(-1e6, 1e6),
    )
    return Chart(
        days=(date(2026, 11, 24), date(2026, 11, 25)),
        hosts=tuple(draw(st.lists(hosts, max_size=8))),
        certificates=tuple(draw(st.lists(certificates, max_size=8))),
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
        news=draw(st.none() | _SECTIONS),
        sections=tuple(draw(st.lists(_SECTIONS, max_size=8))),
        brief=draw(st.booleans()),
        next=tuple(draw(st.lists(HOSTILE, max_size=9))),
        chart=draw(st.none() | charts()),
    )


_STEPS = st.builds(
    lambda phrase, changing: Step(
        key="",
        host="host-a",
        deed=PlannedAction(kind="windows.BeginChange" if changing else "windows.FindHandshake", arguments={}),
        phrase=Phrase("{it}", it=phrase),
    ),
    HOSTILE,
    st.booleans(),
)


@st.composite
def any_changes(draw: st.DrawFn) -> Change:
    """Changes of any shape and size that consist of hostile text."""
    sentence = HOSTILE.map(lambda text: Phrase("{it}", it=text * 40))
    few = st.lists(sentence, max_size=4).map(lambda phrases: tuple(phrases) * 6)
    count = draw(st.sampled_from([0, 1, 2, 3, 4, 60, 300]))
    steps = draw(st.lists(_STEPS, max_size=6))
    parts = tuple(
        Part(host=f"host-{n}", steps=tuple(step.model_copy(update={"key": f"{n}.{i}"}) for i, step in enumerate(steps)))
        for n in range(count)
    )
    plan = Plan(
        parts=parts,
        premises=tuple(Premise(host="h", what="x", value=1, phrase=phrase) for phrase in draw(few)),
        disrupts=draw(few),
        warnings=draw(few),
        left_out=tuple(LeftOutHost(host=draw(HOSTILE), why=phrase) for phrase in draw(few)),
        edits=tuple(FileEdit(host=draw(HOSTILE), file=draw(HOSTILE), diff=(draw(HOSTILE),) * 9) for _ in draw(few)),
    )
    results = tuple(
        StepResult(
            key=step.key, result=draw(st.sampled_from(Result)), why=draw(sentence), began_at=STARTED, ended_at=ENDED_AT
        )
        for step in plan.steps[: draw(st.sampled_from([0, 1, 5, 30]))]
    )
    approval = Approval(
        state=draw(st.sampled_from(ApprovalState)),
        needed=2,
        rule="r",
        may=tuple(draw(st.lists(HOSTILE, max_size=5))) * 20,
        groups=("S0A",),
        ping=("U0OPERATOR", draw(HOSTILE)),
        expires_at=ENDED_AT,
        reviews=(review(draw(HOSTILE), approves=draw(st.booleans()), reason=draw(HOSTILE) * 50, mention="x"),) * 9,
    )
    return change(
        draw(st.sampled_from(ChangeState)),
        plan=plan,
        results=results,
        approval=approval,
        words=draw(HOSTILE) * 50,
        requester=draw(HOSTILE),
        mention=draw(HOSTILE),
        reason=draw(HOSTILE) * 100,
        risk=draw(st.sampled_from(Risk)),
        why=draw(st.none() | sentence),
        waits_for=draw(st.none() | sentence),
        stopping=draw(HOSTILE),
        started_at=STARTED,
        break_glass=draw(st.none() | st.builds(lambda text: {"reviewed_by": text, "review": text * 50}, HOSTILE)),
        before=draw(HOSTILE),
        after=draw(HOSTILE),
    )
