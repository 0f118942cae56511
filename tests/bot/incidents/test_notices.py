"""What the status message of an incident shows, and which entries become one reply to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model.incident import EntryKind, IncidentState
from bot.model.incident_notice import MAX_ALERT_LINES, MAX_LINES, AlertCounts, count_alerts, make_notice, make_reply
from tests.bot.alert_examples import ACKNOWLEDGED, FIRING, change
from tests.bot.incident_examples import OPEN, OPENED, entry

NOW = OPENED + timedelta(minutes=30)


def test_an_act_that_changes_nothing_of_the_message_makes_the_same_message() -> None:
    shown = make_notice(OPEN, count_alerts({7}, (FIRING,)), NOW)
    later = count_alerts({7}, (change(FIRING, checked_at=NOW),))
    noted = make_notice(replace(OPEN, version=2), later, NOW + timedelta(minutes=1))
    assert shown.digest == noted.digest
    assert shown.digest != make_notice(replace(OPEN, lead="bo"), later, NOW).digest


def test_a_message_changes_by_itself_when_its_update_is_late() -> None:
    promised = replace(OPEN, next_update_at=NOW)
    assert [False, True] == [make_notice(promised, AlertCounts(), NOW + timedelta(seconds=late)).overdue for late in (-1, 0)]
    over = replace(promised, state=IncidentState.RESOLVED, resolved_at=NOW)
    assert not make_notice(over, AlertCounts(), NOW + timedelta(hours=1)).overdue


def test_alerts_are_counted_by_state_and_the_worst_are_named() -> None:
    alerts = [change(FIRING, number=number, host=f"host-{number}") for number in range(1, 9)]
    others = [change(ACKNOWLEDGED, number=20), change(FIRING, number=30)]
    counts = count_alerts({*range(1, 9), 20, 21, 22}, [*alerts, *others])
    assert (8, 1, 2) == (counts.firing, counts.acknowledged, counts.resolved)
    assert "host-1: Nebula stopped, host-2: Nebula stopped" in str(counts.named)
    assert "and 3 more" in str(counts.named)
    assert AlertCounts() == count_alerts((), alerts)


def test_each_entry_is_a_line_in_the_order_in_which_it_was_recorded() -> None:
    reply = make_reply([entry(1), entry(2, "mitigated", EntryKind.STATE)])
    assert ["restarted it", "mitigated"] == [str(line.text) for line in reply.lines]
    assert 2 == reply.newest


@pytest.mark.parametrize(
    "kind", [EntryKind.LOOK, EntryKind.OPENED, EntryKind.INVITATION], ids=["a look", "the opening", "an invitation"]
)
def test_what_people_read_elsewhere_is_no_line_and_counts_as_read(kind: EntryKind) -> None:
    reply = make_reply([entry(1), entry(2, kind=kind)])
    assert (1, 2) == (len(reply.lines), reply.newest)


def test_an_entry_that_was_an_answer_in_the_channel_is_left_out() -> None:
    reply = make_reply([entry(1), entry(2)])
    assert ("op-1", "op-2") == reply.operations
    assert [entry(2).happened_at] == [line.at for line in reply.leave_out({"op-1"}).lines]


def test_of_a_change_the_newest_state_is_said() -> None:
    begun, done = (replace(entry(n, text, EntryKind.CHANGE), operation="op-9") for n, text in ((1, "started"), (2, "done")))
    reply = make_reply([begun, done])
    assert (["done"], ()) == ([str(line.text) for line in reply.lines], reply.operations)


def test_many_alerts_are_one_line_with_their_hosts() -> None:
    moves = [entry(number, "fires", EntryKind.ALERT, f"host-{number}") for number in range(1, 255)]
    reply = make_reply([entry(255), *(replace(move, number=move.number + 255) for move in moves)])
    assert [EntryKind.NOTE, EntryKind.ALERT] == [line.kind for line in reply.lines]
    assert str(reply.lines[1].text).startswith("254 changes of alerts (host-1, host-10")
    few = make_reply(moves[:MAX_ALERT_LINES])
    assert MAX_ALERT_LINES == len(few.lines)


def test_what_does_not_fit_is_the_next_reply() -> None:
    entries = [entry(number) for number in range(1, MAX_LINES + 4)]
    first = make_reply(entries)
    rest = make_reply([each for each in entries if each.number > first.newest])
    assert (MAX_LINES, MAX_LINES, 3) == (first.newest, len(first.lines), len(rest.lines))
