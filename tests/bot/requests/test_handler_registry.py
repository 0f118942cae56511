"""The bot's own operations: each says what it is asked, and decides nothing where no bot runs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.access.people import Person
from bot.access.policy import Permit, Policy, Refusal, Verdict
from bot.access.rules import Grant
from bot.audit_log.search import MAX_SEARCH_EVENTS, AuditFilters
from bot.model.change import BreakGlass, Change, ChangeState
from bot.model.request import Answer, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.ports.context import NoBotRunning
from bot.requests.authorization import make_failure
from bot.requests.dispatcher import Dispatcher
from bot.requests.handler_registry import HANDLERS
from bot.store.audit_chain import StoredEvent
from commands.catalogue import CATALOGUE
from commands.health.operation import Health
from commands.model.operation import Operation, OwnOperation, Role
from commands.model.report import Report, TextFile
from tests.bot.keeping import Kept
from tests.bot.rendering.changes import DONE, OPERATION, RUNNING, WAITING, approval, change
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW
from tests.commands.cells import cell

BOSS = Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.ADMINISTRATOR, Role.SECURITY, Role.OPERATOR}))
ENDED_GLASS = DONE.model_copy(update={"approval": None, "break_glass": BreakGlass()})
ASKED_FOR = WAITING.model_copy(update={"approval": approval(roles=(Role.OPERATOR,))})
BOSS_ALONE = Policy((BOSS,))


def _desk(kept: Kept, *, policy: Policy, running: bool = True) -> Dispatcher:
    return Dispatcher(replace(config(), policy=policy), kept.services(Log(), running=running), reference=lambda: "7f3a")


async def asked(text: str, kept: Kept, *, running: bool = True, policy: Policy = BOSS_ALONE) -> Answer:
    desk = _desk(kept, running=running, policy=policy)
    who = SlackIdentity("T1", "U1BOSS", Membership.MEMBER)
    return await desk.handle(Request(key="t.1", identity=who, text=text, surface=Surface.SLACK, at=NOW, channel="C1"))


def test_every_operation_on_the_bots_own_state_has_a_handler() -> None:
    assert {operation for operation in CATALOGUE if issubclass(operation, OwnOperation)} == set(HANDLERS)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        (f"approve {OPERATION}", ("approve", OPERATION, "boss")),
        (f"approval approve {OPERATION}", ("approve", OPERATION, "boss")),
        (f"deny {OPERATION} not before the backup", ("deny", OPERATION, "boss", "not before the backup")),
        (f"op cancel {OPERATION}", ("cancel", OPERATION, "boss")),
        (f"op show {OPERATION.upper()}", ("show", OPERATION, "boss")),
        (
            f'op resolve {OPERATION} "the old one is in place" --outcome undone',
            ("resolve", OPERATION, "boss", "the old one is in place", ChangeState.UNDONE),
        ),
        (f"op resolve {OPERATION} half of it", ("resolve", OPERATION, "boss", "half of it", ChangeState.FAILED)),
        (f'op review {OPERATION} "agreed"', ("review", OPERATION, "boss", "agreed")),
    ],
)
async def test_a_decision_reaches_the_givenin_the_name_of_whoever_decides(text: str, call: tuple[Any, ...]) -> None:
    kept = Kept(change())

    answer = await asked(text, kept)

    assert [call] == kept.asked
    assert isinstance(answer.body, Change)


@pytest.mark.parametrize(
    "text",
    [
        f"approve {OPERATION}",
        f"deny {OPERATION} no",
        f"op cancel {OPERATION}",
        f"op resolve {OPERATION} seen",
        'lock add host-a 2h "disk"',
        "lock remove 3",
        "service restart nebula host-a",
        "audit accept audit-1",
    ],
)
async def test_where_no_bot_runs_nothing_is_decided_or_changed(text: str) -> None:
    """It says how to start one."""
    kept = Kept(change())

    answer = await asked(text, kept, running=False)

    assert [] == kept.asked
    assert make_failure(NoBotRunning.for_this_process(), "") == answer.body


@pytest.mark.parametrize("text", ["approval", "op", "lock", f"op show {OPERATION}", "can boss health", "audit search"])
async def test_looking_needs_no_running_bot(text: str) -> None:
    answer = await asked(text, Kept(change()), running=False)

    assert isinstance(answer.body, Report | Change)


READ_CALLS = frozenset({"show", "search", "audit_read", "export", "ended"})
"""Services that only read."""


@pytest.mark.parametrize("operation", [each for each in HANDLERS if each.runs_at_a_tap()])
async def test_what_runs_at_a_tap_only_reads(operation: type[Operation]) -> None:
    """Its risk says so, and a button believes it."""
    kept = Kept(change())

    await asked(operation.example, kept)

    assert READ_CALLS >= {call[0] for call in kept.asked}


@pytest.mark.parametrize("text", ["approve", "approve host-a", "deny op-0123456789ab", "lock add host-a", "lock remove x"])
async def test_what_is_missing_or_no_id_is_said(text: str) -> None:
    kept = Kept(change())

    answer = await asked(text, kept)

    assert isinstance(answer.body, Failure)
    assert FailureKind.USAGE is answer.body.kind
    assert [] == kept.asked


async def test_a_givenof_hosts_is_proposed_in_the_name_of_whoever_asks() -> None:
    kept = Kept(change())

    answer = await asked("service restart openresty host-a --reason slow", kept)

    [(name, operation, proposed, who)] = kept.asked
    assert ("propose", answer.operation, "boss", "slow") == (name, operation, who, proposed.reason)


async def test_a_lock_needs_hosts_that_are_there() -> None:
    """A name that nobody has would lock nothing, and somebody would rely on it."""
    kept = Kept()

    locked = await asked('lock add host-a 2h "disk swap"', kept)
    answer = await asked('lock add host-z 2h "disk swap"', kept)

    assert [("lock", "host-a", timedelta(hours=2), "disk swap", "boss")] == kept.asked
    assert isinstance(locked.body, Report)
    assert isinstance(answer.body, Failure)


@pytest.mark.parametrize(("labels", "allowed"), [((), True), (("osaka",), False)])
async def test_a_lock_is_removed_by_who_may_on_the_hosts_that_it_means(labels: tuple[str, ...], allowed: bool) -> None:
    """Its number alone says nothing of them; here it is host-a's, which has no label."""
    kept = Kept()
    grant = Grant(operations=("lock remove",), roles=frozenset({Role.OPERATOR}), labels=labels)

    answer = await asked("lock remove 3", kept, policy=Policy((BOSS,), grants=(grant,)))

    assert allowed is isinstance(answer.body, Report)
    assert [("unlock", 3, "boss")] * allowed == kept.asked


