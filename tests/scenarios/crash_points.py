"""Moments at which a bot is killed, derived from a plan: every request that it makes, before its effect and after it.

calls        a step's own request, then its verification; step after step
taken_back   from the newest step: its undo, then what proves that
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.action import BOT_NAME
from adapters.action_registry import find_action_class
from adapters.gateway.action import GatewayAction
from adapters.windows.action import WindowsAction
from adapters.wsl.action import WslAction
from commands.model.plan import Plan, PlannedAction, Step
from tests.lab.holds import When
from tests.lab.wsl.programs_helper import find_verb

Role = Literal["deed", "verify", "undo", "undone"]

REPLANNED = "read-certificates"
"""What planning asks every host for."""


@dataclass(frozen=True)
class Call:
    """One request to a host: for which step, in which role, and by which name the lab can hold it."""

    step: str
    role: Role
    host: str
    held_by: str
    changes: bool = False


@dataclass(frozen=True)
class Point:
    """Where the bot is killed: at the last call of `path`, once it is held there; without a path as soon as it may run.

    `late`: the host puts an unconfirmed change back before the bot is there again. `stopped`: the call at which somebody
    asks to stop the operation, so that all of it is taken back.
    """

    path: tuple[Call, ...] = ()
    when: When = "before"
    late: bool = False
    stopped: Call | None = None

    def __str__(self) -> str:
        if not self.path:
            return "approved"
        at = self.path[-1]
        return " ".join([self.when, at.step, at.role, at.held_by, *(["and too late"] if self.late else [])])

    @property
    def done(self) -> bool:
        """Whether the operation succeeds all the same; else everything is as it was before."""
        return not self.late and self.stopped is None


def points(plan: Plan) -> tuple[Point, ...]:
    """Where a bot is killed that carries out a plan for one host, each once."""
    return (*_decided(plan), *_under_way(plan), *_taken_back(plan))


def calls(plan: Plan) -> Iterator[Call]:
    """All requests of a plan that goes well, in order: none of steps on the bot itself, and the first of a transfer."""
    for step in plan.steps:
        if step.host == BOT_NAME:
            continue
        yield _call(step, "deed", step.host, step.deed)
        if step.verify is not None:
            yield _call(step, "verify", step.verify.host, step.verify.deed)


def requests(plan: Plan) -> Iterator[Call]:
    """All that a plan may ask of its hosts, whether it goes well or is taken back."""
    yield from calls(plan)
    for step in plan.steps:
        if step.undo is not None and step.host != BOT_NAME:
            yield from _back(step)


def _decided(plan: Plan) -> Iterator[Point]:
    """Approved, and not begun yet: before it is handed on, and while the hosts are looked at again."""
    yield Point()
    yield Point((Call("", "deed", plan.parts[0].host, REPLANNED),))


def _under_way(plan: Plan) -> Iterator[Point]:
    """Each call of the plan. While a change waits for its confirmation the bot comes back in time, and too late."""
    path: tuple[Call, ...] = ()
    unconfirmed = False
    for call in calls(plan):
        path = (*path, call)
        for when in _moments(call):
            yield Point(path, when)
            unconfirmed = (unconfirmed or _begins(call, when)) and not _confirms(call, when)
            if unconfirmed:
                yield Point(path, when, late=True)


def _taken_back(plan: Plan) -> Iterator[Point]:
    """Each call that takes back what was done until the first proof."""
    path: tuple[Call, ...] = ()
    for call in calls(plan):
        path = (*path, call)
        if not call.changes and call.role == "deed" and any(_begins(other, "after") for other in path):
            break
    stopped, begun = path[-1], {call.step for call in path}
    for step in reversed(plan.steps):
        if step.key in begun and step.undo is not None and step.host != BOT_NAME:
            for call in _back(step):
                path = (*path, call)
                for when in _moments(call):
                    yield Point(path, when, stopped=stopped)


def _back(step: Step) -> Iterator[Call]:
    assert step.undo is not None
    yield _call(step, "undo", step.host, step.undo)
    for check in step.undone:
        yield _call(step, "undone", check.host, check.deed)


def _moments(call: Call) -> tuple[When, ...]:
    """A look changes nothing: there is no after."""
    return ("before", "after") if call.changes else ("before",)


def _begins(call: Call, when: When) -> bool:
    return call.held_by == "begin-change" and when == "after"


def _confirms(call: Call, when: When) -> bool:
    return call.held_by == "confirm-change" and when == "after"


def _call(step: Step, role: Role, host: str, deed: PlannedAction) -> Call:
    return Call(step.key, role, host, _held_by(deed), deed.is_change)


def _held_by(deed: PlannedAction) -> str:
    """A script; a verb of the helper, or the line of another program; or the first of the gateway's pages."""
    kind = find_action_class(deed.kind)
    if issubclass(kind, WindowsAction):
        return kind.script
    action = deed.build_action({})
    if isinstance(action, WslAction):
        first = list(action.build_commands()[0])
        return find_verb(first) or " ".join(first)
    assert isinstance(action, GatewayAction)
    return action.build_requests()[0].path
