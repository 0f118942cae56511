"""The HTTP connection against the lab's gateway: what it does when all is well, and for everything that can go wrong."""

import asyncio
import gzip
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from adapters.action import Effect
from adapters.errors import DeadlineExceeded, HostError, HostIdentityError, OutcomeUnknown, ProtocolError, Unreachable
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.client import HttpConnection, map_http_error
from adapters.inventory import GatewaySide
from tests.adapters.gateway.conftest import Connect, StandIn
from tests.lab.faults import Fault
from tests.lab.gateway.server import GatewayServer


class Ask(GatewayAction[tuple[str, ...]]):
    """Reads; the answer is each one's status, or the kind of its failure."""

    deadline = 10.0
    output_limit = 100_000
    paths: tuple[str, ...] = ("/api/sync/status",)

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return tuple(HttpRequest(path) for path in self.paths)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> tuple[str, ...]:
        return tuple(answer.kind if isinstance(answer, HostError) else str(answer.status) for answer in responses)


class Timed(GatewayAction[tuple[float | None, ...]]):
    """Reads; the answer is how long each took."""

    deadline = 10.0
    output_limit = 100_000

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/health"),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> tuple[float | None, ...]:
        return tuple(None if isinstance(answer, HostError) else answer.seconds for answer in responses)


class HurriedAsk(Ask):
    """As `Ask`, for gateways that never answer."""

    deadline = 0.5


class Pull(Ask):
    """A change."""

    effect: ClassVar[Effect] = Effect.CHANGE

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/sync/pull", "POST"),)


class HurriedPull(Pull):
    """A change for gateways that never answer."""

    deadline = 1.0


class Unreadable(Ask):
    """Its answer is never what it expects."""

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> tuple[str, ...]:
        raise ValueError("not a number")


class Search(Ask):
    """A value that would be a path of its own, were it not a query parameter."""

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/status", query={"ip": "../../x?y=1&z=#"}),)


FAULTS: dict[Fault, type[HostError]] = {
    Fault.REFUSE: Unreachable,
    Fault.SWALLOW: DeadlineExceeded,
    Fault.HANG: DeadlineExceeded,
    Fault.GARBAGE: ProtocolError,
    Fault.FLOOD: ProtocolError,
    Fault.CLOSE: ProtocolError,
    Fault.STALL: DeadlineExceeded,
    Fault.DRIP: DeadlineExceeded,
}
"""What each fault of the wire comes to. Over plain HTTP, IDENTITY and AUTHENTICATION are answers like any other."""


def test_every_fault_of_the_wire_is_tried() -> None:
    assert set(Fault) - {Fault.NONE, Fault.IDENTITY, Fault.AUTHENTICATION} == set(FAULTS)


async def test_an_answer_says_how_long_it_took_by_the_clock_that_is_handed_in(server: GatewayServer) -> None:
    ticks = iter([100.0, 100.25])
    connection = HttpConnection(GatewaySide(url=f"http://127.0.0.1:{server.port}"), lambda: next(ticks))

    assert (0.25,) == await connection.perform(Timed())

    await connection.aclose()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_ends_within_the_deadline_and_passes(fault: Fault, connect: Connect, server: GatewayServer) -> None:
    connection = connect()
    assert await connection.perform(Ask()) == ("200",)
    server.wire.fault = fault
    async with asyncio.timeout(10):
        with pytest.raises(FAULTS[fault]) as caught:
            await connection.perform(HurriedAsk() if FAULTS[fault] is DeadlineExceeded else Ask())
    assert caught.value.maybe_ran is False
    server.wire.fault = Fault.NONE
    assert await connection.perform(Ask()) == ("200",)


async def test_of_a_flood_no_more_is_read_than_the_action_allows(connect: Connect, server: GatewayServer) -> None:
    server.wire.fault = Fault.FLOOD
    with pytest.raises(ProtocolError, match="100000"):
        await connect().perform(Ask())


async def test_requests_go_out_side_by_side(connect: Connect, server: GatewayServer) -> None:
    """All five arrive before any is answered."""
    server.wire.fault = Fault.HANG
    asking = asyncio.create_task(connect().perform(Ask(paths=("/api/health",) * 5)))
    async with asyncio.timeout(10):
        while server.requests < 5:
            await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


async def test_one_failed_request_does_not_hide_the_others(connect: Connect, stand_in: StandIn) -> None:
    """A page that hangs costs its own answer alone; only where all fail is the failure the answer."""

    class Both(Ask):
        deadline = 1.5

    url = stand_in(lambda request, _: None if b"/api/sync" in request else OK)
    asked = Both(paths=("/api/health", "/api/sync/status"))
    assert await connect(url=url).perform(asked) == ("200", "deadline")


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.STALL, Fault.DRIP, Fault.CLOSE, Fault.GARBAGE])
async def test_a_change_whose_answer_is_lost_may_have_run_and_is_not_sent_again(
    fault: Fault, connect: Connect, server: GatewayServer
) -> None:
    server.wire.fault = fault
    with pytest.raises(HostError) as caught:
        await connect().perform(HurriedPull() if FAULTS[fault] is DeadlineExceeded else Pull())
    assert caught.value.maybe_ran is True
    assert server.requests <= 1


