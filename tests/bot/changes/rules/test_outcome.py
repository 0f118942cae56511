"""How an operation ends, as a table: what became of each step, and what that makes of the whole."""

import pytest

from adapters.phrase import Phrase
from bot.changes.rules.outcome import collect_results, compute_outcome, find_part, list_steps_to_undo
from bot.changes.rules.trail import AuditTrail
from bot.model.change import ChangeState
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Plan, Result, StepResult
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


def trail(a: str, b: str = "", back_a: str = "", back_b: str = "") -> AuditTrail:
    """One mark for each step. What is done, failed or unknown has touched its host, as far as it changes something."""
    came = results("host-a", a) | results("host-b", b)
    touched = frozenset(key for key, one in came.items() if key in CHANGING and one.result in TOUCHING)
    return AuditTrail(results=came, touched=touched, undone=results("host-a", back_a) | results("host-b", back_b))


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (trail(GOOD, GOOD), ChangeState.DONE, "None"),
        (trail("D=DDDD", GOOD), ChangeState.DONE, "None"),
        (trail("DDDDF", "", "U  U"), ChangeState.UNDONE, "host-a is back to its previous state, not started on host-b"),
        (trail(GOOD, "DDDDF", "", "U  U"), ChangeState.FAILED, "done on host-a, host-b is back to its previous state"),
        (trail("X"), ChangeState.FAILED, "nothing was changed on host-a, not started on host-b"),
        (trail("=F"), ChangeState.FAILED, "host-a is in an incomplete state (check it), not started on host-b"),
        (trail("S"), ChangeState.FAILED, "not started on host-a and host-b"),
        (trail(GOOD, "S"), ChangeState.FAILED, "done on host-a, not started on host-b"),
        (trail(GOOD, "DDDDS", "", "U  U"), ChangeState.FAILED, "done on host-a, host-b is back to its previous state"),
        (trail("DDD?"), ChangeState.UNKNOWN, "restart Nebula"),
        (trail("DDD?", "", "U  U"), ChangeState.UNDONE, "host-a is back to its previous state"),
        (trail("DDDDF", "", "U  ?"), ChangeState.UNKNOWN, "rolled back on host-a: restart Nebula"),
        (trail("DDDDD?", "", "U  U"), ChangeState.UNKNOWN, "keep it"),
        (trail("DDDDD?", "", "U  U U"), ChangeState.UNDONE, "host-a is back to its previous state"),
        (trail(GOOD, "DD"), ChangeState.FAILED, "not completed. Result: done on host-a"),
    ],
)
def test_the_end_follows_from_what_became_of_the_steps(left: AuditTrail, state: ChangeState, why: str) -> None:
    end = compute_outcome(OPERATION, TWO, left)
    assert state == end.state
    assert why.replace(" and ", ", ") in str(end.why)


SETTLED = Plan(parts=(part("host-a"), part("host-b").model_copy(update={"host": "host-a"})))
"""A host with two parts, of which the second is not rolled back with the first."""


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (trail(GOOD, GOOD), ChangeState.DONE, "None"),
        (trail(GOOD, "X"), ChangeState.FAILED, "Result: host-a has 1 of 2 parts of it, and no half one"),
        (trail(GOOD, "S"), ChangeState.FAILED, "Result: host-a has 1 of 2 parts of it, and no half one"),
        (trail(GOOD), ChangeState.FAILED, "Result: host-a has 1 of 2 parts of it, and no half one"),
        (trail(GOOD, "DDDDF", "", "U  U"), ChangeState.FAILED, "Result: host-a has 1 of 2 parts of it, and no half one"),
        (trail(GOOD, "DDDDF"), ChangeState.FAILED, "Result: host-a is in an incomplete state (check it)"),
        (trail("DDDDF", "", "U  U"), ChangeState.UNDONE, "Result: host-a is back to its previous state"),
        (trail("S"), ChangeState.FAILED, "Result: not started on host-a"),
    ],
)
def test_a_host_with_two_parts_is_done_with_both(left: AuditTrail, state: ChangeState, why: str) -> None:
    end = compute_outcome(OPERATION, SETTLED, left)
    assert (state, ("host-a",) if state is ChangeState.DONE else ()) == (end.state, end.done)
    assert str(end.why).endswith(why)


def test_an_unknown_end_names_the_words_that_resolve_it() -> None:
    why = str(compute_outcome(OPERATION, TWO, trail("DDD?")).why)
    assert (
        "unknown whether this was executed on host-a: restart Nebula. Check the host, then report the outcome with op "
        "resolve op-1"
    ) == why


def test_the_cause_stands_first() -> None:
    why = str(compute_outcome(OPERATION, TWO, trail("DDDDF", "", "U  U")).why)
    assert why.startswith("lighthouse: find the handshake: because. Result: ")


def test_a_person_or_a_lock_that_stopped_it_is_the_cause() -> None:
    assert str(compute_outcome(OPERATION, TWO, trail(GOOD, "S")).why).startswith("because. Result: ")


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
    assert [f"host-a-{key}" for key in keys] == list(list_steps_to_undo(part("host-a"), trail(left)))


def test_the_story_tells_each_step_that_began_and_how_it_was_taken_back() -> None:
    told = collect_results(TWO, trail("DDDDF", "", "U  U"))
    assert ["undone", "done", "done", "undone", "failed"] == [one.result.value for one in told]


def test_a_step_belongs_to_its_part() -> None:
    assert "host-b" == find_part(TWO, "host-b-note").host
    with pytest.raises(KeyError):
        find_part(TWO, "host-c-note")


OWES = TWO.model_copy(update={"left_out": (LeftOutHost(host="host-e", why=Phrase("silent"), owed=True),)})


@pytest.mark.parametrize(
    ("plan", "matter", "state", "why"),
    [
        (OWES, Matter.CHANGE, ChangeState.DONE, "None"),
        (OWES, Matter.AUTHORITY, ChangeState.DONE, "None"),
        (OWES, Matter.REVOCATION, ChangeState.FAILED, "still accepted by host-e, where the revocation is owed"),
        (TWO, Matter.REVOCATION, ChangeState.DONE, "None"),
    ],
)
def test_a_revocation_that_is_owed_has_not_succeeded(plan: Plan, matter: Matter, state: ChangeState, why: str) -> None:
    end = compute_outcome(OPERATION, plan, trail(GOOD, GOOD), matter)
    assert (state, why, ("host-a", "host-b")) == (end.state, str(end.why), end.done)


def copying(host: str) -> Plan:
    """A plan whose steps leave nothing that could do harm."""
    whole = part(host)
    return Plan(
        parts=(
            whole.model_copy(update={"steps": tuple(s.model_copy(update={"harmless_remains": True}) for s in whole.steps)}),
        )
    )


@pytest.mark.parametrize(
    ("left", "state", "why"),
    [
        (trail("DDDF", "", "U  U"), ChangeState.UNDONE, "host-a is back to its previous state"),
        (trail("DDD?", "", "   ?"), ChangeState.FAILED, "host-a may still have files of it, which harm nothing"),
        (trail("DDDF", "", "?  U"), ChangeState.FAILED, "host-a may still have files of it, which harm nothing"),
    ],
)
def test_a_rollback_that_is_not_proven_leaves_no_doubt_where_what_remains_is_harmless(
    left: AuditTrail, state: ChangeState, why: str
) -> None:
    end = compute_outcome(OPERATION, copying("host-a"), left)
    assert (state, True) == (end.state, str(end.why).endswith(why))
