"""WinRM of a lab host: the real protocol on loopback, PowerShell as a twin or as the real program.

It counts what a test may ask for: connections, requests by action, open shells, processes that were started.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from adapters.windows.powershell import HOST_IDLE_SECONDS, HOST_REQUESTS_LIMIT, build_command_line, build_resident_line
from tests.lab.faults import FLOOD, Fault, Wire
from tests.lab.holds import Hold, Holds, When
from tests.lab.line import Listener
from tests.lab.windows.http import HEAD_LIMIT, Answer, Connection, Door, TlsProtocol
from tests.lab.windows.powershell import Output, PowerShell, script_of, twin_powershell
from tests.lab.windows.shell import CODE_PAGES, Command, Shell
from tests.lab.windows.state import WindowsState
from tests.lab.windows.tls import Tls
from tests.lab.windows.wsman import (
    ACCESS_DENIED,
    BAD_INPUT,
    ENVELOPE_TOO_LARGE,
    NAMES,
    NOT_SUPPORTED,
    OPERATIONS_QUOTA,
    PROCESSES_QUOTA,
    SHELL_NOT_FOUND,
    SHELL_URI,
    SHELLS_QUOTA,
    Refused,
    Request,
    duration,
    fault_reply,
    reply,
)

COMMAND_LINE_LIMIT = 8_191
"""Characters of cmd.exe, which starts every command."""

ENDED_BY_POLICY = 0xC0000022
"""Exit code of a process that was not allowed to go on."""


@dataclass(frozen=True)
class Drop:
    """The connection ends once at this action: before it is carried out, or after it, before the answer."""

    action: str
    when: Literal["before", "after"]


@dataclass
class WinRmSettings:
    """How one lab host is set up; defaults are those of Windows Server 2022. Times in seconds."""

    user: str = "flatnet"
    password: str = "Lab-Passw0rd!"
    certificate_names: frozenset[str] = frozenset({"flatnet-bot"})
    basic: bool = True
    ntlm: bool = True
    administrator: bool = True
    max_shells: int = 30
    max_processes: int = 25
    max_operations: int = 1500
    max_envelope: int = 500 * 1024
    max_timeout: float = 60.0
    code_page: int = 437
    shell_idle: float = 7200.0
    connection_idle: float | None = None
    powershell_start: float = 0.0
    script_time: float = 0.0
    powershell: PowerShell = field(default_factory=twin_powershell)
    ends_residents: bool = False
    drops: list[Drop] = field(default_factory=list)


class WinRmServer:
    """One lab host's WinRM. `wire` may be changed while it runs, and so may `state` and `settings`."""

    def __init__(
        self,
        state: WindowsState,
        wire: Wire,
        settings: WinRmSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self.wire = wire
        self.settings = settings
        self.connections = 0
        self.requests: Counter[str] = Counter()
        self.processes = 0
        self._now = now
        self._monotonic = monotonic
        self._tls: Tls | None = None
        self._shells: dict[str, Shell] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._holds = Holds()
        self._guard: asyncio.TimerHandle | None = None
        self._listener = Listener(wire, self._connection)

    async def start(self, tls: Tls | None, port: int = 0) -> int:
        """Listen on loopback, over TLS where contexts are given; the port."""
        self._tls = tls
        self.wire.watchers.append(self._changed)
        return self._listener.start(port)

    async def stop(self) -> None:
        """End all connections, shells and commands."""
        if self._guard is not None:
            self._guard.cancel()
        self._listener.stop()
        self.wire.watchers.remove(self._changed)
        self._hang_up()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self.restart()

    def restart(self) -> None:
        """As when the service starts anew: no shell is left."""
        for shell in self._shells.values():
            shell.close()
        self._shells.clear()

    def end_processes(self) -> None:
        """End all that runs, as an operator does in the Task Manager; the shells do not notice."""
        for command in self._commands():
            command.kill()

    @property
    def tls(self) -> Tls:
        """The certificate that it shows; a server without TLS has none."""
        assert self._tls is not None
        return self._tls

    def show(self, tls: Tls) -> None:
        """Show another certificate from now on: another machine has taken the address, which knows no connection."""
        self._tls = tls
        self.restart()
        self._hang_up()

    @property
    def running(self) -> int:
        """Processes that run; those that were idle for too long have ended."""
        self._reap()
        return sum(command.running for command in self._commands())

    def _commands(self) -> list[Command]:
        return [command for shell in self._shells.values() for command in shell.commands.values()]

    def hold(self, script: str, when: When) -> Hold:
        """Hold the next request for that script, before its effect or before its answer."""
        return self._holds.add(script, when)

    @property
    def shells(self) -> int:
        """Open shells; those that were idle for too long are gone."""
        self._reap()
        return len(self._shells)

    def _changed(self) -> None:
        if self.wire.fault is Fault.IDENTITY:  # another machine has taken the address: it knows no connection
            self._hang_up()

    def _hang_up(self) -> None:
        for task in self._serving:
            task.cancel()

    def _connection(self) -> asyncio.Protocol:
        self.connections += 1
        reader = asyncio.StreamReader(limit=HEAD_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader, self._serve)
        if self._tls is None:
            return protocol
        context = self._tls.stranger if self.wire.fault is Fault.IDENTITY else self._tls.own
        return TlsProtocol(protocol, context)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        door = Door(
            handle=self._handle,
            lets_in=self._lets_in,
            basic=self.settings.basic,
            ntlm=self.settings.ntlm,
            idle_limit=self.settings.connection_idle,
        )
        task = asyncio.create_task(Connection(door, reader, writer).serve())
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def _lets_in(self, user: str, password: str | None) -> bool:
        if self.wire.fault is Fault.AUTHENTICATION:
            return False
        if password is None:
            return user == self.settings.user or user in self.settings.certificate_names
        return (user, password) == (self.settings.user, self.settings.password)

    async def _handle(self, user: str, message: bytes) -> Answer:
        if len(message) > self.settings.max_envelope:
            return Answer(500, fault_reply(ENVELOPE_TOO_LARGE, ""))
        try:
            request = Request.read(message)
        except Refused as refused:
            return Answer(500, fault_reply(refused.fault, ""))
        self.requests[request.action] += 1
        if self._dropped(request, "before"):
            return Answer(0, drop=True)
        try:
            answer = Answer(200, reply(request, await self._carry_out(user, request)))
        except Refused as refused:
            answer = Answer(500, fault_reply(refused.fault, request.message_id))
        if self._dropped(request, "after"):
            return Answer(0, drop=True)
        unfinished = self.wire.fault in (Fault.CLOSE, Fault.STALL, Fault.DRIP) and request.action == "Receive"
        return replace(answer, fault=self.wire.fault) if unfinished else answer

    def _dropped(self, request: Request, when: Literal["before", "after"]) -> bool:
        drop = Drop(request.action, when)
        if drop not in self.settings.drops:
            return False
        self.settings.drops.remove(drop)
        return True

    async def _carry_out(self, user: str, request: Request) -> str:
        self._reap()
        if request.action == "Create":
            return self._create(user, request)
        shell = self._shells.get(request.shell_id)
        if shell is None or shell.owner != user:
            raise Refused(SHELL_NOT_FOUND)
        shell.used_at = self._monotonic()
        match request.action:
            case "Command":
                return self._command(shell, request)
            case "Send":
                return self._send(shell, request)
            case "Receive":
                return await self._receive(shell, request)
            case "Signal":
                signal = request.body.find("rsp:Signal", NAMES)
                shell.end(None if signal is None else signal.get("CommandId"))
                return "<rsp:SignalResponse/>"
            case "Delete":
                shell.close()
                del self._shells[shell.id]
                return ""
            case _:
                raise Refused(NOT_SUPPORTED)

    def _create(self, user: str, request: Request) -> str:
        if not self.settings.administrator:
            raise Refused(ACCESS_DENIED)
        if sum(shell.owner == user for shell in self._shells.values()) >= self.settings.max_shells:
            raise Refused(SHELLS_QUOTA)
        idle = request.body.findtext("rsp:Shell/rsp:IdleTimeOut", "", NAMES)
        shell = Shell(
            owner=user,
            code_page=CODE_PAGES[int(request.options.get("WINRS_CODEPAGE", self.settings.code_page))],
            idle_limit=duration(idle) if idle else self.settings.shell_idle,
            used_at=self._monotonic(),
        )
        self._shells[shell.id] = shell
        return (
            f"<x:ResourceCreated><a:Address>http://127.0.0.1/wsman</a:Address><a:ReferenceParameters>"
            f'<w:ResourceURI>{SHELL_URI}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell.id}</w:Selector>'
            f"</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        )

    def _command(self, shell: Shell, request: Request) -> str:
        mine = [other for other in self._shells.values() if other.owner == shell.owner]
        if sum(other.operations for other in mine) >= self.settings.max_operations:
            raise Refused(OPERATIONS_QUOTA)
        if sum(other.running for other in shell.commands.values()) >= self.settings.max_processes:
            raise Refused(PROCESSES_QUOTA)
        line = request.body.findtext("rsp:CommandLine/rsp:Command", "", NAMES)
        command = shell.start(line, self._run)
        return f"<rsp:CommandResponse><rsp:CommandId>{command.id}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, shell: Shell, request: Request) -> str:
        for stream in request.body.iterfind("rsp:Send/rsp:Stream", NAMES):
            shell.command(stream.get("CommandId")).type(stream.text or "", end=stream.get("End") == "true")
        return "<rsp:SendResponse/>"

    async def _receive(self, shell: Shell, request: Request) -> str:
        wanted = request.body.find("rsp:Receive/rsp:DesiredStream", NAMES)
        if wanted is None:
            raise Refused(BAD_INPUT)
        command = shell.command(wanted.get("CommandId"))
        while self.wire.fault is Fault.HANG:
            await asyncio.sleep(0.2)
        limit = (min(request.envelope_size, self.settings.max_envelope) - 4096) * 3 // 4
        return await command.output(min(request.timeout, self.settings.max_timeout), limit)

    async def _run(self, line: str, command: Command) -> int:
        """What cmd.exe does with a command line; the only program here is PowerShell with the bootstrap."""
        request = await command.read_line()
        if len(f"cmd.exe /C {line}") > COMMAND_LINE_LIMIT:
            command.write(Output("", "The command line is too long.\r\n"))
            return 1
        if line not in (build_command_line(), build_resident_line()):
            program = line.partition(" ")[0]
            command.write(Output("", f"'{program}' is not recognized as an internal or external command.\r\n"))
            return 1
        await asyncio.sleep(self.settings.powershell_start)
        self.processes += 1
        if line == build_command_line():
            return await self._answer(request or b"", command)
        return await self._answer_many(request, command)

    async def _answer_many(self, request: bytes | None, command: Command) -> int:
        """PowerShell that stays; it ends by itself as `resident.ps1` does, and is ended by a policy."""
        for _ in range(HOST_REQUESTS_LIMIT):
            if request is None:
                return 0
            if self.settings.ends_residents:
                return ENDED_BY_POLICY
            code = await self._answer(request, command)
            if code not in (0, 1):
                return code
            command.waits_since = self._monotonic()
            request = await command.read_line()
            command.waits_since = None
        return 0

    async def _answer(self, request: bytes, command: Command) -> int:
        """Answer one request; the exit code of a process that did only this."""
        if self.wire.fault is Fault.FLOOD:
            command.write(Output("x" * FLOOD))
            return 0
        script = script_of(request)
        await self._holds.pass_by(script, "before")
        await asyncio.sleep(self.settings.script_time)
        output = await self.settings.powershell(request, self.state, self._now())
        self._settle()
        await self._holds.pass_by(script, "after")
        command.write(output)
        return output.code

    def _settle(self) -> None:
        """Have the host's guard do what is due, now and when the window of its change ends."""
        self.state.settle(self._now())
        if self._guard is not None:
            self._guard.cancel()
        change = self.state.change
        if change is not None and change.state == "applied":
            self._guard = asyncio.get_running_loop().call_later(change.left, self.state.elapse, change.left)

    def _reap(self) -> None:
        now = self._monotonic()
        for command in self._commands():
            if command.waits_since is not None and now - command.waits_since > HOST_IDLE_SECONDS:
                command.kill(0)
        for shell in [shell for shell in self._shells.values() if now - shell.used_at > shell.idle_limit]:
            shell.close()
            del self._shells[shell.id]
