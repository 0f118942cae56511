"""The HTTP connection against the lab's gateway: what it does when all is well, and for everything that can go wrong."""

import asyncio
import gzip
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

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


class ForgetOnce(Forget):
    """A change that must not be sent twice."""

    repeatable: ClassVar[bool] = False


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


async def test_a_change_on_a_connection_that_died_meanwhile_may_have_run_and_is_not_sent_again(
    connect: Connect, stand_in: StandIn
) -> None:
    seen: list[bytes] = []

    def answer(request: bytes, _: int) -> bytes:
        seen.append(request.split()[0])
        return OK if len(seen) == 1 else b""

    connection = connect(url=stand_in(answer))
    assert await connection.perform(Ask()) == ("200",)
    with pytest.raises(OutcomeUnknown):
        await connection.perform(Pull())
    assert seen == [b"GET", b"POST"]


@pytest.mark.parametrize("unsafe", [ChangeByGet(), ForgetOnce()])
async def test_a_change_that_the_library_would_repeat_is_a_bug(
    unsafe: Pull, connect: Connect, server: GatewayServer
) -> None:
    with pytest.raises(TypeError, match="must not change by GET, nor by DELETE"):
        await connect().perform(unsafe)
    assert server.requests == 0


async def test_a_change_by_delete_that_may_be_repeated_is_sent_as_such(connect: Connect, stand_in: StandIn) -> None:
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

BROKEN: list[tuple[bytes, str]] = [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "Bad status line"),
    (b"HTTP/1.1 abc Fine\r\n\r\n", "Bad status line"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "Bad status line"),
    (HEAD + b"no colon\r\n\r\n", "Invalid header token"),
    (HEAD + b"X: a\0b\r\n\r\n", "Invalid HTTP header"),
    (HEAD + b"".join(b"X%d: a\r\n" % n for n in range(1000)) + b"\r\n", "Too many headers received"),
    (HEAD + b"X: " + b"a" * 10_000 + b"\r\n\r\n", "Got more than 8190 bytes"),
    (HEAD + b"Content-Length: -2\r\n\r\nOK", "Invalid character in Content-Length"),
    (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nOK", "Duplicate Content-Length"),
    (CHUNKED + b"zz\r\nOK\r\n", "Invalid character in chunk size"),
    (CHUNKED + b"2\r\nOKxx", "Expected LF after chunk data"),
]
"""What is no response, and what is said of it."""


@pytest.mark.parametrize(("response", "why"), BROKEN, ids=[repr(response[-30:]) for response, _ in BROKEN])
async def test_a_response_that_is_not_http_is_a_protocol_error_that_says_what_is_wrong(
    response: bytes, why: str, connect: Connect, stand_in: StandIn
) -> None:
    with pytest.raises(ProtocolError, match=f"is not HTTP or was cut short: {why}"):
        await connect(url=stand_in(lambda *_: response)).perform(Ask())


async def test_a_read_whose_response_was_broken_is_asked_again(connect: Connect, stand_in: StandIn) -> None:
    answers = iter([CHUNKED + b"zz\r\n", OK])
    assert await connect(url=stand_in(lambda *_: next(answers))).perform(Ask()) == ("200",)


async def test_a_connection_that_is_closed_without_a_response_is_said_to_be(connect: Connect, stand_in: StandIn) -> None:
    with pytest.raises(ProtocolError, match=r"cut short: connection closed\. Check"):
        await connect(url=stand_in(lambda *_: b"")).perform(Ask())


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
    "ClientConnectionError": (ProtocolError, True),
    "ClientConnectionResetError": (Unreachable, True),
    "ClientConnectorCertificateError": (HostIdentityError, False),
    "ClientConnectorDNSError": (Unreachable, False),
    "ClientConnectorError": (Unreachable, False),
    "ClientConnectorSSLError": (Unreachable, False),
    "ClientError": (ProtocolError, True),
    "ClientHttpProxyError": (Unreachable, False),
    "ClientOSError": (Unreachable, True),
    "ClientPayloadError": (ProtocolError, True),
    "ClientProxyConnectionError": (Unreachable, False),
    "ClientResponseError": (ProtocolError, True),
    "ClientSSLError": (Unreachable, False),
    "ConnectionTimeoutError": (DeadlineExceeded, False),
    "ContentTypeError": (ProtocolError, True),
    "InvalidURL": (ProtocolError, False),
    "InvalidUrlClientError": (ProtocolError, False),
    "InvalidUrlRedirectClientError": (ProtocolError, False),
    "NonHttpUrlClientError": (ProtocolError, False),
    "NonHttpUrlRedirectClientError": (ProtocolError, False),
    "RedirectClientError": (ProtocolError, True),
    "ServerConnectionError": (ProtocolError, True),
    "ServerDisconnectedError": (ProtocolError, True),
    "ServerFingerprintMismatch": (HostIdentityError, False),
    "ServerTimeoutError": (DeadlineExceeded, True),
    "SocketTimeoutError": (DeadlineExceeded, True),
    "TooManyRedirects": (ProtocolError, True),
    "UploadAbortedError": (ProtocolError, True),
    "WSServerHandshakeError": (ProtocolError, True),
}
"""Every client error that aiohttp exports: what it is for a read, and whether a change may have run."""

NOT_OF_A_REQUEST = {
    "BadContentDispositionHeader",
    "BadContentDispositionParam",
    "EofStream",
    "WSMessageTypeError",
    "WebSocketError",
}
"""Errors that aiohttp exports and that no request over HTTP raises: of multipart bodies, websockets and streams."""


def exported_errors() -> dict[str, type[Exception]]:
    members = {name: getattr(aiohttp, name) for name in aiohttp.__all__}
    return {name: member for name, member in members.items() if isinstance(member, type) and issubclass(member, Exception)}


def make_error(kind: type[Exception]) -> aiohttp.ClientError:
    """An error as aiohttp makes it, around the reason."""
    url = URL(SIDE.url)
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(ConnectionKey("192.0.2.11", 8080, True, True, None, None, None), ssl.SSLCertVerificationError("reason"))
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(ConnectionKey("192.0.2.11", 8080, False, True, None, None, None), OSError(None, "reason"))
    if issubclass(kind, aiohttp.ClientResponseError):
        request = aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url)
        return kind(request, (), message="reason")
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"known", b"another", "192.0.2.11", 8080)
    assert issubclass(kind, aiohttp.ClientError)
    return kind("reason")


def test_every_error_that_aiohttp_exports_has_a_meaning() -> None:
    """A new release with a new error must be looked at before it is used."""
    assert set(ERRORS) | NOT_OF_A_REQUEST == set(exported_errors())


@pytest.mark.parametrize(("name", "expected", "may_have_run"), [(name, *meaning) for name, meaning in ERRORS.items()])
def test_an_error_of_aiohttp_becomes_ours(name: str, expected: type[HostError], may_have_run: bool) -> None:
    error = make_error(exported_errors()[name])
    read, change = (map_http_error(error, SIDE, changes=changes) for changes in (False, True))
    assert (expected, False) == (type(read), read.maybe_ran)
    assert (OutcomeUnknown if may_have_run else expected, may_have_run) == (type(change), change.maybe_ran)
