"""Requests to open and to act on incidents, and the refusals of what they could mean.

Updates on incidents for those who wait: the line that the channel for announcements gets. Pure.

The same line is the preview of the form. It has the number, the state, the severity and what the person typed: no host, no
link, no cause.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.errors import RequestError
from adapters.phrase import Phrase
from bot.access.rules import is_channel
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.transitions import NotNow
from bot.model.incident import STATE_NAMES, Incident
from commands.model.finding import GRADE_NAMES, Grade, Severity
from commands.values.arguments import ALL_HOSTS, Target


class NoSuchIncident(RequestError):
    """The channel has no incident, or no incident has that number."""

    @classmethod
    def of_place(cls, place: str) -> "NoSuchIncident":
        """Make the error of a place without an open incident."""
        if is_channel(place):
            return cls(
                Phrase("no open incident in this channel. Open one, or specify a number from {words}", words="incident")
            )
        return cls(
            Phrase(
                "no incident is open. Run {words} for the list, and add {option}", words="incident", option="--incident N"
            )
        )


class AlreadyOpen(NotNow):
    """This channel belongs to another open incident."""

    def __init__(self, phrase: Phrase, number: int, what: str = "") -> None:
        """Make the refusal. `what` is the scope of the refused one, which may be added to the other."""
        joining = (f"incident add {what} --incident {number}",) if what else ()
        super().__init__(phrase, *joining, f"incident show {number}")


class SeveralIncidents(NotNow):
    """Several incidents are open that the request could mean; `numbers` are theirs."""

    def __init__(self, phrase: Phrase, numbers: Sequence[int]) -> None:
        super().__init__(phrase, *(f"incident show {number}" for number in numbers))
        self.numbers = tuple(numbers)


def _accept(working: Sequence[Incident]) -> None:
    """Accepts an opening beside any other incidents."""


@dataclass(frozen=True)
class IncidentRequest:
    """A request to open an incident: its operation, the title of the problem, the affected hosts, and the requester.

    `private`: its channel is; None if that is not known. `shared`: everyone in the channel will see the results there.
    `began_at` is when the problem began, as a person said. `judge` is asked under the lock of all openings with the
    incidents in which people work, and may refuse. It is not asked again for what this very request has opened.
    """

    operation: str
    title: str
    target: Target
    by: str
    private: bool | None = None
    shared: bool = True
    severity: Severity | None = None
    began_at: datetime | None = None
    alerts: tuple[int, ...] = ()
    judge: Callable[[Sequence[Incident]], None] = _accept

    @property
    def scope(self) -> str:
        """The number of the alert that it is about, else its hosts; "" for all hosts."""
        if self.alerts:
            return str(self.alerts[0])
        return "" if self.target == ALL_HOSTS else str(self.target)


async def _allow(incident: Incident) -> None:
    """Allows an act without asking anything else."""


@dataclass(frozen=True)
class ActRequest:
    """An act on an incident, by a person or the bot, in one request.

    `judge` makes the incident after the act of the one before and the time (`rules.transitions`). `check` is asked under
    the same lock, with the incident as it is then, and may refuse, too. `data` is that of the event (`DATA_KEYS`).
    """

    act: IncidentAct
    operation: str
    by: str
    judge: Callable[[Incident, datetime], Incident]
    data: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Incident], Awaitable[None]] = _allow


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
