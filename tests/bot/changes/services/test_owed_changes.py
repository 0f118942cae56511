"""What a run owes to the hosts that it had to leave out, and what settles it."""

import json

import pytest

from bot.audit_log.log import EventKind
from bot.model.change import Change, ChangeState
from commands.model.owed import Matter
from commands.model.plan import Result
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEN, HOSTS, Bot, Revoke, Sweep
from tests.commands.canned import host

SILENT = host("host-e", 5, labels=("silent",))


@pytest.fixture
def silent(bot: Bot) -> Bot:
    """host-e does not answer."""
    bot.hosts(*HOSTS, SILENT)
    return bot


async def run(bot: Bot, operation: str = "op-1", target: str = "host-a,host-e") -> None:
    """Asked by ana, approved by ben, started."""
    await bot.ask_and_approve(operation, target)
    assert ChangeState.RUNNING is (await bot.stored(operation)).state


async def finish(bot: Bot, operation: str, state: ChangeState, **results: Result) -> Change:
    bot.came(operation, **results)
    return await bot.dispatch.finish_run(operation, state, None)


async def rows(bot: Bot) -> list[tuple[str, str, str]]:
    return [(owed.host, owed.words, owed.operation) for owed in await bot.owed.list_open()]


def owed_events(bot: Bot, operation: str = "op-1") -> list[object]:
    return [dict(data) for kind, _, about, data in bot.log.events if (kind, about) == (EventKind.OWED, operation)]


