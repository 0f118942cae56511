"""The rules of one remote shell: reused and renewed, asked within the deadline, again only where that is safe.

A script may have begun once the last piece of stdin is on its way: the bootstrap waits for that
line. Until then nothing has run, whatever broke.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.errors import ActionFailed, AuthenticationFailed, HostError, HostIdentityError, ProtocolError, Unreachable
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from adapters.windows.fault_codes import OPERATIONS_USED_UP, doubted
from adapters.windows.powershell import pack, script_text, unpack

SHELL_IDLE_SECONDS = 600
"""Idle time-out of our shells on the host: clears what was leaked (a user may have 30)."""

SHELL_AGE_LIMIT = 3600.0
"""Seconds after which a shell is renewed; hosts end one after eight hours."""

SHELL_COMMANDS_LIMIT = 500
"""Commands after which a shell is renewed: a host counts a text shell's operations up to its quota, never down."""

TIDY_LIMIT = 3.0
"""Seconds for giving back a command or a shell; what is left on the host ends by the shell's idle time-out."""

PIECE = 250_000
"""Bytes of stdin in one message: 333 kB as base64, below MaxEnvelopeSizekb 500."""


class Wire(Protocol):
    """The messages of a remote shell at one host. Each fails with a `HostError` that says `maybe_ran=False`."""

    end: float
    """Monotonic time until which calls may last."""

    worked: bool
    """Whether the present connection has carried an answer."""

    def open_shell(self, idle_seconds: int) -> str: ...

    def start(self, shell: str) -> str: ...

    def send(self, shell: str, command: str, piece: bytes, last: bool) -> None: ...

    def receive(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        """stdout, stderr and whether the command has ended; nothing after a while without output."""

    def end_command(self, shell: str, command: str) -> None: ...

    def delete_shell(self, shell: str) -> None: ...

    def hang_up(self) -> None:
        """Close the connection; the next call makes a new one."""

    def cut(self) -> None:
        """End the connection under the thread that waits on it."""


@dataclass(frozen=True)
class _Call:
    """One action on its way: its line for stdin, until when, how long an answer, what may be done when that is lost."""

    line: bytes
    end: float
    output_limit: int
    changes: bool
    repeatable: bool

    def pieces(self) -> Iterator[tuple[bytes, bool]]:
        """stdin piece by piece, and whether it is the last."""
        for start in range(0, len(self.line), PIECE):
            yield self.line[start : start + PIECE], start + PIECE >= len(self.line)


class ShellSession:
    """The shell at one host; synchronous, see `adapters.windows.serial_executor.ThreadedSession`."""

    def __init__(self, wire: Wire, monotonic: Callable[[], float]) -> None:
        self._wire = wire
        self._monotonic = monotonic
        self._shell: str | None = None
        self._command: str | None = None
        self._sent = False
        self._given_up = False
        self._spoilt = False  # something may run in the shell that nobody waits for
        self._opened_at = self._used_at = monotonic()
        self._commands = 0

    def perform(self, action: WindowsAction[Any], nonce: str, end: float) -> Any:
        """The object that the action's script returned; a `HostError` where there is none before `end` (monotonic)."""
        line = pack(nonce, script_text(action.script), action.arguments())
        self._sent = False
        call = _Call(line, end, action.output_limit, changes=action.changes, repeatable=action.repeatable)
        stdout, stderr = self._carry_out(call)
        return unpack(stdout, nonce, action.output_limit, stderr)

    def tidy(self) -> None:
        """End the command that has answered, or the shell where one may still run."""
        self._wire.end = self._monotonic() + TIDY_LIMIT
        command, self._command = self._command, None
        if self._spoilt:
            self._delete_shell()
        elif self._shell is not None and command is not None:
            try:
                self._wire.end_command(self._shell, command)
            except HostError:
                self._wire.hang_up()
                self._shell = None

    def close(self) -> None:
        """Delete the shell and close the connection."""
        self._wire.end = self._monotonic() + TIDY_LIMIT
        self._delete_shell()
        self._wire.hang_up()

    def cut(self) -> None:
        """Make the thread that waits for this host fail at once, and not try again."""
        self._given_up = True
        self._wire.cut()

    def _carry_out(self, call: _Call, *, tries: int = 2) -> tuple[bytes, bytes]:
        try:
            return self._attempt(call)
        except HostError as failure:
            worth = tries > 1 and not self._given_up and self._worth_again(failure)
            self._spoil(failure)
            if not (worth and self._safe_again(call)):
                raise (doubted(failure) if self._sent and call.changes else failure) from failure.__cause__
        return self._carry_out(call, tries=tries - 1)

    def _attempt(self, call: _Call) -> tuple[bytes, bytes]:
        self._wire.end = call.end
        shell = self._ready_shell()
        self._command = command = self._wire.start(shell)
        self._commands += 1
        for piece, last in call.pieces():
            self._sent |= last
            self._wire.send(shell, command, piece, last)
        output = self._output(shell, command, call.output_limit)
        self._used_at = self._monotonic()
        return output

    def _ready_shell(self) -> str:
        """A shell that is neither used up nor so old that the host may have ended it."""
        now = self._monotonic()
        if now - self._used_at > SHELL_IDLE_SECONDS:
            self._shell = None
        elif now - self._opened_at > SHELL_AGE_LIMIT or self._commands >= SHELL_COMMANDS_LIMIT:
            self._delete_shell()
        if self._shell is None:
            self._shell = self._wire.open_shell(SHELL_IDLE_SECONDS)
            self._opened_at = self._used_at = now
            self._commands = 0
        return self._shell

    def _output(self, shell: str, command: str, limit: int) -> tuple[bytes, bytes]:
        stdout: list[bytes] = []
        stderr: list[bytes] = []
        size, done = 0, False
        while not done:
            out, err, done = self._wire.receive(shell, command)
            stdout.append(out)
            stderr.append(err)
            size += len(out) + len(err)
            if size > limit:
                raise ProtocolError(
                    Phrase(
                        "Windows answered with more than {n} bytes; log in as the bot's user and see what PowerShell prints",
                        n=limit,
                    )
                )
        return b"".join(stdout), b"".join(stderr)

    def _worth_again(self, failure: HostError) -> bool:
        """A connection broke that had worked, or only the shell was used up."""
        match failure:
            case Unreachable():
                return self._wire.worked
            case ActionFailed(code=code):
                return code == OPERATIONS_USED_UP
            case _:
                return False

    def _safe_again(self, call: _Call) -> bool:
        """Nothing has run, or it changes nothing, or it is over and may be repeated."""
        self._wire.end = min(call.end, self._monotonic() + TIDY_LIMIT)
        over = self._delete_shell()
        return not self._sent or not call.changes or (call.repeatable and over)

    def _spoil(self, failure: HostError) -> None:
        """After a failure neither connection nor shell is relied on; at a door that is shut to us nothing more is tried."""
        self._wire.hang_up()
        self._command = None
        if isinstance(failure, AuthenticationFailed | HostIdentityError):
            self._shell = None
        self._spoilt = self._shell is not None

    def _delete_shell(self) -> bool:
        """Whether the shell is gone for certain, and with it all that ran in it."""
        shell, self._shell, self._command, self._spoilt = self._shell, None, None, False
        if shell is None:
            return True
        try:
            self._wire.delete_shell(shell)
        except HostError:
            self._wire.hang_up()
            return False
        return True