async def test_the_audit_log_is_searched_by_what_was_said() -> None:
    event = StoredEvent(7, NOW.isoformat(), "refusal", "ana", "op-1", '{"rule": "role"}', "k", "p", "m")
    kept = Kept(events=(event,))

    answer = await asked("audit search host-a --since 7d --kind refusal --actor ana", kept)

    assert [
        ("audit_read", "boss"),
        ("search", AuditFilters(since=NOW - timedelta(days=7), actor="ana", kind="refusal", text="host-a")),
    ] == kept.asked
    assert isinstance(answer.body, Report)
    assert ["refusal: rule: role", "ana", "rejected", "op-1"] == [
        str(answer.body.rows[0].cells[place].text) for place in (0, 2, 3, 6)
    ]


async def test_with_details_a_search_lists_every_event() -> None:
    event = StoredEvent(7, NOW.isoformat(), "refusal", "ana", "op-1", '{"rule": "role"}', "k", "p", "m")
    answer = await asked("audit search --details", Kept(events=(event,)))
    assert isinstance(answer.body, Report)
    assert ["7", "refusal", "rule: role", "ana"] == [str(answer.body.rows[0].cells[place].text) for place in (0, 2, 3, 4)]


async def test_every_event_of_an_operation_is_shown_oldest_first_and_the_read_is_recorded() -> None:
    events = tuple(
        StoredEvent(number, NOW.isoformat(), "outcome", "ana", "op-1", "{}", "k", "p", "m") for number in (9, 8, 7)
    )
    kept = Kept(events=events)
    answer = await asked("audit show OP-1", kept)
    assert [("audit_read", "boss"), ("search", AuditFilters(operation="op-1", limit=MAX_SEARCH_EVENTS))] == kept.asked
    assert isinstance(answer.body, Report)
    assert ["7", "8", "9"] == [str(cell(answer.body, row, "sequence").text) for row in answer.body.rows]


@pytest.mark.parametrize("words", ["audit search --since 1h --until 2h", "audit export csv --since 2099-01-01T00:00"])
async def test_a_time_that_makes_no_sense_is_refused_before_anything_is_read(words: str) -> None:
    """An empty answer would look as if nothing had happened."""
    kept = Kept()
    answer = await asked(words, kept)
    assert isinstance(answer.body, Failure)
    assert ([], FailureKind.USAGE) == (kept.asked, answer.body.kind)


async def test_an_export_is_a_file() -> None:
    kept = Kept()

    answer = await asked("audit export csv", kept)

    assert [("export", "boss")] == kept.asked[:1]
    assert isinstance(answer.body, Report)
    assert (TextFile(name=f"audit-{NOW:%Y%m%d-%H%M%S}.csv", text="sequence,at\r\n1,2026\r\n"),) == answer.body.files


