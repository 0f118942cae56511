"""Who answers the operations on schedules, and how they are listed.

Whoever resumes a schedule or runs it now must be allowed to ask for its words: nobody borrows the owner's rights.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapters.phrase import Moment, Phrase
from bot.access.rules import is_channel
from bot.changes.approval import NotAllowed
from bot.model.request import Failure
from bot.schedules.builtin import OBSERVE
from bot.schedules.service import Listed, unattended
from bot.store.records import identity_text
from bot.store.schedules import Origin, Outcome, Run, Schedule
from commands.bot_state.schedules import ScheduleAdd, SchedulePause, ScheduleRemove, ScheduleResume, ScheduleRun, Schedules
from commands.language.grammar import canonical
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.values import cron
from commands.values.arguments import BadArgument

if TYPE_CHECKING:
    from bot.handlers.context import Asked

OUTCOMES = {
    Outcome.RUNNING: Phrase("running now"),
    Outcome.DONE: Phrase("done"),
    Outcome.FAILED: Phrase("failed"),
    Outcome.REFUSED: Phrase("refused"),
    Outcome.SKIPPED: Phrase("left out, for the run before had not ended"),
    Outcome.MISSED: Phrase("missed: the bot was not running, or its clock was set anew"),
    Outcome.DROPPED: Phrase("not run, for it was paused or removed meanwhile"),
}

MISSED: Mapping[str, Phrase | str] = {"run": "", "skip": Phrase("left out"), "tell": Phrase("only told")}
"""What becomes of a missed time; usually it is made up for."""

_BAD = frozenset({Outcome.FAILED, Outcome.REFUSED, Outcome.MISSED})

_COLUMNS = (
    Column(key="name", heading=Phrase("Schedule")),
    Column(key="state", heading=Phrase("State")),
    Column(key="words", heading=Phrase("Request")),
    Column(key="when", heading=Phrase("When")),
    Column(key="next", heading=Phrase("Next")),
    Column(key="last", heading=Phrase("Last")),
    Column(key="channel", heading=Phrase("Channel")),
    Column(key="owner", heading=Phrase("Who")),
    Column(key="missed", heading=Phrase("If missed")),
)


async def listed(operation: Schedules, asked: "Asked") -> Report:
    """All of them."""
    return _listing(await asked.schedules.all(), asked.now())


async def add(operation: ScheduleAdd, asked: "Asked") -> Report:
    """A new one, of words that its owner may ask for there and that may run unattended."""
    zone, usual_channel = asked.usual
    here = asked.by.channel if is_channel(asked.by.channel) else usual_channel
    channel = operation.channel or here
    if not channel:
        raise BadArgument(Phrase("say where the answers go: {option}", option="--channel #ops"), part=operation.asks)
    schedule = Schedule(
        name=operation.name,
        origin=Origin.ADDED,
        cron=operation.cron,
        zone=operation.zone or zone,
        words=_allowed(operation.asks, channel, asked),
        channel=channel,
        missed=operation.missed,
        owner=asked.by.actor.name,
        identity=identity_text(asked.by.identity),
        since=asked.now(),
        operation=asked.operation,
    )
    return _one(await asked.schedules.add(schedule), None, asked.now())


async def pause(operation: SchedulePause, asked: "Asked") -> Report:
    """No time counts."""
    return _one(await asked.schedules.pause(operation.name, asked.by.actor.name, asked.operation), None, asked.now())


async def resume(operation: ScheduleResume, asked: "Asked") -> Report:
    """Times count again."""
    await _may_ask(operation.name, asked)
    return _one(await asked.schedules.resume(operation.name, asked.by.actor.name, asked.operation), None, asked.now())


async def remove(operation: ScheduleRemove, asked: "Asked") -> Report:
    """It is gone; the others are listed."""
    await asked.schedules.remove(operation.name, asked.by.actor.name, asked.operation)
    return _listing(await asked.schedules.all(), asked.now())


async def run(operation: ScheduleRun, asked: "Asked") -> Report:
    """It runs at the next turn of the clock."""
    await _may_ask(operation.name, asked)
    begun = await asked.schedules.run(operation.name, asked.by.actor.name, asked.operation)
    return _one(await asked.schedules.find(operation.name), begun, asked.now())


async def _may_ask(name: str, asked: "Asked") -> None:
    """`NotAllowed` where this person may not ask for the words themself; built-in ones only look, and everybody may."""
    schedule = await asked.schedules.find(name)
    if schedule.origin is not Origin.BUILT_IN and schedule.owner != asked.by.actor.name:
        _allowed(schedule.words, schedule.channel, asked)


def _allowed(words: str, channel: str, asked: "Asked") -> str:
    """The words as they are understood, of an operation that this person may ask for there and that needs nobody."""
    would = asked.would(words, channel)
    if isinstance(would, Failure):
        raise NotAllowed(Phrase("that cannot run by the clock: {why}", why=would.phrase))
    unattended(would)
    return canonical(would)


def _one(schedule: Schedule, begun: Run | None, at: datetime) -> Report:
    """One schedule, and what happens next with it."""
    report = _listing((Listed(schedule, begun),), at)
    coming = _coming(schedule, at)
    told, words = _next(schedule, begun, coming)
    return report.model_copy(update={"summary": told, "next": words})


def _next(schedule: Schedule, begun: Run | None, coming: datetime | None) -> tuple[Phrase, tuple[str, ...]]:
    """What happens next with one, and words that change that."""
    name = schedule.name
    if schedule.paused:
        return Phrase("{name} is paused", name=name), (f"schedule resume {name}",)
    if begun is not None:
        return Phrase("{name} runs now; the answer comes in its channel", name=name), ()
    if coming is None:
        return Phrase("{name} has no time to come", name=name), (f"schedule remove {name}",)
    told = Phrase("{name} runs next at {at}: {words}", name=name, at=Moment(coming), words=schedule.words)
    return told, (f"schedule run {name}", f"schedule pause {name}")


def _listing(found: Sequence[Listed], at: datetime) -> Report:
    paused = [each.schedule for each in found if each.schedule.paused]
    coming = [(when, each.schedule) for each in found if (when := _coming(each.schedule, at)) is not None]
    first = min(coming, key=lambda pair: pair[0], default=None)
    parts = (
        [Phrase("{n} schedule", plural="{n} schedules", n=len(found))] if found else [Phrase("nothing runs by the clock")]
    )
    if paused:
        parts.append(Phrase("{n} is paused", plural="{n} are paused", n=len(paused)))
    if first is not None:
        parts.append(Phrase("next {name} at {at}", name=first[1].name, at=Moment(first[0])))
    return Report(
        title=Phrase("Schedules"),
        summary=_joined(parts),
        columns=_COLUMNS,
        rows=tuple(_row(each, at) for each in found),
        taken_at=at,
    )


def _joined(parts: Sequence[Phrase]) -> Phrase:
    whole = parts[0]
    for part in parts[1:]:
        whole = Phrase("{before}; {after}", before=whole, after=part)
    return whole


def _coming(schedule: Schedule, at: datetime) -> datetime | None:
    """The next time of it; None while it is paused, or cannot be read."""
    if schedule.paused or not cron.readable(schedule.cron, schedule.zone):
        return None
    return cron.following(schedule.cron, ZoneInfo(schedule.zone), at)


def _row(each: Listed, at: datetime) -> Row:
    schedule = each.schedule
    coming = _coming(schedule, at)
    return Row(
        cells=(
            Cell.of(schedule.name),
            _state(schedule),
            Cell.of(schedule.words),
            Cell(text=f"{schedule.cron} {schedule.zone}", value=f"{schedule.cron} {schedule.zone}"),
            Cell(text="") if coming is None else Cell.moment(coming),
            _last(each.latest),
            _channel(schedule),
            Cell.of(schedule.owner),
            Cell(text=MISSED.get(schedule.missed, schedule.missed), value=schedule.missed),
        )
    )


def _channel(schedule: Schedule) -> Cell:
    """Where its answers go; what is observed goes nowhere."""
    if schedule.origin is Origin.BUILT_IN and schedule.name == OBSERVE:
        return Cell(text="")
    return Cell(text=schedule.channel or Phrase("the administrators"), value=schedule.channel)


def _state(schedule: Schedule) -> Cell:
    """What is as it should be needs no words. What cannot be read is of another version, or in a zone of another machine."""
    if not schedule.paused and not cron.readable(schedule.cron, schedule.zone):
        return Cell(text=Phrase("does not run: its times cannot be read"), value="unreadable", mark=Mark.BAD)
    if not schedule.paused:
        return Cell(text="", value="active")
    if schedule.why is None:
        return Cell(text=Phrase("paused by {person}", person=schedule.paused_by), value="paused")
    why = Phrase("paused by {person}: {why}", person=schedule.paused_by, why=schedule.why)
    return Cell(text=why, value="paused", mark=Mark.BAD)


def _last(run: Run | None) -> Cell:
    if run is None:
        return Cell(text=Phrase("not yet"), value="")
    text = Phrase("{at}: {outcome}", at=Moment(run.due), outcome=OUTCOMES[run.outcome])
    return Cell(text=text, value=run.outcome.value, mark=Mark.BAD if run.outcome in _BAD else Mark.PLAIN)
