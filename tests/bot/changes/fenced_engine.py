"""An engine over PostgreSQL, alone in a process, which stops within step b of its operation until it may go on.

Run as `python -m … PORT NAME FOLDER`. It is of term 1, and has no session that leads: only the fence can end it.
FOLDER/reached is made when step b began; it goes on when FOLDER/go is there.
"""

import asyncio
import sys
from pathlib import Path

from bot.changes.services.engine import Engine
from bot.store.address import PostgresAddress
from bot.store.engine_pool import EnginePool
from tests.bot.changes.engine_steps import Steps
from tests.postgres import USER


async def main(port: int, name: str, folder: Path) -> None:
    async def hold(call: str) -> None:
        if call == "step b":
            (folder / "reached").touch()
            while not (folder / "go").exists():
                await asyncio.sleep(0.01)

    durable = await Engine.launch(
        EnginePool(PostgresAddress(USER, "127.0.0.1", port, name), term=1), Steps(at=hold), lambda: "7f3a"
    )
    await durable.enqueue("op-1")
    while not (await durable.find_statuses(["op-1"]))["op-1"].ended:
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
