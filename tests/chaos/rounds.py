"""One world of hosts, people and copies, and rounds in it."""

import asyncio
import json
import random
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from bot.control.client import ask
from bot.model.request import Surface
from bot.store.errors import DatabaseError
from bot.store.reading import open_for_reading
from bot.store.schema.tables import METADATA
from tests.chaos.copies import NAMES, Copies, Copy, Road, run_copies, write_town
from tests.chaos.harms import ALONE, SHARED, Do, Scene, Server
from tests.chaos.judges import TICKS, Before, Verdict, count_starts, judge
from tests.chaos.people import People
from tests.cut_proxy import CutProxy
from tests.lab.fleet import QUIET, run_fleet
from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.seed import Channel, Seed
from tests.lab.wsl.state import Helper
from tests.postgres import PostgresServer
from tests.scenarios.changing import OPS
from tests.scenarios.conftest import MANIFEST, Town
from tests.scenarios.crash_evidence import Evidence, pairs

HOSTS = 3

REST_SECONDS = 120.0
"""Seconds in which all that was begun must end, once everything is well again."""

ROUTINE = QUIET + "".join(
    f'\n[[schedules]]\nname = "tick-{minute}"\ncron = "{minute}/5 * * * *"\nwords = "lock"\n'
    f'owner = "alice"\nchannel = "{TICKS}"\n'
    for minute in range(5)
)
"""What runs by the clock: a read each minute, by five schedules, because one runs every five minutes at most."""

ROUND_SECONDS = 12.0
"""Seconds that people work in a round."""

SLACK = Timing(redeliveries=(4.0, 8.0, 12.0))
"""Slack's waits, but for the later redeliveries, which nobody waits for here."""


@dataclass
class Result:
    """What became of a round. `gap`: seconds that a person went without an answer, at most, who typed after the harm."""

    harm: str
    lead: float | None
    """Seconds from the harm until another lead began."""
    gap: float | None
    verdict: Verdict
    seconds: float


