"""Which lines are one: those that differ only in numbers, times, addresses and IDs, and never in a name."""

import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.log_lines.formats import Level
from commands.log_lines.groups import GAP, MAX_COUNTED, VARIABLE, LineGroup, group_entries, separate_lines, split_variables
from commands.log_lines.lines import LogLine
from tests.commands.log_examples import BEGAN, line

MANY = 100_000


def grouped(*texts: str) -> list[int]:
    """How many lines each group has."""
    return [group.count for group in group_entries(line(order, text) for order, text in enumerate(texts))]


def at(seconds: float, text: str = "failed", order: int = 0, **changes: object) -> LogLine:
    return line(order, text).model_copy(update={"at": BEGAN + timedelta(seconds=seconds), **changes})


def count_seconds(when: datetime | None) -> float | None:
    return None if when is None else (when - BEGAN).total_seconds()


def spans(groups: Sequence[LineGroup]) -> list[tuple[int, float | None, float | None]]:
    """Of each group the number of its entries, and the seconds of the first and last time."""
    return [(each.count, count_seconds(each.begins), count_seconds(each.ends)) for each in groups]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("GET /orders/17", "GET /orders/9000", id="numbers"),
        pytest.param("after 1.5 s", "after 12ms s", id="with units"),
        pytest.param("from 10.87.1.11:4242", "from 10.87.1.9:80", id="addresses"),
        pytest.param("from fd00::1", "from fd00:12::9", id="addresses of IPv6"),
        pytest.param("at 2026-11-25T09:05:44.123Z", "at 2026-11-26T09:05:44+09:00", id="times"),
        pytest.param("id 3f9a1c", "id b7", id="hexadecimal IDs"),
        pytest.param(
            "id 6f1d2c3a-aaaa-4b1c-8d2e-0123456789ab", "id 0a1b2c3d-4e5f-4a6b-9c8d-7e6f5a4b3c2d", id="UUIDs with letters"
        ),
        pytest.param("残り 3台", "残り 12台", id="Japanese"),
        pytest.param('"port":4242,"ip":"192.0.2.1"', '"port":80,"ip":"192.0.2.77"', id="JSON"),
        pytest.param("same", "same", id="nothing"),
    ],
)
def test_lines_that_differ_in_this_alone_are_one_group(one: str, other: str) -> None:
    assert [2] == grouped(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("certName=host-a", "certName=host-b", id="names"),
        pytest.param("certName=tokyo-1", "certName=tokyo-2", id="names with numbers"),
        pytest.param("eth0 is down", "eth1 is down", id="interfaces"),
        pytest.param("/srv/v1.txt", "/srv/v2.txt", id="files"),
        pytest.param('"GET / HTTP/1.1" 502 157', '"GET / HTTP/1.1" 504 157', id="the status of a request"),
        pytest.param("dead", "beef", id="words of hexadecimal letters"),
        pytest.param("refused", "timed out", id="reasons"),
        pytest.param("残り 3台", "残り 3個", id="Japanese words"),
    ],
)
def test_lines_that_differ_in_this_are_two(one: str, other: str) -> None:
    assert [1, 1] == grouped(one, other)


def test_another_level_or_log_is_another_group_and_another_host_is_not() -> None:
    lines = (at(0), at(1, level=Level.ERROR), at(2, source="error"), at(3, host="host-b"))
    groups = group_entries(lines)
    assert [1, 1, 2] == [group.count for group in groups]
    assert ["host-a", "host-b"] == list(groups[-1].hosts)


def test_groups_stand_where_their_newest_line_does() -> None:
    texts = ("down", "up", "down", "idle")
    groups = group_entries(line(order, text) for order, text in enumerate(texts))
    assert [("up", 1), ("down", 2), ("idle", 1)] == [(group.last[0].text, group.count) for group in groups]


def test_a_long_pause_ends_a_group() -> None:
    """An outage an hour ago and one now are two."""
    pause = GAP.total_seconds()
    lines = [at(when, order=order) for order, when in enumerate((0, 60, 60 + pause, 61 + 2 * pause, 62 + 2 * pause))]
    assert [(3, 0.0, 60 + pause), (2, 61 + 2 * pause, 62 + 2 * pause)] == spans(group_entries(lines))


