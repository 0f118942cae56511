"""Rehearsals that changes rest on: when one is fresh, what a run proves, what cards say, and what is refused without one."""

import dataclasses
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.endpoint import make_endpoint
from adapters.inventory import Inventory, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.rehearsal import GuardVersion, RehearsalReading, identify_guard
from bot.audit_log.log import EventKind
from bot.changes.rules.approval import NotAllowed
from bot.changes.rules.rehearsals import derive_rehearsal, describe_objections, explain_refusal, find_objection
from bot.changes.rules.trail import AuditTrail
from bot.model.change import Change, ChangeState
from bot.model.rehearsal import Rehearsal
from commands.changes.rehearsal import RehearsedHost, build_rehearsal_steps, make_rehearsal_key
from commands.model.operation import Risk
from commands.model.plan import Part, Plan, Result, StepResult
from commands.model.plan_endpoints import collect_endpoints
from commands.values.arguments import Target
from tests.bot.changes.workflow_team import ANA, BEGINNING, BEN, CAI, Bot, CriticalSwap, RehearsedSwap, Swap, Turn
from tests.commands.canned import host

PLAIN = WindowsSide(url="http://192.0.2.1:5985/wsman", user="flatnet", allow_http=True)
A, B = host("host-a", 1, windows=PLAIN), host("host-b", 2, windows=PLAIN)
KEYS = tuple(step.key for step in build_rehearsal_steps(RehearsedHost(A, "op-1", 30.0)))


def rehearsal(**given: Any) -> Rehearsal:
    usual = {
        "host": "host-a",
        "operation": "op-0",
        "at": BEGINNING,
        "successful": True,
        "version": identify_guard(),
        "endpoint": make_endpoint(A, "windows"),
    }
    return Rehearsal.model_validate(usual | given)


@pytest.fixture
def guarded(bot: Bot) -> Bot:
    bot.hosts(A, B)
    return bot


async def ask(bot: Bot, kind: type[Turn], target: str = "host-a", **given: Any) -> Change:
    asked = kind(target=Target.parse((target,)), reason="for good", **given)
    return await bot.workflow.propose("op-1", asked, bot.by(ANA))


async def attest(bot: Bot, operation: str = "op-0", name: str = "tidy") -> None:
    """A signed outcome of a rehearsal of host-a."""
    result = outcome(make_rehearsal_key("host-a", name)).model_dump(mode="json")
    await bot.log.record(EventKind.OUTCOME, "ana", operation, {"undo": False, "touched": True, "result": result})


def outcome(key: str, result: Result = Result.DONE, **given: Any) -> StepResult:
    return StepResult(key=key, result=result, began_at=BEGINNING, ended_at=BEGINNING + timedelta(seconds=4), **given)


CHANGED = "the address or identity of the host has changed since the last rehearsal"
JUDGED: Mapping[str, tuple[Rehearsal | None, str]] = {
    "fresh": (rehearsal(), ""),
    "none": (None, "not rehearsed yet"),
    "failed": (rehearsal(successful=False, why=Phrase("no")), "the last rehearsal failed (no)"),
    "stopped": (rehearsal(successful=False), "the last rehearsal failed (not completed)"),
    "90 days": (rehearsal(at=BEGINNING - timedelta(days=90)), ""),
    "older": (rehearsal(at=BEGINNING - timedelta(days=90, seconds=1)), "the last rehearsal is older than 90 days"),
    "another guard": (
        rehearsal(version=identify_guard().model_copy(update={"guard": "0"})),
        "the bot's scripts have changed since the last rehearsal",
    ),
    "another bootstrap": (
        rehearsal(version=GuardVersion(bootstrap="0", guard=identify_guard().guard)),
        "the bot's scripts have changed since the last rehearsal",
    ),
    "another address": (
        rehearsal(endpoint=make_endpoint(A, "windows").model_copy(update={"address": "https://192.0.2.9:5986/wsman"})),
        CHANGED,
    ),
    "another identity": (rehearsal(endpoint=make_endpoint(A, "windows").model_copy(update={"identity": "ff"})), CHANGED),
}


@pytest.mark.parametrize("story", JUDGED)
def test_a_rehearsal_is_fresh_for_a_time_for_one_guard_and_for_one_host(story: str) -> None:
    known, why = JUDGED[story]
    assert why == str(find_objection(A, known, BEGINNING) or "")


def test_hosts_with_the_same_objection_share_a_sentence() -> None:
    old, never = Phrase("old"), Phrase("never")
    assert [
        "the automatic rollback of a, c is unproven (old). Run host rehearse a,c",
        "the automatic rollback of b is unproven (never). Run host rehearse b",
    ] == [str(phrase) for phrase in describe_objections({"a": old, "b": never, "c": old})]


def test_a_refusal_gives_each_reason_and_one_command_for_all_hosts() -> None:
    said = explain_refusal({"a": Phrase("old"), "b": Phrase("never"), "c": Phrase("old")})
    told = "a critical change needs a fresh rehearsal of each host: a, c: old, b: never. Run host rehearse a,b,c"
    assert told == str(said)


