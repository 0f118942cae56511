"""One shell line out of argument lists, and what each program left behind out of its frames.

Everything that varies is quoted by `shlex`. The line is plain POSIX and runs in `sh`, whatever
the user's login shell is. A frame with a fresh nonce stands before the first program and after
each one, on standard output (with the exit code) and on standard error; what a login script
prints before the first frame is nobody's output. A frame begins with its own line end, so output
comes back byte for byte, with or without a final one.

Each program has a far-side deadline, since closing a channel ends nothing over there. `timeout`
sends TERM, then KILL. The sudo of many releases cannot be signalled by its user, and `timeout`
would wait for it for ever: an outer `timeout` ends that waiting. So 124 and 137 both mean that a
program was cut off, and what runs as root may then run on.
"""

import re
import shlex
from collections.abc import Sequence

from adapters.wsl.action import Argv, Completed

KILL_AFTER = 1.0
"""Seconds from TERM to KILL."""

LEAVE_AFTER = 2.0
"""Seconds from TERM to the end of waiting for a program that cannot be killed."""

_PREPARE = 'PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL'
"""`ip` and `sysctl` lie where ordinary users do not look; messages are in English."""


def shell_line(commands: Sequence[Argv], each: float, nonce: str) -> str:
    """The line that runs `commands` in order, each for at most `each` seconds."""
    frame = f"printf '\\n%s %s\\n' {shlex.quote(nonce)} \"$?\"; printf '\\n%s\\n' {shlex.quote(nonce)} >&2"
    limit = (
        *("timeout", "--signal=KILL", f"{each + LEAVE_AFTER:g}"),
        *("timeout", "--signal=TERM", f"--kill-after={KILL_AFTER:g}", f"{each:g}"),
    )
    script = "\n".join([_PREPARE, frame, *(f"{shlex.join(limit + command)}; {frame}" for command in commands)])
    return shlex.join(("sh", "-c", script))


def has_ended(stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int) -> bool:
    """Whether the last frame has come on both streams."""
    return len(_stdout_frame(nonce).findall(stdout)) > programs and len(_stderr_frame(nonce).findall(stderr)) > programs


def read_frames(stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int) -> tuple[Completed, ...]:
    """What each program left behind; a `ValueError` where a frame is missing or one too many."""
    _, *pieces = _stdout_frame(nonce).split(bytes(stdout))
    _, *errors = _stderr_frame(nonce).split(bytes(stderr))
    codes, outputs = pieces[2::2], pieces[1:-1:2]
    if not len(codes) == len(outputs) == programs or len(errors) != programs + 1:
        raise ValueError("a frame is missing")
    return tuple(
        Completed(code=int(code), stdout=_text(output), stderr=_text(error), output=output)
        for code, output, error in zip(codes, outputs, errors[:-1], strict=True)
    )


def _stdout_frame(nonce: str) -> re.Pattern[bytes]:
    return re.compile(rb"\n" + re.escape(nonce.encode()) + rb" ([0-9]{1,3})\n")


def _stderr_frame(nonce: str) -> re.Pattern[bytes]:
    return re.compile(rb"\n" + re.escape(nonce.encode()) + rb"\n")


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")
