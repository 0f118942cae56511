"""Builds the survey of the ledger."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.alerts.rules.identities import IdentityBasis
from bot.alerts.services.registry import AlertRegistry
from bot.alerts.services.report_feeds import IdentityFeed
from bot.certificates.services.ledger import IdentityLedger
from bot.certificates.services.survey import LedgerSurvey, SurveyBasis
from bot.config.active_config import ActiveConfig

if TYPE_CHECKING:
    pass


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
