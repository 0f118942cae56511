"""One lab host's gateway, and connections to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.gateway.client import HttpConnection
from adapters.inventory import GatewaySide
from tests.lab.faults import Wire
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import GatewayState
from tests.lab.line import Listener

Connect = Callable[..., HttpConnection]
"""Makes a connection to the `server`; keyword arguments change its side."""

Answer = Callable[[bytes, int], bytes | None]
"""What a stand-in sends for a request, the nth on its connection: b"" hangs up, None never answers."""

StandIn = Callable[[Answer], str]
"""Starts something that is no gateway; its URL."""


@pytest.fixture
async def server() -> AsyncIterator[GatewayServer]:
    """The gateway of a healthy host 1, with hosts 2 and 3 as peers."""
    server = GatewayServer(GatewayState.healthy(1, [2, 3]), Wire())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(server: GatewayServer) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        def make(**changes: str) -> HttpConnection:
            connection = HttpConnection(GatewaySide.model_validate({"url": f"http://127.0.0.1:{server.port}"} | changes))
            stack.push_async_callback(connection.aclose)
            return connection

        yield make


class _StandIn(asyncio.Protocol):
    """`hang_up`: closes the connection behind each answer."""

    def __init__(self, answer: Answer, *, hang_up: bool = False) -> None:
        self._answer = answer
        self._hang_up = hang_up
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._requests += 1
        answer = self._answer(data, self._requests)
        if answer == b"":
            self._transport.close()
        elif answer is not None:
            self._transport.write(answer)
            if self._hang_up:
                self._transport.close()


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    with ExitStack() as stack:
        yield lambda answer: _start(stack, lambda: _StandIn(answer))


@pytest.fixture
async def hang_up() -> AsyncIterator[StandIn]:
    """A stand-in that closes the connection behind each answer."""
    with ExitStack() as stack:
        yield lambda answer: _start(stack, lambda: _StandIn(answer, hang_up=True))


def _start(stack: ExitStack, make: Callable[[], _StandIn]) -> str:
    listener = Listener(Wire(), make)
    stack.callback(listener.stop)
    return f"http://127.0.0.1:{listener.start()}"


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=36500)).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    file = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    file.write_bytes(pem)
    return file
