"""Operations on incidents, as data only. An incident is a channel in which people work on the same hosts."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.bot_state.about import DECIDER_ROLES, make_text_argument
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import (
    ALL_HOSTS,
    BadArgument,
    Flag,
    Option,
    Positional,
    TargetArgument,
    make_number_parser,
    parse_reason,
)

MAX_TITLE_LENGTH = 120
"""Maximum characters of a title: one line on a phone and in a list."""


parse_incident_number = make_number_parser("incident")
"""Parser of an incident's number."""


def _parse_title(typed: tuple[str, ...]) -> str:
    said = parse_reason(" ".join(typed))
    if len(said) > MAX_TITLE_LENGTH:
        raise BadArgument(Phrase("a title has at most {n} characters", n=MAX_TITLE_LENGTH), part=said)
    return said


class IncidentList(OwnOperation):
    """List open and recent incidents."""

    words: ClassVar = ("incident",)
    summary: ClassVar = Phrase("incidents that are open, and those that ended lately")
    example: ClassVar = "incident"


class IncidentOpen(OwnOperation):
    """Open an incident on some hosts in this channel or a new one."""

    words: ClassVar = ("incident", "open")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("name this channel the one of an incident; looks here answer for all, about its hosts")
    example: ClassVar = 'incident open "the gateway answers 502" host-a'

    title: Annotated[str, Positional("title", Phrase("what is wrong, in quotes"), _parse_title, lambda title: (title,))]
    target: TargetArgument = ALL_HOSTS
    new: Annotated[bool, Flag(Phrase("in a new channel, which the bot makes and invites you to"))] = False


IncidentNumberOption = Annotated[
    int, Option("number", Phrase("which one; the one of this channel if left out"), parse_incident_number, str)
]


class IncidentShow(OwnOperation):
    """Show the requests and answers of an incident."""

    words: ClassVar = ("incident", "show")
    summary: ClassVar = Phrase("what was asked and answered during an incident, oldest first")
    example: ClassVar = "incident show 3"

    number: Annotated[
        int,
        Positional(
            "number",
            Phrase("which one; the one of this channel if left out"),
            lambda words: parse_incident_number(words[0]),
            lambda number: (str(number),) if number else (),
        ),
    ] = 0


class IncidentResolve(OwnOperation):
    """Resolve an incident with its cause."""

    words: ClassVar = ("incident", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("end an incident, and say what it was; its channel is an ordinary one again")
    example: ClassVar = 'incident resolve "the certificate of host-a had expired"'

    was: Annotated[str, make_text_argument("reason", Phrase("what it was, for whoever reads it later"))]
    incident: IncidentNumberOption = 0
