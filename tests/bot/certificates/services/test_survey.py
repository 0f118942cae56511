"""The survey of the ledger: what it reads of every host, where it goes on, and that no host and no failure ends it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Inventory, WindowsSide
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.windows.handshakes import HandshakeReading, ReadHandshakes, RefusedPeer, SeenCertificate
from adapters.windows.log_files import FilePosition
from adapters.windows.tls_certificate import ReadServerCertificate
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.services.survey import CONCURRENT_HOSTS, MAX_AGE, LedgerSurvey, SurveyBasis
from commands.certificates.further import FurtherReading
from commands.certificates.operations import CertList
from commands.model.certificates import BOT_PLACE, Identity, IdentityKind, KnownIdentities, Way
from commands.model.check import Area
from commands.model.operation import CertificateRules
from tests.bot.changes.workflow_team import Log
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, files, host, server_certificate, view

TLS = WindowsSide(url="https://192.0.2.3:5986/wsman", user="flatnet", ca_file=Path("/ca.pem"))
LIGHTHOUSE, A = host("lighthouse", 0), host("host-a", 1)
B = host("host-b", 2).model_copy(update={"windows": TLS})
NO_WINDOWS = host("host-z", 9).model_copy(update={"windows": None})
HOUR = timedelta(hours=1)
AT = FilePosition(offset=7, head=3, sha256="0" * 64)


def seen(number: int = 1, name: str = "laptop", at: datetime | None = NOW - HOUR) -> SeenCertificate:
    return SeenCertificate(name=name, fingerprint=f"{number:064x}", issuer="c" * 64, address="10.100.9.1", at=at)


def reading(*certificates: SeenCertificate, **given: Any) -> HandshakeReading:
    usual: dict[str, Any] = {"state": "present", "position": AT, "received": 1, "unparsed": 0, "dropped": 0}
    usual |= {"skipped": 0, "lost": False, "clock": NOW, "certificates": certificates}
    return HandshakeReading.model_validate(usual | given)


class Surveyed:
    """A survey of three hosts; `said` are their readings of logs, or the reason why there are none."""

    def __init__(self, ledger: IdentityLedger, **rules: Any) -> None:
        self.ledger = ledger
        self.said: dict[str, object] = {}
        self.asked: list[tuple[str, FilePosition | None]] = []
        self.followed: list[tuple[FurtherReading, KnownIdentities]] = []
        self.server: object = server_certificate()
        self.rules = CertificateRules.model_validate(rules)
        hosts = (LIGHTHOUSE, A, B, NO_WINDOWS)
        said = {(each.name, "windows"): self._make_answer(each.name) for each in hosts}
        self.fleet = view(*hosts, said=said).fleet
        self.survey = LedgerSurvey(ledger, lambda: SurveyBasis(self.fleet, self.rules), self._follow, lambda: NOW)

    def _make_answer(self, name: str) -> Any:
        def answer(action: object) -> object:
            if isinstance(action, ReadHandshakes):
                self.asked.append((name, action.position))
                return self.said.get(name, reading())
            return self.server if isinstance(action, ReadServerCertificate) else files(A)

        return answer

    async def _follow(self, further: FurtherReading, known: KnownIdentities, began: datetime) -> None:
        assert NOW == began
        self.followed.append((further, known))

    async def run(self) -> Mapping[str, Identity]:
        await self.survey.run()
        return {each.fingerprint: each for each in (await self.ledger.read_known()).identities}


@pytest.fixture
def surveyed(ledger: IdentityLedger) -> Surveyed:
    return Surveyed(ledger)


async def test_every_certificate_of_a_log_becomes_known_with_the_place_and_the_time(surveyed: Surveyed) -> None:
    surveyed.said["host-a"] = reading(seen(1), seen(2, at=None))
    identities = await surveyed.run()
    expected = Identity(
        fingerprint=f"{1:064x}",
        kind=IdentityKind.NEBULA,
        name="laptop",
        address="10.100.9.1",
        issuer="c" * 64,
        first_seen_at=NOW - HOUR,
        seen_at=NOW - HOUR,
    )
    assert expected == identities[f"{1:064x}"]
    assert NOW == identities[f"{2:064x}"].seen_at
    (sighting,) = (await surveyed.ledger.read_known()).find_sightings(f"{1:064x}")
    assert ("host-a", Way.HANDSHAKE) == (sighting.place, sighting.way)


async def test_the_next_survey_goes_on_where_this_one_ended(surveyed: Surveyed) -> None:
    await surveyed.run()
    assert [("host-a", None), ("host-b", None), ("lighthouse", None)] == sorted(surveyed.asked, key=lambda each: each[0])
    surveyed.asked.clear()
    await surveyed.run()
    assert {("host-a", AT), ("host-b", AT), ("lighthouse", AT)} == set(surveyed.asked)


@pytest.mark.parametrize(
    ("logged", "clock", "kept"),
    [
        (NOW - HOUR, NOW, NOW - HOUR),
        (NOW, NOW + HOUR, NOW - HOUR),
        (NOW - 2 * HOUR, NOW - HOUR, NOW - HOUR),
        (NOW + 9 * HOUR, NOW, NOW),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), NOW - MAX_AGE),
    ],
)
async def test_times_go_by_the_bots_clock_and_never_lie_ahead(
    surveyed: Surveyed, logged: datetime, clock: datetime, kept: datetime
) -> None:
    surveyed.said["host-a"] = reading(seen(1, at=logged), clock=clock)
    assert kept == (await surveyed.run())[f"{1:064x}"].seen_at


async def test_a_host_that_does_not_answer_hides_no_other_and_keeps_its_position(surveyed: Surveyed) -> None:
    await surveyed.run()
    surveyed.said |= {"host-a": Unreachable(Phrase("connection refused")), "lighthouse": reading(seen())}
    assert f"{1:064x}" in await surveyed.run()
    assert AT == (await surveyed.ledger.read_positions())["host-a"]
    assert 2 == len(surveyed.followed)


def refusal(address: str, at: datetime | None = NOW - HOUR) -> RefusedPeer:
    return RefusedPeer(address=address, why="certificate is in the block list", fingerprint="", at=at)


async def test_recent_refusals_are_handed_on_by_host_with_the_bots_times(surveyed: Surveyed) -> None:
    old = refusal("192.0.2.15", NOW - timedelta(days=2))
    surveyed.said["host-a"] = reading(refusals=(refusal("192.0.2.13"), refusal("192.0.2.14", None), old), refused=3)
    await surveyed.run()
    refused = surveyed.followed[-1][0].refused
    expected = {"host-a": (refusal("192.0.2.13"), refusal("192.0.2.14", NOW)), "host-b": (), "lighthouse": ()}
    assert (expected, True) == (refused.by_host, refused.whole)


async def test_a_log_that_could_not_be_read_makes_the_refusals_incomplete(surveyed: Surveyed) -> None:
    surveyed.said["host-a"] = Unreachable(Phrase("connection refused"))
    await surveyed.run()
    refused = surveyed.followed[-1][0].refused
    assert (["host-b", "lighthouse"], False) == ([*refused.by_host], refused.whole)


async def test_what_could_not_be_recorded_is_read_again(surveyed: Surveyed, log: Log) -> None:
    surveyed.said["host-a"] = reading(seen())
    log.full = True
    await surveyed.run()
    assert "host-a" not in await surveyed.ledger.read_positions()
    log.full = False
    assert f"{1:064x}" in await surveyed.run()


async def test_a_forged_log_fills_only_its_own_share(surveyed: Surveyed) -> None:
    for start in (0, 500, 1_000):
        surveyed.said["host-a"] = reading(*(seen(start + number) for number in range(500)))
        await surveyed.run()
    surveyed.said = {"host-a": reading(), "host-b": reading(seen(9_999))}
    identities = await surveyed.run()
    claims = [each for each in identities.values() if each.claimed]
    assert (257, True) == (len(claims), f"{9_999:064x}" in identities)


async def test_certificates_of_winrm_are_known_where_a_connection_uses_tls(surveyed: Surveyed) -> None:
    found = (await surveyed.run())["e" * 64]
    assert (IdentityKind.WINRM, "host-a.example.com", "WinRM CA", NOW) == (
        found.kind,
        found.name,
        found.issuer,
        found.seen_at,
    )
    (sighting,) = (await surveyed.ledger.read_known()).find_sightings("e" * 64)
    assert ("host-b", Way.TLS) == (sighting.place, sighting.way)
    ((further, _),) = surveyed.followed
    assert {"host-b": server_certificate()} == further.servers


async def test_one_that_cannot_be_read_is_passed_on_as_unknown(surveyed: Surveyed) -> None:
    surveyed.server = Unreachable(Phrase("connection refused"))
    assert "e" * 64 not in await surveyed.run()
    ((further, _),) = surveyed.followed
    assert isinstance(further.servers["host-b"], Unreachable)


async def test_the_bots_own_certificate_is_known(ledger: IdentityLedger, tmp_path: Path) -> None:
    path = tmp_path / "host.crt"
    path.write_text(CA.sign("flatnet-bot", "10.100.200.1/16")[0])
    (certificate,) = parse_pem(path.read_text())
    surveyed = Surveyed(ledger, bot_certificate=path)
    assert "flatnet-bot" == (await surveyed.run())[certificate.fingerprint].name
    (sighting,) = (await ledger.read_known()).find_sightings(certificate.fingerprint)
    assert (BOT_PLACE, Way.FILE) == (sighting.place, sighting.way)


async def test_a_report_of_cert_makes_files_and_cas_known(surveyed: Surveyed) -> None:
    given = replace(view(LIGHTHOUSE, A), identities=KnownIdentities())
    report = await CertList(all=True).read(given)
    await surveyed.survey.follow(Area.CERTIFICATES, report, NOW)
    await surveyed.survey.follow(Area.DISKS, report, NOW)
    known = await surveyed.ledger.read_known()
    (authority,) = parse_pem(CA.certificate)
    expected = {"Flatnet CA": IdentityKind.AUTHORITY, "lighthouse": IdentityKind.NEBULA, "host-a": IdentityKind.NEBULA}
    assert expected == {each.name: each.kind for each in known.identities}
    own = next(each for each in known.identities if each.name == "host-a")
    assert ("10.100.1.1", authority.fingerprint, ("flatnet", "gateway")) == (own.address, own.issuer, own.groups)
    assert own.ends_at is not None
    places = {sighting.place for sighting in known.find_sightings(authority.fingerprint)}
    assert ({"lighthouse", "host-a"}, ["host-a"]) == (
        places,
        [sighting.place for sighting in known.find_sightings(own.fingerprint)],
    )


async def test_hosts_without_a_readable_certificate_leave_nothing(surveyed: Surveyed) -> None:
    said = {("host-a", "windows"): Unreachable(Phrase("no"))}
    report = await CertList().read(view(A, NO_WINDOWS, said=said))
    await surveyed.survey.follow(Area.CERTIFICATES, report, NOW)
    assert () == (await surveyed.ledger.read_known()).identities


class Silent:
    """Connections to hosts that are silent until they are let go."""

    def __init__(self) -> None:
        self.waiting = 0
        self.let_go = asyncio.Event()

    async def perform(self, action: object) -> Any:
        self.waiting += 1
        await self.let_go.wait()
        raise Unreachable(Phrase("nothing answers"))

    async def aclose(self) -> None:
        pass


async def test_silent_hosts_leave_room_for_the_watch_and_for_changes(ledger: IdentityLedger) -> None:
    silent, hosts = Silent(), tuple(host(f"host-{number}", number) for number in range(1, CONCURRENT_HOSTS + 9))
    fleet = Fleet(Inventory(hosts=hosts), lambda host, side: silent)

    async def follow(*said: object) -> None:
        pass

    survey = LedgerSurvey(ledger, lambda: SurveyBasis(fleet, CertificateRules()), follow, lambda: NOW)
    running = asyncio.create_task(survey.run())
    while silent.waiting < CONCURRENT_HOSTS:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # the others would begin within 50 ms
    assert CONCURRENT_HOSTS == silent.waiting
    silent.let_go.set()
    await running
    assert len(hosts) == silent.waiting
