"""The report of an incident: read from signed events and rows, and shown only as far as its readers may see."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.audit_log.log import EventKind
from bot.incidents.handlers.audience import make_shared_sight
from bot.incidents.handlers.report import ResolutionReports
from bot.incidents.handlers.report_sources import ReportRequest, SourceReader
from bot.incidents.model import ReportSources
from bot.incidents.services.proof import EntryFlaw
from bot.model.alert import Alert, AlertChange, AlertEpisode, AlertState
from bot.model.announcement import Announcement
from bot.model.change import ChangeState
from bot.model.incident import EntryKind, Incident, IncidentState, TimelineEntry
from bot.store.audit_chain import ChainProblem, StoredEvent, Verification
from bot.store.audit_head_file import Head
from bot.store.database import Database
from bot.store.encoding import encode_json, encode_time
from commands.alerts.conditions import Condition
from commands.catalogue import CATALOGUE
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_registry import Alerts
from tests.bot.incidents.handlers.test_show import Office
from tests.bot.incidents.report_example import DIGEST, INCIDENT, SHA256, at, entry
from tests.bot.keeping import Made, NoIncidents
from tests.bot.requests.test_dispatcher import config
from tests.commands.canned import host, view

HOSTS = (host("host-a", 1), host("host-b", 2, labels=("osaka",)))
INVENTORY = view(*HOSTS).fleet.inventory
ANA = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR}))
VERA = Person(name="vera", slack=("U1VERA",), roles=frozenset({Role.VIEWER}))
OPEN_TO_ALL = Policy((ANA, VERA))
OSAKA_IS_HIDDEN = Policy(
    (ANA, VERA),
    grants=(Grant(operations=("alert show", "health", "op show", "disk"), roles=frozenset(Role), labels=("tokyo",)),),
)

RUN = "op-aaaaaaaaaaaa"
COLLECT = "op-bbbbbbbbbbbb"


class Log:
    """An audit log of given events."""

    def __init__(self, *events: tuple[EventKind, str, Mapping[str, Any], float]) -> None:
        self.events = tuple(
            StoredEvent(number, encode_time(at(minutes)), kind, "alice", operation, encode_json(data), "k", "", "m")
            for number, (kind, operation, data, minutes) in enumerate(events, 1)
        )
        self.found: Verification | FlatnetError = Verification(count=len(events), mac="m")

    async def read_newest(self) -> Head | None:
        return Head(len(self.events), "m", self.events[-1].at) if self.events else None

    async def find_last_before(self, when: datetime) -> int:
        return max((event.sequence for event in self.events if event.at < encode_time(when)), default=0)

    async def list_after(self, sequence: int, most: int) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.events if event.sequence > sequence)[:most]

    async def read_signed(self, kinds: Sequence[EventKind], after: int, until: int) -> tuple[StoredEvent, ...]:
        return tuple(event for event in self.events if after < event.sequence <= until and event.kind in kinds)

    async def verify(self, actor: str, operation: str) -> Verification:
        if isinstance(self.found, FlatnetError):
            raise self.found
        return self.found


class Book(NoIncidents):
    """Incidents with one timeline."""

    def __init__(self, *entries: TimelineEntry, incident: Incident = INCIDENT) -> None:
        self.entries, self.incident = entries, incident

    async def list_incidents(self) -> tuple[Incident, ...]:
        return (self.incident,)

    async def read_timeline(self, number: int, most: int = 0) -> tuple[TimelineEntry, ...]:
        return self.entries


class History(Alerts):
    """Alerts with a history."""

    def __init__(self, *episodes: AlertEpisode, changes: Sequence[AlertChange] = ()) -> None:
        super().__init__()
        self.moves = changes
        for each in episodes:
            self.episodes[each.alert.host] = (*self.episodes.get(each.alert.host, ()), each)

    async def list_changes(self, number: int) -> tuple[AlertChange, ...]:
        return tuple(change for change in self.moves if change.alert == number)


def alert(number: int, name: str, condition: Condition = Condition.NEBULA) -> Alert:
    return Alert(
        number=number,
        host=name,
        subject="nebula",
        condition=condition,
        severity=Severity.CRITICAL,
        state=AlertState.RESOLVED,
        short=Phrase("down"),
        why=Phrase("down"),
        began_at=at(-12),
        checked_at=at(0),
    )


class Verifier:
    """Finds a flaw in entry 99. The source of entry 98 has expired."""

    async def verify(self, entries: Sequence[TimelineEntry], incident: Incident | None = None) -> tuple[EntryFlaw, ...]:
        flaws = (EntryFlaw(each.number, Phrase("differs"), each.number == 98) for each in entries)
        return tuple(flaw for flaw in flaws if flaw.entry in (98, 99))


async def read(
    book: Book, log: Log | None = None, alerts: History | None = None, policy: Policy = OPEN_TO_ALL, *, watched: bool = True
) -> ReportSources:
    sight = make_shared_sight(policy, INVENTORY, CATALOGUE, "C0INCIDENT")
    request = ReportRequest(book.incident, sight, INVENTORY, "ana", "op-1", watched)
    return await SourceReader(book, alerts or History(), log or Log(), Verifier(), lambda: at(80)).read(request)


def change(number: int, name: str = "host-a", operation: str = RUN, minutes: float = 20) -> TimelineEntry:
    return entry(
        number, minutes, EntryKind.CHANGE, "started", words=f"cert renew {name}", operation=operation, hosts=(name,)
    )


def fired(number: int, about: int, name: str = "") -> TimelineEntry:
    hosts = (name,) if name else ()
    return entry(number, -10, EntryKind.ALERT, "fired", source=f"alert:{about}/1", about=about, author="", hosts=hosts)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SECURITY])
async def test_an_alert_of_the_bot_itself_needs_the_right_to_alerts(role: Role) -> None:
    """It is about no host."""
    policy = Policy((ANA, VERA), grants=(Grant(operations=("alert show",), roles=frozenset({role, Role.OPERATOR})),))
    sources = await read(Book(fired(1, 12)), policy=policy)
    assert (0 if role is Role.VIEWER else 1) == sources.withheld


async def test_a_change_has_the_digest_and_the_outcome_of_its_signed_events() -> None:
    log = Log(
        (EventKind.PLAN, RUN, {"digest": DIGEST, "hosts": ["host-a"]}, 20),
        (EventKind.BREAK_GLASS, RUN, {"reason": "night"}, 20),
        (EventKind.OWED, RUN, {"owed": "left", "items": ["host-b"]}, 30),
        (EventKind.END, RUN, {"state": "done", "approval": None}, 31),
        (EventKind.PLAN, "op-cccccccccccc", {"digest": "0" * 64}, 40),
    )
    [told] = (await read(Book(change(1), change(2)), log)).changes
    assert (DIGEST, 1, "alice", ChangeState.DONE, at(31), ("host-b",), True) == (
        told.digest,
        told.plan,
        told.requester,
        told.state,
        told.ended_at,
        told.owed,
        told.break_glass,
    )


async def test_a_change_whose_signed_plan_is_gone_is_counted_as_expired() -> None:
    found = await read(Book(change(1)), Log((EventKind.END, RUN, {"state": "done"}, 31)))
    assert (1, "", ChangeState.DONE) == (found.expired, found.changes[0].digest, found.changes[0].state)


async def test_an_end_after_the_resolution_still_counts_and_one_of_long_after_does_not() -> None:
    ends = [(EventKind.END, RUN, {"state": state}, minutes) for state, minutes in (("failed", 90), ("done", 60 * 24 * 9))]
    [told] = (await read(Book(change(1)), Log(*ends))).changes
    assert ChangeState.FAILED is told.state


async def test_the_change_of_an_hour_that_came_twice_has_its_outcome() -> None:
    log = Log(
        (EventKind.PLAN, RUN, {"digest": DIGEST, "hosts": ["host-a"]}, 20),
        (EventKind.END, RUN, {"state": "done", "approval": None}, 31),
        (EventKind.START, "", {}, -40),
    )
    begun = replace(change(1), source="audit:1")
    noted = entry(2, -30, EntryKind.NOTE, "noted after the clock was set back", source="audit:3")
    [told] = (await read(Book(begun, noted), log)).changes
    assert (DIGEST, ChangeState.DONE) == (told.digest, told.state)


async def test_evidence_is_what_was_delivered_and_a_look_without_a_recorded_file_is_named() -> None:
    looks = [
        entry(1, 5, EntryKind.LOOK, "looked", words="log collect host-a", operation=COLLECT, hosts=("host-a",)),
        entry(2, 6, EntryKind.LOOK, "looked", words="log collect host-b", operation="op-dddddddddddd", hosts=("host-b",)),
        entry(3, 7, EntryKind.LOOK, "looked", words="disk host-a", operation="op-eeeeeeeeeeee", hosts=("host-a",)),
    ]
    log = Log(
        (EventKind.EXPORT, COLLECT, {"file": "evidence.zip", "bytes": 12, "sha256": SHA256}, 6),
        (EventKind.EXPORT, "op-ffffffffffff", {"file": "other.zip", "bytes": 12, "sha256": SHA256}, 6),
        (EventKind.EXPORT, "op-eeeeeeeeeeee", {"since": "2h", "form": "csv"}, 7),
    )
    found = await read(Book(*looks), log)
    assert [("evidence.zip", 12, SHA256, 1)] == [
        (each.name, each.size, each.sha256, each.sequence) for each in found.evidence
    ]
    assert [2] == [each.number for each in found.unrecorded]


async def test_alerts_have_their_times_and_the_acknowledgments_of_people() -> None:
    def moved(version: int, minutes: float, state: AlertState, actor: str = "") -> AlertChange:
        return AlertChange(alert=12, version=version, at=at(minutes), state=state, severity=Severity.HIGH, actor=actor)

    history = History(
        AlertEpisode(alert(12, "host-a"), at(-10), at(36)),
        AlertEpisode(alert(13, "host-b", Condition.SILENT), at(3), None),
        AlertEpisode(alert(77, "host-a"), at(1), None),
        changes=[
            moved(1, -900, AlertState.ACKNOWLEDGED, "earlier"),
            moved(4, 3, AlertState.ACKNOWLEDGED, "alice"),
            moved(5, 4, AlertState.ACKNOWLEDGED),
        ],
    )
    found = await read(Book(fired(1, 12, "host-a"), fired(2, 13, "host-b"), fired(3, 14, "host-a")), alerts=history)
    assert [(12, False, at(36), [("alice", 4)]), (13, True, None, [])] == sorted(
        (each.number, each.silent, each.ended_at, [(one.person, one.version) for one in each.acknowledgments])
        for each in found.alerts
    )
    assert 1 == found.expired


async def test_between_its_last_event_and_its_start_the_bot_may_have_been_down() -> None:
    log = Log(
        (EventKind.REQUEST, "op-1", {}, 10),
        (EventKind.START, "", {}, 15),
        (EventKind.STOP, "", {}, 20),
        (EventKind.START, "", {}, 21),
    )
    assert ((at(10), at(15)), (at(20), at(21))) == (await read(Book(), log)).downtimes


async def test_without_alerts_nothing_is_known_of_any_host() -> None:
    [(began, ended)] = (await read(Book(), watched=False)).downtimes
    assert began <= at(-12)
    assert at(80) <= ended


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Verification(count=9, mac="m"), True),
        (Verification(count=6, mac="m", problem=ChainProblem(sequence=7, phrase=Phrase("modified"))), False),
        (Verification(count=8, mac="m", problem=ChainProblem(sequence=9, phrase=Phrase("modified"))), True),
        (FlatnetError(Phrase("the disk is full")), None),
    ],
    ids=["intact", "broken inside", "broken after it", "not readable"],
)
async def test_the_range_of_the_timeline_is_proven_by_the_chain_before_its_end(
    found: Verification | FlatnetError, expected: bool | None
) -> None:
    log = Log()
    log.found = found
    book = Book(*(entry(number, 1, EntryKind.NOTE, "…", source=f"audit:{number}") for number in (3, 8)))
    proof = (await read(book, log)).proof
    assert (3, 8, expected) == (proof.first, proof.last, proof.verified)


async def test_an_entry_that_its_source_does_not_prove_is_named_even_if_it_is_withheld() -> None:
    hidden = [entry(number, 1, EntryKind.CHANGE, "…", hosts=("host-b",), operation=RUN) for number in (98, 99)]
    found = await read(Book(*hidden), policy=OSAKA_IS_HIDDEN)
    assert ((99,), (), 2) == (found.proof.differing, tuple(found.entries), found.withheld)


async def test_what_not_all_may_see_is_counted_and_its_hosts_have_no_lane() -> None:
    book = Book(
        fired(1, 12, "host-a"),
        fired(2, 13, "host-b"),
        change(3, "host-b"),
        entry(4, 5, EntryKind.LOOK, "looked", words="disk host-b", operation=COLLECT, hosts=("host-b",)),
        entry(5, 6, EntryKind.LOOK, "looked", words="no such command", operation=COLLECT, hosts=("host-b",)),
        entry(6, 7, EntryKind.NOTE, "a note is for all"),
    )
    history = History(AlertEpisode(alert(13, "host-b"), at(-10), None))
    hidden, shown = await read(book, alerts=history, policy=OSAKA_IS_HIDDEN), await read(book, alerts=history)
    assert ([6], 5, (), (), ()) == (
        [each.number for each in hidden.entries],
        hidden.withheld,
        tuple(hidden.alerts),
        tuple(hidden.changes),
        tuple(hidden.hosts),
    )
    assert ([1, 2, 3, 4, 6], 1, ("host-a", "host-b")) == (
        [each.number for each in shown.entries],
        shown.withheld,
        tuple(shown.hosts),
    )


class Posting(Made):
    """The reports of one bot, and what it posted."""

    def __init__(self, incident: Incident, now: Callable[[], datetime] = lambda: at(80)) -> None:
        super().__init__()
        self.said: dict[str, Announcement] = {}
        self.failing = False
        book = Book(entry(1, 0, EntryKind.OPENED, "opened"), incident=incident)
        active = replace(config(), policy=OPEN_TO_ALL, fleet=view(*HOSTS).fleet)
        reader = SourceReader(book, History(), Log(), Verifier(), now)
        self.reports = ResolutionReports(book, self, reader, CATALOGUE, lambda: active)

    async def announce(self, bulletin: Announcement) -> None:
        if self.failing:
            raise FlatnetError(Phrase("Slack is not there"))
        self.said.setdefault(bulletin.name, bulletin)


class Broken(Book):
    """Two incidents, of which the first one cannot be read."""

    async def list_incidents(self) -> tuple[Incident, ...]:
        return (replace(self.incident, number=1), self.incident)

    async def read_timeline(self, number: int, most: int = 0) -> tuple[TimelineEntry, ...]:
        if number == 1:
            raise ValueError(number)
        return self.entries


async def test_a_report_that_cannot_be_made_keeps_no_other_from_being_posted() -> None:
    posting = Posting(INCIDENT)
    posting.reports.incidents = Broken(entry(1, 0, EntryKind.OPENED, "opened"))
    posting.reports.sources = replace(posting.reports.sources, incidents=posting.reports.incidents)
    await posting.reports.post_due()
    assert 1 == len(posting.said)


async def test_the_report_is_posted_in_the_channel_once_also_by_the_next_life_of_the_bot() -> None:
    first, second = Posting(INCIDENT), Posting(INCIDENT)
    first.failing = True
    with pytest.raises(FlatnetError):
        await first.reports.post_due()
    first.failing = False
    for life in (first, first, second):
        await life.reports.post_due()
    [[name, said]] = first.said.items()
    assert [name] == [*second.said]
    assert ("C0INCIDENT", False) == (said.channel, said.private)
    report = said.body.body  # type: ignore[union-attr]
    assert isinstance(report, Report)
    assert ["incident-3.md", "incident-3.json"] == [file.name for file in report.files]
    assert report.document is not None
    assert json.dumps(report.document)


@pytest.mark.parametrize(
    ("changed", "minutes"),
    [
        ({"state": IncidentState.MITIGATED, "resolved_at": None}, 80),
        ({"state": IncidentState.DUPLICATE, "resolved_at": None}, 80),
        ({"channel": ""}, 80),
        ({}, 70 + 61),
    ],
    ids=["still worked on", "a duplicate", "without a place", "long ago"],
)
async def test_no_report_is_posted_of_another_incident(changed: dict[str, Any], minutes: float) -> None:
    posting = Posting(replace(INCIDENT, **changed), lambda: at(minutes))
    await posting.reports.post_due()
    assert {} == posting.said


async def test_the_report_of_a_private_incident_goes_to_no_other_channel() -> None:
    for private in (True, None):
        posting = Posting(replace(INCIDENT, private=private))
        await posting.reports.post_due()
        assert [True] == [said.private for said in posting.said.values()]


async def test_without_a_number_the_report_is_that_of_the_channel_also_once_it_is_resolved(database: Database) -> None:
    office = Office(database)
    assert "no open incident in this channel" in await office.told("incident report")
    await office.ask('incident open "502" host-a --results everyone')
    assert "502 (host-a): open since" in await office.told("incident report")
    await office.ask('incident resolve "dns" --although "seen"')
    assert "502 (host-a): resolved at" in await office.told("incident report")
    assert "502 (host-a): resolved at" in await office.told("incident report --json")
    assert "no open incident in this channel" in await office.told("incident report", channel="C0OPS")
    await office.ask('incident open "disk" host-a --results everyone')
    await office.ask('incident resolve "full"')
    office.time.at += timedelta(minutes=1)
    await office.ask('incident reopen "again" --incident 1')
    await office.ask('incident resolve "dns" --although "seen"')
    assert "502 (host-a): resolved at" in await office.told("incident report"), "the newest end, not the highest number"
