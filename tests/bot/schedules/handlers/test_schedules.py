"""Schedules as people keep them: in words, for what may run without a person, and for nobody else's rights."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.audit_log.log import EventKind
from bot.model.request import Answer, BotIdentity, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.model.schedule import RETENTION, RunOutcome, RunTally, Schedule, ScheduleOrigin, ScheduleRun
from bot.requests.dispatcher import Dispatcher
from bot.schedules.services.registry import MAX_SCHEDULES, ScheduleRegistry
from bot.schedules.tables.runs import DELETE_BATCH_SIZE
from bot.schedules.tables.schedules import ScheduleTable
from bot.store.database import Database
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.clockwork import Log, Time, at, daily
from tests.bot.keeping import Kept
from tests.bot.requests.test_dispatcher import config
from tests.commands.cells import cell

PEOPLE = (
    Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),
    Person(name="ben", slack=("U1BEN",), roles=frozenset({Role.OPERATOR})),
    Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.ADMINISTRATOR, Role.SECURITY})),
    Person(name="vera", slack=("U1VERA",), roles=frozenset({Role.VIEWER})),
)
USUAL = Policy(PEOPLE)
NOW = at("2026-01-30T03:00")


class Office:
    """A desk with real schedules."""

    def __init__(self, database: Database, policy: Policy = USUAL) -> None:
        self.log, self.time = Log(), Time(NOW)
        self.table = ScheduleTable(database)
        kept = Kept()
        kept.schedules = ScheduleRegistry(self.table, self.log, self.time.now)
        self.desk = Dispatcher(
            replace(config(), policy=policy), kept.services(self.log, self.time.now), reference=lambda: "7f3a"
        )
        self._asked = 0

    async def ask(self, text: str, user: str = "U1ANA", channel: str = "C0OPS", surface: Surface = Surface.SLACK) -> Answer:
        self._asked += 1
        who = SlackIdentity("T1", user, Membership.MEMBER)
        return await self.desk.handle(Request(f"t.{self._asked}", who, text, surface, NOW, channel))

    async def told(self, text: str, user: str = "U1ANA", channel: str = "C0OPS") -> str:
        """The answer in a sentence, and what to type next."""
        body = (await self.ask(text, user, channel)).body
        if isinstance(body, Failure):
            return str(body.phrase)
        assert isinstance(body, Report)
        return " → ".join((str(body.summary), *body.next))

    async def names(self) -> list[str]:
        return [schedule.name for schedule in await self.table.list_all()]


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def test_what_is_added_runs_in_this_channel_and_zone_on_behalf_of_whoever_added_it(office: Office) -> None:
    said = await office.told('schedule add "0 9 * * 1-5" "health host-a"')
    sentence = "health-host-a runs next at 2026-02-02 00:00:00 UTC (in 172800 s): health host-a"
    assert [sentence, "schedule run health-host-a", "schedule pause health-host-a"] == said.split(" → ")
    (kept,) = await office.table.list_all()
    assert daily("health-host-a", cron="0 9 * * 1-5", words="health host-a", since=NOW, operation=kept.operation) == kept
    assert ["added"] == office.log.told


@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ('schedule add "0 9 * * *" "health" --name morning', {"name": "morning"}),
        ('schedule add "0 9 * * *" "health" --zone europe/berlin', {"zone": "Europe/Berlin"}),
        ('schedule add "0 9 * * *" "health" --channel <#C0DEV|dev>', {"channel": "C0DEV"}),
        ('schedule add "0 9 * * *" "health" --missed tell', {"missed": "tell"}),
        ('schedule add "0 9 * * *" health', {}),
        ("schedule add “0 9 * * *” “/flatnet  health”", {}),
        ('schedule add "0 9 * * *" "HEALTH all"', {}),
    ],
)
async def test_options_say_otherwise_and_words_are_kept_as_they_are_understood(
    office: Office, typed: str, changes: dict[str, str]
) -> None:
    await office.ask(typed)
    (kept,) = await office.table.list_all()
    assert daily(**({"name": "health"} | changes), since=NOW, operation=kept.operation) == kept


async def test_names_are_made_from_words_and_never_twice(office: Office) -> None:
    for _ in range(3):
        await office.ask('schedule add "0 9 * * *" "health"')
    assert ["health", "health-2", "health-3"] == await office.names()
    assert "a schedule named health already exists." in await office.told('schedule add "0 9 * * *" "health" --name health')


async def test_the_same_delivery_again_adds_nothing(office: Office) -> None:
    who = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
    for _ in range(2):
        await office.desk.handle(Request("t.1", who, 'schedule add "0 9 * * *" "health"', Surface.SLACK, NOW, "C0OPS"))
    assert ["health"] == await office.names()


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ('schedule add "99 9 * * *" "health"', "minute must be 0–59"),
        ('schedule add "0 9 * * *" "health" --zone Asia/Tokio', "is not a time zone"),
        ('schedule add "0 9 * * *" "health" --channel #ops', "unknown channel"),
        ('schedule add "0 9 * * *" "health" --missed never', "Use one of"),
        ('schedule add "0 9 * * *" "health" --name "Big Name"', "is not a valid schedule name."),
        ('schedule add "0 9 * * *" "helth"', "this cannot be scheduled: unknown command: helth"),
        ('schedule add "0 9 * * *" "health --colour"', "has no option"),
        ('schedule add "0 9 * * *"', "requires words"),
        ("schedule add", "requires cron"),
        ('schedule add "0 9 * * *" "' + "x" * 600 + '"', "up to 500 characters"),
        ('schedule add "0 9 * * *" "approve op-0123456789ab"', "this needs a person."),
        ('schedule add "0 9 * * *" "lock add host-a 2h disk"', "this needs a person."),
        ('schedule add "0 9 * * *" \'schedule add "0 9 * * *" health\'', "this needs a person."),
        ('schedule add "0 9 * * *" "schedule"', "schedule commands cannot be scheduled"),
        (
            "schedule add \"0 9 * * *\" 'service restart nebula host-a --break-glass --reason night'",
            "scheduled changes always need approval.",
        ),
        ('schedule add "0 9 * * *" "audit search"', "requires one of these roles"),
        ("schedule pause nothing", "no schedule named nothing."),
    ],
)
async def test_what_cannot_run_by_the_clock_is_refused_with_the_reason(office: Office, typed: str, why: str) -> None:
    assert why in await office.told(typed)
    assert [] == await office.names()


@pytest.mark.parametrize(
    "words", ["audit search", "audit export", "audit search --actor ben --since 7d", "audit show op-0123456789ab"]
)
async def test_what_people_did_goes_to_no_channel_by_the_clock(office: Office, words: str) -> None:
    """Who may read the audit log may; a channel has other readers."""
    assert "audit results are shown to a person only and cannot be posted on a schedule" in await office.told(
        f'schedule add "0 9 * * *" "{words}"', "U1BOSS"
    )
    assert [] == await office.names()


async def test_names_of_built_in_ones_are_not_given_away(office: Office) -> None:
    """Also while the configuration has switched them off: it may switch them on again."""
    assert "digest is built in. Choose another --name" == await office.told(
        'schedule add "0 9 * * *" "health" --name digest'
    )
    await office.ask('schedule add "0 9 * * *" "digest"')
    assert ["digest-2"] == await office.names()


async def test_one_whose_times_cannot_be_read_says_so_and_the_others_are_listed(office: Office) -> None:
    await office.table.add(daily("old", zone="Mars/Olympus"))
    await office.table.add(daily("odd", cron="@whenever"))
    await office.ask('schedule add "0 9 * * *" "health"')
    body = (await office.ask("schedule")).body
    assert isinstance(body, Report)
    unread = "not running: invalid times"
    assert (
        {"health": "", "odd": unread, "old": unread}
        == {
            "health": "",
            "odd": "not running: invalid times",
            "old": "not running: invalid times",
        }
        == {str(cell(body, row, "name").value): str(cell(body, row, "state").text) for row in body.rows}
    )


async def test_a_change_may_be_scheduled_for_it_asks_for_approval_each_time(office: Office) -> None:
    assert "runs next" in await office.told('schedule add "0 3 * * 0" "service restart nebula host-a"')


async def test_who_may_only_look_adds_nothing(office: Office) -> None:
    assert "requires one of these roles" in await office.told('schedule add "0 9 * * *" "health"', "U1VERA")


async def test_words_are_judged_in_the_channel_where_they_will_be_said(database: Database) -> None:
    grants = (Grant(operations=("health",), roles=frozenset({Role.OPERATOR}), channels=("C0OPS",)),)
    office = Office(database, Policy(PEOPLE, grants=grants))
    assert "this cannot be scheduled" in await office.told('schedule add "0 9 * * *" "health" --channel C0DEV')
    assert "runs next" in await office.told('schedule add "0 9 * * *" "health"', channel="C0OPS")


async def test_nobody_borrows_the_owner_s_rights(office: Office) -> None:
    """ben is an operator; the audit log is the boss's. He may stop that schedule, but neither run nor resume it."""
    await office.ask('schedule add "0 9 * * *" "audit verify" --name audit', "U1BOSS")
    assert "this cannot be scheduled" in await office.told("schedule run audit", "U1BEN")
    assert "audit is paused" in await office.told("schedule pause audit", "U1BEN")
    assert "this cannot be scheduled" in await office.told("schedule resume audit", "U1BEN")
    assert "runs next" in await office.told("schedule resume audit", "U1BOSS")
    assert "audit started" in await office.told("schedule run audit", "U1BOSS")


