"""A process that leads, for tests that take its session away: `python -m … NAME HOST PORT DATABASE`.

It says "leads", then works without end. It must say nothing more: no waiter may learn that the session is lost.
"""

import asyncio
import sys

import structlog
from sqlalchemy import text

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.leadership import CopyIdentity
from bot.store.postgres_session import SessionLimits
from tests.postgres import USER

LIMITS = SessionLimits(idle=1, beat=0.2, silence=1.5)


async def lead(name: str, address: PostgresAddress) -> None:
    """Take the lead, and work."""
    database = Database.connect(address, LIMITS)
    me = CopyIdentity(name, "1.0", "digest", "key")
    await database.take_name(name)
    database.report(me)
    assert await database.try_lead(me)
    print("leads", flush=True)
    while True:
        try:
            await database.run(lambda connection: connection.execute(text("SELECT 1")).scalar_one())
        except BaseException as error:
            print("a waiter learned", repr(error), flush=True)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    name, host, port, database = sys.argv[1:]
    asyncio.run(lead(name, PostgresAddress(USER, host, int(port), database)))
