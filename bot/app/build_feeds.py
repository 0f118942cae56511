"""Builds what follows every report: stored checks, and the alerts that come of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.alerts.build import AlertServices
from bot.alerts.services.report_feeds import CertificateBasis, CertificateFeed, DiskFeed
from bot.config.active_config import ActiveConfig
from bot.digests.services import CheckFollower

if TYPE_CHECKING:
    pass


def build_feeds(services: AlertServices, basis: Callable[[], ActiveConfig]) -> tuple[CheckFollower, ...]:
    """Builds what moves alerts by reports that were made for another reason: of a schedule, of a person, of the digest."""
    return (
        DiskFeed(services.registry, lambda: (basis().alerts, basis().thresholds)),
        CertificateFeed(services.registry, lambda: _find_certificate_basis(basis())),
    )


def _find_certificate_basis(basis: ActiveConfig) -> CertificateBasis:
    """Finds the basis of checks of certificates in the active configuration."""
    zone = ZoneInfo(basis.schedule_config.zone)
    return CertificateBasis(zone, frozenset(basis.inventory.names))
