"""Operations on incidents, as data only. An incident is a channel in which people work on the same hosts.

Operation for the report of an incident, as data only.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.about import DECIDER_ROLES
from commands.alerts.operations import AlertShow
from commands.model.finding import Severity
from commands.model.operation import OwnOperation, Risk
from commands.model.times import TimePoint, make_time_option
from commands.values.arguments import (
    ALL_HOSTS,
    BadArgument,
    Flag,
    Option,
    Positional,
    TargetArgument,
    make_choice_parser,
    make_number_parser,
    make_text_argument,
    parse_reason,
)

MAX_TITLE_LENGTH = 120
"""Maximum characters of a title: one line on a phone and in a list."""


SINCE_PERIOD = timedelta(days=7)
"""Period before now in which a problem may have begun."""

parse_incident_number = make_number_parser("incident")
"""Parser of an incident's number."""

_parse_alert_number = make_number_parser("alert")
_parse_severity = make_choice_parser(*Severity)


def _parse_title(typed: tuple[str, ...]) -> str:
    said = parse_reason(" ".join(typed))
    if len(said) > MAX_TITLE_LENGTH:
        raise BadArgument(Phrase("a title can have up to {n} characters", n=MAX_TITLE_LENGTH), part=said)
    return said


class IncidentList(OwnOperation):
    """List open and recent incidents."""

    words: ClassVar = ("incident",)
    summary: ClassVar = Phrase("open and recently resolved incidents")
    example: ClassVar = "incident"
    label: ClassVar = Phrase("show incidents")


Readers = Literal["", "everyone", "requester"]
"""Readers of the results in an incident's channel; "" if the opener has not chosen."""

ReadersOption = Annotated[
    Readers,
    Option(
        "readers",
        Phrase("who sees the results of commands in the channel: everyone, or only the requester of each"),
        lambda word: make_choice_parser("everyone", "requester")((word,)),
        str,
    ),
]


class IncidentOpen(OwnOperation):
    """Open an incident on some hosts: in this channel, in a new one, or without one."""

    words: ClassVar = ("incident", "open")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("open an incident in this channel or a new one. It collects what happens to its hosts")
    example: ClassVar = 'incident open "the gateway answers 502" host-a'
    label: ClassVar = Phrase("open an incident on {target}", target="…")
    includes: ClassVar = (AlertShow,)
    offered: ClassVar = ("target", "severity")
    choices: ClassVar = {
        ("--agree",): Phrase("create the public channel"),
        ("--another", "--public"): Phrase("open another incident, in a public channel"),
        ("--another", "--new"): Phrase("open another incident, in a private channel"),
        ("--another",): Phrase("open another incident"),
        ("--public",): Phrase("in a new public channel"),
        ("--new",): Phrase("in a new private channel"),
        ("--results everyone",): Phrase("here, results for everyone"),
        ("--results requester",): Phrase("here, results for the requester"),
    }

    title: Annotated[str, Positional("title", Phrase("what is wrong"), _parse_title, lambda title: (title,), labeled=False)]
    target: TargetArgument = ALL_HOSTS
    since: Annotated[TimePoint | None, make_time_option(SINCE_PERIOD)] = None
    severity: Annotated[
        Severity | None,
        Option(
            "severity",
            Phrase("critical, high, medium or low (default: that of the worst alert)"),
            lambda word: Severity(_parse_severity((word,))),
            lambda severity: severity.value,
        ),
    ] = None
    results: ReadersOption = ""
    new: Annotated[bool, Flag(Phrase("create a private channel for it and invite you"))] = False
    public: Annotated[bool, Flag(Phrase("with --new: create a public channel, after asking"))] = False
    agree: Annotated[bool, Flag(Phrase("with --public: agree that all members can read it"))] = False
    another: Annotated[bool, Flag(Phrase("open it although another one is about the same hosts or alert"))] = False
    alert: Annotated[
        int, Option("number", Phrase("number of the alert that it is about"), _parse_alert_number, str, labeled=False)
    ] = 0

    @property
    def opens_here(self) -> bool:
        """True if it opens an incident in the channel of the request, and says who sees the results there."""
        return not self.new and bool(self.results)

    @property
    def shares_results(self) -> bool:
        """True if everyone in the channel will see the results there, as in a channel made for the incident by default."""
        return self.results != "requester"


def _describe_incident(number: int) -> Phrase:
    return Phrase("incident {number}", number=str(number)) if number else Phrase("the incident")


def make_incident_option(meaning: Phrase) -> Option:
    """Makes an option with an incident's number; 0 for that of the channel. A label names the incident."""
    return Option("number", meaning, parse_incident_number, str, describe=_describe_incident)


IncidentNumber = Annotated[
    int,
    Positional(
        "number",
        Phrase("incident number (default: the incident of this channel)"),
        lambda words: parse_incident_number(words[0]),
        lambda number: (str(number),) if number else (),
    ),
]

IncidentNumberOption = Annotated[
    int, make_incident_option(Phrase("incident number (default: the incident of this channel)"))
]


class IncidentShow(OwnOperation):
    """Show the timeline of an incident."""

    words: ClassVar = ("incident", "show")
    summary: ClassVar = Phrase("commands and results during an incident, oldest first")
    example: ClassVar = "incident show 3"
    label: ClassVar = Phrase("show incident {number}", number="…")

    number: IncidentNumber = 0


class IncidentResolve(OwnOperation):
    """Resolve an incident with its cause."""

    words: ClassVar = ("incident", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("resolve an incident and record the cause (the channel returns to normal)")
    example: ClassVar = 'incident resolve "the certificate of host-a had expired"'
    label: ClassVar = Phrase("resolve {incident}", incident="…")
    offered: ClassVar = ("although",)

    was: Annotated[str, replace(make_text_argument("reason", Phrase("cause, for later reference")), labeled=False)]
    although: Annotated[
        str,
        Option(
            "reason",
            Phrase("reason to resolve it although something is still firing, unknown, running or owed"),
            parse_reason,
            str,
            labeled=False,
        ),
    ] = ""
    incident: IncidentNumberOption = 0


class IncidentReport(OwnOperation):
    """Make the report of an incident, with its picture and its files."""

    words: ClassVar = ("incident", "report")
    summary: ClassVar = Phrase("report of an incident: milestones, changes, evidence and the whole timeline, as a file")
    example: ClassVar = "incident report 3"
    label: ClassVar = Phrase("make the report of incident {number}", number="…")

    number: IncidentNumber = 0
    json_: Annotated[bool, Flag(Phrase("attach JSON for programs instead of Markdown"))] = False
    incident: IncidentNumberOption = 0
