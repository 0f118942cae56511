"""One lab host with WinRM and a real connection to it, for the tests of that road."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import SecretStr

from adapters.action import Effect
from adapters.errors import FlatnetError
from adapters.inventory import WindowsSide
from adapters.windows.action import WindowsAction
from adapters.windows.winrm import WinRmConnection
from tests.lab.faults import Wire
from tests.lab.windows.auth import ntlm_users
from tests.lab.windows.powershell import Asked, Output, twin_powershell
from tests.lab.windows.server import WinRmServer, WinRmSettings
from tests.lab.windows.state import WindowsState
from tests.lab.windows.tls import LIFETIME, Certificates, make_certificates

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

Road = Literal["ntlm over https", "ntlm over http", "basic over https", "certificate"]
ROADS: tuple[Road, ...] = ("ntlm over https", "ntlm over http", "basic over https", "certificate")


class Say(WindowsAction[Any]):
    """A read whose script the test's own PowerShell plays; `what` goes there."""

    script = "read-system"
    deadline = 10.0
    output_limit = 8_000_000

    what: Any = None

    def build_arguments(self) -> dict[str, Any]:
        return {"what": self.what}

    def parse(self, data: Any) -> Any:
        return data


class HurriedSay(Say):
    """As `Say`, for hosts that never answer."""

    deadline = 0.5


class Change(Say):
    """A change that may be repeated."""

    effect: ClassVar[Effect] = Effect.CHANGE


class ChangeOnce(Change):
    """A change that must not be made twice."""

    repeatable: ClassVar[bool] = False


class HurriedChange(ChangeOnce):
    """A change for hosts that never answer."""

    deadline = 1.0


@dataclass
class Clock:
    """Monotonic time that a test can move on."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def echo(asked: Asked) -> Output:
    """A script that gives back what it got."""
    return asked.returned(asked.arguments["what"])


@dataclass
class Reached:
    """A lab host and the connection to it; `runs` counts how often a script ran to its end.

    No test leaves a shell on the host, unless it says so because the host could not be told.
    """

    server: WinRmServer
    connection: WinRmConnection
    side: WindowsSide
    certificates: Certificates
    clock: Clock
    script: Callable[[Asked], Output] = echo
    runs: int = 0
    may_leave_a_shell: bool = False
    secrets_read: list[str] = field(default_factory=list)

    def play_twins(self) -> None:
        """Answer by the twins of the shipped scripts from now on."""
        self.settings.powershell = twin_powershell()

    @property
    def settings(self) -> WinRmSettings:
        return self.server.settings

    @property
    def wire(self) -> Wire:
        return self.server.wire


@asynccontextmanager
async def winrm_host(
    folder: Path,
    road: Road = "ntlm over https",
    *,
    name: str = "127.0.0.1",
    password: str | FlatnetError | None = None,
    server_lifetime: timedelta = LIFETIME,
    **side: Any,
) -> AsyncIterator[Reached]:
    """A healthy lab host and a connection that knows it; `side` overrides how the connection is set up.

    `password` is another than the right one, or why there is none.
    """
    certificates = make_certificates(folder, server_lifetime)
    clock = Clock()
    settings = WinRmSettings(powershell=lambda line, state, now: play(line))
    server = WinRmServer(WindowsState.healthy(1, "host-a"), Wire(), settings, now=lambda: NOON, monotonic=clock)

    async def play(line: bytes) -> Output:
        reached.runs += 1
        return reached.script(Asked.read(line))

    def secret(name: str) -> SecretStr:
        reached.secrets_read.append(name)
        if isinstance(password, FlatnetError):
            raise password
        return SecretStr(settings.password if password is None else password)

    with ntlm_users(folder, {settings.user: settings.password}), ThreadPoolExecutor(4) as pool:
        port = await server.start(None if road == "ntlm over http" else certificates.tls)
        known = WindowsSide.model_validate(_side(road, f"{name}:{port}", certificates) | side)
        connection = WinRmConnection(known, secret, pool, monotonic=clock)
        reached = Reached(server, connection, known, certificates, clock)
        try:
            yield reached
            await connection.aclose()
            assert reached.may_leave_a_shell or 0 == server.shells
        finally:
            await connection.aclose()
            await server.stop()


@asynccontextmanager
async def impostor(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """The URL of something that listens and speaks as `serve` does; all its connections end with it."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    tasks: list[asyncio.Task[None]] = []
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/wsman"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def _side(road: Road, address: str, certificates: Certificates) -> dict[str, Any]:
    tls = {"url": f"https://{address}/wsman", "ca_file": certificates.ca_file, "user": "flatnet"}
    match road:
        case "ntlm over https":
            return tls | {"transport": "ntlm"}
        case "ntlm over http":
            return {"url": f"http://{address}/wsman", "transport": "ntlm", "user": "flatnet", "allow_http": True}
        case "basic over https":
            return tls | {"transport": "basic"}
        case "certificate":
            files = {"certificate_file": certificates.client_file, "key_file": certificates.client_key_file}
            return tls | files | {"transport": "certificate", "user": ""}
