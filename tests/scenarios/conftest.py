"""The real bot between a lab fleet and a lab workspace: only addresses differ from a real one."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.action import SideName
from bot.app.application import Application, open_application
from bot.app.host_files import HostFileActions
from bot.app.reload import ConfigurationReloader
from bot.app.server import Service
from bot.config.database import find_database
from bot.config.host_folder import HostFolder
from bot.config.settings import Settings, read_settings
from bot.model.request import Answer, Request, Surface, SystemIdentity, make_request_key
from bot.rendering import chart_process as drawing
from bot.runtime.clock import SYSTEM_CLOCK, Clock, read_utc_time
from bot.security.secrets import read_secrets
from bot.slack.client.payloads import is_direct_message
from bot.store.address import DatabaseAddress
from bot.store.reading import open_for_reading
from tests.lab.fleet import Conditions, LabFleet, run_fleet, write_configuration
from tests.lab.serving import serve_requests
from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Seed

MANIFEST = Path(__file__).parents[2] / "manifest.yml"

PATIENCE = 180.0
"""Seconds in which what is waited for must come: the machine may be busy with other tests."""

PNG = b"\x89PNG\r\n\x1a\n"
"""How pictures begin: enough for Slack."""

SIDES: tuple[SideName, ...] = ("windows", "wsl", "gateway")


@dataclass(frozen=True)
class Town:
    """A fleet, a workspace, and the configuration of a bot between them."""

    fleet: LabFleet
    workspace: Workspace
    config: Path

    @property
    def settings(self) -> Settings:
        return read_settings(self.config)

    @property
    def database(self) -> DatabaseAddress:
        """Where the bot's tables are."""
        settings = self.settings
        return find_database(settings, read_secrets(settings.secret_names, settings.secrets_folder))

    def edit(self, old: str, new: str) -> None:
        """Somebody edits the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def add_status_port(self) -> int:
        """Have the bot report its health on a port that is free now."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        self.config.write_text(f'{self.config.read_text()}\n[status]\nlisten = "127.0.0.1:{port}"\n')
        return port

    @property
    def connections(self) -> int:
        """How often any side of any host was connected or asked."""
        return sum(
            host.windows.connections
            + (host.wsl.connections if host.wsl else 0)
            + (host.gateway.requests if host.gateway else 0)
            for host in self.fleet.hosts
        )

    @asynccontextmanager
    async def bot(self, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[Application]:
        """The bot, as `flatnet-bot run` puts it together, once it is connected; `clock` is what it lives by."""
        async with self.service(clock) as (house, service):
            await service.connecting
            yield house

    @asynccontextmanager
    async def service(self, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[tuple[Application, Service]]:
        """The bot from the moment at which it serves, wherever Slack may be."""
        settings = self.settings
        async with open_application(settings, running=True, clock=clock) as house:
            reloader = ConfigurationReloader(self.config, settings, house)
            files = HostFileActions(HostFolder(settings.data_folder), reloader, lambda: house.dispatcher.hosts)
            files.add_to(house.wings.changes.own_actions)
            async with aclosing(reloader), serve_requests(settings, house) as service:
                yield house, service

    async def past(self, *words: str) -> None:
        """A bot ran here before, alone in a terminal, and answered this."""
        async with open_application(self.settings) as house:
            for each in words:
                await ask(house, each)

    async def private_answer(self, user: str, channel: str, words: str) -> Message:
        """What a person gets for `/flatnet words`: privately, or as a message in their direct messages."""
        answers = self.direct_answers if is_direct_message(channel) else self.answers
        before = len(answers(user))
        delivery = await self.workspace.slash(user, channel, words)
        assert delivery.in_time
        return (await self.workspace.seen(lambda: answers(user)[before:], timeout=PATIENCE))[-1]

    def answers(self, user: str) -> tuple[Message, ...]:
        """What a person was privately told, without waiting lines."""
        return tuple(message for message in self.workspace.private(user) if message.blocks)

    def direct_answers(self, user: str) -> tuple[Message, ...]:
        """What a person was answered in their direct messages, without lines that say that an answer will come."""
        return tuple(
            message
            for message in self.workspace.direct(user)
            if message.blocks and not message.text.startswith(":hourglass_flowing_sand: `")
        )

    async def at_rest(self) -> None:
        """Wait until all that Slack delivered is answered and all that was to be sent has ended."""
        async with asyncio.timeout(PATIENCE):
            while self._rows(
                "select 1 from inbox where finished_at is null union all select 1 from outbox where ended_at is null"
            ):
                await asyncio.sleep(0.05)

    def events(self) -> list[dict[str, Any]]:
        """The audit log's events, as stored."""
        rows = self._rows("select kind, actor, operation, data from audit order by sequence")
        return [
            {"kind": kind, "actor": actor, "operation": operation, "data": json.loads(data)}
            for kind, actor, operation, data in rows
        ]

    def _rows(self, query: str) -> list[Any]:
        with open_for_reading(self.database) as connection:
            return list(connection.execute(text(query)).all())


async def ask(house: Application, words: str) -> Answer:
    """The answer for whoever started the lab, an administrator."""
    me = SystemIdentity(0, house.dispatcher.config.policy.people[0].system[0])
    return await house.dispatcher.handle(Request(make_request_key(), me, words, Surface.DO, read_utc_time()))


Build = Callable[..., AbstractAsyncContextManager[Town]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is never asked through a proxy of the machine that runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def drawn_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bot's drawing program gives a picture without drawing it; `tests.bot.rendering.test_charts` lets it draw."""
    (tmp_path / "chart.png").write_bytes(PNG)
    monkeypatch.setattr(drawing, "PROGRAM", ("cat", str(tmp_path / "chart.png")))


@asynccontextmanager
async def built(
    folder: Path,
    hosts: int = 3,
    *,
    lighthouse: bool = False,
    conditions: Conditions | None = None,
    used_before: Path | None = None,
    seed: Seed | None = None,
    newcomers: int = 0,
) -> AsyncIterator[Town]:
    """A town whose files lie in `folder`; its path must be short, for a socket's has at most 107 bytes.

    With DBOS's database `used_before` its bot runs here not for the very first time.
    """
    workspace = Workspace(MANIFEST, seed, timing=Timing(ack=PATIENCE))
    await workspace.start()
    try:
        async with run_fleet(
            folder / "lab", hosts, lighthouse=lighthouse, conditions=conditions, newcomers=newcomers
        ) as fleet:
            town = Town(fleet, workspace, write_configuration(folder, fleet, workspace))
            if used_before is not None:
                town.settings.data_folder.mkdir(mode=0o700)
                shutil.copy(used_before, town.settings.engine_file)
            yield town
    finally:
        await workspace.stop()


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory, used_before: Path) -> Build:
    """`async with town(hosts=3) as t:` builds one."""
    return partial(built, tmp_path_factory.mktemp("t"), used_before=used_before)
