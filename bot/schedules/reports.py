"""Reports on schedules: one with its next run, or a list. Pure.

Channels in reports, by their names. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from adapters.phrase import City, Phrase
from bot.config.schedules import is_stored
from bot.model.schedule import RunOutcome, Schedule, ScheduleRun
from bot.schedules.model import ScheduleListing
from commands.model.finding import relate_moment
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.values import cron
from commands.values.cron import describe_cron


@dataclass(frozen=True)
class ReportPlace:
    """The channel in which a report is read, "" outside of Slack, and the names of channels that are known.

    A name is `#ops`; that of a private channel is "", because not every reader may know it.
    """

    channel: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    def name_channel(self, channel: str) -> Phrase | str:
        """Names a channel for the reader. One that could not be looked up keeps its id."""
        name = self.names.get(channel)
        if name:
            return name
        if channel and channel == self.channel:
            return Phrase("this channel")
        return channel if name is None else Phrase("a private channel")


OUTCOME_PHRASES = {
    RunOutcome.RUNNING: Phrase("running now"),
    RunOutcome.DONE: Phrase("done"),
    RunOutcome.FAILED: Phrase("failed"),
    RunOutcome.REFUSED: Phrase("rejected"),
    RunOutcome.SKIPPED: Phrase("skipped: the previous run had not finished"),
    RunOutcome.MISSED: Phrase("missed: the bot was not running, or its clock changed"),
    RunOutcome.DROPPED: Phrase("skipped: paused or removed in the meantime"),
}

MISSED_PHRASES: Mapping[str, Phrase | str] = {"run": "", "skip": Phrase("skip"), "tell": Phrase("notify only")}
"""Names of the handling of missed times; by default a missed run is made up for."""

_BAD_OUTCOMES = frozenset({RunOutcome.FAILED, RunOutcome.REFUSED, RunOutcome.MISSED})

_COLUMNS = (
    Column(key="name", heading=Phrase("Schedule")),
    Column(key="words", heading=Phrase("Command")),
    Column(key="when", heading=Phrase("Time")),
    Column(key="next", heading=Phrase("Next")),
    Column(key="state", heading=Phrase("State")),
    Column(key="last", heading=Phrase("Last")),
    Column(key="channel", heading=Phrase("Channel")),
    Column(key="owner", heading=Phrase("User")),
    Column(key="missed", heading=Phrase("If missed")),
    Column(key="cron", heading=Phrase("Cron")),
)


def report_schedule(schedule: Schedule, begun: ScheduleRun | None, at: datetime, place: ReportPlace) -> Report:
    """Report on one schedule and its next run."""
    report = list_schedules((ScheduleListing(schedule, begun),), at, place)
    coming = _find_next_time(schedule, at)
    told, words = _predict(schedule, begun, coming, at)
    return report.model_copy(update={"summary": told, "next": words})


def _predict(
    schedule: Schedule, begun: ScheduleRun | None, coming: datetime | None, at: datetime
) -> tuple[Phrase, tuple[str, ...]]:
    """Sentence about the next run, and commands that change it."""
    name = schedule.name
    if schedule.paused:
        return Phrase("{name} is paused", name=name), (f"schedule resume {name}",)
    if begun is not None:
        return Phrase("{name} started. The result will be posted in its channel", name=name), ()
    if coming is None:
        return Phrase("{name} has no upcoming run", name=name), (f"schedule remove {name}",)
    told = Phrase("{name} runs next at {at}: {words}", name=name, at=relate_moment(coming, at), words=schedule.words)
    return told, (f"schedule run {name}", f"schedule pause {name}")


def list_schedules(found: Sequence[ScheduleListing], at: datetime, place: ReportPlace) -> Report:
    """Report that lists schedules, with the next run in its summary."""
    paused = [each.schedule for each in found if each.schedule.paused]
    coming = [(when, each.schedule) for each in found if (when := _find_next_time(each.schedule, at)) is not None]
    first = min(coming, key=lambda pair: pair[0], default=None)
    parts = [Phrase("{n} schedule", plural="{n} schedules", n=len(found))] if found else [Phrase("no schedules")]
    if paused:
        parts.append(Phrase("{n} is paused", plural="{n} are paused", n=len(paused)))
    if first is not None:
        parts.append(Phrase("next: {name} at {at}", name=first[1].name, at=relate_moment(first[0], at)))
    return Report(
        title=Phrase("Schedules"),
        summary=_join(parts),
        columns=_COLUMNS,
        rows=tuple(_build_row(each, at, place) for each in found),
        taken_at=at,
    )


def _join(parts: Sequence[Phrase]) -> Phrase:
    whole = parts[0]
    for part in parts[1:]:
        whole = Phrase("{before}, {after}", before=whole, after=part)
    return whole


def _find_next_time(schedule: Schedule, at: datetime) -> datetime | None:
    """Time of the next run; None while it is paused or its times could not be read."""
    if schedule.paused or not cron.is_valid(schedule.cron, schedule.zone):
        return None
    return cron.find_next_due(schedule.cron, ZoneInfo(schedule.zone), at)


def _build_row(each: ScheduleListing, at: datetime, place: ReportPlace) -> Row:
    schedule = each.schedule
    coming = _find_next_time(schedule, at)
    return Row(
        cells=(
            Cell.of(schedule.name),
            Cell.of(schedule.words),
            Cell(text=_describe_times(schedule), value=f"{schedule.cron} {schedule.zone}"),
            Cell(text="") if coming is None else Cell.of_moment(coming, at),
            _build_state_cell(schedule),
            _build_last_cell(each.latest, at),
            _build_channel_cell(schedule, place),
            Cell.of(schedule.owner),
            Cell(text=MISSED_PHRASES.get(schedule.missed, schedule.missed), value=schedule.missed),
            Cell.of(schedule.cron),
        )
    )


def _describe_times(schedule: Schedule) -> Phrase:
    """Describes the due times in words; a line that has none by itself."""
    described = describe_cron(schedule.cron, schedule.zone)
    return described or Phrase("{words} ({zone})", words=schedule.cron, zone=City(schedule.zone))


def _build_channel_cell(schedule: Schedule, place: ReportPlace) -> Cell:
    """Channel of its answers. Some are only stored."""
    if is_stored(schedule):
        return Cell(text="")
    if not schedule.channel:
        return Cell(text=Phrase("the administrators"), value="")
    return Cell(text=place.name_channel(schedule.channel), value=schedule.channel)


def _build_state_cell(schedule: Schedule) -> Cell:
    """State in words, empty while it is active. Times from another version or in an unknown zone may be unreadable."""
    if not schedule.paused and not cron.is_valid(schedule.cron, schedule.zone):
        return Cell(text=Phrase("not running: invalid times"), value="unreadable", mark=Mark.BAD)
    if not schedule.paused:
        return Cell(text="", value="active")
    if schedule.why is None:
        return Cell(text=Phrase("paused by {person}", person=schedule.paused_by), value="paused", mark=Mark.BAD)
    why = Phrase("paused by {person}: {why}", person=schedule.paused_by, why=schedule.why)
    return Cell(text=why, value="paused", mark=Mark.BAD)


def _build_last_cell(run: ScheduleRun | None, at: datetime) -> Cell:
    if run is None:
        return Cell(text=Phrase("never"), value="")
    text = Phrase("{at}: {outcome}", at=relate_moment(run.due, at), outcome=OUTCOME_PHRASES[run.outcome])
    return Cell(text=text, value=run.outcome.value, mark=Mark.BAD if run.outcome in _BAD_OUTCOMES else Mark.PLAIN)
