"""Handlers for the acts by which people work on an incident: each is one entry of its timeline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.access.person_names import find_person_name, find_slack_id
from bot.alerts.handlers import find_visible_alert
from bot.alerts.ports import AlertRegistryPort
from bot.incidents.handlers.audience import make_own_sight, make_reader
from bot.incidents.ports import ChannelPort, IncidentRegistryPort
from bot.incidents.reports.listing import MAX_OFFERED, describe_audience, report_act
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.quiet import find_callable
from bot.incidents.rules.requests import ActRequest, SeveralIncidents
from bot.model.incident import EntryKind, Incident, QuotedMessage, TimelineEntry
from bot.ports.context import RequestContext
from commands.incidents.acts import (
    NOTE_PERIOD,
    IncidentAdd,
    IncidentCall,
    IncidentCorrect,
    IncidentFollowUp,
    IncidentFollowUpDone,
    IncidentInvite,
    IncidentLater,
    IncidentLead,
    IncidentMitigated,
    IncidentNote,
    IncidentSeverity,
    IncidentUpdate,
)
from commands.language.grammar import render_operation
from commands.model.finding import GRADE_NAMES, Grade, relate_moment
from commands.model.report import Report
from commands.model.times import resolve_instant
from commands.values.units import find_day

NumberedAct = (
    IncidentNote
    | IncidentUpdate
    | IncidentLater
    | IncidentSeverity
    | IncidentLead
    | IncidentInvite
    | IncidentAdd
    | IncidentCorrect
    | IncidentMitigated
    | IncidentFollowUp
    | IncidentFollowUpDone
    | IncidentCall
)
"""Acts on the incident that `--incident` names, or on the current one."""


_NONE_CONFIGURED = Phrase("nothing to call: add people or groups under escalate in [incidents]")


@dataclass(frozen=True)
class IncidentActHandlers:
    """Handlers of acts. An incident that the requester may not see does not exist for them."""

    incidents: IncidentRegistryPort
    channels: ChannelPort
    alerts: AlertRegistryPort
    now: Callable[[], datetime]

    async def note(self, operation: IncidentNote, context: RequestContext) -> Report:
        """Adds a note, at the time at which it happened; that of a message by its author, and once."""
        quoted = context.quoted
        at = None if operation.at is None else resolve_instant(operation.at, self.now(), NOTE_PERIOD)
        if quoted is not None:
            at = quoted.at
        request = _make_request(
            IncidentAct.NOTED,
            context,
            lambda incident, now: life.judge_note(incident, now, at),
            text=operation.text,
            happened_at=None if at is None else at.isoformat(),
            **({} if quoted is None else {"author": quoted.author, "link": quoted.link}),
        )
        if quoted is not None:
            request = replace(request, check=partial(self._refuse_second_note, quoted))
        return self._report(await self._act(operation, request, context), Phrase("noted"), context)

    async def _refuse_second_note(self, quoted: QuotedMessage, incident: Incident) -> None:
        """Refuses to make another note of a message. Slack gives no two messages of a channel the same time."""
        for entry in await self.incidents.read_timeline(incident.number):
            if _is_note_of(entry, quoted):
                phrase = Phrase(
                    "nothing to do: the message is entry {entry} of incident {number} already",
                    entry=str(entry.number),
                    number=str(incident.number),
                )
                raise life.NothingChanges(phrase)

    async def update(self, operation: IncidentUpdate, context: RequestContext) -> Report:
        """Records an update for those who wait. Its entry says whether it is announced although the incident is private."""
        request = _make_request(
            IncidentAct.UPDATED,
            context,
            lambda incident, now: life.judge_update(
                incident, now, operation.text, None if operation.next is None else now + operation.next
            ),
            text=operation.text,
            about=int(operation.announce),
        )
        incident = await self._act(operation, request, context)
        configured = context.config.incidents.announce is not None
        lines = describe_audience(incident, configured=configured, requested=operation.announce)
        return self._report(incident, Phrase("update posted"), context, lines)

    async def postpone(self, operation: IncidentLater, context: RequestContext) -> Report:
        """Postpones the next update, and with it the next reminder of the lead."""
        request = _make_request(
            IncidentAct.POSTPONED,
            context,
            lambda incident, now: life.judge_postponement(incident, now + operation.duration),
        )
        incident = await self._act(operation, request, context)
        said = Phrase("next update later, at {at}", at=relate_moment(incident.next_update_at or self.now(), self.now()))
        return self._report(incident, said, context)

    async def set_severity(self, operation: IncidentSeverity, context: RequestContext) -> Report:
        """Sets the severity."""
        request = _make_request(
            IncidentAct.SEVERITY, context, lambda incident, now: life.judge_severity(incident, operation.severity)
        )
        said = Phrase("severity: {severity}", severity=GRADE_NAMES[Grade.of(operation.severity)])
        return self._report(await self._act(operation, request, context), said, context)

    async def set_lead(self, operation: IncidentLead, context: RequestContext) -> Report:
        """Makes a person the lead: also in place of one who has left."""
        name = _find_person(operation.person, context) if operation.person else context.actor
        request = _make_request(IncidentAct.LEAD, context, lambda incident, now: life.judge_lead(incident, name))
        return self._report(await self._act(operation, request, context), Phrase("lead: {person}", person=name), context)

    async def invite(self, operation: IncidentInvite, context: RequestContext) -> Report:
        """Lets a person read the incident, and invites them to the channel that the bot created for it."""
        name = _find_person(operation.person, context)
        request = _make_request(IncidentAct.INVITED, context, lambda incident, now: life.judge_invitation(incident, name))
        incident = await self._act(operation, request, context)
        lines = await self._invite_to_channel(incident, name, context)
        return self._report(incident, Phrase("{person} may read this incident", person=name), context, lines)

    async def add(self, operation: IncidentAdd, context: RequestContext) -> Report:
        """Adds hosts, or an alert that the requester may see."""
        what = operation.what
        if what.alert:
            await find_visible_alert(self.alerts, what.alert, context)
        else:
            what.target.resolve(context.inventory)  # an unknown name would collect nothing
        hosts, alerts = what.target.parts, (what.alert,) if what.alert else ()
        request = _make_request(
            IncidentAct.ADDED, context, lambda incident, now: life.judge_addition(incident, hosts, alerts), text=str(what)
        )
        return self._report(await self._act(operation, request, context), Phrase("added: {what}", what=str(what)), context)

    async def correct(self, operation: IncidentCorrect, context: RequestContext) -> Report:
        """Adds a correction beside an entry. An entry that the requester may not see does not exist for them."""
        incident = await self._find(operation, context)
        entries = await self.incidents.read_timeline(incident.number)
        entry = next((each for each in entries if each.number == operation.entry), None)
        count = operation.entry if entry is not None and make_own_sight(context).may_see(entry) else 0
        request = _make_request(
            IncidentAct.CORRECTED,
            context,
            lambda incident, now: life.judge_correction(incident, operation.entry, count),
            text=operation.text,
            about=operation.entry,
            hosts=() if entry is None else entry.hosts,
        )
        incident = await self.incidents.act(incident.number, request)
        return self._report(incident, Phrase("corrected entry {number}", number=str(operation.entry)), context)

    async def mitigate(self, operation: IncidentMitigated, context: RequestContext) -> Report:
        """Records that users no longer notice the problem."""
        request = _make_request(IncidentAct.MITIGATED, context, life.judge_mitigation)
        return self._report(await self._act(operation, request, context), Phrase("mitigated"), context)

    async def add_followup(self, operation: IncidentFollowUp, context: RequestContext) -> Report:
        """Adds a follow-up. Its day is counted in the requester's zone."""
        who = _find_person(operation.who, context) if operation.who else ""
        due = find_day(operation.by, context.at.astimezone(context.zone).date()) if operation.by else None
        request = _make_request(
            IncidentAct.FOLLOWUP,
            context,
            lambda incident, now: life.judge_followup(incident, operation.text, who, due),
            text=operation.text,
        )
        incident = await self._act(operation, request, context)
        said = Phrase("follow-up {number}: {text}", number=str(len(incident.followups)), text=operation.text)
        return self._report(incident, said, context)

    async def complete_followup(self, operation: IncidentFollowUpDone, context: RequestContext) -> Report:
        """Completes a follow-up."""
        number = operation.number
        judge = partial(life.judge_followup_done, number=number, by=context.actor)
        request = _make_request(IncidentAct.FOLLOWUP_DONE, context, judge, about=number)
        said = Phrase("follow-up {number} is done", number=str(number))
        return self._report(await self._act(operation, request, context), said, context)

    async def call(self, operation: IncidentCall, context: RequestContext) -> Report:
        """Calls those who are configured for it. `bot.incidents` tells them."""
        found, config = await self._find(operation, context), context.config
        if not find_callable(config.incidents.escalate, found, config.policy):
            raise life.NotNow(_describe_uninvited(found) if config.incidents.escalate else _NONE_CONFIGURED)
        request = _make_request(IncidentAct.CALLED, context, lambda incident, now: life.judge_call(incident))
        incident = await self.incidents.act(found.number, request)
        return self._report(incident, Phrase("others were called"), context)

    async def _find(self, operation: NumberedAct, context: RequestContext) -> Incident:
        reader = make_reader(operation, context)
        try:
            return await self.incidents.find_current(operation.incident, reader, self.channels, context.operation)
        except SeveralIncidents as several:
            named = (operation.model_copy(update={"incident": number}) for number in several.numbers[:MAX_OFFERED])
            raise life.NotNow(several.phrase, *map(render_operation, named)) from several

    async def _act(self, operation: NumberedAct, request: ActRequest, context: RequestContext) -> Incident:
        incident = await self._find(operation, context)
        return await self.incidents.act(incident.number, request)

    async def _invite_to_channel(self, incident: Incident, name: str, context: RequestContext) -> Sequence[Phrase]:
        """Invites a person to the channel that the bot created. Returns what is left to do by hand."""
        if not incident.made_channel:
            return ()
        slack = find_slack_id(name, context.config.policy.people)
        if not slack:
            return (Phrase("could not invite {person} to the channel: no Slack ID under [[people]]", person=name),)
        try:
            trouble = await self.channels.invite(incident.channel, slack)
        except FlatnetError as error:  # the right to read stands already
            trouble = Phrase("could not invite to the channel: {why}. Invite them there by hand", why=error.phrase)
        return () if trouble is None else (trouble,)

    def _report(self, incident: Incident, said: Phrase, context: RequestContext, lines: Sequence[Phrase] = ()) -> Report:
        return report_act(incident, said, context.channel, self.now(), lines)


def _is_note_of(entry: TimelineEntry, quoted: QuotedMessage) -> bool:
    """Returns whether an entry is the note of a message, also if its author goes by another name now."""
    same = entry.author == quoted.author or (quoted.link != "" and entry.link == quoted.link)
    return same and (entry.kind, entry.happened_at) == (EntryKind.NOTE, quoted.at)


def _find_person(typed: str, context: RequestContext) -> str:
    return find_person_name(typed, context.config.policy.people, context.requester.identity)


def _make_request(
    act: IncidentAct, context: RequestContext, judge: Callable[[Incident, datetime], Incident], **data: object
) -> ActRequest:
    """Makes the request of an act by the requester. `data` describes its entry."""
    return ActRequest(act, context.operation, context.actor, judge, data)


def _describe_uninvited(incident: Incident) -> Phrase:
    return Phrase(
        "no one under escalate in [incidents] may read incident {number}, which is private. Invite a person with {words}",
        number=str(incident.number),
        words="incident invite",
    )
