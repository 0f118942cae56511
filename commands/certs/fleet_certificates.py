"""Reads the certificates on hosts, and parses them into values.

hosts ─ read (concurrently) ─▶ HostCertificates, one for each host ─▶ FleetCertificates: lighthouse, CAs, logged handshakes
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host, Inventory, WindowsPaths, WindowsSide
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem, parse_print_output
from adapters.windows.key_files import StrayKeys
from adapters.windows.nebula import LoggedHandshake, NebulaFiles, ReadCertificates
from commands.checks.concurrent_reads import read_all_hosts
from commands.model.operation import CertificateRules, FleetView
from commands.model.rotation import Rotation

CLOCK_OFFSET_LIMIT = 60.0
"""Maximum clock offset in seconds of hosts where certificates are made and judged, because the clock sets their dates."""


@dataclass(frozen=True)
class HostCertificates:
    """One host's certificate and CAs, parsed; `answer` is None if the host has no Windows side.

    `read_error`, `ca_read_error`: why a file could not be parsed; "" if it could or does not exist. `parsers_agree`,
    `ca_parsers_agree`: `nebula-cert` on the host and the bot's parser agree. `ahead`: seconds, see
    `adapters.host_clock.compute_clock_offset`. `ca_key_file`: where the key that signs was looked for. `stray_keys`: None if
    they were not looked for.
    """

    host: Host
    answer: NebulaFiles | HostError | None
    ahead: float = 0.0
    certificate: Certificate | None = None
    read_error: str = ""
    parsers_agree: bool = True
    authorities: tuple[Certificate, ...] = ()
    ca_read_error: str = ""
    ca_parsers_agree: bool = True
    ca_key_file: str = ""
    stray_keys: StrayKeys | HostError | None = None

    @property
    def files(self) -> NebulaFiles | None:
        """The files on the host; None if they are unknown."""
        return self.answer if isinstance(self.answer, NebulaFiles) else None

    @property
    def paths(self) -> WindowsPaths:
        """The paths of the files; only for a host with a Windows side."""
        assert self.host.windows is not None
        return self.host.windows.paths

    @property
    def trusts_own_certificate(self) -> bool:
        """True if a CA in the host's own file signed its certificate."""
        return self.certificate is not None and any(is_signed_by(self.certificate, ca) for ca in self.authorities)

    @property
    def clock_is_right(self) -> bool:
        return abs(self.ahead) <= CLOCK_OFFSET_LIMIT

    @property
    def misconfigured_paths(self) -> tuple[tuple[str, str], ...]:
        """Paths in config.yaml that differ from the inventory: (configured, expected)."""
        if self.files is None:
            return ()
        pairs = (
            (self.files.configured_ca, self.paths.ca_certificate),
            (self.files.configured_certificate, self.paths.host_certificate),
            (self.files.configured_key, self.paths.host_key),
        )
        return tuple((named, known) for named, known in pairs if PureWindowsPath(named) != PureWindowsPath(known))


@dataclass(frozen=True)
class FleetCertificates:
    """The certificates of all hosts that were read, and the rules and time to judge them by."""

    per_host: tuple[HostCertificates, ...]
    rules: CertificateRules
    now: datetime
    logged_handshakes: Mapping[str, tuple[Host, LoggedHandshake]]
    """Newest logged handshake by the name of the peer, with the host that logged it."""
    rotation: Rotation | None = None
    """The change of the CA that is under way."""

    @property
    def lighthouse(self) -> HostCertificates | None:
        """The lighthouse, if it was read."""
        return next((each for each in self.per_host if each.host.lighthouse), None)

    @property
    def authorities(self) -> tuple[tuple[Certificate, tuple[HostCertificates, ...]], ...]:
        """Each CA's certificate once, with the hosts that trust it, in the order of expiry."""
        holders: dict[str, list[HostCertificates]] = {}
        known: dict[str, Certificate] = {}
        for held in self.per_host:
            for ca in held.authorities:
                known[ca.fingerprint] = ca
                holders.setdefault(ca.fingerprint, []).append(held)
        soonest = sorted(known.values(), key=lambda ca: (ca.not_after, ca.fingerprint))
        return tuple((ca, tuple(holders[ca.fingerprint])) for ca in soonest)

    def get_groups(self, host: Host) -> tuple[str, ...]:
        """Returns the groups that this host's certificate must have."""
        return self.rules.lighthouse_groups if host.lighthouse else self.rules.groups

    def compute_time_left(self, certificate: Certificate) -> timedelta:
        """Computes the time left of a certificate; negative after its expiry."""
        return certificate.not_after - self.now

    def find_logged_handshake(self, held: HostCertificates) -> tuple[Host, LoggedHandshake] | None:
        """Finds the newest handshake with this host that another one logged."""
        return None if held.certificate is None else self.logged_handshakes.get(held.certificate.name)


