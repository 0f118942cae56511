"""Operations on alerts, as data only. An alert is a problem with a life: it fires, is acknowledged, and is resolved."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated, ClassVar, Literal

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.health.operation import Health
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import Flag, Option, Positional, make_choice_parser, make_number_parser
from commands.values.errors import GrammarError
from commands.values.units import make_duration_parser, render_duration

DEFAULT_LENGTH = timedelta(hours=2)
"""Length of an acknowledgement for which none is given: long enough for a repair, short enough that none is forgotten."""

MAX_LENGTH = timedelta(days=7)

MORNING = time(9)
"""Time of day at which `--until morning` ends, in the requester's zone."""

MIN_REST = timedelta(hours=4)
"""Minimum time until that morning. At 3:00 it is the same day's, at 6:00 the next day's: less would not be a rest."""

AlertEnd = Literal["", "morning", "change"]
"""Named ends of an acknowledgement; "" for none."""

_parse_end = make_choice_parser("morning", "tomorrow", "change")


class AlertList(OwnOperation):
    """List the alerts. An alert says what `health` would say of its host, so both need the same permission."""

    words: ClassVar = ("alert",)
    summary: ClassVar = Phrase("open alerts, worst first, and those that were resolved in the last day")
    example: ClassVar = "alert"
    label: ClassVar = Phrase("show alerts")
    includes: ClassVar = (Health,)

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. Those of the alerts are not known here; `bot.alerts.handlers` checks permission for them."""
        return ()


NumberArgument = Annotated[
    int,
    Positional(
        "number", Phrase("the alert's number"), lambda words: make_number_parser("alert")(words[0]), lambda n: (str(n),)
    ),
]


class AlertShow(OwnOperation):
    """Show one alert."""

    words: ClassVar = ("alert", "show")
    summary: ClassVar = Phrase("one alert: reason, history, cause and what to do")
    example: ClassVar = "alert show 7"
    label: ClassVar = Phrase("show alert {number}", number="…")
    includes: ClassVar = (Health,)

    number: NumberArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. That of the alert is not known here; `bot.alerts.handlers` checks permission for it."""
        return ()


class AlertAcknowledge(OwnOperation):
    """Acknowledge an alert: it is neither repeated nor escalated until then."""

    words: ClassVar = ("alert", "acknowledge")
    aliases: ClassVar = (("alert", "ack"),)
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.SECURITY})
    summary: ClassVar = Phrase("acknowledge an alert for a while (default 2h): no reminders until then")
    example: ClassVar = "alert acknowledge 7 --for 2h"
    label: ClassVar = Phrase("acknowledge alert {number}", number="…")
    includes: ClassVar = (Health,)

    number: NumberArgument
    for_: Annotated[
        timedelta | None,
        Option(
            "duration",
            Phrase("duration: 30m, 2h, at most 7d"),
            make_duration_parser(timedelta(minutes=1), MAX_LENGTH),
            render_duration,
        ),
    ] = None
    until: Annotated[
        AlertEnd,
        Option(
            "end",
            Phrase("morning (the next 9:00 at least 4 hours away), or change (until it gets worse or its cause changes)"),
            lambda word: _parse_named_end(word),
            str,
        ),
    ] = ""
    group: Annotated[bool, Flag(Phrase("also acknowledge the other open alerts in the same message"))] = False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. That of the alert is not known here; `bot.alerts.handlers` checks permission for it."""
        return ()

    @property
    def defaulted(self) -> bool:
        """True if no end is given."""
        return self.for_ is None and not self.until

    def find_end(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Finds the end of the acknowledgement; None if it lasts until the alert changes. Raises `GrammarError`."""
        if self.for_ is not None and self.until:
            raise GrammarError(Phrase("use either {option} or {other}, not both", option="--for", other="--until"))
        if self.until == "change":
            return None
        return find_morning(now, zone) if self.until == "morning" else now + (self.for_ or DEFAULT_LENGTH)


def find_morning(now: datetime, zone: tzinfo) -> datetime:
    """Finds the next morning in a zone that is at least `MIN_REST` away."""
    soonest = (now + MIN_REST).astimezone(zone)
    day = soonest.date() if soonest.time() <= MORNING else soonest.date() + timedelta(days=1)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def _parse_named_end(typed: str) -> AlertEnd:
    return "change" if _parse_end((typed,)) == "change" else "morning"
