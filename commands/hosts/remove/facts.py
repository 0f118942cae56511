"""Reads what a removal is planned from: the others' certificates, the lighthouse's log, gateways, and the host itself."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.handshakes import HandshakeReading, ReadHandshakes
from adapters.windows.key_files import FindStrayKeys, StrayKey, StrayKeys
from adapters.windows.services import ReadServices, Services
from adapters.wsl.podman import UnreadPart
from adapters.wsl.system import ReadSystem, WslSystem
from commands.certificates.reading import FleetCertificates, read_certificates
from commands.changes.commit_confirm import get_windows_side
from commands.gateways.registrations import GatewayRegistry, read_registry
from commands.health.fleet_report import read_all_hosts
from commands.hosts.remove.identities import IdentitySources
from commands.model.operation import CannotPlan, FleetView


@dataclass(frozen=True)
class OwnSight:
    """The host itself, if it is not lost. `running` are the names of its running containers."""

    host: Host
    services: Services
    certificates: tuple[Certificate, ...]
    strays: StrayKeys
    running: tuple[str, ...]


async def read_others(others: Sequence[Host], view: FleetView) -> FleetCertificates:
    """Reads the certificates of the others. Raises `CannotPlan` if the lighthouse, which is always first, did not answer."""
    seen = await read_certificates(others, view)
    lighthouse = seen.lighthouse
    if lighthouse is not None and isinstance(lighthouse.answer, HostError):
        raise CannotPlan(
            Phrase(
                "the lighthouse must refuse the host first, but {host} could not be checked: {why}",
                host=lighthouse.host.name,
                why=lighthouse.answer.phrase,
            )
        )
    return seen


async def read_sources(seen: FleetCertificates, own: OwnSight | None, view: FleetView) -> IdentitySources:
    """Reads where certificates were signed or seen. Raises `CannotPlan` if one of these places could not be read."""
    if not view.identities.available:
        raise CannotPlan(Phrase("the ledger of certificates could not be read, so it is unknown which must be blocked"))
    lighthouse = seen.lighthouse
    assert lighthouse is not None
    reading: ReadResult[HandshakeReading]
    reading = await view.fleet.read(lighthouse.host, ReadHandshakes.of(get_windows_side(lighthouse.host), None))
    if isinstance(reading.outcome, HostError):
        phrase = Phrase(
            "could not read Nebula's log of {host}: {why}", host=lighthouse.host.name, why=reading.outcome.phrase
        )
        raise CannotPlan(phrase)
    return IdentitySources(view.identities, seen, () if own is None else own.certificates, reading.outcome.certificates)


async def read_own(host: Host, view: FleetView) -> OwnSight:
    """Reads the host itself. Raises `CannotPlan`, with the way out, if a part of it is unknown."""
    side = get_windows_side(host)
    asking: Awaitable[ReadResult[Services]] = view.fleet.read(host, ReadServices.of(side))
    held, services, strays, running = await asyncio.gather(
        read_certificates((host,), view), asking, read_strays(host, view), _read_running(host, view)
    )
    if isinstance(services.outcome, HostError):
        raise _explain_silent(host, services.outcome)
    (own,) = held.per_host
    if isinstance(own.answer, HostError):
        raise _explain_silent(host, own.answer)
    beside = tuple(each.certificate for each in strays.keys if each.certificate is not None and not each.certificate.is_ca)
    present = () if own.certificate is None else (own.certificate,)
    return OwnSight(host, services.outcome, (*present, *beside), strays, running)


async def read_strays(host: Host, view: FleetView) -> StrayKeys:
    """Reads the stray keys of a host. Raises `CannotPlan` if they are unknown."""
    seen: ReadResult[StrayKeys] = await view.fleet.read(host, FindStrayKeys.of(get_windows_side(host)))
    if isinstance(seen.outcome, HostError):
        raise _explain_silent(host, seen.outcome)
    return seen.outcome


async def read_gateways(hosts: Sequence[Host], view: FleetView) -> tuple[GatewayRegistry, ...]:
    """Reads the registrations at the gateways of these hosts."""
    return await read_all_hosts(
        [host for host in hosts if host.gateway is not None], lambda host: read_registry(host, view), view
    )


def find_copies(strays: StrayKeys, name: str, fingerprints: Sequence[str]) -> tuple[StrayKey, ...]:
    """Finds the copies of a host's key among stray keys: by the certificate beside each, or by the name of the file."""
    return tuple(each for each in strays.keys if each.kind == "host" and _belongs(each, name, fingerprints))


def _belongs(key: StrayKey, name: str, fingerprints: Sequence[str]) -> bool:
    if key.certificate is not None:
        return key.certificate.fingerprint in fingerprints or key.certificate.name == name
    stem = key.file.replace("/", "\\").rpartition("\\")[2].lower().partition(".")[0]
    return stem in (name, f"{name}-new", f"{name}-old")


async def _read_running(host: Host, view: FleetView) -> tuple[str, ...]:
    """Reads the names of running containers. Raises `CannotPlan` if they are unknown."""
    if host.wsl is None:
        return ()
    seen: ReadResult[WslSystem] = await view.fleet.read(host, ReadSystem.of(host.wsl))
    if isinstance(seen.outcome, HostError):
        raise _explain_silent(host, seen.outcome)
    containers = seen.outcome.containers
    if isinstance(containers, UnreadPart):
        raise CannotPlan(Phrase("could not list the containers of {host}: {why}", host=host.name, why=containers.phrase))
    return tuple(sorted(each.name for each in containers if each.runs))


def _explain_silent(host: Host, error: HostError) -> CannotPlan:
    return CannotPlan(
        Phrase(
            "could not check {host}: {why}. If it is gone for good, add {option}: the others refuse it, and it is left "
            "alone",
            host=host.name,
            why=error.phrase,
            option="--lost",
        )
    )
