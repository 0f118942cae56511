"""Survey of all hosts for the ledger, every hour: handshakes in logs, certificates of WinRM, and the bot's own.

    hosts ─┬─ new handshakes of each log ─▶ sightings and position, a transaction for each host ─┐   and refused peers
           ├─ TLS handshake of WinRM      ─▶ sightings                                          ├─▶ followers: alerts
           └─ the bot's own file          ─▶ a sighting                                         ─┘
    report of `cert` ─▶ certificates in files

What a host says is untrusted: certificates in its log are claims, and take up little room. A host's failure is its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from adapters.errors import FlatnetError, HostError
from adapters.fleet import Fleet, ReadResult
from adapters.inventory import Host
from adapters.windows.handshakes import HandshakeReading, ReadHandshakes, RefusedPeer, SeenCertificate
from adapters.windows.log_files import FilePosition
from adapters.windows.tls_certificate import ServerCertificate
from bot.certificates.rules.ledger import list_file_sightings
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.tables.ledger import ReadPosition
from bot.model.observation import Observation
from commands.certificates.further import FurtherReading, read_further
from commands.certificates.outsiders import RECENT_PERIOD, RefusedPeers
from commands.model.certificates import (
    BOT_PLACE,
    MAX_TEXT,
    Identity,
    IdentityKind,
    KnownIdentities,
    Sighting,
    Way,
    make_identity,
)
from commands.model.check import Area
from commands.model.operation import CertificateRules, FleetView
from commands.model.report import Report
from commands.model.thresholds import Thresholds

SURVEY_INTERVAL = 3600.0
"""Seconds between two surveys. Certificates change rarely, and a log is read on from where the last survey ended."""

FIRST_SURVEY_DELAY = 120.0
"""Seconds after the start until the first survey, so that the first checks and interrupted changes come before it."""

MAX_AGE = timedelta(days=3650)
"""Age beyond which a line of a log counts as this old. Both of its times are the host's, and may be any."""

CONCURRENT_HOSTS = 64
"""Hosts whose logs are read at once. Silent ones keep a slot of the fleet for long, and the watch and changes need some."""

_log = structlog.get_logger("bot.certificates.services.survey")


@dataclass(frozen=True)
class SurveyBasis:
    """Basis of a survey: the hosts, and the rules of certificates."""

    fleet: Fleet
    rules: CertificateRules


SurveyFollower = Callable[[FurtherReading, KnownIdentities, datetime], Awaitable[None]]
"""Takes what a survey read, the whole ledger after it, and the time at which it began. It never raises."""


class LedgerSurvey:
    """Reads all hosts for the ledger. `find_basis` returns the basis in the active configuration."""

    def __init__(
        self,
        ledger: IdentityLedger,
        find_basis: Callable[[], SurveyBasis],
        follower: SurveyFollower,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._find_basis = find_basis
        self._follower = follower
        self._now = now

    async def run(self) -> None:
        """Reads everything once. Raises `DatabaseError` where nothing could be begun."""
        began, basis = self._now(), self._find_basis()
        await self._ledger.catch_up()
        view = FleetView(basis.fleet, self._now, Thresholds(), certificates=basis.rules)
        reading = await read_further(basis.fleet.inventory.hosts, view)
        await self._observe(list(list_further_sightings(reading, began)))
        positions = await self._ledger.read_positions()
        hosts = [host for host in basis.fleet.inventory.hosts if host.windows is not None]
        turns, refused = asyncio.Semaphore(CONCURRENT_HOSTS), dict[str, tuple[RefusedPeer, ...]]()

        async def read(host: Host) -> None:
            async with turns:
                logged = await self._read_handshakes(basis.fleet, host, positions.get(host.name))
            if logged is not None:
                refused[host.name] = tuple(list_recent_refusals(logged, self._now()))

        async with asyncio.TaskGroup() as group:
            for host in hosts:
                group.create_task(read(host))
        peers = RefusedPeers({name: refused[name] for name in sorted(refused)}, whole=len(refused) == len(hosts))
        await self._follower(replace(reading, refused=peers), await self._ledger.read_known(), began)

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Stores the certificates in files that a report of `cert` read (`bot.digests.services.CheckFollower`)."""
        if area is Area.CERTIFICATES:
            await self._observe(list(list_file_sightings(report, began)))

    async def _read_handshakes(self, fleet: Fleet, host: Host, position: FilePosition | None) -> HandshakeReading | None:
        """Reads a host's log and stores what it names. Returns None if it could not be read."""
        assert host.windows is not None
        seen: ReadResult[HandshakeReading] = await fleet.read(host, ReadHandshakes.of(host.windows, position))
        if isinstance(seen.outcome, HostError):
            return None  # the watch says that a host is silent
        reading, now = seen.outcome, self._now()
        observations = list(list_handshake_sightings(host.name, reading, now))
        read = None if reading.position is None else ReadPosition(host.name, now, reading.position)
        refused = await self._observe(observations, read)
        if refused or reading.dropped:
            _log.warning(
                "the log of a host names more certificates than are kept; it may be forged",
                host=host.name,
                refused=refused,
                dropped=reading.dropped,
            )
        return reading

    async def _observe(self, observations: list[Observation], read: ReadPosition | None = None) -> int:
        """Stores sightings. A failure is logged: the position stays, so that the next survey reads the same lines again."""
        try:
            return await self._ledger.observe(observations, read)
        except FlatnetError as error:
            _log.warning("what was seen could not be stored", why=str(error))
            return 0


def list_handshake_sightings(host: str, reading: HandshakeReading, now: datetime) -> Iterator[Observation]:
    """Lists the certificates that a host's log names. Its times are corrected by its clock, and never in the future."""
    for seen in reading.certificates:
        identity = Identity(
            fingerprint=seen.fingerprint,
            kind=IdentityKind.NEBULA,
            name=seen.name,
            address=seen.address,
            issuer=seen.issuer,
        )
        yield Observation(identity, Sighting(place=host, way=Way.HANDSHAKE, at=_correct_time(seen, reading.clock, now)))


def list_recent_refusals(reading: HandshakeReading, now: datetime) -> Iterator[RefusedPeer]:
    """Lists the refused peers that are news, with times corrected as those of handshakes."""
    for peer in reading.refusals:
        at = _correct_time(peer, reading.clock, now)
        if now - at <= RECENT_PERIOD:
            yield peer.model_copy(update={"at": at})


def list_further_sightings(reading: FurtherReading, at: datetime) -> Iterator[Observation]:
    """Lists the certificates of WinRM, and the bot's own."""
    for host, answer in reading.servers.items():
        if isinstance(answer, ServerCertificate):
            yield Observation(_make_server_identity(answer), Sighting(place=host, way=Way.TLS, at=at))
    own = None if reading.own is None else reading.own.certificate
    if own is not None:
        yield Observation(make_identity(own), Sighting(place=BOT_PLACE, way=Way.FILE, at=at))


def _make_server_identity(answer: ServerCertificate) -> Identity:
    return Identity(
        fingerprint=answer.fingerprint,
        kind=IdentityKind.WINRM,
        name=answer.name[:MAX_TEXT],
        issuer=answer.issuer[:MAX_TEXT],
        begins_at=answer.begins_at,
        ends_at=answer.ends_at,
    )


def _correct_time(seen: SeenCertificate | RefusedPeer, clock: datetime, now: datetime) -> datetime:
    """Corrects a time by the host's clock. A line without a time is new, so it counts as of now."""
    if seen.at is None:
        return now
    return now - min(max(timedelta(0), clock - seen.at), MAX_AGE)
