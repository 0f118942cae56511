"""Commands of the bot as in `tests.scenarios.processes`, in forks of a process that has imported the bot already.

Each is a process with its own id, files, environment and end, and can be killed; it only spares the second of a
processor that the imports take. A test of how a command starts uses `tests.scenarios.processes`.
"""

import asyncio
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from signal import SIG_DFL, SIGHUP, SIGKILL, signal
from threading import Thread

from tests.scenarios.conftest import PATIENCE, Town
from tests.scenarios.processes import Process, environment

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.scenarios.preloaded"])


@dataclass(frozen=True)
class Fork:
    """A Python module under way, what it reads and what it prints."""

    child: BaseProcess
    stdin: socket.socket
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    @property
    def pid(self) -> int:
        assert self.child.pid is not None
        return self.child.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or the signal's number below zero; None before the end."""
        return self.child.exitcode

    def send_signal(self, signal: int, /) -> None:
        os.kill(self.pid, signal)

    async def wait(self) -> int:
        """Wait for its end; the exit code."""
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self.child.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self.child.sentinel)
        self.child.join()
        return self.child.exitcode or 0

    async def communicate(self, typed: str = "") -> tuple[str, str]:
        """Type this and nothing more; all that it still prints until its end, on stdout and on stderr."""
        with suppress(BrokenPipeError):  # it may have ended without reading
            self.stdin.sendall(typed.encode())
        self.stdin.close()
        async with asyncio.timeout(PATIENCE):
            out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out.decode(), err.decode()


@asynccontextmanager
async def fork(module: str, *arguments: str, variables: dict[str, str]) -> AsyncIterator[Fork]:
    """`python -m module arguments` with these environment variables, in a session of its own; killed when left if it
    still runs."""
    inputs, outputs, errors = socket.socketpair(), socket.socketpair(), socket.socketpair()
    theirs = (inputs[1], outputs[1], errors[1])
    child = FORKS.Process(target=_run, args=(theirs, module, arguments, variables))
    child.start()
    for end in theirs:
        end.close()
    stdout, to_stdout = await asyncio.open_connection(sock=outputs[0])
    stderr, to_stderr = await asyncio.open_connection(sock=errors[0])
    running = Fork(child, inputs[0], stdout, stderr)
    with closing(inputs[0]), closing(to_stdout), closing(to_stderr):
        try:
            yield running
        finally:
            if running.returncode is None:
                child.kill()
            await running.wait()


def _run(streams: Sequence[socket.socket], module: str, arguments: Sequence[str], variables: dict[str, str]) -> None:
    """Become that module, with stdin, stdout and stderr from the streams. SIGHUP ends it, even if the tests ignore it."""
    os.setsid()
    signal(SIGHUP, SIG_DFL)
    Thread(target=_die_with_tests, daemon=True).start()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # until the end
    sys.argv = [module, *arguments]
    os.environ.clear()
    os.environ.update(variables)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_with_tests() -> None:
    """Kill this process once the one that runs the tests has ended, however that was."""
    tests = parent_process()
    assert tests is not None
    connection.wait([tests.sentinel])
    os.kill(os.getpid(), SIGKILL)


@asynccontextmanager
async def bot_process(town: Town, *more: str, **variables: str) -> AsyncIterator[Process]:
    """`flatnet-bot run` with these environment variables, killed when left if it still runs."""
    async with fork("bot", "run", "--config", str(town.config), *more, variables=environment(**variables)) as running:
        yield Process(running)


async def command(
    *arguments: str, module: str = "bot", typed: str = "", language: str = "en_US.UTF-8"
) -> subprocess.CompletedProcess[str]:
    """A command of the bot to its end, as a person in a terminal would run it."""
    variables = environment(LC_ALL=language, COLUMNS="200")
    async with fork(module, *arguments, variables=variables) as running:
        out, err = await running.communicate(typed)
    return subprocess.CompletedProcess(arguments, running.returncode or 0, out, err)
