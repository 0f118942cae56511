"""Plans of several hosts: their order, what is left out, what is refused, and digests that stay as they were."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import action_registry
from adapters.action import Action
from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    Unreachable,
)
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.nebula import ReadCertificates
from adapters.windows.services import ReadServices
from commands.certificates.renewal import CertRenew
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, assemble_in_order, leave_unchecked
from commands.model.operation import CannotPlan, FleetChange
from commands.model.owed import Matter
from commands.model.plan import LeftOutHost, Part, PlannedAction, Premise, Step
from commands.model.plan_digest import compute_digest
from commands.services.operations import ServiceRestart, ServiceStart
from commands.values.arguments import Target
from tests.commands.canned_certs import Said, files, host, services, view

LIGHTHOUSE, A, B = host("lighthouse", 0), host("host-a", 1), host("host-b", 2)
INVENTORY = Inventory(hosts=(LIGHTHOUSE, A, B))
START = ServiceStart(service="nebula", target=Target(parts=("all",)))
CERTIFICATES = json.loads(Path(__file__).with_name("certificates.json").read_text(encoding="utf-8"))


def premise(host: str, what: str) -> Premise:
    return Premise(host=host, what=what, value=True, phrase=Phrase("{host} is healthy", host=host))


def planned(host: Host) -> HostPlan:
    """One reading step, a premise of each kind, a disruption and a warning."""
    assert host.windows is not None
    step = Step(key=host.name, host=host.name, deed=PlannedAction.of(ReadServices.of(host.windows)), phrase=Phrase("look"))
    return HostPlan(
        part=Part(host=host.name, steps=(step,)),
        premises=(premise(host.name, "containers"),),
        disrupts=(Phrase("{host} stops", host=host.name),),
        warnings=(Phrase("{host} is old", host=host.name),),
        leading_premises=(premise(host.name, "certificate"),),
    )


def left_out(host: Host) -> LeftOutHost:
    return LeftOutHost(host=host.name, why=Phrase("it is away"))


def already(host: Host) -> UnchangedHost:
    return UnchangedHost(host.name, Phrase("it runs"))


def test_the_lighthouse_comes_last_and_the_others_as_they_are_given() -> None:
    made = assemble(START, (planned(each) for each in (LIGHTHOUSE, B, A)), INVENTORY)

    assert ["host-b", "host-a", "lighthouse"] == [part.host for part in made.plan.parts]
    assert ["host-b stops", "host-a stops", "lighthouse stops"] == list(map(str, made.plan.disrupts))
    assert ["host-b is old", "host-a is old", "lighthouse is old"] == list(map(str, made.plan.warnings))


@pytest.mark.parametrize(
    ("planned_hosts", "reach"),
    [
        ((planned(A),), []),
        ((planned(A), left_out(B)), []),
        ((planned(A), planned(LIGHTHOUSE)), ["includes the lighthouse (lighthouse)"]),
        ((planned(A), left_out(B), already(LIGHTHOUSE)), ["targets all hosts (1 of 3 will be changed)"]),
        (
            (planned(A), planned(B), planned(LIGHTHOUSE)),
            ["targets all hosts (3 of 3 will be changed)", "includes the lighthouse (lighthouse)"],
        ),
    ],
)
def test_a_plan_says_that_it_is_about_all_hosts_or_the_lighthouse(
    planned_hosts: tuple[HostPlan | LeftOutHost | UnchangedHost, ...], reach: list[str]
) -> None:
    assert reach == list(map(str, assemble(START, planned_hosts, INVENTORY).plan.reach))


def test_the_only_host_of_a_fleet_is_no_large_reach() -> None:
    assert () == assemble(START, (planned(A),), Inventory(hosts=(A,))).plan.reach


def test_premises_of_the_whole_plan_come_first_and_the_foremost_before_those_of_any_host() -> None:
    made = assemble(START, (planned(LIGHTHOUSE), planned(A)), INVENTORY, (premise("lighthouse", "ca"),))

    assert [
        ("lighthouse", "ca"),
        ("host-a", "certificate"),
        ("lighthouse", "certificate"),
        ("host-a", "containers"),
        ("lighthouse", "containers"),
    ] == [(premise.host, premise.what) for premise in made.plan.premises]


def test_endpoints_are_those_that_the_steps_use() -> None:
    made = assemble(START, (planned(B), left_out(A)), INVENTORY)

    assert [("host-b", "windows")] == [(road.host, road.side) for road in made.plan.roads]


def test_arguments_are_settled_to_the_hosts_that_are_changed() -> None:
    made = assemble(START, (planned(LIGHTHOUSE), left_out(A), planned(B)), INVENTORY)

    assert {"service": "nebula", "target": {"parts": ["host-b", "lighthouse"]}} == made.arguments


def test_hosts_that_are_left_out_are_named_with_their_reasons_the_lighthouse_last() -> None:
    made = assemble(START, (left_out(LIGHTHOUSE), already(A), planned(B)), INVENTORY)

    assert [("host-a", "it runs"), ("lighthouse", "it is away")] == [
        (left.host, str(left.why)) for left in made.plan.left_out
    ]


def test_where_all_are_as_they_were_asked_for_there_is_nothing_to_do() -> None:
    made = assemble(START, (already(A), already(B)), INVENTORY)

    assert ((), ["host-a", "host-b"]) == (made.plan.parts, [left.host for left in made.plan.left_out])


def test_where_nothing_can_be_done_each_host_says_why() -> None:
    with pytest.raises(CannotPlan) as refused:
        assemble(START, (left_out(LIGHTHOUSE), already(A)), INVENTORY)

    assert "no host can be changed: host-a: it runs, lighthouse: it is away" == str(refused.value.phrase)


def stored(host: Host) -> Callable[[Action[Any]], object]:
    """A host whose services run, with the certificate in the file."""
    said = files(host).model_copy(update=CERTIFICATES[host.name])
    return lambda action: said if isinstance(action, ReadCertificates) else services()


@pytest.mark.parametrize(
    ("operation", "digest"),
    [
        (
            ServiceRestart(service="nebula", target=Target(parts=("all",))),
            "4448aa609a88059ded7dc1fb359df8646bbefae5b5afd519e113729cf9648fa8",
        ),
        (
            CertRenew(target=Target(parts=("all",))),
            "1ebdd8f736139192ea11254a7080db36d9a9b5d6278912753e4556846386133f",
        ),
    ],
    ids=lambda given: " ".join(given.words) if isinstance(given, FleetChange) else None,
)
async def test_a_plan_of_all_hosts_has_the_digest_of_its_shape(
    operation: FleetChange, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest changes with the shape of an action in plans alone. Scripts count by name, so that they may change."""
    monkeypatch.setattr(action_registry, "hash_script", str)
    said: Said = {(each.name, "windows"): stored(each) for each in (LIGHTHOUSE, A, B)}
    made = await operation.plan(view(LIGHTHOUSE, A, B, said=said))

    assert digest == compute_digest(made.plan, " ".join(operation.words), made.arguments)


