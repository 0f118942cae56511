"""Copies of CA keys: what a run proves of them, and what is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from bot.backups.services.registry import derive_key_backup
from bot.backups.tables import KeyBackupTable
from bot.changes.rules.trail import AuditTrail
from bot.store.database import Database
from bot.store.schema.tables import KEY_BACKUPS
from commands.certificates.ca_key.steps import KeySource, build_key_backup_steps
from commands.model.backup import Drill, KeyBackup, PlaceState
from commands.model.plan import Part, Product, Result, StepResult
from tests.adapters.windows.key_backup_cases import PEOPLE
from tests.adapters.windows.nebula_hosts import CA
from tests.commands.canned_certs import host

AUTHORITY = parse_pem(CA)[0]
RECIPIENTS = tuple(person.recipient for person in PEOPLE)
MADE: dict[str, Any] = {
    "key_size": 1500,
    "key_sha256": "1" * 64,
    "certificate_size": 200,
    "certificate_sha256": "2" * 64,
    "manifest_size": 500,
    "manifest_sha256": "3" * 64,
}
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
LATER = BEGINNING + timedelta(seconds=9)


def part(certificate: str | Product = CA) -> Part:
    """A part; with a product as certificate, of a CA that an earlier step of the part makes."""
    fingerprint = AUTHORITY.fingerprint if isinstance(certificate, str) else Product(step="make", field="fingerprint")
    source = KeySource(host("lighthouse", 0), "op-0123456789ab", r"F:\ca.key", certificate, fingerprint)
    return Part(host="lighthouse", steps=build_key_backup_steps(source, RECIPIENTS, lambda name: f"lighthouse/{name}"))


def outcome(key: str, result: Result = Result.DONE) -> StepResult:
    product = MADE if key == "lighthouse/protect" else {"certificate": CA} if key == "make" else {}
    return StepResult(key=key, result=result, why=Phrase("no"), product=product, began_at=BEGINNING, ended_at=LATER)


def trail(of: Part, *others: StepResult, undone: str = "") -> AuditTrail:
    done = {step.key: outcome(step.key) for step in of.steps} | {each.key: each for each in others}
    reverted = {undone: outcome(undone, Result.UNDONE)} if undone else {}
    return AuditTrail(started=True, results=done, undone=reverted)


def copy(**given: Any) -> KeyBackup:
    return KeyBackup.model_validate(
        {
            "id": "lighthouse-0123456789ab",
            "authority": AUTHORITY.fingerprint,
            "name": "Flatnet CA",
            "recipients": [each.sha256 for each in RECIPIENTS],
            "size": 1500,
            "sha256": "1" * 64,
            "certificate_sha256": "2" * 64,
            "manifest_sha256": "3" * 64,
            "at": LATER,
            "operation": "op-0123456789ab",
            "first": PlaceState.WHOLE,
            "second": PlaceState.WHOLE,
            "checked_at": LATER,
            "verified_at": LATER,
        }
        | given
    )


KNOWN, MADE_LATER = part(), part(Product(step="make", field="certificate"))
CHECK = "lighthouse/check-second"


@pytest.mark.parametrize(
    ("of", "seen", "expected"),
    [
        pytest.param(KNOWN, trail(KNOWN), copy(), id="made and read back"),
        pytest.param(MADE_LATER, trail(MADE_LATER, outcome("make")), copy(), id="of a CA that the same run made"),
        pytest.param(MADE_LATER, trail(MADE_LATER), None, id="of a CA that is not known"),
        pytest.param(KNOWN, trail(KNOWN, outcome(CHECK, Result.FAILED)), None, id="the second place is not right"),
        pytest.param(KNOWN, trail(KNOWN, outcome(CHECK, Result.UNKNOWN)), None, id="in doubt"),
        pytest.param(KNOWN, trail(KNOWN, undone="lighthouse/protect"), None, id="rolled back"),
        pytest.param(KNOWN, AuditTrail(), None, id="not begun"),
    ],
)
def test_a_copy_counts_where_both_places_were_read_back(of: Part, seen: AuditTrail, expected: KeyBackup | None) -> None:
    assert expected == derive_key_backup("op-0123456789ab", of, seen)


@pytest.fixture
def table(database: Database) -> KeyBackupTable:
    return KeyBackupTable(database)


async def test_copies_are_stored_once_and_read_newest_first(table: KeyBackupTable) -> None:
    older = copy(id="lighthouse-00000000000a", at=BEGINNING - timedelta(days=9))
    await table.store([older, copy()])
    await table.store([copy(name="another")])
    assert (copy(), older) == await table.read_keys()


async def test_what_a_look_found_is_kept_with_the_copy(table: KeyBackupTable) -> None:
    await table.store([copy()])
    found = copy(second=PlaceState.DAMAGED, verified_at=None, fault="cut")
    await table.record_check(found)
    assert (found,) == await table.read_keys()


async def test_a_damaged_row_hides_no_other_one(table: KeyBackupTable, database: Database) -> None:
    await table.store([copy(), copy(id="lighthouse-00000000000a")])
    damage = update(KEY_BACKUPS).where(KEY_BACKUPS.c.id == "lighthouse-00000000000a").values(recipients="x")
    await database.run(lambda connection: connection.execute(damage) and None)
    assert (copy(),) == await table.read_keys()


def drill(**given: Any) -> Drill:
    usual = {
        "number": 0,
        "authority": AUTHORITY.fingerprint,
        "public_key": "key",
        "opened_at": BEGINNING,
        "ends_at": LATER,
        "opened_by": "ana",
    }
    return Drill.model_validate(usual | given)


async def test_a_drill_passes_once_and_a_refusal_before_that_is_kept(table: KeyBackupTable) -> None:
    opened = await table.open_drill(drill())
    await table.refuse(opened.number, "another CA", LATER)
    assert [True, False] == [await table.pass_drill(opened.number, "f" * 64, by, LATER) for by in ("bob", "eve")]
    await table.refuse(opened.number, "too late", LATER)
    expected = opened.model_copy(
        update={
            "passed_at": LATER,
            "passed_by": "bob",
            "fingerprint": "f" * 64,
            "refused_at": LATER,
            "fault": "another CA",
        }
    )
    assert (expected,) == await table.read_drills()
    assert 1 == opened.number
