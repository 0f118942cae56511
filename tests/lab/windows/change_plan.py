"""What `begin-change.ps1` makes of the moves of a change: the steps of the guard, and those that take them back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.lab.windows.guard import Nginx, Step, Swap

Verb = Literal["start", "stop", "restart", "reload"]


@dataclass(frozen=True)
class Move:
    """A service and what is done with it; `nginx` is None where there is such a service, `reloads` is the one to reload."""

    service: str
    verb: Verb
    was_running: bool = True
    nginx: Nginx | None = None
    reloads: Nginx | None = None

    def step(self, verb: Literal["start", "stop", "test", "reload"], patience: int = 0, of: int = 0) -> Step:
        """A step of it."""
        nginx = self.reloads if verb in ("test", "reload") else self.nginx
        return Step(verb, patience, of, service=self.service, nginx=nginx)


def plan_steps(swaps: Sequence[Swap], moves: Sequence[Move], patience: int) -> tuple[list[Step], list[Step]]:
    """The steps of a change, and those that take them back."""
    plan = _Plan(swaps, patience)
    first = next((number for number, move in enumerate(moves) if move.verb != "stop"), len(moves))
    for move in moves[:first]:
        plan.add_move(move)
    plan.add_swaps()
    for move in moves[first:]:
        plan.add_move(move)
    return plan.steps, plan.undo


class _Plan:
    def __init__(self, swaps: Sequence[Swap], patience: int) -> None:
        self.steps: list[Step] = []
        self._swaps = swaps
        self._patience, self._soon = patience, min(10, patience)
        self._down: list[Step] = []
        self._up: list[Step] = []
        self._last: list[Step] = []

    @property
    def undo(self) -> list[Step]:
        fallbacks = [Step("swap", self._soon, 1, index=number) for number, swap in enumerate(self._swaps) if swap.fallback]
        return [*self._down, *fallbacks, *self._up, *self._last]

    def add_swaps(self) -> None:
        for number, swap in enumerate(self._swaps):
            if not swap.fallback:
                self.steps.append(Step("swap", self._soon if swap.kind == "folder" else 0, index=number))
                self._down.insert(0, Step("restore", self._soon, len(self.steps), index=number))

    def add_move(self, move: Move) -> None:
        of = len(self.steps) + 1
        if move.verb in ("stop", "restart"):
            self.steps.append(move.step("stop"))
        if move.verb in ("start", "restart"):
            self.steps.append(move.step("start", self._patience))
        if move.verb == "reload":
            self.steps += [move.step("test"), move.step("reload")]
        if move.verb in ("start", "restart") and (self._swaps or not move.was_running):
            self._down.insert(0, move.step("stop", self._soon, of))
        back = [move.step("start", self._patience)] if move.was_running else []
        if move.verb == "reload" and self._swaps:
            back.append(move.step("reload", self._patience, len(self.steps)))
        if move.verb == "start":
            self._last += back
        else:
            self._up = back + self._up