def plan_of_a() -> Plan:
    part = Part(host="host-a", steps=tuple(build_rehearsal_steps(RehearsedHost(A, "op-1", 30.0))))
    return Plan(parts=(part,), roads=tuple(collect_endpoints((part,), Inventory(hosts=(A,)))))


def trail(*results: StepResult) -> AuditTrail:
    return AuditTrail(started=True, results={result.key: result for result in results})


READING = RehearsalReading(
    operation="op-1-keep",
    state="applied",
    why="",
    text="new",
    sddl="O:BA",
    account="S-1-5-18",
    powershell="5.1.1",
    edition="Desktop",
    culture="ja-JP",
    ui_culture="en-US",
    arguments_length=27_000,
    arguments_hash="ab",
    build="10.0.20348",
    clock=BEGINNING + timedelta(seconds=9),
).model_dump(mode="json")


def test_a_run_that_ended_well_proves_what_it_measured() -> None:
    measured = make_rehearsal_key("host-a", "keep/measure")
    results = [outcome(key, product=READING if key == measured else {}) for key in KEYS]
    found = derive_rehearsal("op-1", plan_of_a(), "host-a", trail(*results))
    assert found is not None
    assert (True, None, "10.0.20348", "ja-JP", 27_000, 5.0) == (
        found.successful,
        found.why,
        found.build,
        found.culture,
        found.arguments_length,
        found.clock_offset,
    )
    assert {"apply": 4.0, "confirm": 4.0, "revert": 4.0, "abort": 4.0} == found.seconds
    assert make_endpoint(A, "windows") == found.endpoint


@pytest.mark.parametrize(
    ("results", "successful", "why"),
    [
        ((), None, ""),
        ((outcome(KEYS[0], Result.SKIPPED, why=Phrase("stopped")),), None, ""),
        ((outcome(KEYS[0]),), False, ""),
        ((outcome(KEYS[0]), outcome(KEYS[1], Result.FAILED, why=Phrase("no task"))), False, "no task"),
        (tuple(outcome(key) for key in KEYS[:-1]), False, ""),
    ],
)
def test_a_run_that_did_not_come_to_its_end_proves_nothing(
    results: tuple[StepResult, ...], successful: bool | None, why: str
) -> None:
    found = derive_rehearsal("op-1", plan_of_a(), "host-a", trail(*results))
    assert (successful, why) == (None if found is None else found.successful, "" if found is None else str(found.why or ""))


async def test_a_card_says_which_hosts_have_no_fresh_rehearsal_and_its_digest_does_not(guarded: Bot) -> None:
    """The stored plan stays as it was approved; what is shown moves with the time and with what was rehearsed."""
    change = await ask(guarded, Swap)
    assert ["the automatic rollback of host-a is unproven (not rehearsed yet). Run host rehearse host-a"] == [
        str(each) for each in change.plan.warnings
    ]
    assert ("host-a",) == change.unrehearsed
    stored = await guarded.stored("op-1")
    assert ((), change.digest) == (stored.plan.warnings, stored.digest)
    await guarded.rehearsals.store([rehearsal()])
    assert ((), ()) == ((await guarded.workflow.find_change("op-1")).plan.warnings, ())
    guarded.pass_by(days=91)
    later = await guarded.workflow.find_change("op-1")
    assert [
        "the automatic rollback of host-a is unproven (the last rehearsal is older than 90 days). Run host rehearse host-a"
    ] == [str(each) for each in later.plan.warnings]
    assert (await guarded.dispatch.replan(await guarded.stored("op-1")))[1] == change.digest


async def test_open_cards_lose_their_note_when_a_run_has_rehearsed(guarded: Bot) -> None:
    """Those that rely on the guard of the same host, and no others."""
    for operation, name in (("op-2", "host-a"), ("op-3", "host-b")):
        asked = Swap(target=Target.parse((name,)), reason="for good")
        await guarded.workflow.propose(operation, asked, guarded.by(ANA))
    await ask(guarded, RehearsedSwap)
    for key in KEYS:
        await attest(guarded, "op-1", key.removeprefix("host-a/rehearsal/"))
    guarded.seen.clear()
    await guarded.ledger.record_effects("op-1", guarded.planner.find_kind)
    assert [("op-2", ())] == [(change.operation, change.plan.warnings) for change in guarded.seen]


async def test_a_dry_run_says_so_too(guarded: Bot) -> None:
    change = await ask(guarded, Swap, dry_run=True)
    assert ("host-a",) == change.unrehearsed


async def test_a_change_that_relies_on_no_guard_says_nothing(guarded: Bot) -> None:
    assert ((), ()) == ((await ask(guarded, Turn)).plan.warnings, ())


async def test_a_critical_change_is_refused_with_the_command_to_run(guarded: Bot) -> None:
    with pytest.raises(NotAllowed) as refused:
        await ask(guarded, CriticalSwap, "host-a,host-b")
    told = "a critical change needs a fresh rehearsal of each host: host-a, host-b: not rehearsed yet. "
    assert told + "Run host rehearse host-a,host-b" == str(refused.value.phrase)
    assert "no rehearsal" == guarded.log.last(EventKind.REFUSAL)["rule"]


