"""Registrations of containers: what is made of the API's answers, and what the lab's gateway does as the real one."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.errors import ActionFailed, DeadlineExceeded, HostError
from adapters.gateway.action import HttpResponse
from adapters.gateway.containers import (
    FindContainer,
    ForgetContainer,
    ForgottenContainer,
    FoundContainer,
    PullContainers,
    PulledContainers,
    ReadRegistry,
    Registration,
    Registry,
)
from adapters.phrase import Phrase
from tests.adapters.gateway.conftest import Connect
from tests.lab.faults import Fault
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import GatewayState, Lua

AT = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
LATE = DeadlineExceeded(Phrase("too late"))
FORBIDDEN = HttpResponse(403, "<html><center><h1>403 Forbidden</h1></center></html>\r\n", date=AT)
ERROR_PAGE = HttpResponse(500, "<html><center><h1>500</h1></center></html>\r\n", date=AT)
NGINX_404 = HttpResponse(404, "<html><center><h1>404 Not Found</h1></center></html>\r\n", date=AT)


def page(said: Any, status: int = 200, at: datetime | None = AT) -> HttpResponse:
    return HttpResponse(status, json.dumps(said) + "\n", date=at)


STATUS = page(
    {"host_id": 1, "peer_count": 2, "peers": ["a", "b"], "sync_interval": 30, "sync_ttl": 300, "local_containers": 3}
)
WEB = {"id": "web-1", "ip": "10.87.1.10", "hostname": "web-1", "ports": {}, "hostId": 1, "ttl": 300}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param({}, (), id="{} for an empty list"),
        pytest.param([], (), id="an empty list"),
        pytest.param([WEB], (Registration(id="web-1", ip="10.87.1.10", hostname="web-1", host_id=1),), id="one"),
        pytest.param([{"id": 5, "ip": 7}], (Registration(id="5", ip="7"),), id="numbers, which the API takes"),
        pytest.param(
            [{"id": "a", "ip": "not-an-ip", "hostId": "2"}], (Registration(id="a", ip="not-an-ip", host_id=2),), id="2"
        ),
        pytest.param([{"id": "a", "ip": "b", "hostId": 255}], (Registration(id="a", ip="b"),), id="a host that cannot be"),
        pytest.param(
            [{"id": "a", "ip": "b", "hostId": {}, "hostname": []}], (Registration(id="a", ip="b"),), id="odd fields"
        ),
        pytest.param([{"id": "x" * 300, "ip": "b"}], (Registration(id="x" * 255, ip="b"),), id="an id without end"),
    ],
)
def test_a_list_of_registrations(listed: Any, expected: tuple[Registration, ...]) -> None:
    assert ReadRegistry().parse((page(listed), STATUS)) == Registry(registrations=expected, counted=3, interval=30, peers=2)


def test_the_list_counts_although_the_status_could_not_be_read() -> None:
    assert ReadRegistry().parse((page({}), LATE)) == Registry(registrations=())


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(page({"id": "web-1"}), id="one container instead of a list"),
        pytest.param(page([{"id": "a"}]), id="no address"),
        pytest.param(page([{"id": ["a"], "ip": "b"}]), id="an id that is a list"),
        pytest.param(page("x"), id="a text"),
        pytest.param(HttpResponse(200, "[" * 10_000), id="deep"),
        pytest.param(HttpResponse(200, ""), id="nothing"),
    ],
)
def test_a_list_that_cannot_be_read_is_no_empty_list(listed: HttpResponse) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (pydantic's own texts)
        ReadRegistry().parse((listed, STATUS))


@pytest.mark.parametrize("listed", [FORBIDDEN, ERROR_PAGE, NGINX_404, LATE])
def test_a_list_that_was_refused_is_an_error_of_the_host(listed: HttpResponse | HostError) -> None:
    with pytest.raises(HostError):
        ReadRegistry().parse((listed, STATUS))


@pytest.mark.parametrize("wrong", ["", "bad.id", "a/b", "../x", "x" * 129, "web 1", "ü", "web-1\n", "%2e", "a,b", "a;b"])
def test_an_id_that_would_give_the_whole_list_is_never_sent(wrong: str) -> None:
    with pytest.raises(ValidationError):
        ForgetContainer(id=wrong)
    with pytest.raises(ValidationError):
        FindContainer(id=wrong)


def test_an_id_travels_in_the_path() -> None:
    (request,) = ForgetContainer(id="web-1_A").build_requests()
    assert (request.method, request.path, dict(request.query)) == ("DELETE", "/api/containers/web-1_A", {})


GONE = page({"id": "web-1", "error": "container not found"}, 404)


@pytest.mark.parametrize(
    ("answer", "after", "returned", "expected"),
    [
        pytest.param(GONE, 35, True, FoundContainer(registered=False, settled=True), id="gone for long enough"),
        pytest.param(GONE, 34, True, FoundContainer(registered=False, settled=False), id="gone too short"),
        pytest.param(GONE, 0, False, FoundContainer(registered=False, settled=True), id="never came back"),
        pytest.param(page(WEB), 35, True, FoundContainer(registered=True, settled=True, ip="10.87.1.10"), id="it is back"),
    ],
)
def test_one_registration_is_looked_up_again(
    answer: HttpResponse, after: int, returned: bool, expected: FoundContainer
) -> None:
    find = FindContainer(id="web-1", since=int(AT.timestamp()) - after, returned=returned, settling=35)
    assert find.parse((answer,)) == expected


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(page([WEB]), id="the whole list"),
        pytest.param(page(WEB | {"id": "web-2"}), id="another container"),
        pytest.param(page({}), id="an empty list"),
        pytest.param(page(WEB, at=None), id="no time"),
    ],
)
def test_another_answer_proves_nothing(answer: HttpResponse) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        FindContainer(id="web-1", settling=35).parse((answer,))


@pytest.mark.parametrize("answer", [NGINX_404, FORBIDDEN, ERROR_PAGE, LATE])
def test_a_page_of_nginx_is_no_proof_that_a_registration_is_gone(answer: HttpResponse | HostError) -> None:
    with pytest.raises(HostError):
        FindContainer(id="web-1").parse((answer,))


@pytest.mark.parametrize(
    ("said", "before", "changed", "returned"),
    [
        pytest.param({}, False, True, True, id="it was there"),
        pytest.param({"note": "already deleted"}, False, False, False, id="it was not"),
        pytest.param({"note": "already deleted"}, True, False, True, id="it was at a gateway before"),
    ],
)
def test_a_deletion(said: dict[str, str], before: bool, changed: bool, returned: bool) -> None:
    answer = page({"success": True, "id": "web-1", **said})
    expected = ForgottenContainer(changed=changed, returned=returned, at=int(AT.timestamp()))
    assert ForgetContainer(id="web-1", returned=before).parse((answer,)) == expected


@pytest.mark.parametrize(
    ("answer", "maybe_ran"),
    [
        pytest.param(page({"success": False, "id": "web-1"}), True, id="no success"),
        pytest.param(page({"success": True, "id": "web-2"}), True, id="another one"),
        pytest.param(page({"error": "container ID required for DELETE"}, 400), False, id="refused"),
        pytest.param(FORBIDDEN, False, id="forbidden"),
        pytest.param(page({"error": "deregistration failed"}, 500), True, id="it failed"),
    ],
)
def test_a_deletion_that_was_not_done(answer: HttpResponse, maybe_ran: bool) -> None:
    with pytest.raises(ActionFailed) as caught:
        ForgetContainer(id="web-1").parse((answer,))
    assert caught.value.maybe_ran is maybe_ran


@pytest.mark.parametrize(
    ("success", "failure", "reason"),
    [
        (1, 1, "1 of 2 peers did not respond"),
        (0, 2, "2 of 2 peers did not respond"),
        (0, 0, "asked 0 of its 2 peers"),
        (3, 0, "asked 3 of its 2 peers"),
    ],
)
def test_a_pull_that_says_200_and_did_not_reach_all_peers_failed(success: int, failure: int, reason: str) -> None:
    answer = page({"action": "pull", "success_count": success, "failure_count": failure})
    with pytest.raises(ActionFailed, match=reason):
        PullContainers(peers=2).parse((answer,))


def test_a_pull_waits_for_each_peer_in_turn() -> None:
    assert [PullContainers(peers=count).time_limit for count in (1, 29)] == [10.0, 150.0]


# What follows is asked of the lab's gateway, which answers as the real one.


def post(server: GatewayServer, key: str, ip: str = "10.87.1.10") -> None:
    server.state.registrations.register({"id": key, "ip": ip, "hostId": 1})


async def test_a_ghost_comes_back_from_a_peer_that_missed_the_notice(connect: Connect, server: GatewayServer) -> None:
    other = GatewayServer(GatewayState.healthy(2, [1]), server.wire)
    server.find_peer = {"http://10.100.2.1:8080": other}.get
    for gateway in (server, other):
        post(gateway, "web-1")
    other.state.deaf = True
    connection = connect()
    forgotten = await connection.perform(ForgetContainer(id="web-1"))
    find = FindContainer(id="web-1", since=forgotten.at, settling=35)
    assert (await connection.perform(find)).registered is False
    server.state.elapse(35)
    assert await connection.perform(find) == FoundContainer(registered=True, settled=True, ip="10.87.1.10")


async def test_a_peer_that_hears_the_notice_forgets_as_well(connect: Connect, server: GatewayServer) -> None:
    other = GatewayServer(GatewayState.healthy(2, [1]), server.wire)
    server.find_peer = {"http://10.100.2.1:8080": other}.get
    for gateway in (server, other):
        post(gateway, "web-1")
    connection = connect()
    assert [True, False] == [(await connection.perform(ForgetContainer(id="web-1"))).changed for _ in range(2)]
    assert other.state.registrations.find("web-1") is None


async def test_an_id_that_is_part_of_another_is_found_and_never_listed(connect: Connect, server: GatewayServer) -> None:
    for key in ("web-1", "eb-1"):
        post(server, key)
    connection = connect()
    listed = await connection.perform(ReadRegistry())
    assert [each.id for each in listed.registrations] == ["web-1"]
    assert (await connection.perform(FindContainer(id="eb-1"))).registered is True


async def test_expired_registrations_are_counted_and_not_listed(connect: Connect, server: GatewayServer) -> None:
    for key in ("web-1", "db-1"):
        post(server, key)
        server.state.registrations.expire(key)
    listed = await connect().perform(ReadRegistry())
    assert (listed.registrations, listed.counted, listed.expired) == ((), 2, 2)


async def test_a_pull_says_200_whatever_became_of_the_peers(connect: Connect, server: GatewayServer) -> None:
    other = GatewayServer(GatewayState.healthy(2, [1]), server.wire)
    server.find_peer = {"http://10.100.2.1:8080": other}.get
    post(other, "web-1")
    with pytest.raises(ActionFailed, match="1 of 2 peers did not respond"):
        await connect().perform(PullContainers(peers=2))
    assert server.state.registrations.find("web-1") is not None
    server.state.peers = server.state.peers[:1]
    assert await connect().perform(PullContainers(peers=1)) == PulledContainers(success_count=1)


async def test_a_gateway_whose_start_failed_asks_no_peer(connect: Connect, server: GatewayServer) -> None:
    server.state.lua = Lua.INIT_FAILED
    with pytest.raises(ActionFailed, match="asked 0 of its 2 peers"):
        await connect().perform(PullContainers(peers=2))


async def test_a_gateway_that_is_broken_says_so(connect: Connect, server: GatewayServer) -> None:
    server.state.lua = Lua.BROKEN
    outcomes = await asyncio.gather(
        *(connect().perform(each) for each in (ReadRegistry(), FindContainer(id="a"), ForgetContainer(id="a"))),
        return_exceptions=True,
    )
    assert [ActionFailed] * 3 == [type(outcome) for outcome in outcomes]


async def test_a_registration_whose_deletion_was_cut_off_may_be_gone(connect: Connect, server: GatewayServer) -> None:
    post(server, "web-1")
    server.wire.fault = Fault.CLOSE
    with pytest.raises(HostError) as caught:
        await connect().perform(ForgetContainer(id="web-1"))
    assert caught.value.maybe_ran is True
    assert server.state.registrations.find("web-1") is None


def test_times_are_by_the_gateways_clock() -> None:
    find = FindContainer(id="web-1", since=int((AT + timedelta(hours=1)).timestamp()), settling=35)
    assert find.parse(
        (page({"id": "web-1", "error": "container not found"}, 404, AT + timedelta(hours=1, seconds=35)),)
    ).settled
