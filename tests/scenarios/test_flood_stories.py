"""A local user opens as many connections as they can: hosts, Slack and the control socket are served all the same."""

import asyncio
import json
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bot.runtime import open_files
from tests.scenarios.changing import ADMIN, OPS
from tests.scenarios.conftest import PATIENCE, Build
from tests.scenarios.forks import bot_process, command

pytestmark = pytest.mark.slow  # it starts programs

FLOOD = 550
"""Connections to each of the two: together more than the usual limit of open files."""

USUAL_LIMIT = 1024


@pytest.fixture
def descriptors() -> Iterator[None]:
    """This process holds one end of each connection."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files.raise_limit() < 4 * FLOOD:
        pytest.fail("this test needs more open files: raise the hard limit")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_idle_connections_silence_neither_slack_nor_hosts_nor_the_terminal(town: Build, descriptors: None) -> None:
    async with town(hosts=1) as t:
        port = t.add_status_port()
        async with bot_process(t) as bot:
            await bot.says('"connected"')
            await until_it_listens(port)
            resource.prlimit(bot.running.pid, resource.RLIMIT_NOFILE, (USUAL_LIMIT, USUAL_LIMIT))
            with flood(port, t.settings.control_socket):
                answer = await t.private_answer(ADMIN, OPS, "health")
                asked = await command("do", "health", "--config", str(t.config))
                alive = await asyncio.to_thread(look, port)
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await bot.ends()
    assert "healthy" in answer.text
    assert (0, True) == (asked.returncode, "healthy" in asked.stdout)
    assert alive.startswith(b"HTTP/1.1 200")
    warnings = [line for line in map(json.loads, bot.said.splitlines()) if line["level"] != "info"]
    assert 6 >= len(warnings), warnings


async def until_it_listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await asyncio.to_thread(look, port)
                return
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)


@contextmanager
def flood(port: int, path: Path) -> Iterator[None]:
    """Connections that say nothing, on both doors, until left."""
    with ExitStack() as stack:
        for _ in range(FLOOD):
            for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_UNIX, str(path))):
                line = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                line.connect(address)
        yield


def look(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: bot\r\n\r\n")
        return line.recv(4096)
