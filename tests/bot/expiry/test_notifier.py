"""Notices that certificates end: each once for each threshold, whatever is restarted, killed, renewed or silent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.access.policy import BOT_ACTOR_NAME
from bot.audit.log import EventKind
from bot.expiry.notifier import MAX_SEPARATE_MESSAGES, ExpiryNotifier, NoticeContext
from bot.model.announcement import Announcement
from bot.model.expiry_notice import ExpiryNotice, SettlementKind
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable
from bot.store.notices import RETENTION, NoticeTable, StoredNotice
from commands.model.report import Cell, Report, Row
from tests.bot.expiring import NOW, Held, ca, host, report, unread
from tests.bot.running import Kill, Killed

TOKYO = ZoneInfo("Asia/Tokyo")
CHANNEL = "C0OPS"


class Channel:
    """The outbox: a message by its name once, its newest form, and what was said in its thread."""

    def __init__(self) -> None:
        self.posted: dict[str, Announcement] = {}
        self.edited: dict[str, Announcement] = {}
        self.words: list[tuple[str, str]] = []
        self.refuses = False

    async def announce(self, bulletin: Announcement) -> None:
        self._take()
        self.posted.setdefault(bulletin.name, bulletin)

    async def revise(self, bulletin: Announcement, word: Phrase | None) -> None:
        self._take()
        if bulletin.name not in self.posted:
            return
        self.edited[bulletin.name] = bulletin
        if word is not None and (bulletin.name, str(word)) not in self.words:
            self.words.append((bulletin.name, str(word)))

    def _take(self) -> None:
        if self.refuses:
            raise DatabaseUnavailable(Phrase("the disk is full"))

    @property
    def said(self) -> list[tuple[int, str, str]]:
        """The day, the names and the threshold of each message, in the order in which they came."""
        return [(_day(body.at), _names(body), _threshold(body)) for body in map(_body, self.posted.values())]

    @property
    def word(self) -> list[tuple[str, str]]:
        """The threshold of the message in whose thread something was said, and what."""
        return [(_threshold(_body(self.posted[name])), word) for name, word in self.words]

    @property
    def left_open(self) -> list[str]:
        """The names of certificates that the newest form of any message calls open."""
        shown = {**self.posted, **self.edited}.values()
        return sorted({ending.name for bulletin in shown for ending in _body(bulletin).open})


def _body(bulletin: Announcement) -> ExpiryNotice:
    assert isinstance(bulletin.body, ExpiryNotice)
    return bulletin.body


def _day(at: datetime) -> int:
    return (at - NOW).days


def _names(body: ExpiryNotice) -> str:
    names = [ending.name for ending in body.endings]
    return names[0] if len(names) == 1 else f"{len(names)} from {names[0]}"


def _threshold(body: ExpiryNotice) -> str:
    return f"{body.within.days}d" if body.within else "expired"


class Log:
    """The audit log."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        assert (EventKind.NOTICE, BOT_ACTOR_NAME) == (kind, actor)
        assert operation.startswith("notice-")
        self.events.append(data)


class Fragile:
    """An announcer, an audit log and a table that may be killed before and after each thing they do."""

    def __init__(self, whole: Any, kill: Callable[[str], None]) -> None:
        self._whole = whole
        self._kill = kill

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._whole, name)

        async def call(*given: Any) -> Any:
            self._kill(f"before {name}")
            done = await method(*given)
            self._kill(f"after {name}")
            return done

        return call


def _mortal(part: Any, kill: Kill | None) -> Any:
    return part if kill is None else Fragile(part, kill)


class House:
    """A database, a channel and an audit log that outlive the bots that use them."""

    def __init__(self, database: Database) -> None:
        self.table = NoticeTable(database)
        self.channel = Channel()
        self.log = Log()

    async def check(self, seen: Report, hosts: Iterable[str], now: datetime, kill: Kill | None = None) -> None:
        """What a bot does that was started just now."""
        watch = NoticeContext(CHANNEL, TOKYO, frozenset(hosts))
        table, log, channel = (_mortal(part, kill) for part in (self.table, self.log, self.channel))
        await ExpiryNotifier(table, log, channel, lambda: watch).check(seen, now)

    async def day(self, day: float, *held: Held | Row, kill: Kill | None = None, hosts: Iterable[str] | None = None) -> None:
        """A check so many days after `NOW`; the inventory has the hosts that are seen."""
        seen = report(*held)
        there = {row.host for row in seen.rows if row.host}
        await self.check(seen, there if hosts is None else hosts, NOW + timedelta(days=day), kill)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    yield House(database)
    await database.aclose()


