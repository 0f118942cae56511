"""What a program of a simulated WSL2 left behind."""

from dataclasses import dataclass

from tests.lab.wsl.streams import StreamProgram


@dataclass(frozen=True)
class Ran:
    """Exit code and both outputs. `hangs`: it does not end by itself. `stream`: it streams, and has its own exit code."""

    code: int = 0
    stdout: str = ""
    stderr: str = ""
    hangs: bool = False
    stream: StreamProgram | None = None
