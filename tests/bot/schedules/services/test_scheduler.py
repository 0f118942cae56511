"""The clock side of schedules: once for each due time, whatever happens to the bot, the clock, Slack or the owner."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import FlatnetError
from adapters.phrase import Moment, Phrase
from bot.model.request import Answer, BotIdentity, Failure, FailureKind, Membership, Request, Surface
from bot.model.schedule import RunOutcome, Schedule, ScheduleOrigin, ScheduleRun
from bot.schedules.services.scheduler import MAX_RUN_SECONDS, ON_TIME_TOLERANCE, RETRY_DELAY
from bot.store.database import Database
from commands.model.report import Report
from tests.bot.clockwork import ANA, Bot, Time, at, daily, well

NINE = "2026-01-31T00:00"
"""Nine in the morning in Tokyo."""


@pytest.fixture
def bot(database: Database) -> Bot:
    return Bot(database, Time(at("2026-01-30T03:00")))


async def test_a_due_time_is_asked_once_and_its_answer_posted(bot: Bot) -> None:
    await bot.add(daily())
    await bot.tick("2026-01-30T23:59:59")
    assert [] == bot.desk.requests
    await bot.tick(NINE)
    for _ in range(3):
        await bot.tick()
    (request,) = bot.desk.requests
    key = "schedule:health:2026-01-31T00:00:00.000000Z"
    asked = Request(key, ANA, "health", Surface.SCHEDULE, at(NINE), "C0OPS", ZoneInfo("Asia/Tokyo"), answered_in_public=True)
    assert asked == request
    (said,) = bot.announced.said.values()
    notes = (Phrase("scheduled: {name} ({owner})", name="health", owner="ana"),)
    assert ("C0OPS", well(request), notes) == (said.channel, said.body, said.notes)
    assert ["done"] == await bot.outcomes()


async def test_it_runs_on_every_day(bot: Bot) -> None:
    await bot.add(daily())
    for day in ("2026-01-31", "2026-02-01", "2026-02-02"):
        await bot.tick(f"{day}T00:00:03")
    assert ["2026-01-31T00:00", "2026-02-01T00:00", "2026-02-02T00:00"] == bot.ran
    assert all(len(said.notes) == 1 for said in bot.announced.said.values())


async def test_a_time_before_it_was_added_is_not_made_up_for(bot: Bot) -> None:
    await bot.add(daily(since=at("2026-01-31T00:00")))
    await bot.tick("2026-01-31T00:00:05")
    assert [] == bot.desk.requests


@pytest.mark.parametrize("crash", ["before the answer", "after the post", "during the post"])
async def test_a_crash_in_the_middle_says_it_once(bot: Bot, crash: str) -> None:
    """The next life runs it again under the same key, so that the same message is meant."""
    hang = asyncio.Event()

    async def hanging(request: Request) -> Answer:
        if crash == "before the answer" and len(bot.desk.requests) == 1:
            await hang.wait()
        return well(request)

    bot.desk.answer = hanging
    bot.announced.failing = 1 if crash == "during the post" else 0
    await bot.add(daily())
    bot.time.move(at(NINE))
    ticking = asyncio.create_task(bot.tick())
    if crash == "after the post":
        while not bot.announced.said:
            await asyncio.sleep(0)
    else:
        await asyncio.wait({ticking}, timeout=0.05)
    await bot.timetable.drain()
    await asyncio.gather(ticking, return_exceptions=True)
    bot.again()
    await bot.tick("2026-01-31T00:02")
    assert {"schedule:health:2026-01-31T00:00:00.000000Z"} == {request.key for request in bot.desk.requests}
    assert (1, ["done"]) == (len(bot.announced.said), await bot.outcomes())


@pytest.mark.parametrize(
    ("rule", "ran", "outcome", "said"),
    [("run", ["2026-02-03T00:00"], "done", 1), ("skip", [], "missed", 0), ("tell", [], "missed", 1)],
)
async def test_missed_times_follow_their_rule_and_only_the_newest_is_run(
    bot: Bot, rule: str, ran: list[str], outcome: str, said: int
) -> None:
    """The bot was down from 30 January to 3 February, four mornings long."""
    await bot.add(daily(missed=rule))
    await bot.tick("2026-02-03T05:00")
    await bot.tick("2026-02-03T05:01")
    assert (ran, [outcome], said) == (bot.ran, await bot.outcomes(), len(bot.announced.said))


async def test_a_late_answer_says_that_it_is_late_and_what_was_missed(bot: Bot) -> None:
    await bot.add(daily())
    await bot.tick("2026-02-03T05:00")
    (said,) = bot.announced.said.values()
    told = Phrase(
        "due at {due}. {n} earlier run was also missed (the bot was not running, or its clock changed)",
        plural="due at {due}. {n} earlier runs were also missed (the bot was not running, or its clock changed)",
        due=Moment(at("2026-02-03T00:00")),
        n=3,
    )
    assert told == said.notes[1]


async def test_one_that_was_missed_and_is_to_be_told_says_so_with_the_words_that_make_up_for_it(bot: Bot) -> None:
    await bot.add(daily(missed="tell"))
    await bot.tick("2026-01-31T05:00")
    (said,) = bot.announced.said.values()
    assert "the schedule health did not run at 2026-01-31 00:00" in str(said.body.body.summary)  # type: ignore[union-attr]
    assert ("schedule run health",) == said.body.body.next  # type: ignore[union-attr]
    assert ["missed"] == bot.log.told


async def test_a_restart_at_the_due_time_is_no_lateness(bot: Bot) -> None:
    await bot.add(daily(missed="skip"))
    bot.time.move(at(NINE) + ON_TIME_TOLERANCE)
    await bot.tick()
    assert ["done"] == await bot.outcomes()


async def test_a_run_that_overruns_its_interval_does_not_pile_up(bot: Bot) -> None:
    release = asyncio.Event()

    async def slow(request: Request) -> Answer:
        await release.wait()
        return well(request)

    bot.desk.answer = slow
    await bot.add(daily(cron="*/5 * * * *", since=at("2026-01-31T00:03")))
    for minute in (5, 10, 15):
        bot.time.move(at(f"2026-01-31T00:{minute:02}"))
        await bot.timetable.tick()
        await asyncio.sleep(0.01)
    assert ["2026-01-31T00:05"] == bot.ran
    assert ["skipped", "skipped"] == bot.log.told
    release.set()
    await bot.rest()
    await bot.tick("2026-01-31T00:20")
    assert ["2026-01-31T00:05", "2026-01-31T00:20"] == bot.ran


async def test_a_slow_run_holds_up_no_other_schedule(bot: Bot) -> None:
    async def slow(request: Request) -> Answer:
        if "slow" in request.text:
            await asyncio.Event().wait()
        return well(request)

    bot.desk.answer = slow
    await bot.add(daily("a", words="slow"), daily("b"))
    bot.time.move(at(NINE))
    await bot.timetable.tick()
    await asyncio.sleep(0.02)
    assert ["running", "done"] == [*await bot.outcomes("a"), *await bot.outcomes("b")]
    await bot.timetable.drain()


async def test_a_run_that_hangs_is_given_up_so_that_the_next_one_runs(bot: Bot) -> None:
    async def hanging(request: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    bot.desk.answer = hanging
    await bot.add(daily())
    bot.time.move(at(NINE))
    await bot.timetable.tick()
    await asyncio.sleep(0.01)
    bot.time.move(at(NINE) + timedelta(seconds=MAX_RUN_SECONDS))
    await bot.rest()
    assert ["failed"] == await bot.outcomes()
    bot.desk.answer = None
    await bot.tick("2026-02-01T00:00")
    assert ["done"] == await bot.outcomes()


@pytest.mark.parametrize(
    ("jumps", "ran"),
    [
        # forwards over a due time: run late; back again: what was run stays run, what comes is run
        (["2026-01-31T05:00", "2026-01-30T23:00", "2026-01-31T00:00", "2026-02-01T00:00"], ["31T00:00", "01T00:00"]),
        # far into the future and back: each real day is run, and the day that was run early is not run again
        (["2026-03-01T00:00", "2026-01-31T00:00", "2026-02-01T00:00"], ["01T00:00", "31T00:00", "01T00:00"]),
        # back by an hour after a run: nothing
        (["2026-01-31T00:00", "2026-01-30T23:00", "2026-01-31T00:00"], ["31T00:00"]),
    ],
)
async def test_a_clock_that_jumps_repeats_no_due_time(bot: Bot, jumps: list[str], ran: list[str]) -> None:
    await bot.add(daily())
    for jump in jumps:
        await bot.tick(jump)
    assert ran == [due[8:] for due in bot.ran]
    assert len(set(bot.ran)) == len(bot.ran)


@pytest.mark.parametrize(
    ("cron", "day", "expected"),
    [("30 2 * * *", "2026-03-08T00:00", ["2026-03-08T07:00"]), ("30 1 * * *", "2026-11-01T00:00", ["2026-11-01T05:30"])],
)
async def test_a_daily_time_runs_once_on_the_days_when_clocks_change(
    bot: Bot, cron: str, day: str, expected: list[str]
) -> None:
    """02:30 does not exist on 8 March in New York: it runs after the gap. 01:30 comes twice on 1 November: the first one."""
    await bot.add(daily(cron=cron, zone="America/New_York", since=at(day)))
    for half in range(60):
        await bot.tick((at(day) + timedelta(minutes=30) * half).isoformat())
    assert expected == bot.ran


async def test_a_paused_one_does_not_run_and_makes_nothing_up(bot: Bot) -> None:
    await bot.add(daily())
    await bot.book.pause("health", "ben", "op-1")
    await bot.tick("2026-01-31T00:00")
    await bot.book.resume("health", "ben", "op-2")
    await bot.tick("2026-01-31T00:01")
    assert [] == bot.desk.requests
    await bot.tick("2026-02-01T00:00")
    assert ["2026-02-01T00:00"] == bot.ran
    assert ["paused", "resumed"] == bot.log.told


async def test_one_whose_owner_may_not_ask_it_any_more_is_paused_and_the_administrators_are_told(bot: Bot) -> None:
    bot.desk.refused = Phrase("health needs one of the roles {roles}", roles="operator")
    await bot.add(daily())
    await bot.tick(NINE)
    assert ([], ["refused"]) == (bot.desk.requests, await bot.outcomes())
    (said,) = bot.announced.said.values()
    assert ("", ("schedule resume health", "schedule remove health")) == (said.channel, said.body.body.next)  # type: ignore[union-attr]
    assert "the schedule health of ana was paused: health needs one of the roles operator" == str(said.body.body.summary)  # type: ignore[union-attr]
    schedule = await bot.book.find("health")
    assert ("flatnet-bot", "health needs one of the roles operator") == (schedule.paused_by, str(schedule.why))
    await bot.tick("2026-02-01T00:00")
    assert 1 == len(bot.announced.said)


@pytest.mark.parametrize("standing", [Membership.STRANGER, Membership.GUEST])
async def test_of_an_owner_who_left_the_administrators_hear_just_that(bot: Bot, standing: Membership) -> None:
    """What the desk would say to the owner is of no use to them, and nobody can resume it in the owner's name."""
    bot.standing = standing
    bot.desk.refused = Phrase("only members may ask; ask somebody to ask for you")
    await bot.add(daily())
    await bot.tick(NINE)
    (said,) = bot.announced.said.values()
    assert isinstance(said.body, Answer)
    assert isinstance(said.body.body, Report)
    told = "the schedule health of ana was paused: ana is no longer a full member of the workspace"
    assert (told, ("schedule remove health",)) == (str(said.body.body.summary), said.body.body.next)


