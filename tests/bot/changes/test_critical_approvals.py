"""Approvals of critical changes: each approver types the name of what it is about, and one of them uses a terminal."""

import dataclasses
import json
from collections.abc import Sequence

import pytest
from sqlalchemy import update

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.access.people import Person, UserGroup
from bot.access.policy import Policy, Refusal, make_actor
from bot.access.rules import ApprovalRequirement, ApprovalSettings
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import AlreadyDecided, NotAllowed
from bot.model.change import ApprovalState, Change, ChangeState
from bot.model.request import Surface
from bot.store.schema.tables import REVIEWS
from commands.model.operation import Risk
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ADMINISTRATOR, ANA, BEN, CAI, DEE, EVERYBODY, OPERATOR, Bot, Turn, Uproot

FAY = Person(name="fay", slack=("U6FAY",), system=("fay",), roles=OPERATOR)
GIL = Person(name="gil", slack=("U7GIL",), system=("gil",), roles=ADMINISTRATOR)
TEAM = (*EVERYBODY, FAY, GIL)

Road = tuple[Person, bool]
"""A person, and whether they approve from a terminal."""


def second_road(bot: Bot, *people: Person) -> None:
    """One approval of each critical change must come from a terminal."""
    policy = Policy(people or TEAM, approvals=ApprovalSettings(second_road=True))
    bot.ground = dataclasses.replace(bot.ground, policy=policy)


async def uproot(bot: Bot, target: str = "host-a", person: Person = ANA, *, terminal: bool = False) -> Change:
    """op-1, a critical change."""
    asked = Uproot(target=Target.parse((target,)), reason="retired")
    return await bot.workflow.propose("op-1", asked, bot.by(person, terminal=terminal))


async def approve(bot: Bot, person: Person, name: str = "host-a", *, terminal: bool = False) -> Change:
    """A person opens op-1 and approves it with this name."""
    await bot.workflow.open_plan("op-1", bot.by(person, terminal=terminal))
    return await bot.workflow.approve("op-1", bot.by(person, terminal=terminal), name)


async def by_roads(bot: Bot, roads: Sequence[Road]) -> Change:
    for person, terminal in roads:
        await approve(bot, person, terminal=terminal)
    return await bot.workflow.find_change("op-1")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "host-b",
        "HOST-A",
        "host-a,",
        "host-a host-a",
        "ｈost-a",
        "hоst-a",
        "host-a\u200b",
        "op-1",
        "*",
        "x" * 5_000,
    ],
    ids=[
        "none",
        "spaces",
        "another",
        "capitals",
        "a comma",
        "twice",
        "full width",
        "Cyrillic",
        "invisible",
        "id",
        "*",
        "long",
    ],
)
async def test_a_name_that_is_not_exactly_that_of_the_plan_approves_nothing(bot: Bot, typed: str) -> None:
    await uproot(bot)
    with pytest.raises(NotAllowed) as refused:
        await approve(bot, BEN, typed)
    told = "type the name of what this critical change is about, as the plan has it: approve op-1 --name …"
    assert (told, "name not typed") == (str(refused.value.phrase), bot.log.last(EventKind.REFUSAL)["rule"])
    assert "host-a" not in json.dumps(bot.log.last(EventKind.REFUSAL))
    assert 0 == ((await bot.stored("op-1")).approval or pytest.fail("no approval")).approvals


async def test_the_exact_name_counts_also_with_spaces_around_it_and_is_in_the_audit_log(bot: Bot) -> None:
    await uproot(bot)
    await approve(bot, BEN, "  host-a ")
    assert ("host-a", "slack") == (bot.log.last(EventKind.REVIEW)["name"], bot.log.last(EventKind.REVIEW)["surface"])
    assert ["slack"] == [each.surface for each in ((await bot.stored("op-1")).approval or pytest.fail("none")).reviews]


@pytest.mark.parametrize(
    ("target", "name"),
    [("host-a,host-b,host-c", "host-a,host-b,host-c"), ("host-a,host-b,host-c,host-d", "host-a+3")],
)
async def test_the_name_of_several_hosts_can_be_typed(bot: Bot, target: str, name: str) -> None:
    assert name == (await uproot(bot, target)).plan.object_name
    await approve(bot, BEN, name)
    assert ChangeState.RUNNING is (await approve(bot, CAI, name)).state


