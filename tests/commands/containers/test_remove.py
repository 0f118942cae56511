"""`container remove`: which containers it removes, and what it says of them."""

from dataclasses import replace

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListedContainer
from commands.catalogue import CATALOGUE
from commands.containers.lookup import NoSuchContainer
from commands.containers.remove import ContainerRemove
from commands.language.grammar import parse_operation
from commands.model.operation import CannotPlan
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import PlannedChange
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.containers.canned_containers import A, B, listed
from tests.commands.gateways.canned_registrations import LATE, identify

ENDED = listed("old", None, state="exited", volumes=[{"name": "data", "path": "/data"}])
WEB = listed("web")


def parse(words: str) -> ContainerRemove:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, ContainerRemove)
    return operation


async def plan(words: str, a: tuple[ListedContainer, ...] | Exception = (WEB, ENDED)) -> PlannedChange:
    said = {("host-a", "wsl"): a if isinstance(a, Exception) else ContainerList(containers=a)}
    view = canned.view(A, B, said={("host-b", "wsl"): ContainerList(containers=()), **said})
    return await parse(words).plan(view)


async def test_one_that_does_not_run_is_removed_by_its_id_and_proven_to_be_gone() -> None:
    made = await plan("container remove old")
    (step,) = made.plan.steps
    assert (step.host, step.deed.arguments) == ("host-a", {"container": ENDED.id})
    assert step.verify is not None
    assert step.verify.expect == {"present": False}
    assert made.arguments == {"container": {"name": ENDED.id, "host": "host-a"}}
    assert "its volumes stay: data" in " ".join(map(str, made.plan.warnings))
    assert step.undo is None


async def test_the_same_plan_comes_from_the_settled_arguments() -> None:
    made = await plan("container remove old")
    settled = await plan(f"container remove host-a/{ENDED.id}")
    assert (settled.arguments, settled.plan.parts) == (made.arguments, made.plan.parts)


async def test_one_that_is_gone_already_leaves_nothing_to_do() -> None:
    made = await plan(f"container remove host-a/{identify('gone')}")
    assert made.plan.steps == ()
    assert [(left.host, left.owed) for left in made.plan.left_out] == [("host-a", False)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param("container remove host-a/web", "host-a/web runs. Stop it first: container stop host-a/web", id="runs"),
        pytest.param("container remove host-b/old", "no container host-b/old", id="on another host"),
        pytest.param(f"container remove {identify('gone')}", "no container", id="an id without its host"),
    ],
)
async def test_any_other_one_is_refused(words: str, why: str) -> None:
    with pytest.raises((CannotPlan, NoSuchContainer), match=why):
        await plan(words)


async def test_a_silent_host_is_not_taken_for_one_without_the_container() -> None:
    with pytest.raises(CannotPlan, match="could not connect"):
        await plan(f"container remove host-a/{ENDED.id}", Unreachable(LATE))


async def test_the_kept_source_of_a_migration_is_named() -> None:
    note = OwedNote(
        number=7, host="host-a", words=f"container remove host-a/{ENDED.id}", matter=Matter.CHANGE, since=canned.NOW
    )
    view = canned.view(A, said={("host-a", "wsl"): ContainerList(containers=(ENDED,))})
    made = await parse("container remove host-a/old").plan(replace(view, owed=KnownOwed((note,))))
    assert Phrase("it is kept as the source of a migration (owed change {number})", number="7") in made.plan.warnings
