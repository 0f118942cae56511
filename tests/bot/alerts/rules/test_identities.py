"""Alerts on certificates beyond those of hosts: WinRM's, the bot's own, and strangers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import HostError, Unreachable
from adapters.inventory import Inventory
from adapters.nebula.certificate_file import CertificateFile
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.tls_certificate import ServerCertificate
from bot.alerts.rules.identities import MAX_STRANGERS, IdentityBasis, judge_identities
from bot.alerts.services.report_feeds import IdentityFeed
from bot.model.alert import Alert
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.certificates.further import FurtherReading
from commands.model.certificates import Identity, IdentityKind, KnownIdentities, Sighting, Way
from commands.model.finding import Severity
from commands.model.operation import CertificateRules
from tests.bot.alert_examples import change
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, host, server_certificate

DAY = timedelta(days=1)
A = host("host-a", 1)
BASIS = IdentityBasis(Inventory(hosts=(A,)), CertificateRules.model_validate({"bot_certificate": "/etc/nebula/host.crt"}))
(AUTHORITY,) = parse_pem(CA.certificate)
NOTHING = FurtherReading({}, None)


def stranger(number: int = 1, name: str = "laptop", **fields: Any) -> Identity:
    usual = {
        "fingerprint": f"{number:012x}{0:052x}",
        "kind": IdentityKind.NEBULA,
        "name": name,
        "address": "10.100.9.1",
        "issuer": AUTHORITY.fingerprint,
        "first_seen_at": NOW - DAY,
        "seen_at": NOW - timedelta(hours=1),
    }
    return Identity.model_validate(usual | fields)


def know(*identities: Identity) -> KnownIdentities:
    authority = stranger(0xCA, "Flatnet CA", fingerprint=AUTHORITY.fingerprint, kind=IdentityKind.AUTHORITY, issuer="")
    seen = (Sighting(place="host-a", way=Way.HANDSHAKE, at=NOW - timedelta(hours=1)),)
    return KnownIdentities((authority, *identities), {each.fingerprint: seen for each in identities})


FLEET = know()


def judge(
    reading: FurtherReading = NOTHING,
    known: KnownIdentities = FLEET,
    basis: IdentityBasis = BASIS,
    *fired: Alert,
) -> dict[Condition, list[Signal]]:
    """The signals by condition, for the conditions that were judged."""
    found: dict[Condition, list[Signal]] = {}
    for checked in judge_identities(reading, known, basis, fired, NOW):
        (condition,) = checked.judged
        found.setdefault(condition, []).extend(checked.signals)
    return found


def served(answer: ServerCertificate | HostError) -> FurtherReading:
    return FurtherReading({"host-a": answer}, None)


@pytest.mark.parametrize(
    ("days", "severity", "step", "short"),
    [
        (30, Severity.LOW, 1, "WinRM certificate expires in 30 days"),
        (6, Severity.HIGH, 3, "WinRM certificate expires in 6 days"),
        (0.5, Severity.CRITICAL, 5, "WinRM certificate expires in less than a day"),
        (-1, Severity.CRITICAL, 7, "WinRM certificate has expired"),
    ],
)
def test_a_winrm_certificate_fires_at_the_limits_of_certificates(
    days: float, severity: Severity, step: int, short: str
) -> None:
    (signal,) = judge(served(server_certificate(days)))[Condition.WINRM]
    assert ("host-a/winrm", severity, step, short) == (signal.key, signal.severity, signal.step, str(signal.short))
    assert "cert --all" == signal.next


def test_one_that_lives_long_moves_nothing_unless_its_alert_is_open() -> None:
    assert Condition.WINRM not in judge(served(server_certificate()))
    fired = change(host="host-a", subject="winrm", condition=Condition.WINRM)
    assert [] == judge(served(server_certificate()), know(), BASIS, fired)[Condition.WINRM]


def test_one_that_could_not_be_read_moves_nothing() -> None:
    fired = change(host="host-a", subject="winrm", condition=Condition.WINRM)
    assert Condition.WINRM not in judge(served(Unreachable(Phrase("no"))), know(), BASIS, fired)


def own(days: float) -> FurtherReading:
    (certificate,) = parse_pem(CA.sign("flatnet-bot", "10.100.200.1/16", days=days)[0])
    return FurtherReading({}, CertificateFile(certificate))


OWN: Mapping[str, tuple[FurtherReading, list[tuple[Severity, str]]]] = {
    "none configured": (NOTHING, []),
    "lives long": (own(100), []),
    "ends soon": (own(6), [(Severity.HIGH, "the bot's own certificate expires in 6 days")]),
    "ended": (own(-1), [(Severity.CRITICAL, "the bot's own certificate has expired")]),
    "unreadable": (
        FurtherReading({}, CertificateFile(why=Phrase("the file does not exist"))),
        [(Severity.MEDIUM, "the bot's own certificate unreadable")],
    ),
}


@pytest.mark.parametrize("story", OWN)
def test_the_bots_own_certificate_is_always_judged(story: str) -> None:
    reading, expected = OWN[story]
    signals = judge(reading)[Condition.OWN]
    assert expected == [(signal.severity, str(signal.short)) for signal in signals]
    assert all("/etc/nebula/host.crt" in str(signal.why) for signal in signals)


def test_a_stranger_of_our_ca_is_an_alert_that_names_the_place() -> None:
    (signal,) = judge(known=know(stranger()))[Condition.STRANGER]
    assert ("stranger/000000000001", Severity.MEDIUM) == (signal.key, signal.severity)
    assert "host-a accepted the certificate laptop (000000000001)" in str(signal.why)


NO_ALERT: Mapping[str, Identity] = {
    "of a CA that no host trusts: only a log claims it": stranger(issuer="d" * 64),
    "not seen for 30 days": stranger(seen_at=NOW - 31 * DAY),
    "ended": stranger(begins_at=NOW - DAY, ends_at=NOW),
    "of a host": stranger(name="host-a", address="10.100.1.1"),
    "named by the configuration": stranger(name="printer"),
}


@pytest.mark.parametrize("story", NO_ALERT)
def test_these_are_no_news_and_end_an_alert(story: str) -> None:
    rules = CertificateRules.model_validate({"members": ("printer",)})
    assert [] == judge(known=know(NO_ALERT[story]), basis=replace(BASIS, rules=rules))[Condition.STRANGER]


def test_a_ledger_that_could_not_be_read_moves_no_stranger() -> None:
    assert Condition.STRANGER not in judge(known=KnownIdentities(available=False))


def test_a_flood_of_strangers_is_counted_and_the_first_ones_keep_their_alerts() -> None:
    flood = [stranger(number, first_seen_at=NOW - timedelta(minutes=number)) for number in range(1, 300)]
    signals = judge(known=know(*flood))[Condition.STRANGER]
    assert MAX_STRANGERS + 1 == len(signals)
    assert f"{289} more unknown certificates" == str(signals[-1].short)
    assert f"stranger/{299:012x}" == signals[0].subject


def test_a_hostile_name_is_one_short_line() -> None:
    (signal,) = judge(known=know(stranger(name="a\n*b*\x1b[2J" + "c" * 200)))[Condition.STRANGER]
    shown = str(signal.short)
    assert ("\n" not in shown, "\x1b" not in shown, len(shown) < 100) == (True, True, True)


class Mover:
    """A registry that takes what it is told."""

    def __init__(self) -> None:
        self.applied: list[HostChecked] = []

    async def list_open(self) -> tuple[Alert, ...]:
        return ()

    async def apply(self, checked: HostChecked) -> None:
        self.applied.append(checked)


async def test_the_feed_moves_the_alerts_of_a_survey() -> None:
    mover = Mover()
    feed = IdentityFeed(mover, lambda: (BASIS, ZoneInfo("Asia/Tokyo")))
    await feed.follow(served(server_certificate(3)), know(stranger()), NOW)
    assert [Condition.WINRM, Condition.OWN, Condition.REFUSED, Condition.STRANGER, Condition.REMOVED] == [
        condition for checked in mover.applied for condition in checked.judged
    ]
