"""An alert as a message: what is wrong, since when, what follows and what to press; and never more than Slack takes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.alerts.slack.message import render, render_for_person, render_reason, render_word
from bot.model.alert import Alert, AlertState, Mute, MuteKind
from bot.model.alert_notice import AlertNotice, AlertWord
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.alert_examples import ACKNOWLEDGED, BEGAN, FIRED, FIRING, RESOLVED, change
from tests.bot.answers.slack.test_answer import assert_harmless, shown
from tests.bot.rendering.anything import HOSTILE, WHATEVER
from tests.bot.rendering.examples import ENGLISH, JAPANESE

AT = FIRED + timedelta(minutes=5)
SILENCE = Mute(
    number=3,
    kind=MuteKind.SILENCE,
    what="host-a/nebula",
    reason="disk swap",
    owner="ana",
    identity="{}",
    operation="op-1",
    channel="C0OPS",
    added_at=BEGAN,
    ends_at=AT + timedelta(hours=2),
)


def notice(*alerts: Alert, **more: object) -> AlertNotice:
    return AlertNotice.model_validate({"at": AT, "alerts": alerts or (FIRING,), **more})


def fleet(count: int, alert: Alert = FIRING, **changes: Any) -> tuple[Alert, ...]:
    """The same alert on many hosts."""
    return tuple(change(alert, number=number, host=f"host-{number:03}", **changes) for number in range(1, count + 1))


def symptom(number: int, condition: Condition, host: str = "host-a", **changes: Any) -> Alert:
    return change(number=number, host=host, subject=condition.value, condition=condition, cause="host-a/nebula", **changes)


def lines(of: AlertNotice, texts: Texts = ENGLISH) -> list[str]:
    return [line for block in shown(render(of, texts)) for line in block.splitlines()]


def test_an_alert_says_what_is_wrong_since_when_and_what_follows() -> None:
    assert [
        ":red_circle: *host-a: Nebula stopped*",
        "Critical, since 2026-11-25 12:10 JST",
        "Service Nebula: Stopped",
        "Other hosts cannot reach its gateway and containers",
        "`/flatnet alert show 7`",
    ] == lines(notice())


@pytest.mark.parametrize(
    ("why", "texts", "shown_as"),
    [
        (Phrase("{troubles}. Check the log", troubles=Phrase("{c} exited", c="web")), ENGLISH, "Check the log"),
        (
            Phrase("{troubles}. Check the log", troubles=Phrase("{c} exited", c="web")),
            JAPANESE,
            "ログで原因を確認してください",
        ),
        (Phrase("{c} exited", c="web"), ENGLISH, ""),
        (Phrase("{c} exited with an error", c="web"), ENGLISH, "web exited with an error"),
    ],
)
def test_a_reason_does_not_repeat_the_headline(why: Phrase, texts: Texts, shown_as: str) -> None:
    alert = change(subject="container/web", condition=Condition.CONTAINER, short=Phrase("{c} exited", c="web"), why=why)
    assert shown_as == render_reason(alert, texts)
    assert ([shown_as] if shown_as else []) == lines(notice(alert), texts)[2:-1]


def test_the_text_alone_is_complete() -> None:
    assert (
        "host-a: Nebula stopped\n"
        "Critical, since 2026-11-25 12:10 JST\n"
        "Service Nebula: Stopped\n"
        "Other hosts cannot reach its gateway and containers\n"
        "Next steps: /flatnet service start nebula host-a"
    ) == render(notice(), ENGLISH).text


def test_the_same_in_japanese() -> None:
    assert [
        ":red_circle: *host-a: Nebula が停止*",
        "緊急、2026-11-25 12:10 JST から",
        "service Nebula: Stopped",
        "ほかのホストから、このホストの Gateway とコンテナに接続できません",
        "`/flatnet alert show 7`",
    ] == lines(notice(), JAPANESE)


@pytest.mark.parametrize(
    ("severity", "symbol"),
    [
        (Severity.CRITICAL, ":red_circle:"),
        (Severity.HIGH, ":large_orange_circle:"),
        (Severity.MEDIUM, ":large_yellow_circle:"),
        (Severity.LOW, ":large_blue_circle:"),
    ],
)
def test_the_symbol_is_that_of_the_severity(severity: Severity, symbol: str) -> None:
    assert lines(notice(change(severity=severity)))[0].startswith(symbol)


def test_several_certificates_say_which_ends_first_and_what_follows_once() -> None:
    ends = change(
        subject="certificate",
        condition=Condition.CERTIFICATE,
        severity=Severity.HIGH,
        step=3,
        short=Phrase("certificate expires in {n} day", plural="certificate expires in {n} days", n=6),
        next="cert renew host-a",
    )
    many = [
        change(ends, number=number, host=f"host-{number:03}", next=f"cert renew host-{number:03}") for number in range(1, 8)
    ]
    assert [
        ":large_orange_circle: *Certificate expires: 7 hosts*",
        "High, since 2026-11-25 12:10 JST",
        "host-001, host-002, host-003, host-004, host-005 and 2 more",
        "host-001: certificate expires in 6 days",
        "Other hosts do not accept an expired certificate: tunnels drop, and the gateway and containers with them",
        "`/flatnet alert`",
    ] == lines(notice(*many))
    assert render(notice(*many), ENGLISH).text.endswith("Next steps: /flatnet cert renew --due 7d")


def test_who_acknowledged_it_and_until_when_is_below_the_severity() -> None:
    assert "Acknowledged by boss until 2026-11-25 14:13 JST" == lines(notice(ACKNOWLEDGED))[2]
    endless = change(ACKNOWLEDGED, acknowledged_until=None)
    assert "Acknowledged by boss until it changes" == lines(notice(endless))[2]
    assert "boss が確認済み (状況が変わるまで)" == lines(notice(endless), JAPANESE)[2]


def test_a_resolved_alert_is_green_says_how_long_it_lasted_and_has_no_buttons() -> None:
    message = render(notice(RESOLVED), ENGLISH)
    assert [
        ":large_green_circle: *host-a: Nebula stopped* — resolved after 42 min",
        "2026-11-25 12:11 JST to 2026-11-25 12:53 JST · `/flatnet alert show 7`",
    ] == shown(message)
    assert "host-a: Nebula stopped — resolved after 42 min\n2026-11-25 12:11 JST to 2026-11-25 12:53 JST" == message.text
    assert [] == [block for block in message.blocks if block["type"] == "actions"]


def test_the_outcome_of_a_resolved_alert_is_said_where_it_is_known() -> None:
    renewed = change(RESOLVED, outcome=Phrase("No host trusts the CA {ca} any longer", ca="old"))
    assert "No host trusts the CA old any longer" == lines(notice(renewed))[1]


def test_an_alert_that_lasted_no_minute_says_its_seconds() -> None:
    short = change(RESOLVED, resolved_at=FIRED + timedelta(seconds=42))
    assert lines(notice(short))[0].endswith("resolved after 42 sec")


def test_more_of_one_condition_are_one_message_with_the_first_names_and_the_number() -> None:
    assert [
        ":red_circle: *Nebula stopped: 254 hosts*",
        "Critical, since 2026-11-25 12:10 JST",
        "host-001, host-002, host-003, host-004, host-005 and 249 more",
        "Other hosts cannot reach its gateway and containers",
        "`/flatnet alert`",
    ] == lines(notice(*fleet(254)))


def test_of_a_group_the_resolved_and_the_acknowledged_are_named() -> None:
    one, two, three, *rest = fleet(8)
    over = change(one, state=AlertState.RESOLVED, resolved_at=AT)
    seen = change(ACKNOWLEDGED, number=two.number, host=two.host)
    assert [
        ":red_circle: *Nebula stopped: 8 hosts*",
        "Critical, since 2026-11-25 12:10 JST",
        "host-002, host-003, host-004, host-005, host-006 and 2 more",
        "Resolved: host-001",
        "Acknowledged by boss until 2026-11-25 14:13 JST (host-002)",
    ] == lines(notice(over, seen, three, *rest))[:5]


def test_alerts_of_the_bot_itself_are_counted_as_alerts() -> None:
    changes = [
        change(number=number, host="", subject=f"change/op-{number}", condition=Condition.CHANGE) for number in range(1, 8)
    ]
    assert lines(notice(*changes))[0].endswith("*Result of a change unknown: 7 alerts*")


def test_symptoms_are_a_line_for_each_condition() -> None:
    silent = [symptom(number, Condition.SILENT, f"host-{number}") for number in range(10, 20)]
    assert [
        "• Gateway stopped",
        "• Host not responding (10): host-10, host-11, host-12, host-13, host-14 and 5 more",
    ] == sorted(line for line in lines(notice(FIRING, symptom(8, Condition.GATEWAY), *silent)) if line.startswith("•"))


def test_a_resolved_symptom_is_not_shown_and_one_whose_cause_is_resolved_is_the_problem() -> None:
    gateway = symptom(8, Condition.GATEWAY, short=Phrase("gateway stopped"))
    over = change(gateway, state=AlertState.RESOLVED, resolved_at=AT)
    assert [] == [line for line in lines(notice(FIRING, over)) if line.startswith("•")]
    assert [8, 7] == [alert.number for alert in notice(RESOLVED, gateway).problems]


def test_a_muted_alert_says_by_what_and_the_muted_that_are_left_out_are_counted() -> None:
    assert [
        "Muted by silence 3 of ana until 2026-11-25 14:16 JST: disk swap",
        "1 more alert is muted",
    ] == lines(notice(FIRING, mutes={7: SILENCE}, left_out=1))[2:4]
    maintenance = SILENCE.model_copy(update={"kind": MuteKind.MAINTENANCE})
    assert "Muted by maintenance 3 of ana" in lines(notice(FIRING, mutes={7: maintenance}))[2]


def test_a_flapping_alert_says_so() -> None:
    assert (
        "It fires and is resolved again and again. The thread has one line an hour about that"
        == lines(notice(FIRING, flapping=frozenset({7})))[2]
    )


def test_a_word_notifies_people_and_groups_first() -> None:
    word = AlertWord(severity=Severity.CRITICAL, phrase=Phrase("Nebula stopped"), mentions=("U0ANA", "S0NIGHT", "<!here>"))
    assert "<@U0ANA> <!subteam^S0NIGHT> :red_circle: Nebula stopped" == render_word(word, ENGLISH).text
    assert ":large_green_circle: Nebula stopped" == render_word(AlertWord(severity=None, phrase=word.phrase), ENGLISH).text


def test_a_person_can_acknowledge_where_the_word_arrives() -> None:
    word = AlertWord(severity=Severity.HIGH, phrase=Phrase("Nebula stopped"), mentions=("U0ANA",), alerts=(FIRING,))
    message = render_for_person(word, ENGLISH)
    assert ":large_orange_circle: Nebula stopped\nNext steps: /flatnet alert show 7" == message.text
    assert ["alert.acknowledge", "run.0"] == [element["action_id"] for element in message.blocks[1]["elements"]]


def test_foreign_text_mentions_nobody() -> None:
    hostile = change(short=Phrase("{it}", it="<!channel> `x`"), why=Phrase("{it}", it="<@U0BOSS>\n" * 500))
    assert_harmless(render(notice(hostile), ENGLISH))


@WHATEVER
@given(HOSTILE, st.integers(1, 254), st.sampled_from([ENGLISH, JAPANESE]), st.booleans())
def test_alerts_of_any_number_and_content_are_a_message_that_slack_takes(
    said: str, count: int, texts: Texts, over: bool
) -> None:
    alert = RESOLVED if over else FIRING
    anything = fleet(count, alert, short=Phrase("{it}", it=said), why=Phrase("{it}", it=said * 50))
    assert_harmless(render(notice(*anything, left_out=count), texts))


def test_what_remains_open_of_other_conditions_after_its_cause_has_the_headline_and_a_line() -> None:
    gateway = symptom(8, Condition.GATEWAY, short=Phrase("gateway stopped"))
    api = symptom(9, Condition.API, severity=Severity.HIGH, short=Phrase("API not healthy"))
    assert ":red_circle: *host-a: gateway stopped*" == lines(notice(RESOLVED, gateway, api))[0]
    assert ["• Gateway API not healthy"] == [line for line in lines(notice(RESOLVED, gateway, api)) if line.startswith("•")]