async def test_a_built_in_one_is_nobodys(bot: Bot) -> None:
    bot.definitions = (daily("digest", origin=ScheduleOrigin.BUILT_IN, identity="", owner="flatnet-bot", operation=""),)
    await bot.tick("2026-01-30T03:00")
    await bot.tick(NINE)
    (said,) = bot.announced.said.values()
    assert (Phrase("scheduled: {name}", name="digest"),) == said.notes


async def test_while_slack_does_not_say_who_the_owner_is_the_run_waits(bot: Bot) -> None:
    """Unknown is neither a right nor its loss: nothing is asked, and nothing is paused."""
    bot.standing = Membership.UNKNOWN
    await bot.add(daily())
    await bot.tick(NINE)
    await bot.tick()
    assert ([], ["running"]) == (bot.desk.requests, await bot.outcomes())
    bot.standing = Membership.MEMBER
    bot.time.move(at(NINE) + RETRY_DELAY)
    await bot.tick()
    assert (["2026-01-31T00:00"], ["done"]) == (bot.ran, await bot.outcomes())


async def test_of_several_runs_that_wait_only_the_newest_is_run(bot: Bot) -> None:
    bot.standing = Membership.UNKNOWN
    await bot.add(daily())
    for day in ("2026-01-31", "2026-02-01", "2026-02-02"):
        await bot.tick(f"{day}T00:00")
    bot.standing = Membership.MEMBER
    await bot.tick("2026-02-02T00:05")
    assert ["2026-02-02T00:00"] == bot.ran
    assert () == await bot.table.list_unfinished()


