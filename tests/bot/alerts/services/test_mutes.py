"""Silences and maintenance: what they hide and what nothing hides, their rows, and who ends them."""

import asyncio
from datetime import datetime, timedelta

import pytest

from adapters.errors import FlatnetError
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.alerts.rules.mutes import find_maintenance, find_muted_hosts, find_mutes, make_matcher
from bot.alerts.services.mutes import MAX_ACTIVE, MuteForbidden, NoSuchMute, TooManyMutes
from bot.audit_log.log import EventKind
from bot.model.alert import Mute, MuteKind
from bot.store.database import Database
from commands.alerts.conditions import CONDITION_RULES, Condition
from tests.bot.alerts.muting import INVENTORY, NOW, Registered, alert, maintenance, mute
from tests.commands.canned import host


def allowed(found: Mute) -> Permit:
    return Permit("a rule")


def refused(found: Mute) -> Refusal:
    return Refusal("label", Phrase("not your host"))


@pytest.fixture
def book(database: Database) -> Registered:
    return Registered(database)


ALERTS = {
    "nebula": alert(1, "host-a", "nebula"),
    "disk": alert(2, "host-b", "disk/windows/F:"),
    "other": alert(3, "host-c", "gateway"),
    "blind": alert(4, "", "blind"),
    "change": alert(5, "", "change/op-1"),
    "audit": alert(6, "", "audit"),
    "audit of a host": alert(7, "host-a", "audit"),
    "change of a host": alert(8, "host-a", "change/op-1"),
    "explained by a host": alert(9, "host-c", "peers", cause="host-a/host"),
    "explained by nebula": alert(10, "host-c", "errors", cause="host-a/nebula"),
    "silent, the bot blind": alert(11, "lighthouse", "host", cause="blind"),
}

NOT_HIDDEN = {"change", "audit", "audit of a host", "change of a host"}
"""What no maintenance hides, and no silence of everything."""

HIDDEN: dict[Mute, set[str]] = {
    mute("host-a"): {"nebula", "change of a host", "explained by a host", "explained by nebula"},
    mute("host-a/nebula"): {"nebula", "explained by nebula"},
    mute("label:tokyo"): {"nebula", "disk", "change of a host", "explained by a host", "explained by nebula"},
    mute("disk"): {"disk"},
    mute("blind"): {"blind", "silent, the bot blind"},
    mute("change"): {"change", "change of a host"},
    mute("all"): set(ALERTS) - NOT_HIDDEN,
    mute("host-z"): set(),
    mute("???"): set(),
    mute("no longer/parsed\x00"): set(),
    maintenance("host-a"): {"nebula", "explained by a host", "explained by nebula"},
    maintenance("tokyo"): {"nebula", "disk", "explained by a host", "explained by nebula"},
    maintenance("host-b,host-c"): {"disk", "other", "explained by a host", "explained by nebula"},
    maintenance("lighthouse,tokyo"): set(ALERTS)
    - {"other", "blind", "change", "audit", "audit of a host", "change of a host"},
    maintenance("lighthouse,tokyo,host-c"): set(ALERTS) - NOT_HIDDEN,
    maintenance("all"): set(ALERTS) - NOT_HIDDEN,
    maintenance("host-z"): set(),
    maintenance("disk"): set(),
}


@pytest.mark.parametrize("given", HIDDEN, ids=lambda given: f"{given.kind} {given.what!r}")
def test_what_a_mute_hides(given: Mute) -> None:
    matches = make_matcher(given, INVENTORY)
    assert HIDDEN[given] == {name for name, each in ALERTS.items() if matches(each)}


@pytest.mark.parametrize("condition", [each for each, rule in CONDITION_RULES.items() if not rule.silenceable])
@pytest.mark.parametrize("given", [mute("all"), mute("host-a"), mute("*"), maintenance("all"), maintenance("host-a")])
def test_nothing_hides_a_condition_that_is_not_silenceable(given: Mute, condition: Condition) -> None:
    matches = make_matcher(given, INVENTORY)
    hosts = ("", "host-a")
    assert [] == [place for place in hosts if matches(alert(1, place, "anything", condition=condition, cause="host-a/host"))]


def test_of_several_mutes_the_one_that_ends_last_counts() -> None:
    short, long, other = mute("host-a", 10, 1), maintenance("host-a", 90, 2), mute("disk", 30, 3)
    found = find_mutes((long, short, other), ALERTS.values(), INVENTORY)
    assert {1: long, 2: other, 9: long, 10: long, 8: short} == found


def test_a_label_is_read_whenever_an_alert_is_judged() -> None:
    moved = Inventory(hosts=(host("host-a", 1), host("host-c", 3, labels=("tokyo",))))
    matches = make_matcher(mute("label:tokyo"), moved)
    assert {"other"} == {name for name in ("nebula", "other") if matches(ALERTS[name])}
    assert ("host-c",) == tuple(each.name for each in find_muted_hosts(maintenance("tokyo"), moved))


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        (mute("host-a/nebula"), ("host-a",)),
        (mute("disk"), INVENTORY.names),
        (mute("host-z"), ()),
        (mute("host-z,host-c"), ("host-c",)),
        (maintenance("all"), INVENTORY.names),
        (maintenance("tokyo,host-z"), ("host-a", "host-b")),
    ],
    ids=lambda given: f"{given.kind} {given.what}" if isinstance(given, Mute) else "",
)
def test_a_mute_is_judged_on_all_hosts_that_it_means_now(given: Mute, hosts: tuple[str, ...]) -> None:
    assert hosts == tuple(each.name for each in find_muted_hosts(given, INVENTORY))


