"""How an operation ends, as a table: what became of each step, and what that makes of the whole."""

import pytest

from adapters.phrase import Phrase
from bot.changes.intent_log import Trail
from bot.changes.outcome import ending, part_of, story, to_take_back
from bot.model.change import State
from commands.model.plan import Plan, Result, StepResult
from tests.bot.world import BEGAN, OPERATION, part

KEYS = ("keys", "stage", "note", "begin", "seen", "confirm")
TWO = Plan(parts=(part("host-a"), part("host-b")))
GOOD = "DDDDDD"
RESULTS = {
    "D": Result.DONE,
    "F": Result.FAILED,
    "?": Result.UNKNOWN,
    "S": Result.SKIPPED,
    "X": Result.UNREACHABLE,
    "=": Result.UNCHANGED,
    "U": Result.UNDONE,
}
TOUCHING = {Result.DONE, Result.FAILED, Result.UNKNOWN}
CHANGING = tuple(f"{host}-{key}" for host in ("host-a", "host-b") for key in ("keys", "stage", "begin", "confirm"))


def results(host: str, marks: str) -> dict[str, StepResult]:
    return {
        f"{host}-{key}": StepResult(
            key=f"{host}-{key}", result=RESULTS[mark], why=Phrase("because"), began_at=BEGAN, ended_at=BEGAN
        )
        for key, mark in zip(KEYS, marks, strict=False)
        if mark != " "
    }


def trail(a: str, b: str = "", back_a: str = "", back_b: str = "") -> Trail:
    """One mark for each step. What is done, failed or unknown has touched its host, as far as it changes something."""
    came = results("host-a", a) | results("host-b", b)
    touched = frozenset(key for key, one in came.items() if key in CHANGING and one.result in TOUCHING)
    return Trail(results=came, touched=touched, undone=results("host-a", back_a) | results("host-b", back_b))


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (trail(GOOD, GOOD), State.DONE, "None"),
        (trail("D=DDDD", GOOD), State.DONE, "None"),
        (trail("DDDDF", "", "U  U"), State.UNDONE, "host-a is as it was before, not begun on host-b"),
        (trail(GOOD, "DDDDF", "", "U  U"), State.FAILED, "done on host-a, host-b is as it was before"),
        (trail("X"), State.FAILED, "nothing was changed on host-a, not begun on host-b"),
        (trail("=F"), State.FAILED, "host-a is left in the middle of it; look at it, not begun on host-b"),
        (trail("S"), State.FAILED, "not begun on host-a and host-b"),
        (trail(GOOD, "S"), State.FAILED, "done on host-a, not begun on host-b"),
        (trail(GOOD, "DDDDS", "", "U  U"), State.FAILED, "done on host-a, host-b is as it was before"),
        (trail("DDD?"), State.UNKNOWN, "restart Nebula"),
        (trail("DDD?", "", "U  U"), State.UNDONE, "host-a is as it was before"),
        (trail("DDDDF", "", "U  ?"), State.UNKNOWN, "taken back on host-a: restart Nebula"),
        (trail("DDDDD?", "", "U  U"), State.UNKNOWN, "keep it"),
        (trail("DDDDD?", "", "U  U U"), State.UNDONE, "host-a is as it was before"),
        (trail(GOOD, "DD"), State.FAILED, "it was not finished. done on host-a"),
    ],
)
def test_the_end_follows_from_what_became_of_the_steps(left: Trail, state: State, why: str) -> None:
    end = ending(OPERATION, TWO, left)
    assert state == end.state
    assert why.replace(" and ", ", ") in str(end.why)


def test_an_unknown_end_names_the_words_that_resolve_it() -> None:
    why = str(ending(OPERATION, TWO, trail("DDD?")).why)
    assert (
        "nobody can say whether this happened on host-a: restart Nebula; look at the host, then say what you saw "
        "with op resolve op-1" == why
    )


def test_the_cause_stands_first() -> None:
    why = str(ending(OPERATION, TWO, trail("DDDDF", "", "U  U")).why)
    assert why.startswith("lighthouse: find the handshake: because. ")


def test_a_person_or_a_lock_that_stopped_it_is_the_cause() -> None:
    assert str(ending(OPERATION, TWO, trail(GOOD, "S")).why).startswith("because. ")


@pytest.mark.parametrize(
    ("left", "keys"),
    [
        ("DDDDF", ["begin", "keys"]),
        ("DDD?", ["begin", "keys"]),
        ("=DF", []),
        ("X", []),
        ("DDDDD?", ["confirm", "begin", "keys"]),
        ("DDDDDF", ["begin", "keys"]),
    ],
)
def test_what_may_have_changed_something_is_taken_back_newest_first(left: str, keys: list[str]) -> None:
    """What cannot be taken back is looked at once more, where nobody knows how it went."""
    assert [f"host-a-{key}" for key in keys] == list(to_take_back(part("host-a"), trail(left)))


def test_the_story_tells_each_step_that_began_and_how_it_was_taken_back() -> None:
    told = story(TWO, trail("DDDDF", "", "U  U"))
    assert ["undone", "done", "done", "undone", "failed"] == [one.result.value for one in told]


def test_a_step_belongs_to_its_part() -> None:
    assert "host-b" == part_of(TWO, "host-b-note").host
    with pytest.raises(KeyError):
        part_of(TWO, "host-c-note")
