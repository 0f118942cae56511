"""Alerts on removed hosts that are accepted again, and on peers that hosts refuse."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.windows.handshakes import RefusedPeer
from bot.alerts.rules.identities import IdentityBasis, judge_identities
from bot.alerts.rules.intruders import MAX_REFUSED_PEERS
from commands.alerts.conditions import Condition, HostChecked, Signal
from commands.certificates.further import FurtherReading
from commands.certificates.outsiders import NO_REFUSALS, RefusedPeers
from commands.model.certificates import NO_IDENTITIES, Identity, IdentityKind, KnownIdentities, Sighting, Way
from commands.model.finding import Severity
from commands.model.operation import CertificateRules
from tests.commands.canned import NOW, host

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A, B = host("host-a", 1), host("host-b", 2)
GONE = RemovedHost(name="host-c", id=3, since=NOW - 5 * HOUR, by="ana")
INVENTORY = Inventory(hosts=(A, B), removed=(GONE,))
PRINT = f"{7:064x}"


def certificate(**given: Any) -> Identity:
    usual = {"fingerprint": PRINT, "kind": IdentityKind.NEBULA, "name": "host-c", "address": "10.100.3.1"}
    return Identity.model_validate(usual | {"first_seen_at": NOW - DAY, "seen_at": NOW - HOUR} | given)


def know(identity: Identity, *sightings: Sighting) -> KnownIdentities:
    return KnownIdentities((identity,), {identity.fingerprint: sightings})


def accepted(place: str = "host-b", ago: timedelta = HOUR, way: Way = Way.HANDSHAKE) -> Sighting:
    return Sighting(place=place, way=way, at=NOW - ago)


def judge(
    known: KnownIdentities, inventory: Inventory = INVENTORY, refused: RefusedPeers = NO_REFUSALS
) -> dict[Condition, HostChecked]:
    basis = IdentityBasis(inventory, CertificateRules())
    checks = judge_identities(FurtherReading({}, None, refused), known, basis, (), NOW)
    return {condition: checked for checked in checks for condition in checked.judged}


def test_a_removed_host_that_is_accepted_again_is_a_critical_alert_that_names_where_and_the_command() -> None:
    checks = judge(know(certificate(), accepted("host-a", 2 * HOUR), accepted("host-b")))
    (signal,) = checks[Condition.REMOVED].signals
    assert ("removed/host-c", Severity.CRITICAL, "host remove host-c --on host-b") == (
        signal.key,
        signal.severity,
        signal.next,
    )
    assert "host-b accepted the certificate 000000000000 of host-c" in str(signal.why)
    assert () == checks[Condition.STRANGER].signals


REUSED = Inventory(hosts=(A, B, host("host-d", 3)), removed=(GONE,))
RESERVED = Inventory(hosts=(A, B), removed=(GONE,), joining=(JoiningHost(name="host-d", id=3, since=NOW - HOUR, by="ana"),))

ACCEPTED: Mapping[str, tuple[Identity, Sighting, Inventory, tuple[bool, bool]]] = {
    # the identity, its sighting, the inventory: an alert of a removed host, an alert of a stranger
    "by its name": (certificate(address="10.100.9.1"), accepted(), INVENTORY, (True, False)),
    "by its address, with another name": (certificate(name="laptop"), accepted(), INVENTORY, (True, False)),
    "before it was removed": (certificate(), accepted(ago=6 * HOUR), INVENTORY, (False, False)),
    "more than a day ago": (certificate(), accepted(ago=25 * HOUR), INVENTORY, (False, False)),
    "only a file has it": (certificate(name="laptop"), accepted(way=Way.FILE), INVENTORY, (False, False)),
    "it has ended": (certificate(ends_at=NOW), accepted(), INVENTORY, (False, False)),
    "its address belongs to another host now": (certificate(name="laptop"), accepted(), REUSED, (False, True)),
    "its address is reserved for another host": (certificate(name="laptop"), accepted(), RESERVED, (False, True)),
    "the host that has its address now": (certificate(name="host-d"), accepted(), REUSED, (False, False)),
    "another stranger": (certificate(name="laptop", address="10.100.9.1"), accepted(), INVENTORY, (False, True)),
}


@pytest.mark.parametrize("story", ACCEPTED)
def test_an_accepted_certificate(story: str) -> None:
    identity, sighting, inventory, expected = ACCEPTED[story]
    checks = judge(know(identity, sighting), inventory)
    assert expected == (bool(checks[Condition.REMOVED].signals), bool(checks[Condition.STRANGER].signals))


def refusal(
    address: str = "192.0.2.33",
    why: str = "certificate validation failed: certificate is in the block list",
    print_: str = "",
) -> RefusedPeer:
    return RefusedPeer(address=address, why=why, fingerprint=print_, at=NOW)


def judge_refusals(known: KnownIdentities = NO_IDENTITIES, **by_host: tuple[RefusedPeer, ...]) -> tuple[Signal, ...]:
    refused = RefusedPeers({name.replace("_", "-"): peers for name, peers in by_host.items()})
    return judge(known, refused=refused)[Condition.REFUSED].signals


def test_a_peer_that_several_hosts_refuse_is_one_alert() -> None:
    (signal,) = judge_refusals(host_a=(refusal(),), host_b=(refusal(),))
    assert ("refused/192.0.2.33", Severity.MEDIUM, "log nebula host-a --grep Invalid") == (
        signal.key,
        signal.severity,
        signal.next,
    )
    assert "host-a, host-b refused 192.0.2.33, whose certificate is blocked" in str(signal.why)


PEERS: Mapping[str, tuple[RefusedPeer, str, str]] = {
    "a member by its address": (refusal("192.0.2.2"), "refused/host-b", "host-b (192.0.2.2)"),
    "a removed host by its certificate": (refusal(print_=PRINT), "refused/host-c", "host-c (192.0.2.33)"),
    "a certificate of no host": (refusal("", print_="f" * 64), "refused/ffffffffffff", "ffffffffffff"),
    "nothing is known": (refusal(""), "refused/unknown", "?"),
    "a stranger of another CA": (refusal(why="could not find ca for the certificate"), "refused/192.0.2.33", "not trusted"),
    "another reason": (refusal(why="bad\nsign"), "refused/192.0.2.33", "the certificate of 192.0.2.33: bad sign"),
    "no reason": (refusal(why=""), "refused/192.0.2.33", "its log gives no reason"),
}


@pytest.mark.parametrize("story", PEERS)
def test_a_refused_peer_is_named_as_far_as_it_is_known(story: str) -> None:
    peer, key, says = PEERS[story]
    (signal,) = judge_refusals(know(certificate()), host_a=(peer,))
    assert (key, True) == (signal.key, says in str(signal.why))


def test_an_expired_certificate_is_no_news_here() -> None:
    assert () == judge_refusals(host_a=(refusal(why="certificate validation failed: certificate is expired"),))


def test_a_flood_of_addresses_is_counted_and_hides_no_host_that_is_known() -> None:
    flood = tuple(refusal(f"198.51.100.{number}") for number in range(40))
    signals = judge_refusals(know(certificate()), host_a=(*flood, refusal(print_=PRINT)))
    assert (MAX_REFUSED_PEERS + 1, "refused/host-c", "refused/more", "31 more refused peers") == (
        len(signals),
        signals[0].key,
        signals[-1].key,
        str(signals[-1].short),
    )


def test_while_a_log_was_not_read_no_other_refusal_is_over() -> None:
    refused = RefusedPeers({"host-a": (refusal(),)}, whole=False)
    checked = judge(KnownIdentities(), refused=refused)[Condition.REFUSED]
    assert frozenset({"refused/192.0.2.33"}) == checked.subjects
