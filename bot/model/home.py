"""Home tab: what one person may see there now, as values."""

from dataclasses import dataclass

from adapters.phrase import Phrase
from bot.model.alert import Alert
from bot.model.change import Change

MAX_ALERTS = 5
"""Maximum number of alerts that a tab shows with buttons. A phone shows one or two at once."""


@dataclass(frozen=True)
class HomeAlert:
    """An alert, and what its reader may do about it."""

    alert: Alert
    may_acknowledge: bool = False
    may_fix: bool = False


@dataclass(frozen=True)
class HomeList:
    """Lines about one kind of thing, the most urgent first; `words` is the command that shows all of it."""

    heading: Phrase
    lines: tuple[Phrase, ...]
    words: str


@dataclass(frozen=True)
class HomeFacts:
    """Facts of one home tab. The most urgent come first in each.

    `waiting` are the changes that the person may decide or review, `unknown` those whose outcome they may report, `running`
    those that run, `ended` recent ones that they may continue. `alerts` are the first that need attention or are
    acknowledged, `alerts_left` counts further ones. `alerts_summary` counts muted ones, too; None without open alerts.
    `fleet` counts the hosts with alerts.
    """

    waiting: tuple[Change, ...] = ()
    unknown: tuple[Change, ...] = ()
    running: tuple[Change, ...] = ()
    ended: tuple[Change, ...] = ()
    alerts: tuple[HomeAlert, ...] = ()
    alerts_left: int = 0
    alerts_summary: Phrase | None = None
    fleet: Phrase | None = None
    incidents: tuple[HomeList, ...] = ()
    lists: tuple[HomeList, ...] = ()


NOTHING_AT_HOME = HomeFacts()
"""Facts of a home tab on which nothing happens."""
