"""Obstacles to resolving an incident: what still fires, is unknown, runs or is owed on its hosts. Pure.

alerts, checks, changes, owed changes ─ list_obstacles, by the rights of the reader ─▶ Obstacles ─ refuse ─▶ `StillOpen`
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from adapters.phrase import Moment, Phrase
from bot.incidents.rules.transitions import NotNow
from bot.model.alert import Alert
from bot.model.alert_notice import describe_alert
from bot.model.change import Change, ChangeState
from bot.model.owed import OwedChange
from commands.alerts.conditions import Condition
from commands.model.check import StoredCheck
from commands.model.finding import list_some

MAX_NAMED = 5
"""Maximum obstacles that a refusal names. More are counted."""


@dataclass(frozen=True)
class Concerns:
    """State of the hosts of an incident. `alerts` are the open ones, `checks` the newest of `health`, `changes` those that
    run or whose outcome is unknown, `owed` the open ones.
    """

    alerts: Sequence[Alert] = ()
    checks: Sequence[StoredCheck] = ()
    changes: Sequence[Change] = ()
    owed: Sequence[OwedChange] = ()


@dataclass(frozen=True)
class Obstacle:
    """One obstacle. `key` is its identity. `hosts` are those on which its reader needs the right to see it."""

    key: str
    line: Phrase
    hosts: tuple[str, ...]


class StillOpen(NotNow):
    """The incident is not resolved, because something is still open and no reason is given."""


def list_obstacles(concerns: Concerns) -> Iterator[Obstacle]:
    """Lists the obstacles: alerts, the worst first, then hosts, changes and owed changes."""
    silent = {alert.host for alert in concerns.alerts if alert.condition is Condition.SILENT}
    for alert in concerns.alerts:
        number, name = str(alert.number), describe_alert(alert)
        line = (
            Phrase("unknown: #{number} {alert}", number=number, alert=name)
            if alert.condition is Condition.SILENT
            else Phrase("firing: #{number} {alert}", number=number, alert=name)
        )
        yield Obstacle(f"alert:{alert.number}", line, (alert.host,) if alert.host else ())
    for check in concerns.checks:
        if not check.complete and check.host not in silent:
            line = Phrase("unknown: {host} could not be read at {at}", host=check.host, at=Moment(check.at))
            yield Obstacle(f"check:{check.host}", line, (check.host,))
    for change in concerns.changes:
        yield Obstacle(f"change:{change.operation}", _describe_change(change), tuple(change.plan.concerned_hosts))
    for owed in concerns.owed:
        line = Phrase("owed to {host}: {words}", host=owed.host, words=owed.words)
        yield Obstacle(f"owed:{owed.number}", line, (owed.host,))


def _describe_change(change: Change) -> Phrase:
    named = {"words": change.words, "operation": change.operation}
    if change.state is ChangeState.UNKNOWN:
        return Phrase("unknown: the outcome of {words} ({operation})", **named)
    return Phrase("running: {words} ({operation})", **named)


def describe_obstacles(obstacles: Sequence[Obstacle], may_see: Callable[[Obstacle], bool]) -> tuple[Phrase, ...]:
    """Describes the obstacles that a reader may see, and counts the others."""
    lines = [each.line for each in obstacles if may_see(each)]
    hidden = len(obstacles) - len(lines)
    counted = Phrase("{n} thing that you may not see", plural="{n} things that you may not see", n=hidden)
    return (*lines, counted) if hidden else tuple(lines)


def make_refusal(number: int, lines: Sequence[Phrase], words: str) -> StillOpen:
    """Makes the refusal of a resolution without a reason. `words` are the command: its form asks for the reason."""
    phrase = Phrase(
        "incident {number} is not resolved yet ({open}). Fix it first, or give a reason with {option}",
        number=str(number),
        open=list_some(lines, MAX_NAMED),
        option='--although "…"',
    )
    return StillOpen(phrase, words, f"incident show {number}")


def find_new(obstacles: Sequence[Obstacle], known: Collection[str]) -> tuple[Obstacle, ...]:
    """Finds the obstacles that came after those with these keys."""
    return tuple(each for each in obstacles if each.key not in known)
