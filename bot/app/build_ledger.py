"""Builds and runs the survey of the ledger.

survey ─▶ ledger (rows) ─▶ alerts on certificates of WinRM, the bot's own, strangers, removed hosts and refused peers
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.alerts.identities import IdentityBasis
from bot.alerts.identity_feed import IdentityFeed
from bot.alerts.registry import AlertRegistry
from bot.config.active_config import ActiveConfig
from bot.ledger.registry import IdentityLedger
from bot.ledger.survey import FIRST_SURVEY_DELAY, SURVEY_INTERVAL, LedgerSurvey, SurveyBasis
from bot.runtime.periodic import DAY, PeriodicTask, run_periodically

if TYPE_CHECKING:
    from bot.app.application import Application


def build_survey(
    ledger: IdentityLedger,
    alerts: AlertRegistry,
    basis: Callable[[], ActiveConfig],
    now: Callable[[], datetime],
) -> LedgerSurvey:
    """Builds the survey. It goes by the active configuration, also after a reload."""

    def find_alert_basis() -> tuple[IdentityBasis, ZoneInfo]:
        config = basis()
        return IdentityBasis(config.inventory, config.certificates), ZoneInfo(config.schedule_config.zone)

    feed = IdentityFeed(alerts, find_alert_basis)
    return LedgerSurvey(ledger, lambda: SurveyBasis(basis().fleet, basis().certificates), feed.follow, now)


@asynccontextmanager
async def run_ledger(application: "Application") -> AsyncIterator[None]:
    """Surveys the hosts every hour until the block is left."""
    clock, ledger = application.clock, application.change_services.ledger
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
