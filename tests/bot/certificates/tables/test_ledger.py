"""The ledger's tables: what is merged, how little a forged log can fill, what a damaged row breaks, and what is kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from adapters.windows.log_files import FilePosition
from bot.certificates.tables import ledger
from bot.certificates.tables.ledger import RETENTION, LedgerTable, ReadPosition
from bot.model.observation import Observation
from bot.store.database import Database
from commands.model.certificates import Identity, IdentityKind, KnownIdentities, Sighting, Way

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CA = "c" * 64


@pytest.fixture
def table(database: Database) -> LedgerTable:
    return LedgerTable(database)


def make(number: int = 1, **fields: Any) -> Identity:
    usual = {
        "fingerprint": f"{number:064x}",
        "kind": IdentityKind.NEBULA,
        "name": "host-a",
        "address": "10.100.1.1",
        "groups": ("flatnet",),
        "issuer": CA,
        "begins_at": NOW - DAY,
        "ends_at": NOW + 30 * DAY,
    }
    return Identity.model_validate(usual | fields)


def claim(number: int = 1, **fields: Any) -> Identity:
    return make(number, **({"groups": (), "begins_at": None, "ends_at": None} | fields))


def seen(identity: Identity, place: str = "host-b", way: Way = Way.HANDSHAKE, at: datetime = NOW) -> Observation:
    return Observation(identity, Sighting(place=place, way=way, at=at))


def signed(number: int = 1, **fields: Any) -> Observation:
    return Observation(make(number, operation="op-1", signed_at=NOW - HOUR, **fields))


async def read_one(table: LedgerTable) -> Identity:
    (only,) = (await table.read_all()).identities
    return only


async def test_an_identity_is_read_as_it_was_stored(table: LedgerTable) -> None:
    await table.store([seen(make(), way=Way.FILE)])
    sighting = Sighting(place="host-b", way=Way.FILE, at=NOW)
    identity = make(first_seen_at=NOW, seen_at=NOW)
    assert KnownIdentities((identity,), {identity.fingerprint: (sighting,)}) == await table.read_all()


async def test_the_same_observation_twice_is_one_row(table: LedgerTable) -> None:
    await table.store([signed(), seen(make())])
    before = await table.read_all()
    await table.store([signed(), seen(make())])
    assert before == await table.read_all()


async def test_a_certificate_that_was_read_replaces_what_a_log_claimed(table: LedgerTable) -> None:
    await table.store([seen(claim(name="forged", address="10.100.9.9"), at=NOW - DAY)])
    await table.store([seen(make(), way=Way.FILE)])
    assert make(first_seen_at=NOW - DAY, seen_at=NOW) == await read_one(table)


async def test_a_log_changes_nothing_of_a_certificate_that_was_read(table: LedgerTable) -> None:
    await table.store([signed()])
    await table.store([seen(claim(name="forged", issuer="d" * 64))])
    expected = make(operation="op-1", signed_at=NOW - HOUR, first_seen_at=NOW, seen_at=NOW)
    assert expected == await read_one(table)


async def test_a_late_record_of_a_signature_is_added_to_what_was_seen(table: LedgerTable) -> None:
    await table.store([seen(make(), way=Way.FILE)])
    await table.store([signed()])
    assert ("op-1", NOW - HOUR, NOW) == (
        (found := await read_one(table)).operation,
        found.signed_at,
        found.seen_at,
    )


@pytest.mark.parametrize(("way", "abandoned"), [(Way.HANDSHAKE, True), (Way.FILE, False)])
async def test_an_abandoned_certificate_that_lies_on_a_host_is_in_use(table: LedgerTable, way: Way, abandoned: bool) -> None:
    await table.store([signed(abandoned=True)])
    await table.store([seen(make(), way=way)])
    assert abandoned is (await read_one(table)).abandoned


async def test_the_latest_sightings_of_a_certificate_are_kept_apart_by_place_and_way(table: LedgerTable) -> None:
    places = [("host-b", 3), ("host-c", 1), ("host-d", 2), ("host-e", 4), ("host-b", 5)]
    await table.store([seen(make(), place, at=NOW - hours * HOUR) for place, hours in places])
    found = (await table.read_all()).find_sightings(make().fingerprint)
    assert ["host-c", "host-d", "host-b"] == [sighting.place for sighting in found]


async def test_a_forged_log_does_not_fill_the_ledger(table: LedgerTable) -> None:
    flood = [seen(claim(number)) for number in range(1_000)]
    admission = await table.admit(flood)
    await table.store(admission.admitted)
    again = await table.admit([seen(claim(number)) for number in range(2_000, 2_010)])
    other = await table.admit([seen(claim(3_000), "host-c")])
    counts = (len(admission.new), admission.refused, again.refused, other.refused)
    assert (ledger.MAX_CLAIMED_PER_HOST, 1_000 - ledger.MAX_CLAIMED_PER_HOST, 10, 0) == counts


async def test_many_hosts_together_do_not_fill_it_either(table: LedgerTable) -> None:
    flood = [seen(claim(number), f"host-{number // 200}") for number in range(5_000)]
    admission = await table.admit(flood)
    assert (ledger.MAX_CLAIMED, 5_000 - ledger.MAX_CLAIMED) == (len(admission.new), admission.refused)


async def test_known_certificates_are_admitted_where_there_is_no_room_for_new_ones(table: LedgerTable) -> None:
    await table.store([seen(claim(number)) for number in range(ledger.MAX_CLAIMED_PER_HOST)])
    await table.store([signed(7_000)])
    admission = await table.admit([seen(claim(5)), seen(claim(7_000)), seen(make(8_000), way=Way.FILE), seen(claim(9_000))])
    assert ([5, 7_000, 8_000], [8_000], 1) == (
        [int(each.identity.fingerprint, 16) for each in admission.admitted],
        [int(each.identity.fingerprint, 16) for each in admission.new],
        admission.refused,
    )


DAMAGES = {
    "a time": "UPDATE identities SET ends_at = 'tomorrow'",
    "a time without a zone": "UPDATE identities SET ends_at = '2026-01-01T00:00:00'",
    "groups": "UPDATE identities SET groups = '{'",
    "groups of another shape": """UPDATE identities SET groups = '{"a": 1}'""",
    "a kind of another version": "UPDATE identities SET kind = 'new'",
    "a fingerprint": "UPDATE identities SET fingerprint = 'zzzz'",
    "a name without end": f"UPDATE identities SET name = '{'x' * 100_000}'",
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_row_is_left_out_and_counted_and_written_anew(
    table: LedgerTable, database: Database, damage: str
) -> None:
    await check_damage(table, database, DAMAGES[damage])


async def test_text_that_is_not_utf_8_is_left_out_too(table: LedgerTable, database: Database, path: Path) -> None:
    """In a file of SQLite: PostgreSQL takes none."""
    await check_damage(table, database, "UPDATE identities SET name = CAST(x'ff41' AS TEXT)")


async def check_damage(table: LedgerTable, database: Database, damage: str) -> None:
    """Damage the row of a certificate, and expect that it is left out and counted, and written anew once it is seen."""
    await table.store([signed()])

    def break_it(connection: Connection) -> None:
        connection.execute(text(damage))

    await database.run(break_it)
    await table.store([signed(2)])
    known = await table.read_all()
    assert (1, 1) == (len(known.identities), known.damaged)
    await table.admit([seen(make())])
    await table.store([seen(make())])
    assert make().fingerprint in {each.fingerprint for each in (await table.read_all()).identities}


async def test_a_damaged_sighting_or_position_is_left_out(table: LedgerTable, database: Database) -> None:
    position = FilePosition(offset=7, head=1, sha256="0" * 64)
    await table.store([seen(make()), seen(make(), "host-c")], ReadPosition("host-b", NOW, position))
    await table.store([], ReadPosition("host-c", NOW, position))

    def break_them(connection: Connection) -> None:
        connection.execute(text("UPDATE sightings SET at = 'never' WHERE place = 'host-b'"))
        connection.execute(text("UPDATE handshake_positions SET position = '{}' WHERE host = 'host-b'"))

    await database.run(break_them)
    found = (await table.read_all()).find_sightings(make().fingerprint)
    assert (["host-c"], {"host-c": position}) == ([each.place for each in found], await table.read_positions())


async def test_hostile_text_is_stored_and_read(table: LedgerTable) -> None:
    await table.store([seen(claim(name="\0 x\x1b[2J" + "y" * 200))])
    assert "\\x00 x\x1b[2J" + "y" * 200 == (await read_one(table)).name


KEPT = {
    "valid, whatever its operation's retention": (signed(ends_at=NOW + 5_000 * DAY), True),
    "ended lately": (signed(ends_at=NOW), True),
    "ended long ago": (signed(ends_at=NOW - RETENTION - DAY), False),
    "claimed, its CA valid": (seen(claim(), at=NOW - 2 * RETENTION), True),
    "claimed, its CA unknown": (seen(claim(issuer="d" * 64), at=NOW - RETENTION - DAY), False),
    "claimed lately, its CA unknown": (seen(claim(issuer="d" * 64), at=NOW - RETENTION + DAY), True),
}


@pytest.mark.parametrize("story", KEPT)
async def test_a_certificate_is_kept_while_it_lives_and_a_year_longer(table: LedgerTable, story: str) -> None:
    observed, kept = KEPT[story]
    authority = make(99, kind=IdentityKind.AUTHORITY, fingerprint=CA, issuer="")
    await table.store([observed, seen(authority, way=Way.FILE)])
    await table.prune(NOW)
    known = await table.read_all()
    assert kept is (observed.identity.fingerprint in {each.fingerprint for each in known.identities})
    assert {each.fingerprint for each in known.identities} >= set(known.sightings)