@pytest.mark.parametrize(
    ("error", "matter", "owed"),
    [
        (Unreachable(Phrase("silent")), Matter.CHANGE, True),
        (DeadlineExceeded.after(30), Matter.CHANGE, True),
        (NotAsked(Phrase("too busy")), Matter.CHANGE, True),
        (AuthenticationFailed(Phrase("refused")), Matter.CHANGE, False),
        (HostIdentityError(Phrase("another key")), Matter.CHANGE, False),
        (ActionFailed(Phrase("broken")), Matter.CHANGE, False),
        (HostIdentityError(Phrase("another key")), Matter.REVOCATION, True),
        (ActionFailed(Phrase("broken")), Matter.AUTHORITY, False),
    ],
)
def test_a_change_is_owed_to_a_host_that_did_not_answer_and_a_revocation_in_any_case(
    error: HostError, matter: Matter, owed: bool
) -> None:
    made = assemble(START, (planned(A), leave_unchecked("host-b", error, matter)), INVENTORY)

    assert [("host-b", owed)] == [(left.host, left.owed) for left in made.plan.left_out]


def test_an_owed_host_is_among_the_arguments_so_that_the_plan_is_the_same_when_it_is_made_again() -> None:
    silent = leave_unchecked("host-b", Unreachable(Phrase("silent")))
    made = assemble(START, (planned(A), silent, already(LIGHTHOUSE)), INVENTORY)

    assert {"service": "nebula", "target": {"parts": ["host-a", "host-b"]}} == made.arguments


def test_a_change_that_begins_with_the_lighthouse_keeps_the_order_of_its_hosts() -> None:
    ordered = [planned(each) for each in (LIGHTHOUSE, A, B)]

    assert ["lighthouse", "host-a", "host-b"] == [
        part.host for part in assemble_in_order(START, ordered, INVENTORY).plan.parts
    ]
    assert ["host-a", "host-b", "lighthouse"] == [part.host for part in assemble(START, ordered, INVENTORY).plan.parts]
