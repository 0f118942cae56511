"""`python -m tests.bot.app.takeover CONFIG`: a copy takes the lead once it is prepared, and prints what it imports then."""

import asyncio
import sys
from pathlib import Path

from bot.app import process
from bot.app.warm_up import prepare_lead
from bot.changes.services.engine import Engine
from bot.config.settings import read_settings


async def take_over(file: Path) -> list[str]:
    """Run a copy until it serves and its engine is launched. Return the modules that it imported after its preparation."""
    imported: list[str] = []
    launched, launch = asyncio.Event(), Engine.launch

    def prepare() -> None:
        prepare_lead()
        sys.addaudithook(lambda event, arguments: imported.append(arguments[0]) if event == "import" else None)

    async def launch_and_note(*arguments: object) -> Engine:
        engine = await launch(*arguments)  # type: ignore[arg-type]
        launched.set()
        return engine

    async def end(*arguments: object) -> None:
        await launched.wait()

    process.prepare_lead = prepare  # type: ignore[attr-defined]
    process._wait_for_end = end  # type: ignore[assignment]
    Engine.launch = launch_and_note  # type: ignore[assignment]
    await process.run_bot(file, read_settings(file))
    return imported


if __name__ == "__main__":
    print("imported:", *asyncio.run(take_over(Path(sys.argv[1]))))