async def test_what_cannot_be_written_down_is_tried_again(bot: Bot) -> None:
    """A missed time is told only once the audit log has it."""
    await bot.add(daily(missed="tell"))
    bot.log.failing = FlatnetError(Phrase("the disk is full"))
    await bot.tick("2026-01-31T05:00")
    assert {} == bot.announced.said
    bot.log.failing = None
    bot.time.move(bot.time.at + RETRY_DELAY)
    await bot.tick()
    assert 1 == len(bot.announced.said)


@pytest.mark.parametrize(("rule", "ran", "said"), [("run", [NINE], 2), ("skip", [], 0), ("tell", [], 1)])
async def test_one_that_was_begun_and_cut_off_is_late_by_the_time_it_is_begun_again(
    bot: Bot, rule: str, ran: list[str], said: int
) -> None:
    """The bot died at nine and lives again at noon: what is too late then is too late, however early it began."""
    await bot.add(daily(missed=rule))
    await bot.table.claim_due_time(ScheduleRun("health", at(NINE), "op-1", RunOutcome.RUNNING, at(NINE)))
    await bot.tick("2026-01-31T03:00")
    assert ran == bot.ran
    assert said == sum(len(bulletin.notes) or 1 for bulletin in bot.announced.said.values())


async def test_a_change_of_which_nothing_is_to_be_done_says_nothing(bot: Bot) -> None:
    """`cert renew --due` every morning: on most of them no certificate is due."""

    async def idle(request: Request) -> Answer:
        failed = Failure(kind=FailureKind.NOTHING, phrase=Phrase("nothing to do"))
        return Answer(operation="op-1", understood=request.text, body=failed)

    bot.desk.answer = idle
    await bot.add(daily(words="cert renew --due"))
    await bot.tick(NINE)
    assert (["done"], {}) == (await bot.outcomes(), bot.announced.said)


