"""What a chart says: which day counts as what, what comes first, and the same in words."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from commands.certificates.assessment import CA_EXPIRY_LIMITS, HOST_EXPIRY_LIMITS
from commands.model.chart import (
    CA_EXPIRY_DAYS,
    HOST_EXPIRY_DAYS,
    MAX_CERTIFICATES,
    MAX_HOSTS,
    CertificateExpiry,
    Chart,
    DayHealth,
    DayState,
    ExpiryUrgency,
    HostHealth,
    describe_chart,
)
from commands.model.finding import Severity

DAYS = tuple(date(2026, 11, 12) + timedelta(days=number) for number in range(14))
WELL = DayHealth(well=48, troubled=0, unreached=0)
BLINKED = DayHealth(well=47, troubled=1, unreached=0)
TROUBLED = DayHealth(well=20, troubled=28, unreached=0)
SILENT = DayHealth(well=0, troubled=0, unreached=48)


def host(name: str, *last: DayHealth | None, before: DayHealth | None = WELL) -> HostHealth:
    """A host with these last days."""
    return HostHealth(host=name, days=(*[before] * (len(DAYS) - len(last)), *last))


def certificate(name: str, days: float, *, authority: bool = False) -> CertificateExpiry:
    return CertificateExpiry(name=name, authority=authority, days=days)


def chart(*hosts: HostHealth, certificates: tuple[CertificateExpiry, ...] = ()) -> Chart:
    return Chart(days=DAYS, hosts=hosts, certificates=certificates)


@pytest.mark.parametrize(
    ("well", "troubled", "unreached", "expected"),
    [
        (48, 0, 0, DayState.WELL),
        (47, 1, 0, DayState.AT_TIMES),
        (47, 0, 1, DayState.AT_TIMES),
        (37, 11, 0, DayState.AT_TIMES),
        (36, 12, 0, DayState.TROUBLED),
        (0, 1, 0, DayState.TROUBLED),
        (37, 0, 11, DayState.AT_TIMES),
        (36, 0, 12, DayState.UNREACHED),
        (0, 0, 1, DayState.UNREACHED),
        (0, 5, 43, DayState.UNREACHED),
        (0, 12, 36, DayState.TROUBLED),
        (0, 0, 0, DayState.NOTHING),
    ],
)
def test_one_bad_look_is_not_a_bad_day_and_a_quarter_is(
    well: int, troubled: int, unreached: int, expected: DayState
) -> None:
    assert expected == DayHealth(well=well, troubled=troubled, unreached=unreached).state


@pytest.mark.parametrize(
    ("days", "of_a_host", "of_a_ca"),
    [
        (-0.1, ExpiryUrgency.EXPIRED, ExpiryUrgency.EXPIRED),
        (0, ExpiryUrgency.EXPIRED, ExpiryUrgency.EXPIRED),
        (0.1, ExpiryUrgency.URGENT, ExpiryUrgency.URGENT),
        (6.9, ExpiryUrgency.URGENT, ExpiryUrgency.URGENT),
        (7, ExpiryUrgency.SOON, ExpiryUrgency.URGENT),
        (29.9, ExpiryUrgency.SOON, ExpiryUrgency.URGENT),
        (30, ExpiryUrgency.LONG, ExpiryUrgency.URGENT),
        (60, ExpiryUrgency.LONG, ExpiryUrgency.SOON),
        (179.9, ExpiryUrgency.LONG, ExpiryUrgency.SOON),
        (180, ExpiryUrgency.LONG, ExpiryUrgency.LONG),
    ],
)
def test_a_ca_is_due_long_before_a_host(days: float, of_a_host: ExpiryUrgency, of_a_ca: ExpiryUrgency) -> None:
    assert (of_a_host, of_a_ca) == tuple(certificate("x", days, authority=authority).urgency for authority in (False, True))


def test_a_chart_and_the_judgement_of_certificates_have_the_same_limits() -> None:
    for limits, expected in ((HOST_EXPIRY_LIMITS, HOST_EXPIRY_DAYS), (CA_EXPIRY_LIMITS, CA_EXPIRY_DAYS)):
        grave = [left.days for left, severity in limits if severity.rank <= Severity.HIGH.rank]
        assert (max(left.days for left, _ in limits), max(grave)) == expected


def test_the_worst_hosts_and_the_soonest_certificates_come_first() -> None:
    hosts = (
        host("none", before=None),
        host("well-b"),
        host("well-a"),
        host("blinked", BLINKED),
        host("silent", before=SILENT),
        host("bad", TROUBLED),
        host("worse", TROUBLED, TROUBLED),
    )
    ordered = chart(*hosts, certificates=(certificate("b", 9), certificate("a", 9), certificate("ca", -1))).ordered
    assert ["worse", "bad", "silent", "blinked", "well-a", "well-b", "none"] == [host.host for host in ordered.hosts]
    assert ["ca", "a", "b"] == [certificate.name for certificate in ordered.certificates]


def test_a_picture_has_room_for_some_of_many() -> None:
    certificates = tuple(certificate(f"host-{number}", number) for number in range(254))
    drawn = chart(*(host(f"host-{number}") for number in range(254)), certificates=certificates).drawable
    assert (MAX_HOSTS, MAX_CERTIFICATES) == (len(drawn.hosts), len(drawn.certificates))


def test_every_host_has_as_many_days_as_the_chart() -> None:
    with pytest.raises(ValidationError):
        chart(HostHealth(host="host-a", days=(WELL,)))


CERTIFICATES_OF_TWO = (certificate("host-a", 5.9), certificate("flatnet", 400, authority=True))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (chart(), "No host. No certificate."),
        (
            chart(host("host-a"), certificates=CERTIFICATES_OF_TWO[1:]),
            "1 host, last 14 days: 1 healthy. The certificate of flatnet expires first (400 days left).",
        ),
        (
            chart(host("host-a", TROUBLED), host("host-b", before=SILENT), certificates=CERTIFICATES_OF_TWO),
            (
                "2 hosts, last 14 days: 1 unhealthy (host-a 1 day), 1 unreachable (host-b 14 days). Due for renewal: "
                "1 of 2 certificates (host-a 5 days)."
            ),
        ),
        (
            chart(host("host-a", BLINKED), host("host-b", before=None), certificates=(certificate("host-a", -3),)),
            (
                "2 hosts, last 14 days: 1 intermittently unhealthy or unreachable (host-a 1 day), 1 without data. "
                "Due for renewal: 1 of 1 certificates (host-a expired)."
            ),
        ),
    ],
    ids=["nothing", "well", "trouble", "at times"],
)
def test_the_words_say_what_the_picture_shows(shown: Chart, expected: str) -> None:
    assert expected == str(describe_chart(shown))


def test_the_words_stay_short_whatever_the_size_and_the_names() -> None:
    hosts = [
        host(f"{number}{'x' * 300}", *last, before=before)
        for number in range(254)
        for last, before in (((TROUBLED,), WELL), ((), SILENT), ((BLINKED,), WELL))
    ]
    many = tuple(certificate(f"{number}{'x' * 300}", number) for number in range(254))
    assert len(str(describe_chart(chart(*hosts, certificates=many)))) < 1_000


def test_a_new_bot_speaks_of_the_days_on_which_it_looked() -> None:
    new = chart(host("host-a", WELL, before=None), host("host-b", WELL, SILENT, before=None))
    assert str(describe_chart(new)).startswith("2 hosts, last 2 days: ")
