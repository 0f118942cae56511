"""Commands of the bot as processes of their own: one that runs until it is left, and others to their end."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from tests.scenarios.conftest import PATIENCE, Town

BOT = ("-m", "bot")


class Running(Protocol):
    """A process under way."""

    @property
    def pid(self) -> int: ...

    @property
    def stderr(self) -> asyncio.StreamReader | None: ...

    def send_signal(self, signal: int, /) -> None: ...

    async def wait(self) -> int: ...


class Process:
    """A command of the bot under way; `said` is what its log or its output holds so far."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.said = ""

    async def ends(self) -> int:
        """Wait for its end; the exit code. What it still logged is in `said`."""
        assert self.running.stderr is not None
        async with asyncio.timeout(PATIENCE):
            self.said += (await self.running.stderr.read()).decode()
            return await self.running.wait()

    async def says(self, text: str) -> None:
        """Wait for a text in the log."""
        assert self.running.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while text not in self.said:
                line = await self.running.stderr.readline()
                assert line, f"ended without {text!r}:\n{self.said}"
                self.said += line.decode()


@asynccontextmanager
async def bot_process(town: Town, *more: str, **variables: str) -> AsyncIterator[Process]:
    """`flatnet-bot run` with these environment variables, killed when left if it still runs."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *BOT,
        "run",
        "--config",
        str(town.config),
        *more,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**variables),
    )
    try:
        yield Process(running)
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def command(
    *arguments: str, program: Sequence[str] = BOT, typed: str = "", language: str = "en_US.UTF-8"
) -> subprocess.CompletedProcess[str]:
    """A command of the bot to its end, as a person in a terminal would run it."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(LC_ALL=language, COLUMNS="200"),
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await running.communicate(typed.encode())
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    return subprocess.CompletedProcess(arguments, running.returncode or 0, out.decode(), err.decode())


def environment(**more: str) -> dict[str, str]:
    """This environment, without what somebody who works on the bot may have set for their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLATNET_")} | more
