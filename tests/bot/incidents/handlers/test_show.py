"""Incidents: one for each channel, looks that mean its hosts and its time, and what was asked there kept."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Moment, Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.incidents.model import IncidentEntry
from bot.incidents.reports.timeline import MAX_SHOWN_ENTRIES
from bot.incidents.rules.events import IncidentAct
from bot.incidents.rules.reads import apply_incident
from bot.incidents.rules.requests import ActRequest, AlreadyOpen, IncidentRequest
from bot.incidents.rules.transitions import judge_resolution
from bot.incidents.services.registry import IncidentRegistry
from bot.incidents.tables.incidents import IncidentTable
from bot.incidents.tables.timeline import TimelineTable
from bot.model.change import ChangeState
from bot.model.incident import EntryKind, Incident, TimelineEntry
from bot.model.request import Answer, ExitCode, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from bot.store.database import Database
from commands.catalogue import CATALOGUE
from commands.health.operation import Health
from commands.incidents.operations import IncidentOpen, IncidentResolve
from commands.language.grammar import parse_operation, render_operation
from commands.logs.operations import LogRead
from commands.model.operation import FleetRead, Operation, Role
from commands.model.report import Report
from commands.services.operations import ServiceStop
from commands.values.arguments import ALL_HOSTS, Option, Target, TargetArgument
from commands.values.normalize import normalize_text
from commands.values.units import parse_duration, render_duration
from tests.bot.clockwork import SignedLog, Time, at
from tests.bot.keeping import Kept
from tests.bot.records import running
from tests.bot.requests.test_dispatcher import config
from tests.commands.canned import Said, host, view

BEGAN = at("2026-01-31T03:00")
PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="vera", slack=("U1VERA",), roles=frozenset({Role.VIEWER})),
)
USUAL = Policy(PEOPLE)
HOSTS = (host("host-a", 1), host("host-b", 2, labels=("osaka",)))


def make_registry(database: Database, audit: SignedLog, now: Callable[[], datetime]) -> IncidentRegistry:
    """Return a registry over a database and an audit log."""
    return IncidentRegistry(IncidentTable(database), TimelineTable(database), audit, now)


def resolving(operation: str, was: str = "dns", by: str = "ana") -> ActRequest:
    """Return a request to resolve an incident."""
    return ActRequest(
        IncidentAct.RESOLVED, operation, by, lambda incident, now: judge_resolution(incident, now, was, by, operation)
    )


def _make_look(entry: IncidentEntry) -> TimelineEntry:
    source = f"operation:{entry.operation}"
    return TimelineEntry(
        entry.incident,
        source,
        EntryKind.LOOK,
        entry.at,
        entry.at,
        entry.actor,
        Phrase("looked"),
        words=entry.words,
        operation=entry.operation,
    )


def _make_note(look: TimelineEntry) -> TimelineEntry:
    """Makes a note right after a look."""
    at = look.happened_at + timedelta(microseconds=1)
    return replace(look, source=f"note:{look.operation}", kind=EntryKind.NOTE, happened_at=at, text=Phrase("noted"))


class Office:
    """A desk with real incidents."""

    def __init__(self, database: Database, policy: Policy = USUAL, said: Said | None = None) -> None:
        self._database = database
        self.time = Time(BEGAN)
        self.log = SignedLog(self.time.now)
        self.table = IncidentTable(database)
        self.book = make_registry(database, self.log, self.time.now)
        kept = self.kept = Kept()
        kept.incidents, self.channels = self.book, kept.channels
        self.desk = Dispatcher(
            replace(config(said), policy=policy, fleet=view(*HOSTS, said=said).fleet),
            kept.services(self.log, self.time.now),
            reference=lambda: "7f3a",
        )
        self._asked = 0

    async def ask(self, text: str, user: str = "U1ANA", channel: str = "C0INC", surface: Surface = Surface.SLACK) -> Answer:
        self._asked += 1
        who = SlackIdentity("T1", user, Membership.MEMBER)
        self.last = Request(f"t.{self._asked}", who, text, surface, self.time.now(), channel)
        return await self.work(self.last)

    async def work(self, request: Request) -> Answer:
        """One delivery, however often it is worked."""
        return await self.desk.handle(request)

    async def collect(self, *, apart: bool = True) -> None:
        """Have the requests in the channel of the first incident in its timeline, as the collector has the looks.

        `apart`: a note between each two keeps them from being folded.
        """
        stored, _ = await self.table.read_entries(1)
        step = timedelta(microseconds=2)
        looks = [_make_look(replace(entry, at=entry.at + place * step)) for place, entry in enumerate(stored)]
        notes = [_make_note(look) for look in looks] if apart else []
        await TimelineTable(self._database).add([*looks, *notes])

    async def entries(self, user: str, channel: str) -> list[tuple[str, str]]:
        """What somebody is shown of the requests in the first incident: the words, and the answer."""
        await self.collect()
        body = (await self.ask("incident show 1", user, channel)).body
        assert isinstance(body, Report)
        cells = [{column.key: cell for column, cell in zip(body.columns, row.cells, strict=True)} for row in body.rows]
        looks = [(str(each["words"].text), str(each["entry"].text)) for each in cells if each["kind"].value == "look"]
        return [(words, entry.removeprefix(f"{words}: ")) for words, entry in looks]

    @property
    def recorded(self) -> list[str]:
        """What the audit log has of incidents: the event, and who."""
        return [f"{data['incident']} by {who}" for _, who, data in self.log.events if "incident" in data]

    async def told(self, text: str, user: str = "U1ANA", channel: str = "C0INC") -> str:
        body = (await self.ask(text, user, channel)).body
        if isinstance(body, Failure):
            return str(body.phrase)
        assert isinstance(body, Report)
        return str(body.summary)


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


class Logs(FleetRead):
    """A look that reaches back."""

    words: ClassVar = ("logs",)
    summary: ClassVar = Phrase("logs")
    example: ClassVar = "logs"

    target: TargetArgument = ALL_HOSTS
    since: Annotated[timedelta | None, Option("time", Phrase("since"), parse_duration, render_duration)] = None


BOTH = Target(parts=("host-a", "host-b"))


def until(hours: float) -> LogRead:
    """Lines up to so many hours ago."""
    return LogRead(source="nebula", until=timedelta(hours=hours))


def incident(target: str = "host-a,host-b") -> Incident:
    return Incident("op-1", "C0INC", "502", target, "ana", BEGAN, number=1)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (Health(), Health(target=Target(parts=("host-a", "host-b")), here=True)),
        (Health(target=Target(parts=("host-c",))), Health(target=Target(parts=("host-c",)), here=True)),
        (Health(target=ALL_HOSTS), Health(target=ALL_HOSTS, here=True)),
        (Logs(), Logs(target=Target(parts=("host-a", "host-b")), since=timedelta(hours=2, minutes=30), here=True)),
        (
            Logs(since=timedelta(minutes=5)),
            Logs(target=Target(parts=("host-a", "host-b")), since=timedelta(minutes=5), here=True),
        ),
        (until(1), until(1).model_copy(update={"target": BOTH, "since": timedelta(hours=2, minutes=30), "here": True})),
        (until(2.5), until(2.5).model_copy(update={"target": BOTH, "here": True})),
        (until(5), until(5).model_copy(update={"target": BOTH, "here": True})),
        (ServiceStop(service="nebula", target=ALL_HOSTS), ServiceStop(service="nebula", target=ALL_HOSTS)),
        (IncidentResolve(was="nginx"), IncidentResolve(was="nginx", here=True)),
    ],
    ids=str,
)
def test_a_look_means_the_incident_s_hosts_and_time_unless_it_says_otherwise(asked: Operation, meant: Operation) -> None:
    """What somebody typed stands, also if it is `all`; a change means exactly what it says.

    The half hour before belongs to it: a channel is opened when the fault has been noticed."""
    assert meant == apply_incident(asked, incident(), BEGAN + timedelta(hours=2))
    assert asked == apply_incident(asked, None, BEGAN)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("health all", "health all --here"),
        ("health", "health host-a,host-b --here"),
        ("log collect all --since 30m", "log collect all --since 30m --here"),
        ("log nebula all --since 1h", "log nebula all --since 1h --here"),
    ],
)
def test_the_words_below_an_answer_mean_there_what_was_asked(asked: str, words: str) -> None:
    """Also where that is what an operation means elsewhere without any words."""
    meant = apply_incident(parse_operation(normalize_text(asked), CATALOGUE, CATALOGUE), incident(), BEGAN)
    assert words == render_operation(meant)
    assert meant == apply_incident(
        parse_operation(normalize_text(words), CATALOGUE, CATALOGUE), incident(), BEGAN + timedelta(hours=1)
    )


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(hours=2, seconds=1), "log nebula host-a --since 2h31m --here"),
        (timedelta(days=400), "log nebula host-a --since 366d --here"),
        (timedelta(hours=-3), "log nebula host-a --since 30m --here"),
    ],
    ids=["no second is lost", "hosts are asked about a year at most", "the clock was set back"],
)
def test_the_time_since_it_began_is_one_that_can_be_typed(passed: timedelta, words: str) -> None:
    """Its words stand below the answer, and are understood again when a button asks for more of it."""
    meant = apply_incident(LogRead(source="nebula"), incident("host-a"), BEGAN + passed)
    assert (words, meant) == (render_operation(meant), parse_operation(normalize_text(words), CATALOGUE, CATALOGUE))


@pytest.mark.parametrize(
    ("left", "words"),
    [(HOSTS[1:], "health host-b --here"), ((host("host-c", 3),), "health")],
    ids=["one of two", "both, which is refused"],
)
async def test_a_host_that_has_left_the_configuration_is_no_longer_meant_in_the_channel(
    database: Database, left: tuple[Host, ...], words: str
) -> None:
    office = Office(database)
    await office.ask('incident open "502" host-a,host-b --results everyone')
    basis = replace(config(None), policy=USUAL, fleet=view(*left).fleet)
    office.desk = Dispatcher(basis, office.kept.services(office.log, office.time.now), reference=lambda: "7f3a")
    assert words == (await office.ask("health")).understood
    assert "host-a,host-b" == (await office.book.find(1, "")).target


async def test_in_a_young_incident_a_time_before_it_can_be_looked_at(database: Database) -> None:
    """Nobody typed --since, so nobody is told that it does not fit --until: the host is asked."""
    office = Office(database, said={("host-a", "windows"): Unreachable(Phrase("no route"))})
    await office.ask('incident open "502" host-a --results everyone')
    office.time.move(BEGAN + timedelta(minutes=10))
    answer = await office.ask("log nebula --until 2h")
    assert ("log nebula host-a --until 2h --here", ExitCode.NOT_REACHED) == (answer.understood, answer.exit_code)


async def test_a_time_on_a_clock_means_the_zone_of_whoever_asks_and_the_words_below_say_so(database: Database) -> None:
    """It is three in Greenwich, noon in Tokyo, where the bot is at home."""
    office = Office(database, said={("host-a", "windows"): Unreachable(Phrase("no route"))})
    await office.ask('incident open "502" host-a --results everyone')
    assert (
        "log nebula host-a --since 2026-01-31T11:20+09:00 --here"
        == (await office.ask("log nebula --since 11:20")).understood
    )
    berlin = replace(office.last, key="t.b", text="log nebula --since 03:20 --until 03:40", zone=ZoneInfo("Europe/Berlin"))
    answer = await office.work(berlin)
    meant = "log nebula host-a --since 2026-01-31T03:20+01:00 --until 2026-01-31T03:40+01:00 --here"
    assert (meant, ExitCode.NOT_REACHED) == (answer.understood, answer.exit_code)
    before = await office.ask("log nebula --until 11:20")
    assert "log nebula host-a --until 2026-01-31T11:20+09:00 --here" == before.understood, "no beginning is meant"


@pytest.mark.parametrize("typed", ["--since 2025-10-26T02:30", "--since=2025-10-26t2:30", '--since "2025/10/26 02:30"'])
async def test_a_time_that_was_twice_asks_no_host_and_is_asked_for_more_exactly(typed: str, database: Database) -> None:
    office = Office(database)
    await office.ask('incident open "502" host-a --results everyone')
    words = f"logs nebula {typed} --grep 2025-10-26T02:30"
    answer = await office.work(replace(office.last, key="t.b", text=words, zone=ZoneInfo("Europe/Berlin")))
    assert isinstance(answer.body, Failure)
    assert "log nebula --grep 2025-10-26T02:30 --since 2025-10-26T02:30" == answer.understood
    assert (FailureKind.USAGE, (43, 59)) == (answer.body.kind, answer.body.span)
    assert tuple(f"{answer.understood}+0{n}:00" for n in (2, 1)) == answer.body.suggestions


async def test_what_cannot_be_read_is_shown_as_it_was_asked_without_what_the_channel_adds(database: Database) -> None:
    office = Office(database)
    await office.ask('incident open "502" host-a --results everyone')
    answer = await office.ask('log nebula --grep "a[b"')
    assert isinstance(answer.body, Failure)
    assert ("log nebula --grep a[b", (18, 21)) == (answer.understood, answer.body.span)
    assert [] == [words for words in answer.body.suggestions if "--here" in words]
    wrong = await office.ask("health host-z")
    assert isinstance(wrong.body, Failure)
    assert ("health host-z", (7, 13)) == (wrong.understood, wrong.body.span)
    assert "health host-a" in wrong.body.suggestions


async def test_a_time_that_is_yet_to_come_is_refused(database: Database) -> None:
    office = Office(database)
    assert "2099-01-01T00:00+09:00 is in the future (now: " in await office.told("log nebula --until 2099-01-01T00:00")


def test_that_an_incident_begins_is_said_to_all_and_of_one_elsewhere_its_end_is_not() -> None:
    """The question who is to see results is for the opener alone."""
    for opens in (IncidentOpen(title="502", results="everyone"), IncidentOpen(title="502", results="requester")):
        assert opens.model_copy(update={"here": True}) == apply_incident(opens, None, BEGAN)
    for elsewhere in (IncidentOpen(title="502"), IncidentOpen(title="502", new=True, results="everyone")):
        assert elsewhere == apply_incident(elsewhere, None, BEGAN)
    ends = IncidentResolve(was="nginx", incident=3)
    assert ends == apply_incident(ends, None, BEGAN)


async def test_from_opening_to_resolving(office: Office) -> None:
    assert "no open incident in this channel" == await office.told("incident")
    opened = await office.told('incident open "the gateway answers 502" host-a --results everyone')
    assert "incident 1, the gateway answers 502 (host-a): open since 2026-01-31 03:00:00 UTC (now)" == opened
    answer = await office.ask("health", "U1BEN")
    assert ("health host-a --here", True) == (answer.understood, answer.here)
    elsewhere = await office.ask("health", "U1BEN", "C0OPS")
    assert ("health", False) == (elsewhere.understood, elsewhere.here)
    assert "resolved at 2026-01-31 03:00:00 UTC (now) by ben: nginx was stopped" in await office.told(
        'incident resolve "nginx was stopped"', "U1BEN"
    )
    after = await office.ask("health")
    assert ("health", False) == (after.understood, after.here)
    assert ["opened by ana", "snapshot by ana", "resolved by ben"] == office.recorded


async def test_whoever_opens_one_in_a_channel_chooses_who_sees_the_results_there(office: Office) -> None:
    """Nothing is opened before, and only the opener sees the question."""
    answer = await office.ask('incident open "502" host-a')
    assert isinstance(answer.body, Report)
    assert str(answer.body.summary).startswith("not opened yet: choose who sees the results of commands")
    assert (
        "incident open 502 host-a --results everyone",
        "incident open 502 host-a --results requester",
        "incident open 502 host-a --new",
    ) == answer.body.next
    assert (False, [], ()) == (answer.here, office.recorded, await office.book.list_incidents())

    await office.ask(answer.body.next[0])
    assert "this channel already belongs to incident 1" in await office.told('incident open "again" host-b')


async def test_where_results_are_for_the_requester_alone_commands_still_mean_its_hosts_and_its_time(office: Office) -> None:
    """That an incident begins is said to all. A result is shown, and kept with the incident, if its requester shares it."""
    opening = await office.ask('incident open "502" host-a --results requester')
    assert isinstance(opening.body, Report)
    assert opening.here
    assert "results are shown only to the requester (--here shows one to everyone)" in str(opening.body.sections[1].lines[0])
    alone, shared = await office.ask("health", "U1BEN"), await office.ask("health --here", "U1BEN")
    assert [("health host-a", False), ("health host-a --here", True)] == [
        (each.understood, each.here) for each in (alone, shared)
    ]
    [first, second] = [answer for words, answer in await office.entries("U1BEN", "C0INC") if "health" in words]
    assert ("not stored: the result was not shared with everyone here", True) == (first, first != second)
    assert [False] == [each.shared for each in await office.book.list_incidents()]


async def test_who_opens_it_is_told_what_words_mean_there_from_now_on(office: Office) -> None:
    """A log since half an hour before, as `apply_incident` means it."""
    body = (await office.ask('incident open "502" host-a --results everyone')).body
    assert isinstance(body, Report)
    [shot, part] = body.sections
    assert "When it was opened" == str(shot.heading)
    before = Phrase("{at}", at=Moment(BEGAN - timedelta(minutes=30)))
    assert "From now on in this channel" == str(part.heading)
    assert [
        "results of commands such as health are shown to everyone",
        f"the default target is host-a, and logs start at {before}",
        'type incident resolve "…" to end this',
    ] == [str(line) for line in part.lines]


async def test_what_was_asked_and_answered_there_is_listed_oldest_first(office: Office) -> None:
    await office.ask('incident open "502" host-a --results everyone')
    await office.ask("health", "U1BEN")
    await office.ask("healthh", "U1BEN")
    await office.ask("incident show 7", "U1BEN")
    await office.ask("health", "U1BEN", "C0OPS")
    office.time.move(BEGAN + timedelta(minutes=1))
    await office.ask("incident")
    await office.ask("incident show")
    await office.ask("host")
    await office.collect()
    body = (await office.ask("incident show 1", "U1VERA", "C0OPS")).body
    assert isinstance(body, Report)
    assert [
        (1, "ana", "opened", "", "opened: 502 (host-a)"),
        (3, "ben", "look", "health host-a --here", "health host-a --here: host-a needs attention: clock skew"),
        (4, "ana", "look", "host --here", "host --here: 2 hosts configured"),
    ] == [
        tuple(each[key].value for key in ("number", "actor", "kind", "words", "entry"))
        for row in body.rows
        for each in [{column.key: cell for column, cell in zip(body.columns, row.cells, strict=True)}]
        if each["kind"].value in ("opened", "look")
    ]


async def test_in_its_channel_the_one_of_the_channel_stands_first_and_the_others_that_are_open_below(office: Office) -> None:
    """Whoever is told that `incident` lists them finds them there, too."""
    for number in range(1, 4):
        words = f'incident open "fault {number}" host-a --results everyone --another'
        await office.ask(words, channel=f"C0INC{number}")
    await office.ask('incident resolve "dns"', channel="C0INC3")
    body = (await office.ask("incident", "U1VERA", "C0INC2")).body
    assert isinstance(body, Report)
    assert "incident 2, fault 2 (host-a): open since" in str(body.summary)
    assert ("health host-a", "incident show 2", "incident show 1") == body.next
    [part] = body.sections
    assert [True] == [str(line).startswith("incident 1, fault 1 (host-a): open since") for line in part.lines]
    await office.ask('incident resolve "dns" --incident 1')
    alone = (await office.ask("incident", "U1VERA", "C0INC2")).body
    assert isinstance(alone, Report)
    assert () == alone.sections


async def test_two_people_who_open_it_at_once_open_one(office: Office) -> None:
    first = await office.told('incident open "502" host-a --results everyone')
    second = await office.told('incident open "gateway down" host-b --results everyone', "U1BEN")
    assert "open since" in first
    assert "this channel already belongs to incident 1, 502 (opened by ana at 2026-01-31 03:00:00 UTC)" == second
    assert "incident 2" in await office.told('incident open "another" host-b --results everyone', channel="C0OTHER")


async def test_who_opens_one_in_the_channel_of_another_is_led_to_it(office: Office) -> None:
    await office.ask('incident open "502" host-a --results everyone')
    body = (await office.ask('incident open "down" host-b')).body
    assert isinstance(body, Failure)
    assert (FailureKind.REFUSED, ("incident add host-b --incident 1", "incident show 1")) == (body.kind, body.suggestions)


async def test_the_same_delivery_again_opens_nothing_new(office: Office) -> None:
    first = await office.book.open(IncidentRequest("op-1", "502", ALL_HOSTS, "ana"), "C0INC")
    assert first == await office.book.open(IncidentRequest("op-1", "502", ALL_HOSTS, "ana"), "C0INC")


@pytest.mark.parametrize(
    ("typed", "channel", "why"),
    [
        ("incident open", "C0INC", "requires title"),
        ('incident open "502" host-x', "C0INC", "no host or label named host-x."),
        ('incident open "' + "x" * 200 + '"', "C0INC", "up to 120 characters"),
        ("incident resolve", "C0INC", "requires reason"),
        ('incident resolve "it was dns"', "C0INC", "no open incident in this channel."),
        ("incident show", "C0INC", "no open incident in this channel."),
        ("incident show 7", "C0INC", "no incident 7."),
        ("incident show seven", "C0INC", "is not a number"),
    ],
)
async def test_what_cannot_be_is_said(office: Office, typed: str, channel: str, why: str) -> None:
    assert why in await office.told(typed, channel=channel)
    assert () == await office.book.list_incidents()


async def test_one_that_has_ended_is_not_ended_again(office: Office) -> None:
    await office.ask('incident open "502" --results everyone')
    await office.ask('incident resolve "dns"', "U1BEN")
    assert "incident 1 was resolved by ben: dns" == await office.told('incident resolve "disk" --incident 1')
    assert "resolved at" in await office.told("incident show 1")
    assert "incident 2" in await office.told('incident open "again" --results everyone')


async def test_of_two_who_open_one_at_once_only_the_first_is_recorded(office: Office) -> None:
    both = (office.book.open(IncidentRequest(f"op-{who}", "502", ALL_HOSTS, who), "C0INC") for who in ("ana", "ben"))
    first, second = await asyncio.gather(*both, return_exceptions=True)
    assert isinstance(first, Incident)
    assert isinstance(second, AlreadyOpen)
    assert ["opened by ana"] == office.recorded


async def test_the_same_delivery_after_the_end_opens_nothing_anew(office: Office) -> None:
    first = await office.book.open(IncidentRequest("op-1", "502", ALL_HOSTS, "ana"), "C0INC")
    await office.book.act(1, resolving("op-2"))
    again = await office.book.open(IncidentRequest("op-1", "502", ALL_HOSTS, "ana"), "C0INC")
    assert (first.number, False) == (again.number, again.open)
    assert ["opened by ana", "resolved by ana"] == office.recorded


async def test_what_a_request_has_ended_is_its_own_incident_also_when_another_is_open_there(office: Office) -> None:
    await office.ask('incident open "502" --results everyone')
    await office.book.act(1, resolving("op-2"))
    await office.ask('incident open "disk" --results everyone')
    there = [await office.book.find_for_request(operation, "C0INC") for operation in ("op-2", "op-3")]
    assert [1, 2] == [each.number for each in there if each is not None]
    assert [None, None] == [await office.book.find_for_request("op-2", place) for place in ("C0OPS", "D0ANA")]


@pytest.mark.parametrize("opened_anew", [False, True])
@pytest.mark.parametrize(
    ("words", "channel"),
    [('incident resolve "dns"', "C0INC"), ('incident resolve "dns" --incident 1', "D0ANA")],
    ids=["in its channel", "from elsewhere"],
)
async def test_the_same_delivery_again_ends_it_in_the_same_words(
    office: Office, words: str, channel: str, opened_anew: bool
) -> None:
    """A crash came before the answer was safe: after the restart the channel hears of the end all the same."""
    await office.ask('incident open "502" --results everyone')
    first = await office.ask(words, channel=channel)
    delivery = office.last
    if opened_anew:
        await office.ask('incident open "disk" --results everyone')
    again = await office.work(delivery)
    assert first == again
    assert "resolved at" in str(again.body)
    assert ["resolved by ana"] == [each for each in office.recorded if each.startswith("resolved")]
    assert opened_anew == (await office.book.find_open_in("C0INC") is not None)


async def test_from_elsewhere_it_is_ended_by_its_number(office: Office) -> None:
    await office.ask('incident open "502" --results everyone')
    assert "by ben: dns" in await office.told('incident resolve "dns" --incident 1', "U1BEN", "D0BEN")


ORDINARY = ["this channel is back to normal"]


def from_now_on(report: Report) -> list[str]:
    return [str(line) for part in report.sections for line in part.lines]


@pytest.mark.parametrize(
    ("words", "channel", "surface"),
    [
        ('incident resolve "dns" --incident 1', "D0BEN", Surface.SLACK),
        ('incident resolve "dns" --incident 1', "C0OPS", Surface.SLACK),
        ('incident resolve "dns" --incident 1 --here', "C0OPS", Surface.SLACK),
        ('incident resolve "dns" --incident 1', "C0OTHER", Surface.SLACK),
        ('incident resolve "dns" --incident 1', "", Surface.DO),
    ],
    ids=["a direct message", "another channel", "for all in another channel", "that of another incident", "the terminal"],
)
async def test_who_ends_it_from_elsewhere_tells_its_channel(
    office: Office, words: str, channel: str, surface: Surface
) -> None:
    """People there must know: from then on their looks are ordinary ones. The same delivery again is the same message."""
    await office.ask('incident open "502" --results everyone')
    await office.ask('incident open "another" --results everyone', channel="C0OTHER")
    answer = await office.ask(words, "U1BEN", channel, surface)
    await office.work(office.last)
    said, once_more = office.channels.told
    assert said == once_more
    assert isinstance(answer.body, Report)
    assert isinstance(said.body, Answer)
    assert isinstance(said.body.body, Report)
    there = said.body.body.model_copy(update={"sections": ()})
    assert ("C0INC", answer.body.model_copy(update={"channel": None})) == (said.channel, there), "they need no link to it"
    assert ORDINARY == from_now_on(said.body.body)
    assert [] == from_now_on(answer.body), "it is another channel, or none"
    assert "by ben: dns" in str(answer.body)
    assert answer.operation != said.name


@pytest.mark.parametrize("words", ['incident resolve "dns"', 'incident resolve "dns" --incident 1'])
async def test_where_all_there_read_the_answer_nothing_is_said_twice(office: Office, words: str) -> None:
    await office.ask('incident open "502" --results everyone')
    answer = await office.ask(words)
    assert isinstance(answer.body, Report)
    assert (True, ORDINARY) == (answer.here, from_now_on(answer.body))
    assert [] == office.channels.told


async def test_it_has_ended_also_where_its_channel_could_not_be_told(office: Office) -> None:
    """And whoever ended it learns what is left to do."""
    await office.ask('incident open "502" --results everyone')
    office.channels.refusing = Unreachable(Phrase("not connected to Slack, retrying"))
    body = (await office.ask('incident resolve "dns" --incident 1', "U1BEN", "D0BEN")).body
    assert isinstance(body, Report)
    assert "by ben: dns" in str(body.summary)
    assert [
        "could not post in the incident channel: not connected to Slack, retrying. Let people there know it is resolved"
    ] == [str(line) for section in body.sections for line in section.lines]


async def test_who_only_looks_opens_nothing(office: Office) -> None:
    assert "requires one of these roles" in await office.told('incident open "502" --results everyone', "U1VERA")


async def test_rights_are_those_on_the_hosts_that_are_meant(database: Database) -> None:
    """A look without a target is judged on the incident's hosts: nobody sees more through the channel."""
    grants = (
        Grant(operations=("health",), roles=frozenset({Role.VIEWER}), labels=("osaka",)),
        Grant(operations=("health",), roles=frozenset({Role.OPERATOR})),
    )
    office = Office(database, Policy(PEOPLE, grants=grants))
    await office.ask('incident open "502" host-a --results everyone')
    body = (await office.ask("health", "U1VERA")).body
    assert isinstance(body, Failure)
    assert FailureKind.REFUSED is body.kind


