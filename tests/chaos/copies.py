"""Copies of the bot, each a process with a folder of its own, and a service manager that starts it again when it ends."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from bot.store.address import PostgresAddress
from tests.lab.fleet import LabFleet, write_configuration
from tests.lab.workspace.workspace import Workspace
from tests.scenarios.conftest import PATIENCE, Town
from tests.scenarios.forks import Fork, fork
from tests.scenarios.processes import environment

RESTART_SECONDS = 0.5
"""Seconds after which the service manager starts a copy again that has ended."""

NAMES = ("bot-a", "bot-b", "bot-c")


@dataclass(frozen=True)
class End:
    """A process that ended: at which monotonic time, and with which exit code (a signal's number below zero)."""

    at: float
    code: int


@dataclass
class Copy:
    """One copy of the bot: its configuration in `town`, its log, and the process that runs now."""

    name: str
    town: Town
    log: Path
    ends: list[End] = field(default_factory=list)
    stopped: bool = False
    _process: Fork | None = None
    _let: asyncio.Event = field(default_factory=asyncio.Event)
    _keeping: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether its process is there, and not stopped."""
        return self._process is not None and not self.stopped

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._let.set()
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    def hold_down(self) -> None:
        """Have its process not started again, until `start`."""
        self._let.clear()

    def signal(self, number: int) -> None:
        """Send its process a signal; nothing happens where it has ended already."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.signal(SIGKILL)

    def terminate(self) -> None:
        self.signal(SIGTERM)

    def stop(self) -> None:
        """Have it hang, as a machine does whose power manager or hypervisor stops it."""
        self.stopped = True
        self.signal(SIGSTOP)

    def wake(self) -> None:
        self.stopped = False
        self.signal(SIGCONT)

    async def aclose(self) -> None:
        """End it for good."""
        self.hold_down()
        self.kill()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    def said(self) -> str:
        """All that its processes have logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def says(self, text: str, *, after: int = 0) -> None:
        """Wait for a text in its log, behind so many characters."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.said()[after:]:
                await asyncio.sleep(0.02)

    async def _keep(self) -> None:
        while True:
            await self._let.wait()
            variables = environment()
            async with fork("bot", "run", "--config", str(self.town.config), variables=variables) as process:
                self._process = process
                copying = asyncio.gather(self._copy(process.stderr), self._copy(process.stdout))
                try:
                    code = await process.wait()
                finally:
                    self._process = None
                    copying.cancel()
                    await asyncio.gather(copying, return_exceptions=True)
            self.stopped = False
            self.ends.append(End(time.monotonic(), code))
            with self.log.open("a") as log:
                log.write(f"--- ended with {code}\n")
            await asyncio.sleep(RESTART_SECONDS)

    async def _copy(self, stream: asyncio.StreamReader) -> None:
        """Copy what it says into its log, to the end: a process that waits for a reader would hang by our fault."""
        while said := await stream.read(65_536):
            with self.log.open("ab") as log:
                log.write(said)


@dataclass(frozen=True)
class Copies:
    """All copies over one database, in one town."""

    all: tuple[Copy, ...]

    def __getitem__(self, name: str) -> Copy:
        return next(copy for copy in self.all if copy.name == name)

    @property
    def one(self) -> Town:
        """The town by any copy's configuration: hosts, workspace and database are the same."""
        return self.all[0].town

    def others(self, name: str) -> tuple[Copy, ...]:
        return tuple(copy for copy in self.all if copy.name != name)

    def heal(self) -> None:
        """Wake what hangs, and start what was held down."""
        for copy in self.all:
            if copy.stopped:
                copy.wake()
            copy.start()


def write_copies(
    folder: Path,
    world: tuple[LabFleet, Workspace],
    addresses: Sequence[PostgresAddress | None],
    routine: str,
) -> tuple[Town, ...]:
    """Write the configurations of as many copies as there are addresses: same secrets, own folders and names.

    None is the SQLite database of a single copy. Addresses differ where each copy has its own road to the server.
    """
    fleet, workspace = world
    towns: list[Town] = []
    for name, address in zip(NAMES, addresses, strict=False):
        place = folder / name
        place.mkdir()
        if towns:
            shutil.copytree(towns[0].config.parent / "secrets", place / "secrets")
        config = write_configuration(place, fleet, workspace, routine=routine)
        named = "" if address is None else f'database = "{address}"\n'
        config.write_text(f'copy_name = "{name}"\n{named}{config.read_text()}')
        towns.append(Town(fleet, workspace, config))
    return tuple(towns)


@asynccontextmanager
async def run_copies(towns: Iterable[Town], logs: Path) -> AsyncIterator[Copies]:
    """Copies at work, side by side; killed when left."""
    logs.mkdir(parents=True, exist_ok=True)
    names = (town.config.parent.name for town in towns)
    copies = Copies(tuple(Copy(name, town, logs / f"{name}.log") for name, town in zip(names, towns, strict=True)))
    try:
        for copy in copies.all:
            copy.start()
        yield copies
    finally:
        await asyncio.gather(*(copy.aclose() for copy in copies.all))
