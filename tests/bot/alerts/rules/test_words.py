"""Words about alerts, by the moves that lead to them."""

from datetime import datetime, timedelta

import pytest

from adapters.phrase import Phrase
from bot.alerts.rules.due_messages import make_fire_word, make_flapping_word, make_repeat_word, make_resolved_word
from bot.model.alert import AlertChange, AlertState
from commands.alerts.conditions import Condition
from commands.model.finding import Severity
from tests.bot.alert_examples import FIRED, FIRING, RESOLVED, change
from tests.bot.rendering.examples import ENGLISH

PENDING, FIRES, SEEN, OVER = AlertState.PENDING, AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.RESOLVED
CRITICAL, HIGH = Severity.CRITICAL, Severity.HIGH


def said(phrase: Phrase) -> str:
    return phrase.render_sentence(ENGLISH)


def move(state: AlertState, severity: Severity = CRITICAL, at: datetime = FIRED) -> AlertChange:
    return AlertChange(alert=7, at=at, state=state, severity=severity)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], "host-a: Nebula stopped (critical), since 2026-11-25 12:10 JST"),
        ([move(FIRES)], "host-a: Nebula stopped (critical), since 2026-11-25 12:10 JST"),
        ([move(PENDING), move(FIRES)], "host-a: Nebula stopped (critical), since 2026-11-25 12:10 JST"),
        ([move(FIRES), move(OVER), move(FIRES)], "fires again: host-a: Nebula stopped (critical)"),
        ([move(FIRES, HIGH), move(FIRES)], "got worse: host-a: Nebula stopped (critical)"),
        ([move(FIRES), move(SEEN, HIGH), move(FIRES)], "got worse: host-a: Nebula stopped (critical)"),
        (
            [move(FIRES), move(SEEN), move(FIRES)],
            "the acknowledgement has ended. Still firing: host-a: Nebula stopped (critical)",
        ),
        ([move(FIRES), move(FIRES)], "still firing: host-a: Nebula stopped (critical)"),
    ],
)
def test_a_fire_says_why_it_fires(moves: list[AlertChange], expected: str) -> None:
    word = make_fire_word((FIRING,), moves, ("U0ANA",))
    assert expected.casefold() == said(word.phrase).casefold()
    assert (CRITICAL, ("U0ANA",), (FIRING,)) == (word.severity, word.mentions, word.alerts)


def test_several_of_one_condition_are_named_and_counted() -> None:
    storm = tuple(change(number=number, host=f"host-{number}") for number in range(1, 9))
    assert (
        "Nebula stopped: host-1, host-2, host-3, host-4, host-5 and 3 more (critical), since 2026-11-25 12:10 JST"
        == said(make_fire_word(storm, (), ()).phrase)
    )


def test_several_conditions_are_named_one_by_one_with_the_worst_severity() -> None:
    disk = change(number=8, condition=Condition.DISK, severity=HIGH, short=Phrase("disk nearly full"))
    word = make_fire_word((disk, FIRING), (), ())
    assert said(word.phrase).startswith("host-a: disk nearly full and host-a: Nebula stopped (critical)")
    assert CRITICAL == word.severity


def test_a_repeat_says_for_how_long_it_was_not_acknowledged() -> None:
    word = make_repeat_word((FIRING,), FIRED + timedelta(minutes=31, seconds=12), ())
    assert "Not acknowledged for 31 min: host-a: Nebula stopped (critical)" == said(word.phrase)


def test_a_flapping_alert_says_how_often_it_changed_and_notifies_people_only_while_it_is_open() -> None:
    firing, over = make_flapping_word(FIRING, 5, ("U0ANA",)), make_flapping_word(RESOLVED, 6, ("U0ANA",))
    assert "Flapping (5 changes within an hour), now open: host-a: Nebula stopped" == said(firing.phrase)
    assert "Flapping (6 changes within an hour), now resolved: host-a: Nebula stopped" == said(over.phrase)
    assert (("U0ANA",), ()) == (firing.mentions, over.mentions)


def test_what_is_resolved_says_how_long_it_lasted_or_how_it_ended() -> None:
    assert "Resolved after 42 min: host-a: Nebula stopped" == said(make_resolved_word((RESOLVED,)).phrase)
    renewed = change(RESOLVED, outcome=Phrase("No host trusts the CA {ca} any longer", ca="old"))
    assert "No host trusts the CA old any longer" == said(make_resolved_word((renewed,)).phrase)
    later = change(RESOLVED, number=8, host="host-b", resolved_at=FIRED + timedelta(hours=2))
    assert "Resolved after 2 hr: Nebula stopped: host-a and host-b" == said(make_resolved_word((RESOLVED, later)).phrase)
