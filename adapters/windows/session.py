"""Remote shell at one host: reused and renewed, used within the deadline, retried only if that is safe.

A script may have begun once the last piece of stdin is on its way, because the bootstrap waits for that line. Until then
nothing has run, whatever broke. A change has a process of its own. A read is answered by the process that stays, if this
host has one (`adapters.windows.resident`).
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    ProtocolError,
    Unreachable,
)
from adapters.phrase import Phrase
from adapters.windows.action import WindowsAction
from adapters.windows.powershell import FRAME_END, find_frame, pack_request, unpack_answer
from adapters.windows.resident import Pause, Resident
from adapters.windows.term import build_request, explain_older_term
from adapters.windows.winrm_errors import OPERATIONS_QUOTA, mark_in_doubt

SHELL_IDLE_SECONDS = 600
"""Idle timeout of the bot's shells on the host. It removes leaked ones (a user may have 30)."""

SHELL_AGE_LIMIT = 3600.0
"""Seconds after which a shell is renewed. Hosts end one after eight hours."""

SHELL_COMMANDS_LIMIT = 500
"""Commands and answers after which a shell is renewed. A host counts its operations up to their quota, never down."""

CLEANUP_TIMEOUT = 3.0
"""Seconds for ending a command or a shell. What remains on the host ends by the shell's idle timeout."""

PIECE_SIZE = 250_000
"""Bytes of stdin in one message: 333 kB as base64, below MaxEnvelopeSizekb 500."""


