"""Reminders of quiet incidents: one round asks leads, channels, and in the end calls others.

rows ─ newest entry of a person ─▶ Silence ─ bot.incidents.rules.quiet (pure) ─▶ a message ─▶ the row

The row comes last: a crash in between leaves the message to the next silence. Numbers of entries tell whether a person did
something, so that no clock can hide it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from adapters.errors import Refused
from bot.access.policy import Policy
from bot.access.rules import is_channel
from bot.config.incidents import IncidentSettings
from bot.incidents.rules import quiet as messages
from bot.incidents.rules.quiet import OFFER_AFTER, Reminder, Silence, find_reminders
from bot.incidents.rules.visibility import find_shown_place
from bot.incidents.tables.deliveries import IncidentDelivery
from bot.model.alert_notice import AlertWord
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.incident import Incident, TimelineEntry
from bot.model.request import Answer, Identity, Membership, SlackIdentity
from commands.model.report import Report

LONGEST_PAUSE = timedelta(minutes=3)
"""Longest time between two rounds in which the bot counts as running. Rounds are half a minute apart."""

_log = structlog.get_logger("bot.incidents.services.reminders")


class TimelineReader(Protocol):
    """Timelines (`bot.incidents.tables.timeline`)."""

    async def find_newest_by_people(self, incidents: Collection[int]) -> Mapping[int, int]: ...

    async def find_newest_calls(self, incidents: Collection[int]) -> Mapping[int, int]: ...

    async def find(self, incident: int, number: int) -> TimelineEntry | None: ...


class SilenceStore(Protocol):
    """Records of silences (`bot.incidents.tables.deliveries`)."""

    async def read_all(self) -> Mapping[int, IncidentDelivery]: ...

    async def mark_silence(self, delivery: IncidentDelivery) -> None: ...


@dataclass(frozen=True)
class ReminderBasis:
    """View of the active configuration. `channel` is that of notices; `zone` the one whose mornings count."""

    policy: Policy
    settings: IncidentSettings
    channel: str
    zone: ZoneInfo


@dataclass(frozen=True)
class ReminderServices:
    """Services that reminders need.

    `list_working` lists the incidents in which people work. `find_person` finds who a person is now, in Slack if possible;
    None for one whom the configuration does not know any more. `call` records that others are called, by the bot.
    """

    list_working: Callable[[], Awaitable[tuple[Incident, ...]]]
    timeline: TimelineReader
    silences: SilenceStore
    announcer: AnnouncementSender
    find_person: Callable[[str], Awaitable[Identity | None]]
    call: Callable[[Incident], Awaitable[object]]
    basis: Callable[[], ReminderBasis]


class QuietReminder:
    """Reminds of quiet incidents while the bot runs."""

    def __init__(self, services: ReminderServices) -> None:
        self._services = services
        self._rounded_at: datetime | None = None
        self._silences: dict[int, tuple[int, Silence]] = {}
        """The newest entry of a person, and the silence since, by incident."""

    async def remind(self, now: datetime) -> None:
        """Does what is due in all incidents. Raises errors of the database and of the announcer; the next round goes on."""
        pause = now - (self._rounded_at or now)
        if not timedelta(0) <= pause <= LONGEST_PAUSE:
            self._silences = {number: (last, each.begin_anew(now)) for number, (last, each) in self._silences.items()}
        self._rounded_at = now
        working = await self._services.list_working()
        self._silences = {each.number: self._silences[each.number] for each in working if each.number in self._silences}
        if not working:
            return
        numbers = [incident.number for incident in working]
        heard, called = (
            await self._services.timeline.find_newest_by_people(numbers),
            await self._services.timeline.find_newest_calls(numbers),
        )
        stored = await self._services.silences.read_all()
        for incident in working:
            known = stored.get(incident.number, IncidentDelivery(incident.number))
            silence = await self._observe(incident, heard.get(incident.number, 0), known, now)
            silence = await self._deliver_call(incident, called.get(incident.number, 0), silence)
            await self._remind_of(incident, silence, now)

    async def _observe(self, incident: Incident, last: int, known: IncidentDelivery, now: datetime) -> Silence:
        """Returns the present silence. In the first round after a start it begins anew."""
        if incident.number not in self._silences:
            silence = await self._recall(last, known, now)
        else:
            before, silence = self._silences[incident.number]
            silence = silence if before == last else silence.hear(now)
        silence = silence.see_severity(incident.severity, now)
        self._silences[incident.number] = last, silence
        return await self._keep(incident, silence) if silence.asked < known.asked else silence

    async def _recall(self, last: int, known: IncidentDelivery, now: datetime) -> Silence:
        """Recalls a silence of before the start, unless a person did something since the last question."""
        entry = await self._services.timeline.find(known.incident, last) if last and known.asked_at else None
        ended = entry is not None and known.asked_at is not None and entry.recorded_at > known.asked_at
        asked = 0 if ended else known.asked
        return Silence(now, asked, None, None, known.offered_at, known.called_at).begin_anew(now)

    async def _remind_of(self, incident: Incident, silence: Silence, now: datetime) -> None:
        basis = self._services.basis()
        others = messages.find_callable(basis.settings.escalate, incident, basis.policy)
        for reminder in find_reminders(incident, silence, basis.zone, now):
            if reminder in (Reminder.OFFER, Reminder.CALL) and not others:
                continue
            if reminder is Reminder.CALL:
                await self._try_to_call(incident)
                continue
            await self._deliver(reminder, incident, silence, now)
            silence = await self._keep(incident, silence.remember(reminder, now))

    async def _try_to_call(self, incident: Incident) -> None:
        """Records a call, which the next round sends as one that a person made. A refused one is tried again in each."""
        try:
            await self._services.call(incident)
        except Refused as error:  # the audit log is in doubt; leads are asked all the same
            _log.warning("others could not be called", incident=incident.number, why=str(error))

    async def _keep(self, incident: Incident, silence: Silence) -> Silence:
        """Stores a silence, also for the next start."""
        await self._services.silences.mark_silence(
            IncidentDelivery(
                incident.number,
                asked=silence.asked,
                asked_at=silence.asked_at,
                offered_at=silence.offered_at,
                called_at=silence.called_at,
            )
        )
        last, _ = self._silences[incident.number]
        self._silences[incident.number] = last, silence
        return silence

    async def _deliver(self, reminder: Reminder, incident: Incident, silence: Silence, now: datetime) -> None:
        match reminder:
            case Reminder.LEAD:
                await self._ask_lead(incident, silence, now)
            case Reminder.CHANNEL:
                await self._ask_channel(incident, silence, now)
            case _:
                offer = messages.make_offer(incident, now - (silence.critical_since or now))
                await self._announce(f"incident-{incident.number}-offer", self._find_place(incident), offer, incident)

    async def _ask_lead(self, incident: Incident, silence: Silence, now: datetime) -> None:
        """Asks the lead directly; in the channel where the lead has no Slack, or has left."""
        lead = messages.find_lead(incident)
        person = await self._services.find_person(lead)
        if isinstance(person, SlackIdentity) and person.standing in (Membership.MEMBER, Membership.UNKNOWN):
            question = messages.make_question(
                incident, now - silence.since, with_call=self._may_call(incident, silence, now)
            )
            await self._announce(_name_question(incident, silence), person.user, question, incident)
        elif person is None or isinstance(person, SlackIdentity):
            await self._report_lost_lead(incident, lead)
        else:
            await self._ask_channel(incident, silence, now)

    async def _ask_channel(self, incident: Incident, silence: Silence, now: datetime) -> None:
        may_call = self._may_call(incident, silence, now)
        question = messages.make_channel_question(incident, now - silence.since, with_call=may_call)
        await self._announce(_name_question(incident, silence), self._find_place(incident), question, incident)

    async def _report_lost_lead(self, incident: Incident, lead: str) -> None:
        """Says once that the lead has left: in the channel, and to the opener if that is another person."""
        name, lost = f"incident-{incident.number}-lost-{lead}", messages.make_lost_lead(incident)
        await self._announce(name, self._find_place(incident), lost, incident)
        opener = None if incident.opened_by == lead else await self._services.find_person(incident.opened_by)
        if isinstance(opener, SlackIdentity) and opener.standing is Membership.MEMBER:
            await self._announce(f"{name}-opener", opener.user, lost, incident)

    async def _deliver_call(self, incident: Incident, number: int, silence: Silence) -> Silence:
        """Calls others for the newest call for help, once. Each is mentioned in the channel, or gets it directly."""
        entry = await self._services.timeline.find(incident.number, number) if number else None
        if entry is None or entry.recorded_at == silence.called_at:
            return silence
        basis = self._services.basis()
        others = messages.find_callable(basis.settings.escalate, incident, basis.policy)
        name, word = f"incident-{incident.number}-call-{number}", messages.make_call(incident, entry.author, others)
        if is_channel(incident.channel):
            await self._post(name, incident.channel, word, incident)
        else:
            for each in others:
                await self._post(f"{name}-{each}", each, word, incident)
        silence = silence.remember(Reminder.CALL, entry.recorded_at)
        return await self._keep(incident, silence)

    def _may_call(self, incident: Incident, silence: Silence, now: datetime) -> bool:
        """Returns whether others can be called: the incident was critical for long enough, and there are others."""
        basis = self._services.basis()
        if silence.critical_since is None or now - silence.critical_since < OFFER_AFTER:
            return False
        return bool(messages.find_callable(basis.settings.escalate, incident, basis.policy))

    def _find_place(self, incident: Incident) -> str:
        """Finds the channel to tell."""
        basis = self._services.basis()
        return find_shown_place(incident, basis.settings.channel or basis.channel)

    async def _announce(self, name: str, channel: str, report: Report, incident: Incident) -> None:
        await self._post(name, channel, Answer(operation=name, understood="incident", body=report), incident)

    async def _post(self, name: str, channel: str, body: Answer | AlertWord, incident: Incident) -> None:
        announcement = Announcement(name, channel, body, private=incident.private is not False)
        await self._services.announcer.announce(announcement)


def _name_question(incident: Incident, silence: Silence) -> str:
    """Names a question by its silence, so that the same question is the same message."""
    return f"incident-{incident.number}-quiet-{int(silence.since.timestamp())}-{silence.asked}"