# A simulated half year.

LATER = NOW + timedelta(days=900)
OLD_CA, NEW_CA = ca(days=170), ca("New CA", days=900)
A, B, C, D, WELL = (host(name, days) for name, days in [("a", 40), ("b", 10), ("c", 5), ("d", 100), ("well", 800)])


def fleet(day: int) -> list[Held | Row]:
    """a is renewed in time, b three days late; c leaves; d is silent twice, the second time until after its end."""
    silent = 70 <= day <= 72 or 98 <= day <= 101
    return [
        OLD_CA if day <= 170 else NEW_CA,
        A if day <= 26 else A.renewed(LATER),
        B if day <= 12 else B.renewed(LATER),
        *([C] if day <= 3 else []),
        unread("d") if silent else D if day <= 102 else D.renewed(LATER),
        WELL,
    ]


EXPECTED = [
    (0, "c", "7d"),
    (0, "b", "14d"),
    (0, "Flatnet CA", "180d"),
    (2, "c", "3d"),
    (3, "b", "7d"),
    (7, "b", "3d"),
    (9, "b", "1d"),
    (10, "b", "expired"),
    (10, "a", "30d"),
    (11, "b", "expired"),
    (12, "b", "expired"),
    (26, "a", "14d"),
    (73, "d", "30d"),
    (80, "Flatnet CA", "90d"),
    (86, "d", "14d"),
    (93, "d", "7d"),
    (97, "d", "3d"),
    (102, "d", "expired"),
    (110, "Flatnet CA", "60d"),
    (140, "Flatnet CA", "30d"),
    (156, "Flatnet CA", "14d"),
    (163, "Flatnet CA", "7d"),
    (167, "Flatnet CA", "3d"),
    (169, "Flatnet CA", "1d"),
    (170, "Flatnet CA", "expired"),
]

SETTLED = [
    ("3d", "c was removed from the configuration, so its certificate is no longer monitored"),
    ("expired", "The certificate of b was renewed and now expires at 2028-07-18 00:00:00 UTC"),
    ("14d", "The certificate of a was renewed and now expires at 2028-07-18 00:00:00 UTC"),
    ("expired", "The certificate of d was renewed and now expires at 2028-07-18 00:00:00 UTC"),
    ("expired", "No host trusts the CA Flatnet CA any longer"),
]


async def test_half_a_year_says_exactly_what_is_due_and_settles_all_of_it(house: House) -> None:
    for day in range(183):
        await house.day(day, *fleet(day))
    assert EXPECTED == house.channel.said
    assert SETTLED == house.channel.word
    assert [] == house.channel.left_open
    assert set(house.channel.posted) == set(house.channel.edited)
    assert () == await house.table.list_open()


@pytest.mark.slow
async def test_half_a_year_of_bots_that_are_killed_at_every_step_says_the_same(house: House) -> None:
    """On each day a bot is killed at its first moment, the next one at its second, until one comes through."""
    deaths = 0
    for day in range(183):
        moment = 1
        while True:
            try:
                await house.day(day, *fleet(day), kill=Kill(moment))
            except Killed:
                moment += 1
            else:
                break
        deaths += moment - 1
    assert deaths > 1_000
    assert EXPECTED == house.channel.said
    assert SETTLED == house.channel.word
    assert [] == house.channel.left_open
    assert () == await house.table.list_open()


async def test_what_was_said_and_settled_is_in_the_audit_log(house: House) -> None:
    await house.day(0, B)
    await house.day(1, B.renewed(LATER))
    of = [f"b {B.fingerprint[:12]}"]
    assert [
        {"notice": "said", "threshold": "14d", "of": of},
        {"notice": "closed", "threshold": "14d", "renewed": of},
    ] == house.log.events


# A channel that fails.


async def test_what_could_not_be_said_is_said_by_the_next_check(house: House) -> None:
    house.channel.refuses = True
    with pytest.raises(DatabaseUnavailable):
        await house.day(0, B)
    house.channel.refuses = False
    await house.day(1, B)
    assert [(1, "b", "14d")] == house.channel.said


