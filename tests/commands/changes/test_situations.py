"""Where a container runs, from the results of a migration's steps: never a place that no result shows."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.phrase import Phrase
from adapters.wsl.containers import MoveContainer
from commands.changes.host_plan import Situation, find_situation
from commands.model.plan import Part, Plan, PlannedAction, Result, Step, StepResult

HERE, NOWHERE, THERE = Phrase("web runs on host-a"), Phrase("web runs nowhere"), Phrase("web runs on host-b")
BEGAN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
STEPS = {"copy": None, "stop": NOWHERE, "start": THERE, "prove": None}


def minute(number: int) -> datetime:
    return BEGAN + timedelta(minutes=number)


def plan(situation: Phrase | None = HERE) -> Plan:
    deed = PlannedAction.of(MoveContainer(verb="stop", container="ab" * 32))
    steps = (Step(key=key, host="host-a", deed=deed, phrase=Phrase(key), situation=said) for key, said in STEPS.items())
    return Plan(parts=(Part(host="host-a", steps=tuple(steps)),), situation=situation)


def find(told: str, reported: Result | None = None, situation: Phrase | None = HERE) -> Situation | None:
    """`told`: results in the order of the steps; the number is the minute in which each ended, also a rollback's."""
    words = (word.split(":") for word in told.split())
    results = {
        key: StepResult(key=key, result=Result(word), began_at=BEGAN, ended_at=minute(int(at)))
        for key, (word, at) in zip(STEPS, words, strict=False)
    }
    return find_situation(plan(situation), results, reported)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param("", Situation(HERE), id="before it starts"),
        pytest.param("done:1", Situation(HERE), id="a step that moves nothing"),
        pytest.param("done:1 done:2", Situation(NOWHERE, minute(2)), id="stopped"),
        pytest.param("done:1 unchanged:2", Situation(NOWHERE, minute(2)), id="stopped already"),
        pytest.param("done:1 failed:2", Situation(HERE), id="could not be stopped"),
        pytest.param("done:1 unreachable:2", Situation(HERE), id="the host did not answer"),
        pytest.param("done:1 skipped:2", Situation(HERE), id="stopped by a person before"),
        pytest.param("done:1 unknown:2", Situation(HERE, None, NOWHERE), id="perhaps stopped"),
        pytest.param("done:1 done:2 done:4 done:5", Situation(THERE, minute(4)), id="moved"),
        pytest.param("done:1 done:2 done:4 failed:5", Situation(THERE, minute(4)), id="moved, and not proven"),
        pytest.param("done:1 done:2 failed:4", Situation(NOWHERE, minute(2)), id="could not be started there"),
        pytest.param("done:1 done:2 unknown:4", Situation(NOWHERE, minute(2), THERE), id="perhaps started there"),
        pytest.param("done:1 done:2 undone:6 failed:5", Situation(NOWHERE, minute(6)), id="stopped there again"),
        pytest.param("undone:8 undone:7 undone:6 failed:5", Situation(HERE, minute(7)), id="rolled back"),
        pytest.param("done:1 unknown:7 undone:6 failed:5", Situation(HERE, minute(6), NOWHERE), id="a rollback in doubt"),
    ],
)
def test_the_situation_is_what_the_results_show(results: str, expected: Situation) -> None:
    assert expected == find(results)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        pytest.param(Result.DONE, Situation(THERE, minute(4)), id="done"),
        pytest.param(Result.UNDONE, Situation(NOWHERE, minute(4)), id="rolled back"),
        pytest.param(None, Situation(NOWHERE, minute(2), THERE), id="nothing"),
    ],
)
def test_a_person_s_report_ends_a_doubt(reported: Result | None, expected: Situation) -> None:
    assert expected == find("done:1 done:2 unknown:4", reported)


def test_a_plan_that_tells_no_situation_has_none() -> None:
    assert None is find("done:1 done:2", situation=None)


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        pytest.param(Situation(HERE), "web runs on host-a", id="as before"),
        pytest.param(Situation(NOWHERE, minute(2)), "web runs nowhere, since 2026-01-31 09:02:00 UTC", id="since"),
        pytest.param(
            Situation(NOWHERE, minute(2), THERE),
            "unknown: web runs nowhere, or web runs on host-b. Check the hosts",
            id="in doubt",
        ),
    ],
)
def test_a_situation_is_one_sentence(situation: Situation, expected: str) -> None:
    assert expected == str(situation.describe())
