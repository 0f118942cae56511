"""Reads the certificates on hosts, and parses them into values.

hosts ─ read (concurrently) ─▶ HostCertificates, one for each host ─▶ FleetCertificates: lighthouse, CAs, sightings
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import Seen
from adapters.inventory import Host, Inventory, WindowsPaths
from adapters.nebula.certificates import Certificate, read_pem, read_printed, signed_by
from adapters.windows.nebula import NebulaFiles, ReadCertificates, Sighting
from commands.checks.assessment import ahead
from commands.checks.gather import look_at_all
from commands.model.operation import CertificateRules, View

CLOCK_LIMIT = 60.0
"""Maximum clock offset in seconds of hosts where certificates are made and judged, because the clock sets their dates."""


@dataclass(frozen=True)
class Held:
    """One host's certificate and CAs, parsed; `answer` is None if the host has no Windows side.

    `read_error`, `ca_read_error`: why a file could not be parsed; "" if it could or does not exist. `parsers_agree`,
    `ca_parsers_agree`: `nebula-cert` on the host and the bot's parser agree. `ahead`: seconds as from
    `checks.assessment.compute_clock_offset`.
    """

    host: Host
    said: NebulaFiles | HostError | None
    ahead: float = 0.0
    certificate: Certificate | None = None
    broken: str = ""
    told: bool = True
    authorities: tuple[Certificate, ...] = ()
    ca_broken: str = ""
    ca_told: bool = True

    @property
    def files(self) -> NebulaFiles | None:
        """The files on the host; None if they are unknown."""
        return self.said if isinstance(self.said, NebulaFiles) else None

    @property
    def paths(self) -> WindowsPaths:
        """The paths of the files; only for a host with a Windows side."""
        assert self.host.windows is not None
        return self.host.windows.paths

    @property
    def trusts_itself(self) -> bool:
        """True if a CA in the host's own file signed its certificate."""
        return self.certificate is not None and any(signed_by(self.certificate, ca) for ca in self.authorities)

    @property
    def clock_is_right(self) -> bool:
        return abs(self.ahead) <= CLOCK_LIMIT

    @property
    def elsewhere(self) -> tuple[tuple[str, str], ...]:
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
class Mesh:
    """The certificates of all hosts that were read, and the rules and time to judge them by."""

    held: tuple[Held, ...]
    rules: CertificateRules
    now: datetime
    sightings: Mapping[str, tuple[Host, Sighting]]
    """Newest logged handshake by the name of the peer, with the host that logged it."""

    @property
    def lighthouse(self) -> Held | None:
        """The lighthouse, if it was read."""
        return next((each for each in self.held if each.host.lighthouse), None)

    @property
    def authorities(self) -> tuple[tuple[Certificate, tuple[Held, ...]], ...]:
        """Each CA's certificate once, with the hosts that trust it, in the order of expiry."""
        holders: dict[str, list[Held]] = {}
        known: dict[str, Certificate] = {}
        for held in self.held:
            for ca in held.authorities:
                known[ca.fingerprint] = ca
                holders.setdefault(ca.fingerprint, []).append(held)
        soonest = sorted(known.values(), key=lambda ca: (ca.not_after, ca.fingerprint))
        return tuple((ca, tuple(holders[ca.fingerprint])) for ca in soonest)

    def groups(self, host: Host) -> tuple[str, ...]:
        """Returns the groups that this host's certificate must have."""
        return self.rules.lighthouse_groups if host.lighthouse else self.rules.groups

    def left(self, certificate: Certificate) -> timedelta:
        """Computes the time left of a certificate; negative after its expiry."""
        return certificate.not_after - self.now

    def sighted(self, held: Held) -> tuple[Host, Sighting] | None:
        """Finds the newest handshake with this host that another one logged."""
        return None if held.certificate is None else self.sightings.get(held.certificate.name)


async def look_at(hosts: Iterable[Host], view: View) -> Mesh:
    """Reads the certificates of these hosts concurrently; the results are in their order."""
    held = await look_at_all(hosts, lambda host: _ask(host, view), view)
    logged = [(each.host, sighting) for each in held if each.files for sighting in each.files.sightings]
    newest = {sighting.name: (host, sighting) for host, sighting in sorted(logged, key=lambda pair: pair[1].at)}
    return Mesh(held, view.certificates, view.now(), newest)


def with_lighthouse(hosts: Sequence[Host], inventory: Inventory) -> tuple[Host, ...]:
    """Adds the lighthouse, which the other hosts are compared with."""
    return tuple(host for host in inventory.hosts if host in hosts or host.lighthouse)


def _parsed(host: Host, said: NebulaFiles, ahead: float) -> Held:
    """Parses a host's answer."""
    certificates, broken = _read(said.certificate)
    authorities, ca_broken = _read(said.ca)
    return Held(
        host=host,
        said=said,
        ahead=ahead,
        certificate=certificates[0] if certificates else None,
        broken=broken,
        told=not certificates or _printed(said.printed) == certificates,
        authorities=authorities,
        ca_broken=ca_broken,
        ca_told=not authorities or _printed(said.ca_printed) == authorities,
    )


def short(fingerprint: str) -> str:
    """Shortens a fingerprint for a quick comparison. Details have all of it."""
    return fingerprint[:12]


async def _ask(host: Host, view: View) -> Held:
    if host.windows is None:
        return Held(host, None)
    seen: Seen[NebulaFiles] = await view.fleet.look(host, ReadCertificates.of(host.windows))
    if isinstance(seen.said, HostError):
        return Held(host, seen.said)
    return _parsed(host, seen.said, ahead(seen.said.clock, view.now(), seen.age))


def _read(text: str) -> tuple[tuple[Certificate, ...], str]:
    if not text:
        return (), ""
    try:
        return read_pem(text), ""
    except ValueError as error:
        return (), str(error)


def _printed(text: str) -> tuple[Certificate, ...] | None:
    try:
        return read_printed(text)
    except ValueError:
        return None
