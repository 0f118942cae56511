"""Operations on incidents, as data only. An incident is a channel in which people work on the same hosts."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.bot_state.about import DECIDERS, in_own_words
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import ALL, BadArgument, Flag, Option, Positional, TargetArgument, numbered, reason

TITLE = 120
"""Maximum characters of a title: one line on a phone and in a list."""


incident_number = numbered("incident")
"""Parser of an incident's number."""


def _title(typed: tuple[str, ...]) -> str:
    said = reason(" ".join(typed))
    if len(said) > TITLE:
        raise BadArgument(Phrase("a title has at most {n} characters", n=TITLE), part=said)
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
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("name this channel the one of an incident; looks here answer for all, about its hosts")
    example: ClassVar = 'incident open "the gateway answers 502" host-a'

    title: Annotated[str, Positional("title", Phrase("what is wrong, in quotes"), _title, lambda title: (title,))]
    target: TargetArgument = ALL
    new: Annotated[bool, Flag(Phrase("in a new channel, which the bot makes and invites you to"))] = False


Number = Annotated[int, Option("number", Phrase("which one; the one of this channel if left out"), incident_number, str)]


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
            lambda words: incident_number(words[0]),
            lambda number: (str(number),) if number else (),
        ),
    ] = 0


class IncidentResolve(OwnOperation):
    """Resolve an incident with its cause."""

    words: ClassVar = ("incident", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("end an incident, and say what it was; its channel is an ordinary one again")
    example: ClassVar = 'incident resolve "the certificate of host-a had expired"'

    was: Annotated[str, in_own_words("reason", Phrase("what it was, for whoever reads it later"))]
    incident: Number = 0
