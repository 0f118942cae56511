"""`sync forget`: which registrations may be deleted, and the plan that proves that they stay gone."""

import pytest

from adapters.action_registry import parse_action
from adapters.errors import ActionFailed, Unreachable
from adapters.gateway.containers import FindContainer, ForgetContainer, Registration, Registry
from adapters.phrase import Phrase
from commands.catalogue import CATALOGUE
from commands.gateways.forget import SyncForget
from commands.language.grammar import parse_operation, render_operation
from commands.model.operation import CannotPlan
from commands.model.plan import PlannedChange
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.gateways.canned_registrations import LATE, A, B, C, identify, made, registered

Said = dict[tuple[str, str], object]

WEB, OLD = registered("web", "10.87.1.10"), registered("old", "10.87.1.99")
LIGHTHOUSE = canned.host("lighthouse", 0)


def registry(*registrations: Registration, interval: int | None = 30) -> Registry:
    return Registry(registrations=registrations, counted=len(registrations), interval=interval, peers=2)


def parse(words: str) -> SyncForget:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, SyncForget)
    return operation


async def plan(words: str, said: Said | None = None) -> PlannedChange:
    """Plan it in a fleet where host-a runs web and has ended `ended`, and where `old` is a ghost at host-a and host-b."""
    well: Said = {
        ("host-a", "wsl"): canned.wsl(A, containers=(made("web"), made("ended", "exited"))),
        ("host-b", "wsl"): canned.wsl(B, containers=()),
        ("host-c", "wsl"): canned.wsl(C, containers=()),
        ("host-a", "gateway"): registry(WEB, OLD),
        ("host-b", "gateway"): registry(WEB, OLD),
        ("host-c", "gateway"): registry(WEB),
    }
    return await parse(words).plan(canned.view(LIGHTHOUSE, A, B, C, said=well | (said or {})))


FORGET_OLD = f"sync forget host-a/{OLD.id[:12]}"


def keys(made_plan: PlannedChange) -> list[str]:
    return [step.key for step in made_plan.plan.steps]


async def test_it_is_deleted_everywhere_then_again_and_looked_for_everywhere() -> None:
    assert keys(await plan(FORGET_OLD)) == [
        *("host-a/delete", "host-b/delete", "host-c/delete"),
        "host-a/wait",
        *("host-a/again", "host-b/again", "host-c/again"),
        *("host-a/look", "host-b/look", "host-c/look"),
    ]


async def test_each_look_waits_only_if_it_had_returned_at_any_gateway() -> None:
    made_plan = await plan(FORGET_OLD)
    steps = {step.key: step for step in made_plan.plan.steps}
    assert {name: product.step for name, product in steps["host-a/wait"].deed.products.items()} == {"since": "host-a/delete"}
    looks = [steps[f"{name}/look"] for name in ("host-a", "host-b", "host-c")]
    assert [{name: each.step for name, each in look.deed.products.items()} for look in looks] == [
        {"since": f"{name}/again", "returned": "host-c/again"} for name in ("host-a", "host-b", "host-c")
    ]
    chain = [{name: each.step for name, each in steps[f"{of}/again"].deed.products.items()} for of in ("host-a", "host-b")]
    assert chain == [{}, {"returned": "host-a/again"}]


async def test_the_ids_are_settled_when_it_is_planned() -> None:
    made_plan = await plan(FORGET_OLD)
    assert made_plan.arguments["container"] == {"name": OLD.id, "host": "host-a"}
    assert made_plan.arguments["on"] == {"parts": ["host-a", "host-b", "host-c"]}
    again = SyncForget.model_validate(dict(made_plan.arguments))
    assert render_operation(again) == f"sync forget host-a/{OLD.id} --on host-a,host-b,host-c"


async def test_every_action_of_the_plan_can_be_stored() -> None:
    for step in (await plan(FORGET_OLD)).plan.steps:
        bare = {name: value for name, value in step.deed.arguments.items() if name not in step.deed.products}
        assert isinstance(parse_action(step.deed.kind, bare), FindContainer | ForgetContainer)
        assert step.deed.describe_run()


async def test_a_silent_gateway_is_owed_the_deletion_and_makes_the_wait_longer() -> None:
    made_plan = await plan(FORGET_OLD, {("host-c", "gateway"): Unreachable(LATE)})
    assert [(left.host, left.owed) for left in made_plan.plan.left_out] == [("host-c", True)]
    assert {step.host for step in made_plan.plan.steps} == {"host-a", "host-b"}
    assert made_plan.arguments["on"] == {"parts": ["host-a", "host-b", "host-c"]}
    assert [step.deed.arguments["settling"] for step in made_plan.plan.steps if step.key.endswith("/wait")] == [40]
    assert "host-c could not be read" in " ".join(map(str, made_plan.plan.warnings))


