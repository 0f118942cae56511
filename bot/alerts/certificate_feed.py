"""Alerts on certificates, from every report of `cert`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from bot.alerts.certificate_survey import CertificateSurvey
from bot.alerts.certificates import judge_certificates
from bot.alerts.ports import CertificateAlerts
from commands.model.check import Area
from commands.model.report import Report

_log = structlog.get_logger("bot.alerts.certificate_feed")


@dataclass(frozen=True)
class CertificateBasis:
    """Basis of a check: the time zone whose days count, and the names of all hosts."""

    zone: ZoneInfo
    hosts: frozenset[str]


class CertificateFeed:
    """Feeds reports on certificates to the registry. `find_basis` returns the basis in the active configuration."""

    def __init__(self, alerts: CertificateAlerts, find_basis: Callable[[], CertificateBasis]) -> None:
        self._alerts = alerts
        self._find_basis = find_basis

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Moves the alerts of each certificate that was read. A failure is repaired by the next report."""
        if area is not Area.CERTIFICATES:
            return
        try:
            await self._apply(report, self._find_basis(), began)
        except FlatnetError as error:
            _log.warning("alerts on certificates could not be moved", why=str(error))

    async def _apply(self, report: Report, basis: CertificateBasis, began: datetime) -> None:
        """Moves alerts. Hosts that the report leaves out count as unread."""
        survey = CertificateSurvey.from_report(report, basis.hosts)
        for checked in judge_certificates(survey, await self._alerts.list_open(), began.astimezone(basis.zone)):
            try:
                await self._alerts.apply(checked)
            except FlatnetError as error:
                _log.warning("alerts on certificates could not be moved", host=checked.host, why=str(error))
