"""The scope of an incident: which entries belong to it."""

from datetime import timedelta
from typing import Any

import pytest

from bot.incidents.rules.projection import Scope, make_scope
from bot.model.incident import EntryKind
from tests.bot.incidents.recorded import NOW, entry, incident
from tests.bot.world import inventory

SCOPE = Scope(1, frozenset({"host-a"}), frozenset({12}), NOW)
RESOLVED = Scope(1, frozenset({"host-a"}), frozenset(), NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("more", "joins"),
    [
        ({"hosts": ("host-a", "host-b")}, True),
        ({"hosts": ("host-b",)}, False),
        ({"kind": EntryKind.CHANGE, "hosts": ("host-a",)}, True),
        ({"kind": EntryKind.ALERT, "hosts": ("host-a",), "about": 3}, True),
        ({"kind": EntryKind.ALERT, "hosts": ("host-b",), "about": 3}, False),
        ({"kind": EntryKind.ALERT, "hosts": (), "about": 12}, True),
        ({"hosts": ("host-b",), "about": 12}, False),
        ({"kind": EntryKind.GAP, "hosts": ()}, True),
    ],
    ids=["look", "look elsewhere", "change", "alert", "alert elsewhere", "added alert", "12 of another kind", "gap"],
)
def test_what_concerns_its_hosts_and_its_alerts_joins(more: dict[str, Any], joins: bool) -> None:
    assert joins is (SCOPE.select(entry(**more), frozenset()) is not None)


def test_a_look_names_only_hosts_of_the_incident_and_a_change_all_of_its_own() -> None:
    hosts = ("host-b", "host-a")
    look, change = (SCOPE.select(entry(kind, hosts=hosts), frozenset()) for kind in (EntryKind.LOOK, EntryKind.CHANGE))
    assert look is not None
    assert change is not None
    assert (1, ("host-a",), hosts) == (look.incident, look.hosts, change.hosts)


@pytest.mark.parametrize(
    ("kind", "minutes", "joins"),
    [
        (EntryKind.LOOK, 60, True),
        (EntryKind.LOOK, 61, False),
        (EntryKind.ALERT, 61, False),
        (EntryKind.CHANGE, 61, True),
    ],
)
def test_after_the_resolution_only_changes_of_the_timeline_go_on(kind: EntryKind, minutes: int, joins: bool) -> None:
    found = RESOLVED.select(entry(kind, minutes=minutes, hosts=("host-a",), operation="op-1"), {"op-1"})
    assert joins is (found is not None)


def test_a_change_that_begins_after_the_resolution_does_not_join() -> None:
    assert RESOLVED.select(entry(EntryKind.CHANGE, minutes=61, hosts=("host-a",), operation="op-2"), {"op-1"}) is None


@pytest.mark.parametrize(
    ("more", "minutes"),
    [({}, -30), ({"began_at": NOW - timedelta(hours=1)}, -90), ({"began_at": NOW + timedelta(hours=1)}, -30)],
    ids=["opened", "began before", "a begin after the opening"],
)
def test_it_collects_from_30_minutes_before_the_problem_began(more: dict[str, Any], minutes: int) -> None:
    assert NOW + timedelta(minutes=minutes) == make_scope(incident(**more), inventory()).since


@pytest.mark.parametrize(
    ("target", "hosts"),
    [
        ("host-a", {"host-a"}),
        ("tokyo", {"tokyo", "lighthouse", "host-a", "host-b"}),
        ("host-a,gone", {"host-a", "gone"}),
        ("", set()),
    ],
)
def test_its_hosts_are_those_that_its_target_means_now_and_those_it_names(target: str, hosts: set[str]) -> None:
    assert hosts == make_scope(incident(target), inventory("tokyo")).hosts
