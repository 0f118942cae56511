"""Acts on an incident: what each makes of it in each state, and which are refused with what to do next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct, make_event, parse_event
from bot.incidents.rules.transitions import AlreadyResolved, NothingChanges, NotNow
from bot.model.incident import EntryKind, FollowUp, Incident, IncidentState, TimelineEntry
from bot.store.audit_chain import StoredEvent
from bot.store.encoding import encode_json
from commands.model.finding import Severity
from tests.bot.clockwork import at

BEGAN = at("2026-01-31T03:00")
NOW = BEGAN + timedelta(hours=1)
OPEN = Incident("op-1", "C0INC", "502", "host-a", "ana", BEGAN, number=3, severity=Severity.HIGH, lead="ana", private=False)
MITIGATED = replace(OPEN, state=IncidentState.MITIGATED, mitigated_at=BEGAN)
RESOLVED = replace(OPEN, state=IncidentState.RESOLVED, resolution="op-2", resolved_by="ben", resolved_at=BEGAN, was="dns")
DUPLICATE = replace(OPEN, state=IncidentState.DUPLICATE, duplicate_of=7)
OTHER = replace(OPEN, number=7, operation="op-7")
STATES = (OPEN, MITIGATED, RESOLVED, DUPLICATE)

Judge = Callable[[Incident], Incident]

ACTS: dict[str, tuple[Judge, dict[str, Any], tuple[type[Exception] | None, ...]]] = {
    "note": (lambda i: life.judge_note(i, NOW), {}, (None, None, None, NotNow)),
    "update": (
        lambda i: life.judge_update(i, NOW, "we look", NOW + timedelta(minutes=30)),
        {"update": "we look", "updated_at": NOW, "next_update_at": NOW + timedelta(minutes=30)},
        (None, None, AlreadyResolved, NotNow),
    ),
    "postpone": (
        lambda i: life.judge_postponement(i, NOW),
        {"next_update_at": NOW},
        (None, None, AlreadyResolved, NotNow),
    ),
    "severity": (
        lambda i: life.judge_severity(i, Severity.LOW),
        {"severity": Severity.LOW},
        (None, None, AlreadyResolved, NotNow),
    ),
    "lead": (lambda i: life.judge_lead(i, "ben"), {"lead": "ben"}, (None, None, AlreadyResolved, NotNow)),
    "invite": (lambda i: life.judge_invitation(i, "kim"), {"invited": ("kim",)}, (None, None, None, NotNow)),
    "add": (
        lambda i: life.judge_addition(i, ("host-b", "host-a"), (4,)),
        {"target": "host-a,host-b", "alerts": (4,)},
        (None, None, AlreadyResolved, NotNow),
    ),
    "correct": (lambda i: life.judge_correction(i, 2, 5), {}, (None, None, None, NotNow)),
    "follow up": (
        lambda i: life.judge_followup(i, "renew", "kim", date(2026, 2, 3)),
        {"followups": (FollowUp(1, "renew", "kim", date(2026, 2, 3)),)},
        (None, None, None, NotNow),
    ),
    "mitigated": (
        lambda i: life.judge_mitigation(i, NOW),
        {"state": IncidentState.MITIGATED, "mitigated_at": NOW},
        (None, NothingChanges, AlreadyResolved, NotNow),
    ),
    "resolve": (
        lambda i: life.judge_resolution(i, NOW, "disk", "kim", "op-9"),
        {"state": IncidentState.RESOLVED, "resolution": "op-9", "resolved_by": "kim", "resolved_at": NOW, "was": "disk"},
        (None, None, AlreadyResolved, NotNow),
    ),
    "reopen": (
        life.judge_reopening,
        {
            "state": IncidentState.OPEN,
            "mitigated_at": None,
            "resolution": "",
            "resolved_by": "",
            "resolved_at": None,
            "was": "",
        },
        (NothingChanges, None, None, NotNow),
    ),
    "merge": (
        lambda i: life.judge_merge(i, OTHER),
        {"state": IncidentState.DUPLICATE, "duplicate_of": 7},
        (None, None, AlreadyResolved, NotNow),
    ),
    "call": (life.judge_call, {}, (None, None, AlreadyResolved, NotNow)),
}


@pytest.mark.parametrize("name", ACTS)
def test_each_act_changes_its_values_or_is_refused_in_each_state(name: str) -> None:
    judge, changed, refusals = ACTS[name]
    for state, refusal in zip(STATES, refusals, strict=True):
        if refusal is None:
            assert replace(state, **changed) == judge(state), state.state
        else:
            with pytest.raises(refusal) as refused:
                judge(state)
            assert type(refused.value) is refusal, state.state


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda: life.judge_severity(OPEN, Severity.HIGH), "nothing to do: incident 3 already has this"),
        (lambda: life.judge_lead(OPEN, "ana"), "nothing to do"),
        (lambda: life.judge_invitation(OPEN, "ana"), "nothing to do"),
        (lambda: life.judge_addition(OPEN, ("host-a",)), "nothing to do"),
        (lambda: life.judge_mitigation(MITIGATED, NOW), "incident 3 is already mitigated"),
        (lambda: life.judge_reopening(OPEN), "incident 3 is already open"),
        (lambda: life.judge_correction(OPEN, 6, 5), "incident 3 has no entry 6. incident show 3 lists them"),
        (lambda: life.judge_correction(OPEN, 0, 5), "incident 3 has no entry 0."),
        (lambda: life.judge_followup_done(OPEN, NOW, 1, "ana"), "incident 3 has no follow-up 1."),
        (lambda: life.judge_merge(OPEN, OPEN), "an incident cannot be merged into itself"),
        (lambda: life.judge_merge(OPEN, replace(RESOLVED, number=7)), "incident 7 was resolved by ben: dns"),
        (lambda: life.judge_merge(OPEN, replace(DUPLICATE, number=9)), "incident 9 was merged into another one"),
        (lambda: life.judge_note(OPEN, NOW, NOW + timedelta(minutes=2)), "is in the future. Give the time at which"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(act: Callable[[], Incident], why: str) -> None:
    with pytest.raises(NotNow) as refused:
        act()
    assert why in str(refused.value.phrase)


def test_clocks_of_people_may_be_a_little_ahead() -> None:
    assert OPEN == life.judge_note(OPEN, NOW, NOW + timedelta(seconds=50))


def test_a_follow_up_is_done_once() -> None:
    two = life.judge_followup(life.judge_followup(OPEN, "renew"), "alert earlier")
    done = life.judge_followup_done(two, NOW, 1, "kim")
    assert (FollowUp(1, "renew", done_by="kim", done_at=NOW), FollowUp(2, "alert earlier")) == done.followups
    with pytest.raises(NothingChanges):
        life.judge_followup_done(done, NOW, 1, "ana")


def store(sequence: int, data: dict[str, Any], actor: str = "ben", moment: datetime = NOW) -> StoredEvent:
    """Return an event as the audit log stores it."""
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return StoredEvent(sequence, stamp, "incident", actor, "op-8", encode_json(data), "", "", "")


@pytest.mark.parametrize("name", ACTS)
def test_an_event_makes_of_the_incident_what_the_act_made_of_it(name: str) -> None:
    """So the row is the same, whether it was written at once or after a crash."""
    judge, _, refusals = ACTS[name]
    before = next(state for state, refusal in zip(STATES, refusals, strict=True) if refusal is None)
    after = replace(judge(before), version=before.version + 1)
    event = parse_event(store(12, make_event(IncidentAct.NOTED, before, after, {"text": "…"})))
    assert event is not None
    assert after == life.apply(before, event)
    assert life.apply(after, event) is None, "it was applied"
    assert life.apply(replace(before, version=5), event) is None, "it is older than the row"


def test_an_opening_is_whole_in_its_event_and_happens_once() -> None:
    event = parse_event(store(12, make_event(IncidentAct.OPENED, None, OPEN, {})))
    assert event is not None
    assert OPEN == life.apply(None, event)
    assert life.apply(replace(OPEN, version=0), event) is None


def test_no_act_makes_a_private_incident_public() -> None:
    forged = parse_event(store(12, {"incident": "noted", "number": 3, "version": 2, "private": False}))
    assert forged is not None
    assert replace(OPEN, private=True, version=2) == life.apply(replace(OPEN, private=True), forged)


@pytest.mark.parametrize(
    "data",
    [
        {"incident": "opened", "channel": "C0INC", "title": "502", "target": "all"},
        {"incident": "resolved", "number": 3, "was": "dns"},
        {"incident": "making a channel", "name": "x"},
        {"incident": "noted", "number": "3", "version": 2},
        {"incident": "noted", "number": True, "version": 2},
        {"incident": "noted", "number": 3, "version": 0},
        {"incident": "danced", "number": 3, "version": 2},
        {"incident": ["noted"], "number": 3, "version": 2},
    ],
)
def test_events_of_other_versions_are_left_out(data: dict[str, Any]) -> None:
    assert parse_event(store(12, data)) is None


@pytest.mark.parametrize("data", [{"severity": "dire"}, {"opened_at": "soon"}, {"followups": "all"}, {"state": 7}])
def test_an_event_with_values_that_no_incident_has_changes_nothing(data: dict[str, Any]) -> None:
    event = parse_event(store(12, {"incident": "noted", "number": 3, "version": 2, **data}))
    assert event is not None
    assert life.apply(OPEN, event) is None


def make_entry(act: IncidentAct, after: Incident, **data: Any) -> TimelineEntry:
    """Return the entry of an act that ben recorded."""
    event = parse_event(store(12, make_event(act, OPEN, replace(after, version=2), data)))
    assert event is not None
    return life.make_entry(event, after)


@pytest.mark.parametrize(
    ("act", "after", "data", "kind", "text"),
    [
        (IncidentAct.OPENED, OPEN, {}, EntryKind.OPENED, "opened: 502 (host-a)"),
        (IncidentAct.NOTED, OPEN, {"text": "{x} <!channel>"}, EntryKind.NOTE, "{x} <!channel>"),
        (IncidentAct.UPDATED, OPEN, {"text": "we look"}, EntryKind.UPDATE, "we look"),
        (
            IncidentAct.POSTPONED,
            replace(OPEN, next_update_at=NOW),
            {},
            EntryKind.POSTPONEMENT,
            "next update later, at 2026-01-31 04:00:00 UTC",
        ),
        (IncidentAct.SEVERITY, replace(OPEN, severity=Severity.LOW), {}, EntryKind.SEVERITY, "severity: low"),
        (IncidentAct.LEAD, replace(OPEN, lead="kim"), {}, EntryKind.LEAD, "lead: kim"),
        (IncidentAct.INVITED, replace(OPEN, invited=("a", "b")), {}, EntryKind.INVITATION, "b may read this incident"),
        (IncidentAct.ADDED, OPEN, {"text": "host-b"}, EntryKind.SCOPE, "added: host-b"),
        (IncidentAct.CORRECTED, OPEN, {"text": "no"}, EntryKind.CORRECTION, "no"),
        (IncidentAct.FOLLOWUP, OPEN, {"text": "renew"}, EntryKind.FOLLOWUP, "renew"),
        (IncidentAct.FOLLOWUP_DONE, OPEN, {"about": 2}, EntryKind.FOLLOWUP, "follow-up 2 is done"),
        (IncidentAct.MITIGATED, MITIGATED, {}, EntryKind.STATE, "mitigated"),
        (IncidentAct.RESOLVED, RESOLVED, {}, EntryKind.STATE, "resolved: dns"),
        (IncidentAct.REOPENED, OPEN, {"text": "again"}, EntryKind.STATE, "reopened: again"),
        (IncidentAct.MERGED, DUPLICATE, {}, EntryKind.STATE, "merged into another incident"),
        (IncidentAct.CALLED, OPEN, {}, EntryKind.CALL, "others were called"),
        (
            IncidentAct.SNAPSHOT,
            OPEN,
            {"phrase": Phrase("all is {x}", x="well").to_json()},
            EntryKind.SNAPSHOT,
            "all is well",
        ),
        (IncidentAct.SNAPSHOT, OPEN, {"phrase": {"template": "{x}"}, "text": "?"}, EntryKind.SNAPSHOT, "?"),
    ],
)
def test_an_act_is_told_by_one_entry(
    act: IncidentAct, after: Incident, data: dict[str, Any], kind: EntryKind, text: str
) -> None:
    entry = make_entry(act, after, **data)
    assert (kind, text, "audit:12", NOW, NOW, "ben") == (
        entry.kind,
        str(entry.text),
        entry.source,
        entry.happened_at,
        entry.recorded_at,
        entry.author,
    )


def test_a_note_tells_when_it_happened_who_wrote_it_and_where() -> None:
    earlier = BEGAN - timedelta(minutes=5)
    data = {"text": "x", "happened_at": earlier.isoformat(), "author": "Kim (U7)", "link": "https://x", "hosts": ["host-a"]}
    entry = make_entry(IncidentAct.NOTED, OPEN, **data, about=4)
    assert (earlier, NOW, "Kim (U7)") == (entry.happened_at, entry.recorded_at, entry.author)
    assert ("https://x", ("host-a",), 4) == (entry.link, entry.hosts, entry.about)


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-31T02:00", 7])
def test_a_time_that_cannot_be_read_is_that_of_the_event(moment: object) -> None:
    assert NOW == make_entry(IncidentAct.NOTED, OPEN, text="x", happened_at=moment).happened_at


def test_the_other_side_of_a_duplicate_is_in_no_entry() -> None:
    """Its readers need not be those of the other one. The number is in the row, for answers that know their reader."""
    entry = make_entry(IncidentAct.MERGED, DUPLICATE)
    assert (0, {}) == (entry.about, entry.text.values)


def test_an_event_takes_no_data_that_would_be_taken_for_a_value() -> None:
    with pytest.raises(ValueError, match="lead"):
        make_event(IncidentAct.NOTED, OPEN, OPEN, {"lead": "kim"})
