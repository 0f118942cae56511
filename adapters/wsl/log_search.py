"""Log search in WSL2: one constant Perl script finds the newest lines. The search criteria are its arguments.

Perl, because every Debian and Ubuntu has it (perl-base is essential), and one program replaces a pipeline. It reads a
gigabyte backwards in half a second of processor time, in constant memory for any line length, and stops at the start of
the search range. User input reaches it as data: Perl runs no code out of a pattern that comes as a value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, TypeAdapter

from adapters.errors import ActionFailed
from adapters.host_clock import CLOCK_HISTORY_DAYS, OFFSETS_LIMIT, Offset
from adapters.logs import (
    BYTES_LIMIT,
    LINE_READ_LIMIT,
    LINE_SEARCH_LIMIT,
    LINES_LIMIT,
    OPENING_LIMIT,
    SEARCHED_LINES_LIMIT,
    LogSearch,
    LogText,
    Truncation,
)
from adapters.phrase import Phrase
from adapters.wsl.action import Argv, CompletedProgram
from adapters.wsl.text_encoding import decode_lines

SEARCH_BUDGET = 7
"""Seconds after which the script answers with what it has found in files, and stops a program.

Actions that use it have longer timeouts, which end only a script that is busy with a single line.
"""


class ExitCode(IntEnum):
    """Exit codes of the script. Every other one is that of the program whose output it reads."""

    MISSING = 71
    DENIED = 72
    NO_FILE = 73
    OUTSIDE = 74
    PATTERN = 75
    SILENT = 76
    BROKEN = 77
    ABSENT = 78
    LATE = 79
    KILLED = 80


_NAME_BY_EXIT_CODE = {refusal.value: refusal.name.lower() for refusal in ExitCode}


@dataclass(frozen=True)
class LogProgram:
    """A program that prints a log, oldest line first.

    `most`: number of lines requested from it. `stamps`: it puts a time before each line, which is not searched.
    """

    argv: Argv
    most: int = SEARCHED_LINES_LIMIT
    stamps: bool = False


def build_search_command(search: LogSearch, *, file: str = "", about: str = "", program: LogProgram | None = None) -> Argv:
    """Builds the search command: lines of `file`, or of `program` if there is no file, that contain `about` in any case."""
    program = program or LogProgram(())
    question: Mapping[str, object] = {
        "budget": SEARCH_BUDGET,
        "tail": search.tail,
        "limit": BYTES_LIMIT,
        "looked": LINE_SEARCH_LIMIT,
        "width": LINE_READ_LIMIT,
        "most": program.most,
        "stamps": int(program.stamps),
        "days": CLOCK_HISTORY_DAYS,
        "about": about,
        "pattern": search.pattern,
        "fixed": int(search.fixed),
        "case": int(search.case),
    }
    places = {"file": file} if file else {}
    times = {name: at.timestamp() for name, at in (("since", search.since), ("until", search.until)) if at is not None}
    words = (f"{name}={value}" for name, value in {**question, **places, **times}.items())
    return ("perl", "-e", _load_script(), *words, *(("--", *program.argv) if program.argv else ()))


def count_lines_to_request(search: LogSearch, *, ends: bool) -> int:
    """Counts the newest lines to request from a program. `ends`: the program applies `until` itself."""
    tail_is_enough = not search.pattern and (ends or search.until is None)
    return search.tail + 1 if tail_is_enough else SEARCHED_LINES_LIMIT


def parse_search_output(answer: CompletedProgram, search: LogSearch, place: str) -> LogText:
    """Parses the script's output. `place` is the log's name in messages."""
    if answer.code != 0:
        raise ActionFailed(_describe_failure(answer, search, place), code=_get_code_name(answer.code), maybe_ran=False)
    head, separator, body = answer.output.partition(b"\n\n")
    if not separator:
        raise ValueError("the lines of a log without their heading")
    heading = _parse_heading(head.decode("utf-8", errors="replace"))
    lines, encoding = decode_lines(body.removesuffix(b"\n").split(b"\n") if body else [])
    long = {Truncation.LONG} if any(len(line) > LINE_READ_LIMIT for line in lines) else set()
    return LogText(
        lines=tuple(line[:LINE_READ_LIMIT] for line in lines),
        cut=frozenset(heading.cut) | long,
        searched=heading.searched,
        size=heading.size,
        files=tuple(heading.file),
        encoding=encoding,
        clock=datetime.fromtimestamp(heading.clock, UTC),
        openings=_list_openings(heading.opening, len(lines)),
        offsets=tuple(Offset(begins=each[0], seconds=each[1]) for each in heading.offset),
    )


def _list_openings(given: Mapping[int, str], lines: int) -> tuple[str, ...]:
    """Lists the beginning of the entry of each line; none if every line is an entry of its own."""
    if not all(0 <= at < lines for at in given):
        raise ValueError("the beginning of an entry without a line")
    return tuple(given.get(at, "") for at in range(lines)) if given else ()


_Pair = Annotated[tuple[int, int], BeforeValidator(str.split)]


class _Heading(BaseModel):
    """The heading before the lines."""

    cut: Annotated[list[Truncation], Field(max_length=len(Truncation))]
    searched: Annotated[int, Field(ge=0)] | None
    size: Annotated[int, Field(ge=0)] | None
    file: Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=1_000)]
    clock: Annotated[int, Field(ge=0, le=99_999_999_999)]
    offset: Annotated[list[_Pair], Field(max_length=OFFSETS_LIMIT)]
    opening: Annotated[dict[int, Annotated[str, Field(max_length=OPENING_LIMIT)]], Field(max_length=LINES_LIMIT)]


_HEADING = TypeAdapter(_Heading)


def _parse_heading(text: str) -> _Heading:
    pairs = [(name, value) for name, _, value in (line.partition(" ") for line in text.split("\n"))]
    several = {kind: [value for name, value in pairs if name == kind] for kind in ("cut", "file", "offset")}
    openings = dict(value.split(" ", 1) for name, value in pairs if name == "opening")
    usual = {"searched": None, "size": None, "clock": ""}
    return _HEADING.validate_python(usual | dict(pairs) | several | {"opening": openings})


def _get_code_name(code: int) -> str:
    return _NAME_BY_EXIT_CODE.get(code, str(code))


def _describe_failure(answer: CompletedProgram, search: LogSearch, place: str) -> Phrase:
    why = answer.error_line
    match answer.code:
        case ExitCode.MISSING:
            return Phrase(
                "WSL2 has no log {place}. Fix its path in the configuration, or check the program that writes it",
                place=place,
            )
        case ExitCode.DENIED:
            return Phrase(
                "no permission to read {place}: {why}. Add the bot's user to the group adm (prepare-wsl.sh does this)",
                place=place,
                why=why,
            )
        case ExitCode.NO_FILE:
            return Phrase("{place} is a folder or device, not a log. Fix its path in the configuration", place=place)
        case ExitCode.OUTSIDE:
            return Phrase(
                "{place} links to {where} outside its folder and was not read. Set the path of the actual log in the "
                "configuration",
                place=place,
                where=why,
            )
        case ExitCode.PATTERN:
            return Phrase("invalid pattern: {why}. Fix it, or search for plain text with --fixed", why=why)
        case 124 | 137 if search.pattern and not search.fixed:
            return Phrase(
                "the pattern takes too long on a line of {place}. Simplify it, or use --fixed",
                place=place,
            )
        case 126 | 127:
            return Phrase("could not run perl: {why}. Install perl-base in WSL2", why=why)
        case ExitCode.ABSENT:
            return Phrase("could not read {place}: {why}. Install the missing program in WSL2", place=place, why=why)
        case ExitCode.LATE:
            return Phrase(
                "{place} could not be read to the end within {n} s. Narrow it with {since}, or remove {grep} and {until}",
                place=place,
                n=SEARCH_BUDGET,
                since="--since",
                grep="--grep",
                until="--until",
            )
        case ExitCode.KILLED:
            return Phrase(
                "could not read {place}: the program that prints it was killed in WSL2 ({why}). Check the memory with "
                "free -m, then run the command again",
                place=place,
                why=why,
            )
        case 124 | 137 | ExitCode.SILENT:
            return Phrase(
                "{place} did not respond within {n} s. Check in WSL2 what is keeping it busy", place=place, n=SEARCH_BUDGET
            )
        case _:
            return Phrase("{place} cannot be read: {why}. Check it in WSL2", place=place, why=why)


def build_time_options(search: LogSearch) -> Argv:
    """Builds journalctl's options for the times, in whole seconds around the range. The script compares exactly."""
    since = ("--since", f"@{math.floor(search.since.timestamp())}") if search.since else ()
    until = ("--until", f"@{math.ceil(search.until.timestamp())}") if search.until else ()
    return (*since, *until)


@cache
def _load_script() -> str:
    return files("adapters.wsl").joinpath("scripts", "newest.pl").read_text("utf-8")
