"""When its host answers again, an owed change is asked for once, with the same approvals, on behalf of its requester."""

import pytest
from sqlalchemy import update

from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.rules import ApprovalWaiver
from bot.audit_log.log import EventKind
from bot.changes.rules.owed import make_request_id
from bot.changes.services.planner import NothingToDo
from bot.model.change import Change, ChangeState
from bot.model.owed import OwedChange
from bot.model.request import Membership
from bot.store.encoding import encode_identity
from bot.store.schema.tables import OWED
from commands.model.check import Area
from commands.model.finding import Finding, Severity
from commands.model.plan import Result
from commands.model.report import Cell, Report, Row
from commands.values.arguments import Target
from tests.bot.changes.services.owed.conftest import HOST_E, approve_and_run
from tests.bot.changes.workflow_team import ANA, BEN, CAI, DEE, HOSTS, Bot, Start
from tests.commands.canned import host


async def owed(bot: Bot, number: int = 1) -> OwedChange:
    found = await bot.owed.find(number)
    assert found is not None
    return found


async def answer(bot: Bot, name: str = "host-e") -> None:
    """A check of the watch in which every side of the host answered."""
    bot.asker.note_answer(name)
    await bot.asker.tick()


async def waiting(bot: Bot) -> list[Change]:
    return list(await bot.workflow.list_waiting())


async def test_a_host_that_answers_is_asked_for_once_as_the_same_operation(bot: Bot) -> None:
    await answer(bot)
    await answer(bot)
    (card,) = await waiting(bot)
    assert ("turn host-e", "ana", "the yearly turn") == (card.words, card.requester, card.reason)
    assert card.operation == (await owed(bot)).asked
    why = "host-e did not respond when op-1 ran, and responds again. Requested on behalf of ana"
    assert [why] == list(map(str, card.plan.warnings))
    assert card.approval is not None
    assert ("ben" in card.approval.may, "ana" in card.approval.may) == (True, False)


async def test_the_audit_log_says_that_the_bot_asked_on_behalf_of_the_requester(bot: Bot) -> None:
    await answer(bot)
    (card,) = await waiting(bot)
    assert [("owed", "system"), ("plan", "ana"), ("approval", "ana")] == bot.log.told(card.operation)


async def test_other_hosts_and_an_unheard_host_ask_for_nothing(bot: Bot) -> None:
    await bot.asker.tick()
    await answer(bot, "host-a")
    assert [] == await waiting(bot)


async def test_a_suspended_host_is_asked_for_nothing_although_it_answers(bot: Bot) -> None:
    suspended = ["host-e"]

    async def find_suspended() -> list[str]:
        return suspended

    bot.asker.spare(find_suspended)
    await answer(bot)
    assert [] == await waiting(bot)
    suspended.clear()
    await answer(bot)
    assert ["turn host-e"] == [card.words for card in await waiting(bot)]


async def test_approved_and_done_it_is_settled(bot: Bot) -> None:
    await answer(bot)
    (card,) = await waiting(bot)
    await approve_and_run(bot, card.operation, host_e=Result.DONE)
    assert (False, card.operation) == ((await owed(bot)).is_open, (await owed(bot)).settled_by)


@pytest.mark.parametrize("end", ["denied", "expired", "failed"])
async def test_what_was_not_done_stays_owed_and_is_asked_for_again_a_day_later(bot: Bot, end: str) -> None:
    await answer(bot)
    (card,) = await waiting(bot)
    match end:
        case "denied":
            await bot.workflow.deny(card.operation, bot.by(BEN), "not today")
        case "expired":
            bot.pass_by(days=2)
            await bot.dispatch.tick()
        case "failed":
            await approve_and_run(bot, card.operation, host_e=Result.FAILED)
    bot.pass_by(hours=23)
    await answer(bot)
    assert ([], True) == (await waiting(bot), (await owed(bot)).is_open)

    bot.pass_by(hours=2)
    await answer(bot)
    (again,) = await waiting(bot)
    assert (again.operation, True) == ((await owed(bot)).asked, again.operation != card.operation)


async def test_a_request_that_waits_is_not_repeated_however_long(bot: Bot) -> None:
    await answer(bot)
    bot.pass_by(hours=20)
    await answer(bot)
    assert 1 == len(await waiting(bot))


