"""Operations by which people work on an incident, as data only. `commands.incidents.operations` opens, shows and resolves.

Each act is one entry of the timeline. Without a number it is about the incident of the channel, or the only one that the
requester sees.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.about import DECIDER_ROLES
from commands.alerts.operations import AlertShow
from commands.incidents.operations import IncidentNumberOption, make_incident_option, parse_incident_number
from commands.model.finding import Severity
from commands.model.operation import OwnOperation, Risk
from commands.model.times import TimePoint, make_time_option
from commands.values.arguments import (
    NO_TARGET,
    BadArgument,
    Flag,
    Option,
    Positional,
    Target,
    make_choice_parser,
    make_number_parser,
)
from commands.values.people import PersonArgument, PersonOption
from commands.values.units import DAY_EXAMPLES, make_duration_parser, parse_day, render_duration

MAX_TEXT_LENGTH = 2000
"""Maximum characters of a note or an update: more than fits on two screens of a phone."""

NOTE_PERIOD = timedelta(days=7)
"""Period before now in which a noted thing may have happened."""

DEFAULT_DELAY = timedelta(minutes=30)
"""Time by which the next update is postponed if the lead gives none."""

MIN_UPDATE_PERIOD, MAX_UPDATE_PERIOD = timedelta(minutes=5), timedelta(days=1)

_parse_alert_number = make_number_parser("alert")
_parse_entry_number = make_number_parser("incident show")
_parse_severity = make_choice_parser(*Severity)
_parse_period = make_duration_parser(MIN_UPDATE_PERIOD, MAX_UPDATE_PERIOD)


def parse_text(typed: str) -> str:
    """Parses a free text into one line. Raises `BadArgument` if it is empty or too long."""
    said = " ".join(typed.split())
    if not said:
        raise BadArgument(Phrase("enter a text"), part=typed)
    if len(said) > MAX_TEXT_LENGTH:
        raise BadArgument(Phrase("a text can have up to {n} characters", n=MAX_TEXT_LENGTH), part=said)
    return said


def _make_text_argument(meaning: Phrase) -> Positional:
    kind = Positional("text", meaning, lambda words: parse_text(" ".join(words)), lambda text: (text,), many=True)
    return replace(kind, multiline=True, labeled=False)


class IncidentNote(OwnOperation):
    """Add a note to the timeline."""

    words: ClassVar = ("incident", "note")
    risk: ClassVar = Risk.CHANGE
    summary: ClassVar = Phrase("add a note to the timeline of an incident")
    example: ClassVar = 'incident note "the provider confirms an outage" --at 30m'
    label: ClassVar = Phrase("add a note to {incident}", incident="…")
    offered: ClassVar = ("at",)

    text: Annotated[str, _make_text_argument(Phrase("what you saw or did"))]
    at: Annotated[TimePoint | None, make_time_option(NOTE_PERIOD)] = None
    incident: IncidentNumberOption = 0


class IncidentUpdate(OwnOperation):
    """Tell those who wait how it stands."""

    words: ClassVar = ("incident", "update")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("post an update for those who wait, in the channel for announcements")
    example: ClassVar = 'incident update "we are switching to the other gateway" --next 30m'
    label: ClassVar = Phrase("post an update on {incident}", incident="…")
    offered: ClassVar = ("next", "announce")

    text: Annotated[str, _make_text_argument(Phrase("the text that people will read"))]
    next: Annotated[
        timedelta | None,
        Option("duration", Phrase("when the next update is due: 30m, at most 24h"), _parse_period, render_duration),
    ] = None
    announce: Annotated[bool, Flag(Phrase("announce it although the incident is private"))] = False
    incident: IncidentNumberOption = 0


class IncidentLater(OwnOperation):
    """Postpone the next update, and the next reminder."""

    words: ClassVar = ("incident", "later")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("postpone the next update of an incident (its lead is not reminded before)")
    example: ClassVar = "incident later"
    label: ClassVar = Phrase("postpone the next update of {incident}", incident="…")

    duration: Annotated[
        timedelta,
        Positional(
            "duration",
            Phrase("how much later: 30m, at most 24h"),
            lambda words: _parse_period(words[0]),
            lambda duration: (render_duration(duration),),
        ),
    ] = DEFAULT_DELAY
    incident: IncidentNumberOption = 0


class IncidentSeverity(OwnOperation):
    """Set the severity of an incident."""

    words: ClassVar = ("incident", "severity")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("set the severity of an incident: critical, high, medium or low")
    example: ClassVar = "incident severity high"
    label: ClassVar = Phrase("set the severity of {incident} to {severity}", incident="…", severity="…")

    severity: Annotated[
        Severity,
        Positional(
            "severity",
            Phrase("critical, high, medium or low"),
            lambda words: Severity(_parse_severity(words)),
            lambda severity: (severity.value,),
        ),
    ]
    incident: IncidentNumberOption = 0


class IncidentLead(OwnOperation):
    """Make a person the lead, who is asked for updates. It gives no right."""

    words: ClassVar = ("incident", "lead")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("make a person, by default yourself, the lead of an incident")
    example: ClassVar = "incident lead alice"
    label: ClassVar = Phrase("set the lead of {incident}: {person}", incident="…", person="…")

    person: PersonArgument = ""
    incident: IncidentNumberOption = 0


class IncidentInvite(OwnOperation):
    """Let a person read an incident."""

    words: ClassVar = ("incident", "invite")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("let a person read an incident, and invite them to the channel that was created for it")
    example: ClassVar = "incident invite alice"
    label: ClassVar = Phrase("invite {person} to {incident}", person="…", incident="…")

    person: PersonArgument
    incident: IncidentNumberOption = 0


class IncidentScope(BaseModel):
    """Scope that is added to an incident: hosts, or the alert with that number."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    target: Target = NO_TARGET
    alert: int = 0

    def __str__(self) -> str:
        return str(self.alert or self.target)

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> "IncidentScope":
        """Parses hosts, or `12`, `#12` and `alert 12` as an alert. Raises `BadArgument`."""
        said = words[1:] if len(words) > 1 and words[0].lower() == "alert" else words
        if len(said) == 1 and re.fullmatch(r"#?\d+", said[0], re.ASCII):
            return cls(alert=_parse_alert_number(said[0]))
        return cls(target=Target.parse(words))


