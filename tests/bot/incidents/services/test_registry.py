"""Acts on incidents over a real audit log: one succeeds, is recorded once, and its row follows, whatever crashes between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.audit_log.files import HeadUnavailable
from bot.audit_log.log import AuditLog, EventKind
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.requests import ActRequest, AlreadyOpen, IncidentRequest, NoSuchIncident, SeveralIncidents
from bot.incidents.rules.transitions import AlreadyResolved, NotNow
from bot.incidents.rules.visibility import IncidentReader
from bot.incidents.services.registry import PRIVACY_CACHE, IncidentRegistry
from bot.incidents.tables.incidents import IncidentMove, IncidentTable
from bot.incidents.tables.timeline import JOURNAL_POSITION, FollowPosition, TimelineTable
from bot.model.incident import Incident, IncidentState, TimelineEntry
from bot.store.audit_chain import AuditKey, AuditKeys, StoredEvent
from bot.store.database import Database
from bot.store.encoding import encode_json
from bot.store.errors import DatabaseFull, TooLarge
from bot.store.schema.tables import AUDIT
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.values.arguments import ALL_HOSTS
from tests.bot.clockwork import Time, at
from tests.bot.incidents.handlers.test_show import resolving
from tests.bot.keeping import Made

BEGAN = at("2026-01-31T03:00")
KEYS = AuditKeys(AuditKey(b"k" * 32))
PLACE = "C0INC"


class Killed(BaseException):
    """The end of the process: nothing catches it."""


class Dying(IncidentTable):
    """A table of a bot that dies before the row is written, as often as `deaths` says. `full`: no row can be written."""

    deaths = 0
    full = False

    async def follow(self, moves: Sequence[IncidentMove], position: FollowPosition) -> tuple[TimelineEntry, ...]:
        if self.deaths:
            self.deaths -= 1
            raise Killed
        if self.full:
            raise DatabaseFull(Phrase("full"))
        return await super().follow(moves, position)


@dataclass
class Room:
    """A registry over one database and one audit log (or a double of it); `restart` makes another one, as a new process
    does.
    """

    database: Database
    audit: Any
    time: Time

    def __post_init__(self) -> None:
        self.table = Dying(self.database)
        self.timeline = TimelineTable(self.database)
        self.restart()

    def restart(self) -> None:
        self.book = IncidentRegistry(self.table, self.timeline, self.audit, self.time.now)

    async def open(self, operation: str = "op-1", place: str = PLACE, **fields: Any) -> Incident:
        return await self.book.open(
            IncidentRequest(operation, "502", ALL_HOSTS, "ana", **{"private": False, **fields}), place
        )

    async def act(
        self, act: IncidentAct, operation: str, judge: Callable[[Incident], Incident], number: int = 1, **data: Any
    ) -> Incident:
        return await self.book.act(number, ActRequest(act, operation, "ben", lambda incident, now: judge(incident), data))

    async def note(self, operation: str, text: str = "x", number: int = 1) -> Incident:
        return await self.act(IncidentAct.NOTED, operation, lambda incident: incident, number, text=text)

    async def reopen(self, operation: str, number: int = 1) -> Incident:
        return await self.act(IncidentAct.REOPENED, operation, life.judge_reopening, number, text="again")

    async def merge(self, operation: str, number: int, into: Incident) -> Incident:
        return await self.act(IncidentAct.MERGED, operation, lambda each: life.judge_merge(each, into), number)

    async def told(self, number: int = 1) -> list[str]:
        """Return the texts of a timeline."""
        return [str(entry.text) for entry in await self.book.read_timeline(number)]

    async def recorded(self) -> list[str]:
        return [
            event.data.split('"incident":"')[1].split('"')[0]
            for event in await self.audit.find_all_signed(EventKind.INCIDENT)
        ]


@pytest.fixture
async def room(database: Database, tmp_path: Path) -> AsyncIterator[Room]:
    time = Time(BEGAN)
    audit = await AuditLog.open(database, KEYS, tmp_path / "heads", time.now)
    yield Room(database, audit, time)
    await audit.aclose()


async def test_an_act_is_one_signed_event_one_version_and_one_entry(room: Room) -> None:
    opened = await room.open(severity=Severity.HIGH, began_at=BEGAN - timedelta(hours=1), alerts=(4,))
    assert (1, 1, "ana", Severity.HIGH, (4,)) == (opened.number, opened.version, opened.lead, opened.severity, opened.alerts)
    noted = await room.note("op-2", "dns?")
    resolved = await room.book.act(1, resolving("op-3"))
    assert [2, 3] == [noted.version, resolved.version]
    assert replace(opened, version=2) == noted
    assert ["opened: 502 (all)", "dns?", "resolved: dns"] == await room.told()
    assert ["opened", "noted", "resolved"] == await room.recorded()
    assert resolved == await room.table.find(1), "the row is the value that was returned"
    assert (await room.audit.verify("ana", "")).intact


@pytest.mark.parametrize("deaths", [1, 2])
async def test_an_opening_whose_bot_died_before_the_row_is_made_up_for(room: Room, deaths: int) -> None:
    room.table.deaths = deaths
    for _ in range(deaths):
        with pytest.raises(Killed):
            await room.open()
        room.restart()
    assert ["opened"] == await room.recorded()
    again = await room.open()
    assert (1, "op-1", 1) == (again.number, again.operation, again.version)
    assert ["opened"] == await room.recorded()
    assert 2 == (await room.open("op-2", "C0OPS")).number


async def test_an_act_whose_bot_died_before_the_row_is_made_up_for_by_whatever_comes_next(room: Room) -> None:
    await room.open()
    room.table.deaths = 1
    with pytest.raises(Killed):
        await room.book.act(1, resolving("op-2"))
    assert (await room.book.find(1, "")).open
    room.restart()
    await room.book.follow()
    assert not (await room.book.find(1, "")).open
    assert "dns" == (await room.book.act(1, resolving("op-2", "another"))).was, "the same request again"
    assert ["opened", "resolved"] == await room.recorded()
    assert ["opened: 502 (all)", "resolved: dns"] == await room.told()


async def test_an_act_whose_row_a_full_database_does_not_take_has_happened_and_is_answered_so(room: Room) -> None:
    """A person who reads of an error does it again, and the timeline would have it twice."""
    await room.open()
    room.table.full = True
    assert "dns" == (await room.book.act(1, resolving("op-2"))).was
    assert (await room.book.find(1, "")).open
    with pytest.raises(DatabaseFull):
        await room.book.act(1, resolving("op-3"))
    room.table.full = False
    await room.book.follow()
    assert ["opened", "resolved"] == await room.recorded()
    assert ["opened: 502 (all)", "resolved: dns"] == await room.told()


async def test_an_act_that_is_in_the_log_happened_also_if_its_head_line_could_not_be_written(
    room: Room, tmp_path: Path
) -> None:
    """The person is told of the trouble. The log has the act, so the row follows it, and a repeated request finds it."""
    await room.open()
    heads = tmp_path / "heads"
    written = heads.read_bytes()
    heads.unlink()
    heads.mkdir()
    with pytest.raises(HeadUnavailable):
        await room.book.act(1, resolving("op-2"))
    heads.rmdir()
    heads.write_bytes(written)
    assert "dns" == (await room.book.act(1, resolving("op-2"))).was
    assert ["opened", "resolved"] == await room.recorded()


async def test_following_twice_or_from_the_beginning_changes_nothing(room: Room) -> None:
    await room.open()
    await room.note("op-2")
    known, told = await room.book.find(1, ""), await room.told()
    await room.book.follow()
    await room.timeline.add([], FollowPosition(JOURNAL_POSITION, 0))
    await room.book.follow()
    await room.timeline.add([], FollowPosition(JOURNAL_POSITION, 10**6))
    await room.book.follow()
    assert (known, told) == (await room.book.find(1, ""), await room.told())
    await room.note("op-3", "y")
    assert ["opened: 502 (all)", "x", "y"] == await room.told()


async def test_of_two_who_resolve_it_in_one_instant_the_second_is_refused(room: Room) -> None:
    await room.open()
    acts = (room.book.act(1, resolving("op-2", "dns", "ana")), room.book.act(1, resolving("op-3", "disk", "ben")))
    first, second = await asyncio.gather(*acts, return_exceptions=True)
    assert isinstance(first, Incident)
    assert isinstance(second, AlreadyResolved)
    assert ("dns", ["opened", "resolved"]) == (first.was, await room.recorded())


@pytest.mark.parametrize("reopened_first", [False, True])
async def test_a_resolution_and_a_reopening_in_one_instant_are_one_after_the_other(room: Room, reopened_first: bool) -> None:
    await room.open()
    acts = [room.book.act(1, resolving("op-2")), room.reopen("op-3")]
    results = await asyncio.gather(*(reversed(acts) if reopened_first else acts), return_exceptions=True)
    refused = [str(each) for each in results if isinstance(each, Exception)]
    assert (["incident 1 is already open"] if reopened_first else []) == refused
    assert reopened_first is not (await room.book.find(1, "")).open
    assert len(await room.told()) == len(await room.recorded()) == 3 - len(refused)


async def test_what_an_act_must_know_is_asked_under_the_lock(room: Room) -> None:
    """An alert that fires while two people resolve is seen by the one whose turn it is."""
    await room.open()
    seen: list[tuple[int, IncidentState]] = []

    async def check(incident: Incident) -> None:
        await asyncio.sleep(0)
        seen.append((incident.version, incident.state))
        if len(seen) == 1:
            raise Refused(Phrase("an alert is firing"))

    both = (room.book.act(1, replace(resolving(name), check=check)) for name in ("op-2", "op-3"))
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert ("an alert is firing", Incident) == (str(first), type(second))
    assert [(1, IncidentState.OPEN)] * 2 == seen


async def test_a_reopened_incident_can_be_resolved_anew(room: Room) -> None:
    await room.open()
    await room.book.act(1, resolving("op-2"))
    again = await room.reopen("op-3")
    assert (IncidentState.OPEN, "", None) == (again.state, again.was, again.resolved_at)
    assert "disk" == (await room.book.act(1, resolving("op-4", "disk"))).was
    assert ["opened: 502 (all)", "resolved: dns", "reopened: again", "resolved: disk"] == await room.told()


async def test_one_whose_channel_has_another_by_now_is_not_reopened(room: Room) -> None:
    await room.open()
    await room.book.act(1, resolving("op-2"))
    await room.open("op-3")
    with pytest.raises(NotNow, match="another incident is open in the channel of incident 1"):
        await room.reopen("op-4")
    assert ["opened", "resolved", "opened"] == await room.recorded()


async def test_a_forged_event_changes_nothing_and_stops_nothing(room: Room) -> None:
    await room.open()
    data = {"incident": "resolved", "number": 1, "version": 2, "state": "resolved", "was": "forged"}
    forged = StoredEvent(
        2, "2026-01-31T03:00:00.000000Z", "incident", "eve", "op-9", encode_json(data), KEYS.signing.id, "", "0"
    )
    await room.database.run(lambda connection: connection.execute(insert(AUDIT), forged._asdict()) and None)
    await room.book.follow()
    assert (await room.book.find(1, "")).open
    assert 2 == (await room.note("op-2")).version
    assert ["opened: 502 (all)", "x"] == await room.told()


async def test_two_openings_of_one_channel_in_the_log_are_one_incident(room: Room) -> None:
    """A bot of another version may have recorded the second one; what follows is not kept from its row."""
    await room.open()
    other = {"incident": "opened", "number": 2, "version": 1, "operation": "op-2", "channel": PLACE}
    await room.audit.record(EventKind.INCIDENT, "ben", "op-2", {**other, "opened_at": BEGAN.isoformat()})
    assert 2 == (await room.note("op-3")).version
    with pytest.raises(NoSuchIncident):
        await room.book.find(2, "")


async def test_a_clock_that_is_set_back_keeps_the_order_of_what_was_recorded(room: Room) -> None:
    await room.open()
    room.time.at = BEGAN - timedelta(hours=2)
    await room.note("op-2")
    resolved = await room.book.act(1, resolving("op-3"))
    assert (3, room.time.at) == (resolved.version, resolved.resolved_at)
    recorded = await room.timeline.read_after(1, 0)
    assert ["opened: 502 (all)", "x", "resolved: dns"] == [str(entry.text) for entry in recorded]


async def test_no_act_is_taken_while_the_audit_log_is_in_doubt(room: Room) -> None:
    await room.open()
    room.audit.trouble = Phrase("events are missing")
    why = "changes are blocked while the audit log is inconsistent: events are missing"
    for attempt in (room.note("op-2"), room.open("op-3", "C0OPS"), room.book.act(1, resolving("op-4"))):
        with pytest.raises(Refused, match=why):
            await attempt
    assert ["opened"] == await room.recorded()
    assert (await room.book.find(1, "")).open, "it is read and listed as before"


async def test_an_act_that_no_row_could_hold_is_refused_and_not_recorded(room: Room) -> None:
    await room.open()
    with pytest.raises(TooLarge):
        await room.act(IncidentAct.UPDATED, "op-2", lambda incident: life.judge_update(incident, BEGAN, "x" * 70_000))
    assert ["opened"] == await room.recorded()


async def test_a_document_that_cannot_be_read_is_made_up_for_by_the_columns(room: Room) -> None:
    opened = await room.open(severity=Severity.LOW)
    await room.database.run(lambda connection: connection.exec_driver_sql("UPDATE incidents SET document = '{'") and None)
    assert replace(opened, severity=None, lead="") == await room.book.find(1, "")
    assert 2 == (await room.note("op-2")).version


BEN = IncidentReader("ben", frozenset({Role.OPERATOR}), "C0OPS")


async def test_without_a_number_the_channel_s_incident_is_meant_else_the_only_one(room: Room) -> None:
    channels = Made()
    with pytest.raises(NoSuchIncident):
        await room.book.find_current(0, BEN, channels)
    await room.open()
    await room.open("op-2", "C0SECRET", private=True)
    assert 1 == (await room.book.find_current(0, BEN, channels)).number, "the other one is hidden"
    assert 2 == (await room.book.find_current(0, replace(BEN, channel="C0SECRET"), channels)).number
    schedule = replace(BEN, channel="C0SECRET", in_public=True, movable=True)
    assert 1 == (await room.book.find_current(0, schedule, channels)).number, "its answer may go where others read it"
    with pytest.raises(NoSuchIncident, match="no incident 2"):
        await room.book.find_current(2, BEN, channels)
    await room.open("op-3", "")
    with pytest.raises(SeveralIncidents) as several:
        await room.book.find_current(0, BEN, channels)
    assert ((1, 3), ("incident show 1", "incident show 3")) == (several.value.numbers, several.value.suggestions)
    await room.book.act(3, resolving("op-4"))
    assert 3 == (await room.book.find_current(0, BEN, channels, "op-4")).number, "the request has acted on it"
    assert 1 == (await room.book.find_current(0, BEN, channels, "op-5")).number


async def test_the_number_of_a_duplicate_leads_to_the_other_one_for_those_who_may_see_it(room: Room) -> None:
    channels, ana = Made(), replace(BEN, name="ana")
    [first, second, third] = [
        await room.open("op-1", "C0A"), await room.open("op-2", "C0B"), await room.open("op-3", "C0C", private=True)
    ]  # fmt: skip
    await room.merge("op-4", 1, second)
    assert 2 == (await room.book.find_current(first.number, BEN, channels)).number
    await room.merge("op-5", 2, third)
    assert [3, 2] == [(await room.book.find_current(1, reader, channels)).number for reader in (ana, BEN)]
    assert ["opened: 502 (all)", "merged into another incident"] == await room.told(2)
    assert (third,) == await room.book.list_working()
    assert "op-6" == (await room.open("op-6", "C0A")).operation, "the channel is free again"


async def test_what_was_private_stays_so_after_its_channel_was_made_public(room: Room) -> None:
    channels = Made()
    channels.private.add(PLACE)
    await room.open(private=True)
    await room.book.act(1, resolving("op-2"))
    channels.private.clear()
    await room.open("op-3")
    room.time.move(BEGAN + PRIVACY_CACHE)
    for _ in range(2):
        seen = await room.book.look_up_privacy(await room.book.list_incidents(), channels)
        assert [True, False] == [each.private for each in seen]
    channels.private.add(PLACE)
    room.time.move(BEGAN + 2 * PRIVACY_CACHE)
    await room.book.look_up_privacy(await room.book.list_incidents(), channels)
    assert [True, True] == [each.private for each in await room.book.list_incidents()]
    assert (await room.note("op-4", number=2)).private, "an act does not take it back"


async def test_a_channel_that_was_made_private_is_noticed_after_the_clock_was_set_back(room: Room) -> None:
    channels = Made()
    await room.open()
    await room.book.look_up_privacy(await room.book.list_incidents(), channels)
    channels.private.add(PLACE)
    room.time.move(BEGAN - timedelta(hours=1))
    assert [True] == [each.private for each in await room.book.look_up_privacy(await room.book.list_incidents(), channels)]


async def test_slack_is_not_asked_about_an_incident_without_a_channel(room: Room) -> None:
    channels = Made()
    channels.unknown.add("")
    opened = await room.open(place="")
    assert ("", (opened,)) == (opened.channel, await room.book.look_up_privacy((opened,), channels))
    second = await room.open("op-2", "D0ANA", private=True)
    assert ("", 2) == (second.channel, second.number), "any number of them can be open"


async def test_a_second_request_for_a_channel_is_led_to_the_first_one(room: Room) -> None:
    await room.open()
    with pytest.raises(AlreadyOpen) as refused:
        await room.open("op-2")
    assert ("incident show 1",) == refused.value.suggestions
