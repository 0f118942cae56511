"""Drills: opened once, passed by the right certificate, refused with any other; what is recorded, and where."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import ActionFailed, Refused
from adapters.nebula.encoding import Curve
from adapters.phrase import Phrase
from bot.app.build_backups import make_public_key
from bot.audit_log.log import EventKind
from bot.backups.services.drills import DrillRefused, DrillRegistry
from bot.backups.tables import KeyBackupTable
from bot.certificates.tables.ledger import LedgerTable
from bot.model.observation import Observation
from bot.store.database import Database
from commands.certificates.ca_key.judgment import name_certificate
from commands.model.backup import Drill, KeyBackup
from commands.model.certificates import KnownIdentities
from tests.bot.backups.services.test_key_copies import copy
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, OTHER_CA
from tests.commands.certificates.ca_key.test_drills import PARSED, sign

KEY: KeyBackup = copy(authority=PARSED.fingerprint)


class House:
    """A registry of drills with its database, its audit log and its ledger."""

    def __init__(self, database: Database) -> None:
        self.table, self.identities = KeyBackupTable(database), LedgerTable(database)
        self.events: list[Mapping[str, Any]] = []
        self.now = NOW
        self.beside: str | Exception = CA.certificate
        self.made = 0
        self.registry = DrillRegistry(self.table, self, self, self.read_authority, self.make_key, lambda: self.now)

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        self.events.append({"kind": kind, "actor": actor, **data})

    async def record_drill(self, observed: Observation) -> None:
        await self.identities.store((observed,))

    async def read_authority(self, backup: str) -> str:
        if isinstance(self.beside, Exception):
            raise self.beside
        return self.beside

    def make_key(self, curve: Curve) -> bytes:
        self.made += 1
        return bytes([self.made]) * curve.key_bytes

    async def open(self) -> Drill:
        drill, _ = await self.registry.open(KEY, "ana", "op-1")
        return drill

    async def check(self, text: str) -> Drill:
        drill, _ = await self.registry.check(text, KEY, "bob", "op-2")
        return drill

    async def read_ledger(self) -> KnownIdentities:
        return await self.identities.read_all()


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


async def test_a_drill_is_shown_again_until_it_ends_and_then_there_is_a_new_key(house: House) -> None:
    first = await house.open()
    assert first == await house.open()
    house.now += timedelta(days=7)
    assert first.public_key != (await house.open()).public_key
    assert 2 == house.made


async def test_the_right_certificate_passes_and_the_ledger_has_it(house: House) -> None:
    drill = await house.open()
    passed = await house.check(sign(key=drill.public_key, name=name_certificate(drill)))
    assert (NOW, "bob") == (passed.passed_at, passed.passed_by)
    assert (passed,) == await house.table.read_drills()
    (known,) = (await house.read_ledger()).identities
    assert (passed.fingerprint, name_certificate(drill), "op-2", True) == (
        known.fingerprint,
        known.name,
        known.operation,
        known.abandoned,
    )
    assert ["opened", "passed"] == [next(iter(set(event) & {"opened", "passed"})) for event in house.events]


async def test_a_wrong_certificate_is_refused_recorded_and_the_drill_goes_on(house: House) -> None:
    drill = await house.open()
    name = name_certificate(drill)
    with pytest.raises(DrillRefused, match="signed by another CA"):
        await house.check(sign(OTHER_CA, key=drill.public_key, name=name))
    (refused,) = await house.table.read_drills()
    assert refused.refused_at == NOW
    assert "signed by another CA" in refused.fault
    assert {"refused": name, "actor": "bob"} == {key: house.events[-1][key] for key in ("refused", "actor")}
    assert () == (await house.read_ledger()).identities
    assert (await house.check(sign(key=drill.public_key, name=name))).passed_at == NOW


async def test_a_certificate_without_a_drill_or_after_its_end_is_refused(house: House) -> None:
    with pytest.raises(Refused, match="no drill is open"):
        await house.check(sign())
    drill = await house.open()
    house.now += timedelta(days=8)
    with pytest.raises(Refused, match="no drill is open"):
        await house.check(sign(key=drill.public_key, name=name_certificate(drill)))


async def test_one_certificate_passes_one_drill_only(house: House) -> None:
    drill = await house.open()
    text = sign(key=drill.public_key, name=name_certificate(drill))
    await house.check(text)
    await house.open()
    with pytest.raises(DrillRefused, match="another public key"):
        await house.check(text)


@pytest.mark.parametrize("beside", [OTHER_CA.certificate, "", "no certificate", CA.certificate + OTHER_CA.certificate])
async def test_a_ca_that_lies_beside_the_copy_is_believed_by_its_fingerprint_alone(house: House, beside: str) -> None:
    house.beside = beside
    with pytest.raises(Refused, match="could not read the CA's certificate"):
        await house.open()


async def test_a_second_place_that_cannot_be_read_is_said(house: House) -> None:
    house.beside = ActionFailed(Phrase("no such disk"))
    with pytest.raises(Refused, match="Run ca backup verify"):
        await house.open()


@pytest.mark.parametrize("curve", list(Curve))
def test_a_public_key_is_new_each_time_and_of_the_size_of_its_curve(curve: Curve) -> None:
    first, second = make_public_key(curve), make_public_key(curve)
    assert [curve.key_bytes] * 2 == [len(first), len(second)]
    assert first != second


async def test_nothing_that_is_kept_of_a_drill_holds_a_private_key(house: House) -> None:
    drill = await house.open()
    await house.check(sign(key=drill.public_key, name=name_certificate(drill)))
    stored = [each.model_dump_json() for each in await house.table.read_drills()]
    assert "PRIVATE" not in json.dumps([*house.events, *stored], default=str)
