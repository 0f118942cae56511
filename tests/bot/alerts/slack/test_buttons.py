"""Buttons of alerts: the choice that acknowledges, the fix, the logs, the incident."""

from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.alerts.slack.buttons import find_fixes, is_alert_button, make_alert_buttons
from bot.locale.texts import get_texts
from bot.model.alert import Alert
from bot.rendering.slack.buttons import make_row, parse_words
from commands.alerts.conditions import Condition
from commands.alerts.operations import AlertAcknowledge
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation
from commands.model.operation import Operation
from commands.values.normalize import normalize_text
from tests.bot.alert_examples import ACKNOWLEDGED, FIRING, RESOLVED, change
from tests.lab.workspace.limits import check_update
from tests.lab.workspace.message import Content

ENGLISH = get_texts("en", ZoneInfo("UTC"))
KNOWN: tuple[type[Operation], ...] = (*CATALOGUE, AlertAcknowledge)


def commands(*alerts: Alert) -> list[str]:
    """The commands of the buttons, and of the menu's first choice."""
    return [
        parse_words((button.get("options") or [button])[0]["value"]) or "" for button in make_alert_buttons(alerts, ENGLISH)
    ]


def test_an_alert_offers_a_choice_that_acknowledges_its_fix_its_logs_and_an_incident() -> None:
    assert [
        "alert acknowledge 7 --for 30m",
        "service start nebula host-a",
        "log nebula host-a --since 2026-11-25T03:00:05+00:00 --until 2026-11-25T03:11:05+00:00",
        'incident open "host-a: Nebula stopped" host-a --alert 7',
    ] == commands(FIRING)


def test_the_choices_of_the_menu_are_commands() -> None:
    menu = make_alert_buttons([FIRING], ENGLISH)[0]
    words = [parse_words(option["value"]) or "" for option in menu["options"]]
    assert [
        "alert acknowledge 7 --for 30m",
        "alert acknowledge 7 --for 2h",
        "alert acknowledge 7 --until morning",
        "alert acknowledge 7 --until change",
    ] == words
    assert {7} == {parse_operation(normalize_text(each), KNOWN, KNOWN).model_dump()["number"] for each in words}


def test_the_menu_of_several_alerts_acknowledges_all_of_the_message() -> None:
    other = change(number=8, host="host-b")
    assert [
        "alert acknowledge 7 --for 30m --group",
        "service start nebula host-a",
        "log nebula host-a --since 2026-11-25T03:00:05+00:00 --until 2026-11-25T03:11:05+00:00",
        'incident open "Nebula stopped" host-a,host-b --alert 7',
    ] == commands(FIRING, other)


@pytest.mark.parametrize(
    ("alert", "log"),
    [
        (change(condition=Condition.CONTAINER, subject="container/web"), "log container:web host-a --since"),
        (change(condition=Condition.ERRORS, subject="errors"), "log error host-a --since"),
        (change(condition=Condition.DISK, subject="disk/wsl//"), ""),
        (change(condition=Condition.SILENT, subject="host"), ""),
        (change(condition=Condition.CHANGE, subject="change/op-1", host=""), ""),
    ],
)
def test_logs_are_those_that_explain_the_condition(alert: Alert, log: str) -> None:
    assert [log] * bool(log) == [words[: len(log)] for words in commands(alert) if words.startswith("log ")]


def test_a_fix_that_reads_the_same_log_has_no_button_of_its_own() -> None:
    api = change(condition=Condition.API, subject="api", next="log error host-a --since 1h")
    assert ["alert", "log", "incident"] == [words.split()[0] for words in commands(api)]
    assert "--until" in commands(api)[1]


def test_an_acknowledged_alert_can_be_acknowledged_for_longer_and_a_resolved_one_has_no_buttons() -> None:
    assert "Acknowledge longer …" == make_alert_buttons([ACKNOWLEDGED], ENGLISH)[0]["placeholder"]["text"]
    assert [] == make_alert_buttons([RESOLVED], ENGLISH)


def certificate(host: str, step: int, words: str = "") -> Alert:
    """The certificate of a host, some steps before its end."""
    renewal = words or f"cert renew {host}"
    return change(host=host, subject="certificate", condition=Condition.CERTIFICATE, step=step, next=renewal)


@pytest.mark.parametrize(
    ("alerts", "fixes"),
    [
        ([certificate("host-a", 3)], ["cert renew host-a"]),
        ([certificate("host-a", 3), certificate("host-b", 3)], ["cert renew --due 7d"]),
        ([certificate("host-a", 5), certificate("host-b", 1)], ["cert renew --due 30d"]),
        ([certificate("host-a", 5), certificate("host-b", 5)], ["cert renew --due 1d"]),
        ([certificate("host-a", 400), certificate("host-b", 7)], ["cert renew --due 1d"]),
        ([certificate("host-a", 3, "ca show"), certificate("host-b", 3)], ["ca show"]),
        ([certificate("host-a", 3), change(host="host-b")], ["cert renew host-a"]),
        ([FIRING, change(host="host-b")], ["service start nebula host-a"]),
        ([change(next=None)], []),
    ],
)
def test_one_command_renews_all_certificates_of_a_message(alerts: list[Alert], fixes: list[str]) -> None:
    assert fixes == find_fixes(alerts)
    assert all(parse_operation(normalize_text(each), CATALOGUE, CATALOGUE) for each in fixes)


def test_an_incident_about_many_hosts_is_about_all() -> None:
    storm = [change(number=number, host=f"host-{number}") for number in range(1, 255)]
    assert 'incident open "Nebula stopped" --alert 1' == commands(*storm)[-1]


def test_slack_takes_the_buttons_also_of_an_alert_with_hostile_words() -> None:
    hostile = change(short=Phrase("{why}", why="<!channel> `a` \"b\" 'c'\n" + "x" * 3_000))
    check_update(Content("an alert", make_row(make_alert_buttons([hostile], ENGLISH))))
    assert ["alert acknowledge 7", "service start nebul", "log nebula host-a -", 'incident open "host'] == [
        words[:19] for words in commands(hostile)
    ]


@pytest.mark.parametrize(
    ("action", "words", "expected"),
    [
        ("alert.acknowledge", "alert acknowledge 7 --for 2h", True),
        ("alert.acknowledge", "alert ack 7", True),
        ("alert.other", "alert acknowledge 7", True),
        ("run.0", "alert acknowledge 7 --for 2h", False),
        ("home.0", "alert acknowledge 7 --for 2h", False),
        ("alert.acknowledge", 'lock add host-c 4h "disk swap"', False),
        ("alert.acknowledge", "approve op-1", False),
        ("alert.acknowledge", "", False),
    ],
)
def test_only_the_menu_of_an_alert_acknowledges_at_once(action: str, words: str, expected: bool) -> None:
    assert expected == is_alert_button(action, words, KNOWN)
