"""Rules that find the likely cause of an incident, in their order: the first that applies answers."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.incidents.rules.likely_causes import (
    CHANGE_PERIOD,
    STORM_PERIOD,
    Evidence,
    LikelyRule,
    RecentChange,
    find_beginning,
    find_likely_cause,
    propose_severity,
)
from bot.model.alert import Alert
from commands.alerts.conditions import Condition
from commands.certificates.assessment import CA_WARNING_TIMES, HOST_WARNING_TIMES
from commands.model.check import Area, StoredCheck
from commands.model.finding import Finding, Severity
from tests.bot.alert_examples import BEGAN, FIRING, change

NOW = BEGAN + timedelta(minutes=20)
HOSTS = ("host-a", "host-b", "host-c", "host-d")


def alert(number: int, host: str, subject: str = "api", cause: str = "", **more: object) -> Alert:
    condition = Condition.NEBULA if subject == "nebula" else Condition.API
    named = {"number": number, "host": host, "subject": subject, "condition": condition, "cause": cause}
    return change(FIRING, **named | {"short": Phrase("API broken")} | more)


def evidence(*alerts: Alert, **more: Any) -> Evidence:
    return replace(Evidence(NOW, BEGAN, HOSTS, alerts), **more)


def ran(host: str, before: timedelta, name: str = "op-000000000001") -> RecentChange:
    return RecentChange(name, f"service restart nebula {host}", "ben", (host,), BEGAN - before)


def checked(host: str, area: Area, *findings: Finding, ended: timedelta | None = None, ago: float = 1) -> StoredCheck:
    ends_at = None if ended is None else NOW - ended
    return StoredCheck(host=host, area=area, at=NOW - timedelta(minutes=ago), findings=findings, ends_at=ends_at)


def pointing(host: str, cause: str, ago: float = 1) -> StoredCheck:
    finding = Finding(severity=Severity.HIGH, host=host, subject="api", why=Phrase("502"), cause=cause)
    return checked(host, Area.SERVICES, finding, ago=ago)


def known(*checks: StoredCheck) -> dict[tuple[str, Area], StoredCheck]:
    return {(check.host, check.area): check for check in checks}


ROOT = alert(1, "host-b", "nebula", short=Phrase("Nebula stopped"))
ORPHANS = (alert(2, "host-a", cause="host-b/nebula"), alert(3, "host-c", cause="host-b/nebula"))
STORM = tuple(alert(number, HOSTS[number], began_at=BEGAN + timedelta(minutes=number)) for number in range(4))
TOKYO = {host: frozenset({"tokyo", "all"}) for host in HOSTS} | {"host-z": frozenset({"all"})}
ENDED = checked("host-a", Area.CERTIFICATES, ended=timedelta(hours=2), ago=180)
FULL = len(HOST_WARNING_TIMES)


def expiring(step: int, condition: Condition = Condition.CERTIFICATE, host: str = "host-a") -> Alert:
    return alert(5, host, "certificate", condition=condition, step=step, short=Phrase("certificate has expired"))


CASES = {
    "nothing is known": (evidence(), "no cause known"),
    "one alert has no cause but itself": (evidence(ROOT), "no cause known"),
    "an alert explains others": (evidence(ROOT, *ORPHANS), "host-b: Nebula stopped (alert 1) explains 2 other alerts"),
    "an alert explains one other": (
        evidence(ROOT, ORPHANS[0]),
        "host-b: Nebula stopped (alert 1) explains 1 other alert",
    ),
    "the bot sees too little": (
        evidence(
            alert(9, "", "blind", condition=Condition.BLIND, short=Phrase("most hosts not responding")),
            *(alert(number, host, "host", cause="blind") for number, host in enumerate(HOSTS)),
        ),
        "most hosts not responding (alert 9) explains 4 other alerts",
    ),
    "hosts have the same problem within minutes": (
        evidence(*STORM),
        "one cause for 4 hosts: gateway API not healthy on host-a, host-b, host-c, host-d within minutes",
    ),
    "and one label in common": (
        evidence(*STORM, labels=TOKYO),
        "one cause for 4 hosts, all labeled tokyo: gateway API not healthy on host-a, host-b, host-c, host-d within minutes",
    ),
    "two of a kind are no storm": (evidence(*STORM[:2]), "no cause known"),
    "alerts of one host are no storm": (
        evidence(*(alert(number, "host-a", f"api/{number}") for number in range(5))),
        "no cause known",
    ),
    "an old alert is no part of a storm": (
        evidence(change(STORM[0], began_at=BEGAN - timedelta(days=2)), *STORM[1:]),
        "one cause for 3 hosts: gateway API not healthy on host-b, host-c, host-d within minutes",
    ),
    "alerts over a longer time are no storm": (
        evidence(*(change(each, began_at=BEGAN + STORM_PERIOD * each.number) for each in STORM)),
        "no cause known",
    ),
    "the larger group answers": (
        evidence(alert(8, "host-x", "nebula"), alert(9, "host-y", cause="host-x/nebula"), *STORM),
        "one cause for 4 hosts: gateway API not healthy on host-a, host-b, host-c, host-d within minutes",
    ),
    "alerts that explain each other explain nothing": (
        evidence(alert(1, "host-a", "nebula", "host-b/nebula"), alert(2, "host-b", "nebula", "host-a/nebula")),
        "no cause known",
    ),
    "others point at a host without an alert": (
        evidence(*ORPHANS),
        "host-b: 2 other hosts name it as the cause of their problems (host-a, host-c)",
    ),
    "one points at a host": (
        evidence(ORPHANS[0]),
        "host-b: 1 other host names it as the cause of its problem (host-a)",
    ),
    "fresh checks point at a host": (
        evidence(checks=known(pointing("host-a", "host-d"), pointing("host-c", "host-d"))),
        "host-d: 2 other hosts name it as the cause of their problems (host-a, host-c)",
    ),
    "old checks point at nothing": (evidence(checks=known(pointing("host-a", "host-d", ago=3))), "no cause known"),
    "two are pointed at alike": (
        evidence(checks=known(pointing("host-a", "host-d"), pointing("host-c", "host-b"))),
        "no cause known",
    ),
    "a host points at itself": (evidence(alert(1, "host-a", cause="host-a/nebula")), "no cause known"),
    "a group comes before a host that others point at": (
        evidence(ROOT, *ORPHANS, checks=known(pointing("host-a", "host-d"))),
        "host-b: Nebula stopped (alert 1) explains 2 other alerts",
    ),
    "a host that others point at comes before a change": (
        evidence(ORPHANS[0], changes=(ran("host-a", timedelta(minutes=5)),)),
        "host-b: 1 other host names it as the cause of its problem (host-a)",
    ),
    "a change ran in the hour before": (
        evidence(changes=(ran("host-a", CHANGE_PERIOD, "op-2"), ran("host-b", timedelta(minutes=15)))),
        "service restart nebula host-b by ben, 900 s before it began (op-000000000001)",
    ),
    "a change ran more than an hour before": (
        evidence(changes=(ran("host-a", CHANGE_PERIOD + timedelta(seconds=1)),)),
        "no cause known",
    ),
    "a change ran after the problem began": (evidence(changes=(ran("host-a", -timedelta(seconds=1)),)), "no cause known"),
    "a change ran elsewhere": (evidence(changes=(ran("host-z", timedelta(minutes=5)),)), "no cause known"),
    "a change comes before a certificate": (
        evidence(changes=(ran("host-b", timedelta(minutes=15)),), checks=known(ENDED)),
        "service restart nebula host-b by ben, 900 s before it began (op-000000000001)",
    ),
    "a certificate has expired": (
        evidence(checks=known(ENDED)),
        "the certificate of host-a expired at 2026-11-25 01:30:05 UTC (checked at 2026-11-25 00:30:05 UTC)",
    ),
    "a certificate is valid": (
        evidence(checks=known(checked("host-a", Area.CERTIFICATES, ended=-timedelta(seconds=1)))),
        "no cause known",
    ),
    "a certificate of another host has expired": (
        evidence(checks=known(checked("host-z", Area.CERTIFICATES, ended=timedelta(hours=2)))),
        "no cause known",
    ),
    "an alert says that it has expired": (
        evidence(expiring(FULL + 1)),
        "host-a: certificate has expired (alert 5)",
    ),
    "an alert says that it expires soon": (evidence(expiring(FULL)), "no cause known"),
    "the CA has expired": (
        evidence(expiring(len(CA_WARNING_TIMES) + 1, Condition.AUTHORITY, "")),
        "certificate has expired (alert 5)",
    ),
    "the CA expires soon": (evidence(expiring(len(CA_WARNING_TIMES), Condition.AUTHORITY, "")), "no cause known"),
}


@pytest.mark.parametrize(("seen", "said"), CASES.values(), ids=CASES)
def test_the_first_rule_that_applies_names_the_likely_cause(seen: Evidence, said: str) -> None:
    assert said == str(find_likely_cause(seen).phrase)


def test_the_cause_says_by_which_rule_it_was_found_and_names_its_hosts() -> None:
    found = [find_likely_cause(CASES[name][0]) for name in ("an alert explains others", "one points at a host")]
    assert [(LikelyRule.GROUP, ("host-b",)), (LikelyRule.POINTED, ("host-b", "host-a"))] == [
        (cause.rule, cause.hosts) for cause in found
    ]
    assert LikelyRule.NONE is find_likely_cause(evidence()).rule


@pytest.mark.parametrize(
    ("alerts", "said", "expected"),
    [
        ((), None, NOW),
        ((), BEGAN, BEGAN),
        ((change(ROOT, began_at=BEGAN + timedelta(minutes=9)), ROOT), None, BEGAN),
        ((ROOT,), NOW, NOW),
    ],
    ids=["no alert", "a person said", "the first alert", "a person knows better"],
)
def test_the_problem_began_when_a_person_said_or_with_the_first_alert(
    alerts: tuple[Alert, ...], said: datetime | None, expected: datetime
) -> None:
    assert expected == find_beginning(alerts, said, NOW)


def test_the_severity_proposed_is_that_of_the_worst_alert() -> None:
    low, high = (change(ROOT, severity=severity) for severity in (Severity.LOW, Severity.HIGH))
    assert Severity.HIGH is propose_severity((low, high))
    assert Severity.MEDIUM is propose_severity(())
