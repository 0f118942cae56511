"""Checks of the watch as observations, stored as one sum for each host and half hour."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from adapters.gateway.api import GatewaySystem
from bot.store.observations import Observation, ObservationTable
from commands.alerts.watch import WatchAnswers
from commands.health.assessment import CHECKS, Judgment
from commands.model.report import Mark


class HealthRecord:
    """Record of the hosts' health. `answered` is called with each host of which every side answered."""

    def __init__(self, table: ObservationTable, answered: Callable[[str], None] = lambda host: None) -> None:
        self._table = table
        self._answered = answered

    async def record(self, looked: WatchAnswers, judged: Judgment, at: datetime) -> None:
        """Stores one check of all sides of a host. Raises `DatabaseError`; then it is lost."""
        said = looked.gateway
        took = said.answer_ms if isinstance(said, GatewaySystem) else None
        marks = {key: judged.cells[key].mark for key in CHECKS}
        reached = [remark.reached for remark in judged.remarks]
        if all(reached):
            self._answered(looked.host.name)
        await self._table.add_up([make_observation(looked.host.name, at, marks, reached, took)])


def make_observation(
    host: str, at: datetime, marks: Mapping[str, Mark], reached: Iterable[bool], answer_ms: int | None
) -> Observation:
    """Makes the observation of one check. `reached` has one entry for each problem: False if it could not be read."""
    problems = tuple(reached)
    answered = any(problems) or bool({Mark.WELL, Mark.BAD} & {*marks.values()})
    return Observation(
        host=host,
        at=at,
        well=int(not problems),
        troubled=int(bool(problems) and answered),
        unreached=int(bool(problems) and not answered),
        failed={key: 1 for key, mark in marks.items() if mark is Mark.BAD},
        answers=int(answer_ms is not None),
        answer_ms=answer_ms or 0,
    )
