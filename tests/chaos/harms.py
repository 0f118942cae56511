"""What happens to copies and to their database server, at a random instant."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from bot.store.address import PostgresAddress
from bot.store.lead import LOCK_KEY, read_leader
from bot.store.reading import open_for_reading
from bot.store.tables import AUDIT
from tests.chaos.copies import Copies, Copy
from tests.postgres import PostgresServer

IDLE_SECONDS = 4.0
"""Seconds after which the server ends a session that says nothing."""

INTENT_SECONDS = 15.0
"""Seconds to wait for a change to be about to act."""


@dataclass(frozen=True)
class Server:
    """The database server, and the database that the copies share."""

    server: PostgresServer
    database: PostgresAddress

    def end_leading_session(self) -> None:
        """End the session that holds the lead."""
        lock = f"classid = {LOCK_KEY >> 32} AND objid = {LOCK_KEY & 0xFFFFFFFF} AND objsubid = 1"
        found = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        self.server.execute(f"SELECT pg_terminate_backend(pid) FROM ({found} AND {lock}) AS holders")

    def end_sessions(self) -> None:
        """End all sessions of the database."""
        name = self.database.name
        self.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def restart(self, mode: str, seconds: float = 0) -> None:
        """Stop the server and start it again. `immediate`: as a power cut."""
        self.server.stop(mode)
        time.sleep(seconds)
        self.server.start(synchronous_commit="on")

    def set_read_only(self, value: str) -> None:
        """Have the database refuse writing, as after a failover to a server that only follows; `off` ends that."""
        self.server.execute(f"ALTER DATABASE {self.database.name} SET default_transaction_read_only = {value}")
        self.end_sessions()


@dataclass
class Scene:
    """Where harm is done. `server` is None where a single copy has its database in a file."""

    copies: Copies
    server: Server | None
    dice: random.Random
    began: float = field(default=0.0)
    """Monotonic time at which the leader could no longer act."""

    def find_leader(self) -> Copy:
        """Find the copy that leads, or led last."""
        if self.server is None:
            return self.copies.all[0]
        with open_for_reading(self.copies.one.database) as connection:
            leader = read_leader(connection)
        assert leader is not None
        return self.copies[leader.identity.name]

    def find_standby(self) -> Copy:
        return self.dice.choice(self.copies.others(self.find_leader().name))

    def begin(self) -> None:
        self.began = time.monotonic()


Do = Callable[[Scene], Awaitable[None]]


async def kill_leader(scene: Scene) -> None:
    leader = scene.find_leader()
    scene.begin()
    leader.kill()


async def kill_standby(scene: Scene) -> None:
    scene.find_standby().kill()


async def kill_all(scene: Scene) -> None:
    scene.begin()
    for copy in scene.copies.all:
        copy.kill()


async def terminate_leader(scene: Scene) -> None:
    leader = scene.find_leader()
    scene.begin()
    leader.terminate()


async def pause_leader(scene: Scene) -> None:
    """It hangs for less than the server waits."""
    await _stop(scene.find_leader(), scene.dice.uniform(0.2, IDLE_SECONDS - 1))


async def hang_leader(scene: Scene) -> None:
    leader = scene.find_leader()
    scene.begin()
    await _stop(leader, scene.dice.uniform(IDLE_SECONDS + 1, 2.5 * IDLE_SECONDS))


async def hang_standby(scene: Scene) -> None:
    await _stop(scene.find_standby(), scene.dice.uniform(1, 2 * IDLE_SECONDS))


async def hang_at_intent(scene: Scene) -> None:
    """The leader hangs right after it has written that it is about to act on a host, and acts or not when it wakes."""
    leader, known = scene.find_leader(), _count_intents(scene)
    ends = time.monotonic() + INTENT_SECONDS
    while _count_intents(scene) == known and time.monotonic() < ends:
        await asyncio.sleep(0)
    scene.begin()
    await _stop(leader, scene.dice.uniform(IDLE_SECONDS + 1, 3 * IDLE_SECONDS))


async def end_leading_session(scene: Scene) -> None:
    scene.begin()
    _require(scene).end_leading_session()


async def end_sessions(scene: Scene) -> None:
    scene.begin()
    _require(scene).end_sessions()


async def restart_server(scene: Scene) -> None:
    scene.begin()
    await asyncio.to_thread(_require(scene).restart, scene.dice.choice(("immediate", "fast")))


async def take_server_away(scene: Scene) -> None:
    scene.begin()
    await asyncio.to_thread(_require(scene).restart, "immediate", scene.dice.uniform(3, 15))


async def refuse_writing(scene: Scene) -> None:
    scene.begin()
    server = _require(scene)
    await asyncio.to_thread(server.set_read_only, "on")
    await asyncio.sleep(scene.dice.uniform(2, 8))
    await asyncio.to_thread(server.set_read_only, "off")


ALONE: Mapping[str, Do] = {"kill": kill_leader, "terminate": terminate_leader, "pause": pause_leader}
"""What may happen to a single copy over a file."""

SHARED: Mapping[str, Do] = {
    "kill": kill_leader,
    "kill standby": kill_standby,
    "kill all": kill_all,
    "terminate": terminate_leader,
    "pause": pause_leader,
    "hang": hang_leader,
    "hang standby": hang_standby,
    "hang at intent": hang_at_intent,
    "end session": end_leading_session,
    "end sessions": end_sessions,
    "restart server": restart_server,
    "no server": take_server_away,
    "read-only": refuse_writing,
}
"""What may happen to copies over one server."""


async def _stop(copy: Copy, seconds: float) -> None:
    copy.stop()
    await asyncio.sleep(seconds)
    copy.wake()


def _require(scene: Scene) -> Server:
    assert scene.server is not None
    return scene.server


def _count_intents(scene: Scene) -> int:
    with open_for_reading(scene.copies.one.database) as connection:
        query = select(func.count()).select_from(AUDIT).where(AUDIT.c.kind == "intent")
        count: int = connection.execute(query).scalar_one()
        return count
