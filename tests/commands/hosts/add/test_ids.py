"""Ids of new hosts: each place in which one can be taken is named, with what frees it."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import Unreachable
from adapters.gateway.api import GatewaySystem, SyncStatus
from adapters.gateway.containers import Registration, Registry
from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile
from adapters.windows.nebula import Reached
from commands.hosts.add.ids import IdClaim, IdSurvey, find_overlay_holder
from commands.hosts.add.members import MemberReading
from commands.model.certificates import Identity, IdentityKind, KnownIdentities
from commands.model.owed import KnownOwed, Matter, OwedNote
from tests.commands.canned import NOW, host, view

A, LIGHTHOUSE = host("host-a", 1, labels=("tokyo",)), host("lighthouse", 0)
OLD, OLDER = "a" * 64, "b" * 64


def joining(name: str, number: int) -> JoiningHost:
    return JoiningHost(name=name, id=number, since=NOW, by="ana")


def removed(name: str, number: int, **given: Any) -> RemovedHost:
    return RemovedHost(name=name, id=number, since=NOW, by="ana", **given)


def certificate(fingerprint: str, name: str, address: str, days: int = 100) -> Identity:
    ends = NOW + timedelta(days=days)
    return Identity(fingerprint=fingerprint, kind=IdentityKind.NEBULA, name=name, address=address, ends_at=ends)


def configuration(*blocked: str, static: str = "10.100.0.1") -> ConfigurationFile:
    text = (
        f'pki:\n  ca: a\n  blocklist: [{", ".join(blocked)}]\nstatic_host_map:\n  "{static}": ["192.0.2.1:4242"]\n'.encode()
    )
    return ConfigurationFile(file=r"F:\c.yaml", content=text, sha256=hashlib.sha256(text).hexdigest())


def member(*blocked: str, **given: Any) -> MemberReading:
    return MemberReading(**{"host": A, "nebula": configuration(*blocked), **given})


def survey(
    *members: MemberReading,
    identities: Iterable[Identity] = (),
    owed: KnownOwed | None = None,
    **inventory: Any,
) -> IdSurvey:
    known = KnownIdentities(tuple(identities))
    fleet = Inventory(**{"hosts": (LIGHTHOUSE, A), **inventory})
    return IdSurvey(fleet, known, owed or KnownOwed(), members or (member(),), NOW)


def peering(*peers: str) -> GatewaySystem:
    return GatewaySystem(healthy=True, sync=SyncStatus(host_id=1, peers=peers), status=None)


def registering(*ids: int) -> Registry:
    return Registry(registrations=tuple(Registration(id=f"c{each}", ip=f"10.87.{each}.10", host_id=each) for each in ids))


REMOVAL_OWED = KnownOwed(
    (OwedNote(number=1, host="host-a", words="host remove host-x --on host-a", matter=Matter.REVOCATION, since=NOW),)
)

PEER_OWED = KnownOwed(
    (REMOVAL_OWED.notes[0].model_copy(update={"words": "peer remove http://10.100.4.1:8080 --on host-a"}),)
)

TAKEN = {
    "an id of a member": (survey(), IdClaim(1, "host-d"), "ID 1 is taken by host-a"),
    "a name of a member": (survey(), IdClaim(4, "host-a"), "host-a is a member already. Run host show host-a"),
    "a name that is a label": (survey(), IdClaim(4, "tokyo"), "tokyo is a label of hosts"),
    "a reserved id": (
        survey(joining=(joining("host-e", 4),)),
        IdClaim(4, "host-d"),
        "ID 4 is reserved for host-e, which is being added. Choose another one, or run host remove host-e",
    ),
    "another id than the one that is reserved for the name": (
        survey(joining=(joining("host-d", 5),)),
        IdClaim(4, "host-d"),
        "host-d is being added with ID 5",
    ),
    "an id whose removal is still owed": (
        survey(removed=(removed("host-x", 4),), owed=REMOVAL_OWED),
        IdClaim(4, "host-d"),
        "the removal of host-x is still owed on host-a: host remove host-x --on host-a",
    ),
    "an id whose peer is still owed": (
        survey(removed=(removed("host-x", 4),), owed=PEER_OWED),
        IdClaim(4, "host-d"),
        "the removal of host-x is still owed on host-a: peer remove http://10.100.4.1:8080 --on host-a",
    ),
    "a name whose password was not changed yet": (
        survey(removed=(removed("host-d", 4, password_due=True),)),
        IdClaim(4, "host-d"),
        "Run host remove host-d --password-changed once it is",
    ),
    "an id in a certificate that one member accepts": (
        survey(identities=(certificate(OLD, "host-x", "10.100.4.1"),), removed=(removed("host-x", 4),)),
        IdClaim(4, "host-d"),
        "a certificate of host-x (10.100.4.1, aaaaaaaaaaaa) has not ended, and host-a accepts it. Run host remove host-x "
        "--on all",
    ),
    "an id of which only the newest certificate is blocked": (
        survey(
            member(OLD),
            identities=(certificate(OLD, "host-x", "10.100.4.1"), certificate(OLDER, "host-x", "10.100.4.1")),
        ),
        IdClaim(4, "host-d"),
        "a certificate of host-x (10.100.4.1, bbbbbbbbbbbb) has not ended, and host-a accepts it. Run cert --all",
    ),
    "an id in a certificate where a blocklist is not known": (
        survey(member(nebula=Unreachable(Phrase("no answer"))), identities=(certificate(OLD, "x", "10.100.4.1"),)),
        IdClaim(4, "host-d"),
        "whether host-a blocks it is unknown: no answer",
    ),
    "a name in a certificate of another address": (
        survey(identities=(certificate(OLD, "host-d", "10.100.9.1"),)),
        IdClaim(4, "host-d"),
        "a certificate of host-d (10.100.9.1, aaaaaaaaaaaa) has not ended",
    ),
    "any id while the ledger cannot be read": (
        replace(survey(), identities=KnownIdentities(available=False)),
        IdClaim(4, "host-d"),
        "the ledger of certificates could not be read",
    ),
    "a peer of a gateway": (
        survey(member(gateway=peering("http://10.100.4.1:8080"))),
        IdClaim(4, "host-d"),
        "the gateway of host-a has the peer http://10.100.4.1:8080. Run peer remove http://10.100.4.1:8080 --on host-a",
    ),
    "a host id of registrations": (
        survey(member(registry=registering(2, 4))),
        IdClaim(4, "host-d"),
        "containers of the host ID 4 are registered at the gateway of host-a. Run sync",
    ),
    "an address in a static_host_map": (
        survey(member(nebula=configuration(static="10.100.4.1"))),
        IdClaim(4, "host-d"),
        "config.yaml of host-a has 10.100.4.1 under static_host_map",
    ),
}

FREE = {
    "an id that nothing names": (survey(member(gateway=peering("http://10.100.40.1:8080"))), IdClaim(4, "host-d")),
    "its own reservation": (survey(joining=(joining("host-d", 4),)), IdClaim(4, "host-d")),
    "an id of a removed host once all its certificates are blocked": (
        survey(
            member(OLD, OLDER),
            identities=(certificate(OLD, "host-x", "10.100.4.1"), certificate(OLDER, "host-x", "10.100.4.1")),
            removed=(removed("host-x", 4),),
        ),
        IdClaim(4, "host-x"),
    ),
    "an id of a certificate that has ended": (
        survey(identities=(certificate(OLD, "host-x", "10.100.4.1", days=-1),)),
        IdClaim(4, "host-d"),
    ),
    "an id of a certificate that is its own": (
        survey(member(gateway=peering("http://10.100.4.1:8080")), identities=(certificate(OLD, "host-d", "10.100.4.1"),)),
        IdClaim(4, "host-d", own=frozenset({OLD})),
    ),
    "an id of a host that is adopted": (
        survey(member(registry=registering(4)), identities=(certificate(OLD, "host-d", "10.100.4.1"),)),
        IdClaim(4, "host-d", adopted=True),
    ),
}


@pytest.mark.parametrize(("seen", "claim", "says"), TAKEN.values(), ids=TAKEN.keys())
def test_what_is_taken_is_refused_with_its_place_and_what_frees_it(seen: IdSurvey, claim: IdClaim, says: str) -> None:
    assert says in str(seen.find_obstacle(claim))


@pytest.mark.parametrize(("seen", "claim"), FREE.values(), ids=FREE.keys())
def test_what_is_free_has_no_obstacle(seen: IdSurvey, claim: IdClaim) -> None:
    assert None is seen.find_obstacle(claim)


def test_the_next_free_id_is_the_lowest_that_no_removed_host_had() -> None:
    seen = survey(
        member(gateway=peering("http://10.100.5.1:8080")),
        joining=(joining("host-b", 2),),
        removed=(removed("host-c", 3),),
        identities=(certificate(OLD, "laptop", "10.100.4.1"),),
    )

    assert 6 == seen.find_next_free("host-d")
    assert 3 == survey(joining=(joining("host-b", 2),), removed=(removed("host-c", 3),)).find_next_free("host-c")


def test_no_id_is_free_in_a_full_fleet() -> None:
    full = survey(joining=tuple(joining(f"host-{number}", number) for number in range(2, 255)))

    assert None is full.find_next_free("host-d")


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (Reached(reachable=False), None),
        (Reached(reachable=True), "10.100.4.1 responds on the overlay. Find that machine, or choose another ID"),
        (Unreachable(Phrase("no answer")), "lighthouse could not try 10.100.4.1: no answer"),
    ],
    ids=["silent", "answers", "unknown"],
)
async def test_the_lighthouse_tries_whether_an_address_answers(said: object, says: str | None) -> None:
    found = await find_overlay_holder(IdClaim(4, "host-d"), view(LIGHTHOUSE, A, said={("lighthouse", "windows"): said}))

    assert says == (None if found is None else str(found))
