"""Feeds surveys of the ledger to the registry of alerts: certificates of WinRM, the bot's own, strangers, refusals."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from bot.alerts.identities import IdentityBasis, judge_identities
from bot.alerts.ports import AlertBook
from commands.certificates.further import FurtherReading
from commands.model.certificates import KnownIdentities

_log = structlog.get_logger("bot.alerts.identity_feed")


class IdentityFeed:
    """Moves alerts by what a survey read. `find_basis` returns the basis and the zone in the active configuration."""

    def __init__(self, alerts: AlertBook, find_basis: Callable[[], tuple[IdentityBasis, ZoneInfo]]) -> None:
        self._alerts = alerts
        self._find_basis = find_basis

    async def follow(self, reading: FurtherReading, known: KnownIdentities, began: datetime) -> None:
        """Moves the alerts of each certificate. A failure is repaired by the next survey."""
        basis, zone = self._find_basis()
        try:
            open_alerts = await self._alerts.list_open()
            for checked in judge_identities(reading, known, basis, open_alerts, began.astimezone(zone)):
                await self._alerts.apply(checked)
        except FlatnetError as error:
            _log.warning("alerts on certificates could not be moved", why=str(error))