async def test_one_paused_or_removed_before_its_run_ended_is_dropped(bot: Bot) -> None:
    bot.standing = Membership.UNKNOWN
    await bot.add(daily())
    await bot.tick(NINE)
    await bot.book.pause("health", "ben", "op-1")
    await bot.tick("2026-01-31T00:05")
    assert ["dropped"] == await bot.outcomes()


async def test_one_that_cannot_be_read_holds_up_no_other(bot: Bot) -> None:
    """Another version wrote it, or the zones of this machine are others."""
    await bot.add(daily("a", zone="Mars/Olympus"), daily())
    await bot.tick(NINE)
    assert (["done"], [NINE]) == (await bot.outcomes(), bot.ran)


async def test_one_in_a_zone_that_nobody_knows_any_more_can_be_run_by_hand(bot: Bot) -> None:
    await bot.add(daily(zone="Mars/Olympus"))
    bot.time.move(at("2026-01-30T06:00"))
    await bot.book.run("health", "ben", "op-1")
    await bot.tick()
    assert (["done"], None) == (await bot.outcomes(), bot.desk.requests[0].zone)


async def test_the_way_of_a_built_in_one_is_for_none_that_has_only_its_name(bot: Bot) -> None:
    """Before names were kept for them somebody may have taken one; what they asked for is posted."""

    async def keep(schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        raise AssertionError

    bot.outlets["observe"] = keep
    await bot.add(daily("observe"))
    bot.definitions = (daily("observe", origin=ScheduleOrigin.BUILT_IN, identity="", owner="flatnet-bot", operation=""),)
    await bot.tick(NINE)
    assert (["done"], 1) == (await bot.outcomes("observe"), len(bot.announced.said))


async def test_what_was_missed_is_counted_from_the_time_before_also_after_a_look_into_the_future(bot: Bot) -> None:
    """The clock was a month ahead for a moment; the days that were run before it went wrong are not missed."""
    await bot.add(daily())
    for moment in ("2026-01-31T00:00", "2026-03-01T00:00", "2026-02-02T00:00"):
        await bot.tick(moment)
    days = [(at(day), at(day) + timedelta(days=1)) for day in ("2026-01-31", "2026-03-01", "2026-02-02")]
    assert [0, 28, 1] == [tally.missed for day in days for tally in await bot.table.count_outcomes(*day)]


async def test_a_bug_in_a_run_fails_that_run_alone(bot: Bot) -> None:
    async def broken(request: Request) -> Answer:
        raise ZeroDivisionError

    bot.desk.answer = broken
    await bot.add(daily("a"), daily("b"))
    await bot.tick(NINE)
    assert ["failed", "failed"] == [*await bot.outcomes("a"), *await bot.outcomes("b")]


async def test_an_answer_that_says_what_went_wrong_is_posted_too(bot: Bot) -> None:
    """A host that is no longer in the inventory, say: people must see that, and the schedule goes on."""

    async def unknown_host(request: Request) -> Answer:
        failed = Failure(kind=FailureKind.USAGE, phrase=Phrase("no host or label is called tokyo"))
        return Answer(operation="op-1", understood=request.text, body=failed)

    bot.desk.answer = unknown_host
    await bot.add(daily())
    await bot.tick(NINE)
    assert (["failed"], 1) == (await bot.outcomes(), len(bot.announced.said))
    assert not (await bot.book.find("health")).paused


async def test_a_built_in_one_runs_on_behalf_of_the_bot_and_its_answer_goes_its_own_way(bot: Bot) -> None:
    seen: list[tuple[str, str]] = []

    async def keep(schedule: Schedule, answer: Answer, late: Phrase | None) -> None:
        seen.append((schedule.name, answer.understood))

    bot.outlets["observe"] = keep
    bot.definitions = (daily("observe", origin=ScheduleOrigin.BUILT_IN, identity="", owner="flatnet-bot", operation=""),)
    await bot.tick("2026-01-30T03:00")
    await bot.tick(NINE)
    assert [BotIdentity("observe")] == [request.identity for request in bot.desk.requests]
    assert ([("observe", "health")], {}) == (seen, bot.announced.said)


async def test_what_the_configuration_takes_away_runs_no_more_and_what_it_changes_counts_anew(bot: Bot) -> None:
    configured = daily(origin=ScheduleOrigin.CONFIGURED, operation="", since=at("2026-01-30T03:00"))
    bot.definitions = (configured, daily("other", origin=ScheduleOrigin.CONFIGURED, operation=""))
    await bot.tick("2026-01-30T04:00")
    bot.definitions = (
        daily(origin=ScheduleOrigin.CONFIGURED, operation="", cron="0 8 * * *", since=at("2026-01-30T23:30")),
    )
    await bot.tick("2026-01-31T00:05")
    assert [] == bot.ran
    assert ["health"] == [listed.schedule.name for listed in await bot.book.list_all()]
    await bot.tick("2026-01-31T23:00")
    assert ["2026-01-31T23:00"] == bot.ran


async def test_what_somebody_paused_stays_paused_whatever_the_configuration_says(bot: Bot) -> None:
    bot.definitions = (daily(origin=ScheduleOrigin.BUILT_IN, operation=""),)
    await bot.tick("2026-01-30T04:00")
    await bot.book.pause("health", "ben", "op-1")
    bot.definitions = (daily(origin=ScheduleOrigin.BUILT_IN, operation="", cron="0 8 * * *"),)
    bot.again()
    await bot.tick("2026-02-02T00:00")
    assert [] == bot.ran


async def test_run_now_runs_at_the_next_turn_and_never_beside_another_run(bot: Bot) -> None:
    await bot.add(daily())
    bot.time.move(at("2026-01-30T06:00"))
    begun = await bot.book.run("health", "ben", "op-1")
    with pytest.raises(FlatnetError, match="is running"):
        await bot.book.run("health", "ben", "op-2")
    await bot.tick()
    assert (["2026-01-30T06:00"], RunOutcome.RUNNING) == (bot.ran, begun.outcome)
    await bot.tick(NINE)
    assert ["2026-01-30T06:00", "2026-01-31T00:00"] == bot.ran
    assert all(len(said.notes) == 1 for said in bot.announced.said.values())
