"""The `alert` operations: who sees and acknowledges what, and what the answers say."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.answers.data import render_csv, render_json
from bot.locale.texts import get_texts
from bot.model.alert import Alert, AlertChange, AlertState, Mute, MuteKind
from bot.model.request import Answer, ExitCode, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_examples import ACKNOWLEDGED, BEGAN, FIRED, FIRING, RESOLVED, change
from tests.bot.alert_registry import Alerts
from tests.bot.keeping import Kept, RememberedMutes
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.cells import cell

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = FIRED + timedelta(minutes=50)
ENGLISH = get_texts("en", ZoneInfo("UTC"))

BOSS = Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.OPERATOR}))
ANA = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.SECURITY}))
VIEWER = Person(name="vic", slack=("U1VIC",), roles=frozenset({Role.VIEWER}))
OPEN = Policy((BOSS, ANA, VIEWER))
HEALTH_OF_TOKYO = replace(OPEN, grants=(Grant(operations=("health",), roles=frozenset(Role), labels=("tokyo",)),))
ACKNOWLEDGE_IN_TOKYO = replace(
    OPEN, grants=(Grant(operations=("alert acknowledge",), roles=frozenset({Role.OPERATOR}), labels=("tokyo",)),)
)

OTHER = change(number=8, host="host-b", subject="disk/windows/F:", condition=Condition.DISK, severity=Severity.MEDIUM)
OWN = change(
    number=9, host="", subject="digest", condition=Condition.DIGEST, next=None, short=Phrase("digest not delivered")
)
SILENCE = Mute(
    number=3,
    kind=MuteKind.SILENCE,
    what="host-b/disk/windows/F:",
    reason="disk swap",
    owner="ana",
    identity="slack:T1/U1ANA",
    operation="op-3",
    channel="C1",
    added_at=FIRED,
    ends_at=NOW + timedelta(hours=1),
)


async def asked(
    text: str,
    alerts: Alerts,
    *mutes: Mute,
    user: str = "U1BOSS",
    policy: Policy = OPEN,
    running: bool = True,
) -> tuple[Answer, Kept]:
    """The answer to a request at `NOW` by someone in Tokyo."""
    kept = Kept()
    kept.alerts, kept.mutes = alerts, RememberedMutes(*mutes)
    now: Callable[[], datetime] = lambda: NOW  # noqa: E731
    desk = Dispatcher(replace(config(), policy=policy), kept.services(Log(), now, running=running), reference=lambda: "7f3a")
    who = SlackIdentity("T1", user, Membership.MEMBER)
    request = Request(key="t.1", identity=who, text=text, surface=Surface.SLACK, at=NOW, channel="C1", zone=TOKYO)
    return await desk.handle(request), kept


async def reported(text: str, alerts: Alerts, *mutes: Mute, user: str = "U1BOSS", policy: Policy = OPEN) -> Report:
    answer, _ = await asked(text, alerts, *mutes, user=user, policy=policy)
    assert isinstance(answer.body, Report), answer.body
    return answer.body


async def refused(text: str, alerts: Alerts, *, user: str = "U1BOSS", policy: Policy = OPEN) -> Failure:
    answer, _ = await asked(text, alerts, user=user, policy=policy)
    assert isinstance(answer.body, Failure)
    return answer.body


def said(text: Phrase | str) -> str:
    return text if isinstance(text, str) else text.render(ENGLISH)


def sections(report: Report) -> dict[str, list[str]]:
    return {said(part.heading): [said(line) for line in part.lines] for part in report.sections}


async def test_the_list_has_what_needs_attention_then_the_rest_by_state() -> None:
    """Worst first; acknowledged, muted and resolved ones have a line each."""
    follows = change(number=10, host="host-b", subject="peers", condition=Condition.PEERS, cause="host-a/nebula")
    held = change(ACKNOWLEDGED, number=11, host="host-b")
    over = change(RESOLVED, number=12, host="host-b", subject="api", condition=Condition.API)

    report = await reported("alert", Alerts(FIRING, OTHER, OWN, follows, held, over), SILENCE)

    assert "2 alerts need attention (1 follows from others, 1 acknowledged, and 1 muted)" == said(report.summary)
    assert [("host-a", "service start nebula host-a"), ("", "alert show 9")] == [
        (finding.host, finding.next) for finding in report.findings
    ]
    assert "#7: service Nebula: Stopped (since 2026-11-25 03:10 UTC)" == said(report.findings[0].why)
    assert {
        "Consequences": ["#10 host-b: Nebula stopped, follows from #7 host-a: Nebula stopped"],
        "Acknowledged": [
            "#11 host-b: Nebula stopped, acknowledged by boss until 2026-11-25 05:13 UTC (in 1 hr, 12 min)",
        ],
        "Muted": [
            "#8 host-b: Nebula stopped, muted by silence 3 of ana until 2026-11-25 05:01 UTC (in 1 hr): disk swap",
        ],
        "Resolved in the last day": [
            "#12 host-b: Nebula stopped, resolved at 2026-11-25 03:53 UTC (8 min ago) after 42 min",
        ],
    } == sections(report)
    assert ("alert acknowledge 7", "alert show 7", "alert acknowledge 9") == report.next


async def test_without_alerts_the_list_says_so() -> None:
    answer, _ = await asked("alert", Alerts())
    assert isinstance(answer.body, Report)
    assert ("no open alerts", ExitCode.WELL) == (said(answer.body.summary), answer.exit_code)


@pytest.mark.parametrize(
    ("alerts", "code"),
    [((FIRING,), ExitCode.FINDINGS), ((ACKNOWLEDGED,), ExitCode.WELL), ((RESOLVED,), ExitCode.WELL)],
    ids=["firing", "acknowledged", "resolved"],
)
async def test_only_what_needs_attention_is_a_finding_for_scripts(alerts: tuple[Alert, ...], code: ExitCode) -> None:
    answer, _ = await asked("alert", Alerts(*alerts))
    assert code == answer.exit_code


async def test_programs_get_a_row_for_every_alert() -> None:
    answer, _ = await asked("alert", Alerts(FIRING, change(RESOLVED, number=12)))
    rows = json.loads(render_json(answer, ENGLISH))["report"]["rows"]
    assert ("nebula", "critical", "firing", None) == tuple(
        rows[0]["cells"][key]["value"] for key in ("subject", "severity", "state", "resolved_at")
    )
    assert (
        "number,host,subject,condition,severity,state,why,began_at,fired_at,acknowledged_by,acknowledged_until,resolved_at,"
        "muted_until,next"
    ) == render_csv(answer, ENGLISH).splitlines()[0]


async def test_an_alert_is_seen_by_those_who_may_see_the_health_of_its_host() -> None:
    """host-a and host-b have no label; what concerns the bot itself is about no host."""
    report = await reported("alert", Alerts(FIRING, OTHER, OWN), policy=HEALTH_OF_TOKYO)
    assert ["9"] == [said(cell(report, row, "number").text) for row in report.rows]
    assert "only allowed on hosts labeled tokyo" in said(
        (await refused("alert show 7", Alerts(FIRING), policy=HEALTH_OF_TOKYO)).phrase
    )


async def test_an_alert_of_a_host_that_left_is_seen_by_those_who_may_see_all() -> None:
    gone = change(host="host-z")
    assert ["7"] == [said(row.cells[0].text) for row in (await reported("alert", Alerts(gone))).rows]
    assert () == (await reported("alert", Alerts(gone), policy=HEALTH_OF_TOKYO)).rows


async def test_one_alert_is_shown_with_its_history_cause_and_consequences() -> None:
    cause = change(number=5, host="host-b")
    alert = change(ACKNOWLEDGED, cause="host-b/nebula")
    symptom = change(number=6, host="host-b", subject="peers", cause="host-a/nebula")
    moves = (
        AlertChange(alert=7, at=FIRED, state=AlertState.FIRING, severity=Severity.HIGH),
        AlertChange(alert=7, at=FIRED + timedelta(minutes=20), state=AlertState.RESOLVED, severity=Severity.HIGH),
        AlertChange(alert=7, at=FIRED + timedelta(minutes=30), state=AlertState.FIRING, severity=Severity.HIGH),
        AlertChange(alert=7, at=FIRED + timedelta(minutes=31), state=AlertState.FIRING, severity=Severity.CRITICAL),
        AlertChange(
            alert=7,
            at=FIRED + timedelta(minutes=35),
            state=AlertState.ACKNOWLEDGED,
            severity=Severity.CRITICAL,
            actor="boss",
        ),
    )

    report = await reported("alert show 7", Alerts(alert, cause, symptom, changes=moves))

    facts = {said(cell(report, row, "fact").text): said(cell(report, row, "value").text) for row in report.rows}
    assert "State" not in facts, "the summary has it"
    assert ("critical", "#5 host-b: Nebula stopped", "#6 host-b: Nebula stopped") == (
        facts["Severity"],
        facts["Cause"],
        facts["Consequences"],
    )
    assert [
        "2026-11-25 03:11 UTC (50 min ago): fired, high",
        "2026-11-25 03:31 UTC (30 min ago): resolved after 20 min",
        "2026-11-25 03:41 UTC (20 min ago): fired, high",
        "2026-11-25 03:42 UTC (19 min ago): fired again, critical",
        "2026-11-25 03:46 UTC (15 min ago): acknowledged by boss",
    ] == sections(report)["History"]
    assert ("service start nebula host-a", "alert acknowledge 7", "health host-a") == report.next


@pytest.mark.parametrize("alert", [FIRING, ACKNOWLEDGED], ids=["firing", "acknowledged"])
async def test_the_reason_of_an_alert_is_stated_once(alert: Alert) -> None:
    report = await reported("alert show 7", Alerts(alert))
    facts = [said(cell(report, row, "value").text) for row in report.rows]
    reasons = [*facts, *(said(finding.why) for finding in report.findings)]
    assert 1 == sum("ervice Nebula: Stopped" in reason for reason in reasons)


async def test_a_long_history_shows_its_end_and_counts_the_rest() -> None:
    moves = tuple(
        AlertChange(alert=7, at=FIRED + timedelta(seconds=number), state=AlertState.FIRING, severity=Severity.HIGH)
        for number in range(300)
    )
    lines = sections(await reported("alert show 7", Alerts(FIRING, changes=moves)))["History"]
    assert (21, "280 earlier changes") == (len(lines), lines[0])


@pytest.mark.parametrize(
    ("options", "until"),
    [
        ("", NOW + timedelta(hours=2)),
        (" --for 30m", NOW + timedelta(minutes=30)),
        (" --until morning", datetime(2026, 11, 26, 9, tzinfo=TOKYO)),
        (" --until tomorrow", datetime(2026, 11, 26, 9, tzinfo=TOKYO)),
        (" --until change", None),
    ],
)
async def test_an_acknowledgement_lasts_as_long_as_was_asked(options: str, until: datetime | None) -> None:
    alerts = Alerts(FIRING)
    answer, _ = await asked(f"alert acknowledge 7{options}", alerts)
    assert [(7, "boss", until, answer.operation)] == alerts.asked


async def test_an_acknowledgement_is_shown_at_once_and_says_when_it_ends() -> None:
    alerts = Alerts(FIRING)
    report = await reported("alert ack #7", alerts)
    assert "#7 host-a: Nebula stopped, acknowledged until 2026-11-25 06:01 UTC (in 2 hr)" == said(report.summary)
    assert any("2h is the default." in line for line in sections(report)["Note"])
    assert 1 == alerts.shown


async def test_a_chosen_end_is_not_explained() -> None:
    report = await reported("alert acknowledge 7 --until change", Alerts(FIRING))
    assert "#7 host-a: Nebula stopped, acknowledged until it changes" == said(report.summary)
    assert not any("default" in line for line in sections(report)["Note"])


async def test_a_message_that_cannot_be_changed_at_once_fails_no_acknowledgement() -> None:
    class Silent(Alerts):
        async def notify(self) -> None:
            raise Refused(Phrase("not connected to Slack, retrying"))

    alerts = Silent(FIRING)
    await reported("alert acknowledge 7", alerts)
    assert [7] == [call[0] for call in alerts.asked]


async def test_a_second_person_replaces_an_acknowledgement_and_learns_whose_it_was() -> None:
    alerts = Alerts(FIRING)
    await reported("alert acknowledge 7", alerts)
    report = await reported("alert acknowledge 7 --for 30m", alerts, user="U1ANA")
    assert ["boss", "ana"] == [call[1] for call in alerts.asked]
    assert any("before: #7 host-a: Nebula stopped, acknowledged by boss until" in line for line in sections(report)["Note"])


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("alert acknowledge 12", FailureKind.REFUSED, "alert 12 was resolved at 2026-11-25 03:53 UTC"),
        ("alert acknowledge 99", FailureKind.USAGE, "no alert 99"),
        ("alert show 99", FailureKind.USAGE, "no alert 99"),
        ("alert acknowledge 7 --for 8d", FailureKind.USAGE, "8d is out of range. Use 1m to 7d"),
        ("alert acknowledge 7 --until sunset", FailureKind.USAGE, "sunset is not valid here"),
        ("alert acknowledge 7 --for 2h --until change", FailureKind.USAGE, "use either --for or --until, not both"),
        ("alert acknowledge", FailureKind.USAGE, "alert acknowledge requires"),
        ("alert acknowledge host-a", FailureKind.USAGE, "host-a is not a number. Run alert for the list"),
    ],
)
async def test_what_cannot_be_acknowledged_says_why(text: str, kind: FailureKind, says: str) -> None:
    alerts = Alerts(FIRING, change(RESOLVED, number=12))
    failure = await refused(text, alerts)
    assert (kind, []) == (failure.kind, alerts.asked)
    assert says in said(failure.phrase)


async def test_a_viewer_sees_alerts_and_acknowledges_none() -> None:
    alerts = Alerts(FIRING)
    assert "alert acknowledge requires one of these roles" in said(
        (await refused("alert acknowledge 7", alerts, user="U1VIC")).phrase
    )
    report = await reported("alert", alerts, user="U1VIC")
    assert ([], ("alert show 7",)) == (alerts.asked, report.next)


async def test_an_acknowledgement_needs_the_right_on_the_host_and_its_refusal_is_recorded() -> None:
    alerts = Alerts(FIRING)
    answer, kept = await asked("alert acknowledge 7", alerts, policy=ACKNOWLEDGE_IN_TOKYO)
    assert isinstance(answer.body, Failure)
    assert (FailureKind.REFUSED, [], [("refusal", "boss")]) == (answer.body.kind, alerts.asked, kept.asked)


async def test_a_group_is_what_is_open_in_the_message_and_may_be_acknowledged() -> None:
    """One alert of another message, one resolved, and one of a host that is not for this person."""
    alerts = Alerts(OWN, change(number=8, host="host-b"), change(RESOLVED, number=10), change(number=11, message="another"))
    report = await reported("alert acknowledge 9 --group", alerts, policy=ACKNOWLEDGE_IN_TOKYO)
    assert [9] == [call[0] for call in alerts.asked]
    assert "1 alert was left out: you may not acknowledge it" in sections(report)["Note"]


async def test_a_storm_is_acknowledged_with_one_request() -> None:
    alerts = Alerts(*(change(number=number, host="host-a") for number in range(1, 255)))
    report = await reported("alert acknowledge 1 --group --for 30m", alerts)
    assert 254 == len(alerts.asked)
    assert "254 alerts: acknowledged until 2026-11-25 04:31 UTC (in 30 min)" == said(report.summary)


async def test_where_no_bot_runs_alerts_are_read_and_not_acknowledged() -> None:
    alerts = Alerts(FIRING)
    shown, _ = await asked("alert", alerts, running=False)
    acknowledged, _ = await asked("alert acknowledge 7", alerts, running=False)
    assert isinstance(shown.body, Report)
    assert isinstance(acknowledged.body, Failure)
    assert "no bot is running here" in said(acknowledged.body.phrase)
    assert [] == alerts.asked


def test_the_clock_of_these_tests_is_after_the_examples() -> None:
    assert BEGAN < FIRED < NOW
