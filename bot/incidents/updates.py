"""Updates on incidents for those who wait: the line that the channel for announcements gets. Pure.

The same line is the preview of the form. It has the number, the state, the severity and what the person typed: no host, no
link, no cause.
"""

from adapters.phrase import Phrase
from bot.model.incident import STATE_NAMES, Incident
from commands.model.finding import GRADE_NAMES, Grade


def describe_update(incident: Incident, text: str) -> Phrase:
    """Describes an update on an incident as it is now, exactly as it is announced."""
    state = STATE_NAMES[incident.state]
    if incident.severity is None:
        return Phrase("incident {number} ({state}): {text}", number=str(incident.number), state=state, text=text)
    severity = GRADE_NAMES[Grade.of(incident.severity)]
    return Phrase(
        "incident {number} ({state}, {severity}): {text}",
        number=str(incident.number),
        state=state,
        severity=severity,
        text=text,
    )


def goes_to_all(incident: Incident, *, requested: bool) -> bool:
    """Returns whether an update is announced: one of a private incident only if that was requested with `--announce`.

    `about` of its timeline entry is 1 then.
    """
    return incident.private is False or requested
