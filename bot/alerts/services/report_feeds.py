"""Alerts on certificates, from every report of `cert`.

Alerts on disks, from every report of `disk`: of its schedule, of a person, of the digest.

Feeds surveys of the ledger to the registry of alerts: certificates of WinRM, the bot's own, strangers, refusals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import FlatnetError
from bot.alerts.ports import AlertBook, AlertMover, CertificateAlerts
from bot.alerts.rules.certificates import CertificateSurvey, judge_certificates
from bot.alerts.rules.identities import IdentityBasis, judge_identities
from bot.config.alerts import AlertSettings
from commands.alerts.disk_signals import make_disk_checks
from commands.certificates.further import FurtherReading
from commands.model.certificates import KnownIdentities
from commands.model.check import Area
from commands.model.report import Report
from commands.model.thresholds import Thresholds

_log = structlog.get_logger("bot.alerts.services.report_feeds")


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


class DiskFeed:
    """Feeds reports on disks to the registry. `basis` returns the settings and thresholds of the active configuration."""

    def __init__(self, registry: AlertMover, basis: Callable[[], tuple[AlertSettings, Thresholds]]) -> None:
        self._registry = registry
        self._basis = basis

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Moves the alerts of each host of which a disk was read. A failure is repaired by the next report."""
        settings, thresholds = self._basis()
        if area is not Area.DISKS or not settings.enabled:
            return
        for checked in make_disk_checks(report, thresholds, began):
            try:
                await self._registry.apply(checked)
            except FlatnetError as error:
                _log.warning("alerts on disks could not be moved", host=checked.host, why=str(error))


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