async def test_after_days_without_a_channel_only_the_tightest_is_said(house: House) -> None:
    await house.day(0, B)
    house.channel.refuses = True
    for day in range(3, 13):
        with pytest.raises(DatabaseUnavailable):
            await house.day(day, B)
    house.channel.refuses = False
    await house.day(13, B)
    await house.day(14, B.renewed(LATER))
    assert [(0, "b", "14d"), (13, "b", "expired")] == house.channel.said
    assert [] == house.channel.left_open
    assert () == await house.table.list_open()


async def test_what_was_never_said_is_not_said_after_its_renewal_or_while_nobody_knows(house: House) -> None:
    house.channel.refuses = True
    with pytest.raises(DatabaseUnavailable):
        await house.day(0, host("a", 9), B)
    house.channel.refuses = False
    await house.day(1, host("a", 9).renewed(LATER), unread("b"))
    assert [] == house.channel.said
    await house.day(2, host("a", 9).renewed(LATER), B)
    assert [(2, "b", "14d")] == house.channel.said


async def test_a_renewal_that_could_not_be_shown_is_shown_by_the_next_check(house: House) -> None:
    await house.day(0, B)
    house.channel.refuses = True
    with pytest.raises(DatabaseUnavailable):
        await house.day(1, B.renewed(LATER))
    house.channel.refuses = False
    await house.day(2, B.renewed(LATER))
    assert ["14d"] == [threshold for threshold, _ in house.channel.word]
    assert [] == house.channel.left_open


# Clocks.


async def test_nothing_is_said_twice_however_often_a_day_is_checked(house: House) -> None:
    for hour in range(15):
        await house.day(10 + hour / 24, B)
    assert [(10, "b", "expired")] == house.channel.said
    await house.day(10 + 15 / 24, B)
    assert [(10, "b", "expired")] * 2 == house.channel.said, "it is the next day in Tokyo"


EARLY = "The warning about b was premature: the bot's clock was ahead. b expires at 2026-02-09 00:00:00 UTC"


async def test_what_a_clock_that_was_ahead_had_said_is_taken_back_and_silences_nothing(house: House) -> None:
    for day in (0, 400, 0, 3, 7, 401, 8, 9, 10):
        await house.day(day, B)
    assert [
        (0, "b", "14d"),
        (400, "b", "expired"),
        (3, "b", "7d"),
        (7, "b", "3d"),
        (401, "b", "expired"),
        (9, "b", "1d"),
        (10, "b", "expired"),
    ] == house.channel.said
    assert [("expired", EARLY)] * 2 == house.channel.word
    assert 2 == len(house.channel.edited), "what was said in time stays as it is"


@pytest.mark.parametrize("day", [2, 3.5, 7, 9])
async def test_the_day_on_which_the_clock_is_right_again_says_what_is_due_then(house: House, day: float) -> None:
    await house.day(0, OLD_CA, B)
    await house.day(400, OLD_CA, B)
    before = len(house.channel.said)
    await house.day(day, OLD_CA, B)
    due = {2: [], 3.5: ["7d"], 7: ["3d"], 9: ["1d"]}
    assert due[day] == [threshold for _, name, threshold in house.channel.said[before:] if name == "b"]
    assert {"Flatnet CA", "b"} == {_names(_body(edited)) for edited in house.channel.edited.values()}


async def test_a_threshold_that_came_too_early_is_said_anew_in_its_time(house: House) -> None:
    for day in (5, 0, 3):
        await house.day(day, B)
    assert [(5, "b", "7d"), (0, "b", "14d"), (3, "b", "7d")] == house.channel.said
    await house.day(4, B.renewed(LATER))
    assert [] == house.channel.left_open


async def test_what_a_clock_that_was_ahead_could_not_say_is_never_said(house: House) -> None:
    house.channel.refuses = True
    with pytest.raises(DatabaseUnavailable):
        await house.day(400, B)
    house.channel.refuses = False
    await house.day(0, B)
    assert [(0, "b", "14d")] == house.channel.said
    assert {B.fingerprint: {"14d"}} == await house.table.find_claimed_thresholds([B.fingerprint])


