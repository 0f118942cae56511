"""Signed outcomes of a run, as rooms that follow its end see them (`bot.changes.intent_log.AuditTrail`)."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from commands.model.plan import Step, StepResult


class RunTrail(Protocol):
    """Signed outcomes of a run: results of its steps, the rollbacks, and the steps that may have left a host different."""

    @property
    def results(self) -> Mapping[str, StepResult]: ...

    @property
    def undone(self) -> Mapping[str, StepResult]: ...

    @property
    def touched(self) -> frozenset[str]: ...


def are_done(steps: Iterable[Step], trail: RunTrail) -> bool:
    """Returns whether all of these steps are done, and none was rolled back."""
    return all(
        step.key in trail.results and trail.results[step.key].result.successful and step.key not in trail.undone
        for step in steps
    )
