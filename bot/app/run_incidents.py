"""Builds and runs incidents.

acts of people ─▶ registry ─▶ audit log ─ journal, again after a crash ─▶ rows and timelines ─ status ─▶ Slack
looks, changes, alerts ─▶ collector ─▶ timelines ─▶ proposer: all alerts are resolved
handlers ─▶ registry      (also where no bot runs)

Builds what a running bot says about incidents by itself: reminders of quiet ones, and updates for those who wait.

Builds what makes the reports of incidents, on request and when one is resolved.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.access.person_names import find_slack_id
from bot.access.policy import BOT_ACTOR_NAME
from bot.incidents.build import build_report_sources
from bot.incidents.handlers.audience import make_shared_sight
from bot.incidents.handlers.report import ResolutionReports
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.requests import ActRequest
from bot.incidents.rules.transitions import judge_call
from bot.incidents.services.announcements import MitigationProposer, ProposalServices, UpdateAnnouncer, UpdateServices
from bot.incidents.services.reminders import QuietReminder, ReminderBasis, ReminderServices
from bot.incidents.services.status import IncidentStatus, StatusSources
from bot.model.incident import Incident, TimelineEntry
from bot.model.request import Identity, Membership, SlackIdentity, SystemIdentity, derive_operation_id
from bot.runtime.periodic import PeriodicTask, run_periodically

if TYPE_CHECKING:
    from bot.app.application import Application


def make_working_lister(application: "Application") -> Callable[[], Awaitable[tuple[Incident, ...]]]:
    """Makes what lists the incidents in which people work, with whether their channels are private now."""
    registry, links = application.wings.incidents.registry, application.wings.changes.links

    async def list_working() -> tuple[Incident, ...]:
        return await registry.look_up_privacy(await registry.list_working(), links)

    return list_working


def build_reminder(application: "Application", team: str) -> QuietReminder:
    """Builds the reminder of quiet incidents. `team` is the workspace of the configured people."""
    services, links = application.wings.incidents, application.wings.changes.links

    async def find_person(name: str) -> Identity | None:
        people = application.dispatcher.config.policy.people
        if user := find_slack_id(name, people):
            return await links.refresh_identity(SlackIdentity(team, user, Membership.UNKNOWN))
        return SystemIdentity(0, name) if name in {person.name for person in people} else None

    async def call(incident: Incident) -> None:
        """Records the call of the bot, once for a state of the incident."""
        operation = derive_operation_id(f"call others to incident {incident.number} {incident.version}")
        request = ActRequest(
            IncidentAct.CALLED, operation, BOT_ACTOR_NAME, lambda before, now: judge_call(before), {"author": ""}
        )
        await services.registry.act(incident.number, request)

    def get_basis() -> ReminderBasis:
        config = application.dispatcher.config
        schedules = config.schedule_config
        return ReminderBasis(config.policy, config.incidents, schedules.channel, ZoneInfo(schedules.zone))

    return QuietReminder(
        ReminderServices(
            make_working_lister(application),
            services.timeline,
            services.deliveries,
            links,
            find_person,
            call,
            get_basis,
        )
    )


def build_announcer(application: "Application") -> UpdateAnnouncer:
    """Builds the announcer of updates."""
    services, links = application.wings.incidents, application.wings.changes.links
    registry = services.registry

    async def list_recent() -> tuple[Incident, ...]:
        return await registry.look_up_privacy(await registry.list_incidents(), links)

    def find_channel() -> str:
        return application.dispatcher.config.incidents.announce or ""

    return UpdateAnnouncer(UpdateServices(list_recent, services.timeline, services.deliveries, links, find_channel))


def build_resolution_reports(application: "Application") -> ResolutionReports:
    """Builds what posts the report of each resolved incident."""
    services, now = application.wings.incidents, application.clock.now
    dispatcher = application.dispatcher
    return ResolutionReports(
        services.registry,
        application.wings.changes.links,
        build_report_sources(services, application.wings.alerts.registry, application.audit, now),
        dispatcher.known_operations,
        lambda: dispatcher.config,
    )


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


def build_proposer(application: "Application") -> MitigationProposer:
    """Builds what proposes to mark incidents as mitigated."""
    services, links = application.wings.incidents, application.wings.changes.links

    def find_channel() -> str:
        config = application.dispatcher.config
        return config.incidents.channel or config.schedule_config.channel

    working, alerts = make_working_lister(application), application.wings.alerts.registry
    proposing = ProposalServices(working, services.timeline, alerts, services.deliveries, links, find_channel)
    return MitigationProposer(proposing, application.clock.now)


@asynccontextmanager
async def run_incidents(application: "Application", team: str) -> AsyncIterator[None]:
    """Follows acts and what concerns incidents, reminds and announces. `team` is that of the configured people."""
    services, clock = application.wings.incidents, application.clock
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
    services, alerts = application.wings.incidents, application.wings.alerts.registry
    links, dispatcher = application.wings.changes.links, application.dispatcher

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
