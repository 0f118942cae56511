"""Life of an alert, move by move.

Checks, a minute apart: `x` found it, `X` found it worse, `o` found it less bad, `c` found it with another cause, `.` well,
`~` hovering, `?` not judged, `=` the last check again. People and time: `a` ana acknowledges until it changes, `t` for two
hours, `b` ben for two hours, `h` an hour passes. States: `-` none, `p` pending, `F` firing, `A` acknowledged, `R` resolved.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from adapters.phrase import Phrase
from bot.alerts.rules import transitions as life
from bot.alerts.rules.transitions import CheckTime, is_flapping, judge, list_episodes
from bot.model.alert import Alert, AlertChange, AlertEpisode, AlertHistory, AlertState
from commands.alerts.conditions import ConditionRule, Signal
from commands.model.finding import Severity
from tests.bot.alerts.living import BEGINNING, nebula

SIGNALS: dict[str, Signal | None] = {
    "x": nebula(Severity.HIGH),
    "X": nebula(Severity.CRITICAL),
    "o": nebula(Severity.MEDIUM),
    "c": nebula(Severity.HIGH, cause="host-b/nebula"),
    "~": nebula(Severity.HIGH, hovering=True),
    ".": None,
}
LETTERS = {
    AlertState.PENDING: "p",
    AlertState.FIRING: "F",
    AlertState.ACKNOWLEDGED: "A",
    AlertState.RESOLVED: "R",
}
TWICE = ConditionRule(Phrase("Nebula stopped"))
ONCE = ConditionRule(Phrase("Nebula stopped"), fires_after=1, resolves_after=1)
THRICE = ConditionRule(Phrase("Nebula stopped"), fires_after=3, resolves_after=1)


@dataclass
class Life:
    """One problem of a host through checks, people and time."""

    rule: ConditionRule = TWICE
    now: datetime = BEGINNING
    alert: Alert | None = None
    seen: list[Alert | None] = field(default_factory=list)

    def live(self, moments: str) -> "Life":
        for moment in moments:
            self._live(moment)
            self.seen.append(self.alert)
        return self

    def _live(self, moment: str) -> None:
        if moment == "h":
            self.now += timedelta(hours=1)
        elif moment in "abt":
            assert self.alert is not None
            until = None if moment == "a" else self.now + timedelta(hours=2)
            self.alert = life.acknowledge(self.alert, "ben" if moment == "b" else "ana", until, self.now)
        if self.alert is not None:
            self.alert = life.end_acknowledgement(self.alert, self.now)
        if moment in SIGNALS:
            self.now += timedelta(minutes=1)
            self._check(SIGNALS[moment], self.now)
        elif moment == "=":
            self._check(SIGNALS["x"], self.now)

    def _check(self, signal: Signal | None, at: datetime) -> None:
        known = self.alert if self.alert is None or life.is_current(self.alert, self.now) else None
        new = judge(known, signal, self.rule, CheckTime(at, self.now))
        self.alert = new if known is not None or new is not None else self.alert
        if self.alert is not None:
            self.alert = life.fire_if_due(self.alert, self.rule, self.now)

    @property
    def states(self) -> str:
        return "".join("-" if alert is None else LETTERS[alert.state] for alert in self.seen)

    @property
    def one(self) -> Alert:
        assert self.alert is not None
        return self.alert


@pytest.mark.parametrize(
    ("moments", "states"),
    [
        pytest.param("xx", "pF", id="fires after two checks in a row"),
        pytest.param("x.x", "p-p", id="one well check forgets what nobody was shown"),
        pytest.param("x?x", "ppF", id="an unknown check moves nothing while pending"),
        pytest.param("x~x", "ppF", id="a hovering figure moves nothing while pending"),
        pytest.param("x=", "pp", id="the same check again does not count"),
        pytest.param("~~", "--", id="a hovering figure begins nothing"),
        pytest.param(".", "-", id="a well check begins nothing"),
        pytest.param("xx..", "pFFR", id="is resolved after two well checks in a row"),
        pytest.param("xx.x.", "pFFFF", id="a check that found it ends the streak of well ones"),
        pytest.param("xx.~..", "pFFFFR", id="a hovering figure ends the streak of well ones"),
        pytest.param("xx.?.", "pFFFR", id="an unknown check does not"),
        pytest.param("xx~~~~", "pFFFFF", id="an open alert stays while its figure hovers"),
        pytest.param("xxt", "pFA", id="a person acknowledges"),
        pytest.param("xxtxx", "pFAAA", id="an acknowledgement outlasts checks"),
        pytest.param("xxth", "pFAA", id="and the time before its end"),
        pytest.param("xxthh", "pFAAF", id="it fires again when the acknowledgement is over"),
        pytest.param("xxahhh", "pFAAAA", id="an acknowledgement until it changes has no end"),
        pytest.param("xxac", "pFAF", id="another cause is a change"),
        pytest.param("xxao", "pFAA", id="a better severity is none for which people must look again"),
        pytest.param("xxaox", "pFAAF", id="but a worse one after it is"),
        pytest.param("xxtc", "pFAA", id="another cause does not end an acknowledgement with an end"),
        pytest.param("xxto", "pFAA", id="nor does a better severity"),
        pytest.param("xxtX", "pFAF", id="a worse severity ends any acknowledgement"),
        pytest.param("xxt..", "pFAAR", id="an acknowledged alert is resolved, too"),
        pytest.param("xxtb", "pFAA", id="a second acknowledgement replaces the first"),
        pytest.param("xx..xx", "pFFRRF", id="the same problem within an hour is the same alert"),
        pytest.param("xx..x.x.", "pFFRRRRR", id="it needs as many checks in a row as at first"),
        pytest.param("xx..x?x", "pFFRRRF", id="and unknown ones do not count then, either"),
        pytest.param("xx..~~", "pFFRRR", id="a hovering figure does not open it again"),
        pytest.param("xx..hxx", "pFFRRpF", id="an hour later it is a new alert"),
    ],
)
def test_an_alert_of_two_checks(moments: str, states: str) -> None:
    assert states == Life().live(moments).states


@pytest.mark.parametrize(
    ("rule", "moments", "states"),
    [
        pytest.param(ONCE, "x", "F", id="one check is enough"),
        pytest.param(ONCE, "~x.", "-FR", id="and one well check"),
        pytest.param(ONCE, "x.x.", "FRFR", id="it flaps as fast as it is checked"),
        pytest.param(THRICE, "xxx.", "ppFR", id="three checks to fire, one to be resolved"),
        pytest.param(TWICE, "x.x.x.", "p-p-p-", id="what flaps at the rhythm of the checks does not fire"),
        pytest.param(TWICE, "xx.x.x.", "pFFFFFF", id="and is not resolved"),
    ],
)
def test_an_alert_of_a_condition_with_another_rule(rule: ConditionRule, moments: str, states: str) -> None:
    assert states == Life(rule).live(moments).states


@pytest.mark.parametrize(
    ("moments", "versions"),
    [
        pytest.param("xxxxxx", "122222", id="a check that finds what people see is no new version"),
        pytest.param("xx.x.x", "122222", id="nor is a streak"),
        pytest.param("xx~~~", "12222", id="nor is a figure that hovers"),
        pytest.param("xxoX", "1234", id="another severity is"),
        pytest.param("xxcx", "1234", id="another cause is"),
        pytest.param("xxtb..", "123445", id="acknowledgements and the resolution are"),
        pytest.param("xx..xx", "122334", id="what is found after the resolution is, when it fires"),
    ],
)
def test_a_version_is_what_people_see(moments: str, versions: str) -> None:
    assert versions == "".join(str(alert.version) for alert in Life().live(moments).seen if alert is not None)


@pytest.mark.parametrize(
    ("moments", "fires"),
    [
        ("xx", [1]),
        ("xxxo", [1]),
        ("xxX", [1, 2]),
        ("xxoX", [1, 3]),
        ("xxthh", [1, 4]),
        ("xxac", [1, 3]),
        ("xxcx", [1]),
        ("xx..xx", [1, 5]),
        ("xx..", [1]),
    ],
)
def test_it_fires_again_when_it_is_worse_unacknowledged_or_back(moments: str, fires: list[int]) -> None:
    seen = [None, *Life().live(moments).seen]
    found = [n for n, (before, after) in enumerate(pairwise(seen)) if after and life.is_fire(before, after)]
    assert fires == found


@pytest.mark.parametrize(
    ("moments", "names"),
    [
        ("xx", ["", "fired"]),
        ("xxX", ["", "fired", "fired again"]),
        ("xxo", ["", "fired", ""]),
        ("xx..", ["", "fired", "", "resolved"]),
        ("xx..xx", ["", "fired", "", "resolved", "", "fired again"]),
        ("xxthh", ["", "fired", "", "", "fired again"]),
    ],
)
def test_a_move_has_a_name_in_the_audit_log(moments: str, names: list[str]) -> None:
    seen = [None, *Life().live(moments).seen]
    assert names == [life.name_move(before, after) for before, after in pairwise(seen) if after]


def test_a_new_fire_ends_an_acknowledgement_and_begins_repeats_anew() -> None:
    lived = Life().live("xxt")
    lived.alert = lived.one.model_copy(update={"repeated_at": lived.now, "escalated_at": lived.now})
    fired = lived.live("X").one
    assert ("", None, None) == (fired.acknowledged_by, fired.acknowledged_at, fired.acknowledged_until)
    assert (None, None) == (fired.repeated_at, fired.escalated_at)
    assert (BEGINNING + timedelta(minutes=2), lived.now) == (fired.first_fired_at, fired.fired_at)


def test_the_first_fire_is_the_one_since_it_was_last_well() -> None:
    lived = Life().live("xx..")
    assert (BEGINNING + timedelta(minutes=2), lived.now) == (lived.one.first_fired_at, lived.one.resolved_at)
    again = lived.live("xx").one
    assert (lived.now, lived.now, None) == (again.first_fired_at, again.fired_at, again.resolved_at)


def test_an_acknowledgement_that_is_over_does_not_begin_the_streak_of_well_checks_anew() -> None:
    lived = Life().live("xxt.hh")
    assert (AlertState.FIRING, 1) == (lived.one.state, lived.one.streak)
    assert AlertState.RESOLVED == lived.live(".").one.state


def test_a_figure_that_changes_with_each_check_is_stored_and_never_a_new_version() -> None:
    lived = Life().live("xx")
    for percent, hovering in ((91, False), (92, False), (79, True)):
        lived.now += timedelta(minutes=1)
        lived._check(nebula(Severity.HIGH, short=Phrase("{percent} %", percent=percent), hovering=hovering), lived.now)
        assert (f"{percent} %", lived.now, 2) == (str(lived.one.short), lived.one.checked_at, lived.one.version)


def test_a_hovering_figure_changes_no_severity() -> None:
    lived = Life().live("xx")
    lived._check(nebula(Severity.LOW, hovering=True), lived.now + timedelta(minutes=1))
    assert (Severity.HIGH, 2) == (lived.one.severity, lived.one.version)


def test_an_alert_whose_host_left_is_resolved_and_says_so() -> None:
    resolved = life.leave(Life().live("xxt").one, BEGINNING + timedelta(hours=1))
    assert resolved is not None
    assert (AlertState.RESOLVED, 4, None) == (resolved.state, resolved.version, resolved.next)
    assert "host-a is no longer in the configuration" == str(resolved.outcome)
    assert life.leave(Life().live("x").one, BEGINNING) is None


@pytest.mark.parametrize("hours", [-9000, 9000])
def test_no_duration_is_negative_when_the_clock_is_set(hours: int) -> None:
    lived = Life().live("xx")
    lived.now += timedelta(hours=hours)
    resolved = lived.live("..").one
    assert resolved.first_fired_at is not None
    assert resolved.resolved_at is not None
    assert AlertState.RESOLVED == resolved.state
    assert resolved.first_fired_at <= resolved.resolved_at


@pytest.mark.parametrize(("hours", "states"), [(-9000, "pF"), (9000, "pF"), (0, "RF"), (-0.9, "RF"), (0.9, "RF")])
def test_an_alert_resolved_by_a_clock_that_was_wrong_is_not_the_same_for_years(hours: float, states: str) -> None:
    lived = Life().live("xx..")
    lived.now += timedelta(hours=hours)
    assert states == lived.live("xx").states[-2:]


def test_an_acknowledgement_by_a_clock_that_was_ahead_lasts_as_long_as_was_asked_for() -> None:
    lived = Life().live("xx")
    lived.now += timedelta(days=3000)
    taken = lived.live("t").one
    back = BEGINNING + timedelta(minutes=5)
    corrected = life.correct_acknowledgement(taken, back)
    assert (back, back + timedelta(hours=2)) == (corrected.acknowledged_at, corrected.acknowledged_until)
    assert taken.version == corrected.version
    assert corrected is life.correct_acknowledgement(corrected, back + timedelta(hours=1))


def _change(minute: float, state: str, actor: str = "") -> AlertChange:
    states = {letter: each for each, letter in LETTERS.items()}
    at = BEGINNING + timedelta(minutes=minute)
    return AlertChange(alert=1, at=at, state=states[state], severity=Severity.HIGH, actor=actor)


def _changes(states: str, apart: float = 10) -> tuple[AlertChange, ...]:
    return tuple(_change(number * apart, state) for number, state in enumerate(states))


@pytest.mark.parametrize(
    ("states", "apart", "flaps"),
    [
        ("FRFR", 10, True),
        ("FRF", 10, False),
        ("FFFF", 10, False),
        ("FARF", 10, False),
        ("FARFR", 10, True),
        ("FRFR", 19, True),
        ("FRFR", 21, False),
        ("RFRFRFRFRF", 5, True),
        ("", 1, False),
    ],
)
def test_an_alert_flaps_that_opened_or_was_resolved_four_times_an_hour(states: str, apart: float, flaps: bool) -> None:
    changes = _changes(states, apart)
    assert flaps == is_flapping(changes, changes[-1].at if changes else BEGINNING)


def test_an_alert_that_is_calm_for_an_hour_does_not_flap() -> None:
    assert not is_flapping(_changes("FRFRFRFR", 1), BEGINNING + timedelta(minutes=70))


@pytest.mark.parametrize(
    ("opened", "states", "episodes"),
    [
        (None, "FR", [(0, 10)]),
        (None, "FARFR", [(0, 20), (30, 40)]),
        (None, "FRFA", [(0, 10), (20, None)]),
        (-60, "", [(-60, None)]),
        (-60, "R", [(-60, 0)]),
        (-60, "FR", [(-60, 10)]),
        (-60, "RF", [(-60, 0), (10, None)]),
        (60, "R", [(60, 60)]),
        (None, "", []),
        (None, "R", []),
    ],
)
def test_an_episode_lasts_from_a_fire_to_the_next_resolution(
    opened: int | None, states: str, episodes: list[tuple[int, int | None]]
) -> None:
    alert = Life().live("xx").one
    at = {minute: BEGINNING + timedelta(minutes=minute) for minute in range(-60, 61)}
    history = AlertHistory(alert, None if opened is None else at[opened], _changes(states))
    expected = tuple(AlertEpisode(alert, at[begin], None if end is None else at[end]) for begin, end in episodes)
    assert expected == list_episodes(history)
