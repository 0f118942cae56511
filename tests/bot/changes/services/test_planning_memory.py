"""What a plan knows beside the hosts: the ledger, and the change of the CA that is under way."""

from dataclasses import replace

import pytest

from adapters.phrase import Phrase
from bot.backups.tables import BackupTable
from bot.changes.services.planning_memory import PlanningMemory
from bot.store.errors import DatabaseUnavailable
from commands.model.certificates import KnownIdentities
from commands.model.operation import FleetView
from commands.model.rotation import RotationStage
from tests.bot.changes.workflow_team import Bot
from tests.commands.canned_certs import host, view
from tests.commands.canned_rotation import rotation

CHANGING = rotation(RotationStage.SIGNING)
UNREADABLE = KnownIdentities(available=False)


async def add(seen: FleetView) -> FleetView:
    return replace(seen, rotation=CHANGING)


async def refuse(seen: FleetView) -> FleetView:
    raise DatabaseUnavailable(Phrase("the disk is gone"))


async def read() -> KnownIdentities:
    return UNREADABLE


async def test_a_plan_knows_the_rotation_and_the_ledger(bot: Bot) -> None:
    memory = PlanningMemory(bot.owed, bot.good, bot.operations, BackupTable(bot.database), str, read, add)
    seen = await memory.complete(view(host("host-a", 1)))

    assert (CHANGING, UNREADABLE) == (seen.rotation, seen.identities)


async def test_no_plan_is_made_while_the_state_of_a_rotation_is_not_known(bot: Bot) -> None:
    memory = PlanningMemory(bot.owed, bot.good, bot.operations, BackupTable(bot.database), str, read, refuse)

    with pytest.raises(DatabaseUnavailable):
        await memory.complete(view(host("host-a", 1)))
