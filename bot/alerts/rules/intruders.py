"""Removed hosts that a host accepts again, and peers that hosts refuse, become alerts. Pure.

| observed | then |
| --- | --- |
| a certificate of a removed host was accepted after its removal, within a day | an alert: it is not blocked there |
| a peer was refused within a day, because its certificate is blocked, of no known CA, or unfit | an alert for each peer |
| a peer was refused because its certificate has expired | nothing: other alerts say so |
| a log could not be read | no alert of a refused peer is resolved |

A host that is being removed tries once more, and its refusal proves the removal. So it takes two surveys.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from adapters.inventory import Host, Inventory, RemovedHost
from adapters.overlay import format_overlay
from adapters.phrase import Phrase
from adapters.windows.handshakes import RefusedPeer
from bot.security.untrusted_text import shorten, to_one_line
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.certificates.outsiders import Outsider, RefusalReason, RefusedPeers, find_reason
from commands.certificates.reading import shorten_fingerprint
from commands.model.certificates import Identity, KnownIdentities, Sighting, Way
from commands.model.finding import Severity, list_some, relate_moment

ACCEPTED_PERIOD = timedelta(days=1)
"""Period after the last accepted handshake of a removed host in which its alert stays."""

MAX_REFUSED_PEERS = 10
"""Refused peers with an alert of their own. Any machine can send from many addresses."""

MAX_WHY_LENGTH = 150


def find_tombstone(outsider: Outsider, inventory: Inventory) -> RemovedHost | None:
    """Finds the removed host that a certificate outside the inventory belongs to, by its name or its address.

    An address counts only while no other host has it.
    """
    return _find_tombstone(outsider.identity, inventory)


def _find_tombstone(identity: Identity, inventory: Inventory) -> RemovedHost | None:
    taken = {host.id for host in inventory.reachable} | {each.id for each in inventory.joining}
    for removed in inventory.removed:
        by_address = removed.id not in taken and format_overlay(removed.id) in identity.addresses
        if identity.name == removed.name or by_address:
            return removed
    return None


def judge_removed(outsiders: Sequence[Outsider], inventory: Inventory, now: datetime) -> HostChecked:
    """Judges the certificates of removed hosts: an alert for each host that is accepted again."""
    latest: dict[str, tuple[RemovedHost, Sighting, Identity]] = {}
    for outsider in outsiders:
        removed = find_tombstone(outsider, inventory)
        if removed is None:
            continue
        for sighting in outsider.sightings:
            fresh = sighting.way is Way.HANDSHAKE and removed.since < sighting.at and now - sighting.at <= ACCEPTED_PERIOD
            known = latest.get(removed.name)
            if fresh and (known is None or known[1].at < sighting.at):
                latest[removed.name] = removed, sighting, outsider.identity
    signals = tuple(_make_removed_signal(*found, now) for _, found in sorted(latest.items()))
    return HostChecked(host="", at=now, judged=frozenset({Condition.REMOVED}), signals=signals)


def _make_removed_signal(removed: RemovedHost, sighting: Sighting, identity: Identity, now: datetime) -> Signal:
    return Signal(
        host="",
        subject=f"removed/{removed.name}",
        condition=Condition.REMOVED,
        severity=Severity.CRITICAL,
        short=Phrase("removed host {host} connected", host=removed.name),
        why=Phrase(
            "{place} accepted the certificate {fingerprint} of {host} at {at}, although {host} was removed. Block it there: "
            "{words}",
            place=sighting.place,
            fingerprint=shorten_fingerprint(identity.fingerprint),
            host=removed.name,
            at=relate_moment(sighting.at, now),
            words=f"host remove {removed.name} --on {sighting.place}",
        ),
        next=f"host remove {removed.name} --on {sighting.place}",
    )


@dataclass(frozen=True)
class _Refused:
    """One peer that was refused: `name` of a host that it seems to be, "" if unknown, and the hosts that refused it."""

    name: str
    peer: RefusedPeer
    reason: RefusalReason
    places: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Its name with its address, as far as they are known."""
        if self.name and self.peer.address:
            return f"{self.name} ({self.peer.address})"
        return self.name or self.peer.address or shorten_fingerprint(self.peer.fingerprint) or "?"

    @property
    def subject(self) -> str:
        return f"refused/{self.name or self.peer.address or shorten_fingerprint(self.peer.fingerprint) or 'unknown'}"


