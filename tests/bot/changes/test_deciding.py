"""People decide: once each, never on their own request, and one of them is the last."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Phrase
from bot.access.people import Person, UserGroup
from bot.access.policy import Actor, Policy
from bot.access.requester import Requester
from bot.access.rules import Grant
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import AlreadyDecided, Expired, NotAllowed, ReasonMissing
from bot.changes.services.repository import NoSuchOperation
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.request import Membership, SlackIdentity, Surface
from bot.store.errors import TooLarge
from commands.model.operation import Risk, Role
from commands.model.plan import Result
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEGINNING, BEN, CAI, DEE, EVERYBODY, OPERATOR, VAL, Bot, Turn, Uproot
from tests.commands.canned import host


async def uproot(bot: Bot, operation: str) -> Change:
    """Something that needs two approvals, asked by ana; the others have opened its plan."""
    asked = Uproot(target=Target(parts=("host-a",)), reason="retired")
    change = await bot.workflow.propose(operation, asked, bot.by(ANA))
    await bot.open(operation, BEN, CAI, DEE)
    return change


async def test_one_approval_starts_what_needs_one(bot: Bot) -> None:
    await bot.ask("op-1")
    bot.pass_by(minutes=5)
    change = await bot.workflow.approve("op-1", bot.by(BEN))

    assert (ChangeState.RUNNING, BEGINNING + timedelta(minutes=5)) == (change.state, change.started_at)
    assert change.approval is not None
    assert (ApprovalState.USED, ["ben"]) == (change.approval.state, [review.person for review in change.approval.reviews])
    assert ["op-1"] == bot.engine.enqueued
    assert [("plan", "ana"), ("approval", "ana"), ("review", "ben")] == bot.log.told("op-1")
    assert [ChangeState.WAITING, ChangeState.READY, ChangeState.RUNNING] == [seen.state for seen in bot.seen]
    assert [1, 2, 3] == [seen.version for seen in bot.seen]


async def test_two_approvers_in_the_same_instant_are_both_counted_and_one_of_them_starts_it(bot: Bot) -> None:
    await uproot(bot, "op-1")
    await asyncio.gather(
        bot.workflow.approve("op-1", bot.by(BEN), "host-a"), bot.workflow.approve("op-1", bot.by(CAI), "host-a")
    )

    change = await bot.workflow.find_change("op-1")
    assert ChangeState.RUNNING is change.state
    assert change.approval is not None
    assert {"ben", "cai"} == {review.person for review in change.approval.reviews}
    assert ["op-1"] == bot.engine.enqueued


async def test_of_two_approvers_where_one_is_enough_one_wins_and_the_other_is_told_who(bot: Bot) -> None:
    await bot.ask("op-1")
    answers = await asyncio.gather(
        *(bot.workflow.approve("op-1", bot.by(person)) for person in (BEN, CAI)), return_exceptions=True
    )

    late = [answer for answer in answers if isinstance(answer, AlreadyDecided)]
    assert 1 == len(late)
    winner = (await bot.stored("op-1")).approval
    assert winner is not None
    assert str(late[0]).startswith(f"{winner.reviews[0].person} already approved this at 2026-01-31 09:00:00 UTC")
    assert "too late" == bot.log.last(EventKind.REFUSAL)["rule"]
    assert ["op-1"] == bot.engine.enqueued


async def test_the_same_click_five_times_at_once_counts_once(bot: Bot) -> None:
    await uproot(bot, "op-1")
    answers = await asyncio.gather(
        *(bot.workflow.approve("op-1", bot.by(BEN), "host-a") for _ in range(5)), return_exceptions=True
    )

    assert 4 == sum(isinstance(answer, AlreadyDecided) for answer in answers)
    change = await bot.workflow.find_change("op-1")
    assert change.approval is not None
    assert (ChangeState.WAITING, 1) == (change.state, change.approval.approvals)


async def test_slack_and_the_terminal_are_one_person(bot: Bot) -> None:
    await uproot(bot, "op-1")
    await bot.workflow.approve("op-1", bot.by(BEN), "host-a")
    with pytest.raises(AlreadyDecided):
        await bot.workflow.approve("op-1", bot.by(BEN, terminal=True), "host-a")
    with pytest.raises(NotAllowed):
        await bot.workflow.approve("op-1", bot.by(ANA, terminal=True), "host-a")


async def test_approving_and_denying_at_once_leaves_one_decision(bot: Bot) -> None:
    await bot.ask("op-1")
    answers = await asyncio.gather(
        bot.workflow.approve("op-1", bot.by(BEN)), bot.workflow.deny("op-1", bot.by(CAI), "no"), return_exceptions=True
    )

    assert 1 == sum(isinstance(answer, AlreadyDecided) for answer in answers)
    assert (await bot.workflow.find_change("op-1")).state in (ChangeState.RUNNING, ChangeState.CLOSED)


async def test_administrators_do_not_approve_their_own_requests_either(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE)
    with pytest.raises(NotAllowed, match="you cannot approve your own"):
        await bot.workflow.approve("op-1", bot.by(DEE))
    assert ChangeState.WAITING is (await bot.workflow.find_change("op-1")).state
    assert ("refusal", "dee") == bot.log.told("op-1")[-1]


async def test_who_has_no_approving_role_at_that_moment_is_refused(bot: Bot) -> None:
    await bot.ask("op-1")
    with pytest.raises(NotAllowed, match="approving this requires one of the roles"):
        await bot.workflow.approve("op-1", bot.by(VAL))
    assert "approver role" == bot.log.last(EventKind.REFUSAL)["rule"]


async def test_a_denial_ends_it_with_its_reason(bot: Bot) -> None:
    await bot.ask("op-1")
    change = await bot.workflow.deny("op-1", bot.by(BEN), "not before the backup")

    assert (ChangeState.CLOSED, "denied by ben: not before the backup") == (change.state, str(change.why))
    assert [("review", "ben"), ("end", "ben")] == bot.log.told("op-1")[-2:]
    with pytest.raises(AlreadyDecided, match="ben already denied this"):
        await bot.workflow.approve("op-1", bot.by(CAI))
    assert [] == bot.engine.enqueued


async def test_a_denial_needs_a_reason(bot: Bot) -> None:
    await bot.ask("op-1")
    with pytest.raises(ReasonMissing):
        await bot.workflow.deny("op-1", bot.by(BEN), "  ")
    assert ChangeState.WAITING is (await bot.workflow.find_change("op-1")).state


async def test_a_click_after_the_time_is_told_so_before_and_after_the_tick(bot: Bot) -> None:
    await bot.ask("op-1")
    bot.pass_by(hours=1)
    with pytest.raises(Expired):
        await bot.workflow.approve("op-1", bot.by(BEN))
    await bot.dispatch.tick()
    change = await bot.workflow.find_change("op-1")
    assert (ChangeState.CLOSED, ("end", "ana")) == (change.state, bot.log.told("op-1")[-1])
    assert "not approved by enough people in time. Submit it again" == str(change.why)
    assert change.approval is not None
    assert ApprovalState.EXPIRED is change.approval.state
    with pytest.raises(Expired):
        await bot.workflow.approve("op-1", bot.by(BEN))


async def test_a_click_on_something_that_never_was_is_told_so(bot: Bot) -> None:
    with pytest.raises(NoSuchOperation, match="change op-9 not found"):
        await bot.workflow.approve("op-9", bot.by(BEN))


async def test_a_decision_that_cannot_be_recorded_does_not_count(bot: Bot) -> None:
    await bot.ask("op-1")
    bot.log.full = True
    with pytest.raises(TooLarge):
        await bot.workflow.approve("op-1", bot.by(BEN))
    change = await bot.workflow.find_change("op-1")
    assert change.approval is not None
    assert (ChangeState.WAITING, ()) == (change.state, change.approval.reviews)


async def test_break_glass_waits_for_no_approval(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    with pytest.raises(
        AlreadyDecided, match="an administrator started this as an emergency change, so no approval is needed"
    ):
        await bot.workflow.approve("op-1", bot.by(BEN))


async def test_a_review_is_closed_by_somebody_else_once(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    with pytest.raises(NotAllowed):
        await bot.workflow.review("op-1", bot.by(DEE), "fine")
    change = await bot.workflow.review("op-1", bot.by(BEN), "agreed: it burned")

    assert change.break_glass is not None
    assert ("ben", BEGINNING, "agreed: it burned") == (
        change.break_glass.reviewed_by,
        change.break_glass.reviewed_at,
        change.break_glass.review,
    )
    assert () == await bot.workflow.list_waiting()
    assert ("review", "ben") == bot.log.told("op-1")[-1]
    with pytest.raises(AlreadyDecided, match="ben already reviewed this"):
        await bot.workflow.review("op-1", bot.by(CAI), "me, too")


async def test_a_review_waits_for_the_end(bot: Bot) -> None:
    """Nobody vouches for what is still being done."""
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    with pytest.raises(Refused, match="not finished yet"):
        await bot.workflow.review("op-1", bot.by(BEN), "fine")
    assert ["op-1"] == [waiting.operation for waiting in await bot.workflow.list_waiting()]


@pytest.mark.parametrize("state", [ChangeState.DONE, ChangeState.FAILED, ChangeState.UNKNOWN])
async def test_who_broke_the_glass_does_not_review_it_under_another_name_either(bot: Bot, state: ChangeState) -> None:
    """The same Slack account belongs to a person of another name by now."""
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    await bot.dispatch.finish_run("op-1", state, None)
    renamed = DEE.model_copy(update={"name": "deedee"})
    bot.people(ANA, BEN, renamed)
    with pytest.raises(NotAllowed, match="you cannot review your own emergency change"):
        await bot.workflow.review("op-1", bot.by(renamed), "fine")
    assert "own request" == bot.log.last(EventKind.REFUSAL)["rule"]


async def test_who_could_not_have_approved_does_not_review(bot: Bot) -> None:
    await bot.ask("op-1", person=DEE, break_glass=True, reason="it burns")
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    dev = CAI.model_copy(update={"roles": frozenset({Role.DEVELOPER})})
    bot.people(ANA, BEN, dev, DEE)
    with pytest.raises(NotAllowed, match="reviewing this requires one of the roles administrator, operator"):
        await bot.workflow.review("op-1", bot.by(dev), "fine")


async def test_nothing_is_reviewed_where_no_glass_was_broken(bot: Bot) -> None:
    await bot.ask("op-1")
    with pytest.raises(Refused, match="this was not an emergency change, so there is nothing to review"):
        await bot.workflow.review("op-1", bot.by(BEN), "fine")


@pytest.mark.parametrize("person", [ANA, DEE])
async def test_requester_and_administrators_withdraw_what_waits(bot: Bot, person: Person) -> None:
    await bot.ask("op-1")
    change = await bot.workflow.cancel("op-1", bot.by(person))

    assert (ChangeState.CLOSED, f"withdrawn by {person.name}") == (change.state, str(change.why))
    assert change.approval is not None
    assert ApprovalState.WITHDRAWN is change.approval.state
    assert ("end", person.name) == bot.log.told("op-1")[-1]


@pytest.mark.parametrize(
    "now",
    [ANA.model_copy(update={"name": "anna"}), ANA.model_copy(update={"roles": frozenset({Role.VIEWER})})],
    ids=["renamed", "without the role"],
)
async def test_whoever_asked_withdraws_their_request_whatever_became_of_them(bot: Bot, now: Person) -> None:
    await bot.ask("op-1")
    bot.people(now, BEN, CAI, DEE)
    assert ChangeState.CLOSED is (await bot.workflow.cancel("op-1", bot.by(now))).state


async def test_whoever_asked_before_they_were_configured_withdraws_it_and_does_not_approve_it(bot: Bot) -> None:
    bot.people(BEN, CAI, DEE)
    member = SlackIdentity("T1", "U1ANA", Membership.MEMBER, frozenset({"S0OPS"}))
    bot.ground = dataclasses.replace(
        bot.ground, policy=Policy((BEN, CAI, DEE), (UserGroup(slack="S0OPS", roles=ANA.roles),))
    )
    actor = bot.ground.policy.identify(member)
    assert isinstance(actor, Actor)
    for operation in ("op-1", "op-2"):
        asked = Turn(target=Target(parts=("host-a",)))
        await bot.workflow.propose(operation, asked, Requester(actor, member, Surface.SLACK, "C1"))
    bot.people(*EVERYBODY)

    with pytest.raises(NotAllowed, match="you cannot approve your own"):
        await bot.workflow.approve("op-1", bot.by(ANA))
    assert ChangeState.CLOSED is (await bot.workflow.cancel("op-1", bot.by(ANA))).state


async def test_others_cancel_nothing(bot: Bot) -> None:
    await bot.ask("op-1")
    with pytest.raises(NotAllowed, match=r"only the requester \(ana\)"):
        await bot.workflow.cancel("op-1", bot.by(BEN))
    assert "not the requester" == bot.log.last(EventKind.REFUSAL)["rule"]


async def test_what_is_ready_is_withdrawn_too(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.ask_and_approve("op-2")
    change = await bot.workflow.cancel("op-2", bot.by(ANA))
    assert (ChangeState.CLOSED, None) == (change.state, change.waits_for)


async def test_what_runs_is_asked_to_stop_once_and_keeps_running(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.workflow.cancel("op-1", bot.by(ANA))
    change = await bot.workflow.cancel("op-1", bot.by(DEE))

    assert (ChangeState.RUNNING, "ana") == (change.state, change.stopping)
    assert "ana" == (await bot.stored("op-1")).stopping


async def test_what_has_ended_cannot_be_cancelled(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.DONE, None)
    with pytest.raises(AlreadyDecided, match="already finished at"):
        await bot.workflow.cancel("op-1", bot.by(ANA))


@pytest.mark.parametrize("outcome", [ChangeState.DONE, ChangeState.UNDONE, ChangeState.FAILED])
async def test_a_person_who_looked_resolves_what_is_unknown_and_frees_its_hosts(bot: Bot, outcome: ChangeState) -> None:
    await bot.ask_and_approve("op-1")
    await bot.ask_and_approve("op-2")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    assert ["op-1"] == bot.engine.enqueued

    change = await bot.workflow.resolve("op-1", bot.by(BEN), "the old one is in place", outcome)

    assert (outcome, "ben reported: the old one is in place") == (change.state, str(change.why))
    assert ("end", "ben") == bot.log.told("op-1")[-1]
    assert ["op-1", "op-2"] == bot.engine.enqueued
    with pytest.raises(AlreadyDecided):
        await bot.workflow.resolve("op-1", bot.by(CAI), "me, too", outcome)


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        (
            Grant(operations=("turn",), roles=frozenset({Role.ADMINISTRATOR})),
            "turn requires one of these roles: administrator",
        ),
        (Grant(operations=("turn",), roles=OPERATOR, labels=("osaka",)), "is only allowed on hosts labeled osaka, not on"),
        (Grant(operations=("turn",), roles=OPERATOR, channels=("C0OPS",)), "is only allowed in C0OPS."),
    ],
)
async def test_who_may_not_ask_for_a_change_does_not_say_how_it_ended_either(bot: Bot, grant: Grant, words: str) -> None:
    """It frees the hosts, whatever the roles that the words alone need."""
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    bot.ground = dataclasses.replace(bot.ground, policy=Policy(EVERYBODY, grants=(grant,)))
    with pytest.raises(NotAllowed, match=words):
        await bot.workflow.resolve("op-1", bot.by(BEN), "looks good", ChangeState.DONE)
    assert {"host-a"} == set(await bot.operations.find_claims())
    assert ("refusal", "ben") == bot.log.told("op-1")[-1]


async def test_what_this_version_does_not_know_is_resolved_by_an_administrator(bot: Bot) -> None:
    """Nobody can say who might have asked for it, and its hosts must not stay held for ever."""
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    bot.planner._kinds = {}
    with pytest.raises(
        NotAllowed, match=r"this version of the bot does not support turn\. Ask an administrator to resolve it"
    ):
        await bot.workflow.resolve("op-1", bot.by(BEN), "looks good", ChangeState.DONE)
    assert ChangeState.DONE is (await bot.workflow.resolve("op-1", bot.by(DEE), "looks good", ChangeState.DONE)).state


async def test_of_two_people_who_say_how_it_ended_one_is_told_that_it_did_not_count(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    answers = await asyncio.gather(
        *(bot.workflow.resolve("op-1", bot.by(person), "seen", ChangeState.DONE) for person in (BEN, CAI)),
        return_exceptions=True,
    )
    assert 1 == sum(isinstance(answer, AlreadyDecided) for answer in answers)
    assert "too late" == bot.log.last(EventKind.REFUSAL)["rule"]


async def test_an_end_that_cannot_be_recorded_frees_no_host(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, None)
    bot.log.full = True
    with pytest.raises(TooLarge):
        await bot.workflow.resolve("op-1", bot.by(BEN), "looks good", ChangeState.DONE)
    assert {"host-a"} == set(await bot.operations.find_claims())


async def test_while_the_audit_log_is_in_doubt_nothing_is_decided(bot: Bot) -> None:
    await bot.ask("op-1")
    bot.log.trouble = Phrase("copied back")
    with pytest.raises(Refused, match="copied back"):
        await bot.workflow.approve("op-1", bot.by(BEN))
    assert ChangeState.WAITING is (await bot.workflow.find_change("op-1")).state


async def test_what_is_not_unknown_is_not_resolved(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    with pytest.raises(Refused, match="not finished yet"):
        await bot.workflow.resolve("op-1", bot.by(BEN), "looks good", ChangeState.DONE)


async def test_a_new_change_goes_on_with_the_hosts_that_are_not_done(bot: Bot) -> None:
    bot.hosts(host("host-a", 1), host("host-b", 2), host("host-c", 3), host("host-d", 4, labels=("broken",)))
    await bot.ask_and_approve("op-1", "all")
    bot.came("op-1", host_a=Result.DONE, host_b=Result.FAILED)
    await bot.dispatch.finish_run("op-1", ChangeState.FAILED, None)
    bot.hosts(host("host-a", 1), host("host-b", 2), host("host-c", 3), host("host-d", 4))

    change = await bot.workflow.continue_change("op-2", "op-1", bot.by(CAI))

    assert (ChangeState.WAITING, "turn host-b,host-c,host-d", "cai", "op-1") == (
        change.state,
        change.words,
        change.requester,
        change.before,
    )
    assert "op-2" == (await bot.workflow.find_change("op-1")).after
    assert change == await bot.workflow.continue_change("op-2", "op-1", bot.by(CAI))
    with pytest.raises(AlreadyDecided, match="already replaced by op-2"):
        await bot.workflow.continue_change("op-3", "op-1", bot.by(CAI))


@pytest.mark.parametrize(
    ("state", "words"),
    [(ChangeState.RUNNING, "not finished yet."), (ChangeState.UNKNOWN, "op resolve"), (ChangeState.DONE, "nothing left")],
)
async def test_what_cannot_be_continued_says_why(bot: Bot, state: ChangeState, words: str) -> None:
    await bot.ask_and_approve("op-1")
    bot.came("op-1", host_a=Result.DONE)
    if state is not ChangeState.RUNNING:
        await bot.dispatch.finish_run("op-1", state, None)
    with pytest.raises(FlatnetError, match=words):
        await bot.workflow.continue_change("op-2", "op-1", bot.by(ANA))
    assert await bot.ledger.find("op-2") is None


async def test_what_never_began_is_asked_again_instead(bot: Bot) -> None:
    await bot.ask("op-1")
    await bot.workflow.deny("op-1", bot.by(BEN), "no")
    with pytest.raises(Refused, match="Submit it again: turn host-a"):
        await bot.workflow.continue_change("op-2", "op-1", bot.by(ANA))


async def test_whoever_may_not_ask_may_not_continue(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.FAILED, None)
    with pytest.raises(NotAllowed):
        await bot.workflow.continue_change("op-2", "op-1", bot.by(VAL))


async def test_rights_are_those_of_the_moment_and_not_of_the_question(bot: Bot) -> None:
    """ben is named on the card, but has lost his role since."""
    await bot.ask("op-1")
    demoted = BEN.model_copy(update={"roles": frozenset({Role.VIEWER})})
    bot.people(*(demoted if person is BEN else person for person in EVERYBODY))
    with pytest.raises(NotAllowed):
        await bot.workflow.approve("op-1", bot.by(demoted))


async def test_reviews_keep_who_decided_as_they_came(bot: Bot) -> None:
    await uproot(bot, "op-1")
    by = bot.by(BEN)
    await bot.workflow.approve("op-1", dataclasses.replace(by), "host-a")
    record = await bot.stored("op-1")
    assert {"ben": by.identity} == record.reviewers


async def test_a_critical_change_is_approved_by_people_who_opened_its_plan_alone(bot: Bot) -> None:
    """Whoever typed it without looking is told what to type first; a denial needs no look."""
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.open("op-1", CAI)
    with pytest.raises(NotAllowed) as refused:
        await bot.workflow.approve("op-1", bot.by(BEN), "host-a")
    assert "open the plan before you approve this critical change: op show op-1" == str(refused.value.phrase)
    assert "plan not opened" == bot.log.last(EventKind.REFUSAL)["rule"]
    await bot.open("op-1", BEN)
    await bot.workflow.approve("op-1", bot.by(BEN, terminal=True), "host-a")
    assert ChangeState.WAITING is (await bot.workflow.find_change("op-1")).state
    assert ChangeState.CLOSED is (await bot.workflow.deny("op-1", bot.by(DEE), "not today")).state


async def test_a_lower_risk_in_the_row_spares_no_approver_the_plan(bot: Bot) -> None:
    """The digest does not cover the stored risk."""
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    assert Risk.CHANGE is (await bot.edit_risk("op-1", Risk.CHANGE)).risk
    with pytest.raises(NotAllowed, match="open the plan before you approve this critical change"):
        await bot.workflow.approve("op-1", bot.by(BEN), "host-a")
    await bot.open("op-1", BEN)
    await bot.workflow.approve("op-1", bot.by(BEN), "host-a")
    assert [("opened", "ben"), ("review", "ben")] == bot.log.told("op-1")[-2:]


async def test_an_opened_plan_is_recorded_once_and_only_of_people_who_may_approve(bot: Bot) -> None:
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.open("op-1", BEN, BEN, ANA, VAL)
    assert [("opened", "ben")] == [each for each in bot.log.told("op-1") if each[0] == "opened"]
    await bot.ask("op-2", "host-b")
    await bot.open("op-2", BEN)
    assert [] == [each for each in bot.log.told("op-2") if each[0] == "opened"]


async def test_another_plan_than_the_one_that_was_opened_must_be_opened_too(bot: Bot) -> None:
    """The record outlives a restart, and names the digest: a row that was changed since is another plan."""
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    await bot.log.record(EventKind.OPENED, "ben", "op-1", {"digest": "0" * 64})
    with pytest.raises(NotAllowed, match="open the plan"):
        await bot.workflow.approve("op-1", bot.by(BEN), "host-a")


async def test_a_plan_can_be_read_while_nothing_can_be_recorded(bot: Bot) -> None:
    await bot.workflow.propose("op-1", Uproot(target=Target(parts=("host-a",)), reason="retired"), bot.by(ANA))
    bot.log.trouble = Phrase("cut")
    await bot.open("op-1", BEN)
    assert [] == [each for each in bot.log.told("op-1") if each[0] == "opened"]


async def test_of_two_people_who_report_a_result_the_second_learns_who_was_first_and_what_they_saw(bot: Bot) -> None:
    await bot.ask_and_approve("op-1")
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, Phrase("the answer was lost"))
    await bot.workflow.resolve("op-1", bot.by(BEN), "it is turned", ChangeState.DONE)
    with pytest.raises(AlreadyDecided) as refused:
        await bot.workflow.resolve("op-1", bot.by(CAI), "it is not", ChangeState.FAILED)
    assert "already finished at 2026-01-31 09:00:00 UTC: ben reported: it is turned" == str(refused.value.phrase)
    assert ChangeState.DONE is (await bot.workflow.find_change("op-1")).state


async def test_a_waiting_change_names_and_mentions_those_who_may_approve_it_now(bot: Bot) -> None:
    """Not those of the time of the request: ben has left since, and a group has come."""
    await bot.ask("op-1")
    approval = (await bot.workflow.find_change("op-1")).approval
    assert approval is not None
    assert (("ben", "cai", "dee"), {"ben": "U2BEN", "cai": "U3CAI", "dee": "U4DEE"}) == (approval.may, approval.mentions)
    group = UserGroup(slack="S1OPS", roles=OPERATOR)
    bot.ground = dataclasses.replace(bot.ground, policy=Policy((ANA, CAI), (group,)))
    approval = (await bot.workflow.find_change("op-1")).approval
    assert approval is not None
    assert (("cai",), {"cai": "U3CAI"}, ("S1OPS",), None) == (
        approval.may,
        approval.mentions,
        approval.groups,
        approval.lacking,
    )
    assert ("ben", "cai", "dee") == ((await bot.stored("op-1")).approval or approval).may


async def test_at_most_five_are_mentioned_groups_first(bot: Bot) -> None:
    people = tuple(Person(name=f"p{n}", slack=(f"U9P{n}",), roles=OPERATOR) for n in range(9))
    groups = tuple(UserGroup(slack=f"S9G{n}", roles=OPERATOR) for n in range(2))
    await bot.ask("op-1")
    bot.ground = dataclasses.replace(bot.ground, policy=Policy((ANA, *people), groups))
    approval = (await bot.workflow.find_change("op-1")).approval
    assert approval is not None
    assert (9, ["p0", "p1", "p2"]) == (len(approval.may), list(approval.mentions))


async def test_a_change_that_can_no_longer_be_approved_says_so_and_its_card_is_shown_anew(bot: Bot) -> None:
    await bot.ask("op-1")
    await bot.dispatch.tick()
    bot.seen.clear()
    await bot.dispatch.tick()
    assert [] == bot.seen
    bot.people(ANA, VAL)
    await bot.dispatch.tick()
    [shown] = bot.seen
    assert shown.approval is not None
    assert "approval needs 1 other person with one of the roles administrator, operator (available: none)" in str(
        shown.approval.lacking
    )
    bot.people(*EVERYBODY)
    await bot.dispatch.tick()
    assert None is (bot.seen[-1].approval or shown.approval).lacking
