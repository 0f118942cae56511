"""Brings back what the bot of before left: its files, what stood in Slack, and what lay on the hosts' disks."""

import asyncio
import base64
import json
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.gateway.client import HttpConnection
from adapters.inventory import GatewaySide, WindowsSide, WslSide
from adapters.windows.winrm import WinRmConnection
from adapters.wsl.ssh import SshConnection
from bot.app.application import Application, open_application
from bot.config.settings import read_settings
from bot.runtime.clock import Clock
from bot.store.upgrade import upgrade_database
from tests.lab.fleet import Conditions, LabFleet, LabHost, run_fleet
from tests.lab.windows.disks import SPARE
from tests.lab.workspace import Clock as WorkspaceClock
from tests.lab.workspace import Timing, Workspace
from tests.lab.workspace.message import Message
from tests.lab.workspace.responses import _Address
from tests.lab.workspace.socket_mode import Delivery
from tests.lab.workspace.uploads import Upload
from tests.lab.workspace.view import View
from tests.scenarios.conftest import MANIFEST, PATIENCE, Town, ask

FIXTURES = Path(__file__).with_name("fixtures")

HURRY = 4
"""How many seconds of waiting pass in one: the pace of messages is not what these tests are about."""

HOSTS = 3
"""Hosts beside the lighthouse."""

SLACK = "http://slack.test"
"""Stands in the fixtures for the workspace's address."""

SECRETS = {
    "audit_key": "not-a-secret-the-audit-key-of-a-test",
    "winrm_password": "not-a-secret-of-a-test",
    "slack_bot_token": "xoxb-lab-bot-token",
    "slack_app_token": "xapp-lab-app-token",
}


@dataclass(frozen=True)
class ShiftedTime:
    """Time that begins at a fixed instant and passes as fast as the real one; only waits are over sooner."""

    begin: datetime
    since: float

    @classmethod
    def at(cls, begin: datetime) -> "ShiftedTime":
        """Time that begins now."""
        return cls(begin, time.monotonic())

    def now(self) -> datetime:
        """Return the shifted time."""
        return self.begin + timedelta(seconds=time.monotonic() - self.since)

    def monotonic(self) -> float:
        """Return seconds for what is waited for."""
        return time.monotonic() * HURRY

    async def sleep(self, seconds: float) -> None:
        """Wait until so many of those seconds have passed."""
        await asyncio.sleep(seconds / HURRY)

    @property
    def clock(self) -> Clock:
        """The same as a bot takes it."""
        return Clock(self.now, self.monotonic, self.sleep)