async def test_what_is_typed_for_another_change_is_not_recorded(bot: Bot) -> None:
    """It may be a secret that was pasted into the wrong field."""
    await bot.ask("op-1")
    await bot.workflow.approve("op-1", bot.by(BEN), "secret")
    assert "name" not in bot.log.last(EventKind.REVIEW)


async def test_a_schedule_that_shows_the_plan_has_not_opened_it_for_its_author(bot: Bot) -> None:
    await uproot(bot)
    await bot.workflow.open_plan("op-1", dataclasses.replace(bot.by(BEN), surface=Surface.SCHEDULE))
    with pytest.raises(NotAllowed, match="open the plan"):
        await bot.workflow.approve("op-1", bot.by(BEN), "host-a")


async def test_a_denial_needs_no_name(bot: Bot) -> None:
    await uproot(bot)
    assert ChangeState.CLOSED is (await bot.workflow.deny("op-1", bot.by(BEN), "not today")).state


@pytest.mark.parametrize(
    ("roads", "state", "counted"),
    [
        pytest.param([(BEN, False)], ChangeState.WAITING, 1, id="one in Slack"),
        pytest.param([(BEN, True)], ChangeState.WAITING, 1, id="one in a terminal is one person"),
        pytest.param([(BEN, False), (CAI, False)], ChangeState.WAITING, 2, id="two in Slack"),
        pytest.param([(BEN, False), (CAI, False), (DEE, False)], ChangeState.WAITING, 3, id="three in Slack"),
        pytest.param([(BEN, True), (CAI, False)], ChangeState.RUNNING, 2, id="the first in a terminal"),
        pytest.param([(CAI, False), (BEN, True)], ChangeState.RUNNING, 2, id="the last in a terminal"),
        pytest.param([(BEN, True), (FAY, True)], ChangeState.RUNNING, 2, id="both in a terminal"),
        pytest.param([(BEN, False), (CAI, False), (FAY, True)], ChangeState.RUNNING, 3, id="a third in a terminal"),
        pytest.param([(BEN, False), (BEN, True)], ChangeState.WAITING, 1, id="Slack and terminal are one person"),
        pytest.param([(BEN, False), (CAI, False), (BEN, True)], ChangeState.RUNNING, 2, id="again, from a terminal"),
    ],
)
async def test_one_approval_from_a_terminal_is_required(
    bot: Bot, roads: Sequence[Road], state: ChangeState, counted: int
) -> None:
    second_road(bot)
    await uproot(bot)
    change = await by_roads(bot, roads)
    assert change.approval is not None
    assert (state, counted) == (change.state, change.approval.approvals)
    assert (state is ChangeState.RUNNING) == (bot.engine.enqueued == ["op-1"])
    if state is ChangeState.RUNNING:
        assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None


@pytest.mark.parametrize(
    ("roads", "again", "why"),
    [
        pytest.param([(BEN, False)], (BEN, False), "1 more approval is needed", id="in Slack"),
        pytest.param([(BEN, True)], (BEN, True), "1 more approval is needed", id="in a terminal"),
        pytest.param([(BEN, True)], (BEN, False), "1 more approval is needed", id="in Slack after the terminal"),
        pytest.param([(BEN, False), (CAI, False)], (CAI, False), "One approval from a terminal is needed", id="lacking"),
    ],
)
async def test_another_approval_by_the_same_person_is_refused(
    bot: Bot, roads: Sequence[Road], again: Road, why: str
) -> None:
    second_road(bot)
    await uproot(bot)
    await by_roads(bot, roads)
    with pytest.raises(AlreadyDecided, match=why):
        await approve(bot, again[0], terminal=again[1])


