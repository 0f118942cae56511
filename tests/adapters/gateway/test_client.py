"""The HTTP connection against the lab's gateway: what it does when all is well, and for everything that can go wrong."""

import asyncio
import gzip
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.action import Effect
from adapters.errors import DeadlineExceeded, HostError, HostIdentityError, OutcomeUnknown, ProtocolError, Unreachable
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.client import MAX_CONNECTIONS, HttpConnection, map_http_error
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


class ChangeByGet(Pull):
    """A change that looks like a read."""

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/sync/pull"),)


class Forget(Pull):
    """A change that does no harm if it is sent twice."""

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/containers/web-1", "DELETE"),)


class LongPull(Pull):
    """A change whose arguments make it longer."""

    deadline = 0.1

    @property
    def time_limit(self) -> float:
        return 10.0


class Dated(Ask):
    """Reads; the answer is when that was by the gateway's clock."""

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> tuple[str, ...]:
        return tuple(type(answer).__name__ if isinstance(answer, HostError) else str(answer.date) for answer in responses)


class Unreadable(Ask):
    """It takes its answer for a time, which this is not."""

    time: str

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> tuple[str, ...]:
        return (str(datetime.fromtimestamp(float(self.time), UTC)),)


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


@pytest.mark.parametrize("how", [Ask, HurriedAsk])
async def test_requests_that_are_given_up_leave_their_connections_to_later_ones(
    how: type[Ask], connect: Connect, server: GatewayServer
) -> None:
    """Canceled or late: as many as there are connections would otherwise block the gateway for good."""
    connection = connect()
    server.wire.fault = Fault.HANG
    async with asyncio.timeout(10):
        asking = [asyncio.create_task(connection.perform(how())) for _ in range(MAX_CONNECTIONS)]
        while server.requests < MAX_CONNECTIONS:
            await asyncio.sleep(0.01)
        if how is Ask:
            for task in asking:
                task.cancel()
        await asyncio.wait(asking)
        server.wire.fault = Fault.NONE
        assert await connection.perform(Ask()) == ("200",)


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


@pytest.mark.parametrize(("change", "method"), [(Pull(), b"POST"), (Forget(), b"DELETE")])
async def test_a_change_on_a_connection_that_died_meanwhile_may_have_run_and_is_not_sent_again(
    change: Pull, method: bytes, connect: Connect, stand_in: StandIn
) -> None:
    seen: list[bytes] = []

    def answer(request: bytes, _: int) -> bytes:
        seen.append(request.split()[0])
        return OK if len(seen) == 1 else b""

    connection = connect(url=stand_in(answer))
    assert await connection.perform(Ask()) == ("200",)
    with pytest.raises(OutcomeUnknown):
        await connection.perform(change)
    assert seen == [b"GET", method]


class InTwoSteps(Ask):
    """Asks further only if the first answer is late."""

    deadline = 1.5

    def build_further_requests(self, responses: Sequence[HttpResponse | HostError | None]) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/health"),) if responses == [None] else ()


async def test_an_action_may_ask_further_before_its_first_answer_is_given_up(connect: Connect, stand_in: StandIn) -> None:
    url = stand_in(lambda request, _: None if b"/api/sync" in request else OK)
    assert ("deadline", "200") == await connect(url=url).perform(InTwoSteps())


async def test_an_action_that_has_its_answer_asks_no_further(connect: Connect, server: GatewayServer) -> None:
    assert ("200",) == await connect().perform(InTwoSteps())
    assert 1 == server.requests


async def test_a_change_by_get_is_a_bug(connect: Connect, server: GatewayServer) -> None:
    with pytest.raises(TypeError, match="must not change by GET"):
        await connect().perform(ChangeByGet())
    assert server.requests == 0


async def test_a_change_by_delete_is_sent_as_such(connect: Connect, stand_in: StandIn) -> None:
    seen: list[bytes] = []

    def answer(request: bytes, _: int) -> bytes:
        seen.append(b" ".join(request.split()[:2]))
        return OK

    await connect(url=stand_in(answer)).perform(Forget())
    assert seen == [b"DELETE /api/containers/web-1"]


