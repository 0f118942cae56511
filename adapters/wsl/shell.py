"""Shell line for a list of programs, and each program's result parsed from its frames.

Everything that varies is quoted by `shlex`. The line is plain POSIX and runs in `sh`, whatever the user's login shell is.
A frame with a fresh nonce stands before the first program and after each one, on standard output (with the exit code) and
on standard error. Output of a login script before the first frame is dropped. A frame begins with its own line end, so
output comes back byte for byte, with or without a final one.

Each program has a timeout on the host, because closing a channel ends nothing there. `timeout` sends TERM, then KILL.
The sudo of many releases cannot be signaled by its user, and `timeout` would wait for it forever. An outer `timeout` ends
that wait. So 124 and 137 both mean that a program was cut off, and a program of root may continue to run.
"""

import re
import shlex
from collections.abc import Sequence

from adapters.wsl.action import Argv, CompletedProgram

KILL_AFTER = 1.0
"""Seconds from TERM to KILL."""

ABANDON_AFTER = 2.0
"""Seconds from TERM to the end of waiting for a program that cannot be killed."""

_PREPARE = 'PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL'
"""Adds the folders of `ip` and `sysctl`, which ordinary users lack in PATH, and sets English messages."""


def build_shell_line(commands: Sequence[Argv], each: float, nonce: str) -> str:
    """Builds the line that runs `commands` in order, each for at most `each` seconds."""
    frame = f"printf '\\n%s %s\\n' {shlex.quote(nonce)} \"$?\"; printf '\\n%s\\n' {shlex.quote(nonce)} >&2"
    limit = (
        *("timeout", "--signal=KILL", f"{each + ABANDON_AFTER:g}"),
        *("timeout", "--signal=TERM", f"--kill-after={KILL_AFTER:g}", f"{each:g}"),
    )
    script = "\n".join([_PREPARE, frame, *(f"{shlex.join(limit + command)}; {frame}" for command in commands)])
    return shlex.join(("sh", "-c", script))


def has_ended(stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int) -> bool:
    """Returns whether the last frame has arrived on both streams."""
    return (
        len(_compile_stdout_frame(nonce).findall(stdout)) > programs
        and len(_compile_stderr_frame(nonce).findall(stderr)) > programs
    )


def parse_frames(
    stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int
) -> tuple[CompletedProgram, ...]:
    """Parses each program's result. Raises `ValueError` if there are too few or too many frames."""
    _, *pieces = _compile_stdout_frame(nonce).split(bytes(stdout))
    _, *errors = _compile_stderr_frame(nonce).split(bytes(stderr))
    codes, outputs = pieces[2::2], pieces[1:-1:2]
    if not len(codes) == len(outputs) == programs or len(errors) != programs + 1:
        raise ValueError("a frame is missing")
    return tuple(
        CompletedProgram(code=int(code), stdout=_decode_text(output), stderr=_decode_text(error), output=output)
        for code, output, error in zip(codes, outputs, errors[:-1], strict=True)
    )


def _compile_stdout_frame(nonce: str) -> re.Pattern[bytes]:
    return re.compile(rb"\n" + re.escape(nonce.encode()) + rb" ([0-9]{1,3})\n")


def _compile_stderr_frame(nonce: str) -> re.Pattern[bytes]:
    return re.compile(rb"\n" + re.escape(nonce.encode()) + rb"\n")


def _decode_text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")