async def test_what_is_narrowed_is_not_to_be_had_as_an_archive_nor_as_an_answer_that_was_kept(database: Database) -> None:
    """`log` and `health` are not for her, so `log collect` is not, however she comes by it."""
    silent = Unreachable(Phrase("no route"))
    office = Office(
        database,
        Policy(PEOPLE, grants=(Grant(operations=("log", "health"), roles=OPERATORS),)),
        said={("host-a", side): silent for side in ("windows", "wsl", "gateway")},
    )
    await office.ask('incident open "502" host-a --results everyone')
    await office.ask("log collect")
    told = "log collect includes log: log requires one of these roles: operator (yours: viewer). Ask ana or ben"
    assert told == await office.told("log collect host-a", "U1VERA")
    again = await office.desk.check_refusal(office.last)
    assert again is not None
    assert told == str(again.phrase)
    assert [] == [words for words, _ in await office.entries("U1VERA", "C0INC") if "log collect" in words]


OPERATORS = frozenset({Role.OPERATOR})
VIEWERS = frozenset({Role.VIEWER})


@pytest.mark.parametrize(
    ("grants", "seen"),
    [
        ((), [True, True, True]),
        ((Grant(operations=("health",), roles=OPERATORS),), [False, False, True]),
        (
            (
                Grant(operations=("health",), roles=OPERATORS),
                Grant(operations=("health",), roles=VIEWERS, channels=("C0OPS",)),
            ),
            [True, True, True],
        ),
        (
            (
                Grant(operations=("health",), roles=OPERATORS),
                Grant(operations=("health",), roles=VIEWERS, channels=("C0INC",)),
            ),
            [False, False, True],
        ),
        (
            (
                Grant(operations=("health",), roles=OPERATORS),
                Grant(operations=("health",), roles=VIEWERS, labels=("osaka",)),
            ),
            [False, True, True],
        ),
    ],
    ids=[
        "everybody",
        "operators",
        "also viewers, where it is shown",
        "also viewers, elsewhere",
        "also viewers, of one host",
    ],
)
async def test_an_answer_is_shown_to_whoever_may_ask_for_it_there(
    database: Database, grants: tuple[Grant, ...], seen: list[bool]
) -> None:
    """An incident gives nobody rights: vera reads what ana asked where she may ask it, and how many she may not read."""
    office = Office(database, Policy(PEOPLE, grants=grants))
    await office.ask('incident open "502" --results everyone')
    for words in ("health host-a", "health host-b", "host"):
        office.time.move(office.time.at + timedelta(minutes=1))
        await office.ask(words)
    asked = ["health host-a --here", "health host-b --here", "host --here"]
    shown = await office.entries("U1VERA", "C0OPS")
    assert [words for words, visible in zip(asked, seen, strict=True) if visible] == [words for words, _ in shown]
    withheld = [*seen, all(seen[:2])].count(False)  # the snapshot tells of the health of both hosts
    assert (f"{withheld} entr" in str((await office.ask("incident show 1", "U1VERA", "C0OPS")).body)) is (withheld > 0)
    assert asked == [words for words, _ in await office.entries("U1ANA", "C0OPS")]


