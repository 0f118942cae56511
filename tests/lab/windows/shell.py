"""A remote shell of a lab host and the commands in it: stdin by pieces, output by pieces, one exit code."""

import asyncio
import base64
import binascii
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.lab.windows.powershell import Output
from tests.lab.windows.wsman import BAD_INPUT, COMMAND_NOT_FOUND, STDIN_CLOSED, TIMED_OUT, Refused

STATE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState"

CODE_PAGES = {437: "cp437", 850: "cp850", 932: "cp932", 1252: "cp1252", 65001: "utf-8"}

Program = Callable[[str, "Command"], Awaitable[int]]
"""Runs a command line with the stdin and stdout of a command; the exit code."""


class Command:
    """A running command: lines of stdin in, output out, piece by piece."""

    def __init__(self, line: str, program: Program, code_page: str) -> None:
        self.id = _new_id()
        self.waits_since: float | None = None
        """Monotonic time since when a process that stays waits for a request."""
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._typed = bytearray()
        self._closed = False
        self._stdout = b""
        self._stderr = b""
        self._code: int | None = None
        self._code_page = code_page
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run(line, program))

    @property
    def running(self) -> bool:
        return self._code is None

    def type(self, text: str, *, end: bool) -> None:
        """A piece of stdin in base64."""
        if self._closed or not self.running:
            raise Refused(STDIN_CLOSED)
        try:
            self._typed += base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise Refused(BAD_INPUT) from error
        self._closed = end
        *lines, rest = bytes(self._typed).split(b"\n")
        self._typed = bytearray(rest)
        for line in [*lines, rest] if end and rest else lines:
            self._lines.put_nowait(line + b"\n")
        if end:
            self._lines.put_nowait(None)

    async def read_line(self) -> bytes | None:
        """The next line of stdin; None at its end."""
        return await self._lines.get()

    def write(self, output: Output) -> None:
        """Add to what can be received."""
        self._stdout += output.stdout.encode(self._code_page, "replace")
        self._stderr += output.stderr.encode(self._code_page, "replace")
        self._news.set()

    def kill(self, code: int = 1) -> None:
        """End the process, with what it has not written yet."""
        self._task.cancel()
        self._end(code)

    async def output(self, timeout: float, limit: int) -> str:
        """The next output, at most `limit` bytes, as the body of a ReceiveResponse."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            raise Refused(TIMED_OUT) from None
        stdout, self._stdout = self._stdout[:limit], self._stdout[limit:]
        left = limit - len(stdout)
        stderr, self._stderr = self._stderr[:left], self._stderr[left:]
        streams = self._stream("stdout", stdout) + self._stream("stderr", stderr)
        more = bool(self._stdout or self._stderr)
        if more or self.running:
            if not more:
                self._news.clear()
            state = f'<rsp:CommandState CommandId="{self.id}" State="{STATE}/Running"/>'
        else:
            state = (
                f'<rsp:CommandState CommandId="{self.id}" State="{STATE}/Done">'
                f"<rsp:ExitCode>{self._code}</rsp:ExitCode></rsp:CommandState>"
            )
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"

    async def _run(self, line: str, program: Program) -> None:
        code = 1  # a failure of the lab itself must not look like a process that never ends
        try:
            code = await program(line, self)
        finally:
            self._end(code)

    def _end(self, code: int) -> None:
        self._code = code if self._code is None else self._code
        self._news.set()

    def _stream(self, name: str, data: bytes) -> str:
        if not data:
            return ""
        return f'<rsp:Stream Name="{name}" CommandId="{self.id}">{base64.b64encode(data).decode()}</rsp:Stream>'


@dataclass
class Shell:
    """A shell and what runs in it. `operations` is never counted down, as on Windows."""

    owner: str
    code_page: str
    idle_limit: float
    used_at: float
    id: str = field(default_factory=lambda: _new_id())
    commands: dict[str, Command] = field(default_factory=dict)
    operations: int = 0

    def command(self, command_id: str | None) -> Command:
        """The command of that id; `Refused` where there is none."""
        command = self.commands.get(command_id or "")
        if command is None:
            raise Refused(COMMAND_NOT_FOUND)
        return command

    def start(self, line: str, program: Program) -> Command:
        """A new command."""
        command = Command(line, program, self.code_page)
        self.operations += 1
        self.commands[command.id] = command
        return command

    def end(self, command_id: str | None) -> None:
        """End a command; one that is over already is no error."""
        command = self.commands.pop(command_id or "", None)
        if command is not None:
            command.kill()

    def close(self) -> None:
        """End all that runs here."""
        for command_id in tuple(self.commands):
            self.end(command_id)


def _new_id() -> str:
    return str(uuid.uuid4()).upper()