async def read_certificates(hosts: Iterable[Host], view: FleetView) -> FleetCertificates:
    """Reads the certificates of these hosts concurrently; the results are in their order."""
    held = await read_all_hosts(hosts, lambda host: _read_host(host, view), view)
    logged = [(each.host, sighting) for each in held if each.files for sighting in each.files.sightings]
    newest = {sighting.name: (host, sighting) for host, sighting in sorted(logged, key=lambda pair: _get_order(pair[1]))}
    return FleetCertificates(held, view.certificates, view.now(), newest, view.rotation)


def _get_order(sighting: LoggedHandshake) -> datetime:
    """Returns the time to sort by. A handshake of unknown time counts only if there is no other one."""
    return sighting.at or datetime.min.replace(tzinfo=UTC)


def add_lighthouse(hosts: Sequence[Host], inventory: Inventory) -> tuple[Host, ...]:
    """Adds the lighthouse, which the other hosts are compared with."""
    return tuple(host for host in inventory.hosts if host in hosts or host.lighthouse)


def _parse_answer(host: Host, said: NebulaFiles, ahead: float, ca_key_file: str) -> HostCertificates:
    """Parses a host's answer."""
    certificates, broken = _parse_pem(said.certificate)
    authorities, ca_broken = _parse_pem(said.ca)
    return HostCertificates(
        host=host,
        answer=said,
        ahead=ahead,
        certificate=certificates[0] if certificates else None,
        read_error=broken,
        parsers_agree=not certificates or _parse_printed(said.printed) == certificates,
        authorities=authorities,
        ca_read_error=ca_broken,
        ca_parsers_agree=not authorities or _parse_printed(said.ca_printed) == authorities,
        ca_key_file=ca_key_file,
    )


def shorten_fingerprint(fingerprint: str) -> str:
    """Shortens a fingerprint for a quick comparison. Details have all of it."""
    return fingerprint[:12]


async def _read_host(host: Host, view: FleetView) -> HostCertificates:
    if host.windows is None:
        return HostCertificates(host, None)
    action = _build_read(host, host.windows, view.rotation)
    seen: ReadResult[NebulaFiles] = await view.fleet.read(host, action)
    if isinstance(seen.outcome, HostError):
        return HostCertificates(host, seen.outcome)
    ahead = compute_clock_offset(seen.outcome.clock, view.now(), seen.age)
    return _parse_answer(host, seen.outcome, ahead, action.ca_key)


def _build_read(host: Host, side: WindowsSide, rotation: Rotation | None) -> ReadCertificates:
    """Builds the read. On the lighthouse it looks for the key that signs now, which a change of the CA has elsewhere."""
    usual = ReadCertificates.of(side)
    if rotation is None or not host.lighthouse:
        return usual
    return usual.model_copy(update={"ca_key": rotation.signer.key_file})


def _parse_pem(text: str) -> tuple[tuple[Certificate, ...], str]:
    if not text:
        return (), ""
    try:
        return parse_pem(text), ""
    except ValueError as error:
        return (), str(error)


def _parse_printed(text: str) -> tuple[Certificate, ...] | None:
    try:
        return parse_print_output(text)
    except ValueError:
        return None
