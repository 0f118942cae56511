"""Registrations compared with podman: what is right, and of which kind each problem is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Unreachable
from adapters.gateway.containers import Registration
from commands.gateways.registrations import (
    Comparison,
    GatewayRegistry,
    HostContainers,
    Kind,
    compare_registrations,
    parse_host_number,
)
from tests.commands.gateways.canned_registrations import HOSTS, LATE, A, B, C, gateway, identify, made, podman, registered

WEB, DB = made("web"), made("db")
WEB_A, DB_B = registered("web", "10.87.1.10"), registered("db", "10.87.2.10")
SILENT = Unreachable(LATE)


def compare(gateways: Sequence[GatewayRegistry], hosts: Sequence[HostContainers] = ()) -> Comparison:
    return compare_registrations(hosts or (podman(A, WEB), podman(B, DB), podman(C)), gateways)


def kinds(compared: Comparison) -> list[tuple[str, str, str]]:
    """Each problem: its kind, its container, the gateways."""
    return [(each.kind.value, f"{each.host}/{each.name}", " ".join(each.gateways)) for each in compared.problems]


def test_containers_that_every_gateway_has_are_right() -> None:
    compared = compare([gateway(each, (WEB_A, DB_B)) for each in HOSTS])
    assert (compared.total, [each.container.name for each in compared.right], compared.problems) == (2, ["web", "db"], ())


GHOST = registered("old", "10.87.3.9")

CASES = [
    pytest.param((WEB_A,), [("missing", "host-b/db", "host-b")], id="missing at one gateway"),
    pytest.param((WEB_A, DB_B, GHOST), [("ghost", f"host-c/{GHOST.id[:12]}", "host-b")], id="a ghost"),
    pytest.param(
        (WEB_A, registered("db", "10.87.9.10", 2)),
        [("wrong address", "host-b/db", "host-b")],
        id="outside the host's subnet",
    ),
    pytest.param(
        (WEB_A, registered("db", "10.87.2.11")),
        [("wrong address", "host-b/db", "host-a host-b host-c")],
        id="gateways that differ: it is unknown which is right",
    ),
    pytest.param(
        (WEB_A, Registration(id="db", ip="10.87.2.10", host_id=2)), [], id="registered by podman's name instead of its id"
    ),
    pytest.param(
        (WEB_A, DB_B, Registration(id="x", ip="not-an-ip")), [("unknown host", "/x", "host-b")], id="an address that is none"
    ),
    pytest.param(
        (WEB_A, DB_B, Registration(id="x", ip="10.87.9.9", host_id=9)), [("unknown host", "/x", "host-b")], id="a stranger"
    ),
    pytest.param(
        (WEB_A, DB_B, Registration(id="web", ip="10.87.2.30", host_id=2)),
        [("ghost", "host-b/web", "host-b")],
        id="a name that runs on another host",
    ),
]


@pytest.mark.parametrize(("listed", "expected"), CASES)
def test_a_problem_at_one_gateway(listed: Sequence[Registration], expected: list[tuple[str, str, str]]) -> None:
    well = (WEB_A, DB_B)
    assert kinds(compare([gateway(A, well), gateway(B, listed), gateway(C, well)])) == expected


def test_a_container_that_no_gateway_has_is_registered_nowhere() -> None:
    assert kinds(compare([gateway(each, (WEB_A,)) for each in HOSTS])) == [
        ("not registered", "host-b/db", "host-a host-b host-c")
    ]


def test_a_registration_whose_podman_was_not_read_is_unknown_and_no_ghost() -> None:
    hosts = (podman(A, WEB), podman(B, LATE), podman(C))
    compared = compare([gateway(each, (WEB_A, DB_B)) for each in HOSTS], hosts)
    assert kinds(compared) == [("unknown", f"host-b/{identify('db')[:12]}", "host-a host-b host-c")]
    assert [each.host.name for each in compared.unread_hosts] == ["host-b"]


def test_a_registration_of_the_default_host_is_no_ghost_while_the_host_of_its_address_is_unread() -> None:
    """Flatnet registers host 1 if it is given none."""
    hosts = (podman(A, WEB), podman(B, LATE), podman(C))
    compared = compare([gateway(A, (WEB_A, registered("db", "10.87.2.10", 1)))], hosts)
    assert [each.kind for each in compared.problems] == [Kind.UNKNOWN]


def test_a_gateway_that_was_not_read_has_no_missing_registrations() -> None:
    compared = compare([gateway(A, (WEB_A, DB_B)), gateway(B, SILENT)])
    assert (kinds(compared), len(compared.right)) == ([], 2)
    assert [each.host.name for each in compared.unread_gateways] == ["host-b"]


def test_nothing_is_right_if_no_gateway_was_read() -> None:
    compared = compare([gateway(each, SILENT) for each in HOSTS])
    assert (compared.total, compared.right, compared.problems) == (2, (), ())


@pytest.mark.parametrize(
    ("state", "expected"),
    [("running", []), ("paused", []), ("stopping", []), ("exited", ["ghost"]), ("created", ["ghost"])],
)
def test_only_a_container_that_ended_or_never_began_makes_its_registration_a_ghost(state: str, expected: list[str]) -> None:
    compared = compare([gateway(A, (WEB_A,))], (podman(A, made("web", state)), podman(B), podman(C)))
    assert [each.kind.value for each in compared.problems] == expected


def test_the_address_that_podman_knows_counts() -> None:
    hosts = (HostContainers(A, (WEB,), {WEB.id: "10.87.1.20"}), podman(B), podman(C))
    compared = compare([gateway(A, (WEB_A,)), gateway(B, (registered("web", "10.87.1.20"),))], hosts)
    assert kinds(compared) == [("wrong address", "host-a/web", "host-a")]


def test_expired_registrations_are_counted() -> None:
    assert compare([gateway(A, (WEB_A, DB_B), counted=8), gateway(B, (WEB_A, DB_B))]).expired == {"host-a": 6}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.87.3.9", 3),
        ("10.87.254.1", 254),
        ("10.87.0.1", None),
        ("10.100.3.9", None),
        ("", None),
        ("10.87.3", None),
        ("::1", None),
    ],
)
def test_the_host_of_an_address(address: str, expected: int | None) -> None:
    assert parse_host_number(address) == expected


NAMES = st.sampled_from(["web", "db", "old", "job"])
STATES = st.sampled_from(["running", "exited", "paused", "created"])
REGISTRATIONS = st.builds(registered, NAMES, st.sampled_from(["10.87.1.10", "10.87.2.10", "10.87.3.10"]))


@given(
    st.lists(st.dictionaries(NAMES, STATES, max_size=3), min_size=3, max_size=3),
    st.lists(st.lists(REGISTRATIONS, max_size=4), min_size=3, max_size=3),
    st.sets(st.sampled_from([0, 1, 2]), max_size=3),
)
def test_no_registration_of_an_unread_host_is_ever_a_ghost(
    states: list[dict[str, str]], lists: list[list[Registration]], unread: set[int]
) -> None:
    hosts = [
        podman(of, LATE) if number in unread else podman(of, *(made(name, state) for name, state in states[number].items()))
        for number, of in enumerate(HOSTS)
    ]
    compared = compare([gateway(of, listed) for of, listed in zip(HOSTS, lists, strict=True)], hosts)
    known = {container.id for each in hosts if isinstance(each.containers, tuple) for container in each.containers}
    names = {HOSTS[number].name for number in unread}
    ghosts = [each for each in compared.problems if each.kind is Kind.GHOST and each.id not in known]
    assert [each for each in ghosts if each.host in names] == []
    right = {(each.host, each.container.name) for each in compared.right}
    wrong = {(each.host, each.name) for each in compared.problems if each.kind in (Kind.MISSING, Kind.ADDRESS, Kind.NOWHERE)}
    assert right.isdisjoint(wrong)
