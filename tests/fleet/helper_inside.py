"""Calls of the helper's verbs inside WSL2 as the bot's user: bytes go in and come out, and a call may be killed."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from adapters.wsl.action import CompletedProgram
from adapters.wsl.helper import HELPER
from tests.fleet.distribution import Distribution
from tests.fleet.space import PATIENCE

BEATS = (".", "-")


@dataclass(frozen=True)
class Called:
    """What came of a verb: its exit code, its bytes, and what it said on standard error but for its beats."""

    code: int
    output: bytes
    said: str

    @property
    def answer(self) -> Any:
        """The JSON object that a verb prints, or the count of a stream."""
        assert 0 == self.code, self
        return json.loads(self.said or self.output)

    def as_program(self) -> CompletedProgram:
        """Makes the program that the bot's actions parse."""
        return CompletedProgram(self.code, self.output.decode(), self.said)


def start(wsl: Distribution, *words: str) -> "subprocess.Popen[bytes]":
    """Starts a verb through sudo, with pipes to all of its ends."""
    pipe = subprocess.PIPE
    command = wsl.space.command("runuser", "-u", "flatnet", "--", "sudo", "-n", HELPER, *words)
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)


def call(wsl: Distribution, *words: str, given: bytes = b"") -> Called:
    """Runs a verb to its end."""
    return finish(start(wsl, *words), given)


def finish(started: "subprocess.Popen[bytes]", given: bytes = b"") -> Called:
    """Writes what is given, and waits for the end of a verb."""
    output, error = started.communicate(given, timeout=PATIENCE)
    lines = [line for line in error.decode().splitlines() if line not in BEATS]
    return Called(started.returncode, output, "\n".join(lines))


def assert_failed(called: Called, why: str) -> None:
    """Fails unless it failed, said why, and gave no count."""
    assert (6, True, False) == (called.code, why in called.said, '"sha256"' in called.said), called.said