@pytest.mark.parametrize(
    ("given", "role", "shown"),
    [
        (ASKED_FOR, Role.OPERATOR, 1),
        (ASKED_FOR, Role.SECURITY, 0),
        (ENDED_GLASS, Role.OPERATOR, 1),
        (ENDED_GLASS, Role.SECURITY, 0),
        (ENDED_GLASS.model_copy(update={"requester": "ana"}), Role.OPERATOR, 0),
    ],
    ids=["approver", "no approver", "reviewer", "no reviewer", "broke the glass"],
)
async def test_only_what_somebody_may_settle_waits_for_them(given: Change, role: Role, shown: int) -> None:
    """No button to approve or to review that would be refused."""
    ana = Person(name="ana", slack=("U1ANA",), roles=frozenset({role}))
    who = SlackIdentity("T1", "U1ANA", Membership.MEMBER)

    desk = _desk(Kept(given), policy=Policy((ana,)))

    assert shown == len((await desk.read_home(who)).waiting)
    assert ("approval",) * shown == await desk.list_urgent(who)


@pytest.mark.parametrize(
    ("given", "role", "standing", "may"),
    [
        (ASKED_FOR, Role.OPERATOR, Membership.MEMBER, True),
        (ASKED_FOR, Role.SECURITY, Membership.MEMBER, False),
        (ASKED_FOR, Role.OPERATOR, Membership.GUEST, False),
        (ASKED_FOR, Role.OPERATOR, Membership.UNKNOWN, False),
        (ASKED_FOR.model_copy(update={"requester": "ana"}), Role.OPERATOR, Membership.MEMBER, False),
        (ENDED_GLASS, Role.OPERATOR, Membership.MEMBER, True),
        (ENDED_GLASS, Role.VIEWER, Membership.MEMBER, False),
    ],
    ids=["approver", "no approver", "guest", "unknown", "requester", "reviewer", "no reviewer"],
)
def test_whoever_is_asked_to_decide_may_do_so(given: Change, role: Role, standing: Membership, may: bool) -> None:
    ana = Person(name="ana", slack=("U1ANA",), roles=frozenset({role}))
    assert may is _desk(Kept(given), policy=Policy((ana,))).may_decide(SlackIdentity("T1", "U1ANA", standing), given)


def test_those_who_may_decide_are_named_by_their_slack_ids_once_and_their_groups_too() -> None:
    """Whoever has left the configuration is not; an emergency change has kept whom it alarms."""
    people = (
        Person(name="bob", slack=("U1BOB", "U2BOB"), roles=frozenset({Role.OPERATOR})),
        Person(name="carol", system=("carol",), roles=frozenset({Role.OPERATOR})),
        Person(name="eve", slack=("U1EVE",), roles=frozenset({Role.OPERATOR})),
    )
    desk = _desk(Kept(ASKED_FOR), policy=Policy(people))
    waiting = change(approval=approval(may=("bob", "carol", "dan"), groups=("S0OPS",)))
    glass = change(approval=None, break_glass=BreakGlass(ping=("U1BOB", "S0OPS")))
    assert [("U1BOB", "S0OPS"), ("U1BOB", "S0OPS"), ()] == [
        desk.list_deciders(each) for each in (waiting, glass, change(approval=None))
    ]


@pytest.mark.parametrize(
    ("narrowed", "health", "decides", "sees_running"),
    [
        ({"operations": ("health",)}, Permit, True, True),
        ({"operations": ("health",), "labels": ("tokyo",)}, Refusal, True, True),
        ({"operations": ("health",), "channels": ("C0OPS",)}, Refusal, True, True),
        ({"operations": ("approval",), "channels": ("C0OPS",)}, Permit, False, True),
        ({"operations": ("op",), "channels": ("C0OPS",)}, Permit, True, False),
        ({"operations": ("op",), "roles": frozenset({Role.SECURITY})}, Permit, True, False),
    ],
    ids=["nothing narrowed", "health to a label", "health to a channel", "approval", "op", "op to a role"],
)
async def test_a_home_tab_tells_nothing_that_is_not_to_be_asked_there(
    narrowed: dict[str, Any], health: type[Verdict], decides: bool, sees_running: bool
) -> None:
    """It is no channel, and tells of all hosts."""
    ana = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR}))
    who = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
    grant = Grant(**({"roles": frozenset({Role.OPERATOR})} | narrowed))
    runs = RUNNING.model_copy(update={"operation": "op-runs"})
    desk = _desk(Kept(ASKED_FOR, runs), policy=Policy((ana,), grants=(grant,)))

    assert health is type(desk.judge_home_view(who, Health()))
    facts = await desk.read_home(who)
    assert ([ASKED_FOR] * decides, [runs] * sees_running) == ([*facts.waiting], [*facts.running])


def test_a_home_tab_tells_a_guest_nothing() -> None:
    guest = SlackIdentity("T1", "U1ANA", Membership.GUEST)
    assert isinstance(_desk(Kept(), policy=BOSS_ALONE).judge_home_view(guest, Health()), Refusal)
