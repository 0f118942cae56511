"""A bot that is killed (-9) between an audit event and its row: the next one goes on, and each move is there once."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.audit_log.files import verify_files
from bot.audit_log.log import EventKind
from bot.model.alert import AlertState
from tests.bot.alerts.killed_bot import KEYS, open_registry
from tests.bot.alerts.living import BEGINNING
from tests.scenarios.forks import command

pytestmark = pytest.mark.slow


async def bot(folder: Path, story: str, first: int = 1, at: int = 0) -> int:
    """Runs a bot through its checks, or until it is killed at that moment."""
    arguments = str(folder), story, str(first), str(at)
    return (await command(*arguments, module="tests.bot.alerts.killed_bot")).returncode


async def read(folder: Path) -> tuple[list[str], list[str], int]:
    """Reads the states in the alert's history, the events about it, and the number of alerts to show."""
    async with open_registry(folder, [BEGINNING + timedelta(days=1)]) as (registry, audit):
        changes = await registry.list_changes(1)
        events = [*await audit.find_signed("alert-1", EventKind.ALERT), *await audit.find_signed("op-1", EventKind.ALERT)]
        names = [
            part for event in events for part in ("fired", "acknowledged", "resolved") if f'"alert":"{part}"' in event.data
        ]
        unshown = len(await registry.list_unshown())
    assert verify_files(folder / "flatnet.sqlite3", folder / "head.jsonl", KEYS.all).intact
    return [change.state for change in changes], names, unshown


@pytest.mark.parametrize("at", [3, 4, 5, 6])
async def test_a_bot_that_is_killed_while_an_alert_fires(tmp_path: Path, at: int) -> None:
    """Two moments for the first check, which begins the alert; then the event of the fire, and its row."""
    assert -9 == await bot(tmp_path, "xx", at=at)
    assert 0 == await bot(tmp_path, "xx", first=3)
    states, events, unshown = await read(tmp_path)
    assert ([AlertState.FIRING], 1) == (states, unshown)
    assert ["fired"] * (2 if at in (4, 5) else 1) == events


@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_a_bot_that_is_killed_while_a_person_acknowledges(tmp_path: Path, at: int) -> None:
    """The request is repeated after the restart, as that of an unfinished delivery is."""
    assert 0 == await bot(tmp_path, "xx")
    assert -9 == await bot(tmp_path, "a", first=3, at=at)
    assert 0 == await bot(tmp_path, "a", first=4)
    states, events, _ = await read(tmp_path)
    assert AlertState.ACKNOWLEDGED == states[-1]
    assert set(events) == {"fired", "acknowledged"}


@pytest.mark.parametrize("at", [3, 4, 5, 6])
async def test_a_bot_that_is_killed_while_an_alert_is_resolved(tmp_path: Path, at: int) -> None:
    assert 0 == await bot(tmp_path, "xxa")
    assert -9 == await bot(tmp_path, "..", first=4, at=at)
    assert 0 == await bot(tmp_path, "..", first=6)
    states, events, unshown = await read(tmp_path)
    assert ([AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.RESOLVED], 1) == (states, unshown)
    assert (2 if at in (4, 5) else 1) == events.count("resolved")