async def test_a_request_that_was_superseded_counts_as_open_while_its_successor_is(bot: Bot) -> None:
    await answer(bot)
    (card,) = await waiting(bot)
    await bot.workflow.approve(card.operation, bot.by(BEN))
    bot.hosts(*HOSTS, host("host-e", 5, labels=("new",)))
    planned, _ = await bot.dispatch.replan(await bot.stored(card.operation))
    await bot.dispatch.supersede(await bot.stored(card.operation), planned)
    bot.pass_by(hours=2)
    status = await bot.requests.find_status(card.operation)
    assert status is not None
    assert (True, None) == (status.operation != card.operation, status.ended_at)


async def test_a_crash_after_the_request_asks_nothing_twice(bot: Bot) -> None:
    """The row was not marked yet."""
    await bot.requests.request(await owed(bot), make_request_id(await owed(bot)))
    await answer(bot)
    assert 1 == len(await waiting(bot))


@pytest.mark.parametrize(
    ("people", "note"),
    [
        ((Person(name="ana", slack=("U1ANA",)), BEN, CAI), "operator"),
        ((BEN, CAI), "operator"),
    ],
)
async def test_a_requester_who_lost_the_right_is_noted_and_anyone_else_may_ask_by_hand(
    bot: Bot, people: tuple[Person, ...], note: str
) -> None:
    bot.people(*people)
    await answer(bot)
    found = await owed(bot)
    assert ([], "", bot.at, True) == (await waiting(bot), found.asked, found.asked_at, note in str(found.note))
    assert "not requested" == bot.log.last(EventKind.OWED)["owed"]

    await bot.ask("op-2", "host-e", person=BEN)
    await bot.workflow.approve("op-2", bot.by(CAI))
    bot.came("op-2", host_e=Result.DONE)
    await bot.dispatch.finish_run("op-2", ChangeState.DONE, None)
    assert "op-2" == (await owed(bot)).settled_by


async def test_nothing_is_held_against_a_requester_while_slack_does_not_know_them(bot: Bot) -> None:
    bot.standings["U1ANA"] = Membership.UNKNOWN
    await answer(bot)
    assert (None, None) == ((await owed(bot)).asked_at, (await owed(bot)).note)
    del bot.standings["U1ANA"]
    bot.pass_by(minutes=10)
    await answer(bot)
    assert 1 == len(await waiting(bot))


@pytest.mark.parametrize(
    ("hosts", "tried"),
    [
        ((host("host-e", 5, labels=("silent",)),), False),
        ((host("host-e", 5, labels=("stuck",)),), True),
        ((), True),
    ],
)
async def test_a_host_that_is_silent_again_is_no_attempt_and_an_obstacle_is_noted(
    bot: Bot, hosts: tuple[Host, ...], tried: bool
) -> None:
    bot.hosts(*HOSTS, *hosts)
    await answer(bot)
    found = await owed(bot)
    assert ([], True, tried) == (await waiting(bot), found.is_open, found.note is not None)


async def test_a_host_that_answers_but_lets_no_plan_be_made_is_planned_anew_every_ten_minutes_alone(bot: Bot) -> None:
    """Each attempt reads the host, and is in the audit log."""
    bot.hosts(*HOSTS, host("host-e", 5, labels=("silent",)))
    attempts = []
    for _ in range(21):
        await answer(bot)
        attempts.append(len(await bot.log.find_signed(make_request_id(await owed(bot)), EventKind.OWED)))
        bot.pass_by(minutes=1)
    assert [1] * 10 + [2] * 10 + [3] == attempts


async def test_a_clock_that_is_set_back_holds_no_request_off_for_ever(bot: Bot) -> None:
    bot.hosts(*HOSTS, host("host-e", 5, labels=("stuck",)))
    await answer(bot)
    bot.hosts(*HOSTS, HOST_E)
    bot.pass_by(days=-30)
    await answer(bot)
    assert 1 == len(await waiting(bot))


