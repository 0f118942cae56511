"""One cause, one incident: what a new one shares with others, and who may know of these."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.inventory import Inventory
from bot.incidents.rules.opening import NewScope, find_conflicts, make_question, split_by_reader
from bot.incidents.rules.visibility import IncidentReader
from bot.model.incident import Incident
from commands.model.operation import Role
from tests.commands.canned import host

AT = datetime(2026, 1, 31, 3, tzinfo=UTC)
FLEET = Inventory(
    hosts=tuple(host(name, number, labels=("osaka",)) for number, name in enumerate(("host-a", "host-b", "host-c"), 1))
)


def incident(number: int, target: str, **more: object) -> Incident:
    usual = Incident("op-1", "C0INC", "502", target, "ana", AT, number=number, private=False)
    return replace(usual, **more)  # type: ignore[arg-type]


def scope(*hosts: str, alerts: tuple[int, ...] = ()) -> NewScope:
    return NewScope("502", ",".join(hosts), hosts, alerts)


READER = IncidentReader("ben", frozenset({Role.OPERATOR}), "C0OPS")
AGAIN = 'incident open "502" host-a --another'


@pytest.mark.parametrize(
    ("new", "others", "numbers"),
    [
        (scope("host-a"), (), []),
        (scope("host-a"), (incident(1, "host-b"),), []),
        (scope("host-a"), (incident(1, "host-a,host-b"),), [1]),
        (scope("host-a"), (incident(1, "all"),), [1]),
        (scope("host-a"), (incident(1, "osaka"),), [1]),
        (scope("host-a"), (incident(1, "host-*"),), [1]),
        (scope("host-a", "host-b", "host-c"), (incident(2, "host-c"), incident(1, "host-a")), [1, 2]),
        (scope("host-a"), (incident(1, "host-gone"),), []),
        (scope(alerts=(7,)), (incident(1, "host-b", alerts=(7,)),), [1]),
        (scope("host-a", alerts=(7,)), (incident(1, "host-b", alerts=(8,)),), []),
    ],
    ids=[
        "no other",
        "another host",
        "the same host",
        "all",
        "a label",
        "a pattern",
        "several, by number",
        "a host that is no more",
        "the same alert",
        "another alert",
    ],
)
def test_incidents_conflict_if_they_share_a_host_or_an_alert(
    new: NewScope, others: tuple[Incident, ...], numbers: list[int]
) -> None:
    assert numbers == [conflict.incident.number for conflict in find_conflicts(new, others, FLEET)]


@pytest.mark.parametrize(
    ("other", "reader", "known"),
    [
        (incident(1, "host-a"), READER, True),
        (incident(1, "host-a", private=True), READER, False),
        (incident(1, "host-a", private=None), READER, False),
        (incident(1, "host-a", private=True), replace(READER, channel="C0INC"), True),
        (incident(1, "host-a", private=True), replace(READER, roles=frozenset({Role.ADMINISTRATOR})), True),
        (incident(1, "host-a", private=True), replace(READER, name="ana"), True),
        (incident(1, "host-a", private=True, title="odd"), replace(READER, name="ana", in_public=True), False),
        (incident(1, "host-a", private=True), replace(READER, name="ana", in_public=True), True),
    ],
    ids=[
        "public",
        "private",
        "of unknown privacy",
        "in its own channel",
        "an administrator",
        "the opener",
        "the opener where others read",
        "a second click of the opener where others read",
    ],
)
def test_only_those_that_the_requester_may_know_of_are_named(other: Incident, reader: IncidentReader, known: bool) -> None:
    conflicts = find_conflicts(scope("host-a"), (other,), FLEET)
    assert ((conflicts, ()) if known else ((), conflicts)) == split_by_reader(conflicts, "502", reader)


@pytest.mark.parametrize(
    ("new", "others", "said", "offered"),
    [
        (
            scope("host-a"),
            (incident(3, "host-a"),),
            "host-a: already in incident 3, 502 (opened by ana at 2026-01-31 03:00:00 UTC). "
            "Join it, or open another one with --another",
            ("incident show 3", AGAIN),
        ),
        (
            scope("host-a", "host-b"),
            (incident(3, "host-a"),),
            "host-a: already in incident 3, 502 (opened by ana at 2026-01-31 03:00:00 UTC). "
            "Join it, or open another one with --another",
            ("incident add host-a,host-b --incident 3", AGAIN),
        ),
        (
            scope("host-a", alerts=(7,)),
            (incident(3, "host-a"), incident(4, "all", alerts=(7,))),
            "host-a: already in the incidents 3, 4. Join one, or open another one with --another",
            ("incident add 7 --incident 3", "incident show 4", AGAIN),
        ),
        (
            scope(alerts=(7,)),
            (incident(3, "host-b", alerts=(7,)),),
            "alert 7: already in incident 3, 502 (opened by ana at 2026-01-31 03:00:00 UTC). "
            "Join it, or open another one with --another",
            ("incident show 3", AGAIN),
        ),
    ],
    ids=["it has all hosts", "it lacks a host", "two of them", "an alert without a host"],
)
def test_the_question_offers_to_join_or_to_open_another_one(
    new: NewScope, others: tuple[Incident, ...], said: str, offered: tuple[str, ...]
) -> None:
    asked = make_question(new, find_conflicts(new, others, FLEET), AGAIN)
    assert (said, offered) == (str(asked.phrase), asked.suggestions)