async def test_a_gateway_that_refuses_the_bot_is_left_out_and_owed_nothing() -> None:
    made_plan = await plan(FORGET_OLD, {("host-c", "gateway"): ActionFailed(Phrase("forbidden"))})
    assert [(left.host, left.owed) for left in made_plan.plan.left_out] == [("host-c", False)]


async def test_the_wait_follows_the_slowest_gateway() -> None:
    made_plan = await plan(FORGET_OLD, {("host-b", "gateway"): registry(OLD, interval=120)})
    assert {step.deed.arguments.get("settling", 125) for step in made_plan.plan.steps} == {125}


@pytest.mark.parametrize(
    ("words", "said", "why"),
    [
        pytest.param("sync forget host-a/web", {}, "podman on host-a runs web", id="podman runs it"),
        pytest.param("sync forget web", {}, "podman on host-a runs web", id="without its host"),
        pytest.param(f"sync forget {WEB.id}", {}, "podman on host-a runs web", id="by its id"),
        pytest.param(f"sync forget {WEB.id[:12]}", {}, "podman on host-a runs web", id="by the start of its id"),
        pytest.param(
            "sync forget paused",
            {("host-b", "wsl"): canned.wsl(B, containers=(made("paused", "paused"),))},
            "podman on host-b runs paused",
            id="it is paused",
        ),
        pytest.param(
            FORGET_OLD, {("host-a", "wsl"): Unreachable(LATE)}, "unknown whether host-a runs", id="podman was not read"
        ),
        pytest.param(
            f"sync forget {identify('old')}",
            {("host-a", "gateway"): registry(Registration(id=OLD.id, ip="10.87.9.9", host_id=9))},
            "belongs to no host in the configuration",
            id="one gateway says that it is of a host outside the inventory",
        ),
        pytest.param(
            "sync forget bad.id",
            {("host-a", "gateway"): registry(Registration(id="bad.id", ip="10.87.1.9", host_id=1))},
            "cannot delete bad.id",
            id="an id that the API does not find",
        ),
        pytest.param(
            "sync forget twin",
            {
                ("host-a", "gateway"): registry(
                    Registration(id="x1", ip="10.87.1.8", hostname="twin", host_id=1),
                    Registration(id="x2", ip="10.87.2.8", hostname="twin", host_id=2),
                )
            },
            "twin is not unique: host-a/x1, host-b/x2",
            id="two of that name",
        ),
        pytest.param(
            f"{FORGET_OLD} --on host-b", {}, "registered at host-a as well, and would return", id="it would return"
        ),
        pytest.param(
            "sync forget nothing",
            {("host-a", "gateway"): Unreachable(LATE)},
            "could not check the host",
            id="a gateway that may have it is silent",
        ),
    ],
)
async def test_refused(words: str, said: Said, why: str) -> None:
    with pytest.raises(CannotPlan, match=why):
        await plan(words, said)


async def test_a_stranger_is_refused() -> None:
    stranger = registry(Registration(id="stranger-1", ip="10.87.9.9", host_id=9))
    with pytest.raises(CannotPlan, match="stranger-1 belongs to no host in the configuration"):
        await plan("sync forget stranger-1", {("host-a", "gateway"): stranger})


async def test_a_container_that_has_ended_is_found_by_podmans_name() -> None:
    said: Said = {("host-a", "gateway"): registry(registered("ended", "10.87.1.50"))}
    made_plan = await plan("sync forget host-a/ended", said)
    assert made_plan.arguments["container"] == {"name": identify("ended"), "host": "host-a"}


async def test_a_container_is_found_by_its_registered_host_name() -> None:
    said: Said = {("host-a", "gateway"): registry(Registration(id="x1", ip="10.87.1.8", hostname="twin", host_id=1))}
    assert (await plan("sync forget twin", said)).arguments["container"] == {"name": "x1", "host": "host-a"}


async def test_what_no_gateway_has_needs_no_steps() -> None:
    made_plan = await plan("sync forget nothing")
    assert (made_plan.plan.steps, [str(left.why) for left in made_plan.plan.left_out]) == (
        (),
        ["nothing is not registered"] * 3,
    )


async def test_what_is_owed_to_one_gateway_is_done_there_alone() -> None:
    gone = {("host-a", "gateway"): registry(WEB), ("host-b", "gateway"): registry(WEB), ("host-c", "gateway"): registry(OLD)}
    made_plan = await plan(f"sync forget host-a/{OLD.id} --on host-c", {**gone})
    assert keys(made_plan) == ["host-c/delete", "host-c/wait", "host-c/again", "host-c/look"]


@pytest.mark.parametrize(
    "words",
    ["sync forget", "sync forget a/b/c", "sync forget host-a/", "sync forget ../x", "sync forget a;b", "sync forget /x"],
)
def test_a_name_that_is_none(words: str) -> None:
    with pytest.raises(GrammarError):
        parse(words)
