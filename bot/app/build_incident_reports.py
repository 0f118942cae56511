"""Builds what makes the reports of incidents, on request and when one is resolved."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.alerts.registry import AlertRegistry
from bot.audit.log import AuditLog
from bot.handlers.incident_report import ResolutionReports
from bot.handlers.incident_sources import SourceReader

if TYPE_CHECKING:
    from bot.app.application import Application
    from bot.app.build_incidents import IncidentServices


def build_report_sources(
    services: "IncidentServices", alerts: AlertRegistry, audit: AuditLog, now: Callable[[], datetime]
) -> SourceReader:
    """Builds the reader of what reports are made of."""
    return SourceReader(services.registry, alerts, audit, services.verifier, now)


def build_resolution_reports(application: "Application") -> ResolutionReports:
    """Builds what posts the report of each resolved incident."""
    services, now = application.incident_services, application.clock.now
    dispatcher = application.dispatcher
    return ResolutionReports(
        services.registry,
        application.change_services.links,
        build_report_sources(services, application.alert_services.registry, application.audit, now),
        dispatcher.known_operations,
        lambda: dispatcher.config,
    )