class IncidentAdd(OwnOperation):
    """Add hosts or an alert to an incident."""

    words: ClassVar = ("incident", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("add hosts or an alert to an incident: from then on it collects what concerns them, too")
    example: ClassVar = "incident add host-b"
    label: ClassVar = Phrase("add {what} to {incident}", what="…", incident="…")
    includes: ClassVar = (AlertShow,)

    what: Annotated[
        IncidentScope,
        Positional(
            "what",
            Phrase("hosts, labels or patterns, or the number of an alert"),
            IncidentScope.parse,
            lambda scope: (str(scope),),
            many=True,
        ),
    ]
    incident: IncidentNumberOption = 0

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the hosts that it adds. `bot.incidents.handlers.act` checks permission for the host of an alert."""
        return self.what.target.resolve(inventory) if self.what.target.parts else ()


class IncidentCorrect(OwnOperation):
    """Correct an entry of the timeline. The original stays beside the correction."""

    words: ClassVar = ("incident", "correct")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("correct an entry of the timeline (the original stays beside it)")
    example: ClassVar = 'incident correct 12 "it was the other gateway"'
    label: ClassVar = Phrase("correct entry {entry} of {incident}", entry="…", incident="…")

    entry: Annotated[
        int,
        Positional(
            "entry",
            Phrase("number of the entry (listed by incident show)"),
            lambda words: _parse_entry_number(words[0]),
            lambda number: (str(number),),
        ),
    ]
    text: Annotated[str, _make_text_argument(Phrase("what is right"))]
    incident: IncidentNumberOption = 0


class IncidentMitigated(OwnOperation):
    """Say that people no longer notice the problem, although its cause is still there."""

    words: ClassVar = ("incident", "mitigated")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("mark an incident as mitigated: users no longer notice it, but the cause is still there")
    example: ClassVar = "incident mitigated"
    label: ClassVar = Phrase("mark {incident} as mitigated", incident="…")

    incident: IncidentNumberOption = 0


class IncidentReopen(OwnOperation):
    """Open a resolved incident again."""

    words: ClassVar = ("incident", "reopen")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("open a resolved or mitigated incident again, with a reason")
    example: ClassVar = 'incident reopen "the gateway answers 502 again" --incident 3'
    label: ClassVar = Phrase("reopen {incident}", incident="…")

    why: Annotated[str, _make_text_argument(Phrase("why it is open again"))]
    incident: IncidentNumberOption = 0


class IncidentMerge(OwnOperation):
    """Merge an incident into the one that it duplicates. Each keeps its readers, and both numbers work."""

    words: ClassVar = ("incident", "merge")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("merge an incident into another one that has the same cause (each keeps its readers)")
    example: ClassVar = "incident merge 4 --into 3"
    label: ClassVar = Phrase("merge incident {number} into {into}", number="…", into="…")

    number: Annotated[
        int,
        Positional(
            "number",
            Phrase("number of the incident that ends as a duplicate"),
            lambda words: parse_incident_number(words[0]),
            lambda number: (str(number),),
        ),
    ]
    into: Annotated[int, make_incident_option(Phrase("number of the incident that goes on"))] = 0

    @property
    def incomplete(self) -> bool:
        """True if the other incident is missing."""
        return not self.into


class IncidentFollowUp(OwnOperation):
    """Add something to do after an incident."""

    words: ClassVar = ("incident", "followup")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("add a follow-up: something to do after the incident")
    example: ClassVar = 'incident followup "renew certificates a month earlier" --who alice --by friday'
    label: ClassVar = Phrase("add a follow-up to {incident}", incident="…")

    text: Annotated[str, _make_text_argument(Phrase("the task"))]
    who: PersonOption = ""
    by: Annotated[
        str, Option("day", Phrase("day by which it is due: {examples}", examples=DAY_EXAMPLES), parse_day, str)
    ] = ""
    incident: IncidentNumberOption = 0


class IncidentFollowUpDone(OwnOperation):
    """Complete a follow-up."""

    words: ClassVar = ("incident", "followup", "done")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("complete a follow-up (incident show lists the numbers)")
    example: ClassVar = "incident followup done 1 --incident 3"
    label: ClassVar = Phrase("complete follow-up {number} of {incident}", number="…", incident="…")

    number: Annotated[
        int,
        Positional(
            "number",
            Phrase("number of the follow-up"),
            lambda words: _parse_entry_number(words[0]),
            lambda number: (str(number),),
        ),
    ]
    incident: IncidentNumberOption = 0


class IncidentCall(OwnOperation):
    """Call the people and groups who are configured for a critical incident."""

    words: ClassVar = ("incident", "call")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("call the people and groups under escalate in [incidents] to an incident")
    example: ClassVar = "incident call"
    label: ClassVar = Phrase("call others to {incident}", incident="…")

    incident: IncidentNumberOption = 0
