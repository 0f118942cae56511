"""Certificates that real nebula-cert programs made, and what these programs say of them (README.md)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("1.9.3-v1", "1.10.3-v1", "1.10.3-v2")
"""nebula-cert's version and the certificates' version."""


@dataclass(frozen=True)
class Sample:
    """One file and what nebula-cert printed of it; `exit` is 0 where it took the file."""

    program: str
    name: str
    pem: str
    printed: str
    exit: int
    public_key: str

    def __str__(self) -> str:
        return f"{self.program} {self.name}"


def samples(kind: str) -> list[Sample]:
    """All samples of one kind: "certificates" or "broken"."""
    return [
        _sample(program, name, found)
        for program in PROGRAMS
        for name, found in json.loads((Path(__file__).parent / f"{program}.json").read_text("utf-8"))[kind].items()
    ]


def sample(program: str, name: str) -> Sample:
    """One good certificate."""
    (found,) = (one for one in samples("certificates") if (one.program, one.name) == (program, name))
    return found


def _sample(program: str, name: str, found: dict[str, Any]) -> Sample:
    exit_code = found.get("exit", 0 if found["printed"] else 1)
    return Sample(program, name, found["pem"], found["printed"], exit_code, found.get("public_key", ""))
