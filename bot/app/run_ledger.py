"""Builds and runs the survey of the ledger.

survey ─▶ ledger (rows) ─▶ alerts on certificates of WinRM, the bot's own, strangers, removed hosts and refused peers
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.certificates.services.survey import FIRST_SURVEY_DELAY, SURVEY_INTERVAL
from bot.runtime.periodic import DAY, PeriodicTask, run_periodically

if TYPE_CHECKING:
    from bot.app.application import Application


@asynccontextmanager
async def run_ledger(application: "Application") -> AsyncIterator[None]:
    """Surveys the hosts every hour until the block is left."""
    clock, ledger = application.clock, application.wings.changes.ledger
    delays = [FIRST_SURVEY_DELAY]

    async def survey() -> None:
        if delays:
            await clock.sleep(delays.pop())
        await application.survey.run()

    works = (
        PeriodicTask("ledger", SURVEY_INTERVAL, survey),
        PeriodicTask("old certificates", DAY, ledger.prune),
    )
    surveying = asyncio.create_task(run_periodically(works, clock), name="ledger of identities")
    try:
        yield
    finally:
        surveying.cancel()
        await asyncio.gather(surveying, return_exceptions=True)
