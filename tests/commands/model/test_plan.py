"""Plans as values: which hosts they change, by which roads they go, and what their digest covers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import JsonValue

from adapters import action_registry
from adapters.action import Action
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.inventory import Host, Inventory
from adapters.local.host_files import WriteHostFile
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import AbortChange, ReadChange
from adapters.wsl.action import Argv, CompletedProgram, WslAction
from commands.changes.commit_confirm import FINAL_STATES
from commands.model import plan_digest
from commands.model.plan import (
    Check,
    FileEdit,
    FollowUp,
    LeftOutHost,
    Part,
    Plan,
    PlannedAction,
    Product,
    Step,
    TransferSource,
)
from commands.model.plan_digest import compute_digest
from commands.model.plan_endpoints import NoEndpoint, collect_endpoints

ABORT, READ = PlannedAction.of(AbortChange(operation="op-1")), PlannedAction.of(ReadChange(operation="op-1"))


def step(deed: PlannedAction, host: str = "host-a", **more: object) -> Step:
    return Step.model_validate({"key": host, "host": host, "deed": deed, "phrase": Phrase("do it"), **more})


def host(name: str, ca_file: Path | None = None) -> Host:
    windows = {"url": f"http://{name}:5985/wsman", "user": "flatnet", "allow_http": True}
    if ca_file is not None:
        windows |= {"url": f"https://{name}:5986/wsman", "ca_file": ca_file}
    return Host.model_validate({"name": name, "id": ord(name[-1]), "windows": windows})


def test_hosts_that_are_only_looked_at_are_not_changed() -> None:
    assert ("host-a",) == Plan(parts=(Part(host="host-a", steps=(step(ABORT), step(READ, "host-b"))),)).hosts


def test_what_this_version_does_not_know_may_change_its_host() -> None:
    """A plan of another version is still shown, claimed for and closed."""
    assert ("host-a",) == Plan(
        parts=(Part(host="host-a", steps=(step(PlannedAction(kind="windows.Paint", arguments={})),)),)
    ).hosts


def test_a_host_whose_file_is_written_is_claimed_because_its_addresses_and_rights_change() -> None:
    write = PlannedAction.of(WriteHostFile(operation="op-1", name="host-a", content="id = 1", before=""))
    assert ("bot", "host-a") == Plan(parts=(Part(host="host-a", steps=(step(write, "bot"),)),)).hosts


@pytest.mark.parametrize(
    "way",
    [{"deed": ABORT}, {"deed": READ, "undo": ABORT}, {"deed": READ, "verify": Check(host="host-a", deed=READ, expect={})}],
)
def test_every_road_that_a_step_may_take_is_in_the_plan_once(way: dict[str, object]) -> None:
    made = Step.model_validate({"key": "do", "host": "host-a", "phrase": Phrase("do it"), **way})
    roads = list(collect_endpoints((Part(host="host-a", steps=(made,)),), Inventory(hosts=(host("host-a"), host("host-b")))))
    assert [("host-a", "windows", "http://host-a:5985/wsman")] == [(road.host, road.side, road.address) for road in roads]


def test_a_host_of_which_nobody_can_say_who_it_is_is_refused_and_the_file_named(tmp_path: Path) -> None:
    """Foreseen: a file that somebody moved is no bug, and must not leave a change with an unknown end."""
    file = tmp_path / "ca.pem"
    with pytest.raises(NoEndpoint) as refused:
        list(collect_endpoints((Part(host="host-a", steps=(step(ABORT),)),), Inventory(hosts=(host("host-a", file),))))
    assert f"could not read {file}, used to verify host-a (ENOENT). Restore it, then try again" == str(refused.value)


@pytest.mark.parametrize(
    ("state", "vain"), [("applying", False), ("applied", False), ("reverted", True), ("stuck", True), ("down", True)]
)
def test_a_check_knows_the_answers_after_which_waiting_is_in_vain(state: str, vain: bool) -> None:
    """A host that has put a change back will not have it applied a little later."""
    check = Check(host="host-a", deed=READ, expect={"state": "applied"}, never={"state": FINAL_STATES})
    assert vain == check.is_hopeless({"state": state})


class StartPort(WslAction[str]):
    """An action of WSL2 with an argument that is not a text."""

    deadline: ClassVar[float] = 1.0
    output_limit: ClassVar[int] = 100
    program: ClassVar[tuple[str, ...]] = ("sudo", "start")

    name: str
    port: int

    def build_commands(self) -> tuple[Argv, ...]:
        return ((*self.program, self.name, str(self.port)),)

    def parse(self, completed: Sequence[CompletedProgram]) -> str:
        return completed[0].stdout


class Reload(GatewayAction[str]):
    """An action of a gateway."""

    deadline: ClassVar[float] = 1.0
    output_limit: ClassVar[int] = 100
    path: ClassVar[str] = "/api/reload"

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(self.path, "POST", {"force": "1"}),)

    def parse(self, responses: Sequence[HttpResponse | Any]) -> str:
        return ""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (StartPort, Reload):
        monkeypatch.setitem(action_registry._BY_KIND, action_registry.get_kind(made), made)


def of(*deeds: PlannedAction) -> Plan:
    """A plan that does these on host-a, one after the other."""
    steps = tuple(Step(key=f"step-{n}", host="host-a", deed=deed, phrase=Phrase("do it")) for n, deed in enumerate(deeds))
    return Plan(parts=(Part(host="host-a", steps=steps),))


def digest(plan: Plan) -> str:
    return compute_digest(plan, "turn", {"target": "host-a"})


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("made", [StartPort(name="web", port=80), Reload()])
def test_the_digest_covers_what_runs_on_every_side(monkeypatch: pytest.MonkeyPatch, made: Action[Any]) -> None:
    before = digest(of(PlannedAction.of(made)))
    assert before == digest(of(PlannedAction.of(made)))
    _of_the_next_release(monkeypatch)
    assert before != digest(of(PlannedAction.of(made)))


def _of_the_next_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StartPort, "program", ("sudo", "start", "--replace"))
    monkeypatch.setattr(Reload, "path", "/api/reload/now")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("deed", "runs"),
    [
        (PlannedAction.of(StartPort(name="web", port=80)), [["sudo", "start", "web", "80"]]),
        (
            PlannedAction.of(StartPort(name="web", port=80), port=Product(step="step-0", field="port")),
            [["sudo", "start", "web", "{step-0.port}"]],
        ),
        (PlannedAction.of(Reload()), [{"path": "/api/reload", "method": "POST", "query": {"force": "1"}}]),
        (ABORT, action_registry.hash_script("windows.AbortChange")),
    ],
)
def test_what_runs_is_known_before_it_runs(deed: PlannedAction, runs: JsonValue) -> None:
    """What an earlier step produces counts as its placeholder, whatever the type of the argument."""
    assert runs == deed.describe_run()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "deed",
    [
        PlannedAction(kind="wsl.Paint", arguments={}),
        PlannedAction(kind="wsl.StartPort", arguments={"name": "web"}),
        PlannedAction(kind="wsl.StartPort", arguments={"name": "web", "port": "many"}),
        PlannedAction(kind="wsl.StartPort", arguments={}, products={"port": Product(step="a", field="b")}),
        PlannedAction(kind="wsl.StartPort", arguments={"color": 1}, products={"port": Product(step="a", field="b")}),
    ],
)
def test_what_cannot_be_known_has_no_digest(deed: PlannedAction) -> None:
    with pytest.raises(ValueError, match=r"not an action|no action"):
        digest(of(deed))


@pytest.mark.parametrize(
    "changed",
    [
        {"edits": (FileEdit(host="host-a", file="nginx.conf", diff=("-a", "+b")),)},
        {"left_out": (LeftOutHost(host="host-b", why=Phrase("silent"), owed=True),)},
        {"parts": (Part(host="host-a", steps=(step(ABORT, source=TransferSource(host="host-b", deed=READ)),)),)},
        {"about": "host-a"},
        {"follow_ups": (FollowUp(after="a", host="host-b", kind="k", arguments={}, words="w", days=1, why=Phrase("x")),)},
    ],
)
def test_the_digest_covers_edits_owed_hosts_sources_names_and_follow_ups(changed: dict[str, Any]) -> None:
    plan = Plan(parts=(Part(host="host-a", steps=(step(ABORT),)),))
    assert digest(plan) != digest(plan.model_copy(update=changed))


def test_another_formula_gives_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = of(READ)
    before = digest(plan)
    monkeypatch.setattr(plan_digest, "FORMULA", plan_digest.FORMULA + 1)
    assert before != digest(plan)


def test_both_ends_of_a_transfer_are_claimed() -> None:
    moved = step(ABORT, source=TransferSource(host="host-b", deed=READ))
    assert ("host-a", "host-b") == Plan(parts=(Part(host="host-a", steps=(moved,)),)).hosts


def test_a_check_of_a_step_is_not_mistaken_for_a_check_of_its_rollback() -> None:
    """Without a check a step would be done unproven, though the plan had the digest that was approved."""
    check = Check(host="host-a", deed=READ, expect={"state": "applied"})
    proven, unproven = step(ABORT, verify=check), step(ABORT, undone=(check,))
    plans = [Plan(parts=(Part(host="host-a", steps=(each,)),)) for each in (proven, unproven)]
    assert digest(plans[0]) != digest(plans[1])
