"""PowerShell programs that each answer many requests: one takes half a second to start, a request a tenth of that.

A request gets a runspace of its own in them (`shims/server.ps1`), so it finds nothing of the one before.
"""

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

SHIMS = Path(__file__).parent / "shims"

AT_ONCE = 2
"""PowerShell processes at a time: each takes one core and 100 MB."""

TIME_LIMIT = 60.0
"""Seconds for one request, on a machine that is busy with other tests."""

OPTIONS = ("-NoLogo", "-NoProfile", "-NonInteractive")


def environment() -> dict[str, str]:
    """What every PowerShell here is started with."""
    return os.environ | {
        "DOTNET_TieredPGO": "0",  # measures what it runs to compile it anew, which programs of a minute never earn back
        "NO_COLOR": "1",
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
        "POWERSHELL_UPDATECHECK": "Off",
        "PSModulePath": str(SHIMS),
    }


class Server:
    """One running PowerShell; for one thread at a time."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program, *OPTIONS, "-File", SHIMS / "server.ps1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
            encoding="utf-8",
        )

    def ask(self, request: Mapping[str, object]) -> str:
        """What that code writes to the console; `RuntimeError` where the program ended, or was ended, before."""
        ending = threading.Timer(TIME_LIMIT, self._process.kill)
        ending.start()
        try:
            stdin, stdout = self._pipes()
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            line = stdout.readline()
        finally:
            ending.cancel()
        if not line:
            raise RuntimeError("PowerShell ended in the middle of a request, or did not answer in time")
        answer: dict[str, str] = json.loads(line)
        return answer["stdout"]

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        for pipe in self._pipes():
            with suppress(BrokenPipeError):  # half a request is still in the buffer
                pipe.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


class Servers:
    """At most `AT_ONCE` of them, started when they are needed; may be used from several threads.

    Whoever runs a PowerShell beside them takes one of the `slots`.
    """

    def __init__(self, program: Path) -> None:
        self.program = program
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self._idle: list[Server] = []

    def ask(self, request: Mapping[str, object]) -> str:
        """What some code writes to the console; a server that failed is not asked again."""
        with self.slots:
            server = self._idle.pop() if self._idle else Server(self.program)
            try:
                said = server.ask(request)
            except BaseException:
                server.close()
                raise
            self._idle.append(server)
            return said

    def close(self) -> None:
        """End those that run."""
        while self._idle:
            self._idle.pop().close()
