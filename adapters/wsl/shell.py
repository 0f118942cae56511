"""Shell lines, and each program's result parsed from its frames: for a list of programs, and for a stream.

Everything that varies is quoted by `shlex`. The line is plain POSIX and runs in `sh`, whatever the user's login shell is.
A frame with a fresh nonce stands before the first program and after each one, on standard output (with the exit code) and
on standard error. Output of a login script before the first frame is dropped. A frame begins with its own line end, so
output comes back byte for byte, with or without a final one.

Each program has a timeout on the host, because closing a channel ends nothing there. `timeout` sends TERM, then KILL.
The sudo of many releases cannot be signaled by its user, and `timeout` would wait for it forever. An outer `timeout` ends
that wait. So 124 and 137 both mean that a program was cut off, and a program of root may continue to run.

A stream is one program without a timeout, whose standard output is all that follows its frame. Its exit code is in the last
frame on standard error. It ends by itself once its channel is closed: its input ends, and what it writes fails.
"""

import shlex
from collections.abc import Sequence
from functools import lru_cache

from adapters.wsl.action import Argv, CompletedProgram

KILL_AFTER = 1.0
"""Seconds from TERM to KILL."""

ABANDON_AFTER = 2.0
"""Seconds from TERM to the end of waiting for a program that cannot be killed."""

BEAT, IDLE = ".", "-"
"""Lines on standard error by which the program of a stream says that it is at work, or that nothing happens in it."""

_PREPARE = 'PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL'
"""Adds the folders of `ip` and `sysctl`, which ordinary users lack in PATH, and sets English messages."""


def build_shell_line(commands: Sequence[Argv], each: float, nonce: str) -> str:
    """Builds the line that runs `commands` in order, each for at most `each` seconds."""
    frame = f"printf '\\n%s %s\\n' {shlex.quote(nonce)} \"$?\"; printf '\\n%s\\n' {shlex.quote(nonce)} >&2"
    script = "\n".join([_PREPARE, frame, *(f"{_quote_program(command, each)}; {frame}" for command in commands)])
    return shlex.join(("sh", "-c", script))


def build_stream_line(command: Argv, nonce: str) -> str:
    """Builds the line that runs one program for as long as its bytes come."""
    begin = f"printf '\\n%s\\n' {shlex.quote(nonce)}; printf '\\n%s\\n' {shlex.quote(nonce)} >&2"
    end = f"printf '\\n%s %s\\n' {shlex.quote(nonce)} \"$?\" >&2"
    return shlex.join(("sh", "-c", "\n".join([_PREPARE, begin, f"{shlex.join(command)}; {end}"])))


@lru_cache(maxsize=256)
def _quote_program(command: Argv, each: float) -> str:
    """Quotes a program with its timeouts. Cached, because the same few run on all hosts of a fleet."""
    limit = (
        *("timeout", "--signal=KILL", f"{each + ABANDON_AFTER:g}"),
        *("timeout", "--signal=TERM", f"--kill-after={KILL_AFTER:g}", f"{each:g}"),
    )
    return shlex.join(limit + command)


def has_ended(stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int) -> bool:
    """Returns whether the last frame has arrived on both streams."""
    begin, frame = _begin_stdout_frame(nonce), _build_stderr_frame(nonce)
    if stdout.count(begin) <= programs or stderr.count(frame) <= programs:
        return False
    return b"\n" in stdout[stdout.rfind(begin) + len(begin) :]


def parse_frames(
    stdout: bytes | bytearray, stderr: bytes | bytearray, nonce: str, programs: int
) -> tuple[CompletedProgram, ...]:
    """Parses each program's result. Raises `ValueError` if there are too few or too many frames."""
    _, *framed = bytes(stdout).split(_begin_stdout_frame(nonce))
    _, *errors = bytes(stderr).split(_build_stderr_frame(nonce))
    if not len(framed) == len(errors) == programs + 1:
        raise ValueError("a frame is missing")
    codes, outputs = zip(*map(_split_code, framed), strict=True)
    return tuple(
        CompletedProgram(code=code, stdout=_decode_text(output), stderr=_decode_text(error), output=output)
        for code, output, error in zip(codes[1:], outputs[:-1], errors[:-1], strict=True)
    )


def find_stream_begin(stdout: bytes | bytearray, nonce: str) -> int | None:
    """Returns where the bytes of a stream begin on standard output; None if its frame has not arrived."""
    frame = _build_stderr_frame(nonce)
    found = stdout.find(frame)
    return None if found < 0 else found + len(frame)


def parse_stream_end(stderr: bytes | bytearray, nonce: str) -> CompletedProgram:
    """Parses the result of a stream: its standard error without beats, and the last line of that as its standard output.

    Raises `ValueError` if a frame is missing.
    """
    _, begun, framed = bytes(stderr).partition(_build_stderr_frame(nonce))
    said, ended, code = framed.rpartition(_begin_stdout_frame(nonce))
    if not (begun and ended):
        raise ValueError("a frame is missing")
    number, _ = _split_code(code)
    lines = [line for line in _decode_text(said).splitlines() if line.strip() not in (BEAT, IDLE)]
    return CompletedProgram(code=number, stdout=lines[-1] if lines else "", stderr="\n".join(lines))


def has_beat(stderr: bytes) -> bool:
    """Returns whether a piece of a stream's standard error has a beat."""
    return BEAT.encode() in stderr.split(b"\n")


def _begin_stdout_frame(nonce: str) -> bytes:
    """Returns the beginning of a frame. The exit code of the program before it and a line end follow."""
    return b"\n" + nonce.encode() + b" "


def _build_stderr_frame(nonce: str) -> bytes:
    return b"\n" + nonce.encode() + b"\n"


def _split_code(framed: bytes) -> tuple[int, bytes]:
    """Splits what follows the beginning of a frame into the exit code and the next program's output."""
    code, end, output = framed.partition(b"\n")
    if not (end and code.isdigit() and len(code) <= 3):
        raise ValueError("a frame has no exit code")
    return int(code), output


def _decode_text(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")
