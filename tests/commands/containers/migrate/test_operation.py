"""`container migrate`: what runs, in which order, how each step is rolled back, and where the container runs meanwhile."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.action import Action
from adapters.action_registry import parse_action
from adapters.errors import ActionFailed, Unreachable
from adapters.gateway.containers import ReadRegistry
from adapters.phrase import Phrase
from adapters.windows.configuration import ListConfiguration
from adapters.wsl.container_reads import ChangedFiles, CountChangedFiles
from adapters.wsl.containers import ContainerList, ListContainers
from adapters.wsl.images import ImageList, ListImages, ReadStorage
from adapters.wsl.volumes import ListVolumes
from commands.catalogue import CATALOGUE
from commands.containers.migrate.operation import ContainerMigrate
from commands.containers.remove import ContainerRemove
from commands.gateways.forget import SyncForget
from commands.language.grammar import parse_operation, render_change
from commands.model.operation import FleetView
from commands.model.plan import PlannedChange, Step, list_actions
from commands.model.plan_digest import compute_digest
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.containers.canned_containers import A, B
from tests.commands.containers.migrate.canned_migration import (
    GB,
    IMAGE,
    VOLUME,
    Answers,
    files,
    make_view,
    store,
    volumes,
    web,
)
from tests.commands.gateways.canned_registrations import LATE

WEB = web()
DATA: dict[tuple[str, type[Action[Any]]], object] = {
    ("host-a", ListContainers): ContainerList(containers=(web(volumes=[VOLUME]),)),
    ("host-a", ListVolumes): volumes("data"),
}
MOVE = "container migrate host-a/web --to host-b"


def parse(words: str) -> ContainerMigrate:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, ContainerMigrate)
    return operation


async def plan(words: str = MOVE, answers: Answers | None = None, view: FleetView | None = None) -> PlannedChange:
    return await parse(words).plan(view or make_view(answers))


def keys(made: PlannedChange, part: int = 0) -> list[str]:
    return [step.key for step in made.plan.parts[part].steps]


MADE, STARTED = ("host-b/make", "host-b/made", "host-b/hold"), ("host-b/start", "host-b/release")
PROOF = [f"host-b/web/{stage}" for stage in ("running", "healthy", "registered")]
PROOF = [*PROOF, "host-b/web/found", "host-b/web/settled", "host-b/web/steady"]


@pytest.mark.parametrize(
    ("words", "answers", "before"),
    [
        pytest.param(MOVE, {}, ["host-b/image", *MADE, "host-a/stop", *STARTED], id="without volumes"),
        pytest.param(
            MOVE,
            {("host-b", ListImages): ImageList(images=(IMAGE,))},
            [*MADE, "host-a/stop", *STARTED],
            id="the image is there",
        ),
        pytest.param(
            f"{MOVE} --with-volumes",
            DATA,
            [
                *("host-b/image", "host-a/stop", "host-a/measure-1", "host-b/volume-1"),
                *(*MADE, *STARTED),
            ],
            id="with volumes, which no container there must have made before",
        ),
        pytest.param(
            f"{MOVE} --without-data",
            DATA,
            ["host-b/image", *MADE, "host-a/stop", *STARTED],
            id="without its data",
        ),
    ],
)
async def test_the_first_part_ends_when_the_target_serves(words: str, answers: Answers, before: list[str]) -> None:
    made = await plan(words, answers)
    assert keys(made) == [*before, *PROOF]
    assert [part.host for part in made.plan.parts] == ["host-b", "host-a"]


async def test_what_is_made_has_the_ports_and_volumes_that_were_approved_and_no_others() -> None:
    """Its settings come from the source while it runs, so that host could name other ports and volumes by then."""
    port = {"host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80}
    cache = {"name": "c" * 64, "path": "/cache", "anonymous": True}
    given = ContainerList(containers=(web(ports=[port], volumes=[cache, VOLUME]),))
    made = await plan(f"{MOVE} --without-data", {("host-a", ListContainers): given})
    (step,) = [step for step in made.plan.steps if step.key == "host-b/made"]
    assert step.expect == {"state": "created", "attachments": ["--publish=127.0.0.1:8080:80/tcp", "--volume=data:/data"]}


async def test_the_second_part_keeps_the_source_stopped_and_has_all_gateways_forget_it() -> None:
    made = await plan()
    names = ("host-a", "host-b", "host-c")
    assert keys(made, 1) == [
        "host-a/keep",
        *(f"{name}/delete" for name in names),
        "host-a/wait",
        *(f"{name}/again" for name in names),
        *(f"{name}/look" for name in names),
    ]
    assert all(step.undo is None for step in made.plan.parts[1].steps)
    assert {step.deed.arguments["id"] for step in made.plan.parts[1].steps[1:]} == {WEB.id}


async def test_each_step_of_the_first_part_that_changes_something_is_rolled_back() -> None:
    steps = {step.key: step for step in (await plan(f"{MOVE} --with-volumes", DATA)).plan.parts[0].steps}
    undone = {key: _describe_undo(step) for key, step in steps.items() if step.undo is not None}
    assert undone.keys() == {key for key, step in steps.items() if step.deed.is_change}
    assert undone == {
        "host-b/image": ("wsl.RemoveImage", {"present": False}, True),
        "host-a/stop": ("wsl.MoveContainer start", {"healthy": True}, False),
        "host-b/volume-1": ("wsl.RemoveMadeVolume", {"present": False}, True),
        "host-b/make": ("wsl.RemoveMadeContainer", {"present": False}, True),
        "host-b/hold": ("wsl.RemoveMadeContainer", {"present": False}, True),
        "host-b/start": ("wsl.MoveContainer stop", {"running": False}, False),
        "host-b/release": ("wsl.SetRestartPolicy", {"restart_policy": "no"}, True),
    }


def _describe_undo(step: Step) -> tuple[str, Mapping[str, object], bool]:
    """The rollback of a step, its proof, and whether what a silent host keeps of it blocks the rollback of earlier steps."""
    assert step.undo is not None
    (check,) = step.undone
    verb = step.undo.arguments.get("verb")
    return f"{step.undo.kind} {verb}" if verb else step.undo.kind, check.expect, step.harmless_remains


async def test_the_card_can_say_after_each_step_where_it_runs() -> None:
    made = await plan(f"{MOVE} --with-volumes", DATA)
    assert str(made.plan.situation) == "web runs on host-a"
    assert {step.key: str(step.situation) for step in made.plan.steps if step.situation is not None} == {
        "host-a/stop": "web runs nowhere",
        "host-b/start": "web runs on host-b, and is not proven to serve there yet",
        "host-b/web/steady": "web runs on host-b",
    }


async def test_bytes_go_from_the_source_to_the_target_and_only_what_is_proven_whole_counts_after_a_crash() -> None:
    made = await plan(f"{MOVE} --with-volumes", DATA)
    streams = {
        step.key: (step.source.host, step.source.deed.kind, step.host, step.deed.kind, step.verify and step.verify.expect)
        for step in made.plan.steps
        if step.source is not None
    }
    assert streams == {
        "host-b/image": ("host-a", "wsl.SaveImage", "host-b", "wsl.LoadImage", {"present": True}),
        "host-b/volume-1": ("host-a", "wsl.ExportVolume", "host-b", "wsl.ImportVolume", {"same": True}),
        "host-b/make": ("host-a", "wsl.DescribeContainer", "host-b", "wsl.CopyContainer", None),
    }
    assert made.plan.hosts == ("host-a", "host-b", "host-c")


async def test_every_action_of_the_plan_can_be_stored_and_gets_what_earlier_steps_produce() -> None:
    produced = {
        "id": "f" * 64,
        "sha256": "d" * 64,
        "address": "10.87.2.10",
        "at": 1,
        "since": 1,
        "returned": False,
        "restarts": 0,
    }
    made = await plan(f"{MOVE} --with-volumes", DATA)
    seen: set[str] = set()
    for step in made.plan.steps:
        for deed in list_actions(step):
            assert {product.step for product in deed.products.values()} <= seen | {step.key}
            filled = {name: produced[product.field] for name, product in deed.products.items()}
            assert parse_action(deed.kind, {**deed.arguments, **filled})
            assert deed.describe_run()
        seen.add(step.key)


async def test_the_new_container_is_started_and_stopped_by_its_id_alone() -> None:
    steps = {step.key: step for step in (await plan()).plan.steps}
    start = steps["host-b/start"]
    assert start.undo is not None
    for deed in (start.deed, start.undo):
        assert {name: (product.step, product.field) for name, product in deed.products.items()} == {
            "container": ("host-b/made", "id")
        }
    assert steps["host-b/make"].deed.arguments["operation"] == "op-0123456789ab"


async def test_the_same_plan_comes_from_the_settled_arguments() -> None:
    made = await plan("container migrate web --to host-b")
    assert made.arguments["container"] == {"name": WEB.id, "host": "host-a"}
    again = ContainerMigrate.model_validate(dict(made.arguments))
    assert render_change(again) == f"container migrate host-a/{WEB.id} --to host-b"
    assert (await again.plan(make_view())).plan.parts == made.plan.parts


GROWN: Answers = {
    ("host-a", ListVolumes): volumes("data", size=2 * GB),
    ("host-a", CountChangedFiles): ChangedFiles(files=7),
    ("host-b", ReadStorage): store(free=9 * GB),
}


async def test_sizes_that_grow_until_the_run_need_no_new_approval() -> None:
    words = f"{MOVE} --with-volumes"
    before = await plan(words, {**DATA, ("host-a", CountChangedFiles): ChangedFiles(files=3)})
    after = await plan(words, {**DATA, **GROWN})
    assert _digest(before) == _digest(after)


@pytest.mark.parametrize(
    "changed",
    [
        {("host-a", ListContainers): ContainerList(containers=(web(settings="f" * 64),))},
        {("host-a", ListContainers): ContainerList(containers=(web("10.87.1.11"),))},
        {("host-a", CountChangedFiles): ChangedFiles(files=1)},
        {("host-b", ListImages): ImageList(images=(IMAGE,))},
        {("host-c", ListConfiguration): files("proxy_pass http://10.87.1.10;")},
    ],
)
async def test_what_the_approver_relied_on_needs_a_new_one(changed: Answers) -> None:
    words = f"{MOVE} --without-data --address-moves"
    spread = {
        (host, kind): said
        for (host, action), given in changed.items()
        for kind, said in (given.items() if isinstance(given, dict) else ((action, given),))
    }
    assert _digest(await plan(words)) != _digest(await plan(words, spread))


def _digest(made: PlannedChange) -> str:
    return compute_digest(made.plan, "container migrate", made.arguments)


async def test_the_removal_of_the_source_is_left_for_later_as_a_command_that_works() -> None:
    (later,) = (await plan()).plan.follow_ups
    assert (later.after, later.host, later.days, later.kind) == ("host-b/web/steady", "host-a", 7, "container remove")
    removal = ContainerRemove.model_validate(dict(later.arguments))
    assert (render_change(removal), removal.container.name) == (later.words, WEB.id)


async def test_a_gateway_that_is_silent_is_owed_the_deletion_when_it_answers() -> None:
    made = await plan(answers={("host-c", ReadRegistry): Unreachable(LATE)})
    later = made.plan.follow_ups[1]
    assert (later.host, later.days) == ("host-c", 0)
    forget = SyncForget.model_validate(dict(later.arguments))
    assert (render_change(forget), later.kind) == (later.words, " ".join(SyncForget.words))
    assert "host-c" not in {step.host for step in made.plan.steps}
    assert "may lead to host-a until they do: host-c" in _tell(made)
    refusing = await plan(answers={("host-c", ReadRegistry): ActionFailed(Phrase("forbidden"))})
    assert len(refusing.plan.follow_ups) == 1


async def test_a_third_gateway_proves_that_it_is_found_else_that_of_the_source() -> None:
    def find(made: PlannedChange) -> list[str]:
        return [step.host for step in made.plan.steps if step.key.endswith("/found")]

    late = Unreachable(LATE)
    assert find(await plan()) == ["host-c"]
    assert find(await plan(answers={("host-c", ReadRegistry): late})) == ["host-a"]
    alone = await plan(answers={("host-a", ReadRegistry): late, ("host-c", ReadRegistry): late})
    assert find(alone) == []
    assert "no other gateway responded" in _tell(alone)


@pytest.mark.parametrize(
    ("podman", "policy", "deed", "told"),
    [
        ("5.4.2", "always", "wsl.SetRestartPolicy", False),
        ("5.1.0", "on-failure:3", "wsl.SetRestartPolicy", False),
        ("4.9.3", "always", "wsl.ReadContainerState", True),
        ("3.4.4", "unless-stopped", "wsl.ReadContainerState", True),
        ("5.4.2", "no", "wsl.ReadContainerState", False),
        ("4.9.3", "", "wsl.ReadContainerState", False),
    ],
)
async def test_the_source_does_not_start_by_itself_or_the_card_says_that_it_may(
    podman: str, policy: str, deed: str, told: bool
) -> None:
    said: Answers = {
        ("host-a", ListContainers): ContainerList(containers=(web(restart_policy=policy),)),
        ("host-a", ReadStorage): store(podman),
    }
    made = await plan(answers=said)
    (keep,) = (step for step in made.plan.steps if step.key == "host-a/keep")
    assert (keep.deed.kind, "it may start web again" in _tell(made)) == (deed, told)


@pytest.mark.parametrize(
    ("podman", "policy", "policies"),
    [
        ("5.4.2", "always", ["no", "always"]),
        ("5.1.0", "on-failure:3", ["no", "on-failure:3"]),
        ("4.9.3", "always", []),
        ("5.4.2", "no", []),
    ],
)
async def test_a_target_that_restarts_does_not_start_what_is_not_whole_or_the_card_says_that_it_may(
    podman: str, policy: str, policies: list[str]
) -> None:
    said: Answers = {
        ("host-a", ListContainers): ContainerList(containers=(web(restart_policy=policy),)),
        ("host-b", ReadStorage): store(podman),
    }
    made = await plan(answers=said)
    steps = made.plan.parts[0].steps
    assert [step.deed.arguments["policy"] for step in steps if step.deed.kind == "wsl.SetRestartPolicy"] == policies
    assert ("WSL2 may start a second web there later" in _tell(made)) == (policy != "no" and not policies)


@pytest.mark.parametrize(
    ("words", "answers", "says"),
    [
        (MOVE, {}, "web gets another address than 10.87.1.10. Variables of other containers and other programs cannot be"),
        (MOVE, {}, "once it serves on host-b, it is not rolled back any more"),
        (MOVE, {}, "After 7 days, its removal is requested"),
        (MOVE, {("host-c", ListConfiguration): Unreachable(LATE)}, "unknown whether the gateways of host-c use the address"),
        (f"{MOVE} --without-data", DATA, "web begins with empty volumes on host-b. The data stays on host-a: data"),
        (
            f"{MOVE} --without-data",
            {("host-a", CountChangedFiles): ChangedFiles(files=3)},
            "3 files that it changed outside of volumes stay on host-a",
        ),
    ],
)
async def test_the_approver_is_told(words: str, answers: Answers, says: str) -> None:
    assert says in _tell(await plan(words, answers))


async def test_the_outage_is_told_with_the_size_of_what_travels_meanwhile() -> None:
    short, long = await plan(), await plan(f"{MOVE} --with-volumes", DATA)
    assert [str(said) for said in short.plan.disrupts] == ["web runs nowhere for some seconds"]
    assert [str(said) for said in long.plan.disrupts] == ["web runs nowhere while its volumes (1.0 GB) are transferred"]


def _tell(made: PlannedChange) -> str:
    return " | ".join(map(str, made.plan.warnings))


@pytest.mark.parametrize(
    "words",
    [
        "container migrate",
        "container migrate --all --to host-b",
        "container migrate ../x --to host-b",
        "container migrate a;b --to host-b",
        "container migrate $(id) --to host-b",
        f"container migrate {'x' * 300} --to host-b",
        "container migrate wеb --to host-b",
        "container migrate host-a/web --to ../x",
    ],
)
def test_a_name_that_is_none(words: str) -> None:
    with pytest.raises(GrammarError):
        parse(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("container migrate host-a/web", "needs the host"),
        (f"{MOVE} --with-volumes --without-data", "use only one of"),
    ],
)
async def test_what_is_missing_or_contradicts_itself(words: str, why: str) -> None:
    """The plan says it itself: rights are judged on all hosts where they cannot be resolved."""
    with pytest.raises(GrammarError, match=why):
        parse(words).resolve_hosts(make_view().fleet.inventory)
    with pytest.raises(GrammarError, match=why):
        await plan(words)


def test_rights_are_needed_on_both_ends_and_everywhere_if_the_source_is_not_typed() -> None:
    inventory = make_view().fleet.inventory
    assert parse(MOVE).resolve_hosts(inventory) == (A, B)
    assert [host.name for host in parse("container migrate web --to host-b").resolve_hosts(inventory)] == [
        *("host-a", "host-b", "host-c")
    ]