async def test_an_action_may_have_a_longer_limit_than_its_class(connect: Connect, server: GatewayServer) -> None:
    server.wire.latency = 0.3
    assert (await connect().perform(LongPull()))[0] in ("404", "200")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(b"Date: Sun, 29 Nov 2026 16:00:05 GMT\r\n", "2026-11-29 16:00:05+00:00", id="nginx's own"),
        pytest.param(b"Date: Sun, 29 Nov 2026 16:00:05 -0000\r\n", "None", id="no zone"),
        pytest.param(b"Date: yesterday\r\n", "None", id="not a date"),
        pytest.param(b"Date: Sun, 99 Nov 2026 16:00:05 GMT\r\n", "None", id="no such day"),
        pytest.param(b"", "None", id="none"),
    ],
)
async def test_the_time_of_an_answer_is_by_the_gateways_clock(
    header: bytes, expected: str, connect: Connect, stand_in: StandIn
) -> None:
    url = stand_in(lambda _, __: HEAD + header + b"Content-Length: 0\r\n\r\n")
    assert await connect(url=url).perform(Dated()) == (expected,)


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

BROKEN: list[bytes] = [
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"HTTP/1.1 abc Fine\r\n\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    HEAD + b"no colon\r\n\r\n",
    HEAD + b"X: a\0b\r\n\r\n",
    HEAD + b"".join(b"X%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
    HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    HEAD + b"Content-Length: -2\r\n\r\nOK",
    HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nOK",
    CHUNKED + b"zz\r\nOK\r\n",
    CHUNKED + b"2\r\nOKxx",
]
"""What is no response. What the library says of it may quote it, and so is not shown."""


@pytest.mark.parametrize("response", BROKEN, ids=[repr(response[-30:]) for response in BROKEN])
async def test_a_response_that_is_not_http_is_a_protocol_error(response: bytes, connect: Connect, stand_in: StandIn) -> None:
    with pytest.raises(ProtocolError, match=r"is not HTTP or was cut short: it does not follow the protocol\. Check"):
        await connect(url=stand_in(lambda *_: response)).perform(Ask())


async def test_a_banner_without_an_end_is_a_missing_answer(connect: Connect, stand_in: StandIn) -> None:
    """SSH waits for ours after its line, and a response could go on after it."""
    with pytest.raises(DeadlineExceeded):
        await connect(url=stand_in(lambda *_: b"SSH-2.0-OpenSSH_9.2\r\n")).perform(HurriedAsk())


async def test_a_read_whose_response_was_broken_is_asked_again(connect: Connect, stand_in: StandIn) -> None:
    answers = iter([CHUNKED + b"zz\r\n", OK])
    assert await connect(url=stand_in(lambda *_: next(answers))).perform(Ask()) == ("200",)


@pytest.mark.parametrize("response", [b"", HEAD + b"Content-Length: 9\r\n\r\nOK", CHUNKED + b"9\r\nOK", HEAD])
async def test_a_connection_that_is_closed_before_the_end_of_a_response_is_said_to_be(
    response: bytes, connect: Connect, hang_up: StandIn
) -> None:
    with pytest.raises(ProtocolError, match=r"cut short: connection closed\. Check"):
        await connect(url=hang_up(lambda *_: response)).perform(Ask())


async def test_cookies_are_not_kept(connect: Connect, stand_in: StandIn) -> None:
    seen: list[bytes] = []

    def answer(request: bytes, _: int) -> bytes:
        seen.append(request)
        return b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nOK"

    connection = connect(url=stand_in(answer).replace("127.0.0.1", "localhost"))  # of an address, no library keeps them
    assert [("200",)] * 2 == [await connection.perform(Ask()) for _ in range(2)]
    assert [False, False] == [b"cookie" in request.lower() for request in seen]


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


async def test_values_stay_values_in_the_query(connect: Connect, stand_in: StandIn) -> None:
    seen: list[str] = []

    def answer(request: bytes, _: int) -> bytes:
        seen.append(request.split()[1].decode())
        return OK

    assert await connect(url=stand_in(answer)).perform(Search()) == ("200",)
    asked = urlsplit(seen[0])
    assert ("/api/status", {"ip": ["../../x?y=1&z=#"]}) == (asked.path, parse_qs(asked.query, strict_parsing=True))


@pytest.mark.parametrize("time", ["soon", "1e300", "nan"])
async def test_an_answer_that_cannot_be_parsed_is_a_protocol_error(connect: Connect, time: str) -> None:
    with pytest.raises(ProtocolError, match="could not parse the gateway's response"):
        await connect().perform(Unreadable(time=time))


async def test_an_unknown_certificate_is_another_identity(connect: Connect, self_signed: Path) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(self_signed)
    stranger = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=trust)
    with pytest.raises(HostIdentityError, match="its certificate is self-signed"):
        await connect(url=f"https://127.0.0.1:{stranger.sockets[0].getsockname()[1]}").perform(Ask())
    stranger.close()


