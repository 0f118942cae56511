"""HTTP under a lab host's WS-Man: one TCP connection with its log-in, its sealing and its faults."""

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.faults import DRIP_EVERY, Fault
from tests.lab.windows.auth import MUTUAL, SEALED, NtlmLogin, basic_credentials
from tests.lab.windows.wsman import IDENTIFY

HEAD_LIMIT = 65_536
BODY_LIMIT = 4_000_000

_REASONS = {
    200: "",
    400: "Bad Request",
    401: "",
    404: "Not Found",
    413: "Request Entity Too Large",
    500: "",
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `drop` ends the connection instead; `fault` (CLOSE, STALL, DRIP) is how it ends in the middle."""

    status: int
    body: bytes = b""
    drop: bool = False
    fault: Fault = Fault.NONE


@dataclass(frozen=True)
class Door:
    """Who is let in, and to what: the part of a host that a connection needs to know."""

    handle: Callable[[str, bytes], Awaitable[Answer]]
    lets_in: Callable[[str, str | None], bool]
    """Whether a user (of NTLM or a certificate: without a password) is let in."""
    basic: bool
    ntlm: bool
    idle_limit: float | None


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """One TCP connection to a lab host, from its first byte to its last."""

    def __init__(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._door = door
        self._reader = reader
        self._writer = writer
        self._ntlm = NtlmLogin()
        self._user: str | None = None

    async def serve(self) -> None:
        """Answer until one side ends it."""
        try:
            while await self._exchange():
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError, ValueError):
            pass  # the client has gone, or does not speak HTTP
        finally:
            self._writer.close()

    async def _exchange(self) -> bool:
        request = await self._read()
        if request.method != "POST" or request.path != "/wsman":
            return await self._respond(404)
        if request.headers.get("wsmanidentify", "").lower() == "unauthenticated":
            return await self._respond(200, IDENTIFY)
        if not await self._logged_in(request.headers.get("authorization", "")):
            return True
        if not request.body:
            return await self._respond(200)
        return await self._answer(request)

    async def _answer(self, request: _Request) -> bool:
        sealed = request.headers.get("content-type", "").startswith("multipart/encrypted")
        message = request.body
        if sealed:
            try:
                message = self._ntlm.unseal(request.body)
            except ValueError:
                return await self._respond(400)  # what Windows says of a message sealed for another connection
        elif not self._tls:
            return await self._respond(500)  # AllowUnencrypted is false
        assert self._user is not None
        answer = await self._door.handle(self._user, message)
        if answer.drop:
            return False
        body = self._ntlm.seal(answer.body) if sealed and answer.body else answer.body
        kind = f'multipart/encrypted;protocol="{SEALED}";boundary="Encrypted Boundary"' if sealed else None
        return await self._respond(answer.status, body, kind=kind, fault=answer.fault)

    async def _read(self) -> _Request:
        async with asyncio.timeout(self._door.idle_limit):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length") or 0)
        if length > BODY_LIMIT:
            await self._respond(413)
            raise ConnectionError("too long")
        return _Request(method, path, headers, await self._reader.readexactly(length))

    async def _logged_in(self, authorization: str) -> bool:
        """Whether the request is somebody's; where it is nobody's, that is said here."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() in ("ntlm", "negotiate") and self._door.ntlm:
            token = self._ntlm.step(value)
            if token is not None and not self._ntlm.complete:
                await self._respond(401, more=(f"WWW-Authenticate: {scheme} {token}",))
                return False
        user = self._who(scheme.lower(), value)
        if user is None:
            self._ntlm = NtlmLogin()
            offers = (("Negotiate", self._door.ntlm), ('Basic realm="WSMAN"', self._door.basic))
            await self._respond(401, more=tuple(f"WWW-Authenticate: {offer}" for offer, there in offers if there))
            return False
        self._user = user
        return True

    def _who(self, scheme: str, value: str) -> str | None:
        password: str | None = None
        if scheme == "basic" and self._door.basic and self._tls:
            user, password = basic_credentials(value)
        elif scheme == MUTUAL and self._tls:
            user = _common_name(self._writer.get_extra_info("peercert"))
        elif self._ntlm.complete:
            user = self._ntlm.user
        else:
            return None
        return user if self._door.lets_in(user, password) else None

    async def _respond(
        self,
        status: int,
        body: bytes = b"",
        *,
        kind: str | None = None,
        fault: Fault = Fault.NONE,
        more: tuple[str, ...] = (),
    ) -> bool:
        """Send an answer; whether the connection goes on."""
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *more, "Server: Microsoft-HTTPAPI/2.0"]
        if body:
            lines.append(f"Content-Type: {kind or 'application/soap+xml;charset=UTF-8'}")
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1")
        self._writer.write(head + (body if fault is Fault.NONE else body[: len(body) // 2]))
        await self._writer.drain()
        if fault is Fault.STALL:
            await self._reader.read()  # until the client goes
        while fault is Fault.DRIP and not self._reader.at_eof():
            self._writer.write(b" ")
            await asyncio.sleep(DRIP_EVERY)
        return fault is Fault.NONE

    @property
    def _tls(self) -> bool:
        return self._writer.get_extra_info("ssl_object") is not None


class TlsProtocol(asyncio.Protocol):
    """TLS between a line, which knows only bytes, and the protocol within."""

    def __init__(self, inner: asyncio.Protocol, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        self._tls = sslproto.SSLProtocol(loop, inner, context, loop.create_future(), server_side=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tls.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            room = self._tls.get_buffer(len(view))
            size = min(len(room), len(view))
            room[:size] = view[:size]
            self._tls.buffer_updated(size)
            view = view[size:]

    def eof_received(self) -> None:
        self._tls.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tls.connection_lost(exc)

    def pause_writing(self) -> None:
        self._tls.pause_writing()

    def resume_writing(self) -> None:
        self._tls.resume_writing()


def _common_name(certificate: Any) -> str:
    pairs = (pair for names in (certificate or {}).get("subject", ()) for pair in names)
    return next((str(value) for key, value in pairs if key == "commonName"), "")
