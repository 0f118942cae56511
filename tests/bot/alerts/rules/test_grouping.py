"""Alerts that share a message, and alerts that have none for now."""

from datetime import timedelta

import pytest

from bot.alerts.rules.due_messages import assign_messages, find_held, make_name, parse_channel
from bot.model.alert import Alert
from bot.model.alert_notice import AlertNotice, find_root
from commands.alerts.conditions import Condition
from tests.bot.alert_examples import FIRED, FIRING, change


def alert(number: int, cause: str = "", **more: object) -> Alert:
    """An alert of host-N that has no message yet."""
    return change(FIRING, **{"number": number, "host": f"host-{number}", "cause": cause, "message": ""} | more)


def assigned(fresh: list[Alert], shown: list[Alert] | None = None, minutes: float = 0) -> list[list[int]]:
    """The numbers that share a message."""
    found = assign_messages(fresh, shown or [], lambda _: "C0OPS", FIRED + timedelta(minutes=minutes))
    return [[each.number for each in alerts] for alerts in found.values()]


def test_up_to_five_of_one_condition_have_a_message_each_and_more_share_one() -> None:
    assert [[1], [2], [3], [4], [5]] == assigned([alert(number) for number in range(1, 6)])
    assert [[1, 2, 3, 4, 5, 6]] == assigned([alert(number) for number in range(1, 7)])


def test_other_conditions_and_other_channels_do_not_count() -> None:
    disks = [alert(number, subject="disk/wsl//", condition=Condition.DISK) for number in range(4, 7)]
    assert 6 == len(assigned([*(alert(number) for number in range(1, 4)), *disks]))
    by_host = assign_messages([alert(number) for number in range(1, 11)], [], lambda each: f"C{each.number % 2}", FIRED)
    assert 10 == len(by_host)


def test_those_that_come_later_join_the_message_that_is_shared_while_the_storm_lasts() -> None:
    shared = make_name("C0OPS", [alert(1)])
    shown = [alert(number, message=shared) for number in range(1, 7)]
    found = assign_messages([alert(7)], shown, lambda _: "C0OPS", FIRED + timedelta(minutes=5))
    assert [shared] == list(found)
    later = assign_messages([alert(7)], shown, lambda _: "C0OPS", FIRED + timedelta(minutes=6))
    assert [shared] != list(later)


def test_an_alert_has_the_message_of_what_explains_it_in_the_end() -> None:
    chain = [alert(1), alert(2, "host-1/nebula"), alert(3, "host-2/nebula")]
    assert [[1, 2, 3]] == assigned(chain)
    shown = change(chain[0], message="alert-C0OPS-1")
    assert ["alert-C0OPS-1"] == list(assign_messages(chain[1:], [shown], lambda _: "C0OPS", FIRED))


def test_alerts_that_explain_each_other_or_themselves_have_messages_of_their_own() -> None:
    assert [[1], [2], [3]] == assigned([alert(1, "host-2/nebula"), alert(2, "host-1/nebula"), alert(3, "host-3/nebula")])


def test_an_alert_whose_cause_is_not_open_is_its_own_root() -> None:
    lone = alert(1, "host-9/nebula")
    assert lone is find_root(lone, {lone.key: lone})


@pytest.mark.parametrize(("silenced", "held"), [((), set()), ((1,), {1, 2, 3}), ((2,), {2}), ((3,), {3})])
def test_what_a_silenced_alert_explains_is_held_too(silenced: tuple[int, ...], held: set[int]) -> None:
    alerts = [alert(1), alert(2, "host-1/nebula"), alert(3, "host-2/nebula")]
    assert held == find_held(alerts, silenced, {each.key: each for each in alerts})


@pytest.mark.parametrize("channel", ["C0OPS", ""])
def test_the_name_of_a_message_has_its_channel(channel: str) -> None:
    name = make_name(channel, [FIRING])
    assert channel == parse_channel(name)
    assert ":" not in name


def test_alerts_of_one_message_that_explain_each_other_are_both_problems() -> None:
    both = (alert(1, "host-2/nebula"), alert(2, "host-1/nebula"))
    assert both == AlertNotice(at=FIRED, alerts=both).problems