async def test_a_change_that_was_refused_a_connection_did_not_run(connect: Connect, server: GatewayServer) -> None:
    server.wire.fault = Fault.REFUSE
    with pytest.raises(Unreachable) as caught:
        await connect().perform(Pull())
    assert caught.value.maybe_ran is False


async def test_a_read_on_a_connection_that_died_meanwhile_is_asked_again(connect: Connect, stand_in: StandIn) -> None:
    """nginx closes idle connections, and may do so just when we ask."""
    connection = connect(url=stand_in(lambda _, nth: OK if nth == 1 else b""))
    assert [("200",)] * 2 == [await connection.perform(Ask()) for _ in range(2)]


async def test_a_redirect_is_an_answer_and_is_not_followed(connect: Connect, stand_in: StandIn) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    assert await connect(url=stand_in(lambda *_: redirect)).perform(Ask()) == ("302",)


async def test_a_compressed_body_is_not_unpacked(connect: Connect, stand_in: StandIn) -> None:
    """A kilobyte could become a gigabyte."""
    bomb = gzip.compress(b"x" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    assert await connect(url=stand_in(lambda *_: head + bomb)).perform(Ask()) == ("200",)


async def test_proxies_of_the_environment_do_not_count(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await connect().perform(Ask()) == ("200",)


async def test_the_configured_proxy_is_asked_for_an_overlay_address(connect: Connect, server: GatewayServer) -> None:
    proxied = connect(url="http://10.100.1.1:8080", proxy=f"http://127.0.0.1:{server.port}")
    assert await proxied.perform(Ask()) == ("200",)
    assert server.requests == 1


async def test_values_stay_values_in_the_query(connect: Connect) -> None:
    assert await connect().perform(Search()) == ("200",)


async def test_an_answer_that_cannot_be_parsed_is_a_protocol_error(connect: Connect) -> None:
    with pytest.raises(ProtocolError, match="not a number"):
        await connect().perform(Unreadable())


async def test_an_unknown_certificate_is_another_identity(connect: Connect, self_signed: Path) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(self_signed)
    stranger = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=trust)
    with pytest.raises(HostIdentityError):
        await connect(url=f"https://127.0.0.1:{stranger.sockets[0].getsockname()[1]}").perform(Ask())
    stranger.close()


SIDE = GatewaySide(url="http://192.0.2.11:8080")

ERRORS: dict[str, tuple[type[HostError], bool]] = {
    "CloseError": (Unreachable, True),
    "ConnectError": (Unreachable, False),
    "ConnectTimeout": (DeadlineExceeded, False),
    "CookieConflict": (ProtocolError, True),
    "DecodingError": (ProtocolError, True),
    "HTTPError": (ProtocolError, True),
    "HTTPStatusError": (ProtocolError, True),
    "InvalidURL": (ProtocolError, False),
    "LocalProtocolError": (ProtocolError, False),
    "NetworkError": (Unreachable, True),
    "PoolTimeout": (DeadlineExceeded, False),
    "ProtocolError": (ProtocolError, True),
    "ProxyError": (Unreachable, False),
    "ReadError": (Unreachable, True),
    "ReadTimeout": (DeadlineExceeded, True),
    "RemoteProtocolError": (ProtocolError, True),
    "RequestError": (ProtocolError, True),
    "RequestNotRead": (ProtocolError, True),
    "ResponseNotRead": (ProtocolError, True),
    "StreamClosed": (ProtocolError, True),
    "StreamConsumed": (ProtocolError, True),
    "StreamError": (ProtocolError, True),
    "TimeoutException": (DeadlineExceeded, True),
    "TooManyRedirects": (ProtocolError, True),
    "TransportError": (ProtocolError, True),
    "UnsupportedProtocol": (ProtocolError, False),
    "WriteError": (Unreachable, True),
    "WriteTimeout": (DeadlineExceeded, True),
}
"""Every error that httpx exports: what it is for a read, and whether a change may have run."""


def exported_errors() -> dict[str, type[Exception]]:
    members = {name: getattr(httpx, name) for name in httpx.__all__}
    return {name: member for name, member in members.items() if isinstance(member, type) and issubclass(member, Exception)}


def test_every_error_that_httpx_exports_has_a_meaning() -> None:
    """A new release with a new error must be looked at before it is used."""
    assert set(ERRORS) == set(exported_errors())


@pytest.mark.parametrize(("name", "expected", "may_have_run"), [(name, *meaning) for name, meaning in ERRORS.items()])
def test_an_error_of_httpx_becomes_ours(name: str, expected: type[HostError], may_have_run: bool) -> None:
    kind = exported_errors()[name]
    error = kind.__new__(kind)
    error.args = ("reason",)
    read, change = (map_http_error(error, SIDE, changes=changes) for changes in (False, True))
    assert (expected, False) == (type(read), read.maybe_ran)
    assert (OutcomeUnknown if may_have_run else expected, may_have_run) == (type(change), change.maybe_ran)
