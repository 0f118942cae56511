"""Where a request is asked, as far as that changes what it means: in which time zone, in the channel of an incident or not.

request ─ the incident of its channel ─▶ Scene ─┬─ frame ─▶ what it means there (pure)
                                                └─ note ──▶ what was asked and answered, kept with the incident
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

import structlog

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.handlers.ports import IncidentBook
from bot.incidents.service import Entry, Incident, framed
from bot.model.change import Change
from bot.model.request import Answer, Failure, FailureKind, Request, Surface, operation_id
from bot.reports.listings import STATES
from bot.requests.authorization import Decision
from commands.bot_state.incidents import IncidentList, IncidentShow
from commands.model.operation import Operation
from commands.model.times import placed

_LISTS = (IncidentList, IncidentShow)

_log = structlog.get_logger("bot.requests.incident_context")


@dataclass(frozen=True)
class Scene:
    """One request's place; `incident` is None where it is no incident's."""

    book: IncidentBook
    incident: Incident | None
    now: Callable[[], datetime]
    asked_at: datetime
    zone: tzinfo

    @classmethod
    async def of(cls, request: Request, book: IncidentBook, now: Callable[[], datetime], zone: tzinfo) -> "Scene":
        """Where it is asked. `zone` is that of its times."""
        return cls(book, await _around(request, book), now, request.at, zone)

    def frame(self, operation: Operation) -> Operation:
        """What an operation means here; `BadArgument` for a time that clocks here showed twice, or never."""
        return framed(placed(operation, self.zone, self.asked_at), self.incident, self.now())

    async def note(self, decision: Decision, answer: Answer) -> None:
        """Keep what was asked and answered. A failure to do so takes nobody's answer away; the audit log has it."""
        if self.incident is None or not _belongs(decision, answer):
            return
        entry = Entry(
            incident=self.incident.number,
            operation=answer.operation,
            at=self.now(),
            actor=decision.actor.name,
            words=decision.understood,
            answer=_kept(answer, decision.actor.name),
        )
        try:
            await self.book.note(entry)
        except FlatnetError as error:
            _log.error("what was asked could not be kept with its incident", operation=entry.operation, why=str(error))


async def _around(request: Request, book: IncidentBook) -> Incident | None:
    """That of the channel in which a person asks; a schedule asks what it always asks, whatever happens in its channel.

    Where it cannot be read the look is an ordinary one: for whoever asked, about what they said.
    """
    if request.surface is not Surface.SLACK:
        return None
    try:
        return await book.around(operation_id(request.key), request.channel)
    except FlatnetError as error:
        _log.error("whether a channel has an incident could not be read", why=str(error))
        return None


def _belongs(decision: Decision, answer: Answer) -> bool:
    """Whether it is part of what happened: no slip of the fingers, and no look at the incident itself."""
    slip = isinstance(answer.body, Failure) and answer.body.kind is FailureKind.USAGE
    return isinstance(decision.outcome, Operation) and not slip and not isinstance(decision.outcome, _LISTS)


def _kept(answer: Answer, actor: str) -> Phrase:
    """The answer in a sentence, as far as all there read it; who was told alone what is theirs is no reading for others."""
    match answer.body:
        case Failure(kind=FailureKind.REFUSED | FailureKind.NOTHING):
            return Phrase("refused; why, {who} was told alone", who=actor)
        case Change(dry_run=False, channel=card) if card:
            return _in_short(answer)  # its card is there for all
        case _ if answer.here:
            return _in_short(answer)
    return Phrase("not kept, for it was not asked for all here")


def _in_short(answer: Answer) -> Phrase:
    match answer.body:
        case Failure(phrase=phrase):
            return phrase
        case Change(words=words, state=state):
            return Phrase("{words}: {state}", words=words, state=STATES[state])
        case report:
            return report.summary
