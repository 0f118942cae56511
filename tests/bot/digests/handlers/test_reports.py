"""`report weekly` and `report monthly` at the desk: what they look at, what they rest on, and who may see what."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.access.people import Person
from bot.access.policy import BOT_ACTOR_NAME, Policy
from bot.access.rules import Grant
from bot.config.schedules import MONTHLY, WEEKLY, NoticeSettings, build_schedule_config
from bot.digests.services import HealthHistory
from bot.digests.tables import DigestTable
from bot.model.change import ApprovalState, BreakGlass, ChangeState, EndedOperation
from bot.model.request import (
    Answer,
    BotIdentity,
    Failure,
    FailureKind,
    Identity,
    Membership,
    Request,
    SlackIdentity,
    Surface,
)
from bot.model.schedule import RunOutcome, RunTally
from bot.requests.dispatcher import Dispatcher
from bot.store.database import Database
from bot.store.observations import ObservationTable
from commands.model.operation import Role
from commands.model.report import Report
from commands.values import cron
from tests.bot.keeping import Kept, NoSchedules
from tests.bot.reported import TOKYO, looks, view
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned_certs import host

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)

BOSS = Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.OPERATOR, Role.ADMINISTRATOR}))
VIEWER = Person(name="vi", slack=("U1VI",), roles=frozenset({Role.VIEWER}))
OPERATORS_ALONE = tuple(Grant(operations=(words,), roles=frozenset({Role.OPERATOR})) for words in ("op", "schedule"))
RULES = Policy((BOSS, VIEWER), grants=OPERATORS_ALONE)

CLOCK = BotIdentity(MONTHLY)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Month(Kept):
    """What the bot keeps of changes and schedules; the spans that it was asked for."""

    ended_ones: tuple[EndedOperation, ...] = ()
    tallied: tuple[RunTally, ...] = ()
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.schedules = Tallied(self.tallied, self.spans)

    async def list_ended(self, since: datetime, until: datetime) -> tuple[EndedOperation, ...]:
        self.spans.append((since, until))
        return self.ended_ones


class Tallied(NoSchedules):
    """A book that knows how runs went."""

    def __init__(self, tallies: tuple[RunTally, ...], spans: list[tuple[datetime, datetime]]) -> None:
        self._tallies = tallies
        self._spans = spans

    async def count_outcomes(self, since: datetime, until: datetime) -> tuple[RunTally, ...]:
        self._spans.append((since, until))
        return self._tallies


@dataclass(frozen=True)
class House:
    """A desk over a real memory, before a fleet that is well."""

    observations: ObservationTable
    history: HealthHistory
    rules: Policy = RULES
    channel: str = ""

    async def ask(self, text: str, now: str, who: Identity = CLOCK, kept: Kept | None = None) -> Report | Failure:
        looked = view(LIGHTHOUSE, A, B)
        keeps = kept or Month()
        keeps.history = self.history
        ground = replace(config(), fleet=looked.fleet, policy=self.rules)
        ground = replace(ground, schedule_config=replace(ground.schedule_config, zone="Asia/Tokyo"))
        desk = Dispatcher(ground, keeps.services(Log(), lambda: at(now)), lambda: "7f3a")
        surface = Surface.SCHEDULE if isinstance(who, BotIdentity) else Surface.SLACK
        request = Request(key="1", identity=who, text=text, surface=surface, at=at(now), channel=self.channel)
        answer: Answer = await desk.handle(request)
        assert isinstance(answer.body, Report | Failure)
        return answer.body

    async def report(self, text: str, now: str, who: Identity = CLOCK, kept: Kept | None = None) -> Report:
        report = await self.ask(text, now, who, kept)
        assert isinstance(report, Report)
        return report


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    observations = ObservationTable(database)
    yield House(observations, HealthHistory(observations, DigestTable(database), TOKYO))
    await database.aclose()


def person(user: str) -> SlackIdentity:
    return SlackIdentity("T1", user, Membership.MEMBER)


def sections(report: Report) -> dict[str, list[str]]:
    return {str(part.heading): [str(line) for line in part.lines] for part in report.sections}


def seen(report: Report, host: str = "host-a") -> tuple[object, ...]:
    cells = report.cells_by_host[host]
    return tuple(cells[key].value for key in ("looks", "reached_percent", "well_percent", "checks_failed", "gateway_ms"))


async def test_the_looks_of_the_last_whole_month_count_and_no_others(house: House) -> None:
    """February in Tokyo is from 15:00 UTC on the last of January until 15:00 UTC on the last of February."""
    first, last = "2026-01-31T15:00", "2026-02-28T14:59"
    outside = [looks("host-a", 1, at(time)) for time in ("2026-01-31T14:59", "2026-02-28T15:00")]
    inside = [
        looks("host-a", 0, at(first), unreached=1),
        looks("host-a", 1, at("2026-02-10T00:00"), answers=1, answer_ms=10),
        looks("host-a", 0, at(last), troubled=1, failed={"api": 1}, answers=1, answer_ms=21),
    ]
    await house.observations.add([*outside, *inside])

    report = await house.report("report monthly", "2026-03-01T00:10")

    assert (3, 66.6, 33.3, "api=1", 16) == seen(report)
    assert (0, None, None, None, None) == seen(report, "host-b")
    assert "no checks on 25 of 28 days" in sections(report)["About this report"]


async def test_a_month_can_be_chosen(house: House) -> None:
    await house.observations.add([looks("host-a", 1, at("2026-01-20T00:00"))])

    report = await house.report("report monthly --month 2026-01", "2026-03-20T00:10", person("U1BOSS"))

    assert ("Monthly report 2026-01", 1) == (str(report.title), seen(report)[0])
    assert ["flatnet-2026-01.md", "flatnet-2026-01.csv"] == [file.name for file in report.files]


async def test_a_month_to_come_is_no_month_yet(house: House) -> None:
    answer = await house.ask("report monthly --month 2026-04", "2026-03-20T00:10")

    assert isinstance(answer, Failure)
    assert (FailureKind.USAGE, True) == (answer.kind, "2026-04 has not started" in str(answer.phrase))


async def test_changes_and_runs_are_those_of_the_same_month(house: House) -> None:
    kept = Month(
        ended_ones=(EndedOperation("op-1", "cert renew host-a", "ana", ChangeState.DONE, ApprovalState.USED, BreakGlass()),),
        tallied=(RunTally("digest", RunOutcome.MISSED, 2, 0),),
    )
    report = await house.report("report monthly", "2026-03-01T00:10", kept=kept)

    assert [(at("2026-01-31T15:00"), at("2026-02-28T15:00"))] * 2 == kept.spans
    assert "done: 1" in sections(report)["Finished changes"]
    assert ["digest: did not run 2 of 2 times"] == sections(report)["Schedules that did not run or failed"]


async def test_whoever_may_not_ask_for_changes_does_not_get_them_in_a_report(house: House) -> None:
    kept = Month(ended_ones=(EndedOperation("op-1", "cert renew host-a", "ana", ChangeState.FAILED),))
    report = await house.report("report monthly", "2026-03-01T00:10", person("U1VI"), kept)

    assert [] == kept.spans
    assert "cert renew" not in str(sections(report))


@pytest.mark.parametrize(
    ("who", "channel", "spans"), [("U1VI", "D0VI", 0), ("U1VI", "C0DEV", 0), ("U1VI", "C0OPS", 2), ("", "C0DEV", 2)]
)
async def test_what_is_for_one_channel_alone_is_told_there_alone_and_to_the_bots_own(
    house: House, who: str, channel: str, spans: int
) -> None:
    kept = Month()
    narrowed = Grant(operations=("op", "schedule"), roles=frozenset({Role.VIEWER}), channels=("C0OPS",))
    there = replace(house, rules=Policy((VIEWER,), grants=(narrowed,)), channel=channel)
    await there.report("report monthly", "2026-03-01T00:10", person(who) if who else CLOCK, kept)

    assert spans == len(kept.spans)


async def test_the_weekly_one_looks_at_disks_logs_and_certificates(house: House) -> None:
    report = await house.report("report weekly", "2026-11-25T09:10")

    assert str(report.summary).startswith(
        "weekly report: all 3 hosts have enough free disk space. All logs are rotated. All 4 certificates"
    )
    assert ["host", "drive", "wsl_disk", "log_rotation", "days"] == [column.key for column in report.columns]


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        (WEEKLY, "report weekly", "2026-02-02T00:05"),
        (MONTHLY, "report monthly", "2026-02-01T00:10"),
    ],
)
def test_both_come_by_themselves_in_the_morning(name: str, words: str, expected: str) -> None:
    """On Mondays, and on the first of the month; a time that was missed is made up for."""
    now = at("2026-01-31T03:00")
    [schedule] = [
        each for each in build_schedule_config((), NoticeSettings(), "Asia/Tokyo", now).schedules if each.name == name
    ]

    assert (words, BOT_ACTOR_NAME, "run") == (schedule.words, schedule.owner, schedule.missed)
    assert at(expected) == cron.find_next_due(schedule.cron, TOKYO, now)
