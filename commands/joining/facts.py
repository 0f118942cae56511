"""Reads what a plan needs to know of a new host, of the members, and of the lighthouse that signs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host, JoiningHost
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.new_host import NewHostState, ReadNewHost
from adapters.windows.services import ReadServices, Services
from commands.certs.fleet_certificates import FleetCertificates, HostCertificates, read_certificates
from commands.checks.concurrent_reads import read_side
from commands.joining.ids import IdClaim, IdSurvey, survey_ids
from commands.model.identity import Identity, KnownIdentities
from commands.model.operation import CannotPlan, FleetView
from commands.planning.commit_confirm import get_windows_side


@dataclass(frozen=True)
class JoiningFacts:
    """Facts of a host that is being added, and of the members. `held` are its certificate and its CAs."""

    joining: JoiningHost
    host: Host
    state: NewHostState
    services: Services
    held: HostCertificates
    members: FleetCertificates
    survey: IdSurvey
    identities: KnownIdentities
    redact: Callable[[str], str] = str
    config: ConfigurationFile | HostError | None = None
    """Its config.yaml, if it has one."""

    @property
    def certificate(self) -> Certificate | None:
        """The certificate that lies on the host."""
        return self.held.certificate

    @property
    def has_identity(self) -> bool:
        """True if the host has the certificate that it will have: one that the bot signed for it, or one that is adopted."""
        if self.certificate is None:
            return False
        return self.joining.adopt or self.certificate.fingerprint in {each.fingerprint for each in self.own_identities}

    @property
    def own_identities(self) -> tuple[Identity, ...]:
        """The certificates that the bot signed for this host since it is being added, also those of attempts that failed."""
        return tuple(
            each
            for each in self.identities.identities
            if each.name == self.host.name
            and self.claim_address in each.addresses
            and each.signed_at is not None
            and each.signed_at >= self.joining.since
        )

    @property
    def claim_address(self) -> str:
        return str(self.host.overlay.ip)

    @property
    def claim(self) -> IdClaim:
        """The claim of the id, with what is the host's own already."""
        own = {each.fingerprint for each in self.own_identities}
        if self.certificate is not None and self.has_identity:
            own.add(self.certificate.fingerprint)
        return IdClaim(self.host.id, self.host.name, frozenset(own), self.joining.adopt)


async def read_facts(joining: JoiningHost, host: Host, view: FleetView) -> JoiningFacts:
    """Reads the facts. Raises `CannotPlan` if the new host does not answer."""
    state, services = await _read_new_host(host, view)
    inventory = view.fleet.inventory
    read, survey = await asyncio.gather(read_certificates((*inventory.hosts, host), view), survey_ids(view))
    held = read.per_host[-1]
    if isinstance(held.answer, HostError):
        raise CannotPlan(_explain_silence(host, held.answer))
    members = replace(read, per_host=read.per_host[:-1])
    file = get_windows_side(host).paths.nebula_config
    config = await read_side(host, ReadConfiguration.of(file) if state.config else None, view)
    return JoiningFacts(joining, host, state, services, held, members, survey, view.identities, view.redact, config)


async def _read_new_host(host: Host, view: FleetView) -> tuple[NewHostState, Services]:
    asking: Awaitable[ReadResult[NewHostState]] = view.fleet.read(host, ReadNewHost.of(host))
    asking_services: Awaitable[ReadResult[Services]] = view.fleet.read(host, ReadServices.of(get_windows_side(host)))
    state, services = await asyncio.gather(asking, asking_services)
    for outcome in (state.outcome, services.outcome):
        if isinstance(outcome, HostError):
            raise CannotPlan(_explain_silence(host, outcome))
    assert isinstance(state.outcome, NewHostState)
    assert isinstance(services.outcome, Services)
    return state.outcome, services.outcome


def _explain_silence(host: Host, error: HostError) -> Phrase:
    return Phrase("could not check Windows of {host}: {why}", host=host.name, why=error.phrase)