def judge_refused(refused: RefusedPeers, known: KnownIdentities, inventory: Inventory, now: datetime) -> HostChecked:
    """Judges the peers that hosts refused. While a log could not be read, an open alert of another peer stays."""
    peers = _collect(refused, known, inventory)
    signals = tuple(_make_refused_signals(peers))
    subjects = None if refused.whole else frozenset(signal.subject for signal in signals)
    return HostChecked(host="", at=now, judged=frozenset({Condition.REFUSED}), signals=signals, subjects=subjects)


def _collect(refused: RefusedPeers, known: KnownIdentities, inventory: Inventory) -> Sequence[_Refused]:
    """Collects one entry for each peer, those with a name first: an address may be forged, and there may be many."""
    names, addresses = _name_certificates(known, inventory), _name_addresses(inventory.reachable)
    found: dict[str, _Refused] = {}
    for place, peers in refused.by_host.items():
        for peer in peers:
            reason = find_reason(peer)
            if reason is RefusalReason.EXPIRED:
                continue
            name = names.get(peer.fingerprint, "") or addresses.get(peer.address, "")
            each = _Refused(name, peer, reason, (place,))
            before = found.get(each.subject)
            found[each.subject] = each if before is None else _merge(before, each)
    return sorted(found.values(), key=lambda each: (not each.name, each.subject))


def _merge(before: _Refused, each: _Refused) -> _Refused:
    """Merges two refusals of one peer. The reason that says the most counts."""
    order = list(RefusalReason)
    worst = min((before, each), key=lambda one: order.index(one.reason))
    return _Refused(worst.name, worst.peer, worst.reason, tuple(dict.fromkeys((*before.places, *each.places))))


def _name_certificates(known: KnownIdentities, inventory: Inventory) -> Mapping[str, str]:
    """Names the certificates of hosts that are or were in the inventory, by their fingerprints."""
    names = {host.name for host in inventory.reachable} | {removed.name for removed in inventory.removed}
    return {each.fingerprint: each.name for each in known.identities if each.name in names}


def _name_addresses(hosts: Collection[Host]) -> Mapping[str, str]:
    """Names the hosts by their addresses in the local network."""
    found: dict[str, str] = {}
    for host in hosts:
        if host.windows is not None:
            found[urlsplit(host.windows.url).hostname or ""] = host.name
        if host.wsl is not None:
            found[host.wsl.address] = host.name
    return found


def _make_refused_signals(peers: Sequence[_Refused]) -> Iterator[Signal]:
    for each in peers[:MAX_REFUSED_PEERS]:
        yield Signal(
            host="",
            subject=each.subject[:200],
            condition=Condition.REFUSED,
            severity=Severity.MEDIUM,
            short=Phrase("refused: {peer}", peer=each.shown),
            why=_explain(each),
            next=f"log nebula {each.places[0]} --grep Invalid",
        )
    more = len(peers) - MAX_REFUSED_PEERS
    if more > 0:
        yield Signal(
            host="",
            subject="refused/more",
            condition=Condition.REFUSED,
            severity=Severity.MEDIUM,
            short=Phrase("{n} more refused peer", plural="{n} more refused peers", n=more),
            why=Phrase(
                "hosts refused {n} more peer. Someone may be trying from many addresses",
                plural="hosts refused {n} more peers. Someone may be trying from many addresses",
                n=more,
            ),
            next="log nebula all --grep Invalid",
        )


def _explain(each: _Refused) -> Phrase:
    places = list_some(list(each.places))
    match each.reason:
        case RefusalReason.BLOCKED:
            return Phrase(
                "{places} refused {peer}, whose certificate is blocked. A removed host that still runs tries to connect. "
                "Stop Nebula there",
                places=places,
                peer=each.shown,
            )
        case RefusalReason.UNKNOWN_CA:
            return Phrase(
                "{places} refused {peer}, whose certificate is of a CA that is not trusted there. It is a stranger, or a "
                "host whose CA was dropped too early",
                places=places,
                peer=each.shown,
            )
        case _:
            return Phrase(
                "{places} refused the certificate of {peer}: {why}",
                places=places,
                peer=each.shown,
                why=shorten(to_one_line(each.peer.why), MAX_WHY_LENGTH) or Phrase("its log gives no reason"),
            )
