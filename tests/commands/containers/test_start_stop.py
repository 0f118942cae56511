"""`container start`, `stop`, `restart` and `prune`: whom they touch, what proves it, and what is left alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import Action, SideName
from adapters.action_registry import parse_action
from adapters.errors import FlatnetError, Unreachable
from adapters.fleet import Fleet
from adapters.gateway.containers import Registry
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.containers import ContainerList, ListedContainer
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation, render_change
from commands.model.operation import FleetChange, FleetView
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import PlannedChange
from commands.model.suspension import Suspension
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands import canned
from tests.commands.containers.canned_containers import STARTED, A, B, listed
from tests.commands.gateways.canned_registrations import LATE, identify

WEB = listed("web")
DB = listed("db", "10.87.1.11", started_at=STARTED - timedelta(hours=1))
OLD = listed("old", None, state="exited")
KEPT = listed("kept", None, state="exited", volumes=[{"name": "orders", "path": "/data"}])
PAUSED = listed("frozen", "10.87.1.12", state="paused")
REGISTRY = Registry(registrations=(), counted=0, interval=30, peers=1)

Containers = Mapping[str, tuple[ListedContainer, ...]]


def view(containers: Containers, broken: Mapping[str, Exception] | None = None) -> FleetView:
    """Hosts with these containers, whose gateways answer unless they are broken."""

    class Connection:
        def __init__(self, host: Host, side: SideName) -> None:
            self._host, self._side = host, side

        async def perform(self, action: Action[Any]) -> Any:
            if (error := (broken or {}).get(f"{self._host.name}/{self._side}")) is not None:
                raise error
            return ContainerList(containers=containers.get(self._host.name, ())) if self._side == "wsl" else REGISTRY

        async def aclose(self) -> None: ...

    return replace(canned.view(A, B), fleet=Fleet(Inventory(hosts=(A, B)), Connection))


FLEET: Containers = {"host-a": (WEB, DB, OLD, KEPT, PAUSED), "host-b": (listed("api", "10.87.2.10"),)}


def parse(words: str) -> FleetChange:
    operation = parse_operation(normalize_text(words), CATALOGUE, CATALOGUE)
    assert isinstance(operation, FleetChange)
    return operation


async def plan(words: str, *, broken: Mapping[str, Exception] | None = None, **known: Any) -> PlannedChange:
    return await parse(words).plan(replace(view(FLEET, broken), **known))


def stages(made: PlannedChange) -> list[str]:
    return [step.key for step in made.plan.steps]


PROOF = ("running", "healthy", "registered", "found", "settled", "steady")


@pytest.mark.parametrize(
    ("words", "steps", "risk"),
    [
        ("container start old", ["host-a/old/start", *(f"host-a/old/{stage}" for stage in PROOF)], "CHANGE"),
        ("container stop host-a/web", ["host-a/web/stop"], "DISRUPT"),
        (
            "container restart web",
            ["host-a/web/note", "host-a/web/restart", *(f"host-a/web/{stage}" for stage in PROOF)],
            "DISRUPT",
        ),
        ("container prune --on host-a", ["host-a/old/remove"], "DISRUPT"),
        ("container prune --on host-a --volumes orders", ["host-a/kept/remove", "host-a/old/remove"], "DISRUPT"),
    ],
)
async def test_each_has_its_steps_in_their_order(words: str, steps: list[str], risk: str) -> None:
    made = await plan(words)
    assert steps == stages(made)
    assert risk == parse(words).assessed_risk.name
    for step in made.plan.steps:
        bare = {name: value for name, value in step.deed.arguments.items() if name not in step.deed.products}
        filled = {name: FILLED[name] for name in step.deed.products}
        assert parse_action(step.deed.kind, {**bare, **filled})
        assert step.deed.describe_run()


FILLED = {"id": "a" * 64, "address": "10.87.1.10", "since": 1, "before": 1, "tolerated": 0}


@pytest.mark.parametrize("words", ["container start old", "container stop web", "container restart web"])
async def test_the_id_is_settled_when_it_is_planned(words: str) -> None:
    made = await plan(words)
    name = words.split()[-1]
    assert made.arguments["container"] == {"name": identify(name), "host": "host-a"}
    again = await parse(f"{words.rsplit(' ', 1)[0]} host-a/{identify(name)}").plan(view(FLEET))
    assert made.plan.parts == again.plan.parts


async def test_all_are_restarted_one_after_the_other_in_the_order_of_their_starts() -> None:
    made = await plan("container restart --all --on host-a,host-b")
    rolling = ("note", "restart", "running", "healthy", "registered", "found", "steady")
    assert [[step.key for step in part.steps] for part in made.plan.parts] == [
        [f"host-a/db/{stage}" for stage in rolling],
        [*(f"host-a/web/{stage}" for stage in rolling), "host-a/db/last"],
        [f"host-b/api/{stage}" for stage in rolling],
    ]
    assert made.arguments == {"container": None, "all": True, "on": {"parts": ["host-a", "host-b"]}}
    assert render_change(parse("container restart --all --on host-a")) == "container restart --all --on host-a"
    told = " ".join(map(str, made.plan.warnings))
    assert "host-a: not restarted: old, kept, frozen" in told


async def test_what_is_in_the_wanted_state_is_left_alone() -> None:
    for words, why in (
        ("container start web", "host-a/web runs already"),
        ("container stop old", "host-a/old does not run"),
        ("container prune --on host-b", "every container runs"),
    ):
        made = await plan(words)
        assert (stages(made), [str(left.why) for left in made.plan.left_out]) == ([], [why])


@pytest.mark.parametrize(
    ("words", "broken", "why"),
    [
        ("container restart old", {}, "does not run. Start it: container start host-a/old"),
        ("container stop frozen", {}, "sudo podman unpause frozen"),
        ("container start old", {"host-a/gateway": Unreachable(LATE)}, "the gateway of host-a could not be read"),
        ("container restart web", {"host-a/gateway": Unreachable(LATE)}, "the gateway of host-a could not be read"),
        ("container restart --all --on host-a", {"host-a/wsl": Unreachable(LATE)}, "could not connect"),
        ("container stop host-a/web", {"host-a/wsl": Unreachable(LATE)}, "could not connect"),
        ("container stop nginx", {}, "no container nginx"),
        ("container stop host-b/web", {}, "no container host-b/web"),
    ],
)
async def test_what_cannot_be_done_or_proven_is_refused(words: str, broken: Mapping[str, Exception], why: str) -> None:
    with pytest.raises(FlatnetError) as refused:
        await plan(words, broken=broken)
    assert why in str(refused.value.phrase)


@pytest.mark.parametrize(
    "words",
    [
        "container restart",
        "container restart web --all --on host-a",
        "container restart --all",
        "container restart web --on host-a",
        "container prune",
    ],
)
def test_a_restart_takes_one_container_or_all_of_hosts_and_a_prune_takes_hosts(words: str) -> None:
    with pytest.raises(GrammarError):
        parse(words).resolve_hosts(Inventory(hosts=(A, B)))


@pytest.mark.parametrize(
    "name", ["--all", "../x", "a;b", "$(id)", "x" * 300, "wéb", "host-a/../web", "host-a/", "/web", "a\nb"]
)
def test_a_name_that_is_none_is_refused_before_anything_is_read(name: str) -> None:
    for verb in ("start", "stop", "restart", "remove"):
        with pytest.raises(FlatnetError):
            parse(f"container {verb} '{name}'").resolve_hosts(Inventory(hosts=(A, B)))


async def test_without_another_gateway_the_plan_says_what_is_not_proven() -> None:
    made = await plan("container start old", broken={"host-b/gateway": Unreachable(LATE)})
    assert "host-a/old/found" not in stages(made)
    assert Phrase("no other gateway responds, so it is not verified that others find it") in made.plan.warnings


async def test_a_prune_spares_suspended_hosts_kept_sources_and_volumes() -> None:
    note = OwedNote(
        number=7, host="host-a", words=f"container remove host-a/{OLD.id}", matter=Matter.CHANGE, since=canned.NOW
    )
    kept = await plan("container prune --on host-a", owed=KnownOwed((note,)))
    assert stages(kept) == []
    (left,) = kept.plan.left_out
    assert str(left.why) == ("these stay: kept (has the volumes orders), old (kept after a migration, owed change 7)")
    suspension = Suspension(
        number=1, host="host-a", reason="disk", owner="ana", operation="op-aaaaaaaaaaaa", since=canned.NOW
    )
    suspended = await plan("container prune --on host-a", suspensions={"host-a": suspension})
    assert [str(left.why) for left in suspended.plan.left_out] == ["it is suspended, and its containers stay (disk)"]


async def test_a_start_can_be_rolled_back_and_a_restart_cannot() -> None:
    start = (await plan("container start old")).plan.steps[0]
    restart = (await plan("container restart web")).plan.steps[1]
    assert start.undo is not None
    assert start.undo.arguments == {"verb": "stop", "container": OLD.id}
    assert restart.undo is None