def test_times_out_of_order_count_for_the_first_and_last_time() -> None:
    lines = [at(when, order=order) for order, when in enumerate((60, 0, 30))]
    assert [(3, 0.0, 60.0)] == spans(group_entries(lines))


def test_a_line_that_is_dated_long_before_is_another_group() -> None:
    lines = [at(0), at(-GAP.total_seconds() - 1, order=1)]
    assert [1, 1] == [group.count for group in group_entries(lines)]


def test_lines_without_a_time_are_grouped_and_leave_the_times_of_others() -> None:
    bare = [line(order, "failed", timeless=True) for order in range(3)]
    assert [(3, None, None)] == spans(group_entries(bare))
    assert [(4, 5.0, 5.0)] == spans(group_entries([*bare, at(5, order=3)]))


def test_the_hour_that_clocks_repeat_is_an_hour() -> None:
    """Lines have UTC, in which no hour repeats: 01:59 EDT and 01:01 EST are two minutes apart."""
    before, after = datetime(2026, 11, 1, 5, 59, tzinfo=UTC), datetime(2026, 11, 1, 6, 1, tzinfo=UTC)
    (group,) = group_entries([at(0, at=before), at(0, order=1, at=after)])
    assert (2, before, after) == (group.count, group.begins, group.ends)


def test_of_what_varies_the_values_are_kept_and_of_the_rest_none() -> None:
    texts = ("10.0.0.1 lost 5 of 9", "10.0.0.2 lost 5 of 7", "10.0.0.1 lost 5 of 8")
    (group,) = group_entries(line(order, text) for order, text in enumerate(texts))
    assert {0: {"10.0.0.1", "10.0.0.2"}, 2: {"9", "7", "8"}} == group.values


def test_an_entry_with_its_stack_trace_is_one() -> None:
    lines = []
    for start, place in ((0, 12), (3, 12), (6, 99)):
        lines += [
            at(start, "ERROR broken", start),
            at(start, "at main.py:7", start + 1, part_of=start),
            at(start, f"at shop.py:{place}" if start < 6 else "at stock.py:99", start + 2, part_of=start),
        ]
    groups = group_entries(lines)
    assert [(2, 3), (1, 3)] == [(group.count, len(group.last)) for group in groups]
    assert "at stock.py:99" == groups[1].last[-1].text


def test_a_line_of_an_entry_whose_beginning_was_filtered_out_stands_alone() -> None:
    lines = [at(0, "at a.py", 1, part_of=0), at(0, "at b.py", 2, part_of=0), at(0, "at c.py", 9, part_of=8)]
    assert [2, 1] == [len(group.last) for group in group_entries(lines)]


def test_separated_lines_stay_as_they_came() -> None:
    lines = [line(order, "same") for order in range(3)]
    assert [(each, 1) for each in lines] == [(group.last[0], group.count) for group in separate_lines(lines)]


@pytest.mark.parametrize(
    ("text", "groups"),
    [pytest.param("failed", 1, id="equal"), pytest.param("{name} failed", MANY, id="distinct")],
)
def test_a_hundred_thousand_lines_take_little_memory(text: str, groups: int) -> None:
    lines = [at(order / 1000, text.format(name=f"host-{order}"), order) for order in range(MANY)]
    tracemalloc.start()
    made = group_entries(lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (groups, MANY) == (len(made), sum(group.count for group in made))
    assert peak <= MANY * 1_000


def test_of_a_hundred_thousand_values_a_few_are_counted() -> None:
    (group,) = group_entries(at(order / 1000, f"request {order}", order) for order in range(MANY))
    assert (MANY, MAX_COUNTED) == (group.count, len(group.values[0]))


@pytest.mark.parametrize("unit", ["a", "1", "a1", "1-", "a-", "1.", ":", "1 ", "aa aa1 ", '" 5', "あ1"])
def test_a_line_of_a_megabyte_is_split_in_linear_time(unit: str) -> None:
    """Quadratic time would be hours."""
    text = unit * (10**6 // len(unit))
    assert text == "".join(split_variables(text))


@given(st.text(st.sampled_from('0123456789abcdefgzABCF_-.:+" \n\0あ/=')))
def test_the_quick_way_to_split_a_line_finds_the_same_parts(text: str) -> None:
    assert VARIABLE.split(text) == split_variables(text)
