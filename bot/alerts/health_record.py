"""Checks of the watch as observations: noted one by one, stored as one sum for each host and half hour."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from adapters.gateway.api import GatewaySystem
from bot.store.observations import Observation, ObservationTable
from commands.checks.assessment import CHECKS, Judgment
from commands.checks.watch import WatchAnswers
from commands.model.report import Mark


class HealthRecord:
    """Observations of the watch. `flush` may raise `DatabaseError`; then the next one stores them."""

    def __init__(self, table: ObservationTable) -> None:
        self._table = table
        self._noted: list[Observation] = []

    def note(self, looked: WatchAnswers, judged: Judgment, at: datetime) -> None:
        """Notes one check of all sides of a host."""
        said = looked.gateway
        took = said.answer_ms if isinstance(said, GatewaySystem) else None
        marks = {key: judged.cells[key].mark for key in CHECKS}
        self._noted.append(make_observation(looked.host.name, at, marks, [each.reached for each in judged.remarks], took))

    async def flush(self) -> None:
        """Stores what was noted."""
        noted = tuple(self._noted)
        if noted:
            await self._table.add_up(noted)
            del self._noted[: len(noted)]


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