def fixture(name: str) -> Any:
    """Read a fixture that is JSON."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def operation(name: str) -> str:
    """Return the id of one of the changes that were open when the bot of before was killed."""
    return str(fixture("changes.json")[name])


def change_id(change: str) -> str:
    """Return the id of a change of before by its name; an id as it is."""
    return str(fixture("changes.json").get(change, change))


@dataclass(frozen=True)
class Past:
    """A town in which the bot of before was killed a minute ago."""

    town: Town
    time: ShiftedTime

    @property
    def workspace(self) -> Workspace:
        return self.town.workspace

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Application]:
        """Start a bot of today on the data of before."""
        async with self.town.bot(self.time.clock) as house:
            yield house

    @asynccontextmanager
    async def looked_into(self) -> AsyncIterator[Application]:
        """Open the data of before as a terminal does, with no bot at work."""
        async with open_application(self.town.settings, clock=self.time.clock) as house:
            yield house

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the bot's database."""
        with closing(sqlite3.connect(self.town.settings.database_file)) as database:
            return database.execute(query, values).fetchall()

    def state(self, change: str) -> str:
        """Return the stored state of a change of before by its name, or of any by its id."""
        [[state]] = self.rows("select state from operations where operation = ?", change_id(change))
        return str(state)

    async def until(self, look: Callable[[], bool], otherwise: Callable[[], object]) -> None:
        """Wait until it is so; `otherwise` tells what is there instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not look():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(str(otherwise())) from None

    async def ends(self, change: str) -> str:
        """Return the state in which a change ended, once it has."""
        await self.until(
            lambda: self.state(change) not in ("waiting", "ready", "running"), lambda: f"{change}: {self.state(change)}"
        )
        return self.state(change)

    async def resolve_half(self, house: Application) -> None:
        """Report what a person found on the hosts of the half-run change, which frees them."""
        assert "unknown" == await self.ends("half")
        await ask(house, f"op resolve {operation('half')} 'OpenResty runs' --outcome done")

    async def find_successor(self, name: str) -> str:
        """Return the id of the request that takes the place of an approved change of before, once that is closed."""
        assert "closed" == await self.ends(name)
        [[successor]] = self.rows("select after from operations where operation = ?", operation(name))
        assert "waiting" == self.state(successor)
        return str(successor)

    def trail(self, change: str) -> list[str]:
        """Return the kinds of the audit events of a change, without its steps."""
        events = [event["kind"] for event in self.town.events() if event["operation"] == change_id(change)]
        return [kind for kind in events if kind not in ("intent", "outcome")]

    async def deliver(self, name: str) -> Delivery:
        """Deliver the click or the form that a person sends from a message or a modal of before."""
        payload = json.loads(_readdressed(json.dumps(fixture("clicks.json")[name]["payload"]), self.workspace))
        payload["trigger_id"] = self.workspace.trigger(payload["user"]["id"])
        if payload.get("view", {}).get("type") == "modal":
            _put_before(self.workspace, payload["user"]["id"], payload["view"])
        delivery = await self.workspace._out.interact(payload)
        assert delivery.in_time, name
        return delivery


@asynccontextmanager
async def restored(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Past]:
    """Build the town with all that was there when the bot of before was killed; no bot runs yet."""
    shifted = ShiftedTime.at(datetime.fromisoformat(fixture("slack.json")["at"]) + timedelta(minutes=1))
    timing = Timing(trigger=HURRY * Timing().trigger)
    workspace = Workspace(MANIFEST, clock=WorkspaceClock(shifted.now, shifted.monotonic), timing=timing)
    await workspace.start()
    try:
        async with run_fleet(folder / "lab", HOSTS, lighthouse=True, conditions=Conditions(now=shifted.now)) as fleet:
            _route_to(fleet, patch)
            town = Town(fleet, workspace, _configured(folder, workspace))
            _restore_files(town)
            await asyncio.to_thread(upgrade_database, town.settings.database_file, shifted.now())
            _restore_slack(workspace)
            _restore_disks(fleet, shifted.now())
            _restore_containers(fleet)
            yield Past(town, shifted)
    finally:
        await workspace.stop()


def _readdressed(text: str, workspace: Workspace) -> str:
    return text.replace(SLACK, workspace.base_url)


def _configured(folder: Path, workspace: Workspace) -> Path:
    shutil.copytree(FIXTURES / "pki", folder / "pki")
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for name, value in SECRETS.items():
        (secrets / name).touch(mode=0o600)
        (secrets / name).write_text(value)
    file = folder / "flatnet.toml"
    text = (FIXTURES / "flatnet.toml").read_text(encoding="utf-8")
    quiet = "\n[alerts]\nenabled = false\n"  # else the watch would ask hosts while a test counts who does
    file.write_text(text.replace("{slack}", workspace.base_url) + quiet, encoding="utf-8")
    return file


def _route_to(fleet: LabFleet, patch: pytest.MonkeyPatch) -> None:
    """Make connections to the addresses of the configuration end at the hosts of the lab."""

    def windows(side: WindowsSide, secrets: object, *more: Any, **named: Any) -> WinRmConnection:
        url = f"https://127.0.0.1:{_meant(fleet, side.url).ports['windows']}/wsman"
        there = side.model_copy(update={"url": url, "ca_file": fleet.certificates.ca_file})
        return WinRmConnection(there, lambda name: SecretStr(fleet.settings.password), *more, **named)

    def wsl(side: WslSide, *more: Any, **named: Any) -> SshConnection:
        port = _meant(fleet, side.address).ports["wsl"]
        files = {"key_file": fleet.access.key_file, "known_hosts_file": fleet.access.known_hosts_file}
        return SshConnection(side.model_copy(update={"address": "127.0.0.1", "port": port} | files), *more, **named)

    def gateway(side: GatewaySide) -> HttpConnection:
        port = _meant(fleet, side.url).ports["gateway"]
        return HttpConnection(side.model_copy(update={"url": f"http://127.0.0.1:{port}"}))

    patch.setattr("adapters.windows.winrm.WinRmConnection", windows)
    patch.setattr("adapters.wsl.ssh.SshConnection", wsl)
    patch.setattr("adapters.gateway.client.HttpConnection", gateway)


def _meant(fleet: LabFleet, address: str) -> LabHost:
    return next(host for host in fleet.hosts if f"192.0.2.{10 + host.id}" in address)


def _restore_files(town: Town) -> None:
    settings = read_settings(town.config)
    settings.data_folder.mkdir(mode=0o700)
    for name, file in (("database.sql", settings.database_file), ("engine.sql", settings.engine_file)):
        with closing(sqlite3.connect(file)) as database:
            database.executescript(_readdressed((FIXTURES / name).read_text(encoding="utf-8"), town.workspace))
            database.execute("pragma journal_mode = wal")
    shutil.copy(FIXTURES / "audit-head.jsonl", settings.audit_head_file)
    settings.audit_head_file.chmod(0o600)
    upgrade_database(settings.database_file, datetime.now(UTC))  # as the operator does before the new version starts


def _restore_slack(workspace: Workspace) -> None:
    """Put messages, pictures and response addresses into the workspace under their names of before."""
    told, state = fixture("slack.json"), workspace._state
    for user in told["direct"]:
        state.direct(user)
    for each in told["messages"]:
        message = Message(**each | {"blocks": tuple(each["blocks"]), "files": tuple(each["files"])})
        state._messages[message.channel, message.ts] = message
    for name, each in told["pictures"].items():
        workspace._uploads._files[name] = Upload(**each | {"content": base64.b64decode(each["content"])})
    for name, each in told["responses"].items():
        origin = state.find(each["channel"], each["origin"])
        workspace._out.responses._addresses[name] = _Address(each["channel"], each["user"], origin, state.clock.monotonic())


def _restore_containers(fleet: LabFleet) -> None:
    """Let the container end that had ended before."""
    wsl = fleet["host-b"].wsl
    assert wsl is not None
    container = next(each for each in wsl.state.containers if each.name == "web")
    container.state, container.exit_code = "exited", 137


def _restore_disks(fleet: LabFleet, now: datetime) -> None:
    """Write the certificates and keys of before, and let Nebula run with them on all hosts."""
    for name, files in fixture("disks.json")["hosts"].items():
        for path, file in files.items():
            fleet[name].windows.state.write(PureWindowsPath(path), file["text"], datetime.fromisoformat(file["at"]))
    names = [host.name for host in fleet.hosts]
    fleet.mesh.begin(now - SPARE / 2, [*pairwise(names), *((name, names[0]) for name in names[2:])])


def _put_before(workspace: Workspace, user: str, shown: dict[str, Any]) -> None:
    """Open a modal of before in front of a person, as they left it."""
    kept = ("type", "callback_id", "title", "submit", "close", "private_metadata", "blocks")
    sent = {name: shown[name] for name in kept if shown[name] is not None}
    view = View(shown["id"], user, sent, shown["hash"], shown["root_view_id"], None, shown["state"]["values"])
    workspace._views._stacks[user] = [view]
