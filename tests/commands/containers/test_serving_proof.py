"""The proof that a container serves: what it looks at, where, and for how long."""

from adapters.action_registry import parse_action
from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.wsl.containers import ContainerState
from commands.containers.serving_proof import ServingProof, Witness, find_witness
from commands.model.plan import Step
from tests.commands.gateways.canned_registrations import LATE, A, B, C, gateway

PROOF = ServingProof(A, "web", "web", Witness(B, 35.0), "host-a/web")


def keys(steps: tuple[Step, ...]) -> list[tuple[str, str, float]]:
    return [(step.key, step.host, step.patience) for step in steps]


def test_it_runs_is_registered_is_found_elsewhere_and_is_still_there() -> None:
    assert keys(PROOF.build_steps()) == [
        ("host-a/web/running", "host-a", 20.0),
        ("host-a/web/healthy", "host-a", 120.0),
        ("host-a/web/registered", "host-a", 20.0),
        ("host-a/web/found", "host-b", 35.0),
        ("host-a/web/settled", "host-a", 25.0),
        ("host-a/web/steady", "host-a", 20.0),
    ]


def test_every_look_can_be_stored_and_none_changes_anything() -> None:
    for step in PROOF.build_steps():
        assert not step.deed.is_change
        made = {name: PRODUCED[name] for name in step.deed.products}
        assert parse_action(step.deed.kind, {**step.deed.arguments, **made})


def test_a_single_restart_since_it_was_healthy_ends_the_proof() -> None:
    """One that ends every ten seconds is running and healthy at nearly every look, and podman restarts it once meanwhile."""
    steady = PROOF.build_steps()[-1]
    products = {name: (product.step, product.field) for name, product in steady.deed.products.items()}
    assert products == {"tolerated": ("host-a/web/healthy", "restarts")}
    seen = {restarts: ContainerState(present=True, state="running", restarts=restarts, tolerated=1) for restarts in (1, 2)}
    assert [state.steady for state in seen.values()] == [True, False]


PRODUCED = {"id": "a" * 64, "address": "10.87.1.10", "since": 1, "tolerated": 0}
"""Values that earlier steps produce."""


def test_without_gateways_only_podman_proves_it() -> None:
    bare = Host(name="host-d", id=4, wsl=A.wsl)
    steps = ServingProof(bare, "web", "web", None, "host-d/web").build_steps()
    assert [key for key, _, _ in keys(steps)] == ["host-d/web/running", "host-d/web/healthy", "host-d/web/steady"]


def test_a_witness_is_another_gateway_that_answered_and_has_time_for_its_next_pull() -> None:
    late = Unreachable(LATE)
    assert find_witness(A, [gateway(A, ()), gateway(B, ()), gateway(C, ())]) == Witness(B, 35.0)
    assert find_witness(A, [gateway(A, ()), gateway(B, late), gateway(C, (), interval=60)]) == Witness(C, 70.0)
    assert find_witness(A, [gateway(A, ()), gateway(B, ()), gateway(C, ())], {"host-b"}) == Witness(C, 35.0)
    assert find_witness(A, [gateway(A, ()), gateway(B, late)]) is None