async def test_a_plan_that_finds_nothing_left_to_do_settles_it(bot: Bot) -> None:
    bot.hosts(*HOSTS, host("host-e", 5, labels=("turned",)))
    await answer(bot)
    assert (False, "") == ((await owed(bot)).is_open, (await owed(bot)).settled_by)
    assert "fulfilled" == bot.log.last(EventKind.OWED)["owed"]


async def test_a_person_who_finds_nothing_left_to_do_settles_it_too(bot: Bot) -> None:
    bot.hosts(*HOSTS, host("host-e", 5, labels=("turned",)))
    with pytest.raises(NothingToDo):
        await bot.ask("op-2", "host-e", person=BEN)
    assert not (await owed(bot)).is_open


async def test_a_dry_run_settles_nothing(bot: Bot) -> None:
    bot.hosts(*HOSTS, host("host-e", 5, labels=("turned",)))
    await bot.ask("op-2", "host-e", person=BEN, dry_run=True)
    assert (await owed(bot)).is_open


async def test_no_rule_waives_the_approval_of_what_its_requester_does_not_ask_for_now(bot: Bot) -> None:
    waiver = ApprovalWaiver(operations=("service start",), approvers=0)
    bot.rules(waiver, channel="C0OPS")
    bot.hosts(*HOSTS, host("host-e", 5, labels=("silent",)))
    await bot.workflow.propose("op-2", Start(target=Target.parse(("host-a,host-e",))), bot.by(ANA))
    bot.came("op-2", host_a=Result.DONE)
    await bot.dispatch.finish_run("op-2", ChangeState.DONE, None)
    bot.hosts(*HOSTS, HOST_E)
    await answer(bot)
    assert ["turn host-e", "service start host-e"] == [card.words for card in await waiting(bot)]


async def test_an_operation_of_another_version_is_noted_and_the_others_are_asked_for(bot: Bot) -> None:
    await bot.damage_owed(1)
    bot.hosts(*HOSTS, host("host-e", 5, labels=("silent",)))
    await bot.ask("op-2", "host-b,host-e")
    await approve_and_run(bot, "op-2", host_b=Result.DONE)
    bot.hosts(*HOSTS, HOST_E)
    await answer(bot)
    assert "this version of the bot does not support gone" in str((await owed(bot)).note)


async def test_a_log_in_doubt_asks_for_nothing(bot: Bot) -> None:
    bot.log.trouble = Phrase("the log was cut")
    await answer(bot)
    assert None is (await owed(bot)).asked_at


async def test_a_report_of_health_tells_which_hosts_answered(bot: Bot) -> None:
    rows = tuple(Row(host=name, cells=(Cell.of(name),)) for name in ("host-a", "host-e"))
    silent = Finding(severity=Severity.HIGH, host="host-e", subject="host", why=Phrase("silent"), reached=False)
    report = Report(title=Phrase("Health"), summary=Phrase("so"), rows=rows)
    for area, said in (
        (Area.DISKS, report),
        (Area.SERVICES, report.model_copy(update={"findings": (silent,)})),
    ):
        await bot.asker.follow(area, said, bot.at)
        await bot.asker.tick()
        assert [] == await waiting(bot)
    await bot.asker.follow(Area.SERVICES, report, bot.at)
    await bot.asker.tick()
    assert 1 == len(await waiting(bot))


async def test_too_many_open_requests_of_a_person_are_noted(bot: Bot) -> None:
    for number in range(20):
        await bot.ask(f"op-b{number}", "host-b")
    await answer(bot)
    assert "20" in str((await owed(bot)).note)
    assert bot.at == (await owed(bot)).asked_at


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": '{"break_glass": true, "target": {"parts": ["host-e"]}}', "requester": "dee"},
        {"arguments": '{"dry_run": true, "target": {"parts": ["host-e"]}}'},
        {"arguments": "{"},
    ],
)
async def test_a_row_that_the_bot_did_not_write_requests_nothing(bot: Bot, change: dict[str, str]) -> None:
    forged = update(OWED).values({"identity": encode_identity(bot.by(DEE).identity), **change})
    await bot.database.run(lambda connection: connection.execute(forged).rowcount)
    await answer(bot)
    assert [] == await waiting(bot)
    why = "it is damaged in the database. Submit its command yourself, then drop this"
    assert ("", why) == ((await owed(bot)).asked, str((await owed(bot)).note))