@pytest.mark.parametrize(
    ("user", "seen"), [("U1ANA", ["health host-b,host-gone --here"]), ("U1VERA", [])], ids=["of all hosts", "of one"]
)
async def test_of_hosts_that_are_gone_who_may_ask_of_all_sees_the_answer(
    database: Database, user: str, seen: list[str]
) -> None:
    """What the hosts' labels were nobody knows any more. Words that mean nothing any more are shown to nobody."""
    grants = (
        Grant(operations=("health",), roles=OPERATORS),
        Grant(operations=("health",), roles=VIEWERS, labels=("osaka",)),
    )
    office = Office(database, Policy(PEOPLE, grants=grants))
    await office.ask('incident open "502" --results everyone')
    for number, words in enumerate(("forecast", "health host-b,host-gone --here")):
        at = BEGAN + timedelta(seconds=number)
        await office.table.add_entry(IncidentEntry(1, f"op-{number}", at, "ana", words, Phrase("all 2 hosts are well")))
    assert seen == [words for words, _ in await office.entries(user, "C0OPS")]


async def test_of_a_change_it_is_told_how_it_stands_now(office: Office) -> None:
    """The answer to whoever asked was that it is to be approved, to whoever approved that it runs; both are over."""
    change = running("host-a").to_change().model_copy(update={"operation": "op-0123456789ab", "state": ChangeState.DONE})
    office.kept.changes[change.operation] = change
    await office.ask('incident open "502" host-a --results everyone')
    said = (
        (change.operation, "service restart openresty host-a", "waiting for approval"),
        ("op-2", f"approve {change.operation}", "running now"),
        ("op-3", "approve op-ffffffffffff", "running now"),
    )
    for number, (operation, words, answer) in enumerate(said):
        at = BEGAN + timedelta(seconds=number)
        await office.table.add_entry(IncidentEntry(1, operation, at, "ana", words, Phrase(answer)))
    assert ["done", "done", "running now"] == [answer for _, answer in await office.entries("U1ANA", "C0INC")]


