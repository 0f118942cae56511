"""Programs of a simulated WSL2 that stream: they read or write for as long as bytes come.

    programs ─ Ran(stream=program) ─▶ Shell ─▶ await program(stream) ─▶ exit code

A program ends a stream as the real helper does: beats on standard error while it works, one line of JSON at the end. A
channel that the bot closes cancels the program.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

BEAT = ".\n"


class Stream(Protocol):
    """Standard input, output and error of a program that runs."""

    async def read(self) -> bytes:
        """The next bytes of standard input; b"" at its end."""

    async def write(self, data: bytes) -> None:
        """Writes to standard output. Waits while the reader is slower."""

    async def complain(self, text: str) -> None:
        """Writes to standard error."""


StreamProgram = Callable[[Stream], Awaitable[int]]
"""A program that streams. Returns its exit code."""
