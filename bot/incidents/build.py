"""Builds the services of incidents over an open database."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.inventory import Inventory
from bot.alerts.services.registry import AlertRegistry
from bot.alerts.tables.alerts import AlertTable
from bot.audit_log.log import AuditLog
from bot.incidents.handlers.report_sources import SourceReader
from bot.incidents.rules.reads import LookReader
from bot.incidents.services.collector import CollectorSources, TimelineCollector
from bot.incidents.services.proof import TimelineVerifier
from bot.incidents.services.registry import IncidentRegistry
from bot.incidents.tables.deliveries import IncidentDeliveryTable
from bot.incidents.tables.incidents import IncidentTable
from bot.incidents.tables.timeline import TimelineTable
from bot.store.database import Database
from commands.catalogue import CATALOGUE

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class IncidentServices:
    """Services of incidents: the registry, the timelines, their collector and verifier, and the record of what people were
    shown.
    """

    registry: IncidentRegistry
    timeline: TimelineTable
    deliveries: IncidentDeliveryTable
    collector: TimelineCollector
    verifier: TimelineVerifier


def build_incidents(
    database: Database, audit: AuditLog, inventory: Callable[[], Inventory], now: Callable[[], datetime]
) -> IncidentServices:
    """Builds the services over an open database. `inventory` returns the present one."""
    table, timeline, alerts = IncidentTable(database), TimelineTable(database), AlertTable(database)
    sources = CollectorSources(table, audit, alerts, LookReader(CATALOGUE), inventory)
    collector = TimelineCollector(sources, timeline, now)
    registry = IncidentRegistry(table, timeline, audit, now, collector.refresh)
    verifier = TimelineVerifier(audit, alerts, now)
    return IncidentServices(registry, timeline, IncidentDeliveryTable(database), collector, verifier)


def build_report_sources(
    services: "IncidentServices", alerts: AlertRegistry, audit: AuditLog, now: Callable[[], datetime]
) -> SourceReader:
    """Builds the reader of what reports are made of."""
    return SourceReader(services.registry, alerts, audit, services.verifier, now)