SIDE = GatewaySide(url="http://192.0.2.11:8080")

ERRORS: dict[str, tuple[type[HostError], bool]] = {
    "CloseError": (Unreachable, True),
    "ConnectError": (Unreachable, False),
    "ConnectTimeout": (DeadlineExceeded, False),
    "DecodingError": (ProtocolError, True),
    "HTTPError": (ProtocolError, True),
    "HTTPStatusError": (ProtocolError, True),
    "InvalidURL": (ProtocolError, False),
    "LocalProtocolError": (ProtocolError, True),
    "NetworkError": (Unreachable, True),
    "PoolTimeout": (DeadlineExceeded, False),
    "ProtocolError": (ProtocolError, True),
    "ProxyError": (Unreachable, False),
    "ReadError": (Unreachable, True),
    "ReadTimeout": (DeadlineExceeded, True),
    "RemoteProtocolError": (ProtocolError, True),
    "RequestError": (ProtocolError, True),
    "TimeoutException": (DeadlineExceeded, True),
    "TooManyRedirects": (ProtocolError, True),
    "TransportError": (ProtocolError, True),
    "UnsupportedProtocol": (ProtocolError, False),
    "WriteError": (Unreachable, True),
    "WriteTimeout": (DeadlineExceeded, True),
}
"""Every error of a request that httpx exports: what it is for a read, and whether a change may have run."""

NOT_OF_A_REQUEST = {
    "CookieConflict",
    "RequestNotRead",
    "ResponseNotRead",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
}
"""Errors that httpx exports for a wrong use of its own values. They are bugs."""


def exported_errors() -> dict[str, type[Exception]]:
    members = {name: getattr(httpx, name) for name in httpx.__all__}
    return {name: member for name, member in members.items() if isinstance(member, type) and issubclass(member, Exception)}


def make_error(kind: type[Exception]) -> httpx.HTTPError | httpx.InvalidURL:
    """An error as httpx makes it."""
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("GET", SIDE.url)
        return kind("reason", request=request, response=httpx.Response(500, request=request))
    assert issubclass(kind, httpx.HTTPError | httpx.InvalidURL)
    return kind("reason")


def test_every_error_that_httpx_exports_has_a_meaning() -> None:
    """A new release with a new error must be looked at before it is used."""
    assert set(ERRORS) | NOT_OF_A_REQUEST == set(exported_errors())


@pytest.mark.parametrize(("name", "expected", "may_have_run"), [(name, *meaning) for name, meaning in ERRORS.items()])
def test_an_error_of_httpx_becomes_ours(name: str, expected: type[HostError], may_have_run: bool) -> None:
    error = make_error(exported_errors()[name])
    read, change = (map_http_error(error, SIDE, changes=changes) for changes in (False, True))
    assert (expected, False) == (type(read), read.maybe_ran)
    assert (OutcomeUnknown if may_have_run else expected, may_have_run) == (type(change), change.maybe_ran)