async def test_what_the_configuration_has_is_paused_but_never_removed(office: Office) -> None:
    usual = daily("digest", origin=ScheduleOrigin.BUILT_IN, owner="flatnet-bot", identity="", operation="", since=NOW)
    await office.table.sync_definitions([usual, replace(usual, name="ours", origin=ScheduleOrigin.CONFIGURED, owner="ana")])
    assert "digest is built in. Pause it with: schedule pause digest" == await office.told("schedule remove digest")
    assert "Remove it there, or use" in await office.told("schedule remove ours")
    assert "digest is paused → schedule resume digest" == await office.told("schedule pause digest")
    assert "digest is paused. Resume it first" in await office.told("schedule run digest")


async def test_one_that_was_added_can_be_removed_and_its_name_given_again(office: Office) -> None:
    await office.ask('schedule add "0 9 * * *" "health"')
    assert "no schedules" == await office.told("schedule remove health", "U1BEN")
    await office.ask('schedule add "0 9 * * *" "health"')
    assert (["health"], ["added", "removed", "added"]) == (await office.names(), office.log.told)


async def test_the_list_says_when_each_runs_next_and_how_it_went_last(office: Office) -> None:
    await office.ask('schedule add "0 9 * * *" "health"')
    await office.ask('schedule add "0 8 * * *" "host"')
    await office.ask("schedule pause host")
    await office.table.claim_due_time(ScheduleRun("health", at("2026-01-30T00:00"), "op-1", RunOutcome.MISSED, NOW))
    body = (await office.ask("schedule", "U1VERA")).body
    assert isinstance(body, Report)
    assert "2 schedules, 1 is paused, next: health at 2026-01-31 00:00:00 UTC (in 75600 s)" == str(body.summary)
    assert [
        [
            "health",
            "0 9 * * * Asia/Tokyo",
            "2026-01-31T00:00:00+00:00",
            "active",
            "missed",
            "C0OPS",
            "ana",
            "run",
            "0 9 * * *",
        ],
        ["host", "0 8 * * * Asia/Tokyo", None, "paused", "", "C0OPS", "ana", "run", "0 8 * * *"],
    ] == [[cell.value for cell in row.cells[1:]] for row in body.rows]
    assert ["daily at 09:00 (Asia/Tokyo)", "daily at 08:00 (Asia/Tokyo)"] == [
        str(cell(body, row, "when").text) for row in body.rows
    ]


