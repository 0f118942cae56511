"""Logs of a real nginx with Lua, read by the bot from a lab host's disk."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import pytest

from adapters.inventory import WindowsPaths
from bot.app.application import open_application
from bot.config.settings import read_settings
from commands.log_lines.formats import Level
from commands.log_lines.lines import LogLine
from tests.fleet.conftest import Ask, ask_as_administrator
from tests.fleet.gateway import GatewayLogs, log_requests
from tests.fleet.overlay import Overlay
from tests.lab.fleet import run_fleet, write_configuration

PATHS = WindowsPaths.model_validate({})


@pytest.fixture
def logs(overlay: Overlay, tmp_path: Path) -> GatewayLogs:
    """What nginx logged of three requests."""
    return log_requests(overlay.space, tmp_path / "nginx")


@pytest.fixture
async def ask(logs: GatewayLogs, tmp_path: Path) -> AsyncIterator[Ask]:
    """Asks a bot with one lab host, on whose disk these logs are."""
    async with run_fleet(tmp_path / "lab", 1) as lab:
        for path, text in ((PATHS.access_log, logs.access), (PATHS.error_log, logs.error)):
            lab["host-a"].disk.state.write(PureWindowsPath(path), text, datetime.now(UTC))
        async with open_application(read_settings(write_configuration(tmp_path, lab, language="en"))) as house:
            yield ask_as_administrator(house)


async def read_lines(ask: Ask, words: str) -> tuple[LogLine, ...]:
    """The lines that an operation shows."""
    report = await ask(words)
    assert report.excerpt is not None, report
    return report.excerpt.lines


async def test_the_cause_of_a_lua_error_has_its_entry_s_time_and_level(ask: Ask) -> None:
    """nginx writes it on lines of its own; a pattern that fits there alone finds the same."""
    whole = await read_lines(ask, "log error --tail 5000")
    (begin,) = (line for line in whole if "lua entry thread aborted" in line.text)
    cause = whole[whole.index(begin) + 1 : whole.index(begin) + 4]
    assert (Level.ERROR, {(begin.at, begin.level)}) == (begin.level, {(line.at, line.level) for line in cause})
    assert ["stack traceback:", "coroutine 0:"] == [line.text for line in cause[:2]]
    found = await read_lines(ask, "log error --grep 'in main chunk' --level error")
    assert [(begin.at, Level.ERROR, cause[2].text)] == [(line.at, line.level, line.text) for line in found]


async def test_every_request_has_a_time(ask: Ask, logs: GatewayLogs) -> None:
    """In the access log, in nginx's usual format."""
    lines = await read_lines(ask, "log access")
    assert logs.access.splitlines() == [line.text for line in lines]
    assert [] == [line.text for line in lines if line.at is None]
    assert ["200", "500", "404"] == [line.text.split('" ')[1].split()[0] for line in lines]
