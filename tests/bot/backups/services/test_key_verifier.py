"""Verification of the copy of the CA key: what is found at both places, and what is recorded."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import ActionFailed, Unreachable
from adapters.local.key_backups import ReadStoredKey, StoredKeyCopy
from adapters.phrase import Phrase
from adapters.windows.key_backup import KeyCopy
from bot.audit_log.log import EventKind
from bot.backups.services.verifier import KeyVerifier
from bot.backups.tables import KeyBackupTable
from bot.store.database import Database
from commands.model.backup import KeyBackup, PlaceState
from tests.bot.backups.services.test_key_copies import RECIPIENTS, copy
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view

WHOLE = KeyCopy(present=True, whole=True, closed=True)
RIGHT = StoredKeyCopy(present=True, whole=True, right=True)
LOST = Unreachable(Phrase("connection refused"))
FULL = ActionFailed(Phrase("no such disk"))


class House:
    """A verifier whose second place says what it is told to."""

    def __init__(self, database: Database, second: StoredKeyCopy | Exception) -> None:
        self.table = KeyBackupTable(database)
        self.second = second
        self.events: list[Mapping[str, Any]] = []
        self.verifier = KeyVerifier(self.table, self, self.read, lambda: NOW)

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        self.events.append(data)

    async def read(self, action: ReadStoredKey) -> StoredKeyCopy:
        if isinstance(self.second, Exception):
            raise self.second
        return self.second

    async def verify(self, first: object, name: str = "lighthouse", recipients: Any = RECIPIENTS) -> KeyBackup:
        await self.table.store([copy()])
        seen = view(host(name, 0), said={(name, "windows"): first})
        return await self.verifier.verify(copy(), replace(seen, recipients=recipients), "ana", "op-1")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (WHOLE, RIGHT, (PlaceState.WHOLE, PlaceState.WHOLE, True)),
        (WHOLE.model_copy(update={"whole": False}), RIGHT, (PlaceState.DAMAGED, PlaceState.WHOLE, False)),
        (WHOLE.model_copy(update={"closed": False}), RIGHT, (PlaceState.DAMAGED, PlaceState.WHOLE, False)),
        (KeyCopy(present=False, whole=False), RIGHT, (PlaceState.ABSENT, PlaceState.WHOLE, False)),
        (LOST, RIGHT, (PlaceState.UNREACHABLE, PlaceState.WHOLE, False)),
        (WHOLE, StoredKeyCopy.absent(), (PlaceState.WHOLE, PlaceState.ABSENT, False)),
        (WHOLE, RIGHT.model_copy(update={"whole": False}), (PlaceState.WHOLE, PlaceState.DAMAGED, False)),
        (WHOLE, RIGHT.model_copy(update={"right": False}), (PlaceState.WHOLE, PlaceState.DAMAGED, False)),
        (WHOLE, FULL, (PlaceState.WHOLE, PlaceState.UNREACHABLE, False)),
    ],
)
async def test_a_copy_is_verified_where_both_places_are_whole_and_right(
    database: Database, first: object, second: StoredKeyCopy | Exception, expected: tuple[PlaceState, PlaceState, bool]
) -> None:
    house = House(database, second)
    found = await house.verify(first)
    assert expected == (found.first, found.second, found.verified_at == NOW)
    assert (found,) == await house.table.read_keys()
    states = {"first": expected[0].value, "second": expected[1].value}
    assert [{"key": found.id, "verified": expected[2], **states}] == house.events


async def test_a_place_that_does_not_answer_takes_nothing_back_and_a_damaged_one_does(database: Database) -> None:
    before = copy().verified_at
    assert (before, "") == ((found := await House(database, FULL).verify(WHOLE)).verified_at, found.fault)
    assert (None, "absent, whole") == (
        (found := await House(database, RIGHT).verify(KeyCopy(present=False, whole=False))).verified_at,
        found.fault,
    )


async def test_a_copy_on_a_host_that_left_the_configuration_is_unreachable(database: Database) -> None:
    assert PlaceState.UNREACHABLE is (await House(database, RIGHT).verify(WHOLE, name="other")).first


async def test_a_recipient_that_is_not_configured_any_more_spoils_no_whole_copy(database: Database) -> None:
    """Its certificate is not known any more. That the recipients differ is a finding of its own."""
    house = House(database, RIGHT.model_copy(update={"right": False}))
    assert PlaceState.WHOLE is (await house.verify(WHOLE, recipients=RECIPIENTS[:1])).second
