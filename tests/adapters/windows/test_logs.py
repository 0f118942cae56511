"""Reading logs: what the contract's small files do not show, and what failures mean for people."""

import gzip
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed
from adapters.fleet import Fleet
from adapters.inventory import Inventory, WindowsSide
from adapters.logs import BYTES_LIMIT, LINE_READ_LIMIT, LogSearch, LogText, Truncation
from adapters.phrase import Phrase
from adapters.windows import powershell
from adapters.windows.logs import ReadLog
from commands.log_lines.lines import TimeDoubt
from commands.logs.collection import LogQuery, read_logs
from commands.model.operation import FleetView
from commands.model.thresholds import Thresholds
from tests.adapters.windows.log_cases import FOLDER, LOGS
from tests.adapters.windows.logs_cases import TRACE, at, ends, text
from tests.adapters.windows.script_cases import NOW
from tests.commands.canned import host as canned_host
from tests.lab.windows import twins
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState

PATH = FOLDER / "nebula.log"


def read(**asked: Any) -> ReadLog:
    return ReadLog(log=str(PATH), search=LogSearch(**asked))


def host(content: bytes, path: PureWindowsPath = PATH) -> WindowsState:
    state = WindowsState.healthy(1, "host-a")
    state.write_raw(path, content, NOW - timedelta(days=1))
    return state


def by_twin(action: ReadLog, state: WindowsState) -> LogText:
    return action.parse(twins.answer("read-log", action.build_arguments(), state, NOW))


def ask(machine: Machine, action: ReadLog) -> LogText:
    request = powershell.pack_request("n", powershell.load_script("read-log"), action.build_arguments())
    return action.parse(powershell.unpack_answer(machine.run(request), "n", action.output_limit))


def by_powershell(pwsh: Pwsh, action: ReadLog, state: WindowsState) -> LogText:
    with pwsh.machine(state, NOW) as machine:
        return ask(machine, action)


@pytest.mark.parametrize(("which", "name"), [("nebula", "nebula.log"), ("access", "access.log"), ("error", "error.log")])
def test_each_log_lies_where_the_configuration_says(which: Any, name: str) -> None:
    side = WindowsSide(url="https://192.0.2.11:5986/wsman", user="flatnet", ca_file=Path("ca.pem"))
    assert rf"F:\flatnet\logs\{name}" == ReadLog.of(side, which, LogSearch(tail=50)).log


def test_times_travel_as_numbers_and_patterns_as_what_is_no_time() -> None:
    tokyo = datetime.fromisoformat("2026-11-26T03:26:47.5+09:00")
    arguments = read(tail=1, since=tokyo, pattern="2026-11-25T09:26:47Z").build_arguments()
    assert (1795631207500, None, "=2026-11-25T09:26:47Z") == (
        arguments["since"],
        arguments["until"],
        arguments["pattern"],
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "LogMissing",
            f"log {PATH} not found. Write the log there, or fix its path in the configuration",
        ),
        ("LogIsFolder", f"{PATH} is a folder. Fix the log path in the configuration"),
        (
            "LogOutside",
            f"{PATH} links outside its folder and was not read. Set the path of the actual log in the configuration",
        ),
        ("LogDenied", f"the bot's account has no permission to read {PATH}. Grant it read access"),
        ("PatternInvalid", "the pattern is not a valid regular expression (words). Fix it, or search for plain text"),
        ("PatternSlow", "the pattern takes too long on the host. Simplify it, or search for plain text"),
        ("LogUnreadable", "Windows reports: words"),
    ],
)
def test_a_failure_says_what_to_do_next(code: str, expected: str) -> None:
    failure = ActionFailed(Phrase("Windows reports: {message}", message="words"), code=code)
    explained = read(tail=1).explain(failure)
    assert (code, expected) == (explained.code, str(explained))


def lines_of_all_kinds(seed: int, size: int) -> list[str]:
    """Lines of many lengths and alphabets, with times that rise and traces between them."""
    chance = random.Random(seed)
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        words = "".join(chance.choices("abc 日本語 é😀", k=chance.choice([0, 3, 80, 80, 300, 9_000])))
        lines += [text(len(lines), words), *chance.choice([[], [], TRACE])]
    return lines


SIZES = {"utf-8": 700_000, "utf-16-le": 400_000, "cp932": 150_000}