class ShellTransport(Protocol):
    """Messages of a remote shell at one host. Each fails with a `HostError` that has `maybe_ran=False`."""

    end: float
    """Monotonic time until which calls may last."""

    worked: bool
    """Returns whether the present connection has carried an answer."""

    def open_shell(self, idle_seconds: int) -> str:
        """Opens a shell with an idle timeout. Returns its id."""

    def start_command(self, shell: str) -> str:
        """Starts a process that runs one script. Returns the command's id."""

    def start_resident(self, shell: str) -> str:
        """Starts a process that stays and runs one script after another. Returns the command's id."""

    def send_input(self, shell: str, command: str, piece: bytes, last: bool) -> None:
        """Sends a piece of stdin to a command."""

    def receive_output(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        """Returns stdout, stderr and whether the command has ended. Returns nothing after a while without output."""

    def end_command(self, shell: str, command: str) -> None:
        """Ends a command."""

    def delete_shell(self, shell: str) -> None:
        """Deletes a shell with everything that runs in it."""

    def disconnect(self) -> None:
        """Closes the connection. The next call opens a new one."""

    def abort(self) -> None:
        """Ends the connection under the thread that waits for it."""


@dataclass(frozen=True)
class _Output:
    """Output of a process so far, and whether it has ended."""

    stdout: bytes
    stderr: bytes
    done: bool


@dataclass(frozen=True)
class _Call:
    """One action in progress: its line for stdin with its nonce, its end, and what decides about process and retry."""

    line: bytes
    nonce: str
    end: float
    output_limit: int
    changes: bool
    repeatable: bool

    def split_input(self) -> Iterator[tuple[bytes, bool]]:
        """Yields stdin piece by piece, and whether it is the last."""
        for start in range(0, len(self.line), PIECE_SIZE):
            yield self.line[start : start + PIECE_SIZE], start + PIECE_SIZE >= len(self.line)


class ShellSession:
    """Shell at one host; synchronous, see `adapters.windows.serial_executor.ThreadedSession`."""

    def __init__(self, transport: ShellTransport, monotonic: Callable[[], float], pause: Pause) -> None:
        self._transport = transport
        self._monotonic = monotonic
        self._pause = pause
        self._shell: str | None = None
        self._command: str | None = None  # to be ended once its answer was returned
        self._resident: Resident | None = None
        self._sent = self._sent_before = False
        self._aborted = False
        self._abandoned = False  # an abandoned command may still run in the shell
        self._opened_at = self._used_at = monotonic()
        self._commands = 0

    def perform(self, action: WindowsAction[Any], nonce: str, end: float, term: int = 0) -> Any:
        """Returns the object that the action's script returned. Raises `HostError` if none came before `end` (monotonic)."""
        line = pack_request(nonce, *build_request(action, term))
        self._sent = self._sent_before = False
        call = _Call(line, nonce, end, action.output_limit, changes=action.changes, repeatable=action.repeatable)
        output = self._run_with_retry(call)
        try:
            return unpack_answer(output.stdout, nonce, action.output_limit, output.stderr)
        except ActionFailed as failure:
            raise explain_older_term(failure, maybe_ran=self._sent_before) from failure.__cause__
        except ProtocolError:
            if self._command is None:  # the process that stays answered, and not one of its own
                self._distrust_resident()
            raise

    @property
    def is_clean(self) -> bool:
        """Returns whether nothing of the last call is left on the host, as after an answer of the process that stays."""
        return not self._abandoned and self._command is None

    def clean_up(self) -> None:
        """Ends the command that has answered and does not stay, or deletes the shell if one may still run."""
        self._transport.end = self._monotonic() + CLEANUP_TIMEOUT
        command, self._command = self._command, None
        if self._abandoned:
            self._delete_shell()
        elif self._shell is not None and command is not None:
            try:
                self._transport.end_command(self._shell, command)
            except HostError:
                self._transport.disconnect()
                self._shell = None

    def close(self) -> None:
        """Deletes the shell and closes the connection."""
        self._transport.end = self._monotonic() + CLEANUP_TIMEOUT
        self._delete_shell()
        self._transport.disconnect()

    def abort(self) -> None:
        """Makes the thread that waits for this host fail at once, without a retry."""
        self._aborted = True
        self._transport.abort()

    def _run_with_retry(self, call: _Call, *, tries: int = 2) -> _Output:
        """Runs a call, and retries it once if that is worth it and safe."""
        try:
            return self._attempt(call)
        except HostError as failure:
            worth = tries > 1 and not self._aborted and self._is_worth_retrying(failure)
            self._drop_connection(failure)
            if not (worth and self._prepare_retry(call)):
                raise (mark_in_doubt(failure) if self._sent and call.changes else failure) from failure.__cause__
        self._sent_before = self._sent
        return self._run_with_retry(call, tries=tries - 1)

    def _attempt(self, call: _Call) -> _Output:
        """Runs a call once: a read in the process that stays, or else in one of its own."""
        self._transport.end = call.end
        output = None if call.changes or not self._pause.is_over() else self._ask_resident(call)
        if output is None:
            output = self._run_alone(call)
        self._used_at = self._monotonic()
        return output

    def _run_alone(self, call: _Call) -> _Output:
        """Runs a call in a process of its own."""
        shell = self._ensure_shell()
        self._command = command = self._start_command(shell)
        self._commands += 1
        for piece, last in call.split_input():
            self._sent |= last
            self._transport.send_input(shell, command, piece, last)
        return self._collect_output(shell, command, call.output_limit)

    def _start_command(self, shell: str) -> str:
        """Starts a process for one call; in place of the one that stays, if the host refuses a second one."""
        try:
            return self._transport.start_command(shell)
        except ActionFailed as failure:
            if self._resident is None or failure.code == OPERATIONS_QUOTA:
                raise
        self._give_up_resident(shell)
        return self._transport.start_command(shell)

    def _ask_resident(self, call: _Call) -> _Output | None:
        """Has the process that stays answer a call. Returns nothing if none could be started, or it ended without an answer.

        It is kept only if its output is the answer and nothing more.
        """
        shell = self._ensure_shell()
        try:
            resident = self._ensure_resident(shell)
            for piece, _ in call.split_input():
                self._transport.send_input(shell, resident.command, piece, last=False)
        except ActionFailed as failure:
            if failure.code == OPERATIONS_QUOTA:
                raise
            self._give_up_resident(shell)
            return None
        output = self._collect_output(shell, resident.command, call.output_limit, FRAME_END)
        frame = find_frame(output.stdout, call.nonce)
        if frame is None and output.done:
            self._give_up_resident(shell)
            return None
        if frame is None:
            raise ProtocolError(Phrase("unexpected response format from PowerShell. Try again"))
        now = self._monotonic()
        self._resident = resident.count_answer(now)
        self._commands += 1
        self._pause.reset()
        if output.done or output.stdout[frame.end() :].strip() or not self._resident.is_usable(now):
            self._distrust_resident()
        return output

    def _ensure_resident(self, shell: str) -> Resident:
        now = self._monotonic()
        if self._resident is not None and not self._resident.is_usable(now):
            self._end_resident(shell)
        if self._resident is None:
            self._resident = Resident(self._transport.start_resident(shell), now)
            self._commands += 1
        return self._resident

    def _distrust_resident(self) -> None:
        """Has the process that stays ended after the answer was returned."""
        if self._resident is not None:
            self._command, self._resident = self._resident.command, None

    def _give_up_resident(self, shell: str) -> None:
        """Ends the process that stays. The host gets no other for a while."""
        self._pause.begin()
        self._end_resident(shell)

    def _end_resident(self, shell: str) -> None:
        resident, self._resident = self._resident, None
        if resident is not None:
            with suppress(ActionFailed):  # the host no longer knows it
                self._transport.end_command(shell, resident.command)

    def _ensure_shell(self) -> str:
        """Returns a shell that is neither used up nor so old that the host may have ended it."""
        now = self._monotonic()
        if now - self._used_at > SHELL_IDLE_SECONDS:
            self._shell = None
        elif now - self._opened_at > SHELL_AGE_LIMIT or self._commands >= SHELL_COMMANDS_LIMIT:
            self._delete_shell()
        if self._shell is None:
            self._shell = self._transport.open_shell(SHELL_IDLE_SECONDS)
            self._opened_at = self._used_at = now
            self._commands = 0
            self._resident = None
        return self._shell

    def _collect_output(self, shell: str, command: str, limit: int, until: bytes | None = None) -> _Output:
        """Collects output until the process has ended, or `until` stands in its stdout."""
        stdout: list[bytes] = []
        stderr: list[bytes] = []
        size, done, tail = 0, False, b""
        while not done and (until is None or until not in tail):
            out, err, done = self._transport.receive_output(shell, command)
            stdout.append(out)
            stderr.append(err)
            size += len(out) + len(err)
            if size > limit:
                raise ProtocolError(
                    Phrase(
                        "the response from Windows is larger than {n} bytes. Log in as the bot's user and check "
                        "PowerShell's output",
                        n=limit,
                    )
                )
            tail = tail[-len(until or out) :] + out
        return _Output(b"".join(stdout), b"".join(stderr), done)

    def _is_worth_retrying(self, failure: HostError) -> bool:
        """Returns whether a retry can help: a connection broke that had worked, or only the shell was used up."""
        match failure:
            case Unreachable():
                return self._transport.worked
            case ActionFailed(code=code):
                return code == OPERATIONS_QUOTA
            case _:
                return False

    def _prepare_retry(self, call: _Call) -> bool:
        """Deletes the shell. Returns whether a retry is safe: nothing ran, or it is a read, or it is over and repeatable."""
        self._transport.end = min(call.end, self._monotonic() + CLEANUP_TIMEOUT)
        is_over = self._delete_shell()
        return not self._sent or not call.changes or (call.repeatable and is_over)

    def _drop_connection(self, failure: HostError) -> None:
        """Drops the connection and distrusts the shell after a failure.

        Nothing more is sent to a host that refused the bot or failed its identity check. One on which a process that stays
        has failed with its first request gets no other for a while.
        """
        self._transport.disconnect()
        self._command = None
        is_first = self._resident is not None and not self._resident.answers
        if is_first and isinstance(failure, DeadlineExceeded | ProtocolError | ActionFailed):
            self._pause.begin()
        self._resident = None
        if isinstance(failure, AuthenticationFailed | HostIdentityError):
            self._shell = None
        self._abandoned = self._shell is not None

    def _delete_shell(self) -> bool:
        """Deletes the shell. Returns whether it is certainly gone, with all that ran in it."""
        shell, self._shell, self._command, self._abandoned = self._shell, None, None, False
        self._resident = None
        if shell is None:
            return True
        try:
            self._transport.delete_shell(shell)
        except HostError:
            self._transport.disconnect()
            return False
        return True