async def test_the_requester_does_not_approve_by_another_road(bot: Bot) -> None:
    second_road(bot)
    await uproot(bot)
    await by_roads(bot, [(BEN, False), (CAI, False)])
    with pytest.raises(NotAllowed, match="you cannot approve your own"):
        await approve(bot, ANA, terminal=True)
    assert ChangeState.WAITING is (await bot.workflow.find_change("op-1")).state


async def test_without_an_approval_from_a_terminal_it_expires(bot: Bot) -> None:
    second_road(bot)
    await uproot(bot)
    await by_roads(bot, [(BEN, False), (CAI, False)])
    bot.pass_by(hours=1)
    await bot.dispatch.tick()
    change = await bot.workflow.find_change("op-1")
    assert change.approval is not None
    assert (ChangeState.CLOSED, ApprovalState.EXPIRED) == (change.state, change.approval.state)


async def test_a_change_that_is_not_critical_needs_no_terminal(bot: Bot) -> None:
    second_road(bot)
    await bot.ask("op-1")
    assert ChangeState.RUNNING is (await bot.workflow.approve("op-1", bot.by(CAI))).state


async def test_an_approval_from_a_terminal_counts_under_a_new_name(bot: Bot) -> None:
    """Ben was renamed between the approval and the start."""
    second_road(bot)
    await uproot(bot)
    await by_roads(bot, [(BEN, True), (CAI, False)])
    second_road(bot, ANA, CAI, DEE, FAY, BEN.model_copy(update={"name": "benjamin"}))
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None


async def test_a_row_alone_is_no_approval_from_a_terminal(bot: Bot) -> None:
    """The surface in the table of reviews is not signed."""
    await uproot(bot)
    await by_roads(bot, [(BEN, False), (CAI, False)])
    second_road(bot)
    forged = update(REVIEWS).values(surface="shell")
    await bot.database.run(lambda connection: connection.execute(forged).rowcount)
    record = await bot.stored("op-1")
    assert record.approval is not None
    assert not record.approval.lacks_second_road
    refused = await bot.dispatch.check_still_allowed(record)
    assert refused is not None
    told = "one approval of a critical change must come from a terminal, and none did. Submit it again"
    assert ("no terminal", told) == (refused.rule, str(refused.reason))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        pytest.param({}, "", id="as recorded"),
        pytest.param({"surface": "slack"}, "no terminal", id="from Slack"),
        pytest.param({"surface": ""}, "no terminal", id="without a surface"),
        pytest.param({"surface": ["shell"]}, "no terminal", id="an odd surface"),
        pytest.param({"name": "host-b"}, "name not typed", id="another name"),
        pytest.param({"name": ""}, "name not typed", id="without a name"),
        pytest.param({"name": None}, "name not typed", id="no name"),
        pytest.param({"digest": "0" * 64}, "not recorded", id="another plan"),
    ],
)
async def test_the_start_reads_signed_events_alone(bot: Bot, changed: dict[str, object], rule: str) -> None:
    second_road(bot)
    await uproot(bot)
    await by_roads(bot, [(CAI, False), (BEN, True)])
    events = [event for event in bot.log.events if event[0] is EventKind.REVIEW]
    bot.log.forget("op-1", EventKind.REVIEW)
    for kind, actor, operation, data in events:
        await bot.log.record(kind, actor, operation, {**data, **changed} if actor == "ben" else data)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert rule == ("" if refused is None else refused.rule)


async def test_a_row_that_waives_the_terminal_is_overruled_by_the_configuration(bot: Bot) -> None:
    await uproot(bot)
    await by_roads(bot, [(BEN, False), (CAI, False)])
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None
    second_road(bot)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert "no terminal" == refused.rule


@pytest.mark.parametrize(
    ("people", "groups", "expected"),
    [
        pytest.param((ANA, CAI, DEE), (), "critical needs 2: no terminal", id="only the requester has an account"),
        pytest.param((ANA, BEN, CAI), (), "", id="an approver has one"),
        pytest.param(
            (ANA, CAI, DEE), (UserGroup(slack="S0OPS", roles=OPERATOR),), "", id="a member of a group may have one"
        ),
    ],
)
def test_a_change_that_can_never_be_approved_from_a_terminal_is_refused_at_once(
    people: tuple[Person, ...], groups: tuple[UserGroup, ...], expected: str
) -> None:
    policy = Policy(people, groups, approvals=ApprovalSettings(second_road=True))
    verdict = policy.assess_approval(make_actor(ANA), Risk.CRITICAL, ())
    if not expected:
        assert isinstance(verdict, ApprovalRequirement)
        assert verdict.second_road
        return
    assert isinstance(verdict, Refusal)
    assert verdict.rule.endswith("no terminal")
    assert "no approver has an operating system account" in str(verdict.reason)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("kind", [Uproot, Turn])
