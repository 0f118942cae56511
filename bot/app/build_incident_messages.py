"""Builds what a running bot says about incidents by itself: reminders of quiet ones, and updates for those who wait."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.access.person_names import find_slack_id
from bot.access.policy import BOT_ACTOR_NAME
from bot.incidents.announcer import UpdateAnnouncer, UpdateServices
from bot.incidents.events import IncidentAct
from bot.incidents.life import judge_call
from bot.incidents.reminders import QuietReminder, ReminderBasis, ReminderServices
from bot.incidents.requests import ActRequest
from bot.model.incident import Incident
from bot.model.request import Identity, Membership, SlackIdentity, SystemIdentity, derive_operation_id

if TYPE_CHECKING:
    from bot.app.application import Application


def make_working_lister(application: "Application") -> Callable[[], Awaitable[tuple[Incident, ...]]]:
    """Makes what lists the incidents in which people work, with whether their channels are private now."""
    registry, links = application.incident_services.registry, application.change_services.links

    async def list_working() -> tuple[Incident, ...]:
        return await registry.look_up_privacy(await registry.list_working(), links)

    return list_working


def build_reminder(application: "Application", team: str) -> QuietReminder:
    """Builds the reminder of quiet incidents. `team` is the workspace of the configured people."""
    services, links = application.incident_services, application.change_services.links

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
    services, links = application.incident_services, application.change_services.links
    registry = services.registry

    async def list_recent() -> tuple[Incident, ...]:
        return await registry.look_up_privacy(await registry.list_incidents(), links)

    def find_channel() -> str:
        return application.dispatcher.config.incidents.announce or ""

    return UpdateAnnouncer(UpdateServices(list_recent, services.timeline, services.deliveries, links, find_channel))
