"""Certificates that expire as alerts: which are found, how grave, at which step, and how they ended."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.alerts.rules.certificates import CertificateSurvey, judge_certificates, make_authority_subject
from bot.model.alert import Alert, AlertState
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.certificates.assessment import CA_EXPIRY_LIMITS, CA_WARNING_TIMES, HOST_EXPIRY_LIMITS, HOST_WARNING_TIMES
from commands.model.finding import Severity
from commands.model.report import Cell, Column, Mark, Report
from tests.bot.alerts.expiring import NOW, Held, ca, host, report, unread
from tests.commands.cells import cell

TOKYO = NOW.astimezone(ZoneInfo("Asia/Tokyo"))
LATER = NOW + timedelta(days=365)


def judge(
    said: Report, hosts: Collection[str] = ("host-a",), alerts: Collection[Alert] = (), now: datetime = TOKYO
) -> dict[str, HostChecked]:
    """What was judged, by host."""
    found = list(judge_certificates(CertificateSurvey.from_report(said, hosts), alerts, now))
    assert len({checked.host for checked in found}) == len(found)
    return {checked.host: checked for checked in found}


def signal_of(held: Held, now: datetime = TOKYO) -> Signal | None:
    """The signal about one certificate."""
    found = judge(report(held), now=now).get(held.host)
    assert found is None or len(found.signals) <= 1
    return found.signals[0] if found and found.signals else None


def alert_of(held: Held) -> Alert:
    """The alert that fired about it."""
    found = signal_of(held)
    assert found is not None
    shared = found.model_dump(include=set(Alert.model_fields))
    return Alert(**shared, state=AlertState.FIRING, began_at=NOW, checked_at=NOW, fired_at=NOW, first_fired_at=NOW)


def test_a_host_is_warned_of_at_the_limits_of_cert_and_a_ca_at_both() -> None:
    assert HOST_WARNING_TIMES == tuple(limit for limit, _ in HOST_EXPIRY_LIMITS)
    assert [1, 3, 7, 14, 30] == [limit.days for limit in HOST_WARNING_TIMES]
    assert [1, 3, 7, 14, 30, 60, 90, 180] == [limit.days for limit in CA_WARNING_TIMES]
    assert {limit for limit, _ in CA_EXPIRY_LIMITS} <= set(CA_WARNING_TIMES)


@pytest.mark.parametrize(
    ("days", "step", "severity"),
    [
        (30, 1, Severity.LOW),
        (14.01, 1, Severity.LOW),
        (14, 2, Severity.MEDIUM),
        (7, 3, Severity.HIGH),
        (3, 4, Severity.HIGH),
        (1, 5, Severity.CRITICAL),
        (0.1, 5, Severity.CRITICAL),
        (0, 6, Severity.CRITICAL),
        (-1, 7, Severity.CRITICAL),
        (-400, 406, Severity.CRITICAL),
    ],
)
def test_each_limit_that_a_host_crossed_is_a_step_and_each_day_after_its_end(
    days: float, step: int, severity: Severity
) -> None:
    found = signal_of(host(days=days))
    assert found is not None
    assert ("host-a/certificate", Condition.CERTIFICATE) == (found.key, found.condition)
    assert (step, severity) == (found.step, found.severity)


@pytest.mark.parametrize(
    ("days", "step", "severity"),
    [
        (180, 1, Severity.LOW),
        (90, 2, Severity.MEDIUM),
        (60, 3, Severity.HIGH),
        (30, 4, Severity.HIGH),
        (14, 5, Severity.CRITICAL),
        (1, 8, Severity.CRITICAL),
        (0, 9, Severity.CRITICAL),
        (-2, 11, Severity.CRITICAL),
    ],
)
def test_a_ca_is_warned_of_earlier(days: float, step: int, severity: Severity) -> None:
    found = signal_of(ca(days=days))
    assert found is not None
    assert ("", f"ca/{ca().fingerprint[:12]}", Condition.AUTHORITY) == (found.host, found.subject, found.condition)
    assert (step, severity) == (found.step, found.severity)


def test_what_ends_later_is_well_and_left_out_unless_its_alert_is_open() -> None:
    found = judge(report(ca(days=180.01), host(days=30.01)))
    assert ([""], ()) == (list(found), found[""].signals)
    assert (frozenset({Condition.AUTHORITY}), frozenset({make_authority_subject(ca().fingerprint)})) == (
        found[""].judged,
        found[""].subjects,
    )
    found = judge(report(host(days=30.01)), alerts=[alert_of(host(days=5))])
    assert (frozenset({Condition.CERTIFICATE}), ()) == (found["host-a"].judged, found["host-a"].signals)


def test_days_after_the_end_are_those_of_the_zone() -> None:
    """16:00 in London is the next day in Tokyo."""
    late = datetime(2026, 1, 30, 16, 0, tzinfo=UTC)
    steps = {}
    for zone in ("Europe/London", "Asia/Tokyo"):
        found = signal_of(host(days=0), now=late.astimezone(ZoneInfo(zone)))
        assert found is not None
        steps[zone] = found.step
    assert {"Europe/London": 6, "Asia/Tokyo": 7} == steps


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(report(unread("host-a")), id="not read"),
        pytest.param(report(unread("host-a", Mark.ABSENT)), id="no certificate there"),
        pytest.param(report(host("host-b", begins_at=NOW + timedelta(hours=1))), id="not valid yet"),
        pytest.param(report(), id="not asked"),
    ],
)
def test_what_was_not_read_or_is_not_valid_yet_is_not_judged(said: Report) -> None:
    found = judge(said)
    assert [""] == list(found)
    assert frozenset() == found[""].subjects


def test_a_ca_that_is_not_valid_yet_is_not_judged() -> None:
    early = Held("Flatnet CA", NOW + timedelta(days=5), begins_at=NOW + timedelta(hours=1))
    found = judge(report(early, host()))[""]
    assert ((), frozenset()) == (found.signals, found.subjects)


@pytest.mark.parametrize(
    ("held", "short", "why", "words"),
    [
        (
            host(days=6),
            "certificate expires in 6 days",
            "the certificate expires at 2026-02-05 00:00:00 UTC. After that, other hosts no longer accept host-a: "
            "tunnels drop, and the gateway and containers with them. Request the renewal: the bot prepares a plan and "
            "asks for approval",
            "cert renew host-a",
        ),
        (host(days=1), "certificate expires in 1 day", None, "cert renew host-a"),
        (host(days=0.9), "certificate expires in less than a day", None, "cert renew host-a"),
        (
            host(days=-2),
            "certificate has expired",
            "the certificate expired at 2026-01-28 00:00:00 UTC. Other hosts no longer accept host-a: no tunnels, "
            "gateway or containers. Request the renewal: the bot prepares a plan and asks for approval",
            "cert renew host-a",
        ),
        (
            ca(days=90),
            "CA Flatnet CA expires in 90 days",
            "the CA expires at 2026-04-30 00:00:00 UTC. After that, all hosts signed by this CA expire too and are no "
            "longer accepted. Changing the CA takes several rounds over all hosts. Start now: ca rotation start",
            "ca show",
        ),
        (
            ca(days=-1),
            "CA Flatnet CA has expired",
            "the CA expired at 2026-01-29 00:00:00 UTC. Hosts signed by this CA are no longer accepted by others: their "
            "tunnels stay down. Change the CA over the local network: ca rotation start --lost",
            "ca show",
        ),
        (ca("x" * 100 + "\n<!channel>", days=0.5), f"CA {'x' * 63}… expires in less than a day", None, "ca show"),
    ],
)
def test_the_alert_says_when_what_follows_and_what_helps(held: Held, short: str, why: str | None, words: str) -> None:
    found = signal_of(held)
    assert found is not None
    assert (short, words) == (str(found.short), found.next)
    assert why is None or why == str(found.why)


def test_where_no_trusted_ca_lives_longer_the_ca_comes_first() -> None:
    end = NOW + timedelta(days=6)
    bound = Held("host-a", end - timedelta(seconds=1), "host-a")
    found = judge(report(Held("Flatnet CA", end), bound))["host-a"].signals[0]
    assert "ca show" == found.next
    assert str(found.why).endswith(
        "No trusted CA is valid longer, so renewing would not help. Change the CA first: ca rotation start"
    )


OLD = host(days=5)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param(
            report(OLD.renewed(LATER)),
            "The certificate of host-a was renewed and now expires at 2027-01-30 00:00:00 UTC",
            id="renewed",
        ),
        pytest.param(report(OLD), None, id="still there"),
        pytest.param(report(OLD.renewed(OLD.ends_at)), None, id="another one that ends no later"),
        pytest.param(report(unread("host-a")), None, id="not read"),
    ],
)
def test_the_end_of_an_alert_is_explained(said: Report, outcome: str | None) -> None:
    checked = judge(said, alerts=[alert_of(OLD)]).get("host-a")
    found = [str(each.phrase) for each in checked.resolutions] if checked else []
    assert found == ([] if outcome is None else [outcome])


def test_a_clock_that_was_set_back_makes_the_warning_premature() -> None:
    """The same certificate, and it is not due any longer."""
    early = NOW - timedelta(days=60)
    found = judge(report(OLD), alerts=[alert_of(OLD)], now=early)["host-a"]
    wanted = "The warning about host-a was premature: the bot's clock was ahead. host-a expires at 2026-02-04 00:00:00 UTC"
    assert ((), [wanted]) == (found.signals, [str(each.phrase) for each in found.resolutions])
    authorities = judge(report(ca(days=100)), now=NOW - timedelta(days=100))[""]
    assert "The warning about Flatnet CA was premature" in str(authorities.resolutions[0].phrase)


CA_ALERT = alert_of(ca(days=7))


@pytest.mark.parametrize(
    ("said", "hosts", "untrusted"),
    [
        pytest.param(report(ca(days=7), host()), {"host-a"}, False, id="still trusted"),
        pytest.param(report(ca("New CA"), host()), {"host-a"}, True, id="trusted by nobody"),
        pytest.param(report(ca("New CA"), host(), unread("host-b")), {"host-a", "host-b"}, False, id="one host silent"),
        pytest.param(report(ca("New CA"), host()), {"host-a", "host-b"}, False, id="one host not asked"),
        pytest.param(report(ca("New CA"), host(trusted="")), {"host-a"}, False, id="a CA file not readable"),
        pytest.param(
            report(ca("New CA"), host(), unread("web", Mark.ABSENT)),
            {"host-a", "web"},
            True,
            id="a host without certificates does not matter",
        ),
    ],
)
def test_a_ca_is_over_once_every_host_said_whom_it_trusts(said: Report, hosts: set[str], untrusted: bool) -> None:
    checked = judge(said, hosts, [CA_ALERT])[""]
    assert checked.subjects is not None
    outcomes = {each.subject: str(each.phrase) for each in checked.resolutions}
    well = CA_ALERT.subject in checked.subjects and CA_ALERT.subject not in {each.subject for each in checked.signals}
    assert untrusted == well
    assert not untrusted or "No host trusts the CA Flatnet CA any longer" == outcomes[CA_ALERT.subject]


def in_rotation(said: Report, roles: Mapping[str, str]) -> Report:
    """The report during a change of the CA, with the roles of CAs by name."""
    column = Column(key="rotation", heading=Phrase("CA rotation"))
    rows = tuple(
        row.model_copy(
            update={"cells": (*row.cells, Cell(text="", value=roles.get(str(cell(said, row, "host").value), "trusts")))}
        )
        for row in said.rows
    )
    return said.model_copy(update={"columns": (*said.columns, column), "rows": rows})


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"Flatnet CA": "goes signs", "Flatnet CA 2": ""}, []),
        ({"Flatnet CA": "goes", "Flatnet CA 2": "signs"}, []),
        ({"Flatnet CA": "signs", "Flatnet CA 2": "goes"}, ["CA Flatnet CA expires in 20 days"]),
    ],
)
def test_the_end_of_a_ca_that_is_being_replaced_is_no_alert(roles: Mapping[str, str], expected: list[str]) -> None:
    """The change of the CA has one of its own, if it is late."""
    said = in_rotation(report(ca(days=20), ca("Flatnet CA 2", days=300)), roles)

    assert expected == [str(signal.short) for signal in judge(said)[""].signals]


def test_the_alert_on_a_ca_ends_when_its_replacement_begins() -> None:
    ending = ca(days=20)
    alert = alert_of(ending)
    checked = judge(in_rotation(report(ending), {"Flatnet CA": "goes signs"}), alerts=[alert])[""]

    assert alert.subject in (checked.subjects or ())
    expected = "The CA Flatnet CA is being replaced. If that is late, the CA rotation has an alert"
    assert expected == resolution_of(checked, alert.subject)


def resolution_of(checked: HostChecked, subject: str) -> str:
    return str(next(each.phrase for each in checked.resolutions if each.subject == subject))


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"Flatnet CA": "goes signs", "Flatnet CA 2": ""}, "ca rotation"),
        ({"Flatnet CA": "goes", "Flatnet CA 2": "signs"}, "cert renew host-a"),
    ],
)
def test_a_certificate_gets_more_time_from_the_ca_that_signs(roles: Mapping[str, str], words: str) -> None:
    said = in_rotation(report(host(days=13), ca(days=13), ca("Flatnet CA 2", days=300)), roles)

    assert [words] == [signal.next for signal in judge(said)["host-a"].signals]
