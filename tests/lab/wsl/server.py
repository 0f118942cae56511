"""sshd of a lab host: the real protocol by asyncssh, a simulated shell behind it.

Log-in by key only and MaxSessions as in OpenSSH; programs act on the `WslState`. A program that streams reads and writes the
channel itself (`tests.lab.wsl.streams`), with the flow control of SSH.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
from asyncssh.constants import OPEN_CONNECT_FAILED

from tests.lab.faults import DRIP_EVERY, FLOOD, Fault, Wire
from tests.lab.holds import Hold, When
from tests.lab.line import Listener
from tests.lab.wsl.shell import Shell
from tests.lab.wsl.state import WslState

MAX_SESSIONS = 10
"""OpenSSH's default; a session beyond it is refused."""

READERS = (" fill ", " containers create ", " ipam clean")
"""Verbs of programs that read all of their input before they begin."""

INPUT_LIMIT = 2 * 1024 * 1024
"""Bytes of input that a session keeps for its program. Beyond that, the other side waits."""


@dataclass(frozen=True)
class Keys:
    """The keys of a whole fleet: one host key for all members, the one that `Fault.IDENTITY` shows, the bot's own."""

    host: asyncssh.SSHKey
    impostor: asyncssh.SSHKey
    client: asyncssh.SSHKey

    @classmethod
    def generate(cls) -> "Keys":
        host, impostor, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
        return cls(host=host, impostor=impostor, client=client)

    def for_machine(self) -> "Keys":
        """The same with a host key that no other machine has."""
        return replace(self, host=asyncssh.generate_private_key("ssh-ed25519"))


@dataclass(frozen=True)
class Access:
    """What a bot needs to log in, as files."""

    key_file: Path
    known_hosts_file: Path


def write_access(folder: Path, keys: Keys, ports: list[int]) -> Access:
    """Write the bot's key (0600) and a known hosts file for these ports on 127.0.0.1 into `folder`."""
    access = Access(folder / "id_ed25519", folder / "known_hosts")
    access.key_file.touch(mode=0o600)
    access.key_file.write_bytes(keys.client.export_private_key())
    public = keys.host.export_public_key().decode().strip()
    access.known_hosts_file.write_text("".join(f"[127.0.0.1]:{port} {public}\n" for port in ports))
    return access


class SshServer:
    """One sshd on loopback. It counts connections, refused keys, lines that were run, sessions.

    While `confirms_sessions` is False it leaves every request for a session without a word (PAM hangs).
    """

    def __init__(self, state: WslState, wire: Wire, keys: Keys, *, max_sessions: int = MAX_SESSIONS) -> None:
        self.state = state
        self.wire = wire
        self.keys = keys
        self.max_sessions = max_sessions
        self.confirms_sessions = True
        self.connections = 0
        self.refusals = 0
        self.lines = 0
        self.sessions = 0
        self.most_sessions = 0
        self._listener = Listener(wire, self._connection)

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def accepted(self) -> int:
        """Connections of TCP, those too that were never spoken to."""
        return self._listener.accepted

    async def start(self, port: int = 0) -> int:
        return self._listener.start(port)

    async def stop(self) -> None:
        self._listener.stop()

    def hold(self, verb: str, when: When) -> Hold:
        """Hold the next call of a verb of the helper, such as "containers stop", before its effect or before its answer."""
        return self.state.holds.add(verb, when)

    def _connection(self) -> asyncio.Protocol:
        self.connections += 1
        options = asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Login(self),
            server_host_keys=[self.keys.impostor if self.wire.fault is Fault.IDENTITY else self.keys.host],
            server_version="OpenSSH_10.0p2 Debian-7+deb13u4",
            gss_host=None,
            encoding=None,
        )
        return asyncssh.SSHServerConnection(asyncio.get_running_loop(), options)


class _Login(asyncssh.SSHServer):
    """One connection: lets the bot's key in and opens sessions."""

    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return False

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        refused = self._server.wire.fault is Fault.AUTHENTICATION or key != self._server.keys.client.convert_to_public()
        self._server.refusals += refused
        return not refused

    def session_requested(self) -> "_Session | Awaitable[_Session]":
        if not self._server.confirms_sessions:
            return asyncio.get_running_loop().create_future()
        if self._server.sessions >= self._server.max_sessions:
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, "open failed")
        assert self._connection is not None
        return _Session(self._server, self._connection)


class _Session(asyncssh.SSHServerSession[bytes]):
    """One channel: runs one line and answers as the wire allows. It is the `Stream` of a program that streams."""

    def __init__(self, server: SshServer, connection: asyncssh.SSHServerConnection) -> None:
        self._server = server
        self._connection = connection
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self._line = ""
        self._given = bytearray()
        self._ended = asyncio.Event()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._server.sessions += 1
        self._server.most_sessions = max(self._server.most_sessions, self._server.sessions)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.sessions -= 1
        if self._task is not None:
            self._task.cancel()

    def shell_requested(self) -> bool:
        return False

    def exec_requested(self, command: str) -> bool:
        self._line = command
        self._server.lines += 1
        return True

    def session_started(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._answer())

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._given += data
        self._readable.set()
        if len(self._given) > INPUT_LIMIT and self._channel is not None:
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        self._ended.set()
        self._readable.set()
        return True  # the command goes on without input

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def read(self) -> bytes:
        """The next bytes of input; b"" at its end."""
        await self._readable.wait()
        await self._pass_wire()
        data = bytes(self._given)
        self._given.clear()
        assert self._channel is not None
        self._channel.resume_reading()
        if not self._ended.is_set():
            self._readable.clear()
        return data

    async def write(self, data: bytes) -> None:
        """Writes to standard output, once the reader has room."""
        await self._pass_wire()
        assert self._channel is not None
        self._channel.write(data)
        await self._writable.wait()

    async def complain(self, text: str) -> None:
        """Writes to standard error, once the reader has room."""
        await self._pass_wire()
        assert self._channel is not None
        self._channel.write_stderr(text.encode("utf-8", "surrogateescape"))
        await self._writable.wait()

    async def _pass_wire(self) -> None:
        """Goes on unless the wire is cut or silent."""
        if self._server.wire.fault is Fault.CLOSE:
            self._connection.abort()
        if self._server.wire.fault in (Fault.CLOSE, Fault.HANG, Fault.STALL):
            await asyncio.Event().wait()

    async def _answer(self) -> None:
        channel = self._channel
        assert channel is not None
        if any(verb in self._line for verb in READERS):
            await self._ended.wait()
        shell = Shell(self._server.state, bytes(self._given), self)
        code = await shell.run(self._line)
        # Logs are bytes that may be no UTF-8; they pass through programs as surrogates.
        stdout, stderr = ("".join(output).encode("utf-8", "surrogateescape") for output in (shell.stdout, shell.stderr))
        match self._server.wire.fault:
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.FLOOD:
                channel.write(b"x" * FLOOD)
            case Fault.CLOSE:
                channel.write(stdout[: len(stdout) // 2])
                self._connection.abort()
            case Fault.STALL:
                channel.write(stdout[: len(stdout) // 2])
                channel.write_stderr(stderr)
                await asyncio.Event().wait()
            case Fault.DRIP:
                while True:
                    channel.write(b" ")
                    await asyncio.sleep(DRIP_EVERY)
            case _:
                channel.write(stdout)
                channel.write_stderr(stderr)
                channel.exit(code)
