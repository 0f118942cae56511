"""What tests of several rooms use."""

import asyncio
from pathlib import Path

import pytest

from bot.changes.engine import Engine, StepReply


class _Unused:
    """What `apply.v1` is made of, where nothing is enqueued."""

    async def _called(self, *arguments: str) -> StepReply:
        raise AssertionError(arguments)

    begin = run_step = undo_step = end = _called


@pytest.fixture(scope="session")
def used_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of DBOS that was used before, to be copied: the very first start finds its queue a second later."""
    file = tmp_path_factory.mktemp("durable") / "durable.sqlite3"

    async def once() -> None:
        durable = await Engine.launch(file, _Unused(), lambda: "")
        await durable.aclose()

    asyncio.run(once())
    return file
