"""Copies of the bot, each a process with a folder of its own, and a service manager that starts it again when it ends."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from bot.store.address import PostgresAddress
from tests.cut_proxy import CutProxy
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
    road: CutProxy | None = None
    """Its road to the database server, which can be cut."""
    ends: list[End] = field(default_factory=list)
    stopped: bool = False
    _process: Fork | None = None
    _let: asyncio.Event = field(default_factory=asyncio.Event)
    _keeping: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether its process is there, and not stopped."""
        return self._process is not None and not self.stopped

    def read_cpu_seconds(self) -> float:
        """Seconds of a processor that its process has used so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

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
    """All copies over one database. `court` is their town with a road of its own to the database, which is never cut."""

    all: tuple[Copy, ...]
    court: Town

    def __getitem__(self, name: str) -> Copy:
        return next(copy for copy in self.all if copy.name == name)

    def others(self, name: str) -> tuple[Copy, ...]:
        return tuple(copy for copy in self.all if copy.name != name)

    def heal(self) -> None:
        """Wake what hangs, and start what was held down."""
        for copy in self.all:
            if copy.stopped:
                copy.wake()
            if copy.road is not None:
                copy.road.heal()
            copy.start()


@dataclass(frozen=True)
class Road:
    """A copy's road to the database: the port of a proxy that can be cut. Without a server the copy has a file."""

    address: PostgresAddress | None
    proxy: CutProxy | None = None


def write_town(folder: Path, world: tuple[LabFleet, Workspace], road: Road, routine: str) -> Town:
    """Write the configuration of the copy that `folder` is named after. The secrets of a copy beside it are taken over."""
    folder.mkdir()
    for secrets in sorted(folder.parent.glob("*/secrets"))[:1]:
        shutil.copytree(secrets, folder / "secrets")
    config = write_configuration(folder, *world, routine=routine)
    address = road.address
    if address is not None and road.proxy is not None:
        address = replace(address, port=road.proxy.port)
    database = "" if address is None else f'database = "{address}"\n'
    config.write_text(f'copy_name = "{folder.name}"\n{database}{config.read_text()}')
    return Town(*world, config)


@asynccontextmanager
async def run_copies(towns: Mapping[str, tuple[Town, Road]], court: Town, logs: Path) -> AsyncIterator[Copies]:
    """Copies at work, side by side; killed when left."""
    logs.mkdir(parents=True, exist_ok=True)
    made = (Copy(name, town, logs / f"{name}.log", road.proxy) for name, (town, road) in towns.items())
    copies = Copies(tuple(made), court)
    try:
        for copy in copies.all:
            copy.start()
        yield copies
    finally:
        await asyncio.gather(*(copy.aclose() for copy in copies.all))