@pytest.mark.parametrize("words", ["whoami", "can ben health", "help", "approval"])
async def test_what_was_answered_to_one_person_alone_is_not_kept_for_others(office: Office, words: str) -> None:
    """Who asked what is: the same with --here, which all there have read, is there with its answer."""
    await office.ask('incident open "502" host-a --results everyone')
    alone = (await office.ask(words)).body
    all_read = (await office.ask(f"{words} --here")).body
    assert isinstance(alone, Report)
    assert isinstance(all_read, Report)
    shown = [answer for asked, answer in await office.entries("U1BEN", "C0INC") if asked.startswith(words)]
    assert ["not stored: the result was not shared with everyone here", str(all_read.summary)] == shown


async def test_of_a_refusal_it_is_kept_that_there_was_one(office: Office) -> None:
    """It goes to nobody but the person, also where they asked for all."""
    await office.ask('incident open "502" host-a --results everyone')
    await office.ask('incident open "down" host-b --results everyone', "U1BEN")
    assert "not allowed (reason shown only to ben)" in [answer for _, answer in await office.entries("U1ANA", "C0INC")]


async def test_only_so_many_entries_are_shown_and_the_rest_is_counted(office: Office, database: Database) -> None:
    await office.ask('incident open "502" --results everyone')
    notes = [
        _make_note(_make_look(IncidentEntry(1, f"op-{n}", BEGAN + timedelta(seconds=n), "ana", "health", Phrase("well"))))
        for n in range(1, MAX_SHOWN_ENTRIES + 2)
    ]
    await TimelineTable(database).add(notes)
    body = (await office.ask("incident show 1", channel="D0ANA")).body
    assert isinstance(body, Report)
    older = [str(line) for section in body.sections for line in section.lines if "older" in str(line)]
    assert (MAX_SHOWN_ENTRIES, ["3 older entries, which the report has"]) == (len(body.rows), older)


async def test_a_schedule_asks_what_it_always_asks(office: Office) -> None:
    await office.ask('incident open "502" host-a --results everyone')
    answer = await office.ask("health", surface=Surface.SCHEDULE)
    assert "health" == answer.understood
