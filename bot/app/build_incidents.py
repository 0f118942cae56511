"""Builds and runs incidents.

acts of people ─▶ registry ─▶ audit log ─ journal, again after a crash ─▶ rows and timelines ─ status ─▶ Slack
looks, changes, alerts ─▶ collector ─▶ timelines ─▶ proposer: all alerts are resolved
handlers ─▶ registry      (also where no bot runs)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.inventory import Inventory
from bot.app.build_incident_messages import build_announcer, build_reminder, make_working_lister
from bot.app.build_incident_reports import build_resolution_reports
from bot.audit.log import AuditLog
from bot.handlers.timeline_sight import make_shared_sight
from bot.incidents.collector import CollectorSources, TimelineCollector
from bot.incidents.looks import LookReader
from bot.incidents.proof import TimelineVerifier
from bot.incidents.proposals import MitigationProposer, ProposalServices
from bot.incidents.registry import IncidentRegistry
from bot.incidents.status import IncidentStatus, StatusSources
from bot.model.incident import TimelineEntry
from bot.runtime.periodic import PeriodicTask, run_periodically
from bot.store.alerts import AlertTable
from bot.store.database import Database
from bot.store.incident_deliveries import IncidentDeliveryTable
from bot.store.incident_timeline import TimelineTable
from bot.store.incidents import IncidentTable
from commands.catalogue import CATALOGUE

if TYPE_CHECKING:
    from bot.app.application import Application

FOLLOW_INTERVAL = 10.0
"""Seconds between two looks for acts that a crash kept from their rows. Each act is followed at once, too."""

COLLECT_INTERVAL = 10.0
"""Seconds between two looks for what concerns an incident. A timeline that is shown is brought up to date first."""

ANNOUNCE_INTERVAL = 10.0
"""Seconds between two looks for updates to announce."""

REMINDER_INTERVAL = 30.0
"""Seconds between two looks for quiet incidents."""

STATUS_INTERVAL = 1.0
"""Seconds between two looks for something to show: people who have done something see it at once. One that shows nothing new
is one query, and no message is edited more often for that."""


REPORT_INTERVAL = 5.0
"""Seconds between two looks for incidents that were resolved, and whose report is not posted yet."""


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


def build_proposer(application: "Application") -> MitigationProposer:
    """Builds what proposes to mark incidents as mitigated."""
    services, links = application.incident_services, application.change_services.links

    def find_channel() -> str:
        config = application.dispatcher.config
        return config.incidents.channel or config.schedule_config.channel

    working, alerts = make_working_lister(application), application.alert_services.registry
    proposing = ProposalServices(working, services.timeline, alerts, services.deliveries, links, find_channel)
    return MitigationProposer(proposing, application.clock.now)


@asynccontextmanager
async def run_incidents(application: "Application", team: str) -> AsyncIterator[None]:
    """Follows acts and what concerns incidents, reminds and announces. `team` is that of the configured people."""
    services, clock = application.incident_services, application.clock
    reminder, announcer = build_reminder(application, team), build_announcer(application)
    proposer = build_proposer(application)

    async def collect() -> None:
        await services.collector.collect()
        await proposer.propose()

    works = (
        PeriodicTask("acts on incidents", FOLLOW_INTERVAL, services.registry.follow),
        PeriodicTask("timelines", COLLECT_INTERVAL, collect),
        PeriodicTask("status of incidents", STATUS_INTERVAL, _build_status(application).show),
        PeriodicTask("updates on incidents", ANNOUNCE_INTERVAL, announcer.announce),
        PeriodicTask("quiet incidents", REMINDER_INTERVAL, lambda: reminder.remind(clock.now())),
        PeriodicTask("reports of incidents", REPORT_INTERVAL, build_resolution_reports(application).post_due),
    )
    running = asyncio.create_task(run_periodically(works, clock), name="incidents")
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _build_status(application: "Application") -> IncidentStatus:
    services, alerts = application.incident_services, application.alert_services.registry
    links, dispatcher = application.change_services.links, application.dispatcher

    def find_sight(channel: str) -> Callable[[TimelineEntry], bool]:
        config = dispatcher.config
        return make_shared_sight(config.policy, config.inventory, dispatcher.known_operations, channel).may_see

    sources = StatusSources(services.registry, services.timeline, alerts, services.deliveries, links, find_sight)
    return IncidentStatus(
        sources,
        links,
        lambda: dispatcher.config.incidents.channel or "",
        application.clock.now,
    )
