from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.model.certificates import Identity, IdentityKind, KnownIdentities

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OLD_CA, NEW_CA = "a" * 64, "b" * 64


def make(number: int, name: str = "host-a", address: str = "10.100.1.1", **fields: Any) -> Identity:
    known = {"issuer": OLD_CA, "begins_at": NOW - timedelta(days=10), "ends_at": NOW + timedelta(days=10)} | fields
    return Identity(fingerprint=f"{number:064x}", kind=IdentityKind.NEBULA, name=name, address=address, **known)


def fp(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:064x}" for number in numbers)


def known(*identities: Identity) -> KnownIdentities:
    return KnownIdentities(identities)


def test_a_blocklist_needs_every_fingerprint_that_has_not_ended_not_only_the_newest() -> None:
    ledger = known(
        make(1, ends_at=NOW),
        make(2, abandoned=True, operation="op-1"),
        make(3),
        make(4, ends_at=None, begins_at=None),
        make(5, name="host-b", address="10.100.2.1"),
    )
    assert fp(2, 3, 4) == ledger.find_fingerprints(NOW, name="host-a")


@pytest.mark.parametrize("address", ["10.100.1.1", "10.100.1.1/16"])
def test_an_address_finds_certificates_of_any_name(address: str) -> None:
    ledger = known(make(1), make(2, name="host-old", address="fd00::1 10.100.1.1"), make(3, address="10.100.1.11"))
    assert fp(1, 2) == ledger.find_fingerprints(NOW, address=address)


@pytest.mark.parametrize("wanted", [{}, {"name": ""}, {"address": ""}, {"address": "nowhere"}])
def test_nothing_is_found_for_nothing(wanted: dict[str, str]) -> None:
    assert () == known(make(1, name="", address="")).find_fingerprints(NOW, **wanted)


def test_the_fingerprint_of_a_ca_is_never_for_a_blocklist() -> None:
    authority = make(1, name="host-a").model_copy(update={"kind": IdentityKind.AUTHORITY})
    assert () == known(authority).find_fingerprints(NOW, name="host-a")


@pytest.mark.parametrize(
    ("address", "ids"),
    [
        ("10.100.7.1", (7,)),
        ("10.100.0.1", (0,)),
        ("10.100.7.1 10.100.9.1", (7, 9)),
        ("10.100.7.20", ()),
        ("10.101.7.1", ()),
        ("fd00::1", ()),
        ("", ()),
        ("10.100.7", ()),
    ],
)
def test_an_id_is_in_use_while_a_certificate_with_its_address_has_not_ended(address: str, ids: tuple[int, ...]) -> None:
    assert ids == tuple(known(make(1, address=address), make(2, address=address, ends_at=NOW)).find_used_ids(NOW))


def test_two_certificates_can_hold_one_id() -> None:
    first, second = make(1), make(2, name="laptop")
    assert {1: (first, second)} == known(first, second).find_used_ids(NOW)


@pytest.mark.parametrize(
    ("story", "identities", "names"),
    [
        ("seen lately", [make(1, seen_at=NOW - timedelta(days=30))], ["host-a"]),
        ("seen too long ago", [make(1, seen_at=NOW - timedelta(days=31))], []),
        ("never seen", [make(1)], []),
        ("ended", [make(1, seen_at=NOW, ends_at=NOW)], []),
        ("of another CA", [make(1, seen_at=NOW, issuer=NEW_CA)], []),
        ("outside the inventory, from handshakes alone", [make(1, "laptop", seen_at=NOW, ends_at=None)], ["laptop"]),
        ("taken back after its trial", [make(1, seen_at=NOW, abandoned=True)], []),
        (
            "seen later with the other CA",
            [make(1, seen_at=NOW - timedelta(days=3)), make(2, seen_at=NOW, issuer=NEW_CA)],
            [],
        ),
        (
            "back to the old CA",
            [make(1, seen_at=NOW), make(2, seen_at=NOW - timedelta(days=3), issuer=NEW_CA)],
            ["host-a"],
        ),
    ],
)
def test_a_member_drops_out_with_a_ca_if_it_was_seen_with_it_last(
    story: str, identities: list[Identity], names: list[str]
) -> None:
    assert names == [each.name for each in known(*identities).find_dependents(OLD_CA, NOW)], story
