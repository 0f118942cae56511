"""Judges the newest checks of the whole fleet together: the bot that is blind, its own clock, peers of gateways. Pure.

at least half of the hosts, and at least three, are silent        ─▶ one signal, critical: the bot is blind
                                      are silent or reject the bot ─▶ the same signal, high: it sees a part of each host
more than half of the clocks, and at least two, differ ─▶ one signal: the bot's own clock is suspected, no host's
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.errors import AuthenticationFailed
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.inventory import Host
from adapters.phrase import Phrase
from commands.alerts.conditions import Condition, Signal
from commands.alerts.watch import WatchAnswers, is_synchronized
from commands.health.assessment import SideAnswers
from commands.health.host_checks import list_peer_names
from commands.model.finding import Severity, list_some
from commands.model.thresholds import Thresholds

MIN_BLIND_HOSTS = 3
"""Fewest hosts that fail together before the bot suspects itself."""

MIN_CLOCKS = 2
"""Fewest clocks that differ before the bot suspects its own."""

MIN_WITNESSES = 2
"""Fewest gateways that must have a peer before another one is said to lack it."""


def judge_blindness(newest: Sequence[WatchAnswers], total: int) -> Signal | None:
    """Judges whether the bot sees too little of its fleet of `total` hosts; None if it sees enough.

    Hosts that reject the bot's login or address may do so for good, until the configuration is corrected. Silence is worse
    than that. So an alert that was acknowledged for the one does not hide the other.
    """
    failed = [looked.host.name for looked in newest if _is_unseen(looked) or _is_refused(looked)]
    if not _are_most(len(failed), total):
        return None
    if not is_cut_off(newest, total):
        why = Phrase(
            "{hosts} do not respond, or reject the bot's login or address. Check its credentials, and that its machine is "
            "in the overlay",
            hosts=list_some(sorted(failed)),
        )
        short = Phrase("{n} of {total} hosts reject the bot", n=len(failed), total=total)
        return _make_blind_signal(Severity.HIGH, short, why)
    why = Phrase(
        "{hosts} do not respond or reject the login. Check the bot's own network, its Nebula and its credentials first",
        hosts=list_some(sorted(failed)),
    )
    short = Phrase("{n} of {total} hosts not responding", n=len(failed), total=total)
    return _make_blind_signal(Severity.CRITICAL, short, why)


def is_cut_off(newest: Iterable[WatchAnswers], total: int) -> bool:
    """Returns whether so many hosts of a fleet are silent that the reason is more likely on the bot's side."""
    return _are_most(sum(_is_unseen(looked) for looked in newest), total)


def _is_unseen(looked: WatchAnswers) -> bool:
    return looked.silent and looked.askable


def _are_most(count: int, total: int) -> bool:
    return count >= MIN_BLIND_HOSTS and 2 * count >= total


def _make_blind_signal(severity: Severity, short: Phrase, why: Phrase) -> Signal:
    return Signal(
        host="", subject="blind", condition=Condition.BLIND, severity=severity, short=short, why=why, next="health"
    )


def _is_refused(looked: WatchAnswers) -> bool:
    """Returns whether a side rejects the bot: its login, or its address."""
    said = looked.gateway
    parts = (said.healthy, said.sync, said.status) if isinstance(said, GatewaySystem) else ()
    forbidden = any(isinstance(part, UnusableAnswer) and part.forbidden for part in parts)
    return forbidden or _has_rejected_login(looked)


def _has_rejected_login(looked: SideAnswers) -> bool:
    return any(isinstance(error, AuthenticationFailed) for error in looked.errors)


def judge_own_clock(newest: Iterable[WatchAnswers], thresholds: Thresholds) -> Signal | None:
    """Judges the bot's own clock by the hosts' clocks; None if most agree with it.

    A bot whose clock jumps would else report every host.
    """
    known = [looked.ahead for looked in newest if looked.ahead is not None]
    differing = sum(abs(ahead) > thresholds.clock_difference for ahead in known)
    if differing < MIN_CLOCKS or 2 * differing <= len(known):
        return None
    why = Phrase(
        "the clocks of {n} of {total} hosts differ from the bot's. Check the time on the bot's machine: timedatectl",
        n=differing,
        total=len(known),
    )
    return Signal(
        host="",
        subject="clock",
        condition=Condition.CLOCK,
        severity=Severity.MEDIUM,
        short=Phrase("clock skew of the bot"),
        why=why,
        next="health --details",
    )


@dataclass(frozen=True)
class PeerSurvey:
    """Peers of all gateways that answered lately, as names of hosts: by gateway, and how many gateways have each."""

    peers: Mapping[str, frozenset[str]]
    counts: Mapping[str, int]

    def find_lacking(self, looked: WatchAnswers, names: Mapping[str, str]) -> tuple[str, ...]:
        """Finds the peers that this gateway lacks although more than half of the others have them, and at least two.

        Lists of peers are configuration, so a host that is down stays in them and is missing nowhere. While a host is being
        added to one gateway after another, it is missing nowhere until most have it.
        """
        own = looked.host.name
        if not is_synchronized(looked):
            return ()
        present = list_peers(looked, names)
        before = self.peers.get(own, frozenset())
        return tuple(
            sorted(
                peer
                for peer, count in self.counts.items()
                if peer not in present and peer != own and self._is_usual(peer, count - (peer in before), own)
            )
        )

    def _is_usual(self, peer: str, having: int, own: str) -> bool:
        others = len(self.peers) - len({own, peer} & self.peers.keys())
        return having >= MIN_WITNESSES and 2 * having > others


def survey_peers(newest: Iterable[WatchAnswers], names: Mapping[str, str]) -> PeerSurvey:
    """Surveys the peers of all gateways; `names` is from `map_peer_names`."""
    peers = {looked.host.name: list_peers(looked, names) for looked in newest if is_synchronized(looked)}
    return PeerSurvey(peers, Counter(name for known in peers.values() for name in known))


def list_peers(looked: WatchAnswers, names: Mapping[str, str]) -> frozenset[str]:
    """Lists the hosts that this gateway has as peers."""
    said = looked.gateway
    listed = said.sync.peers if isinstance(said, GatewaySystem) and isinstance(said.sync, SyncStatus) else ()
    return frozenset(names[name] for peer in listed for name in list_peer_names(peer) if name in names)


def map_peer_names(hosts: Collection[Host]) -> Mapping[str, str]:
    """Maps the addresses under which a gateway may know its peers to the names of their hosts."""
    gateways = [host for host in hosts if host.gateway is not None]
    overlay = {str(host.overlay.ip): host.name for host in gateways}
    return overlay | {urlsplit(host.gateway.url).netloc: host.name for host in gateways if host.gateway is not None}
