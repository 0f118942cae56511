"""perl with the bot's script for logs, journalctl of systemd 257 and `podman logs` of a simulated WSL2.

The script's twin knows what the script must answer and nothing of how it reads: `tests/adapters/wsl/test_log_search.py`
holds the two together. A pattern that would take for ever is known by its look, for it would take Python as long.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from adapters.host_clock import CLOCK_HISTORY_DAYS
from adapters.wsl.text_encoding import decode_lines
from tests.lab.local_time import offsets
from tests.lab.wsl.logs import Entry, LogFile, Logs, Printed
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState

Run = Callable[[list[str]], Ran | None]
"""Another program of the same host."""

HINT = (
    "Hint: You are currently not seeing messages from other users and the system.\n"
    "      Users in the 'systemd-journal' group can see all messages. Pass -q to\n"
    "      turn off this notice.\n"
    "No journal files were opened due to insufficient permissions.\n"
)
PAUSE = timedelta(seconds=0.2)
ENDLESS = re.compile(r"[+*]\)[+*{]")
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d) ")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def perl(arguments: list[str], logs: Logs, run: Run) -> Ran:
    """`perl -e SCRIPT name=value … -- program …`."""
    given = arguments[2:]
    split = given.index("--") if "--" in given else len(given)
    ask, program = dict(word.split("=", 1) for word in given[:split]), given[split + 1 :]
    pattern = re.escape(ask["pattern"]) if ask["fixed"] == "1" else ask["pattern"]
    if ENDLESS.search(pattern):
        return Ran(hangs=True)
    try:
        wanted = re.compile(pattern, 0 if ask["case"] == "1" else re.IGNORECASE)
    except re.error as error:
        return Ran(75, stderr=f"{error} in regex\n")
    if ask.get("file") in logs.files or not program:
        return _from_files(ask, wanted, logs)
    return _from_program(ask, wanted, logs, run(program) or Ran(78, stdout=f"{program[0]}: No such file or directory\n"))


def _from_files(ask: dict[str, str], wanted: re.Pattern[str], logs: Logs) -> Ran:
    path = PurePosixPath(ask["file"])
    live = logs.files.get(str(path))
    match live:
        case None:
            return Ran(71, stderr=f"{path}: No such file or directory\n")
        case LogFile(kind="link", target=target):
            return Ran(74, stderr=f"{target}\n")
        case LogFile(kind="folder"):
            return Ran(73, stderr=f"{path}\n")
        case LogFile(kind="denied"):
            return Ran(72, stderr=f"{path}: Permission denied\n")
    rotated = re.compile(re.escape(path.name) + r"[.-]\d+(-\d+)?(\.(gz|xz|bz2|zst))?")
    others = [
        (name.rpartition("/")[2], file)
        for name, file in logs.files.items()
        if rotated.fullmatch(name.rpartition("/")[2]) and file.written.timestamp() >= float(ask.get("since", 0))
    ]
    newest_first = [(path.name, live), *sorted(others, key=lambda other: other[1].written, reverse=True)]
    size = sum(len(file.content) for _, file in newest_first)
    found, cut, names, searched = _search(ask, wanted, newest_first, logs)
    heading = [f"cut {why}" for why in sorted(cut)] + [f"searched {searched}", f"size {size}"]
    return _answer([*heading, *(f"file {name}" for name in reversed(names))], found, logs)


def _search(
    ask: dict[str, str], wanted: re.Pattern[str], newest_first: list[tuple[str, LogFile]], logs: Logs
) -> tuple[list[bytes], set[str], list[str], int]:
    found: list[bytes] = []
    names, searched = [], 0
    for name, file in newest_first:
        before, searched = len(found), searched + len(file.content)
        lines = file.content.removesuffix(b"\n").split(b"\n") if file.content else []
        found = [*(line for line in lines if _answers(line, ask, wanted, logs)), *found]
        kept, cut = _bounded(found, ask)
        names += [name] if len(kept) > before else []
        if cut:
            return kept, cut, names, searched
    return found, set(), names, searched


def _from_program(ask: dict[str, str], wanted: re.Pattern[str], logs: Logs, ran: Ran) -> Ran:
    if ran.hangs:
        return Ran(76, stderr="it says nothing\n")
    lines = _bytes(ran.stdout).splitlines()
    if ask["stamps"] == "1":
        lines = [entry for line in lines for entry in _entries(line)]
    entries = [line for line in lines if _when(line, logs) is not None or line.startswith(b" ")]
    words = ran.stderr + "".join(_text(line) + "\n" for line in lines if line not in entries)
    if ran.code > 128:
        return Ran(80, stderr=f"signal {ran.code - 128}\n")
    if ran.code:
        return Ran(ran.code, stderr=words)
    heard = [(line, opening) for line, opening in _opened(entries, logs) if _answers(line, ask, wanted, logs)]
    kept, cut = _bounded([line for line, _ in heard], ask)
    asks = wanted.pattern or ask["about"]
    openings = [opening if asks else "" for _, opening in heard[len(heard) - len(kept) :]]
    told = [f"opening {number} {opening}" for number, opening in enumerate(openings) if opening]
    times = [at[1] for at in (_when(line, logs) for line in entries) if at is not None]
    if not cut and len(times) >= int(ask["most"]) and times[0] >= float(ask.get("since", times[0])):
        cut = {"searched"}
    return _answer([*(f"cut {why}" for why in sorted(cut)), *told], kept, logs, words)


def _opened(entries: list[bytes], logs: Logs) -> Iterator[tuple[bytes, str]]:
    """Each line, and the beginning of the entry that it continues."""
    opening = ""
    for line in entries:
        own = _when(line, logs) is not None
        opening = _text(line[:120]) if own else opening
        yield line, "" if own else opening


def _entries(line: bytes) -> list[bytes]:
    """The entries in one line of podman, which ends a line only where the container did.

    conmon writes a line in pieces where it reads it so; a pause tells another one.
    """
    entries: list[bytes] = []
    last = datetime.min.replace(tzinfo=UTC)
    for part in filter(None, re.split(rb"(?=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z )", line)):
        stamp = re.match(rb"(\d{4}-\S{21})\d{3}Z ", part)
        at = datetime.fromisoformat(f"{stamp[1].decode()}Z") if stamp else last
        if entries and stamp and at - last < PAUSE:
            entries[-1] += part[stamp.end() :]
        else:
            entries.append(part)
        last = at
    return entries


def _answer(heading: list[str], lines: Iterable[bytes], logs: Logs, words: str = "") -> Ran:
    now = datetime.now(logs.zone)
    local = [f"offset {begins} {seconds}" for begins, seconds in offsets(logs.zone, now, CLOCK_HISTORY_DAYS)]
    told = "\n".join([*heading, f"clock {now.timestamp():.0f}", *local, "", ""])
    return Ran(stdout=told + "".join(f"{_text(line)}\n" for line in lines), stderr=words)


def _answers(line: bytes, ask: dict[str, str], wanted: re.Pattern[str], logs: Logs) -> bool:
    line = line[: int(ask["looked"])]
    at = _when(line, logs)
    if at is not None and not (float(ask.get("since", at[1])) <= at[1] and at[0] <= float(ask.get("until", at[0]))):
        return False
    (text,), _ = decode_lines([line])
    if ask["stamps"] == "1":
        text = STAMP.sub("", text)
    return ask["about"].encode() in line.lower() and wanted.search(text) is not None


def _bounded(lines: list[bytes], ask: dict[str, str]) -> tuple[list[bytes], set[str]]:
    kept, cut, room = [_kept(line, int(ask["width"])) for line in lines[-int(ask["tail"]) :]], set(), int(ask["limit"])
    if len(lines) > len(kept):
        cut.add("lines")
    while sum(len(line) + 1 for line in kept) > room:
        kept, cut = kept[1:], {"bytes"}
    return kept, cut


def _kept(line: bytes, width: int) -> bytes:
    """So many characters where it is text, else so many bytes as those might have been."""
    most = 4 * width + 7
    try:
        return line[:most].decode()[: width + 1].encode()
    except UnicodeDecodeError as error:
        if len(line) < most or error.start < most - 4:
            return line[:most]
        return line[: error.start].decode()[: width + 1].encode()  # a character that the cut went through


def _when(line: bytes, logs: Logs) -> tuple[float, float] | None:
    """The first and the last moment that may be meant: where clocks were set back a local time came twice."""
    text = line[:64].decode("ascii", errors="replace")
    if found := re.match(r"(?:<\d{1,3}>1 )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", text):
        at = datetime.fromisoformat(found[1] + found[3]).timestamp() + float(found[2] or 0)
        return at, at
    if found := re.match(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) ", text):
        now = datetime.now(logs.zone)
        month, (day, hour, minute, second) = MONTHS.index(found[1]) + 1, map(int, found.groups()[1:])
        years = (
            datetime(year, month, day, hour, minute, second, tzinfo=logs.zone)
            for year in (now.year + 1, now.year, now.year - 1)
        )
        local = next(at for at in years if (at - now).total_seconds() <= 86_400)
        return local.timestamp(), max(local.timestamp(), local.replace(fold=1).timestamp())
    return None


def journalctl(arguments: list[str], logs: Logs) -> Ran:
    """As far as the bot asks it."""
    form = ["--no-pager", "--all", "--output", "short-iso-precise", "--lines"]
    if arguments[:5] != form:
        return Ran(1, stderr=f"journalctl: unrecognized option '{arguments[0] if arguments else ''}'\n")
    if logs.journal is None:
        return Ran(stdout="No journal files were found.\n-- No entries --\n")
    if not logs.seen:
        return Ran(1, stdout=HINT)
    timed = [n for n in (6, 8) if arguments[n : n + 1] in (["--since"], ["--until"])]
    options = {arguments[n]: arguments[n + 1] for n in timed}
    since, until = (float(options.get(name, default)[1:]) for name, default in (("--since", "@0"), ("--until", "@1e12")))
    entries = [each for each in logs.journal if since <= each.at.timestamp() <= until]
    matches = arguments[6 + 2 * len(timed) :]
    entries = [each for each in entries if _matches(each, matches)][-int(arguments[5]) :]
    lines = [
        f"{e.at.astimezone(logs.zone).isoformat(timespec='microseconds')} host {e.program}: {e.text}\n" for e in entries
    ]
    return Ran(stdout="".join(lines) or "-- No entries --\n")


def _matches(entry: Entry, matches: list[str]) -> bool:
    """Fields of which all fit, or behind a `+` all others; without any every entry does."""
    groups = [group.split() for group in " ".join(matches).split(" + ")]
    return any(all(entry.fields.get(each.partition("=")[0]) == each.partition("=")[2] for each in group) for group in groups)


def podman_logs(arguments: list[str], state: WslState, *, root: bool) -> Ran:
    """Both outputs in the order in which they were printed: whoever asks hears them as one."""
    match arguments:
        case [*_] if "podman logs" in state.killed:
            return Ran(137)
        case ["--timestamps", "--tail", count, name] if root and name in (each.name for each in state.containers):
            lines = state.logs.printed.get(name, [])[-int(count) :]
            return Ran(stdout="".join(map(_printed, lines)))
        case [*_, name]:
            return Ran(125, stdout=f'Error: no container with name or ID "{name}" found: no such container\n')
        case _:
            return Ran(125, stdout="Error: no container to inspect\n")


def _printed(line: Printed) -> str:
    return f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z {_text(line.text)}{line.end}"


def _text(line: bytes) -> str:
    """Bytes on their way through programs that hold text."""
    return line.decode("utf-8", errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")
