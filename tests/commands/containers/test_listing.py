"""`container`: what runs where, and whether it can be reached."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.gateway.containers import Registry
from adapters.phrase import Phrase
from adapters.wsl.podman import Container
from commands.containers.listing import ContainerOverview
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.report import Report
from commands.model.suspension import RememberedContainer, Suspension
from commands.values.arguments import Target
from tests.commands.canned import NOW
from tests.commands.cells import cell
from tests.commands.containers.canned_containers import listed
from tests.commands.containers.canned_fleet import API, DB, REGISTERED, WEB, Wsl2, make_view, registry
from tests.commands.gateways.canned_registrations import LATE, identify, registered
from tests.commands.gateways.canned_registrations import A as UNMANAGED

GONE = registered("gone", "10.87.1.99")
HELPER = Phrase("the helper is not installed in WSL2")

HOSTS = ("host-a", "host-b", "host-c")

Gateways = Mapping[str, Registry | HostError]


async def read(
    wsl: Mapping[str, Wsl2] | None = None, gateways: Gateways | None = None, target: str = "all", **given: object
) -> Report:
    view = make_view(wsl, gateways, **given)  # type: ignore[arg-type]
    return await ContainerOverview(target=Target.parse((target,))).read(view)


def table(report: Report) -> list[tuple[str, ...]]:
    """The first four cells of each row, as data."""
    return [tuple(str(cell.value) for cell in row.cells[:4]) for row in report.rows]


def findings(report: Report) -> list[tuple[str, str, str, str | None]]:
    return [(each.severity.value, each.host, each.subject, each.next) for each in report.findings]


async def test_a_fleet_that_is_right_has_its_containers_in_order() -> None:
    report = await read()
    assert str(report.summary) == "all 3 containers run and are registered at every gateway"
    assert table(report) == [
        ("host-a/web", "running", "3/3", "10.87.1.10"),
        ("host-a/api", "running", "3/3", "10.87.1.11"),
        ("host-b/db", "running", "3/3", "10.87.2.10"),
    ]
    assert (report.findings, report.next, report.sections) == ((), (), ())


async def test_details_have_what_the_helper_tells() -> None:
    web = listed("web", ports=({"host_port": 8080, "container_port": 80},), memory=2**28, health="healthy")
    report = await read({"host-a": Wsl2((web, API))}, target="host-a")
    cells = dict(zip((column.key for column in report.columns), report.rows[0].cells, strict=True))
    assert {
        key: cells[key].value for key in ("image", "digest", "health", "restarts", "policy", "ports", "memory", "id")
    } == {
        "image": "docker.io/library/nginx:1.27",
        "digest": "sha256:" + "b" * 64,
        "health": "healthy",
        "restarts": 0,
        "policy": "always",
        "ports": "8080:80/tcp",
        "memory": 2**28,
        "id": web.id,
    }


SHOW = "container show host-a/web"
PULL, FORGET = "sync pull host-b", f"sync forget host-a/{WEB.id[:12]}"


@pytest.mark.parametrize(
    ("wsl", "gateways", "row", "expected", "why"),
    [
        pytest.param(
            Wsl2((listed("web", None, state="exited", exit_code=137),)),
            {name: registry() for name in HOSTS},
            ("exited", "None"),
            [("medium", SHOW)],
            "web exited with code 137. Check the log",
            id="exited",
        ),
        pytest.param(
            Wsl2((listed("web", None, state="exited"),)),
            {name: registry() for name in HOSTS},
            ("exited", "None"),
            [("low", SHOW)],
            "exited without an error",
            id="exited well",
        ),
        pytest.param(
            Wsl2((listed("web", None, state="created", started_at=None),)),
            {name: registry() for name in HOSTS},
            ("created", "None"),
            [("medium", SHOW)],
            "web is created",
            id="never started",
        ),
        pytest.param(
            Wsl2((listed("web", health="unhealthy"),)),
            {},
            ("unhealthy", "3/3"),
            [("medium", SHOW)],
            "is unhealthy",
            id="ill",
        ),
        pytest.param(
            Wsl2((listed("web", health="starting"),)), {}, ("starting", "3/3"), [], "", id="health is not known yet"
        ),
        pytest.param(
            Wsl2((WEB,)),
            {name: registry() for name in HOSTS},
            ("running", "0/3"),
            [("high", SHOW)],
            "registered at no gateway",
            id="nowhere",
        ),
        pytest.param(
            Wsl2((WEB,)),
            {"host-b": registry()},
            ("running", "2/3"),
            [("medium", PULL)],
            "not registered at host-b",
            id="missing at one",
        ),
        pytest.param(
            Wsl2((WEB,)),
            {"host-b": registry(registered("web", "10.87.1.77"))},
            ("running", "wrong-address"),
            [("high", SHOW)],
            "10.87.1.77 at host-b, 10.87.1.10 by podman",
            id="wrong address",
        ),
        pytest.param(
            Wsl2((listed("web", None, state="exited"),)),
            {},
            ("exited", "ghost"),
            [("medium", FORGET), ("low", SHOW)],
            "ghost",
            id="ghost",
        ),
        pytest.param(
            Wsl2((WEB,), allocated={}),
            {},
            ("running", "3/3"),
            [("medium", SHOW)],
            "does not know its address",
            id="unallocated",
        ),
        pytest.param(
            Wsl2((WEB,), allocated={WEB.id: "10.87.1.11"}),
            {},
            ("running", "3/3"),
            [("high", SHOW)],
            "podman has the address 10.87.1.10, Flatnet's plug-in 10.87.1.11",
            id="allocated otherwise",
        ),
        pytest.param(
            Wsl2((listed("web", None),)), {}, ("running", "3/3"), [("high", SHOW)], "without an address", id="no address"
        ),
    ],
)
async def test_each_problem_of_a_container_is_a_finding_with_its_next_command(
    wsl: Wsl2, gateways: Gateways, row: tuple[str, str], expected: list[tuple[str, str]], why: str
) -> None:
    others = {name: registry(REGISTERED[0]) for name in HOSTS}
    report = await read({"host-a": wsl}, {**others, **gateways}, target="host-a")
    assert table(report)[0][1:3] == row
    assert findings(report) == [(severity, "host-a", "container/web", words) for severity, words in expected]
    assert why in (str(report.findings[0].why) if expected else "")


async def test_two_containers_with_one_address_are_both_findings() -> None:
    twin = listed("api", "10.87.1.10")
    report = await read({"host-a": Wsl2((WEB, twin))}, target="host-a")
    assert [str(each.why)[:50] for each in report.findings if "same address" in str(each.why)] == [
        "another container on this host has the same addres"
    ] * 2


async def test_a_registration_whose_container_is_gone_is_a_row_of_its_own() -> None:
    report = await read(gateways={"host-b": registry(*REGISTERED, GONE)})
    short = GONE.id[:12]
    assert table(report)[0] == (f"host-a/{short}", "absent", "ghost", "10.87.1.99")
    assert findings(report) == [("medium", "host-a", f"container/{short}", f"sync forget host-a/{short}")]


async def test_a_registration_of_another_host_s_subnet_is_not_said_of_host_1() -> None:
    """Flatnet registers host 1 if it is given none. Only the host with the subnet can tell, and it was not asked."""
    stray = registered("elsewhere", "10.87.9.9", host_id=1)
    report = await read(gateways={"host-b": registry(*REGISTERED, stray)}, target="host-a")
    assert report.findings == ()


async def test_what_could_not_be_read_is_unknown_and_not_counted() -> None:
    late = Unreachable(LATE)
    report = await read({"host-b": Wsl2(system=late)}, {"host-c": late})
    assert str(report.summary) == (
        "2 of 2 containers run. Problems: host-b: containers unknown, registrations unknown at host-c"
    )
    assert table(report) == [
        ("host-b", "unread", "", ""),
        ("host-a/web", "running", "2/2", "10.87.1.10"),
        ("host-a/api", "running", "2/2", "10.87.1.11"),
    ]
    assert [(each.host, each.reached, each.next) for each in report.findings] == [
        ("host-b", False, "health host-b"),
        ("host-c", False, "health host-c"),
    ]


async def test_a_host_of_which_nothing_answers_is_one_finding() -> None:
    late = Unreachable(LATE)
    report = await read({"host-b": Wsl2(system=late)}, {"host-b": late})
    assert [(each.host, each.subject) for each in report.findings] == [("host-b", "podman")]


async def test_no_gateway_that_answers_makes_registrations_unknown() -> None:
    report = await read(gateways={name: Unreachable(LATE) for name in HOSTS}, target="host-b")
    assert table(report) == [("host-b/db", "running", "unread", "10.87.2.10")]


async def test_a_host_without_the_helper_has_what_podman_lists() -> None:
    report = await read(hosts=(UNMANAGED,))
    assert table(report) == [("host-a/web", "running", "1/1", "10.87.1.10"), ("host-a/api", "running", "1/1", "10.87.1.11")]
    assert {str(cell(report, row, "image").value) for row in report.rows} == {WEB.image}


async def test_a_helper_that_may_be_used_and_does_not_answer_is_a_finding() -> None:
    fault = ActionFailed(HELPER, code="absent", maybe_ran=False)
    report = await read({"host-a": Wsl2((WEB, API), helper=fault, allocated=fault)}, target="host-a")
    assert str(report.summary) == "2 of 2 containers run. Problems: helper not usable on host-a"
    assert findings(report) == [("medium", "host-a", "helper", None)]


async def test_containers_that_a_suspension_stopped_are_no_problem() -> None:
    stopped = listed("db", None, state="exited", exit_code=143)
    suspension = Suspension(
        number=1,
        host="host-b",
        reason="new disk",
        owner="U1",
        operation="op1",
        since=NOW,
        containers=(RememberedContainer(id=DB.id, name="db"),),
    )
    registries = {name: registry(*REGISTERED[:2]) for name in ("host-a", "host-c")}
    report = await read(
        {"host-b": Wsl2((stopped,))},
        {**registries, "host-b": Unreachable(LATE)},
        suspensions={"host-b": suspension},
    )
    assert str(report.summary) == "2 of 3 containers run, the others are stopped on purpose"
    assert table(report)[-1] == ("host-b/db", "stopped", "None", "")
    assert report.findings == ()
    assert "new disk" in str(report.sections[0].lines[0])


async def test_a_source_that_is_kept_after_its_move_is_no_problem() -> None:
    source = listed("db", None, state="exited", exit_code=143)
    words = f"container remove host-b/{DB.id}"
    note = OwedNote(number=1, host="host-b", words=words, matter=Matter.CHANGE, since=NOW)
    view = make_view({"host-b": Wsl2((source,))}, {name: registry(*REGISTERED[:2]) for name in HOSTS})
    report = await ContainerOverview().read(replace(view, owed=KnownOwed((note,))))
    assert str(report.summary) == "2 of 3 containers run, the others are stopped on purpose"
    assert str(cell(report, report.rows[-1], "status").text) == "stopped: moved away, kept for some days"


async def test_a_container_whose_name_commands_do_not_take_is_named_by_its_id() -> None:
    odd = Container(name="--all; $(id)", id=identify("odd"), state="exited", exit_code=1)
    report = await read({"host-a": Wsl2(further=(odd,))}, {name: registry() for name in HOSTS}, target="host-a")
    assert [each.next for each in report.findings] == [f"container show host-a/{odd.id[:12]}"]


async def test_hosts_without_wsl2_have_none() -> None:
    assert str((await read(target="lighthouse")).summary) == "no WSL2 connection configured on these hosts"
    assert str((await read(target="host-c")).summary) == "no containers on 1 host"