async def test_times_without_words_are_shown_as_they_are_written(office: Office) -> None:
    await office.ask('schedule add "0 9 * * 1#1" "health"')
    body = (await office.ask("schedule")).body
    assert isinstance(body, Report)
    assert ["0 9 * * 1#1 (Asia/Tokyo)"] == [str(cell(body, row, "when").text) for row in body.rows]


async def test_what_is_usual_needs_no_words_in_the_list_and_what_is_only_stored_has_no_channel(office: Office) -> None:
    built_in = {"origin": ScheduleOrigin.BUILT_IN, "owner": "flatnet-bot"}
    await office.table.add(daily("disks", missed="skip", **built_in))
    await office.table.add(daily("digest", **built_in))
    body = (await office.ask("schedule")).body
    assert isinstance(body, Report)
    keys = [column.key for column in body.columns]
    rows = [dict(zip(keys, row.cells, strict=True)) for row in body.rows]
    assert [("digest", "", "#ops", ""), ("disks", "", "", "skip")] == [
        tuple(str(cells[key].text) for key in ("name", "state", "channel", "missed")) for cells in rows
    ]


async def test_there_is_an_end_to_schedules(office: Office) -> None:
    for number in range(MAX_SCHEDULES):
        await office.table.add(daily(f"s{number}"))
    assert f"the limit of {MAX_SCHEDULES} schedules is reached." in await office.told('schedule add "0 9 * * *" "health"')


async def test_in_a_terminal_a_channel_must_be_named_where_none_is_configured(database: Database) -> None:
    office = Office(database)
    clockwork = replace(office.desk.config.schedule_config, channel="")
    office.desk.config = replace(office.desk.config, schedule_config=clockwork)
    assert "specify a channel for the results" in await office.told('schedule add "0 9 * * *" "health"', channel="")
    office.desk.config = replace(office.desk.config, schedule_config=replace(clockwork, channel="C0USUAL"))
    await office.ask('schedule add "0 9 * * *" "health"', channel="")
    assert ["C0USUAL"] == [schedule.channel for schedule in await office.table.list_all()]


