"""What happens to copies and to their database server, at a random instant."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

import psycopg

from bot.store.address import PostgresAddress
from bot.store.leadership import LOCK_KEY, read_leader
from bot.store.reading import open_for_reading
from tests.chaos.copies import Copies, Copy
from tests.cut_proxy import Way
from tests.postgres import PostgresServer

IDLE_SECONDS = 4.0
"""Seconds after which the server ends a session that says nothing."""

LEAD_SECONDS = 40.0
"""Seconds in which another lead must begin, or the server has come back too late for it."""

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

    def wait_for_term(self, first: int, over: Event) -> float | None:
        """Wait until another lead than `first` begins; the monotonic time then, None if none does until it is `over`."""
        ends = time.monotonic() + LEAD_SECONDS
        while time.monotonic() < ends and not over.is_set():
            with suppress(psycopg.Error):
                if self.read_term() != first:
                    return time.monotonic()
            time.sleep(0.05)
        return None

    def read_leaders(self) -> int:
        """Return the number of rows that name the leader: 0 before the first lead."""
        with suppress(psycopg.errors.UndefinedTable):
            return len(self.server.execute("SELECT term FROM leader", self.database.name))
        return 0

    def read_term(self) -> int:
        [(term,)] = self.server.execute("SELECT term FROM leader", self.database.name)
        assert isinstance(term, int)
        return term

    def wait_for_intent(self, seconds: float) -> None:
        """Wait until a change is about to act on a host."""
        query, ends = b"SELECT count(*) FROM audit WHERE kind = 'intent'", time.monotonic() + seconds
        address = self.database
        with psycopg.connect(host=address.host, port=address.port, user=address.user, dbname=address.name) as session:
            session.autocommit = True
            first = session.execute(query).fetchone()
            while session.execute(query).fetchone() == first and time.monotonic() < ends:
                time.sleep(0.001)

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
    began: float | None = None
    """Monotonic time at which the leader could no longer act."""
    _leading: asyncio.Task[float | None] | None = None
    _over: Event = field(default_factory=Event)

    def find_leader(self) -> Copy:
        """Find the copy that leads, or led last."""
        if self.server is None:
            return self.copies.all[0]
        with open_for_reading(self.server.database) as connection:
            leader = read_leader(connection)
        assert leader is not None
        return self.copies[leader.identity.name]

    def find_standby(self) -> Copy:
        """Find a copy that does not lead; where there is one alone, that one."""
        leader = self.find_leader()
        return self.dice.choice(self.copies.others(leader.name) or (leader,))

    def begin(self) -> None:
        """The leader is harmed now."""
        if self.began is None:
            self.began = time.monotonic()
            if self.server is not None:
                waiting = asyncio.to_thread(self.server.wait_for_term, self.server.read_term(), self._over)
                self._leading = asyncio.create_task(waiting)

    async def measure_lead(self) -> float | None:
        """Seconds from the harm until another lead began; None if none did, and none will, for all is at rest."""
        self._over.set()
        at = None if self._leading is None else await self._leading
        return None if at is None or self.began is None else at - self.began


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
    leader, server = scene.find_leader(), _require(scene)

    def stop() -> None:
        server.wait_for_intent(INTENT_SECONDS)
        leader.stop()

    await asyncio.to_thread(stop)
    scene.begin()
    await asyncio.sleep(scene.dice.uniform(IDLE_SECONDS + 1, 3 * IDLE_SECONDS))
    leader.wake()


async def cut_leader(scene: Scene) -> None:
    """Nothing passes between the leader and the server, one way or both; Slack and hosts are as near as before."""
    leader = scene.find_leader()
    scene.begin()
    await _cut(scene, leader, scene.dice.uniform(1, 3 * IDLE_SECONDS))


async def cut_standby(scene: Scene) -> None:
    await _cut(scene, scene.find_standby(), scene.dice.uniform(1, 3 * IDLE_SECONDS))


async def kill_leader_and_hang_standby(scene: Scene) -> None:
    """One copy of three is left."""
    leader, standby = scene.find_leader(), scene.find_standby()
    scene.begin()
    leader.kill()
    await _stop(standby, scene.dice.uniform(1, 2 * IDLE_SECONDS))


async def kill_one_after_the_other(scene: Scene) -> None:
    """Each new leader is killed while it begins."""
    for _ in range(scene.dice.randint(2, 4)):
        leader = scene.find_leader()
        scene.begin()
        leader.kill()
        await asyncio.sleep(scene.dice.uniform(0.3, 3))


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
    "cut": cut_leader,
    "cut standby": cut_standby,
    "kill and hang": kill_leader_and_hang_standby,
    "kill on": kill_one_after_the_other,
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


async def _cut(scene: Scene, copy: Copy, seconds: float) -> None:
    assert copy.road is not None
    copy.road.cut(*scene.dice.choice(((Way.TO_SERVER,), (Way.TO_CLIENT,), ())))
    await asyncio.sleep(seconds)
    copy.road.heal()


def _require(scene: Scene) -> Server:
    assert scene.server is not None
    return scene.server
