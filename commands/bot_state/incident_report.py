"""Operation for the report of an incident, as data only."""

from typing import Annotated, ClassVar

from adapters.phrase import Phrase
from commands.bot_state.incidents import IncidentNumber, IncidentNumberOption
from commands.model.operation import OwnOperation
from commands.values.arguments import Flag


class IncidentReport(OwnOperation):
    """Make the report of an incident, with its picture and its files."""

    words: ClassVar = ("incident", "report")
    summary: ClassVar = Phrase("report of an incident: milestones, changes, evidence and the whole timeline, as a file")
    example: ClassVar = "incident report 3"
    label: ClassVar = Phrase("make the report of incident {number}", number="…")

    number: IncidentNumber = 0
    json_: Annotated[bool, Flag(Phrase("attach JSON for programs instead of Markdown"))] = False
    incident: IncidentNumberOption = 0
