"""Alerts of certificates over weeks of daily checks."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from adapters.phrase import Phrase
from bot.alerts.services.report_feeds import CertificateBasis, CertificateFeed
from bot.model.alert import Alert, AlertState
from bot.store.errors import DatabaseUnavailable
from commands.model.check import Area
from commands.model.report import Report, Row
from tests.bot.alerts.expiring import NOW, Held, ca, host, report, unread
from tests.bot.alerts.living import House

BASIS = CertificateBasis(ZoneInfo("Asia/Tokyo"), frozenset({"host-a", "host-b"}))


class Fleet:
    """A house whose certificates are checked, each day a minute after nine in Tokyo."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def check(self, said: Report, day: float = 0) -> None:
        self.house.now = NOW + timedelta(days=day, minutes=1)
        feed = CertificateFeed(self.house.registry, lambda: BASIS)
        await feed.follow(Area.CERTIFICATES, said, self.house.now)

    async def live(self, held: Held, days: Iterable[int]) -> list[tuple[int, str]]:
        """The days on which its alert fired, and what it did."""
        found: list[tuple[int, str]] = []
        for day in days:
            before = len(self.house.log.did)
            await self.check(report(held), day)
            found += [(day, did) for did in self.house.log.did[before:]]
        return found


@pytest.fixture
def fleet(house: House) -> Fleet:
    return Fleet(house)


async def test_each_threshold_fires_once_and_an_expired_one_each_day(fleet: Fleet) -> None:
    """It ends after 31 days. 29 days later it is within 30 days, …"""
    assert [
        (1, "fired"),
        (17, "fired again"),
        (24, "fired again"),
        (28, "fired again"),
        (30, "fired again"),
        (31, "fired again"),
        (32, "fired again"),
        (33, "fired again"),
    ] == await fleet.live(host(days=31), range(34))


async def test_after_days_without_a_check_only_the_nearest_threshold_counts(fleet: Fleet) -> None:
    assert [(1, "fired"), (29, "fired again")] == await fleet.live(host(days=31), (1, 29))


async def test_several_checks_of_one_day_fire_once(fleet: Fleet) -> None:
    for minutes in range(3):
        await fleet.check(report(host(days=-3)), minutes / 1440)
    assert ["fired"] == fleet.house.log.did


async def test_an_acknowledged_certificate_fires_again_in_time(fleet: Fleet) -> None:
    await fleet.check(report(host(days=6)))
    await fleet.house.registry.acknowledge(1, "ana", fleet.house.now + timedelta(days=4), "op-1")
    await fleet.check(report(host(days=6)), 3)
    assert AlertState.ACKNOWLEDGED is (await fleet.house.registry.find(1)).state
    await fleet.check(report(host(days=6)), 5)
    assert AlertState.FIRING is (await fleet.house.registry.find(1)).state


async def test_a_renewed_certificate_says_until_when(fleet: Fleet) -> None:
    await fleet.check(report(host(days=6)))
    await fleet.check(report(host(days=6).renewed(NOW + timedelta(days=365))), 1)
    ended = await fleet.house.registry.find(1)
    assert AlertState.RESOLVED is ended.state
    assert "The certificate of host-a was renewed and now expires at 2027-01-30 00:00:00 UTC" == str(ended.outcome)


async def test_one_that_was_replaced_but_expires_soon_stays_open(fleet: Fleet) -> None:
    await fleet.check(report(host(days=6)))
    await fleet.check(report(host(days=6).renewed(NOW + timedelta(days=15))), 1)
    (alert,) = await fleet.house.registry.list_open()
    assert (2, "certificate expires in 13 days") == (alert.step, str(alert.short))


@pytest.mark.parametrize("rest", [(), (unread("host-a"),)], ids=["not asked", "not read"])
async def test_what_is_not_read_resolves_nothing(fleet: Fleet, rest: tuple[Row, ...]) -> None:
    await fleet.check(report(ca(days=5), host(days=6)))
    await fleet.check(report(host("host-b"), *rest), 1)
    assert {"host-a/certificate", f"ca/{ca().fingerprint[:12]}"} == {
        alert.key for alert in await fleet.house.registry.list_open()
    }


async def test_a_ca_that_was_replaced_is_over_once_all_hosts_trust_another(fleet: Fleet) -> None:
    await fleet.check(report(ca(days=5), host(), host("host-b")))
    await fleet.check(report(ca("New CA"), host(), host("host-b")), 1)
    ended = await fleet.house.registry.find(1)
    assert "No host trusts the CA Flatnet CA any longer" == str(ended.outcome)


async def test_a_clock_that_was_ahead_is_taken_back_and_warns_again_in_time(fleet: Fleet) -> None:
    await fleet.check(report(host(days=70)), 50)
    await fleet.check(report(host(days=70)), 1)
    ended = await fleet.house.registry.find(1)
    assert str(ended.outcome).startswith("The warning about host-a was premature: the bot's clock was ahead.")
    assert [(40, "fired")] == await fleet.live(host(days=70), range(39, 42))


async def test_many_checks_at_once_fire_once(fleet: Fleet) -> None:
    await asyncio.gather(*(fleet.check(report(host(days=6), host("host-b", days=6))) for _ in range(5)))
    assert ["fired", "fired"] == fleet.house.log.did


async def test_other_reports_move_nothing(fleet: Fleet) -> None:
    feed = CertificateFeed(fleet.house.registry, lambda: BASIS)
    await feed.follow(Area.DISKS, report(host(days=6)), NOW)
    assert [] == fleet.house.log.did


async def test_a_failure_is_logged_and_repaired_by_the_next_report(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to the person who asked for the report is not lost."""

    async def refuse() -> tuple[Alert, ...]:
        raise DatabaseUnavailable(Phrase("the disk is full"))

    with capture_logs() as lines, monkeypatch.context() as broken:
        broken.setattr(fleet.house.registry, "list_open", refuse)
        await fleet.check(report(ca(days=9)))
    assert ["alerts on certificates could not be moved"] == [line["event"] for line in lines]
    await fleet.check(report(ca(days=9)))
    assert ["fired"] == fleet.house.log.did
