"""Reads the certificates on hosts, and parses them into values.

hosts ─ read (concurrently) ─▶ HostCertificates, one for each host ─▶ FleetCertificates: lighthouse, CAs, logged handshakes

Private keys of Nebula that lie where none belongs: read on the hosts, and judged.

old pairs        in the folders of operations: what a renewal replaced, or one that was cut off left behind
copies           anywhere else in Flatnet's folders, such as the host-new.key that was made by hand, or an old backup
keys of CAs      beside the one that signs

Whoever has such a key and its certificate is that host for all others, until the certificate has ended or is blocked.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath

from adapters.error_text import clean_line
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host, Inventory, WindowsPaths, WindowsSide
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem, parse_print_output
from adapters.phrase import Moment, Phrase
from adapters.windows.key_files import FindStrayKeys, StrayKey, StrayKeys
from adapters.windows.nebula import LoggedHandshake, NebulaFiles, ReadCertificates
from commands.health.assessment import Remark
from commands.health.fleet_report import read_all_hosts, read_side
from commands.model.finding import Severity, relate_moment
from commands.model.operation import CertificateRules, FleetView
from commands.model.report import Section
from commands.model.rotation import Rotation
from commands.values.arguments import shorten_argument

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


UNDER_WAY = timedelta(hours=1)
"""Age up to which a key in the folder of an operation is taken for one that is needed there."""

MAX_LISTED_KEYS = 20


async def read_with_stray_keys(hosts: Sequence[Host], view: FleetView) -> FleetCertificates:
    """Reads the certificates of these hosts and of the lighthouse, and looks for stray keys on these hosts."""
    async with asyncio.TaskGroup() as group:
        seen = group.create_task(read_certificates(add_lighthouse(hosts, view.fleet.inventory), view))
        found = group.create_task(_find_keys(hosts, view))
    keys = found.result()
    per_host = tuple(replace(held, stray_keys=keys.get(held.host.name)) for held in seen.result().per_host)
    return replace(seen.result(), per_host=per_host)


async def _find_keys(hosts: Sequence[Host], view: FleetView) -> Mapping[str, StrayKeys | HostError | None]:
    """Finds the keys on each host, by its name."""
    answers = await asyncio.gather(*(_find_host_keys(host, view) for host in hosts))
    return {host.name: answer for host, answer in zip(hosts, answers, strict=True)}


async def _find_host_keys(host: Host, view: FleetView) -> StrayKeys | HostError | None:
    action = None if host.windows is None else FindStrayKeys.of(host.windows)
    return await read_side(host, action, view)


def judge_stray_keys(held: HostCertificates) -> Iterator[Remark]:
    """Judges the stray keys of a host whose certificates were read."""
    name, found = held.host.name, held.stray_keys
    if isinstance(found, HostError):
        why = Phrase("could not check for private keys that were left behind: {why}", why=found.phrase)
        yield Remark("stray-keys", Severity.LOW, Phrase("stray keys not checked"), why)
        return
    keys = () if found is None else list_strays(found)
    authorities = [key for key in keys if key.kind == "authority"]
    old = [key for key in keys if key.kind == "host" and is_of_operation(key)]
    copies = [key for key in keys if key.kind == "host" and not is_of_operation(key)]
    if authorities:
        why = Phrase(
            "the private key of a CA is also in {file}. Move it to a safe place, then remove it there",
            file=_shorten(authorities[0]),
        )
        yield Remark("stray-ca-key", Severity.HIGH, Phrase("stray CA key"), why, next=f"cert show {name}")
    if copies:
        why = Phrase(
            "{n} private key was left behind: {file}. Remove it on the host, unless a person still needs it",
            plural="{n} private keys were left behind, the first is {file}. Remove them on the host, unless a person "
            "still needs them",
            n=len(copies),
            file=_shorten(copies[0]),
        )
        yield Remark("stray-key", Severity.MEDIUM, Phrase("stray private keys"), why, next=f"cert show {name}")
    if old:
        why = Phrase(
            "{n} private key of an earlier renewal is left: {file}. The next renewal wipes it. Remove it on the host if "
            "that is too late",
            plural="{n} private keys of earlier renewals are left, the first is {file}. The next renewal wipes them. Remove "
            "them on the host if that is too late",
            n=len(old),
            file=_shorten(old[0]),
        )
        yield Remark("old-key", Severity.MEDIUM, Phrase("old private keys left"), why, next=f"cert show {name}")


def list_strays(found: StrayKeys) -> tuple[StrayKey, ...]:
    """Lists the keys without those of an operation that may be under way."""
    return tuple(key for key in found.keys if not (is_of_operation(key) and found.clock - key.written_at < UNDER_WAY))


def is_of_operation(key: StrayKey) -> bool:
    """Returns whether a key lies in the folder of an operation."""
    return any(folder.parent.name.lower() == "operations" for folder in PureWindowsPath(key.file).parents)


def build_stray_section(held: HostCertificates, seen: FleetCertificates) -> tuple[Section, ...]:
    """Builds the section that names each stray key, for the person who removes them."""
    found = held.stray_keys
    if not isinstance(found, StrayKeys):
        return ()
    keys = list_strays(found)
    lines = [_describe(key, seen) for key in keys[:MAX_LISTED_KEYS]]
    if len(keys) > MAX_LISTED_KEYS:
        lines.append(Phrase("and {n} more", n=len(keys) - MAX_LISTED_KEYS))
    if not found.complete:
        lines.append(Phrase("not all folders were searched"))
    return (Section(heading=Phrase("Private keys to remove"), lines=tuple(lines)),) if lines else ()


def _describe(key: StrayKey, seen: FleetCertificates) -> Phrase:
    written, certificate = relate_moment(key.written_at, seen.now), key.certificate
    if key.kind == "authority":
        return Phrase("{file}: the key of a CA, written {at}", file=_shorten(key), at=written)
    if certificate is None:
        return Phrase("{file}: written {at}, no certificate beside it", file=_shorten(key), at=written)
    return Phrase(
        "{file}: written {at}, certificate {fingerprint} of {name}, valid until {until}",
        file=_shorten(key),
        at=written,
        fingerprint=shorten_fingerprint(certificate.fingerprint),
        name=shorten_argument(certificate.name),
        until=Moment(certificate.not_after),
    )


def _shorten(key: StrayKey) -> str:
    """Returns a path from the host for a sentence."""
    return clean_line(key.file)