async def test_a_run_that_is_done_owes_the_change_to_the_silent_host(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    assert [("host-e", "turn host-e", "op-1")] == await rows(silent)
    assert [{"owed": "left", "items": ["host-e"]}] == owed_events(silent)


async def test_the_row_has_all_that_is_needed_to_ask_again(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    (owed,) = await silent.owed.list_open()
    record = await silent.stored("op-1")
    assert ("turn", {"target": {"parts": ["host-e"]}}, Matter.CHANGE) == (owed.kind, owed.arguments, owed.matter)
    assert (record.requester, record.identity, record.surface, record.channel) == (
        owed.requester,
        owed.identity,
        owed.surface,
        owed.channel,
    )
    assert ("silent", silent.at) == (str(owed.why), owed.since)


@pytest.mark.parametrize(
    ("state", "results", "left"),
    [
        (ChangeState.DONE, {"host_a": Result.DONE}, ["host-e"]),
        (ChangeState.FAILED, {"host_a": Result.DONE, "host_b": Result.FAILED}, ["host-e"]),
        (ChangeState.FAILED, {"host_a": Result.SKIPPED}, []),
        (ChangeState.UNDONE, {"host_a": Result.FAILED}, []),
        (ChangeState.UNKNOWN, {"host_a": Result.UNKNOWN}, []),
    ],
)
async def test_only_an_end_in_which_something_was_done_owes_anything(
    silent: Bot, state: ChangeState, results: dict[str, Result], left: list[str]
) -> None:
    await run(silent, target="host-a,host-b,host-e")
    await finish(silent, "op-1", state, **results)
    assert left == [owed.host for owed in await silent.owed.list_open()]


async def test_an_obstacle_that_a_person_must_remove_is_not_owed(silent: Bot) -> None:
    silent.hosts(*HOSTS, host("host-e", 5, labels=("broken",)))
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    assert [] == await rows(silent)
    assert [] == owed_events(silent)


async def test_an_end_that_is_reported_twice_owes_it_once(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    assert 1 == len(await rows(silent))
    assert 1 == len(owed_events(silent))


async def test_a_crash_after_the_event_and_before_the_row_is_made_up_for(silent: Bot) -> None:
    await run(silent)
    silent.came("op-1", host_a=Result.DONE)
    await silent.log.record(EventKind.OWED, "ana", "op-1", {"owed": "left", "items": ["host-e"]})
    await silent.dispatch.finish_run("op-1", ChangeState.DONE, None)
    assert 1 == len(await rows(silent))
    assert 1 == len(owed_events(silent))


async def test_a_person_who_reports_an_unknown_end_as_done_leaves_it_owed(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.UNKNOWN, host_a=Result.UNKNOWN)
    await silent.workflow.resolve("op-1", silent.by(BEN), "it is turned", ChangeState.DONE)
    assert [("host-e", "turn host-e", "op-1")] == await rows(silent)


async def test_a_person_who_reports_it_as_rolled_back_owes_nothing(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.UNKNOWN, host_a=Result.UNKNOWN)
    await silent.workflow.resolve("op-1", silent.by(BEN), "it is as before", ChangeState.UNDONE)
    assert [] == await rows(silent)


async def test_a_revocation_that_a_host_is_owed_has_failed_whatever_a_person_reports(silent: Bot) -> None:
    asked = Revoke(target=Target.parse(("host-a,host-e",)))
    await silent.workflow.propose("op-1", asked, silent.by(ANA))
    await silent.workflow.approve("op-1", silent.by(BEN))
    await finish(silent, "op-1", ChangeState.UNKNOWN, host_a=Result.UNKNOWN)
    ended = await silent.workflow.resolve("op-1", silent.by(BEN), "revoked", ChangeState.DONE)
    assert ChangeState.FAILED is ended.state
    assert [Matter.REVOCATION] == [owed.matter for owed in await silent.owed.list_open()]


async def test_the_same_command_by_hand_settles_it(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    silent.hosts(*HOSTS, host("host-e", 5))
    await run(silent, "op-2", "host-b,host-e")
    await finish(silent, "op-2", ChangeState.FAILED, host_b=Result.FAILED, host_e=Result.DONE)
    settled = await silent.owed.find(1)
    assert settled is not None
    assert (False, "op-2") == (settled.is_open, settled.settled_by)
    assert [{"owed": "settled", "items": [1]}] == owed_events(silent, "op-2")


async def test_a_command_whose_one_part_acts_on_many_hosts_is_settled_by_host_too(silent: Bot) -> None:
    await sweep(silent, "op-1", "host-a,host-e", host_a=Result.DONE)
    assert [("host-e", "sweep host-e", "op-1")] == await rows(silent)
    silent.hosts(*HOSTS, host("host-e", 5))
    await sweep(silent, "op-2", "host-e", host_e=Result.DONE)
    assert [] == await rows(silent)


async def sweep(bot: Bot, operation: str, target: str, **results: Result) -> None:
    await bot.workflow.propose(operation, Sweep(target=Target.parse((target,))), bot.by(ANA))
    await bot.workflow.approve(operation, bot.by(BEN))
    await finish(bot, operation, ChangeState.DONE, **results)


async def test_another_command_on_that_host_settles_nothing(silent: Bot) -> None:
    await run(silent)
    await finish(silent, "op-1", ChangeState.DONE, host_a=Result.DONE)
    silent.hosts(*HOSTS, host("host-e", 5))
    await silent.workflow.propose("op-2", Revoke(target=Target.parse(("host-e",))), silent.by(ANA))
    await silent.workflow.approve("op-2", silent.by(BEN))
    silent.came("op-2", host_e=Result.DONE)
    await silent.dispatch.finish_run("op-2", ChangeState.DONE, None)
    assert 1 == len(await rows(silent))


async def test_an_operation_of_another_version_leaves_a_row_that_can_be_seen(silent: Bot) -> None:
    await run(silent)
    silent.came("op-1", host_a=Result.DONE)
    record = await silent.stored("op-1")
    silent.planner._kinds.clear()  # as if its class had another name now
    await silent.dispatch.finish_run("op-1", ChangeState.DONE, None)
    (owed,) = await silent.owed.list_open()
    assert (record.words, json.loads(json.dumps(record.arguments))) == (owed.words, owed.arguments)
