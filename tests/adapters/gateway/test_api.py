"""What is made of the API's answers: its quirks, and what a broken gateway says."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import DeadlineExceeded, HostError
from adapters.gateway.action import HttpRequest, HttpResponse
from adapters.gateway.answers import UnusableAnswer
from adapters.gateway.api import GatewaySystem, ReadSystem, SyncStatus
from adapters.phrase import Phrase
from tests.adapters.gateway.conftest import Connect
from tests.lab.faults import Fault
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import Lua

OK = HttpResponse(200, "OK")
ERROR_PAGE = HttpResponse(500, "<html><center><h1>500</h1></center></html>\r\n")
FORBIDDEN = HttpResponse(403, "<html><center><h1>403 Forbidden</h1></center></html>\r\n")
LATE = DeadlineExceeded(Phrase("too late"))


def body(**fields: Any) -> HttpResponse:
    return HttpResponse(200, json.dumps(fields).replace("/", "\\/") + "\n")


SYNC = body(host_id=1, peer_count=1, peers=["http://10.100.2.1:8080"])
STATUS = body(status="running", stage="4", registry={"count": 3, "capacity": 10485760})
WELL = GatewaySystem(healthy=True, sync=SyncStatus(host_id=1, peers=("http://10.100.2.1:8080",)), status=None)


def read(
    health: HttpResponse | HostError = OK, sync: HttpResponse | HostError = SYNC, status: HttpResponse | HostError = STATUS
) -> GatewaySystem:
    return ReadSystem(every_page=True).parse((sync, health, status))


def test_a_healthy_gateway() -> None:
    assert read() == WELL


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(HttpResponse(200, "OK\n"), True, id="a line end"),
        pytest.param(HttpResponse(200, " OK "), True, id="white space"),
        pytest.param(HttpResponse(200, "ok"), False, id="another word"),
        pytest.param(HttpResponse(200, "<html>OK</html>"), False, id="a page"),
        pytest.param(HttpResponse(200, ""), False, id="nothing"),
        pytest.param(HttpResponse(302, ""), UnusableAnswer, id="a redirect"),
        pytest.param(HttpResponse(404, ""), UnusableAnswer, id="not found"),
        pytest.param(ERROR_PAGE, UnusableAnswer, id="an error page"),
        pytest.param(LATE, LATE, id="no answer"),
    ],
)
def test_health_is_ok_and_nothing_else(
    answer: HttpResponse | HostError, expected: bool | type[UnusableAnswer] | HostError
) -> None:
    system = read(health=answer)
    assert expected in (system.healthy, type(system.healthy))
    assert (WELL.sync, WELL.status) == (system.sync, system.status)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(body(host_id=1, peers={}), SyncStatus(host_id=1, peers=()), id="{} for no peers"),
        pytest.param(body(host_id=1, peers=[]), SyncStatus(host_id=1, peers=()), id="[] for no peers"),
        pytest.param(body(host_id="1", peers={}), SyncStatus(host_id=1, peers=()), id="host_id as text"),
        pytest.param(body(peers={}, peer_count=0), SyncStatus(host_id=None, peers=()), id="Lua's start failed"),
        pytest.param(body(host_id="one", peers={}), UnusableAnswer, id="host_id a word"),
        pytest.param(body(host_id=255, peers={}), UnusableAnswer, id="host_id that no host has"),
        pytest.param(body(host_id=1), UnusableAnswer, id="no peers at all"),
        pytest.param(body(host_id=1, peers={"a": "b"}), UnusableAnswer, id="peers an object"),
        pytest.param(body(host_id=1, peers=["x" * 300]), UnusableAnswer, id="a peer without end"),
        pytest.param(body(host_id=1, peers=["http://10.100.2.1:8080"] * 300), UnusableAnswer, id="too many peers"),
        pytest.param(HttpResponse(200, "[]"), UnusableAnswer, id="a list"),
        pytest.param(HttpResponse(200, "[" * 10_000), UnusableAnswer, id="deep"),
        pytest.param(HttpResponse(200, ""), UnusableAnswer, id="nothing"),
        pytest.param(HttpResponse(200, "<html></html>"), UnusableAnswer, id="a page"),
        pytest.param(ERROR_PAGE, UnusableAnswer, id="an error page"),
        pytest.param(LATE, LATE, id="no answer"),
    ],
)
def test_the_state_of_synchronisation(
    answer: HttpResponse | HostError, expected: SyncStatus | type[UnusableAnswer] | HostError
) -> None:
    system = read(sync=answer)
    assert expected in (system.sync, type(system.sync))
    assert (True, WELL.status) == (system.healthy, system.status)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(body(), None, id="an empty object"),
        pytest.param(body(registry={"count": "many"}), None, id="a count that is none"),
        pytest.param(HttpResponse(200, "[]"), UnusableAnswer, id="a list"),
        pytest.param(HttpResponse(200, "<html></html>"), UnusableAnswer, id="a page"),
        pytest.param(ERROR_PAGE, UnusableAnswer, id="an error page"),
        pytest.param(LATE, LATE, id="no answer"),
    ],
)
def test_the_status(answer: HttpResponse | HostError, expected: type[UnusableAnswer] | HostError | None) -> None:
    system = read(status=answer)
    assert expected in (system.status, type(system.status))
    assert (True, WELL.sync) == (system.healthy, system.sync)


@pytest.mark.parametrize(
    ("sync", "health", "expected"),
    [
        pytest.param(replace(SYNC, seconds=0.0123), replace(OK, seconds=9.0), 12, id="the first page"),
        pytest.param(HttpResponse(500, "", 0.5), LATE, 500, id="an error page, too"),
        pytest.param(LATE, replace(OK, seconds=0.25), 250, id="the first one that answered"),
        pytest.param(SYNC, OK, None, id="not measured"),
        pytest.param(LATE, LATE, None, id="no answer"),
    ],
)
def test_how_many_milliseconds_the_first_answer_took(
    sync: HttpResponse | HostError, health: HttpResponse | HostError, expected: int | None
) -> None:
    assert expected == read(health=health, sync=sync, status=LATE).answer_ms


def test_synchronization_that_runs_tells_all_of_a_healthy_gateway() -> None:
    assert WELL == ReadSystem().parse((SYNC,))


OTHERS = (HttpRequest("/api/health"), HttpRequest("/api/status"))


@pytest.mark.parametrize(
    ("action", "sync", "expected"),
    [
        pytest.param(ReadSystem(), SYNC, (), id="well"),
        pytest.param(ReadSystem(), body(peers={}), OTHERS, id="Lua's start failed"),
        pytest.param(ReadSystem(), ERROR_PAGE, OTHERS, id="an error page"),
        pytest.param(ReadSystem(), FORBIDDEN, OTHERS, id="address not allowed"),
        pytest.param(ReadSystem(), LATE, OTHERS, id="no answer"),
        pytest.param(ReadSystem(), None, OTHERS, id="not yet"),
        pytest.param(ReadSystem(every_page=True), FORBIDDEN, (), id="asked already"),
    ],
)
def test_the_other_pages_are_asked_for_where_something_is_off(
    action: ReadSystem, sync: HttpResponse | HostError | None, expected: tuple[HttpRequest, ...]
) -> None:
    assert expected == action.build_further_requests((sync,))


def test_an_answer_of_which_a_part_is_missing_can_be_kept_as_json() -> None:
    """What a proof saw goes into the audit log."""
    system = GatewaySystem(healthy=True, sync=DeadlineExceeded.after(8.0), status=None)
    kept = system.model_dump(mode="json")

    assert (True, None) == (kept["healthy"], kept["status"])
    assert DeadlineExceeded.after(8.0).phrase == Phrase.from_json(kept["sync"]["phrase"])


def test_an_address_that_is_not_allowed_is_told_from_a_gateway_that_is_ill() -> None:
    system = read(sync=FORBIDDEN, status=ERROR_PAGE)
    assert isinstance(system.sync, UnusableAnswer)
    assert isinstance(system.status, UnusableAnswer)
    assert (True, True, False) == (system.healthy, system.sync.forbidden, system.status.forbidden)


def set_to(**fields: Any) -> Callable[[GatewayServer], None]:
    def change(server: GatewayServer) -> None:
        for name, value in fields.items():
            setattr(server.state, name, value)

    return change


def fault(which: Fault) -> Callable[[GatewayServer], None]:
    return lambda server: setattr(server.wire, "fault", which)


PEERS = ("http://10.100.2.1:8080", "http://10.100.3.1:8080")

LAB: list[tuple[str, Callable[[GatewayServer], None], dict[str, object]]] = [
    ("healthy", set_to(), {"healthy": True, "sync": SyncStatus(host_id=1, peers=PEERS)}),
    ("host id as text", set_to(host_id_as_text=True), {"sync": SyncStatus(host_id=1, peers=PEERS)}),
    ("no peers", set_to(peers=[]), {"sync": SyncStatus(host_id=1, peers=())}),
    (
        "start failed",
        set_to(lua=Lua.INIT_FAILED),
        {"healthy": True, "sync": SyncStatus(host_id=None, peers=())},
    ),
    ("Lua broken", set_to(lua=Lua.BROKEN), {"healthy": True, "sync": UnusableAnswer, "status": UnusableAnswer}),
    ("foreign address", set_to(foreign=True), {"healthy": True, "sync": UnusableAnswer, "status": UnusableAnswer}),
    (
        "credentials refused",
        fault(Fault.AUTHENTICATION),
        {"healthy": True, "sync": UnusableAnswer, "status": UnusableAnswer},
    ),
    ("another host", fault(Fault.IDENTITY), {"sync": SyncStatus(host_id=2, peers=PEERS)}),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in LAB], ids=[case[0] for case in LAB])
async def test_the_system_of_a_lab_gateway(
    change: Callable[[GatewayServer], None], expected: dict[str, object], connect: Connect, server: GatewayServer
) -> None:
    change(server)
    system = await connect().perform(ReadSystem())
    for name, part in expected.items():
        value = getattr(system, name)
        assert part in (value, type(value))


@pytest.mark.parametrize(("lua", "expected"), [(Lua.WORKS, 1), (Lua.INIT_FAILED, 3), (Lua.BROKEN, 3)])
async def test_a_healthy_gateway_is_sent_one_request(
    lua: Lua, expected: int, connect: Connect, server: GatewayServer
) -> None:
    server.state.lua = lua
    await connect().perform(ReadSystem())
    assert expected == server.requests


async def test_a_health_page_that_says_something_else_is_seen_where_every_page_is_read(
    connect: Connect, server: GatewayServer
) -> None:
    server.state.health = "<html>"
    assert (await connect().perform(ReadSystem(every_page=True))).healthy is False


async def test_a_page_that_hangs_hides_no_other(connect: Connect, server: GatewayServer) -> None:
    class Hurried(ReadSystem):
        deadline = 1.5

    server.hold("/api/sync/status", "before")
    system = await connect().perform(Hurried())
    assert (True, DeadlineExceeded, None) == (system.healthy, type(system.sync), system.status)