async def test_a_clock_that_starts_in_1970_takes_back_nothing(house: House) -> None:
    for day in (0, -20_000, 1):
        await house.day(day, B)
    assert [(0, "b", "14d")] == house.channel.said
    assert {} == house.channel.edited


async def test_a_bot_that_is_killed_while_it_takes_back_says_the_same(house: House) -> None:
    await house.day(0, B)
    await house.day(400, B)
    moment = 1
    while True:
        try:
            await house.day(3, B, kill=Kill(moment))
        except Killed:
            moment += 1
        else:
            break
    assert [(0, "b", "14d"), (400, "b", "expired"), (3, "b", "7d")] == house.channel.said
    assert [("expired", EARLY)] == house.channel.word
    assert {B.fingerprint: {"14d", "7d"}} == await house.table.find_claimed_thresholds([B.fingerprint])


async def test_of_many_that_were_said_together_only_those_that_came_too_early_are_taken_back(house: House) -> None:
    soon, later = many(4, 35), [host(f"other-{number}", 39) for number in range(2)]
    await house.day(10, *soon, *later)
    await house.day(6, *soon, *later)
    await house.day(9, *soon, *later)
    assert [(10, "6 from host-001", "30d"), (9, "other-0", "30d"), (9, "other-1", "30d")] == house.channel.said
    assert ["2 warnings were premature (the bot's clock was ahead): other-0, other-1"] == [
        word for _, word in house.channel.word
    ]
    (edited,) = house.channel.edited.values()
    assert [each.host for each in soon] == [ending.name for ending in _body(edited).open]
    await house.day(12, *(each.renewed(LATER) for each in (*soon, *later)))
    assert [] == house.channel.left_open
    assert () == await house.table.list_open()


async def test_a_certificate_that_is_not_valid_yet_waits_until_it_is(house: House) -> None:
    early = host("x", days=5, begins_at=NOW + timedelta(hours=12))
    await house.day(0, early)
    assert [] == house.channel.said
    await house.day(1, early)
    assert [(1, "x", "7d")] == house.channel.said


async def test_two_checks_at_once_say_it_once(house: House) -> None:
    watch = NoticeContext(CHANNEL, TOKYO, frozenset({"b"}))
    notices = ExpiryNotifier(house.table, house.log, house.channel, lambda: watch)
    await asyncio.gather(*(notices.check(report(B), NOW) for _ in range(5)))
    assert [(0, "b", "14d")] == house.channel.said
    assert 1 == len(house.log.events)


# Many at once.


def many(count: int, days: float = 20) -> list[Held]:
    return [host(f"host-{number:03}", days) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (MAX_SEPARATE_MESSAGES, [(0, f"host-00{number}", "30d") for number in range(1, MAX_SEPARATE_MESSAGES + 1)]),
        (MAX_SEPARATE_MESSAGES + 1, [(0, f"{MAX_SEPARATE_MESSAGES + 1} from host-001", "30d")]),
        (254, [(0, "254 from host-001", "30d")]),
    ],
)
async def test_a_few_have_a_message_each_and_more_have_one_together(
    house: House, count: int, said: list[tuple[int, str, str]]
) -> None:
    await house.day(0, *many(count))
    assert said == house.channel.said
    assert count == len(await house.table.list_open())


async def test_of_many_the_renewed_ones_are_settled_in_the_message_and_named_in_its_thread(house: House) -> None:
    hosts = many(254)
    await house.day(0, ca(), *hosts)
    renewed = [each.renewed(LATER) for each in hosts]
    await house.day(1, ca(), *renewed[:3], *hosts[3:])
    (edited,) = house.channel.edited.values()
    assert (251, 3) == (len(_body(edited).open), len(_body(edited).settled))
    await house.day(2, ca(), *renewed[:1], *(unread(each.host) for each in hosts[1:]))
    assert 251 == len(await house.table.list_open())
    await house.day(3, ca(), *renewed)
    (edited,) = house.channel.edited.values()
    assert {SettlementKind.RENEWED} == {ending.settled.how for ending in _body(edited).endings if ending.settled is not None}
    assert [] == house.channel.left_open
    assert [
        "3 certificates resolved: host-001, host-002, host-003",
        "251 certificates resolved: host-004, host-005, host-006, host-007, host-008 and 246 more",
    ] == [word for _, word in house.channel.word]
    assert 1 == len(house.channel.posted)