@dataclass
class World:
    """A fleet, a workspace, a database, and copies between them."""

    copies: Copies
    server: Server | None
    evidence: Evidence
    seconds: float = ROUND_SECONDS
    """How long people work in a round."""

    async def is_ready(self) -> None:
        """Wait until a copy leads, and every copy has come as far as Slack."""
        async with asyncio.timeout(REST_SECONDS):
            while self.server is not None and self.server.read_leaders() == 0:
                await asyncio.sleep(0.1)
        await self.copies.court.workspace.seen(
            lambda: self.copies.court.workspace.connections >= len(self.copies.all), timeout=REST_SECONDS
        )

    def find_leader(self) -> Copy:
        return Scene(self.copies, self.server, random.Random()).find_leader()

    async def measure_idle(self, seconds: float) -> dict[str, float]:
        """Which part of a processor each copy uses, while nobody does anything."""
        before = [copy.read_cpu_seconds() for copy in self.copies.all]
        await asyncio.sleep(seconds)
        return {
            copy.name: (copy.read_cpu_seconds() - used) / seconds for copy, used in zip(self.copies.all, before, strict=True)
        }

    async def round(self, harm: tuple[str, Do], dice: random.Random) -> Result:
        """People work, harm is done once they do, all is healed; then everything is judged."""
        town, begun = self.copies.court, time.monotonic()
        for host in town.fleet.hosts:
            host.windows.restart()  # else the shells that dead copies have left would use up the account's quota
        before, starts = pairs(town.fleet), count_starts(town.fleet)
        hosts = tuple(host.name for host in town.fleet.hosts if host.wsl is not None)
        people = People(town.workspace, dice, hosts, self.evidence.rows.is_known)
        scene = Scene(self.copies, self.server, dice)
        working = asyncio.create_task(people.work(self.seconds, changes=dice.randint(2, 4)))
        await asyncio.sleep(dice.uniform(1, self.seconds / 2))
        await harm[1](scene)
        self.copies.heal()
        wrong: list[str] = []
        try:
            async with asyncio.timeout(REST_SECONDS):
                await working
                await self.is_at_rest()
        except TimeoutError:
            working.cancel()
            wrong.append(f"something is still under way after {REST_SECONDS:g} s: {self._list_unfinished()}")
        gap = people.measure_gap(scene.began) if scene.began else None
        verdict = judge(people, self.copies, self.evidence, Before(before, starts))
        verdict.wrong[:0] = wrong
        await self._withdraw(people)
        return Result(harm[0], await scene.measure_lead(), gap, verdict, time.monotonic() - begun)

    async def is_at_rest(self) -> None:
        """Wait until all is answered, sent, shown and ended, and every copy is there."""
        while self._list_unfinished():
            await asyncio.sleep(0.1)
        await self.is_ready()
        await asyncio.sleep(1.5)  # what should not come, and head files that follow, come until then
        while self._list_unfinished():
            await asyncio.sleep(0.1)

    def keep_evidence(self, place: Path, result: Result) -> None:
        """Write down what a failed round has left: complaints, logs, tables."""
        place.mkdir(parents=True)
        (place / "wrong.txt").write_text("\n".join([result.harm, *result.verdict.wrong]) + "\n")
        for copy in self.copies.all:
            if copy.log.exists():
                shutil.copy(copy.log, place)
            head = copy.town.settings.audit_head_file
            if head.exists():
                shutil.copy(head, place / f"{copy.name}.{head.name}")
        with open_for_reading(self.copies.court.database) as connection:
            for table in METADATA.sorted_tables:
                rows = [row._asdict() for row in connection.execute(select(table))]
                if rows:
                    (place / f"{table.name}.jsonl").write_text("".join(f"{json.dumps(row, default=str)}\n" for row in rows))
        changes = self.copies.court.workspace.changes
        (place / "slack.txt").write_text("".join(f"{change}\n" for change in changes))

    def _list_unfinished(self) -> list[str]:
        try:
            return [*self.evidence.rows.list_waiting(), *self.evidence.rows.list_running()]
        except DatabaseError as error:
            return [str(error)]

    async def _withdraw(self, people: People) -> None:
        """What asks again, for a plan was another when it should have started, is asked for by nobody here."""
        leader = self.find_leader()
        for deed in people.changes:
            if after := self.evidence.rows.find_successor(deed.operation):
                await ask(leader.town.settings.control_socket, f"op cancel {after}", Surface.DO)


@asynccontextmanager
async def build_world(folder: Path, copies: int, postgres: PostgresServer | None, logs: Path) -> AsyncIterator[World]:
    """A world at work. Without a server, one copy over a file. The path must be short: a socket's has at most 107 bytes."""
    folder.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        workspace = Workspace(MANIFEST, make_seed(), timing=SLACK)
        await workspace.start()
        stack.push_async_callback(workspace.stop)
        fleet = await stack.enter_async_context(run_fleet(folder / "lab", HOSTS, lighthouse=True))
        for host in fleet.hosts:
            if host.wsl is not None:
                host.wsl.state.helper = Helper(areas=("containers",))
        server = None if postgres is None else Server(postgres, postgres.create())
        towns: dict[str, tuple[Town, Road]] = {}
        for name in NAMES[:copies]:
            road = Road(None) if server is None else make_road(server, stack)
            towns[name] = write_town(folder / name, (fleet, workspace), road, ROUTINE), road
        court = towns[NAMES[0]][0]
        if server is not None:
            court = write_town(folder / "court", (fleet, workspace), Road(server.database), ROUTINE)
        evidence = Evidence.of(court)
        running = await stack.enter_async_context(run_copies(towns, court, logs))
        world = World(running, server, evidence)
        await world.is_ready()
        yield world


def make_road(server: Server, stack: AsyncExitStack) -> Road:
    return Road(server.database, stack.enter_context(CutProxy(server.server.port)))


def make_seed() -> Seed:
    """The workspace with a channel in which only a schedule speaks."""
    seed = Seed()
    members = next(channel.members for channel in seed.channels if channel.id == OPS)
    return replace(seed, channels=(*seed.channels, Channel(TICKS, "ticks", members)))


def list_harms(world: World) -> dict[str, Do]:
    return dict(ALONE if world.server is None else SHARED)
