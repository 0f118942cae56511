"""SSH into WSL2: one kept connection per host, to a verified host only.

With `ssh_sessions` and `host_key` the only importer of asyncssh.

Only the key and the known hosts of the inventory count: no agent, no ~/.ssh, no password, no trust on first use. A refused
key is not offered again for a while, because sshd's PerSourcePenalties (OpenSSH 9.8) soon block every connection from the
bot's address.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncssh
from pydantic import SecretStr

from adapters.action import Action, Answer
from adapters.connection import Beat, Write
from adapters.error_text import describe_error, map_local_error
from adapters.errors import (
    ActionFailed,
    DeadlineExceeded,
    FlatnetError,
    HostError,
    HostIdentityError,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.inventory import WslSide
from adapters.phrase import Phrase
from adapters.term import FindTerm, find_no_term
from adapters.transfer import StreamCount
from adapters.wsl.action import CompletedProgram, WslAction
from adapters.wsl.key_cache import KeyCache, get_passphrase
from adapters.wsl.ssh_errors import (
    REFUSED_KEY_PAUSE,
    make_host_key_error,
    make_key_error,
    make_key_file_error,
    make_known_hosts_error,
    make_login_error,
    make_protocol_error,
    make_refused_key_error,
    make_session_error,
    make_unreachable_error,
)
from adapters.wsl.ssh_sessions import ConnectionDropped, Exchange, Session, StreamSession
from adapters.wsl.stream import StreamSink, StreamSource

MAX_CHANNELS = 8
"""Channels at once on one connection. sshd's MaxSessions is 10 unless configured."""

OPEN_TIMEOUT = 8.0
"""Seconds for connecting and logging in, which takes below one. A lost SYN is sent again after 1, 3 and 7 s. The timeout
leaves the last time for an answer, and is not longer, because a read of the whole fleet waits for its dead hosts."""

KEEPALIVE_INTERVAL = 10.0
"""Seconds of silence before a keepalive request. The third one without an answer ends the connection."""

CIPHERS = "^aes256-gcm@openssh.com,aes128-gcm@openssh.com"
"""Ciphers to try before all others of asyncssh. OpenSSH has had both since 6.2, and allows them unless configured otherwise.

They cost one call per packet, in hardware on most machines. asyncssh's first choice, ChaCha20-Poly1305, costs five.
"""

PinnedKeys = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]
"""Known hosts without a file: trusted keys, trusted CAs, revoked keys."""

CLOSE_TIMEOUT = 1.0
"""Seconds for an orderly disconnect."""


@dataclass(frozen=True)
class Timing:
    """Timing of a connection. `monotonic` counts seconds. `keepalive` is `KEEPALIVE_INTERVAL` except in tests."""

    monotonic: Callable[[], float] = time.monotonic
    keepalive: float = KEEPALIVE_INTERVAL


