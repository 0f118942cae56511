"""`owed` as it is requested: the list, dropping, asking again; and where else an owed change is shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.changes.reports.owed import build_owed_section, list_owed_facts
from bot.model.change import ChangeState
from bot.model.owed import AskStatus, OwedChange
from bot.model.request import Answer, Failure, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from commands.model.operation import Role
from commands.model.owed import Matter
from commands.model.report import Report
from commands.services.operations import ServiceStart
from commands.values.arguments import Target
from tests.bot.keeping import Kept, RememberedOwed
from tests.bot.rendering.changes import change
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view
from tests.commands.cells import read_facts

INVENTORY = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)), host("host-b", 2, labels=("osaka",))))
ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
OPERATOR = Policy((Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),))
VIEWER = Policy((Person(name="ana", slack=("U1ANA",)),))
OSAKA = Policy(
    OPERATOR.people,
    grants=(Grant(operations=("owed *", "service *"), roles=frozenset({Role.OPERATOR}), labels=("osaka",)),),
)
START = ServiceStart(service="nebula", target=Target(parts=("host-a",)))


def owed(number: int = 3, name: str = "host-a", **given: object) -> OwedChange:
    made = OwedChange(
        host=name,
        kind="service start",
        arguments={},
        words=f"service start nebula {name}",
        matter=Matter.CHANGE,
        why=Phrase("silent"),
        operation="op-0123456789ab",
        requester="ben",
        identity=ANA,
        surface=Surface.SLACK,
        channel="C1",
        since=NOW - timedelta(days=2),
        number=number,
    )
    return replace(made, **given)  # type: ignore[arg-type]


async def asked(text: str, kept: Kept, *, policy: Policy = OPERATOR) -> Answer:
    ground = replace(config(), policy=policy, fleet=view(*INVENTORY.hosts).fleet)
    desk = Dispatcher(ground, kept.services(Log()), reference=lambda: "7f3a")
    return await desk.handle(Request(key="t.1", identity=ANA, text=text, surface=Surface.SLACK, at=NOW, channel="C1"))


def kept_with(*rows: OwedChange) -> Kept:
    kept = Kept()
    kept.owed = RememberedOwed(*rows, loaded=START)
    return kept


def states(answer: Answer) -> list[str]:
    assert isinstance(answer.body, Report), answer.body
    place = [column.key for column in answer.body.columns].index("state")
    return [str(row.cells[place].text) for row in answer.body.rows]


async def test_the_list_says_of_each_what_it_waits_for_and_how_it_ended() -> None:
    kept = kept_with(
        owed(1),
        owed(2, asked="op-1"),
        owed(3, asked="op-2"),
        owed(4, asked="op-2", note=Phrase("ben may not do this any more")),
        owed(5, settled_at=NOW, settled_by="op-9"),
        owed(6, settled_at=NOW, settled_by="ana", reason="scrapped"),
        owed(7, settled_at=NOW),
        owed(8, due_at=NOW + timedelta(days=5)),
        owed(9, due_at=NOW - timedelta(hours=1)),
    )
    kept.owed.statuses = {"op-1": AskStatus("op-1b", None), "op-2": AskStatus("op-2", NOW)}
    answer = await asked("owed", kept)
    assert [
        "waiting for the host",
        "requested: op-1b",
        "not done by op-2",
        "could not be requested: ben may not do this any more",
        "done by op-9",
        "dropped by ana: scrapped",
        "nothing was left to do",
        "due 2026-11-30 09:10:00 UTC (in 432000 s)",
        "waiting for the host",
    ] == states(answer)
    assert isinstance(answer.body, Report)
    assert "6 changes are owed" == str(answer.body.summary)


async def test_a_revocation_says_in_the_first_line_that_nebula_waits_for_it() -> None:
    answer = await asked("owed", kept_with(owed(1, matter=Matter.REVOCATION), owed(2, "host-b")))
    assert isinstance(answer.body, Report)
    assert "2 changes are owed. Until then, Nebula is not started on host-a" == str(answer.body.summary)


async def test_the_next_command_fits_what_each_waits_for() -> None:
    """`health` asks a host, and a host that answers is asked for what it is owed."""
    kept = kept_with(owed(1), owed(2, "host-b", asked_at=NOW, note=Phrase("why")), owed(3, asked="op-1", asked_at=NOW))
    kept.owed.statuses = {"op-1": AskStatus("op-1", None)}
    answer = await asked("未実施", kept)
    assert isinstance(answer.body, Report)
    assert ("health host-a", "owed retry 2", "op show op-1") == answer.body.next


async def test_nothing_owed_is_one_line() -> None:
    answer = await asked("owed", kept_with())
    assert isinstance(answer.body, Report)
    assert ("nothing is owed to any host", ()) == (str(answer.body.summary), answer.body.rows)


async def test_a_dropped_one_has_its_reason() -> None:
    kept = kept_with(owed())
    answer = await asked('owed drop 3 "host-a was scrapped"', kept)
    assert ["dropped by ana: host-a was scrapped"] == states(answer)


async def test_a_retry_is_a_request_of_the_person_who_retries() -> None:
    kept = kept_with(owed())
    kept.changes["op-0123456789ab"] = change(ChangeState.WAITING, "host-a")
    await asked("owed retry 3", kept)
    (call,) = [call for call in kept.asked if call[0] == "propose"]
    assert (START, "ana") == call[2:]
    assert call[1] == kept.owed.owed[3].asked


async def test_a_retry_is_refused_while_a_request_is_open() -> None:
    kept = kept_with(owed(asked="op-1"))
    kept.owed.statuses = {"op-1": AskStatus("op-1", None)}
    answer = await asked("owed retry 3", kept)
    assert isinstance(answer.body, Failure)
    assert "already requested as op-1. Decide on that request" == str(answer.body.phrase)


@pytest.mark.parametrize("text", ["owed drop 3 why", "owed retry 3"])
@pytest.mark.parametrize("policy", [VIEWER, OSAKA])
async def test_only_a_person_with_the_right_on_its_host_drops_or_retries_it(text: str, policy: Policy) -> None:
    kept = kept_with(owed())
    answer = await asked(text, kept, policy=policy)
    assert isinstance(answer.body, Failure)
    assert ([], True, "") == (kept.asked, kept.owed.owed[3].is_open, kept.owed.owed[3].asked)


async def test_one_of_a_host_that_has_left_the_inventory_can_be_listed_and_dropped() -> None:
    kept = kept_with(owed(3, "gone"))
    assert ["waiting for the host"] == states(await asked("owed", kept))
    assert ["dropped by ana: gone"] == states(await asked("owed drop 3 gone", kept))


async def test_the_host_shows_what_is_owed_to_it() -> None:
    kept = kept_with(owed(3), owed(4, "host-b"))
    listed, shown = await asked("host", kept), await asked("host show host-a", kept)
    assert isinstance(listed.body, Report)
    assert isinstance(shown.body, Report)
    assert [1, 1] == [cells["owed"].value for cells in listed.body.cells_by_host.values()]
    facts = read_facts(shown.body)
    assert facts["Owed"].startswith("service start nebula host-a, since ")
    assert "owed" in shown.body.next


def test_the_digest_has_a_line_for_each_run_identities_first() -> None:
    rows = (
        owed(1),
        owed(2, "host-b"),
        owed(3, operation="op-2", matter=Matter.REVOCATION, words="revoke host-a"),
        owed(4, settled_at=NOW),
    )
    lines = [str(line).split(", owed since")[0] for line in build_owed_section(rows, NOW).lines]
    assert ["host-a: revoke host-a (revocation)", "host-a, host-b: service start"] == lines


def test_what_is_due_later_is_a_line_of_its_own_with_a_name_that_fits_a_phone() -> None:
    removal = owed(2, kind="container remove", words=f"container remove host-a/{'0123456789ab' + '0' * 52}")
    rows = (owed(1), replace(removal, due_at=NOW + timedelta(days=7)))
    assert [str(line) for line in build_owed_section(rows, NOW).lines] == [
        "host-a: service start nebula host-a, owed since 2026-11-23 09:10:00 UTC (172800 s ago)",
        "host-a: container remove host-a/0123456789ab, due 2026-12-02 09:10:00 UTC (in 604800 s)",
    ]
    assert [str(fact) for _, fact in list_owed_facts(rows[1:], NOW)] == [
        "container remove host-a/0123456789ab, due 2026-12-02 09:10:00 UTC (in 604800 s) (number 2)"
    ]


async def test_nothing_is_suggested_for_what_is_not_due_yet() -> None:
    answer = await asked("owed", kept_with(owed(1, due_at=NOW + timedelta(days=5))))
    assert isinstance(answer.body, Report)
    assert answer.body.next == ()


def test_the_digest_stays_short_with_many_of_them() -> None:
    lines = build_owed_section([owed(number, operation=f"op-{number}") for number in range(30)], NOW).lines
    assert (11, "… and 20 more") == (len(lines), str(lines[-1]))