async def test_what_was_settled_before_and_is_not_known_now_stays_settled(house: House) -> None:
    hosts = many(6)
    await house.day(0, *hosts)
    await house.day(1, hosts[0].renewed(LATER), *hosts[1:])
    await house.day(2, unread("host-001"), hosts[1].renewed(LATER), *hosts[2:])
    (edited,) = house.channel.edited.values()
    assert {"host-001": SettlementKind.EARLIER, "host-002": SettlementKind.RENEWED} == {
        ending.name: ending.settled.how for ending in _body(edited).settled if ending.settled is not None
    }


async def test_hosts_and_cas_at_the_same_threshold_do_not_share_a_message(house: House) -> None:
    """A CA's end is said in other words, and no renewal mends it."""
    await house.day(0, ca("One", 20), ca("Two", 25), *many(6))
    assert [(0, "One", "30d"), (0, "Two", "30d"), (0, "6 from host-001", "30d")] == house.channel.said


# Two that are easily taken for one.


async def test_of_two_cas_each_has_its_notices_and_only_the_one_that_nobody_trusts_is_settled(house: House) -> None:
    old, new = ca("Flatnet CA", 80), Held("Flatnet CA", NOW + timedelta(days=170), serial=2)
    await house.day(0, old, new, host("x", 800))
    await house.day(1, new, host("x", 800))
    assert [(0, "Flatnet CA", "90d"), (0, "Flatnet CA", "180d")] == house.channel.said
    assert ["90d"] == [threshold for threshold, _ in house.channel.word]


async def test_one_certificate_on_two_hosts_has_one_notice_until_both_have_another(house: House) -> None:
    copied = B.row.model_copy(update={"host": "b2", "cells": (Cell(text="b2", value="b2"), *B.row.cells[1:])})
    await house.day(0, B, copied)
    await house.day(1, B.renewed(LATER), copied)
    assert [(0, "b", "14d")] == house.channel.said
    assert ["b"] == house.channel.left_open
    await house.day(2, B.renewed(LATER), host("b2", 800))
    assert [] == house.channel.left_open


async def test_a_renewal_that_ends_soon_itself_has_notices_of_its_own(house: House) -> None:
    await house.day(0, B)
    await house.day(1, B.renewed(NOW + timedelta(days=12)))
    assert [(0, "b", "14d"), (1, "b", "14d")] == house.channel.said


async def test_a_report_on_some_hosts_settles_nothing_of_the_others(house: House) -> None:
    await house.day(0, OLD_CA, host("a", 9), B)
    await house.day(1, NEW_CA, host("well", 800), hosts={"a", "b", "well"})
    assert ["Flatnet CA", "a", "b"] == house.channel.left_open


# Rows.


async def test_a_channel_that_is_configured_later_takes_what_comes_then(house: House) -> None:
    nowhere = NoticeContext("", TOKYO, frozenset({"b"}))
    await ExpiryNotifier(house.table, house.log, house.channel, lambda: nowhere).check(report(B), NOW)
    await house.day(3, B)
    assert ["", CHANNEL] == [bulletin.channel for bulletin in house.channel.posted.values()]


async def test_closed_notices_are_forgotten_after_a_year_and_open_ones_never(house: House) -> None:
    await house.day(0, B, C)
    await house.day(1, B.renewed(LATER), unread("c"))
    year = NOW + timedelta(days=1) + RETENTION
    await house.table.prune(year)
    assert {B.fingerprint: {"14d"}} == await house.table.find_claimed_thresholds([B.fingerprint])
    await house.table.prune(year + timedelta(seconds=1))
    assert {} == await house.table.find_claimed_thresholds([B.fingerprint])
    assert {C.fingerprint: {"7d"}} == await house.table.find_claimed_thresholds([C.fingerprint])


async def test_a_claim_is_kept_as_it_was_first_made(house: House) -> None:
    first = StoredNotice("f" * 64, "7d", "x", "x", False, NOW, "notice-1")
    second = StoredNotice("f" * 64, "7d", "y", "y", True, LATER, "notice-2")
    await house.table.claim([first], NOW)
    await house.table.mark_posted("notice-1", NOW)
    await house.table.claim([second], NOW)
    assert [("x", "notice-1", NOW)] == [(row.name, row.message, row.said_at) for row in await house.table.list_open()]
