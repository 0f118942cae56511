"""Hosts and people for the benchmarks of alerts, in a process of their own: their work is not measured as the bot's.

the benchmark, with the bot ─ a line of JSON on stdin ─▶ this process: fleet and workspace
                            ◀─ a line of JSON on stdout ─

{"do": "count"}                                    what hosts and Slack were asked so far
{"do": "outages", "hosts": […], "every": 13.0}     Nebula stops on these hosts one after the other, and people type commands
                                                   meanwhile: seconds until a message says so, and to each ack
{"do": "storm", "says": "254 hosts"}               the gateways of all hosts stop: seconds until a message says that
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.fleet import GATEWAY_SERVICE, NO_SCHEDULES, Conditions, LabFleet, run_fleet, write_configuration
from tests.lab.workspace import Workspace

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
OPS, OPERATOR = "C0OPS", "U0OPERATOR"

ROUTES = f'[notices]\nchannel = "{OPS}"\n'

RATE = 10
"""Commands that people type in a second."""

PATIENCE = 600.0
"""Seconds in which a message must come."""

Question = Mapping[str, Any]


@dataclass
class Far:
    """The other process, as the benchmark sees it. Each question has one answer, in their order."""

    process: asyncio.subprocess.Process
    config: Path

    async def ask(self, **question: Any) -> Any:
        """Ask one thing, and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def far_world(folder: Path, hosts: int, rtt: float) -> AsyncIterator[Far]:
    """A fleet and a workspace in another process until left; `rtt` is in seconds."""
    wanted = [sys.executable, "-m", "tests.bench.alert_world", str(folder), str(hosts), str(rtt)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*wanted, stdin=pipe, stdout=pipe, limit=2**22)
    try:
        assert process.stdout is not None
        yield Far(process, Path(json.loads(await process.stdout.readline())))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


class World:
    """What can be asked of this process."""

    def __init__(self, fleet: LabFleet, workspace: Workspace) -> None:
        self._fleet = fleet
        self._workspace = workspace

    async def answer(self, question: Question) -> Any:
        """Answer one question."""
        answers: Mapping[str, Callable[[Question], Awaitable[Any]]] = {
            "count": self._count,
            "outages": self._outages,
            "storm": self._storm,
        }
        return await answers[question["do"]](question)

    async def _count(self, question: Question) -> Mapping[str, int]:
        windows = [host.windows for host in self._fleet.hosts]
        return {
            "starts": sum(each.processes for each in windows),
            "calls": sum(sum(each.requests.values()) for each in windows),
            "gateway": sum(host.gateway.requests for host in self._fleet.hosts if host.gateway),
            "slack": len(self._workspace.calls("chat.postMessage")) + len(self._workspace.calls("chat.update")),
        }

    async def _outages(self, question: Question) -> Mapping[str, Any]:
        """Stop Nebula on hosts one after the other while people type."""
        typing = asyncio.create_task(self._type(question["every"] * len(question["hosts"])))
        waiting = []
        for name in question["hosts"]:
            waiting.append(asyncio.create_task(self._stop([name], "Nebula", name)))
            await asyncio.sleep(question["every"])
        return {"detected": await asyncio.gather(*waiting), "acks": await typing}

    async def _storm(self, question: Question) -> float:
        return await self._stop([host.name for host in self._fleet.hosts], GATEWAY_SERVICE, question["says"])

    async def _type(self, seconds: float) -> list[float | None]:
        """Have a person type a command again and again, for so many seconds; seconds until each was acknowledged."""
        began, typing = time.perf_counter(), []
        for number in range(int(RATE * seconds)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            typing.append(asyncio.create_task(self._workspace.slash(OPERATOR, OPS, "whoami")))
        return [delivery.acked_after for delivery in await asyncio.gather(*typing)]

    async def _stop(self, hosts: Sequence[str], service: str, says: str) -> float:
        """Stop a service on hosts; seconds until a message says that text."""
        began = time.perf_counter()
        for name in hosts:
            self._fleet[name].windows.state.stop_service(service, self._fleet.mesh.now())
        await self._workspace.seen(lambda: self._says(says), timeout=PATIENCE)
        return time.perf_counter() - began

    def _says(self, text: str) -> bool:
        """Whether a message says that, as a whole word: host-a is no part of host-ab."""
        return any(re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", each.text) for each in self._workspace.messages(OPS))


async def serve(folder: Path, hosts: int, rtt: float) -> None:
    """Answer questions until standard input ends."""
    workspace = Workspace(MANIFEST)
    await workspace.start()
    async with run_fleet(folder / "lab", hosts, conditions=Conditions(latency=rtt)) as fleet:
        config = write_configuration(folder, fleet, workspace, "en", f"{NO_SCHEDULES}\n{ROUTES}")
        print(json.dumps(str(config)), flush=True)
        world = World(fleet, workspace)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await world.answer(json.loads(line))), flush=True)
    await workspace.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
