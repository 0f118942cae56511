"""Signals on the change of the CA that is under way: late, at a standstill, or unreadable. Pure.

| observed | then |
| --- | --- |
| the old CA ends within 30 days, and hosts may still depend on it | late; each limit that it crosses is a step |
| nothing has moved for 7 days, or for 1 where the old CA is lost | at a standstill; each further week is a step |
| the audit log does not have its state | unreadable: no change can be planned |

The end of the CA that is being replaced is no alert of its own meanwhile (`bot.alerts.certificates`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.phrase import Moment, Phrase
from bot.alerts.certificates import count_steps
from commands.alerts.conditions import Condition, Signal
from commands.certificates.assessment import CA_EXPIRY_LIMITS, judge_time_left
from commands.certificates.rotation.next import tally_members
from commands.model.finding import Severity
from commands.model.rotation import Rotation, RotationStage
from commands.values.arguments import shorten_argument

MARGIN = timedelta(days=30)
"""Time before the end of the old CA from which a rotation is late."""

LATE_TIMES = tuple(timedelta(days=days) for days in (1, 3, 7, 14, 30))

STANDSTILL, LOST_STANDSTILL = timedelta(days=7), timedelta(days=1)
"""Time without a move after which a rotation is at a standstill; shorter where hosts are cut off meanwhile."""

_DEPENDS = (RotationStage.MADE, RotationStage.TRUSTING, RotationStage.SIGNING)
"""Stages in which hosts may have nothing but a certificate of the old CA."""


@dataclass(frozen=True)
class RotationSight:
    """The rotation that is under way: when it last moved, and the names of the hosts that take part."""

    rotation: Rotation
    moved_at: datetime
    hosts: tuple[str, ...]


def make_rotation_signals(sight: RotationSight, now: datetime) -> Iterator[Signal]:
    """Makes the signal on a rotation; none while it goes its way."""
    rotation = sight.rotation
    left = rotation.old.ends_at - now
    if left <= MARGIN and rotation.stage in _DEPENDS and not rotation.lost:
        yield _make_late_signal(sight, left, now)
    elif now - sight.moved_at >= (LOST_STANDSTILL if rotation.lost else STANDSTILL):
        yield _make_standstill_signal(sight, now)


def make_unreadable_signal(why: Phrase) -> Signal:
    """Makes the signal on a rotation whose state is not known."""
    return Signal(
        host="",
        subject="rotation/unreadable",
        condition=Condition.ROTATION,
        severity=Severity.HIGH,
        short=Phrase("state of the CA rotation unknown"),
        why=why,
        next="audit verify",
    )


def _make_late_signal(sight: RotationSight, left: timedelta, now: datetime) -> Signal:
    old = sight.rotation.old
    name = shorten_argument(old.name)
    if left <= timedelta(0):
        short = Phrase("CA rotation late: {ca} has expired", ca=name)
    else:
        short = Phrase(
            "CA rotation late: {ca} expires in {n} day",
            plural="CA rotation late: {ca} expires in {n} days",
            ca=name,
            n=left.days,
        )
    why = Phrase(
        "{tally}. Hosts without a certificate of the new CA lose their tunnels at {at}. Continue with the next round",
        tally=tally_members(sight.rotation, sight.hosts).phrase,
        at=Moment(old.ends_at),
    )
    return Signal(
        host="",
        subject="rotation/late",
        condition=Condition.ROTATION,
        severity=judge_time_left(left, CA_EXPIRY_LIMITS) or Severity.HIGH,
        step=count_steps(old.ends_at, LATE_TIMES, now),
        short=short,
        why=why,
        next="ca rotation",
    )


def _make_standstill_signal(sight: RotationSight, now: datetime) -> Signal:
    rotation, waited = sight.rotation, now - sight.moved_at
    tally = tally_members(rotation, sight.hosts).phrase
    if rotation.lost:
        why = Phrase("{tally}. The others have no tunnels. Continue with the next round", tally=tally)
    else:
        why = Phrase("{tally}. Until it is completed, hosts trust two CAs. Continue with the next round", tally=tally)
    return Signal(
        host="",
        subject="rotation/standstill",
        condition=Condition.ROTATION,
        severity=Severity.HIGH if rotation.lost else Severity.MEDIUM,
        step=waited // STANDSTILL,
        short=Phrase("CA rotation unchanged for {n} day", plural="CA rotation unchanged for {n} days", n=waited.days),
        why=why,
        next="ca rotation",
    )