async def test_runs_are_forgotten_but_the_newest_so_that_it_is_never_run_again(database: Database) -> None:
    table = ScheduleTable(database)
    for name in ("yearly", "other"):
        await table.add(daily(name))
    old = [ScheduleRun("yearly", at(f"{year}-01-01T00:00"), "op-1", RunOutcome.DONE, NOW) for year in (2024, 2025)]
    hanging = ScheduleRun("other", at("2024-01-01T00:00"), "op-2", RunOutcome.RUNNING, NOW)
    recent = ScheduleRun("other", NOW, "op-3", RunOutcome.DONE, NOW)
    for run in (*old, hanging, recent):
        await table.claim_due_time(run)
    gone = [
        ScheduleRun("gone", NOW + timedelta(days=day), "op-4", RunOutcome.DONE, NOW)
        for day in range(-2 * DELETE_BATCH_SIZE, 0)
    ]
    for run in gone:
        await table.claim_due_time(run)
    await table.prune(NOW + RETENTION)
    assert [False] * 999 + [True] == [await table.is_claimed("gone", run.due) for run in gone]
    assert [False, True, True, True] == [await table.is_claimed(run.schedule, run.due) for run in (*old, hanging, recent)]
    assert {"yearly": old[1], "other": recent} == await table.find_latest_runs()


async def test_a_due_time_is_claimed_once(database: Database) -> None:
    table, run = ScheduleTable(database), ScheduleRun("digest", NOW, "op-1", RunOutcome.RUNNING, NOW)
    await table.add(daily("digest"))
    assert [True, False] == [await table.claim_due_time(run), await table.claim_due_time(run)]
    await table.end_run(run, RunOutcome.DONE, NOW)
    await table.end_run(run, RunOutcome.FAILED, NOW)
    assert RunOutcome.DONE == (await table.find_latest_runs())["digest"].outcome


async def test_what_became_of_due_times_is_counted_within_a_span(database: Database) -> None:
    """From its first moment on, and before its last one."""
    table = ScheduleTable(database)
    ends = (RunOutcome.DONE, RunOutcome.MISSED, RunOutcome.DONE, RunOutcome.DONE, RunOutcome.DONE)
    for day, outcome in enumerate(ends, start=1):
        await table.claim_due_time(ScheduleRun("digest", at(f"2026-01-0{day}T00:00"), f"op-{day}", outcome, NOW, missed=day))
    await table.claim_due_time(ScheduleRun("weekly", at("2026-01-03T00:00"), "op-w", RunOutcome.FAILED, NOW))

    assert (
        RunTally("digest", RunOutcome.DONE, 2, 7),
        RunTally("digest", RunOutcome.MISSED, 1, 2),
        RunTally("weekly", RunOutcome.FAILED, 1, 0),
    ) == await table.count_outcomes(at("2026-01-02T00:00"), at("2026-01-05T00:00"))


def test_a_schedule_is_what_it_says() -> None:
    assert (False, True) == (daily().paused, daily(paused_by="ben").paused)
    assert Schedule is type(daily())


@pytest.mark.parametrize("channel", ["", "C0DEV"])
async def test_what_is_built_in_is_asked_wherever_its_answer_goes(database: Database, channel: str) -> None:
    """Grants that narrow where people may ask say nothing of the bot, which the configuration tells where to post."""
    office = Office(database, Policy(PEOPLE, grants=(Grant(operations=("*",), roles=frozenset(Role), channels=("C0OPS",)),)))
    built_in = Request("schedule:observe:1", BotIdentity("observe"), "health", Surface.SCHEDULE, NOW, channel)
    assert isinstance((await office.desk.handle(built_in)).body, Report)
    assert isinstance((await office.ask("health", channel=channel)).body, Failure)
    kind, actor, data = office.log.events[0]
    assert (EventKind.REQUEST, "flatnet-bot", "schedule:observe", "schedule") == (
        kind,
        actor,
        data["identity"],
        data["surface"],
    )


@pytest.mark.parametrize(
    "words",
    ["approve op-0123456789ab", "lock add host-a 2h disk", 'service restart nebula host-a --break-glass --reason "now"'],
)
async def test_what_needs_a_person_is_run_by_no_schedule_whatever_its_row_says(database: Database, words: str) -> None:
    """It is refused when it is added, but who can write the database adds what they like."""
    office = Office(database)
    answer = await office.ask(words, "U1BOSS", surface=Surface.SCHEDULE)
    assert isinstance(answer.body, Failure)
    assert (FailureKind.REFUSED, [EventKind.REFUSAL]) == (answer.body.kind, [kind for kind, _, _ in office.log.events])
