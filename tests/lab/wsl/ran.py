"""What a program of a simulated WSL2 left behind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """Exit code and both outputs. `hangs`: it does not end by itself."""

    code: int = 0
    stdout: str = ""
    stderr: str = ""
    hangs: bool = False
