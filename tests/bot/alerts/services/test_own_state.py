"""The bot's own conditions: changes of unknown outcome, the digest, the audit log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.phrase import Phrase
from bot.alerts.rules.signals import RotationSight
from bot.alerts.services.own_state import OwnCheck, OwnState
from bot.changes.tables.operations import OperationTable
from bot.model.change import ChangeState
from bot.model.owed import OwedChange
from bot.model.request import Surface, SystemIdentity
from bot.model.schedule import RunOutcome, ScheduleRun
from bot.schedules.tables.schedules import ScheduleTable
from bot.store.errors import DatabaseError, DatabaseUnavailable
from commands.alerts.conditions import Condition, Signal
from commands.model.owed import Matter
from commands.model.rotation import RotationStage
from tests.commands.canned_rotation import rotation

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALL = frozenset({Condition.CHANGE, Condition.OWED, Condition.ROTATION, Condition.BACKUP, Condition.DIGEST, Condition.AUDIT})


def run(outcome: RunOutcome) -> ScheduleRun:
    return ScheduleRun("digest", NOW, "op-digest", outcome, NOW)


@dataclass
class Tables:
    """The rows that the bot's own state is read from."""

    unknown: Sequence[Any] = ()
    runs: Mapping[str, ScheduleRun] = field(default_factory=dict)
    owed: Sequence[OwedChange] = ()
    backups: Sequence[Signal] | None = ()

    async def check_backups(self) -> Sequence[Signal] | None:
        return self.backups

    rotation: RotationSight | DatabaseError | None = None

    async def find_rotation(self) -> RotationSight | None:
        if isinstance(self.rotation, DatabaseError):
            raise self.rotation
        return self.rotation

    async def list_owed(self) -> Sequence[OwedChange]:
        return self.owed

    async def list_in_states(self, *states: ChangeState) -> Sequence[Any]:
        assert (ChangeState.UNKNOWN,) == states
        return self.unknown

    async def find_latest_runs(self) -> Mapping[str, ScheduleRun]:
        return self.runs


def _answer(value: bool) -> Callable[[str], Awaitable[bool]]:
    async def is_undeliverable(operation: str) -> bool:
        assert "op-digest" == operation
        return value

    return is_undeliverable


async def check(tables: Tables, *, lost: bool = False, trouble: Phrase | None = None) -> OwnCheck:
    state = OwnState(
        operations=cast("OperationTable", tables),
        schedules=cast("ScheduleTable", tables),
        is_undeliverable=_answer(lost),
        find_trouble=lambda: trouble,
        list_owed=tables.list_owed,
        check_backups=tables.check_backups,
        find_rotation=tables.find_rotation,
        now=lambda: NOW,
        digest="digest",
    )
    return await state.check()


async def test_a_bot_that_is_well_has_no_signals() -> None:
    assert OwnCheck(ALL, ()) == await check(Tables())


@pytest.mark.parametrize(
    ("outcome", "lost", "found", "judged"),
    [
        (RunOutcome.DONE, False, [], ALL),
        (RunOutcome.DONE, True, ["high"], ALL),
        (RunOutcome.FAILED, False, ["high"], ALL),
        (RunOutcome.MISSED, False, ["high"], ALL),
        (RunOutcome.REFUSED, False, ["high"], ALL),
        (RunOutcome.SKIPPED, False, [], ALL),
        (RunOutcome.RUNNING, False, [], ALL - {Condition.DIGEST}),
    ],
)
async def test_a_digest_that_did_not_arrive_is_a_problem_of_high_severity_until_the_next_one(
    outcome: RunOutcome, lost: bool, found: list[str], judged: frozenset[Condition]
) -> None:
    checked = await check(Tables(runs={"digest": run(outcome)}), lost=lost)

    assert (found, judged) == ([signal.severity.value for signal in checked.signals], checked.judged)
    assert {"digest"} >= {signal.subject for signal in checked.signals}


