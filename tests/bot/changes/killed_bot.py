"""A bot that carries one operation out, alone in a process, and kills itself (-9) at a moment.

Run as `python -m … FOLDER MOMENT [HOST]`. With a host that shakes no hands, the parts of the operation are independent.

The hosts' state lies in the folder too, written after every effect, for it outlives the bot.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.audit_log.log import EventKind
from bot.changes.services.engine import Engine
from bot.changes.services.executor import Executor
from bot.model.change import ChangeState
from bot.model.lock import Lock
from bot.store.records import OperationRecord
from commands.model.owed import Matter
from commands.model.plan import PlannedChange
from tests.bot.records import asked_for, running
from tests.bot.running import House
from tests.bot.world import OPERATION, Guarded, World, inventory

HOSTS = ("host-a", "host-b")


class Disk:
    """What outlives the bot: the hosts, and how the operation ended."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "world.json"
        self._end = folder / "end"

    def read(self) -> World:
        if not self._file.exists():
            return World()
        stored = json.loads(self._file.read_text())
        world = World(effects=[(host, effect) for host, effect in stored["effects"]])
        world.changes = {(host, OPERATION): Guarded(state, ends) for host, state, ends in stored["changes"]}
        world.folders = {(host, folder): effect for host, folder, effect in stored["folders"]}
        return world

    def write(self, world: World) -> None:
        changes = [(host, guarded.state, guarded.ends) for (host, _), guarded in world.changes.items()]
        folders = [(host, folder, effect) for (host, folder), effect in world.folders.items()]
        document = json.dumps({"effects": world.effects, "changes": changes, "folders": folders})
        fresh = self._file.with_suffix(".new")
        fresh.write_text(document)
        fresh.replace(self._file)

    @property
    def ended(self) -> str:
        return self._end.read_text() if self._end.exists() else ""

    @ended.setter
    def ended(self, state: str) -> None:
        self._end.write_text(state)


class Book:
    """One record that runs until it is told that it ended, and no locks."""

    def __init__(self, disk: Disk, *, independent: bool) -> None:
        self._disk = disk
        self._independent = independent

    async def get(self, operation: str) -> OperationRecord | None:
        record = running(*HOSTS)
        return replace(record, state=ChangeState(self._disk.ended)) if self._disk.ended else record

    async def check_still_allowed(self, record: OperationRecord) -> Refusal | None:
        return None

    def find_matter(self, record: OperationRecord) -> Matter:
        return Matter.CHANGE

    def is_independent(self, record: OperationRecord) -> bool:
        return self._independent

    async def replan(self, record: OperationRecord) -> tuple[PlannedChange, str]:
        return PlannedChange(arguments={}, plan=record.plan), record.digest

    async def refuse(self, record: OperationRecord, refused: Refusal) -> None:
        self._disk.ended = ChangeState.CLOSED

    async def supersede(self, record: OperationRecord, planned: PlannedChange) -> None:
        self._disk.ended = ChangeState.CLOSED

    async def list_unrehearsed(self, record: OperationRecord) -> tuple[str, ...]:
        return ()

    async def record_progress(self, operation_id: str, key: str) -> None:
        pass

    async def finish_run(self, operation_id: str, state: ChangeState, why: Phrase | None) -> None:
        self._disk.ended = state

    async def find_forbidding_lock(self, hosts: Iterable[str], inventory: Inventory) -> Lock | None:
        return None


class Moments:
    """Keeps the hosts on the disk, and ends this process at one moment."""

    def __init__(self, disk: Disk, world: World, at: int) -> None:
        self._disk = disk
        self._world = world
        self._left = at

    def __call__(self, moment: str) -> None:
        if moment == "after":
            self._disk.write(self._world)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, at: int, broken: str) -> None:
    disk = Disk(folder)
    world = disk.read()
    world.deaf = broken
    moments, book = Moments(disk, world, at), Book(disk, independent=bool(broken))
    house = await House(folder, world).open()
    if not await house.audit.find_signed(OPERATION, EventKind.PLAN):
        await asked_for(running(*HOSTS), house.audit)
    applying = Executor(
        find_record=book.get,
        coordinator=book,
        locks=book,
        audit=house.audit,
        intent_log=house.journal(moments),
        runner=house.runner(moments),
        inventory=inventory,
    )
    durable = await Engine.launch(folder / "durable.sqlite3", applying, lambda: "7f3a")
    await durable.enqueue(OPERATION)
    known: Any = {}
    while OPERATION not in known or not known[OPERATION].ended:
        await asyncio.sleep(0.02)
        known = await durable.find_statuses((OPERATION,))
    await durable.aclose()
    await house.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:])))
