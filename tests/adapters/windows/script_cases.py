"""Cases of the contract of a Windows script: a host, arguments, and what the script must answer there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.windows.action import WindowsAction
from tests.lab.windows.state import WindowsState

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass(frozen=True)
class Script:
    """A script by the action that uses it, and what it answers on a healthy host."""

    action: WindowsAction[Any]
    well: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.action.script


@dataclass(frozen=True)
class Failed:
    """A script's error as the bot takes it: the id up to the first comma, and its words."""

    code: str
    message: str


@dataclass(frozen=True)
class Case:
    """A healthy host, `change`d; the action's arguments, with `given` instead and some `left_out`.

    The answer is that of a healthy host except for `differs`, or the failure `fails`.
    """

    story: str
    script: Script
    change: Callable[[WindowsState], None] = lambda state: None
    given: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    differs: Mapping[str, Any] = field(default_factory=dict)
    fails: Failed | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the script gets."""
        given = self.script.action.build_arguments() | dict(self.given)
        return {name: value for name, value in given.items() if name not in self.left_out}

    @property
    def expected(self) -> Any:
        """What the script answers, or how it fails."""
        return self.fails or {**self.script.well, **self.differs}

    def state(self) -> WindowsState:
        """The host of this case."""
        state = WindowsState.healthy(1, "host-a")
        self.change(state)
        return state


def missing(name: str) -> Failed:
    """How every script fails that lacks an argument."""
    message = f"The property '{name}' cannot be found on this object. Verify that the property exists."
    return Failed("PropertyNotFoundStrict", message)