async def test_each_change_of_unknown_outcome_is_a_problem_of_its_own() -> None:
    changes = [
        SimpleNamespace(operation=name, words=f"service restart nebula {name}", plan=SimpleNamespace(hosts=(name,)))
        for name in ("op-1", "op-2")
    ]
    checked = await check(Tables(unknown=changes))

    assert [("change/op-1", "high", "op show op-1"), ("change/op-2", "high", "op show op-2")] == [
        (signal.subject, signal.severity.value, signal.next) for signal in checked.signals
    ]
    assert "result of service restart nebula op-1 unknown" == str(checked.signals[0].short)


async def test_an_audit_log_in_doubt_is_critical_and_has_its_own_words() -> None:
    (signal,) = (await check(Tables(), trouble=Phrase("the audit log lost 3 events"))).signals

    assert ("audit", "critical", "the audit log lost 3 events") == (signal.subject, signal.severity.value, str(signal.why))


def owed(host: str, days: float, matter: Matter = Matter.CHANGE, operation: str = "op-1") -> OwedChange:
    return OwedChange(
        host=host,
        kind="cert renew",
        arguments={},
        words=f"cert renew {host}",
        matter=matter,
        why=Phrase("silent"),
        operation=operation,
        requester="ana",
        identity=SystemIdentity(1000, "ana"),
        surface=Surface.SHELL,
        channel="",
        since=NOW - timedelta(days=days),
    )


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([owed("host-e", 0.9)], []),
        ([owed("host-e", 1)], [("cert renew host-e owed to host-e", "medium", 0)]),
        ([owed("host-e", 15)], [("cert renew host-e owed to host-e", "medium", 2)]),
        ([owed("host-e", 1, Matter.REVOCATION)], [("cert renew host-e owed to host-e", "high", 0)]),
        ([owed("host-e", 2), owed("host-f", 1.5)], [("cert renew owed to host-e, host-f", "medium", 0)]),
        (
            [owed("host-e", 2), owed("host-f", 2, operation="op-2")],
            [("cert renew host-e owed to host-e", "medium", 0), ("cert renew host-f owed to host-f", "medium", 0)],
        ),
    ],
)
async def test_what_is_owed_for_a_day_is_a_problem_of_its_run_and_of_more_weight_each_week(
    rows: list[OwedChange], found: list[tuple[str, str, int]]
) -> None:
    checked = await check(Tables(owed=rows))
    assert ALL == checked.judged
    assert found == [(str(signal.short), signal.severity.value, signal.step) for signal in checked.signals]


@pytest.mark.parametrize(
    ("due", "found"),
    [
        (-7, []),
        (0.9, []),
        (1, [("cert renew host-e is due on host-e", "low", 0)]),
        (8, [("cert renew host-e is due on host-e", "low", 1)]),
    ],
)
async def test_what_is_left_for_later_is_a_problem_a_day_after_it_is_due(
    due: float, found: list[tuple[str, str, int]]
) -> None:
    late = replace(owed("host-e", 30), due_at=NOW - timedelta(days=due))
    checked = await check(Tables(owed=[late]))
    assert found == [(str(signal.short), signal.severity.value, signal.step) for signal in checked.signals]


async def test_a_rotation_that_is_late_is_a_problem_of_the_bot() -> None:
    changing = rotation(RotationStage.SIGNING).model_copy(update={"started_at": NOW})
    found = RotationSight(changing, NOW - timedelta(days=7), ("host-a",))

    assert ["rotation/standstill"] == [signal.subject for signal in (await check(Tables(rotation=found))).signals]


async def test_a_rotation_whose_state_is_not_known_hides_no_other_problem() -> None:
    broken = DatabaseUnavailable(Phrase("the disk is gone"))
    checked = await check(Tables(rotation=broken), trouble=Phrase("the audit log lost 3 events"))

    assert (ALL, ["rotation/unreadable", "audit"]) == (checked.judged, [signal.subject for signal in checked.signals])
    assert "the disk is gone" == str(checked.signals[0].why)
