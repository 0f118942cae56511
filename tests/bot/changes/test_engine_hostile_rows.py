"""Rows of the engine that another program wrote: who can write the database must not run code on the bot's machine."""

import asyncio
import base64
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.changes.services.engine import Engine
from tests.bot.changes.engine_steps import Steps, no_wait

STORED = Path(__file__).parent / "apply_v1.sql"


class Hostile:
    """A value whose pickle makes a file when it is loaded."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.made,)


async def test_a_row_that_names_pickle_runs_no_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, made = tmp_path / "durable.sqlite3", tmp_path / "made"
    hostile = base64.b64encode(pickle.dumps(Hostile(made))).decode()
    with closing(sqlite3.connect(file)) as database:
        database.executescript(STORED.read_text())
        database.execute("UPDATE operation_outputs SET serialization = 'py_pickle', output = ?", (hostile,))
        database.commit()
    durable = await Engine.launch(file, Steps(), lambda: "7f3a", no_wait)
    try:
        async with asyncio.timeout(10):
            while "JSONDecodeError" not in caplog.text and not made.exists():
                await asyncio.sleep(0.02)
    finally:
        await durable.aclose()
    assert not made.exists()
