"""The ledger: what is new is recorded before it is stored, what was missed is found again, no failure loses a sighting."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.audit_log.log import EventKind
from bot.certificates.services import ledger as registry
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.tables.ledger import LedgerTable, ReadPosition
from bot.model.change import ChangeState
from bot.model.observation import Observation
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable, TooLarge
from commands.model.certificates import Identity, IdentityKind, KnownIdentities, Sighting, Way
from tests.bot.certificates.services.test_signatures import BACK, CERTIFICATE, outcome
from tests.bot.changes.workflow_team import Bot, Log
from tests.commands.canned import NOW


def seen(number: int = 1, place: str = "host-b", **fields: Any) -> Observation:
    usual = {"fingerprint": f"{number:064x}", "kind": IdentityKind.NEBULA, "name": "laptop", "address": "10.100.9.1"}
    sighting = Sighting(place=place, way=Way.HANDSHAKE, at=NOW)
    return Observation(Identity.model_validate(usual | fields), sighting)


async def test_a_new_certificate_is_recorded_and_a_known_one_is_not_again(ledger: IdentityLedger, log: Log) -> None:
    await ledger.observe([seen(), seen(place="host-c")])
    await ledger.observe([seen()])
    expected = {
        "fingerprint": f"{1:064x}",
        "kind": "nebula",
        "name": "laptop",
        "address": "10.100.9.1",
        "issuer": "",
        "place": "host-b",
        "way": "handshake",
    }
    assert [(EventKind.IDENTITY, "system", "", {"seen": [expected]})] == log.events


async def test_many_new_ones_share_events(ledger: IdentityLedger, log: Log) -> None:
    await ledger.observe([seen(number, name="n" * 300) for number in range(120)])
    assert [50, 50, 20] == [len(data["seen"]) for _, _, _, data in log.events]
    assert {registry.MAX_RECORDED_TEXT} == {len(each["name"]) for _, _, _, data in log.events for each in data["seen"]}


async def test_what_cannot_be_recorded_is_not_stored(ledger: IdentityLedger, log: Log) -> None:
    log.full = True
    with pytest.raises(TooLarge):
        await ledger.observe([seen()])
    log.full = False
    assert () == (await ledger.read_known()).identities
    await ledger.observe([seen()])
    assert 1 == len((await ledger.read_known()).identities)


class BrokenTable(LedgerTable):
    """A database that fails."""

    async def read_all(self) -> KnownIdentities:
        raise DatabaseUnavailable(Phrase("the disk is gone"))

    async def store(self, observations: Sequence[Observation], read: ReadPosition | None = None) -> None:
        raise DatabaseUnavailable(Phrase("the disk is gone"))


async def test_a_ledger_that_fails_is_no_empty_one_and_stops_no_change(database: Database, log: Log) -> None:
    ledger = IdentityLedger(BrokenTable(database), log, lambda: NOW)
    assert KnownIdentities(available=False) == await ledger.read_known()
    await ledger.follow_end("op-1")


async def make_ended(bot: Bot, operation: str, kind: str = "cert renew") -> None:
    """An operation that ran and ended, and of which the ledger has nothing."""
    await bot.ask(operation)
    record = await bot.stored(operation)
    await bot.operations.change(
        operation,
        lambda before: dataclasses.replace(before, state=ChangeState.FAILED, started_at=NOW, ended_at=NOW),
    )

    def rename(connection: Any) -> None:
        connection.exec_driver_sql("UPDATE operations SET kind = ? WHERE operation = ?", (kind, record.operation))

    await bot.database.run(rename)


@pytest.fixture
def bot(database: Database) -> Bot:
    return Bot(database)


@pytest.mark.parametrize("kind", ["cert renew", "host add", "ca rotation start", "ca rotation next", "ca rotation abort"])
async def test_what_was_signed_and_is_not_in_the_ledger_is_found_in_the_audit_log(bot: Bot, kind: str) -> None:
    await make_ended(bot, "op-1", kind)
    await make_ended(bot, "op-2", kind="service start")
    await bot.log.record(EventKind.OUTCOME, "ana", "op-1", outcome())
    await bot.log.record(EventKind.OUTCOME, "ana", "op-1", BACK)
    await bot.log.record(EventKind.OUTCOME, "ana", "op-2", outcome())
    await bot.identities.catch_up()
    (only,) = (await bot.identities.read_known()).identities
    assert (CERTIFICATE.fingerprint, "op-1", True) == (only.fingerprint, only.operation, only.abandoned)


async def test_what_is_in_the_ledger_is_not_looked_for_again_and_what_signed_nothing_only_once(bot: Bot) -> None:
    await make_ended(bot, "op-1")
    await bot.identities.catch_up()
    await bot.log.record(EventKind.OUTCOME, "ana", "op-1", outcome())
    await bot.identities.catch_up()
    assert () == (await bot.identities.read_known()).identities
    restarted = IdentityLedger(LedgerTable(bot.database), bot.log, lambda: NOW)
    await restarted.catch_up()
    assert 1 == len((await restarted.read_known()).identities)
