"""The twin of the script that reads a log: every file whole and line by line, which a simulated host can afford."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import PureWindowsPath
from typing import Any, Literal
from zoneinfo import ZoneInfo

from tests.lab.local_time import offsets
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import Twin, fail, round_trip
from tests.lab.windows.twins_disks import rotated

Place = Literal["before", "in", "after"]
Time = tuple[int, int]
"""The first and the last moment that may be meant, in milliseconds since 1970."""

PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass
class Answer:
    """What has been found so far, the newest first."""

    lines: list[str] = field(default_factory=list)
    openings: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    searched: int = 0
    room: int = 0
    encoding: str = "utf-8"
    done: bool = False


def _read_log(arguments: Mapping[str, Any], state: WindowsState, now: datetime) -> Any:
    given = {
        name: arguments[name] for name in ("log", "tail", "since", "until", "milliseconds", "line_limit", "bytes_limit")
    }
    given["zone"] = ZoneInfo(state.zone)
    words = _words(arguments["pattern"][1:], fixed=arguments["fixed"], case=arguments["case"])
    path = find_log(given["log"], state)
    neighbours = sorted(rotated(path, state), key=state.written_at, reverse=True)
    answer = Answer(room=given["bytes_limit"])
    for file in (path, *neighbours):
        if not answer.done and given["milliseconds"] <= 0:
            answer.cut.add("time")
            answer.done = True
        if answer.done:
            answer.cut |= {"lines"} if len(answer.lines) >= given["tail"] else set()
            break
        if file == path or _readable(file, given, answer, state):
            _search(file, words, given, answer, state)
    return {
        "lines": answer.lines[::-1],
        "openings": answer.openings[::-1] if words.pattern else [],
        "cut": [cut for cut in ("lines", "bytes", "time", "long", "unread") if cut in answer.cut],
        "searched": answer.searched,
        "size": sum(state.size_of(file) for file in (path, *neighbours)),
        "files": answer.files[::-1],
        "encoding": answer.encoding,
        "clock": round_trip(state.clock(now)),
        "offsets": [
            {"begins": begins, "seconds": seconds}
            for begins, seconds in offsets(given["zone"], state.clock(now), arguments["days"])
        ],
    }


def _words(pattern: str, *, fixed: bool, case: bool) -> re.Pattern[str]:
    """The pattern; one that repeats what repeats is refused at once, for nothing here would end it."""
    if not fixed and re.search(r"[+*]\)[+*{]", pattern):
        raise fail("PatternSlow", "the pattern takes too long on a single line")
    try:
        return re.compile(re.escape(pattern) if fixed else pattern, 0 if case else re.IGNORECASE)
    except re.error as error:
        words = f"Invalid pattern '{pattern}' at offset {len(pattern)}. Not enough )'s."
        raise fail("PatternInvalid", words) from error


def find_log(given: str, state: WindowsState) -> PureWindowsPath:
    """The log behind its links; `ScriptError` where it cannot be opened."""
    return _follow(PureWindowsPath(given), given, state)


def _follow(path: PureWindowsPath, given: str, state: WindowsState) -> PureWindowsPath:
    if path in state.file_links:
        target = state.file_links[path]
        if target.parent != path.parent:
            raise fail("LogOutside", f"{given} is a link out of its folder")
        return _follow(target, given, state)
    if path in state.links or any(path in file.parents for file in state.files):
        raise fail("LogIsFolder", f"{given} is a folder")
    if path not in state.files:
        raise fail("LogMissing", f"there is no log {given}")
    if path in state.denied:
        raise fail("LogDenied", f"{given} may not be read")
    if path in state.locked:
        words = f"The process cannot access the file '{path}' because it is being used by another process."
        raise fail("LogUnreadable", f"{given} cannot be opened: {words}")
    return path


def _readable(file: PureWindowsPath, given: Mapping[str, Any], answer: Answer, state: WindowsState) -> bool:
    packed = file.suffix in PACKED
    if packed and given["since"] is not None and _milliseconds(state.written_at(file)) < given["since"]:
        return False
    known = file in (*state.denied, *state.locked) or (packed and file.suffix != ".gz")
    answer.cut |= {"unread"} if known else set()
    return not known


def _search(
    file: PureWindowsPath, words: re.Pattern[str], given: Mapping[str, Any], answer: Answer, state: WindowsState
) -> None:
    packed = state.bytes_of(file)  # of a file that is larger nobody wrote the older lines
    content = _unpacked(packed, answer) if file.suffix == ".gz" else packed
    if content[:512] in answer.heads:
        answer.cut.add("unread")
        return
    answer.heads += [content[:512]] if content else []
    answer.searched += len(packed)
    lines, name = _decoded(content)
    whole = _whole(lines, given)
    placed = list(_placed(lines, given, whole))
    openings = list(_openings(lines, given["zone"]))
    for number in range(len(lines) - 1, -1, -1):
        line, place = placed[number]
        if words.search(line) is None or place != "in":
            continue
        if len(answer.lines) >= given["tail"]:
            answer.cut.add("lines")
            break
        kept = line[: given["line_limit"]]
        answer.room -= len(kept.encode()) + 5 * len(re.findall("[\x00-\x1f<>&'\x85\u2028\u2029]", kept)) + 1
        if answer.room < 0:
            answer.cut.add("bytes")
            answer.done = True
            return
        answer.cut |= {"long"} if kept != line else set()
        answer.lines.append(kept)
        answer.openings.append(openings[number])
        answer.files += [] if file.name in answer.files else [file.name]
        answer.encoding = name if len(answer.files) == 1 else answer.encoding
    answer.done = len(answer.lines) >= given["tail"] or (whole == "before" and file.suffix != ".gz")


def _openings(lines: list[str], zone: tzinfo) -> Iterator[str]:
    """For each line the beginning of the entry that it continues, "" where it begins one itself."""
    opening = ""
    for line in lines:
        begins = _time(line, zone) is not None
        yield "" if begins else opening
        opening = line[:120] if begins else opening


def _unpacked(content: bytes, answer: Answer) -> bytes:
    """What a packed file holds; only one of a single member is known to be read whole."""
    members, rest = [], content
    with suppress(zlib.error):
        while rest:
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            members.append(member.decompress(rest))
            rest = member.unused_data
            if member.eof and not rest and len(members) == 1:
                return members[0]
    answer.cut.add("unread")
    return b"".join(members)


def _decoded(content: bytes) -> tuple[list[str], str]:
    """The lines, and how they were read."""
    for mark, codec, name in (
        (b"\xff\xfe", "utf-16-le", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be", "utf-16-be"),
        (b"\xef\xbb\xbf", "utf-8", "utf-8"),
    ):
        if content.startswith(mark):
            return _lines(content[len(mark) :].decode(codec, "replace")), name
    head = content[:4096]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) >= max(1, len(head) / 8):
        name = "utf-16-le" if odd else "utf-16-be"
        return _lines(content.decode(name, "replace")), name
    lines = [_decoded_line(line) for line in content.split(b"\n")]
    return _lines("\n".join(line for line, _ in lines)), "shift_jis" if any(other for _, other in lines) else "utf-8"


def _decoded_line(line: bytes) -> tuple[str, bool]:
    with suppress(UnicodeDecodeError):
        return line.decode(), False
    with suppress(UnicodeDecodeError):
        text = line.decode("cp932")
        if re.search(r"[\x80-\xa0\ue000-\uf8ff]", text) is None:
            return text, True
    return line.decode("utf-8", "replace"), False


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _whole(lines: list[str], given: Mapping[str, Any]) -> Place | None:
    """Where a file lies as a whole: where its first and its last time do, if they agree."""
    times = [time for line in lines if (time := _time(line, given["zone"])) is not None]
    places = {_place(time, given) for time in (times[0], times[-1])} if times else {"in"}
    return places.pop() if len(places) == 1 else None  # type: ignore[return-value]


def _placed(lines: list[str], given: Mapping[str, Any], whole: Place | None) -> Iterator[tuple[str, Place]]:
    """Each line with where it lies; one without a time lies where the last one before it does."""
    time = next((time for line in lines if (time := _time(line, given["zone"])) is not None), None)
    for line in lines:
        own = _time(line, given["zone"])
        time = time if own is None else own
        yield line, whole or _place(time, given)


def _place(time: Time | None, given: Mapping[str, Any]) -> Place:
    if time is not None and given["since"] is not None and time[1] < given["since"]:
        return "before"
    if time is not None and given["until"] is not None and time[0] > given["until"]:
        return "after"
    return "in"


def _time(line: str, zone: tzinfo) -> Time | None:
    """The time at which a line was written; that of nginx's error log may be either of two."""
    if nginx := re.match(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", line):
        with suppress(ValueError):
            local = datetime.strptime(nginx[0], "%Y/%m/%d %H:%M:%S").replace(tzinfo=zone)
            first, last = (_milliseconds(local.replace(fold=fold)) for fold in (0, 1))
            return first, max(first, last)
    time = _aware(line)
    return None if time is None else (time, time)


def _aware(line: str) -> int | None:
    rfc = None
    if line.startswith("{"):
        with suppress(ValueError, AttributeError):
            rfc = json.loads(line).get("time")
    elif slog := re.match(r'time="?([^" ]+)', line):
        rfc = slog[1]
    with suppress(ValueError):
        if rfc:
            return _milliseconds(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", rfc)))
        if nginx := re.search(r"\[(\d\d)/(\w{3})/(\d{4}):(\S+ [+-]\d{4})\]", line):
            day = f"{nginx[3]}-{MONTHS.index(nginx[2]) + 1:02}-{nginx[1]}T{nginx[4]}"
            return _milliseconds(datetime.strptime(day, "%Y-%m-%dT%H:%M:%S %z"))
    return None


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000 + 0.5)


TWINS: Mapping[str, Twin] = {"read-log": _read_log}
