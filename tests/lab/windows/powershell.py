"""PowerShell on a lab host: takes the bootstrap's line from stdin, runs the script, gives the framed answer.

Two ways to run it: a Python twin found by the script's text (fast), or the real program.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.lab.windows import twins
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError

PROGRESS = (
    "#< CLIXML\r\n"
    '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj S="progress" RefId="0">'
    '<TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN><MS>'
    '<PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC>'
    "<T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj></Objs>"
)
"""What PowerShell writes to stderr although nothing is wrong."""


@dataclass(frozen=True)
class Output:
    """What a program leaves behind; text leaves the host in the code page of the shell."""

    stdout: str
    stderr: str = ""
    code: int = 0


PowerShell = Callable[[bytes, WindowsState, datetime], Awaitable[Output]]
"""Answers one line of stdin on that host at that time."""


@dataclass(frozen=True)
class Asked:
    """A request as the bootstrap unpacks it."""

    nonce: str
    script: str
    arguments: dict[str, Any]

    @classmethod
    def read(cls, line: bytes) -> "Asked":
        document = json.loads(gzip.decompress(base64.b64decode(line.strip(), validate=True)))
        return cls(document["nonce"], document["script"], document["args"])

    @property
    def inner(self) -> "Asked":
        """The request that a term stands before; itself where none does."""
        if twins.known_scripts().get(self.script) != "with-term":
            return self
        return Asked(self.nonce, self.arguments["script"], self.arguments["args"])

    def framed(self, document: dict[str, Any]) -> str:
        """The line that the bootstrap writes."""
        packed = base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()
        return f"\r\n<<FLATNET:{self.nonce}:{packed}:END>>\r\n"

    def returned(self, data: Any) -> Output:
        return Output(self.framed({"ok": True, "data": data}), PROGRESS)

    def failed(self, error: ScriptError) -> Output:
        document = {"ok": False, "error": {"message": error.message, "type": error.type, "id": error.id}}
        return Output(self.framed(document), PROGRESS, code=1)


def script_of(line: bytes) -> str:
    """The name of the shipped script that a line of stdin asks for, behind a term, too; "" where it is none."""
    return twins.known_scripts().get(Asked.read(line).inner.script, "")


def twin_powershell() -> PowerShell:
    """Answers by the Python twins; what is no shipped script is no script here."""
    known = twins.known_scripts()

    async def run(line: bytes, state: WindowsState, now: datetime) -> Output:
        asked = Asked.read(line)
        try:
            return asked.returned(twins.answer(known[asked.script], asked.arguments, state, now))
        except ScriptError as error:
            return asked.failed(error)

    return run


def real_powershell(pwsh: Pwsh) -> PowerShell:
    """Answers by running the real program on the host's state."""

    async def run(line: bytes, state: WindowsState, now: datetime) -> Output:
        stdout = await asyncio.to_thread(pwsh.run, line, state, now)
        return Output(stdout.decode("utf-8", "replace").replace("\n", "\r\n"), PROGRESS)

    return run
