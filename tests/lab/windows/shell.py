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

Program = Callable[[str, bytes], Awaitable[Output]]
"""A command line and a line of stdin to what is left behind."""


class Command:
    """A running command. It begins once a line of stdin is there, as the bootstrap does."""

    def __init__(self, line: str, program: Program, code_page: str) -> None:
        self.id = _new_id()
        self._stdin = asyncio.Event()
        self._typed = bytearray()
        self._closed = False
        self._stdout = b""
        self._stderr = b""
        self._code: int | None = None
        self._code_page = code_page
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
        if end or b"\n" in self._typed[-2:]:
            self._stdin.set()

    def kill(self) -> None:
        self._task.cancel()

    async def output(self, timeout: float, limit: int) -> str:
        """The next output, at most `limit` bytes, as the body of a ReceiveResponse."""
        if self.running:
            await asyncio.wait([self._task], timeout=timeout)
            if self.running:
                raise Refused(TIMED_OUT)
        stdout, self._stdout = self._stdout[:limit], self._stdout[limit:]
        left = limit - len(stdout)
        stderr, self._stderr = self._stderr[:left], self._stderr[left:]
        streams = self._stream("stdout", stdout) + self._stream("stderr", stderr)
        if self._stdout or self._stderr:
            state = f'<rsp:CommandState CommandId="{self.id}" State="{STATE}/Running"/>'
        else:
            state = (
                f'<rsp:CommandState CommandId="{self.id}" State="{STATE}/Done">'
                f"<rsp:ExitCode>{self._code}</rsp:ExitCode></rsp:CommandState>"
            )
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"

    async def _run(self, line: str, program: Program) -> None:
        await self._stdin.wait()
        output = await program(line, bytes(self._typed))
        self._stdout = output.stdout.encode(self._code_page, "replace")
        self._stderr = output.stderr.encode(self._code_page, "replace")
        self._code = output.code

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