async def test_break_glass_for_a_critical_change_comes_from_a_terminal_alone(
    bot: Bot, kind: type[Turn], terminal: bool
) -> None:
    second_road(bot)
    asked = kind(target=Target(parts=("host-a",)), reason="stolen key", break_glass=True)
    if kind is Turn or terminal:
        change = await bot.workflow.propose("op-1", asked, bot.by(GIL, terminal=terminal))
        assert ChangeState.RUNNING is change.state
        assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None
        return
    with pytest.raises(Refused, match="a critical emergency change must be requested from a terminal"):
        await bot.workflow.propose("op-1", asked, bot.by(GIL))
    assert [("refusal", "gil")] == bot.log.told("op-1")


async def test_a_critical_emergency_change_from_slack_does_not_start_once_a_terminal_is_required(bot: Bot) -> None:
    asked = Uproot(target=Target(parts=("host-a",)), reason="stolen key", break_glass=True)
    bot.people(*TEAM)
    await bot.workflow.propose("op-1", asked, bot.by(GIL))
    assert await bot.dispatch.check_still_allowed(await bot.stored("op-1")) is None
    second_road(bot)
    refused = await bot.dispatch.check_still_allowed(await bot.stored("op-1"))
    assert refused is not None
    assert "not recorded" == refused.rule


async def unknown(bot: Bot) -> None:
    """op-1, a critical change whose result is unknown."""
    await uproot(bot)
    await by_roads(bot, [(BEN, False), (CAI, False)])
    await bot.dispatch.finish_run("op-1", ChangeState.UNKNOWN, Phrase("the answer was lost"))


@pytest.mark.parametrize("person", [BEN, DEE])
async def test_that_a_critical_change_was_done_is_not_one_persons_word(bot: Bot, person: Person) -> None:
    await unknown(bot)
    with pytest.raises(NotAllowed, match='needs its approvals: op confirm op-1 --reason "…"'):
        await bot.workflow.resolve("op-1", bot.by(person), "looks good", ChangeState.DONE)
    assert {"host-a", "lighthouse"} == set(await bot.operations.find_claims())


@pytest.mark.parametrize("outcome", [ChangeState.FAILED, ChangeState.UNDONE])
async def test_that_it_was_not_done_is(bot: Bot, outcome: ChangeState) -> None:
    await unknown(bot)
    assert outcome is (await bot.workflow.resolve("op-1", bot.by(BEN), "nothing happened", outcome)).state


async def test_a_confirmed_success_releases_the_hosts_once_in_the_name_of_who_asked(bot: Bot) -> None:
    """Confirmed again after a crash, it stays as it is."""
    await unknown(bot)
    asked = Turn(target=Target(parts=("host-b",)), reason="host-a refuses the old certificate")
    await bot.workflow.propose("op-2", asked, bot.by(DEE))
    for _ in range(2):
        change = await bot.workflow.confirm_success("op-1", "op-2")
        told = "dee reported: host-a refuses the old certificate"
        assert (ChangeState.DONE, told) == (change.state, str(change.why))
    assert 1 == bot.log.told("op-1").count(("end", "dee"))
    assert set() == set(await bot.operations.find_claims())


async def test_a_known_outcome_is_never_confirmed_away(bot: Bot) -> None:
    await unknown(bot)
    await bot.workflow.resolve("op-1", bot.by(BEN), "nothing happened", ChangeState.FAILED)
    await bot.ask("op-2", "host-b")
    assert ChangeState.FAILED is (await bot.workflow.confirm_success("op-1", "op-2")).state