class SshConnection:
    """Connection to the WSL2 side of one host.

    `secret` returns the passphrase of an encrypted key by its name. `keys` are the files read so far, shared by connections
    that get the same object. `find_term` is asked for each action.
    """

    def __init__(
        self,
        side: WslSide,
        secret: Callable[[str], SecretStr],
        keys: KeyCache[asyncssh.SSHKey] | None = None,
        *,
        find_term: FindTerm = find_no_term,
        timing: Timing = Timing(),
    ) -> None:
        self._side = side
        self._secret = secret
        self._keys = KeyCache() if keys is None else keys
        self._find_term = find_term
        self._timing = timing
        self._line: asyncssh.SSHClientConnection | None = None
        self._opening: asyncio.Task[asyncssh.SSHClientConnection | HostError] | None = None
        self._slots = asyncio.Semaphore(MAX_CHANNELS)
        self._exchanges: set[asyncio.Task[None]] = set()
        self._refused_until = timing.monotonic()

    async def perform(self, action: Action[Answer]) -> Answer:
        """Runs the action's programs in one round trip."""
        if not isinstance(action, WslAction):
            raise TypeError(f"{type(action).__name__} is not for the WSL2 side")
        exchange = Exchange(action, self._build_input(action), self._find_term())
        try:
            async with asyncio.timeout(action.deadline):
                completed = await self._run_with_retry(exchange)
        except TimeoutError as error:
            raise DeadlineExceeded.after(action.deadline, maybe_ran=exchange.maybe_ran) from error
        try:
            answer: Answer = action.parse(completed)
        except (ValueError, OverflowError) as error:  # the latter by a number that no time or integer can hold
            raise ProtocolError(
                Phrase("could not parse the response from WSL2: {why}", why=describe_error(error)),
                maybe_ran=exchange.maybe_ran,
            ) from error
        return answer

    async def read_stream(self, action: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        """Runs a source, and writes its bytes as they come. Its end tells how many they were. It has no deadline."""
        if not isinstance(action, StreamSource):
            raise TypeError(f"{type(action).__name__} is no source of a stream")
        stream = await self._open_stream(StreamSession(action, beat, self._find_term()))
        try:
            while piece := await stream.read():
                await write(piece)
            return stream.parse_count()
        finally:
            stream.abort()

    async def write_stream(self, action: Action[StreamCount], pieces: AsyncIterator[bytes], beat: Beat) -> StreamCount:
        """Runs a sink, and gives it the bytes as they come. It has no deadline. If its program ends early, so does this."""
        if not isinstance(action, StreamSink):
            raise TypeError(f"{type(action).__name__} is no sink of a stream")
        stream = await self._open_stream(StreamSession(action, beat, self._find_term()))
        try:
            await stream.feed(pieces)
            return stream.parse_count()
        finally:
            stream.abort()

    async def aclose(self) -> None:
        """Disconnects, and aborts a connection that does not close in time."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening], timeout=CLOSE_TIMEOUT)
        line, self._line = self._line, None
        if line is None:
            return
        line.close()
        await asyncio.wait([asyncio.create_task(line.wait_closed())], timeout=CLOSE_TIMEOUT)
        line.abort()

    def _build_input(self, action: WslAction[Answer]) -> bytes:
        """Builds the standard input of an action. Raises `ActionFailed` if a secret is missing: nothing was sent."""
        try:
            return action.build_input(self._secret)
        except FlatnetError as error:
            raise ActionFailed(error.phrase, code="secret", maybe_ran=False) from error

    async def _run_with_retry(self, exchange: Exchange) -> tuple[CompletedProgram, ...]:
        """Runs the programs and returns their results. After a lost connection it retries once, if that is safe."""
        try:
            return await self._run_once(exchange)
        except ConnectionDropped as error:
            if exchange.maybe_ran:
                raise OutcomeUnknown(
                    Phrase("the SSH connection was lost before the response arrived. Check the host before retrying")
                ) from error
        try:
            return await self._run_once(Exchange(exchange.action, exchange.given, exchange.term))
        except ConnectionDropped as error:
            raise Unreachable(
                Phrase("the SSH connection dropped twice while reading the result. Check sshd and the WSL2 network")
            ) from error

    async def _run_once(self, exchange: Exchange) -> tuple[CompletedProgram, ...]:
        await self._start_channel(exchange)
        # Canceling this coroutine cancels `finished`, which aborts the channel.
        await exchange.finished
        return exchange.parse_results()

    async def _open_stream(self, stream: StreamSession) -> StreamSession:
        """Opens the channel of a stream. If a kept connection turns out to be lost, it opens another one, once."""
        for attempt in (stream, stream.renew()):
            await self._start_channel(attempt)
            if await attempt.wait_for_start():
                return attempt
        raise Unreachable(Phrase("the SSH connection was lost. Check sshd and the WSL2 network"))

    async def _start_channel(self, exchange: Session) -> None:
        line = await self._get_connection()
        task = asyncio.create_task(self._run_channel(line, exchange))
        self._exchanges.add(task)
        task.add_done_callback(self._exchanges.discard)

    async def _run_channel(self, line: asyncssh.SSHClientConnection, exchange: Session) -> None:
        """Runs the exchange on a channel. Occupies a slot for as long as the channel may exist, even after cancellation."""
        async with self._slots:
            if exchange.finished.done():
                return
            try:
                async with asyncio.timeout(exchange.action.deadline):
                    await line.create_session(lambda: exchange, exchange.command, encoding=None)
            except TimeoutError:  # sshd never confirmed the channel, so the slot would be held forever
                line.abort()
                self._line = None if self._line is line else self._line
                exchange.fail(ConnectionDropped())
            except (asyncssh.Error, OSError, ValueError) as error:
                lost = line.is_closed() or line is not self._line
                exchange.fail(ConnectionDropped() if lost else map_ssh_error(error, self._side))
            await asyncio.wait([exchange.finished])

    async def _get_connection(self) -> asyncssh.SSHClientConnection:
        """Returns the kept connection, or a new one. Concurrent callers share one attempt and its failure."""
        if self._line is not None and not self._line.is_closed():
            return self._line
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._connect())
        opened = await asyncio.shield(self._opening)
        if isinstance(opened, HostError):
            raise opened.with_traceback(None)
        return opened

    async def _connect(self) -> asyncssh.SSHClientConnection | HostError:
        if self._timing.monotonic() < self._refused_until:
            return make_refused_key_error(self._side)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                key, known_hosts = await asyncio.to_thread(self._load_credentials)
                self._line = await asyncssh.connect(
                    self._side.address,
                    self._side.port,
                    username=self._side.user,
                    client_keys=[key],
                    known_hosts=known_hosts,
                    preferred_auth=["publickey"],
                    encryption_algs=CIPHERS,
                    keepalive_interval=self._timing.keepalive,
                    keepalive_count_max=2,
                    # No settings of the machine that the bot runs on:
                    config=None,
                    agent_path=None,
                    x509_trusted_certs=None,
                    x509_trusted_cert_paths=[],
                    tunnel=None,
                    proxy_command=None,
                )
        except HostError as error:
            return error
        except (asyncssh.Error, OSError, ValueError) as error:
            if isinstance(error, asyncssh.PermissionDenied):
                self._refused_until = self._timing.monotonic() + REFUSED_KEY_PAUSE
            return map_ssh_error(error, self._side)
        return self._line

    def _load_credentials(self) -> tuple[asyncssh.SSHKey, asyncssh.SSHKnownHosts | PinnedKeys]:
        """Reads both files, in a thread: decrypting a key is slow on purpose. A host may be pinned to one key instead."""
        key = self._keys.read(self._side.key_file, get_passphrase(self._side, self._secret), asyncssh.read_private_key)
        pinned, file = self._side.host_key, self._side.known_hosts_file
        try:
            if pinned or file is None:
                return key, ([asyncssh.import_public_key(pinned)], [], [])
            return key, self._keys.read_known_hosts(file, asyncssh.read_known_hosts)
        except ValueError as error:
            if pinned:
                raise HostIdentityError(Phrase("the pinned host_key is not the public key of an SSH server")) from error
            raise HostIdentityError(
                Phrase("{file} is not a known_hosts file. Create it with ssh-keyscan", file=str(file))
            ) from error


def map_ssh_error(error: Exception, side: WslSide) -> HostError:
    """Maps an error of asyncssh or of the operating system to a `HostError`. Called only if nothing was sent."""
    if (local := map_local_error(error)) is not None:
        return local
    match error:
        case asyncssh.PermissionDenied():
            return make_refused_key_error(side)
        case asyncssh.HostKeyNotVerifiable():
            return make_host_key_error(side)
        case asyncssh.KeyImportError() | asyncssh.KeyEncryptionError():
            return make_key_error(side, describe_error(error))
        case asyncssh.ChannelOpenError():
            return make_session_error(side, describe_error(error))
        case asyncssh.ConnectionLost():
            return make_login_error(side)
        case TimeoutError():
            return DeadlineExceeded.after(OPEN_TIMEOUT)
        case OSError(filename=file) if file == str(side.key_file):
            return make_key_file_error(side, describe_error(error))
        case OSError(filename=file) if file == str(side.known_hosts_file):
            return make_known_hosts_error(side, describe_error(error))
        case OSError():
            return make_unreachable_error(side, describe_error(error))
        case _:
            return make_protocol_error(side, describe_error(error))