@pytest.mark.pwsh
@pytest.mark.parametrize("codec", SIZES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize(
    "asked",
    [{}, {"pattern": "日本|main"}, {"since": at(300), "until": at(900)}, {"since": at(700), "pattern": r"(?<!x)goroutine"}],
    ids=["all", "pattern", "times", "both"],
)
def test_where_a_block_ends_is_never_seen(pwsh: Pwsh, codec: str, packed: bool, asked: Any) -> None:
    content = ends(lines_of_all_kinds(len(codec), SIZES[codec]), "\r\n").encode(codec, "replace")
    state = host(b"" if packed else content)
    if packed:
        state.write_raw(FOLDER / "nebula.log.1.gz", gzip.compress(content, mtime=0), NOW - timedelta(days=2))
    action = read(tail=300, **asked)
    expected = by_twin(action, state)
    actual = by_powershell(pwsh, action, state)
    assert (expected.lines, expected.encoding) == (actual.lines, actual.encoding)


@pytest.mark.pwsh
@pytest.mark.parametrize("seed", range(3))
def test_every_line_is_read_in_its_own_encoding(pwsh: Pwsh, seed: int) -> None:
    """However they follow one another, and what is none beside them."""
    chance = random.Random(seed)
    kinds = [
        b"plain",
        "日本語 😀".encode(),
        "日本語ソ".encode("cp932"),
        b"a\xff",
        b"\xa0\x81",
        "\ufffd".encode(),
        b"",
        b"\x81",
    ]
    lines = [kind for _ in range(800) for kind in [chance.choice(kinds)] * chance.choice([1, 1, 2, 9])]
    content = b"\n".join(lines) + chance.choice([b"", b"\n"])
    state, action = host(content), read(tail=5_000)
    expected, actual = by_twin(action, state), by_powershell(pwsh, action, state)
    assert (expected.lines, expected.encoding) == (actual.lines, actual.encoding)


@pytest.mark.pwsh
def test_a_broken_byte_here_and_there_makes_a_search_no_slower(pwsh: Pwsh) -> None:
    """Line by line these would take longer than there is time."""
    content = (b"ab\n" * 99_999 + b"\xff\n") * 40
    said = by_powershell(pwsh, read(tail=5, pattern="nowhere"), host(content))
    assert (frozenset(), len(content)) == (said.cut, said.searched)


@pytest.mark.pwsh
def test_where_no_line_is_text_the_search_ends_at_its_time(pwsh: Pwsh) -> None:
    """In the middle of a piece, of which nothing counts; the first piece is 64 kB."""
    action = read(tail=5, pattern="nowhere")
    arguments = action.build_arguments() | {"milliseconds": 500}
    with pwsh.machine(host(b"\xff\n" * 1_000_000 + b"text\n" * 20_000), NOW) as machine:
        answer = machine.run(powershell.pack_request("n", powershell.load_script("read-log"), arguments))
    said = action.parse(powershell.unpack_answer(answer, "n", 10_000))
    assert frozenset({Truncation.TIME}) == said.cut
    assert (said.searched or 0) <= 65_536


@pytest.mark.pwsh
@pytest.mark.parametrize("letter", ['"', "\\", "\x01", "<", "日", "😀", "\n", "\udcff"], ids=ascii)
def test_an_answer_of_any_letters_stays_within_its_limit(pwsh: Pwsh, letter: str) -> None:
    """`read` would fail where it were longer than the action takes."""
    line = letter * 900 + "\n"
    said = by_powershell(pwsh, read(tail=5_000), host((line * 2_000).encode("utf-8", "surrogateescape")))
    assert len("\n".join(said.lines).encode()) <= BYTES_LIMIT
    assert said.cut & {Truncation.BYTES, Truncation.LINES}


@pytest.mark.pwsh
def test_of_a_line_of_200_megabytes_its_beginning_is_told(pwsh: Pwsh) -> None:
    state = host(b"before\nit begins ")
    state.sizes[PATH] = 200_000_000
    said = by_powershell(pwsh, read(tail=5, pattern="begins"), state)
    assert ("it begins " + "\0" * (LINE_READ_LIMIT - 10),) == said.lines
    assert (frozenset({Truncation.LONG, Truncation.PARTLY}), 200_000_000) == (said.cut, said.searched)


@pytest.mark.pwsh
def test_of_a_gigabyte_only_its_end_is_read_for_the_newest_lines(pwsh: Pwsh) -> None:
    with pwsh.machine(host(b"old\n"), NOW) as machine:
        log = machine.place(PATH)
        with log.open("r+b") as file:
            file.seek(2**30)  # what nobody wrote takes no room
            file.write(b"\nolder\nnew\nnewest\n")
        said = ask(machine, read(tail=2))
        log.write_bytes(b"")  # what is left on the host is read back whole
    assert (("new", "newest"), frozenset({Truncation.LINES})) == (said.lines, said.cut)
    assert said.size is not None
    assert said.size > 2**30 > 100 * (said.searched or 0) > 0


@contextmanager
def written(machine: Machine, *, rotated: bool) -> Iterator[None]:
    """The log grows line by line, and is perhaps put aside again and again, until left."""
    log, over, number = machine.place(PATH), threading.Event(), 0

    def write() -> None:
        nonlocal number
        while not over.wait(0.0005):
            number += 1
            with log.open("a") as file:
                file.write(f"{number:0100}\n")
            if rotated and number % 150 == 0:
                for age in range(8, 0, -1):
                    older = log.with_name(f"nebula.log.{age}")
                    if older.exists():
                        older.rename(log.with_name(f"nebula.log.{age + 1}"))
                log.rename(log.with_name("nebula.log.1"))
                log.touch()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.pwsh
def test_a_log_that_grows_meanwhile_is_read_as_far_as_it_went(pwsh: Pwsh) -> None:
    with pwsh.machine(host(b"0\n"), NOW) as machine, written(machine, rotated=False):
        for _ in range(5):
            lines = [int(line) for line in ask(machine, read(tail=5_000)).lines]
            assert list(range(lines[0], lines[0] + len(lines))) == lines


@pytest.mark.pwsh
def test_no_line_is_told_twice_because_the_log_is_put_aside_meanwhile(pwsh: Pwsh) -> None:
    told = []
    with pwsh.machine(host(b"0\n"), NOW) as machine, written(machine, rotated=True):
        for _ in range(10):
            with suppress(ActionFailed):  # at that instant there was no log
                told.append(ask(machine, read(tail=5_000)).lines)
    assert [len(lines) for lines in told] == [len(set(lines)) for lines in told] != []


@pytest.mark.pwsh
def test_a_log_that_is_cut_short_meanwhile_is_told_and_not_counted(pwsh: Pwsh) -> None:
    """As rotation does that copies a log and empties it, while a program goes on writing into it."""
    looked = "    $to -= ("
    emptied = f"    [System.IO.File]::WriteAllText($stream.Name, 'later')\n{looked}"
    script = powershell.load_script("read-log").replace(looked, emptied)
    action = read(tail=5_000)
    with pwsh.machine(host(b"a line\n" * 1_000), NOW) as machine:
        said = action.parse(
            powershell.unpack_answer(
                machine.run(powershell.pack_request("n", script, action.build_arguments())), "n", 10_000
            )
        )
    assert emptied in script
    assert ((), frozenset({Truncation.UNREAD}), 0) == (said.lines, said.cut, said.searched)


class Said:
    """A host's Windows side, which has said this."""

    def __init__(self, text: LogText) -> None:
        self._text = text

    async def perform(self, action: Action[Any]) -> Any:
        return self._text

    async def aclose(self) -> None:
        pass


@pytest.mark.pwsh
@pytest.mark.parametrize(
    ("zone", "local", "expected", "doubts"),
    [
        ("Asia/Tokyo", "2026/02/27 18:26:47", datetime(2026, 2, 27, 9, 26, 47, tzinfo=UTC), {}),
        ("Europe/Berlin", "2026/02/27 18:26:47", datetime(2026, 2, 27, 17, 26, 47, tzinfo=UTC), {}),
        ("Europe/Berlin", "2025/08/01 18:26:47", datetime(2025, 8, 1, 16, 26, 47, tzinfo=UTC), {}),
        ("Europe/Berlin", "2025/10/26 02:30:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), {TimeDoubt.TWICE: 1}),
        ("Europe/Berlin", "2025/03/30 02:30:00", datetime(2025, 3, 30, 1, 30, tzinfo=UTC), {TimeDoubt.SKIPPED: 1}),
    ],
)
async def test_local_times_are_those_of_the_host_when_they_were_written(
    pwsh: Pwsh, zone: str, local: str, expected: datetime, doubts: Any
) -> None:
    """From the file on the host to the line that people see."""
    state = host(f"{local} [error] 4#8: x\n".encode(), FOLDER / "error.log")
    state.zone = zone
    said = by_powershell(pwsh, ReadLog(log=LOGS["error_log"], search=LogSearch(tail=5)), state)
    fleet = Fleet(Inventory(hosts=(canned_host("host-a", 1),)), lambda host, side: Said(said))
    (got,) = await read_logs(
        fleet.inventory.hosts, ("error",), LogQuery(tail=5), FleetView(fleet, lambda: NOW, Thresholds())
    )
    assert got.log is not None
    assert ([expected], doubts, 0.0) == ([line.at for line in got.log.lines], got.log.doubts, got.log.ahead)
