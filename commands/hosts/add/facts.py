"""Reads what a plan needs to know of a new host, of the members, and of the lighthouse that signs.

Likeness of the nginx.conf that a new host gets to those of other gateways: its code runs there with all rights.

approvers see what differs from the file of one member, not that whole file ─▶ one more gateway must have the same code
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host, JoiningHost
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.new_host import NewHostState, ReadNewHost
from adapters.windows.services import ReadServices, Services
from commands.certificates.reading import FleetCertificates, HostCertificates, read_certificates
from commands.changes.commit_confirm import get_windows_side
from commands.configuration.gateway_copy import renumber_gateway
from commands.configuration.lua_table import split_tokens
from commands.configuration.nginx import parse_nginx
from commands.configuration.splice import UnsuitableText, apply_splices, view_bytes
from commands.health.fleet_report import read_all_hosts, read_side
from commands.hosts.add.finish_steps import list_gateways
from commands.hosts.add.ids import IdClaim, IdSurvey, survey_ids
from commands.hosts.add.newcomer import NewHost
from commands.model.certificates import Identity, KnownIdentities
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetView


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


MAX_COMPARED = 4
"""Other gateways whose files are read. One hostile host cannot have made all of them."""

Meaning = tuple[str, tuple[str, ...]]
"""What a file means: the digest of its directives, and the words of its Lua code."""


async def find_unlike_gateways(new: NewHost, peers: Sequence[str], view: FleetView) -> Phrase | None:
    """Finds out whether no other gateway has the file that the new host gets. None also where there is no other one."""
    pattern = new.pattern.gateway
    if pattern is None or new.host.gateway is None or new.state.gateway_config:
        return None
    gateways = list_gateways(new, view.fleet.inventory)
    others = [each for each in gateways if each.windows is not None and each.name != new.pattern.host.name][:MAX_COMPARED]
    wanted = await asyncio.to_thread(_translate, pattern, new.pattern.host.id, new, peers)

    async def is_alike(host: Host) -> bool:
        seen: ReadResult[ConfigurationFile]
        seen = await view.fleet.read(host, ReadConfiguration.of(get_windows_side(host).paths.gateway_config))
        if isinstance(seen.outcome, HostError):
            return False
        return await asyncio.to_thread(_translate, seen.outcome, host.id, new, peers) == wanted

    if not others or any(await read_all_hosts(others, is_alike, view)):
        return None
    return Phrase(
        "{host} gets the code in nginx.conf of {pattern}, which no other gateway has like that. Compare it with {others} "
        "before you approve",
        host=new.name,
        pattern=new.pattern.host.name,
        others=list_some([each.name for each in others]),
    )


def _translate(file: ConfigurationFile, number: int, new: NewHost, peers: Sequence[str]) -> Meaning | None:
    """Translates the file of a gateway into that of the new host; None if that is not possible."""
    try:
        text = apply_splices(file.content, renumber_gateway(file.content, number, new.host.id, peers))
        parsed = parse_nginx(text)
    except UnsuitableText:
        return None
    view = view_bytes(text)
    words = (token for block in parsed.lua_blocks for token in split_tokens(view, block.begin, block.end))
    return parsed.digest, tuple(word.text for word in words if word.kind != "comment")
