"""Viewers of home tabs: those who opened theirs lately, and when it was published.

opened ─▶ viewer ─ something changed ─▶ stale ─ the pause since its publication is over ─▶ due ─ published ─▶ viewer
             └─ a day after it was opened last ─▶ forgotten

Slack does not report that a tab is closed, and reports each time that one is opened, which publishes it anew. So viewers are
only remembered while the bot runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.runtime.periodic import DAY

MEMORY = DAY
"""Seconds for which a viewer is remembered after their tab was opened."""

MAX_VIEWERS = 1_000
"""Maximum number of viewers; those who opened their tabs first are forgotten first."""

PUBLISH_PAUSE = 10.0
"""Minimum seconds between two publications of a tab because something changed. What the person does is shown at once."""

FAILURE_PAUSE = 60.0
"""Seconds after a publication that failed."""


@dataclass
class _Viewer:
    team: str
    opened_at: float
    due_at: float
    stale: bool = False


class HomeViewers:
    """Viewers by Slack id. `monotonic` counts seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._viewers: dict[str, _Viewer] = {}

    def record_opening(self, team: str, user: str) -> None:
        """Record that a person opened their tab."""
        now = self._monotonic()
        before = self._viewers.pop(user, None)
        self._viewers[user] = _Viewer(team, now, now if before is None else before.due_at)
        if len(self._viewers) > MAX_VIEWERS:
            del self._viewers[next(iter(self._viewers))]

    def record_publication(self, user: str) -> None:
        """Record that a tab is published with the state of now. Later changes make it stale."""
        if viewer := self._viewers.get(user):
            viewer.stale, viewer.due_at = False, self._monotonic() + PUBLISH_PAUSE

    def record_failure(self, user: str) -> None:
        """Record that a tab could not be published."""
        if viewer := self._viewers.get(user):
            viewer.stale, viewer.due_at = True, self._monotonic() + FAILURE_PAUSE

    def record_change(self) -> None:
        """Record that something changed which tabs show."""
        for viewer in self._viewers.values():
            viewer.stale = True

    def forget_former(self) -> bool:
        """Forget those who opened their tab too long ago. Return whether any viewer is left."""
        oldest = self._monotonic() - MEMORY
        self._viewers = {user: viewer for user, viewer in self._viewers.items() if viewer.opened_at > oldest}
        return bool(self._viewers)

    def list_due(self) -> tuple[tuple[str, str], ...]:
        """List the teams and users whose tabs are to be published now."""
        now = self._monotonic()
        return tuple((each.team, user) for user, each in self._viewers.items() if each.stale and each.due_at <= now)
