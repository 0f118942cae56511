"""Causes: relates what a stopped Nebula explains to it. Pure.

    Nebula of host-b is not running, and
      host-b's own gateway does not respond on the overlay, or a proxy before it answers 502 or 504 ─┬─▶ its symptom
      another gateway answers 502 or 504, and has host-b as a peer ──────────────────────────────────┘
      another gateway has host-b as a peer ────────────────────────────────────────▶ a gateway that cannot reach host-b

A symptom stays a finding of its own host, and names its cause. Only the cause counts in a headline.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from adapters.errors import HostError
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.health.assessment import HostAnswers, Judgment, Remark
from commands.health.verdict import make_remark
from commands.model.check import Area, KnownChecks
from commands.model.finding import Severity, list_some


@dataclass(frozen=True)
class JudgedHost:
    """One host with its answers and their judgment."""

    looked: HostAnswers
    judgment: Judgment

    @property
    def host(self) -> Host:
        return self.looked.host

    @property
    def outage(self) -> Remark | None:
        """The remark that Nebula is not running; None if it runs or is unknown."""
        return find_outage(self.judgment)


def relate_hosts(judged: Sequence[JudgedHost], elsewhere: Mapping[Host, Remark]) -> tuple[Judgment, ...]:
    """Returns the judgments in the same order, with each symptom related to its cause.

    `elsewhere` are outages of other hosts, which were checked lately (`find_outages`).
    """
    stopped = {**elsewhere, **{each.host: outage for each in judged if (outage := each.outage) is not None}}
    if not stopped:
        return tuple(each.judgment for each in judged)
    peers = {each.host.name: frozenset(_list_peer_addresses(each.looked.gateway)) for each in judged}
    return tuple(_relate(each, stopped, peers) for each in judged)


def find_outage(judgment: Judgment) -> Remark | None:
    """Finds the remark that Nebula is not running; None if it runs or is unknown."""
    return next((remark for remark in judgment.remarks if _is_outage(remark)), None)


def find_outages(hosts: Iterable[Host], known: KnownChecks, now: datetime) -> Mapping[Host, Remark]:
    """Finds the hosts whose newest check of services found that Nebula is not running, as far as that check counts."""
    checks = {host: known.find_fresh(host.name, Area.SERVICES, now) for host in hosts}
    found = ((host, make_remark(each)) for host, check in checks.items() if check is not None for each in check.findings)
    return {host: remark for host, remark in found if _is_outage(remark)}


def _is_outage(remark: Remark) -> bool:
    return remark.subject == "nebula" and remark.severity is Severity.CRITICAL


def _relate(each: JudgedHost, stopped: Mapping[Host, Remark], peers: Mapping[str, frozenset[str]]) -> Judgment:
    causes = {host: remark for host, remark in stopped.items() if _is_cause(host, each, peers[each.host.name])}
    remarks = (
        _name_cause(remark, *next(iter(causes.items()))) if remark.subject == "api" and causes else remark
        for remark in each.judgment.remarks
    )
    if each.host not in stopped:
        return replace(each.judgment, remarks=tuple(remarks))
    off = {host.name for host in stopped}  # their gateways reach no host at all
    cut_off = [name for name, known in peers.items() if name not in off and str(each.host.overlay.ip) in known]
    return replace(each.judgment, remarks=tuple(_count_gateways(remark, cut_off) for remark in remarks))


def _is_cause(host: Host, each: JudgedHost, peers: frozenset[str]) -> bool:
    """Returns whether this host's outage explains what the other's gateway answers."""
    said = each.looked.gateway
    if host.name != each.host.name:
        return _is_bad_gateway(said) and str(host.overlay.ip) in peers
    on_overlay = host.gateway is not None and urlsplit(host.gateway.url).hostname == str(host.overlay.ip)
    return _is_bad_gateway(said) or (on_overlay and _is_silent(said))


def _is_bad_gateway(said: GatewaySystem | HostError | None) -> bool:
    return any(isinstance(part, UnusableAnswer) and part.bad_gateway for part in _list_parts(said))


def _is_silent(said: GatewaySystem | HostError | None) -> bool:
    parts = _list_parts(said)
    return isinstance(said, HostError) or (bool(parts) and all(isinstance(part, HostError) for part in parts))


def _list_parts(said: GatewaySystem | HostError | None) -> tuple[object, ...]:
    return (said.healthy, said.sync, said.status) if isinstance(said, GatewaySystem) else ()


def _list_peer_addresses(said: GatewaySystem | HostError | None) -> Iterator[str]:
    """Lists the addresses of a gateway's peers. An address that cannot be parsed is none of ours."""
    peers = said.sync.peers if isinstance(said, GatewaySystem) and isinstance(said.sync, SyncStatus) else ()
    for peer in peers:
        try:
            yield urlsplit(peer).hostname or ""
        except ValueError:
            continue


def _name_cause(symptom: Remark, host: Host, outage: Remark) -> Remark:
    """Names the cause in its symptom, with the command that fixes the cause."""
    why = Phrase("{why}. Cause: {host} {cause}", why=symptom.why, host=host.name, cause=outage.short)
    return replace(symptom, why=why, next=outage.next, cause=host.name)


def _count_gateways(remark: Remark, cut_off: Iterable[str]) -> Remark:
    """Adds to an outage the gateways that cannot reach its host."""
    names = list(cut_off)
    if not names or not _is_outage(remark):
        return remark
    return replace(
        remark,
        effect=Phrase("{n} gateway cannot reach it", plural="{n} gateways cannot reach it", n=len(names)),
        why=Phrase(
            "{why}. {n} gateway cannot reach this host: {gateways}",
            plural="{why}. {n} gateways cannot reach this host: {gateways}",
            why=remark.why,
            n=len(names),
            gateways=list_some(names),
        ),
    )