def test_hosts_in_maintenance_have_the_one_that_ends_last() -> None:
    short, long, silence = maintenance("host-b", 10, 1), maintenance("tokyo", 90, 2), mute("host-c", 90, 3)
    found = find_maintenance((long, short, silence), INVENTORY, NOW)
    assert {"host-a": long, "host-b": long} == found
    assert ["host-a", "host-b"] == list(found)
    assert {"host-a": long, "host-b": long} == find_maintenance((short, long), INVENTORY, NOW + timedelta(minutes=10))
    assert {} == find_maintenance((short, long), INVENTORY, NOW + timedelta(minutes=90))


async def test_a_mute_is_recorded_first_and_kept_once_for_one_request(book: Registered) -> None:
    first, again = await book.add(mute("host-a"), mute("host-a"))
    assert (first, 1) == (again, first.number)
    assert (first,) == await book.registry.list_active()
    assert [(EventKind.MUTE, "ana")] * 2 == [(kind, actor) for kind, actor, _ in book.log.events]
    assert {
        "mute": "added",
        "kind": "silence",
        "what": "host-a",
        "ends_at": "2026-01-31T10:00:00+00:00",
        "reason": "cable swap",
    } == book.log.events[0][2]


async def test_there_is_a_limit_of_active_mutes_and_a_repeated_request_does_not_meet_it(book: Registered) -> None:
    await book.add(*(mute("host-a", 10, number) for number in range(1, MAX_ACTIVE + 1)))
    with pytest.raises(TooManyMutes, match="limit of 100 active"):
        await book.add(mute("host-b", 10, MAX_ACTIVE + 1))
    await book.add(mute("host-a", 10, MAX_ACTIVE))
    book.time.pass_by(minutes=10)
    (added,) = await book.add(mute("host-b", 20, MAX_ACTIVE + 1))
    assert (added,) == await book.registry.list_active()


async def test_nothing_is_hidden_unless_the_audit_log_took_it(book: Registered) -> None:
    book.log.failing = FlatnetError(Phrase("the disk is full"))
    with pytest.raises(FlatnetError, match="disk is full"):
        await book.add(mute("host-a"))
    assert () == await book.registry.list_recent()


async def test_every_field_survives_the_database(book: Registered) -> None:
    strange = mute('label:tokyo/"\u202e', reason="日本語 '; --", owner="slack:T/U", channel="", number=1)
    assert (strange,) == await book.add(strange)


async def test_a_removed_mute_hides_nothing_and_is_listed_for_a_day(book: Registered) -> None:
    (added,) = await book.add(mute("host-a"))
    book.time.pass_by(minutes=5)
    await book.registry.remove("op-m", added, "ben", allowed)

    assert {} == await book.registry.find_mutes((ALERTS["nebula"],), book.time.at)
    (ended,) = await book.registry.list_recent()
    assert ("ben", NOW + timedelta(minutes=5)) == (ended.removed_by, ended.ends_at)
    assert (EventKind.MUTE, "ben", {"mute": "removed", "kind": "silence", "number": 1, "what": "host-a"}) == book.log.events[
        -1
    ]
    book.time.pass_by(days=1)
    assert () == await book.registry.list_recent()


async def test_of_two_removes_at_once_one_counts(book: Registered) -> None:
    (added,) = await book.add(mute("host-a"))
    book.time.pass_by(minutes=5)
    await asyncio.gather(*(book.registry.remove(f"op-{who}", added, who, allowed) for who in ("ben", "cleo")))
    first = await book.registry.find(MuteKind.SILENCE, 1)
    book.time.pass_by(minutes=1)
    await book.registry.remove("op-z", added, "dee", allowed)

    assert first == await book.registry.find(MuteKind.SILENCE, 1)
    assert first.removed_by in ("ben", "cleo")
    assert first.ends_at == NOW + timedelta(minutes=5)


async def test_a_person_without_the_right_on_its_hosts_removes_nothing_and_that_is_recorded(book: Registered) -> None:
    (added,) = await book.add(mute("host-a"))
    with pytest.raises(MuteForbidden, match="not your host"):
        await book.registry.remove("op-m", added, "ben", refused)
    assert (added,) == await book.registry.list_active()
    assert (EventKind.REFUSAL, "ben", {"rule": "label", "outcome": "not your host"}) == book.log.events[-1]


@pytest.mark.parametrize(
    ("kind", "number", "error"),
    [
        (MuteKind.SILENCE, 2, "no silence 2. Run silence for the list"),
        (MuteKind.MAINTENANCE, 1, "no maintenance 1. Run maintenance for the list"),
    ],
)
async def test_a_number_means_one_kind(book: Registered, kind: MuteKind, number: int, error: str) -> None:
    await book.add(mute("host-a"))
    with pytest.raises(NoSuchMute, match=error):
        await book.registry.find(kind, number)


@pytest.mark.parametrize(
    ("at", "hidden"),
    [
        (NOW, True),
        (NOW + timedelta(minutes=59, seconds=59), True),
        (NOW + timedelta(minutes=60), False),
        (NOW + timedelta(days=400), False),
        (NOW - timedelta(seconds=1), False),
        (NOW - timedelta(days=400), False),
    ],
)
async def test_a_clock_that_jumps_never_makes_a_mute_last_longer(book: Registered, at: datetime, hidden: bool) -> None:
    await book.add(mute("host-a", 60))
    assert hidden is (1 in await book.registry.find_mutes((ALERTS["nebula"],), at))
    book.time.at = at
    assert hidden is bool(await book.registry.list_active())
