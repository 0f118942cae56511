"""A new configuration while the bot runs: taken whole, or not at all, and the signal keeps working."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.action_registry import ACTIONS
from adapters.connection import QUEUE_TIMEOUT
from adapters.fleet import DEADLINE_GRACE
from adapters.local.action import LocalAction
from bot.app.application import Application, open_application
from bot.app.process import run_bot
from bot.app.reload import FLEET_RETIREMENT, ConfigurationReloader, reload
from bot.config.errors import Misconfigured
from bot.config.settings import Settings, read_settings

HOST = '[[hosts]]\nname = "{name}"\nid = {id}\n[hosts.gateway]\nurl = "http://10.100.1.1:8080"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit_key").write_text("k" * 64)
    written = tmp_path / "flatnet.toml"
    written.write_text('secrets_folder = "secrets"\n' + HOST.format(name="host-a", id=1))
    return written


@pytest.fixture
async def house(file: Path) -> AsyncIterator[Application]:
    async with open_application(read_settings(file)) as opened:
        yield opened


class Signal:
    """SIGHUP by hand: `again()` returns when the bot has dealt with it."""

    def __init__(self, file: Path, house: Application) -> None:
        self._event = asyncio.Event()
        self._settings: Settings = read_settings(file)
        self.task = asyncio.create_task(ConfigurationReloader(file, self._settings, house).reload_on_signal(self._event))
        self._file = file

    async def again(self) -> None:
        before = len(events(self._settings.database_file))
        self._event.set()
        async with asyncio.timeout(10):
            while len(events(self._settings.database_file)) == before:
                await asyncio.sleep(0.01)


def events(database: Path) -> list[dict[str, object]]:
    with closing(sqlite3.connect(database)) as rows:
        return [json.loads(data) for (data,) in rows.execute("select data from audit order by sequence")]


async def test_whatever_is_wrong_the_old_one_stays_and_the_next_signal_works(file: Path, house: Application) -> None:
    """A broken file, a file that is nested without end, a secret that is no text: each is refused and recorded."""
    signal = Signal(file, house)
    good = file.read_text()
    try:
        for broken in ("hosts = [\n", "a = " + "[" * 100_000, good.replace("host-a", "-a")):
            file.write_text(broken)
            await signal.again()
            assert ("host-a",) == house.dispatcher.config.fleet.inventory.names
            assert "refused" in events(read_database(house))[-1]
        file.write_text(good)
        key = file.parent / "secrets" / "audit_key"
        usual = key.read_bytes()
        key.write_bytes(b"\xff")
        await signal.again()
        assert "refused" in events(read_database(house))[-1]
        key.write_bytes(usual)
        file.write_text(good.replace("host-a", "host-z"))
        await signal.again()
        async with asyncio.timeout(10):
            while house.dispatcher.config.fleet.inventory.names != ("host-z",):  # it is taken right after it was recorded
                await asyncio.sleep(0.01)
    finally:
        signal.task.cancel()
        await asyncio.gather(signal.task, return_exceptions=True)


async def test_a_file_that_others_can_change_is_not_taken(file: Path, house: Application) -> None:
    """It gives the roles. The refusal names the command that fixes it."""
    settings = read_settings(file)
    file.write_text(file.read_text().replace("host-a", "host-b"))
    file.chmod(0o666)
    with pytest.raises(Misconfigured, match="Run: chmod"):
        await reload(file, settings, house)
    with pytest.raises(Misconfigured, match="Run: chmod"):
        await run_bot(file, settings)
    assert ("host-a",) == house.dispatcher.config.fleet.inventory.names


async def test_what_is_taken_is_recorded_with_its_digest(file: Path, house: Application) -> None:
    """Which file, which bytes, how many hosts, which keys changed."""
    signal = Signal(file, house)
    file.write_text(file.read_text() + HOST.format(name="host-b", id=2))
    await signal.again()
    signal.task.cancel()
    await asyncio.gather(signal.task, return_exceptions=True)
    [event] = events(read_database(house))
    assert (str(file), 2, ["hosts"]) == (event["file"], event["hosts"], event["changed"])
    assert 64 == len(str(event["sha256"]))


def read_database(house: Application) -> Path:
    return house.database.path


def test_no_action_is_cut_off_by_the_end_of_an_earlier_configuration() -> None:
    slowest = max(action.deadline for action in ACTIONS if not issubclass(action, LocalAction))
    assert FLEET_RETIREMENT > QUEUE_TIMEOUT + slowest + DEADLINE_GRACE