async def test_a_critical_change_whose_own_plan_rehearses_first_is_asked_for(guarded: Bot) -> None:
    assert ChangeState.WAITING is (await ask(guarded, RehearsedSwap)).state


async def test_a_critical_change_of_a_rehearsed_host_is_asked_for_and_started(guarded: Bot) -> None:
    await guarded.rehearsals.store([rehearsal()])
    await attest(guarded)
    assert ChangeState.WAITING is (await ask(guarded, CriticalSwap)).state
    assert None is await guarded.ledger.rehearsals.refuse_critical((await guarded.stored("op-1")).plan, Risk.CRITICAL)


async def test_the_rows_are_read_once_for_a_critical_change_and_not_again_as_it_starts(guarded: Bot) -> None:
    await guarded.rehearsals.store([rehearsal()])
    await attest(guarded)
    await ask(guarded, CriticalSwap)
    record, registry, reads = await guarded.stored("op-1"), guarded.ledger.rehearsals, list[Collection[str]]()

    class Counted:
        """The table, and what is read from it."""

        async def find_by_host(self, hosts: Collection[str]) -> Mapping[str, Rehearsal]:
            reads.append(hosts)
            return await guarded.rehearsals.find_by_host(hosts)

    registry.table = Counted()  # type: ignore[assignment]
    assert None is await registry.refuse_critical(record.plan, Risk.CRITICAL)
    assert () == await guarded.dispatch.list_unrehearsed(record)
    assert [("host-a",)] == reads


async def test_a_row_without_a_signed_outcome_is_no_rehearsal_for_a_critical_change(guarded: Bot) -> None:
    await guarded.rehearsals.store([rehearsal()])
    await attest(guarded, name="scratch")
    with pytest.raises(NotAllowed, match="the audit log has no record of the last rehearsal"):
        await ask(guarded, CriticalSwap)


async def test_a_row_that_is_newer_than_its_signed_outcome_is_no_rehearsal_for_a_critical_change(guarded: Bot) -> None:
    """A changed row could make an old rehearsal fresh."""
    await guarded.rehearsals.store([rehearsal(at=BEGINNING + timedelta(seconds=5))])
    await attest(guarded)
    with pytest.raises(NotAllowed, match="the audit log has no record of the last rehearsal"):
        await ask(guarded, CriticalSwap)


async def test_a_critical_change_does_not_start_when_the_rehearsal_is_too_old_by_then(guarded: Bot) -> None:
    await guarded.rehearsals.store([rehearsal(at=BEGINNING - timedelta(days=90))])
    await attest(guarded)
    await ask(guarded, CriticalSwap)
    for person in (BEN, CAI):
        by = guarded.by(person)
        await guarded.workflow.open_plan("op-1", by)
        await guarded.workflow.approve("op-1", by, "host-a")
    record = await guarded.stored("op-1")
    assert None is await guarded.dispatch.check_still_allowed(record)
    guarded.pass_by(seconds=1)
    for same in (record, await guarded.edit_risk("op-1", Risk.CHANGE)):
        refused = await guarded.dispatch.check_still_allowed(same)
        assert refused is not None
        assert "no rehearsal" == refused.rule


async def test_what_a_run_proved_is_stored_once_from_signed_outcomes_alone(guarded: Bot) -> None:
    """Again after a crash: the same row. An outcome that nobody signed proves nothing."""
    await ask(guarded, RehearsedSwap)
    record = await guarded.stored("op-1")
    await guarded.ledger.rehearsals.record(record)
    assert {} == await guarded.rehearsals.find_by_host(["host-a"])
    for key in KEYS:
        await attest(guarded, "op-1", key.removeprefix("host-a/rehearsal/"))
    await guarded.ledger.rehearsals.record(record)
    first = await guarded.rehearsals.find_by_host(["host-a"])
    await guarded.ledger.rehearsals.record(record)
    assert (True, first) == (first["host-a"].successful, await guarded.rehearsals.find_by_host(["host-a"]))
    forged = dataclasses.replace(record, operation="op-1", digest="0")
    await guarded.rehearsals.store([rehearsal(at=BEGINNING - timedelta(days=1))])
    await guarded.ledger.rehearsals.record(forged)
    assert first == await guarded.rehearsals.find_by_host(["host-a"])


async def test_a_newer_rehearsal_takes_the_place_of_an_older_one_and_never_the_other_way_round(guarded: Bot) -> None:
    newer = rehearsal(at=BEGINNING + timedelta(days=1), successful=False, why=Phrase("no"), seconds={"apply": 1.5})
    await guarded.rehearsals.store([newer, rehearsal(host="host-b")])
    await guarded.rehearsals.store([rehearsal()])
    assert {"host-a": newer, "host-b": rehearsal(host="host-b")} == await guarded.rehearsals.find_by_host(
        ["host-a", "host-b", "host-c"]
    )
