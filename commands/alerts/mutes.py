"""Operations on silences and maintenance, as data only. Both hide alerts for a while; a maintenance also hides digest lines.

Everything (`all`) can be silenced by those who may silence every host. A right of its own would protect nothing, because
they can name each host. What is never hidden is a rule of the condition (`commands.alerts.conditions`).
"""

from datetime import timedelta
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.alerts.silence_scope import SilenceScope
from commands.model.operation import OwnOperation, Risk, Role
from commands.values.arguments import OneWordTarget, Positional, make_number_parser, make_text_argument
from commands.values.units import make_duration_parser, render_duration

MUTE_ROLES = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.SECURITY})
"""Roles that may hide alerts of the hosts that their grants cover."""

MAX_MUTE_DURATION = timedelta(days=7)
"""Longest silence or maintenance. What is hidden for longer is forgotten; it can be added again while it is needed."""

_parse_duration = make_duration_parser(timedelta(minutes=1), MAX_MUTE_DURATION)

DurationArgument = Annotated[
    timedelta,
    Positional(
        "duration",
        Phrase("duration, up to 7 days: 30m, 2h, 7d"),
        lambda words: _parse_duration(words[0]),
        lambda lasts: (render_duration(lasts),),
    ),
]

ReasonArgument = Annotated[str, make_text_argument("reason", Phrase("reason, shown wherever alerts are muted"))]


def _make_number_argument(words: str, meaning: Phrase) -> Positional:
    parse = make_number_parser(words)
    return Positional("number", meaning, lambda typed: parse(typed[0]), lambda number: (str(number),))


class SilenceList(OwnOperation):
    """List the silences."""

    words: ClassVar = ("silence",)
    summary: ClassVar = Phrase("active silences: what they mute now, owner, end time and reason")
    example: ClassVar = "silence"
    label: ClassVar = Phrase("show silences")


class SilenceAdd(OwnOperation):
    """Hide alerts for a while."""

    words: ClassVar = ("silence", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = MUTE_ROLES
    summary: ClassVar = Phrase("mute alerts for a while, at most 7 days")
    example: ClassVar = 'silence add host-a/nebula 2h "cable swap"'
    label: ClassVar = Phrase("silence {what}", what="…")

    what: Annotated[
        SilenceScope,
        Positional(
            "what",
            Phrase("alerts to mute, separated by commas: host-a, host-a/nebula, label:tokyo, disk, all"),
            SilenceScope.parse,
            lambda scope: (str(scope),),
        ),
    ]
    lasts: DurationArgument
    why: ReasonArgument

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns the hosts whose alerts it may hide."""
        return self.what.resolve(inventory)


class SilenceRemove(OwnOperation):
    """Show hidden alerts again."""

    words: ClassVar = ("silence", "remove")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = MUTE_ROLES
    summary: ClassVar = Phrase("end a silence (silence lists the numbers)")
    example: ClassVar = "silence remove 3"
    label: ClassVar = Phrase("end silence {number}", number="…")

    number: Annotated[int, _make_number_argument("silence", Phrase("the silence's number"))]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. Those of the silence are not known here; `bot.alerts.handlers` checks permission for them."""
        return ()


class MaintenanceList(OwnOperation):
    """List the hosts in maintenance."""

    words: ClassVar = ("maintenance",)
    summary: ClassVar = Phrase("hosts in maintenance: what is muted now, owner, end time and reason")
    example: ClassVar = "maintenance"
    label: ClassVar = Phrase("show maintenance")


class MaintenanceAdd(OwnOperation):
    """Hide alerts and digest lines of hosts for a while."""

    words: ClassVar = ("maintenance", "add")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = MUTE_ROLES
    summary: ClassVar = Phrase("mute alerts and digest lines of hosts for a while, at most 7 days")
    example: ClassVar = 'maintenance add host-a 2h "disk swap"'
    label: ClassVar = Phrase("begin maintenance of {target}", target="…")

    target: OneWordTarget
    lasts: DurationArgument
    why: ReasonArgument


class MaintenanceRemove(OwnOperation):
    """Show alerts and digest lines of hosts again."""

    words: ClassVar = ("maintenance", "remove")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = MUTE_ROLES
    summary: ClassVar = Phrase("end a maintenance (maintenance lists the numbers)")
    example: ClassVar = "maintenance remove 3"
    label: ClassVar = Phrase("end maintenance {number}", number="…")

    number: Annotated[int, _make_number_argument("maintenance", Phrase("the maintenance's number"))]

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns no hosts. Those of the maintenance are unknown here; `bot.alerts.handlers` checks permission for them."""
        return ()
