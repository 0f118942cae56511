"""The script that finds the newest lines of a log: in real Perl on real files, and its twin in the lab, to one result."""

import gzip
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.errors import ActionFailed
from adapters.host_clock import HostZone, Offset
from adapters.logs import (
    BYTES_LIMIT,
    LINE_READ_LIMIT,
    LINE_SEARCH_LIMIT,
    SEARCHED_LINES_LIMIT,
    LogSearch,
    LogText,
    Truncation,
)
from adapters.wsl.action import Argv, CompletedProgram
from adapters.wsl.log_search import (
    LogProgram,
    build_search_command,
    count_lines_to_request,
    parse_search_output,
)
from adapters.wsl.shell import build_shell_line, parse_frames
from tests.lab.local_time import offsets
from tests.lab.wsl.logs import JAPAN, LogFile
from tests.lab.wsl.shell import Shell
from tests.lab.wsl.state import WslState

NONCE = "5eed" * 8
DAY = datetime(2026, 11, 20, tzinfo=timezone(timedelta(hours=9)))
PLACE = "/var/log/syslog"


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


def line(minute: int, text: str = "cni ADD") -> bytes:
    """One line of syslog, without its end."""
    return f"{at(minute).isoformat(timespec='microseconds')} host flatnet[1]: {text}".encode()


def log(*lines: bytes, written: int = 0) -> LogFile:
    return LogFile(b"".join(each + b"\n" for each in lines), at(written))


Files = dict[str, LogFile]
Runner = Callable[[Argv], CompletedProgram]


def in_real_perl(
    folder: Path, files: Files, command: Argv, *, each: float = 10.0, zone: str = "Asia/Tokyo"
) -> CompletedProgram:
    """The command on files in `folder`, which stands for /var/log."""
    for path, file in files.items():
        _write(folder / Path(path).name, file, folder)
    here = tuple(word.replace("file=/var/log/", f"file={folder}/") for word in command)
    limited = partial(resource.setrlimit, resource.RLIMIT_AS, (300 * 2**20, 300 * 2**20))
    ran = subprocess.run(
        ["sh", "-c", build_shell_line([here], each, NONCE)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=limited,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "TZ": zone},
    )
    return parse_frames(ran.stdout, ran.stderr, NONCE, 1)[0]


def _write(path: Path, file: LogFile, folder: Path) -> None:
    match file.kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(folder.parent / "elsewhere")
            (folder.parent / "elsewhere").write_bytes(b"")
        case _:
            path.write_bytes(gzip.compress(file.content) if path.suffix == ".gz" else file.content)
            os.utime(path, (file.written.timestamp(),) * 2)


async def in_the_lab(files: Files, command: Argv, *, zone: tzinfo = JAPAN) -> CompletedProgram:
    state = WslState(address="10.87.1.1")
    state.logs.files, state.logs.zone = files, zone
    shell = Shell(state)
    await shell.run(build_shell_line([command], 10.0, NONCE))
    stdout, stderr = ("".join(output).encode("utf-8", "surrogateescape") for output in (shell.stdout, shell.stderr))
    return parse_frames(stdout, stderr, NONCE, 1)[0]


@dataclass(frozen=True)
class Case:
    """What lies there, what is asked, what is found. `text` as far as it is compared: without the clock."""

    name: str
    files: Files
    search: LogSearch
    text: LogText


ALL = LogSearch(tail=50)
THREE = {PLACE: log(line(1), line(2, "systemd: nothing"), line(3, "CNI DEL"), line(4, "cni ADD web"))}
SIZE = sum(len(file.content) for file in THREE.values())
ROTATED = {
    PLACE: log(line(31), line(32), written=32),
    f"{PLACE}.1": log(line(21), line(22), written=22),
    f"{PLACE}.2.gz": log(line(11), line(12), written=12),
    "/var/log/syslog.bak": log(line(1), written=40),
    "/var/log/other.1": log(line(1), written=40),
}
SIZES = tuple(len(ROTATED[name].content) for name in (PLACE, f"{PLACE}.1"))
PACKED = len(gzip.compress(ROTATED[f"{PLACE}.2.gz"].content))


def found(*lines: bytes | str, **more: Any) -> LogText:
    """The answer with these lines; in the log of `THREE`, but for what is given."""
    texts = [each if isinstance(each, str) else each.decode() for each in lines]
    usual = {"lines": texts, "searched": SIZE, "size": SIZE, "files": ["syslog"] if lines else []}
    return LogText.model_validate(usual | more)


def plain(*lines: bytes) -> Files:
    return {PLACE: log(*lines)}


def sized(files: Files) -> dict[str, int]:
    size = len(files[PLACE].content)
    return {"searched": size, "size": size}


JAPANESE = plain(line(1, "cni 追加 web"), line(2, "cni ") + "削除".encode("cp932"), line(3, "cni ") + b"\xff\xfe\x81")
WINDOWS = plain(line(1, "cni failed\r"), line(2, "cni ") + "失敗\r".encode("cp932"))
BROKEN = plain(line(1, "cni ") + b"\xff " + "追加".encode() + b"\xff")
ESCAPES = plain(line(1, "cni \x1b[31mred\x1b[0m <!channel> xoxb-1"), line(2, "cni \x00\x07 end"))
LONG = plain(line(1), line(2, "cni " + "x" * 20_000), line(3, "cni " + "追" * 20_000), line(4))
HUGE = plain(line(1), b"cni " + b"x" * 3_000_000, line(3))
YESTERDAY = datetime.now(DAY.tzinfo).replace(second=0, microsecond=0) - timedelta(days=1)
OLD = [f"{YESTERDAY + timedelta(minutes=n):%b %e %H:%M:%S} host cni[1]: {n}" for n in range(3)]
OLD_STYLE = plain(*(each.encode() for each in OLD), b"cni without a time")
FUTURE = plain(line(1), line(60 * 24 * 365 * 3, "cni to come"))
MANY = plain(*(line(1, f"cni {number:05} " + "y" * 200) for number in range(4_000)))

CASES = [
    Case("lines about it, in capitals or not", THREE, ALL, found(line(1), line(3, "CNI DEL"), line(4, "cni ADD web"))),
    Case("the newest", THREE, LogSearch(tail=1), found(line(4, "cni ADD web"), cut={Truncation.LINES})),
    Case("exactly as many as were asked for", THREE, LogSearch(tail=3),
         found(line(1), line(3, "CNI DEL"), line(4, "cni ADD web"))),
    Case("a pattern ignores case", THREE, LogSearch(tail=5, pattern="add|DEL$"),
         found(line(1), line(3, "CNI DEL"), line(4, "cni ADD web"))),
    Case("unless told", THREE, LogSearch(tail=5, pattern="add|DEL$", case=True), found(line(3, "CNI DEL"))),
    Case("a text is no pattern", THREE, LogSearch(tail=5, pattern="a.d", fixed=True), found()),
    Case("a text with every sign", plain(line(1, "cni a.*(b[$x")), LogSearch(tail=5, pattern="a.*(b[$x", fixed=True),
         found(line(1, "cni a.*(b[$x"), **sized(plain(line(1, "cni a.*(b[$x"))))),
    Case("a pattern without a match", THREE, LogSearch(tail=5, pattern="(?=nowhere)"), found()),
    Case("since", THREE, LogSearch(tail=5, since=at(3)), found(line(3, "CNI DEL"), line(4, "cni ADD web"))),
    Case("until", THREE, LogSearch(tail=1, until=at(3)), found(line(3, "CNI DEL"), cut={Truncation.LINES})),
    Case("since and until", THREE, LogSearch(tail=5, since=at(2), until=at(3)), found(line(3, "CNI DEL"))),
    Case("a day to come", THREE, LogSearch(tail=5, since=DAY + timedelta(days=900)), found()),
    Case("an empty log", {PLACE: log()}, ALL, found(searched=0, size=0)),
    Case("no line end yet", {PLACE: LogFile(line(1) + b"\n" + line(2))}, ALL,
         found(line(1), line(2), **sized({PLACE: LogFile(line(1) + b"\n" + line(2))}))),
    Case("empty lines", plain(b"", b"", line(1), b""), ALL, found(line(1), **sized(plain(b"", b"", line(1), b"")))),
    Case("rotated neighbours", ROTATED, ALL,
         found(*map(line, (11, 12, 21, 22, 31, 32)), searched=sum(SIZES) + PACKED, size=sum(SIZES) + PACKED,
               files=("syslog.2.gz", "syslog.1", "syslog"))),
    Case("only as many neighbours as are needed", ROTATED, LogSearch(tail=3),
         found(*map(line, (22, 31, 32)), searched=sum(SIZES), size=sum(SIZES) + PACKED, cut={Truncation.LINES},
               files=("syslog.1", "syslog"))),
    Case("only neighbours written since", ROTATED, LogSearch(tail=50, since=at(22)),
         found(*map(line, (22, 31, 32)), searched=sum(SIZES), size=sum(SIZES), files=("syslog.1", "syslog"))),
    Case("several encodings in one log", JAPANESE, ALL,
         found(line(1, "cni 追加 web"), line(2, "cni 削除"), line(3, "cni ���"),
               encoding="shift_jis, utf-8", **sized(JAPANESE))),
    Case("a pattern in Japanese", JAPANESE, LogSearch(tail=5, pattern="[追弊]加"),
         found(line(1, "cni 追加 web"), **sized(JAPANESE))),
    Case("control characters are data", ESCAPES, ALL,
         found(line(1, "cni \x1b[31mred\x1b[0m <!channel> xoxb-1"), line(2, "cni \x00\x07 end"), **sized(ESCAPES))),
    Case("long lines", LONG, ALL,
         found(line(1), line(2, "cni " + "x" * 20_000)[:LINE_READ_LIMIT],
               line(3, "cni " + "追" * 20_000).decode()[:LINE_READ_LIMIT], line(4), cut={Truncation.LONG}, **sized(LONG))),
    Case("a line longer than what is read at once", HUGE, ALL,
         found(line(1), b"cni " + b"x" * (LINE_READ_LIMIT - 4), line(3), cut={Truncation.LONG}, **sized(HUGE))),
    Case("what is not kept of a line is searched too", LONG, LogSearch(tail=5, pattern="x{5000}$"),
         found(line(2, "cni " + "x" * 20_000)[:LINE_READ_LIMIT], cut={Truncation.LONG}, **sized(LONG))),
    Case("the end of a line that Windows wrote", WINDOWS, LogSearch(tail=5, pattern="(?:failed|失敗)$"),
         found(line(1, "cni failed"), line(2, "cni 失敗"), encoding="shift_jis", **sized(WINDOWS))),
    Case("a pattern in a line of another encoding", JAPANESE, LogSearch(tail=5, pattern="[削追]"),
         found(line(1, "cni 追加 web"), line(2, "cni 削除"), encoding="shift_jis, utf-8", **sized(JAPANESE))),
    Case("a text in a line of another encoding", JAPANESE, LogSearch(tail=5, pattern="削除", fixed=True),
         found(line(2, "cni 削除"), encoding="shift_jis", **sized(JAPANESE))),
    Case("a pattern beside broken bytes", BROKEN, LogSearch(tail=5, pattern="追加.$"),
         found(line(1, "cni � 追加�"), **sized(BROKEN))),
    Case("times without a year", OLD_STYLE, LogSearch(tail=5, since=YESTERDAY + timedelta(minutes=1)),
         found(*OLD[1:], "cni without a time", **sized(OLD_STYLE))),
    Case("a time that has not come", FUTURE, LogSearch(tail=5, since=at(0)),
         found(line(1), line(60 * 24 * 365 * 3, "cni to come"), **sized(FUTURE))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_script_and_its_twin_find_the_same(case: Case, tmp_path: Path) -> None:
    """Lines, why there may be more, and where they came from. The twin knows nothing of blocks and packed sizes."""
    (tmp_path / "log").mkdir()
    command = build_search_command(case.search, file=PLACE, about="cni")
    real, twin = in_real_perl(tmp_path / "log", case.files, command), await in_the_lab(case.files, command)
    assert (case.text, "") == (_without_clock(parse_search_output(real, case.search, PLACE)), real.stderr)
    measured = {"searched": case.text.searched, "size": case.text.size}
    assert case.text == _without_clock(parse_search_output(twin, case.search, PLACE)).model_copy(update=measured)


def _without_clock(text: LogText) -> LogText:
    assert text.clock is not None
    assert abs(text.clock - datetime.now(UTC)) < timedelta(minutes=1)
    assert (Offset(begins=0, seconds=9 * 3_600),) == text.offsets
    return text.model_copy(update={"clock": None, "offsets": ()})


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
async def test_every_change_of_the_local_clock_in_ten_years_is_told(zone: str, tmp_path: Path) -> None:
    """Half an hour and a month without summer time in summer too."""
    (tmp_path / "log").mkdir()
    command = build_search_command(ALL, file=PLACE, about="cni")
    real = parse_search_output(in_real_perl(tmp_path / "log", THREE, command, zone=zone), ALL, PLACE).offsets
    twin = parse_search_output(await in_the_lab(THREE, command, zone=ZoneInfo(zone)), ALL, PLACE).offsets
    assert real == twin
    place, moments = HostZone(real), [datetime.now(UTC) - timedelta(days=n) for n in range(0, 3_650, 5)]
    assert [each.astimezone(ZoneInfo(zone)).utcoffset() for each in moments] == [
        each.astimezone(place).utcoffset() for each in moments
    ]


def set_back(zone: ZoneInfo) -> datetime:
    """When clocks there were set back last, some days ago at least."""
    told = offsets(zone, datetime.now(UTC) - timedelta(days=3), 400)
    return max(datetime.fromtimestamp(at, UTC) for (_, summer), (at, winter) in pairwise(told) if winter < summer)


SUMMERS = (ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney"))
PLACE_OF_CHANGE = max(SUMMERS, key=set_back)
"""Where it was not long ago, so that a time without a year means no other."""


@pytest.mark.parametrize(
    ("asked", "minutes"),
    [
        pytest.param({"until": -30}, [-61, -30], id="until the first"),
        pytest.param({"until": -31}, [-61], id="until before it"),
        pytest.param({"since": 30}, [-30, 60], id="since the second"),
        pytest.param({"since": 31}, [60], id="since behind it"),
    ],
)
async def test_a_time_that_came_twice_is_left_out_only_where_both_are(
    asked: dict[str, int], minutes: list[int], tmp_path: Path
) -> None:
    """Its summer's and its winter's, half an hour before and behind the moment when clocks were set back."""
    (tmp_path / "log").mkdir()
    change = set_back(PLACE_OF_CHANGE)
    local = {n: (change + timedelta(minutes=n)).astimezone(PLACE_OF_CHANGE) for n in (-61, -30, 60)}
    files = plain(*(f"{at:%b %e %H:%M:%S} host cni[1]: x".encode() for at in local.values()))
    search = LogSearch(tail=5, **{name: change + timedelta(minutes=n) for name, n in asked.items()})
    command = build_search_command(search, file=PLACE, about="cni")
    real = in_real_perl(tmp_path / "log", files, command, zone=PLACE_OF_CHANGE.key)
    for answer in (real, await in_the_lab(files, command, zone=PLACE_OF_CHANGE)):
        told = [each[:15] for each in parse_search_output(answer, search, PLACE).lines]
        assert [f"{local[n]:%b %e %H:%M:%S}" for n in minutes] == told


async def test_the_answer_has_a_limit_of_bytes(tmp_path: Path) -> None:
    search = LogSearch(tail=5_000)
    command = build_search_command(search, file=PLACE, about="cni")
    (tmp_path / "log").mkdir()
    for answer in (in_real_perl(tmp_path / "log", MANY, command), await in_the_lab(MANY, command)):
        text = parse_search_output(answer, search, PLACE)
        assert {Truncation.BYTES} == text.cut
        assert line(1, "cni 03999 " + "y" * 200).decode() == text.lines[-1]
        assert BYTES_LIMIT - 300 < sum(len(each) + 1 for each in text.lines) <= BYTES_LIMIT


DENIED = {PLACE: LogFile(kind="denied")}
REFUSED: list[tuple[str, Files, LogSearch, str, str]] = [
    ("no such log", {}, ALL, "missing", "WSL2 has no log /var/log/syslog"),
    ("a folder", {PLACE: LogFile(kind="folder")}, ALL, "no_file", "is a folder or device, not a log"),
    (
        "a link out of its folder",
        {PLACE: LogFile(kind="link", target="/elsewhere")},
        ALL,
        "outside",
        "outside its folder and was not read",
    ),
    ("an open bracket", THREE, LogSearch(tail=5, pattern="a(b"), "pattern", "in regex"),
    ("nothing to repeat", THREE, LogSearch(tail=5, pattern="*"), "pattern", "in regex"),
]


@pytest.mark.parametrize(
    ("files", "search", "code", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
async def test_what_cannot_be_read_says_why(files: Files, search: LogSearch, code: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    command = build_search_command(search, file=PLACE, about="cni")
    for answer in (in_real_perl(tmp_path / "log", files, command), await in_the_lab(files, command)):
        assert (code, True) == _refused(answer, search, words)


def _refused(answer: CompletedProgram, search: LogSearch, words: str) -> tuple[str, bool]:
    with pytest.raises(ActionFailed) as refused:
        parse_search_output(answer, search, PLACE)
    assert not refused.value.maybe_ran
    return refused.value.code, words in str(refused.value)


async def test_a_log_that_may_not_be_read_names_the_group() -> None:
    answer = await in_the_lab(DENIED, build_search_command(ALL, file=PLACE, about="cni"))
    assert ("denied", True) == _refused(answer, ALL, "the group adm")


def test_real_bytes_that_may_not_be_read_are_no_missing_log() -> None:
    """Neither a file without the right to it, nor one in a folder that may not be entered."""
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups") if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "syslog").touch(mode=0o000)
        (folder / "shut").mkdir(mode=0o000)
        for file in ("syslog", "shut/syslog"):
            command = build_search_command(
                ALL, file=f"{folder}/{file}", about="cni", program=LogProgram(("journalctl", "-n1"))
            )
            ran = subprocess.run([*nobody, *command], capture_output=True, timeout=30, check=False, cwd="/")
            answer = CompletedProgram(ran.returncode, ran.stdout.decode(), ran.stderr.decode())
            assert ("denied", True) == _refused(answer, ALL, f"{file}: Permission denied")
        (folder / "shut").chmod(0o700)


@pytest.mark.parametrize("code", ["(?{ system 'touch hacked' })", "(??{ 1 })", "a|(?{1})b"])
def test_code_in_a_pattern_is_never_run(code: str, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    search = LogSearch(tail=5, pattern=code)
    answer = in_real_perl(tmp_path / "log", THREE, build_search_command(search, file=PLACE, about="cni"))
    assert ("pattern", True) == _refused(answer, search, "Eval-group not allowed at runtime")
    assert not list(tmp_path.rglob("hacked"))


def quickly(command: Argv) -> Argv:
    """With a budget of a second."""
    return tuple("budget=1" if word.startswith("budget=") else word for word in command)


def test_a_pattern_that_takes_for_ever_is_cut_off_and_refused(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    search = LogSearch(tail=5, pattern=r"(.*)*(.*)*(.*)*\1x\2y")
    command = quickly(build_search_command(search, file=PLACE, about="cni"))
    answer = in_real_perl(tmp_path / "log", plain(line(1, "cni " + "ab" * 40)), command, each=1.5)
    assert ("124", True) == _refused(answer, search, "takes too long on a line")


def test_a_sparse_line_of_200_mb_is_passed_over_in_constant_memory(tmp_path: Path) -> None:
    """The real Perl has 300 MB of addresses here, libraries included."""
    (tmp_path / "log").mkdir()
    file = tmp_path / "log" / "syslog"
    with file.open("wb") as written:
        written.write(line(1) + b"\ncni ")
        written.seek(200 * 2**20, os.SEEK_CUR)
        written.write(b"\n" + line(2) + b"\n")
    answer = in_real_perl(tmp_path / "log", {}, build_search_command(ALL, file=PLACE, about="cni"))
    text = parse_search_output(answer, ALL, PLACE)
    assert [line(1).decode(), "cni", line(2).decode()] == [each.rstrip("\x00 ") for each in text.lines]
    assert (file.stat().st_size, frozenset({Truncation.LONG})) == (text.searched, text.cut)


def test_of_a_gigabyte_only_its_end_is_read_for_the_newest_lines(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    search = LogSearch(tail=2)
    with (tmp_path / "log" / "syslog").open("wb") as written:
        written.seek(2**30)  # what nobody wrote takes no room
        written.write(b"\n" + b"\n".join(map(line, (1, 2, 3))) + b"\n")
    text = parse_search_output(
        in_real_perl(tmp_path / "log", {}, build_search_command(search, file=PLACE, about="")), search, PLACE
    )
    assert ((line(2).decode(), line(3).decode()), frozenset({Truncation.LINES})) == (text.lines, text.cut)
    assert text.size is not None
    assert text.size > 2**30 > 100 * (text.searched or 0) > 0


def test_a_damaged_neighbour_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "syslog.2.gz").write_bytes(gzip.compress(line(1) + b"\n")[:-12])
    os.utime(tmp_path / "log" / "syslog.2.gz", (0, 0))
    answer = in_real_perl(tmp_path / "log", plain(line(2)), build_search_command(ALL, file=PLACE, about="cni"))
    text = parse_search_output(answer, ALL, PLACE)
    assert (line(2).decode(), frozenset({Truncation.UNREAD})) == (text.lines[-1], text.cut)


def test_older_neighbours_are_read_beyond_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "syslog.2.gz").write_bytes(b"\x1f\x8bnot gzip")
    os.utime(tmp_path / "log" / "syslog.2.gz", (at(10).timestamp(),) * 2)
    files = {PLACE: log(line(20), written=20), f"{PLACE}.3.gz": log(line(1), written=1)}
    text = parse_search_output(
        in_real_perl(tmp_path / "log", files, build_search_command(ALL, file=PLACE, about="cni")), ALL, PLACE
    )
    assert ((line(1).decode(), line(20).decode()), frozenset({Truncation.UNREAD})) == (text.lines, text.cut)


def test_of_a_packed_neighbour_that_takes_too_long_nothing_is_taken(tmp_path: Path) -> None:
    """It is unpacked from its oldest line on: those that came by then are not next to the log's own."""
    (tmp_path / "log").mkdir()
    early = "\n".join(f"echo '{line(n).decode()}'" for n in range(8))
    stand_in(tmp_path / "log", "gzip", f"{early}\nexec sleep 30")
    files = {PLACE: log(line(31), line(32), written=32), f"{PLACE}.1.gz": log(line(11), written=12)}
    search = LogSearch(tail=5)
    answer = in_real_perl(tmp_path / "log", files, quickly(build_search_command(search, file=PLACE, about="cni")))
    text = parse_search_output(answer, search, PLACE)
    assert ((line(31).decode(), line(32).decode()), frozenset({Truncation.TIME})) == (text.lines, text.cut)


def test_rotation_while_packed_neighbours_are_unpacked_changes_nothing(tmp_path: Path) -> None:
    """Just before the first is unpacked logrotate gives every file another name, and packs one more."""
    folder = tmp_path / "log"
    folder.mkdir()
    rotation = "mv syslog.3.gz syslog.4.gz; mv syslog.2.gz syslog.3.gz; $real -c syslog.1 > syslog.2.gz; rm syslog.1"
    renamed = f"cd {folder}; [ -e syslog.4.gz ] || {{ {rotation}; mv syslog syslog.1; : > syslog; }}"
    stand_in(folder, "gzip", f'real={shutil.which("gzip")}; {renamed}; exec "$real" "$@"')
    names = {3: "syslog.3.gz", 13: "syslog.2.gz", 23: "syslog.1", 33: "syslog"}
    files = {f"/var/log/{name}": log(line(n), written=n) for n, name in names.items()}
    text = parse_search_output(in_real_perl(folder, files, build_search_command(ALL, file=PLACE, about="cni")), ALL, PLACE)
    assert (folder / "syslog.4.gz").exists()
    assert (tuple(line(n).decode() for n in names), frozenset()) == (text.lines, text.cut)
    assert tuple(names.values()) == text.files


@pytest.mark.slow
def test_a_log_that_grows_and_rotates_while_it_is_read_loses_no_old_line(tmp_path: Path) -> None:
    """Many reads beside a writer: each finds every line that stood there before it began."""
    folder = tmp_path / "log"
    folder.mkdir()
    script = (
        f'cd {folder}; : > syslog; n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo "cni $n" >> syslog; echo $n > ../n; '
        "if [ $((n % 7)) = 0 ]; then rm -f syslog.2; [ -e syslog.1 ] && mv syslog.1 syslog.2; mv syslog syslog.1; "
        ": > syslog; fi; sleep 0.01; done"
    )
    with subprocess.Popen(["sh", "-c", script]) as writer:
        while writer.poll() is None:
            before = int((tmp_path / "n").read_text() or 0) if (tmp_path / "n").exists() else 0
            answer = in_real_perl(folder, {}, build_search_command(ALL, file=PLACE, about="cni"))
            if answer.code == 71 or before < 3:  # between two files
                continue
            text = parse_search_output(answer, ALL, PLACE)
            numbers = [int(each.split()[1]) for each in text.lines]
            assert numbers == sorted(set(numbers))
            assert Truncation.TIME in text.cut or before in numbers or numbers[-1] > before


@pytest.mark.slow
def test_a_log_that_is_rotated_at_every_moment_is_read_or_missing_and_nothing_else(tmp_path: Path) -> None:
    """What goes away between two looks at a folder is no folder and no device, and hides no other file."""
    (tmp_path / "log").mkdir()
    for name in ("syslog", "syslog.1"):
        (tmp_path / "log" / name).write_text("cni 1\n")
    moves = 'rename "syslog.1", "syslog.2"; rename "syslog", "syslog.1"; rename "syslog.2", "syslog"'
    renames = f"while (getppid == $ARGV[0]) {{ {moves} }}"  # it ends with this process, however that ends
    with subprocess.Popen(["perl", "-e", renames, str(os.getpid())], cwd=tmp_path / "log") as renamer:
        try:
            codes = {
                in_real_perl(tmp_path / "log", {}, build_search_command(ALL, file=PLACE, about="cni")).code
                for _ in range(200)
            }
        finally:
            renamer.kill()
    assert {0} <= codes <= {0, 71}


def test_a_pattern_is_looked_for_in_the_beginning_of_a_line_and_where_that_is_not_all_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    files = plain(line(1, "cni " + "x" * (LINE_SEARCH_LIMIT - 100) + "within" + "x" * 3_000_000 + "beyond"), line(2))
    """Also where the line fits: a note that comes and goes would tell what is in a line that nobody is shown."""
    for words, lines, cut in (("within", 1, {Truncation.LONG, Truncation.PARTLY}), ("beyond", 0, {Truncation.PARTLY})):
        search = LogSearch(tail=5, pattern=words)
        text = parse_search_output(
            in_real_perl(tmp_path / "log", files, build_search_command(search, file=PLACE, about="cni")), search, PLACE
        )
        assert (lines, cut) == (len(text.lines), set(text.cut))


@pytest.mark.parametrize(
    ("files", "lines", "cut"),
    [
        pytest.param(JAPANESE, (line(1, "cni 追加 web").decode(),), {Truncation.PARTLY}, id="lines of others"),
        pytest.param(plain(line(1, "cni 追加")), (line(1, "cni 追加").decode(),), set(), id="none"),
    ],
)
def test_where_perl_knows_no_other_encoding_it_is_told_that_lines_were_not_searched(
    files: Files, lines: tuple[str, ...], cut: set[Truncation], tmp_path: Path
) -> None:
    """As with perl-base alone."""
    (tmp_path / "log").mkdir()
    (tmp_path / "Encode.pm").write_text("die 'there is none';")
    search = LogSearch(tail=5, pattern="追加|削除")
    command = ("env", f"PERL5LIB={tmp_path}", *build_search_command(search, file=PLACE, about="cni"))
    text = parse_search_output(in_real_perl(tmp_path / "log", files, command), search, PLACE)
    assert (lines, cut) == (text.lines, set(text.cut))


# What a program says


def stand_in(folder: Path, name: str, script: str) -> None:
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


TELLER = LogProgram(("teller", "all"))
PODMAN = replace(TELLER, stamps=True)


def heard(folder: Path, script: str, search: LogSearch = ALL, program: LogProgram = TELLER) -> CompletedProgram:
    """The answer where a program says that."""
    stand_in(folder, "teller", script)
    return in_real_perl(folder, {}, quickly(build_search_command(search, program=program)))


def test_both_outputs_of_a_program_come_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    answer = heard(tmp_path, "\n".join(f"echo '{line(n, str(n)).decode()}' >&{1 + n % 2}" for n in range(6)))
    assert [line(n, str(n)).decode() for n in range(6)] == list(parse_search_output(answer, ALL, "web").lines)


def test_what_a_program_says_of_itself_is_no_line_and_is_told(tmp_path: Path) -> None:
    answer = heard(
        tmp_path, f"echo 'time=x level=warning msg=cgroups' >&2; echo '{line(1).decode()}'; echo '-- No entries --'"
    )
    assert (line(1).decode(),) == parse_search_output(answer, ALL, "web").lines
    assert answer.stderr == "time=x level=warning msg=cgroups\n-- No entries --\n"


def test_the_next_line_of_an_entry_belongs_to_it(tmp_path: Path) -> None:
    answer = heard(tmp_path, f"echo '{line(1).decode()}'; echo '      second line'")
    assert (line(1).decode(), "      second line") == parse_search_output(answer, ALL, "web").lines


def test_a_line_that_continues_an_entry_comes_with_its_beginning(tmp_path: Path) -> None:
    """A pattern may leave the entry's first line out. The lines that were pushed out took their beginnings along."""
    entries = [f"{line(n, f'entry {n}').decode()}\n      cause {n}" for n in range(4)]
    (tmp_path / "printed").write_text("\n".join(entries) + "\n")
    search = LogSearch(tail=3, pattern="cause|entry 3")
    text = parse_search_output(heard(tmp_path, f"cat {tmp_path}/printed", search), search, "web")
    assert ["      cause 2", line(3, "entry 3").decode(), "      cause 3"] == list(text.lines)
    assert [line(2, "entry 2").decode(), "", line(3, "entry 3").decode()] == list(text.openings)
    assert () == parse_search_output(heard(tmp_path, f"cat {tmp_path}/printed"), ALL, "web").openings


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_a_pattern_is_found_in_what_a_container_printed_in_utf_16(codec: str, tmp_path: Path) -> None:
    """Whoever puts a time before every line splits them at the byte 0x0A."""
    printed = "接続 from 10.87.1.10 has failed\r\n再試行 gone\r\n".encode(codec).split(b"\n")[:2]
    (tmp_path / "printed").write_bytes(b"".join(b"2026-11-20T00:01:00.430655634Z " + each + b"\n" for each in printed))
    search = LogSearch(tail=5, pattern="^接続 from .* failed$")
    text = parse_search_output(heard(tmp_path, f"cat {tmp_path}/printed", search, PODMAN), search, "web")
    assert (("2026-11-20T00:01:00.430655634Z 接続 from 10.87.1.10 has failed",), frozenset()) == (text.lines, text.cut)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("^GET", True), ("^2026", False), ("00:01", False), ("^GET /healthz 200$", True), (r"\bGET", True)],
)
def test_the_time_that_podman_puts_before_a_line_is_not_searched(pattern: str, found: bool, tmp_path: Path) -> None:
    printed = "2026-11-20T00:01:00.430655634Z GET /healthz 200"
    search = LogSearch(tail=5, pattern=pattern)
    text = parse_search_output(heard(tmp_path, f"echo '{printed}'", search, PODMAN), search, "web")
    assert ((printed,) if found else ()) == text.lines


T1, T2, T3, T4 = (f"2026-11-28T07:19:1{n}.81823097{n}Z " for n in (5, 6, 7, 8))
SOON = T1.replace(".818", ".819")
ELSEWHERE = T2.replace("Z", "+09:00")
CHUNK = "a" * 8_192


@pytest.mark.parametrize(
    ("printed", "entries"),
    [
        pytest.param(f"{T1}no end{T2} second{T3}third", [f"{T1}no end", f"{T2} second", f"{T3}third"], id="no end"),
        pytest.param(f"{T1}no end{T2}", [f"{T1}no end", T2], id="an empty one behind it"),
        pytest.param(f"{T1}1860{SOON}7{T2}next", [f"{T1}18607", f"{T2}next"], id="one that was read in two pieces"),
        pytest.param(f"{T2}sent at {T1}done", [f"{T2}sent at {T1}done"], id="an earlier time is the container's own"),
        pytest.param(f"{T1}at {ELSEWHERE}x{T3}y", [f"{T1}at {ELSEWHERE}x", f"{T3}y"], id="so is one of another zone"),
        pytest.param(f"{T1}{T2[:20]} up", [f"{T1}{T2[:20]} up"], id="so is one in another form"),
        pytest.param(
            f"{T1}{CHUNK}{T2}{CHUNK}{T3}end{T4}next", [f"{T1}{CHUNK}{CHUNK}end", f"{T4}next"], id="a long line in chunks"
        ),
    ],
)
def test_a_line_that_has_no_end_is_not_glued_to_the_next(printed: str, entries: list[str], tmp_path: Path) -> None:
    """As the real podman prints them: its time stands before each of them."""
    (tmp_path / "printed").write_text(f"{T1}first\n{printed}\n")
    text = parse_search_output(heard(tmp_path, f"cat {tmp_path}/printed", ALL, PODMAN), ALL, "web")
    assert [f"{T1}first", *(each[:LINE_READ_LIMIT] for each in entries)] == list(text.lines)


def test_a_program_s_failure_is_its_own(tmp_path: Path) -> None:
    answer = heard(tmp_path, "echo 'Error: boom' >&2; exit 125")
    assert CompletedProgram(125, "", "Error: boom\n") == answer


@pytest.mark.parametrize(("signal", "number"), [("KILL", 9), ("TERM", 15), ("SEGV", 11)])
def test_a_program_that_was_killed_is_said_to_be_and_its_lines_do_not_count(
    signal: str, number: int, tmp_path: Path
) -> None:
    """By a want of memory, for example: it has answered, and of a timeout there is no trace."""
    answer = heard(tmp_path, f"echo '{line(1).decode()}'; kill -{signal} $$")
    assert ("killed", True) == _refused(answer, ALL, f"was killed in WSL2 (signal {number})")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    answer = in_real_perl(tmp_path, {}, build_search_command(ALL, program=LogProgram(("no-such-program", "all"))))
    assert ("absent", True) == _refused(answer, ALL, "no-such-program: No such file or directory")


def test_a_program_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    answer = heard(tmp_path, "exec sleep 30")
    assert ("silent", True) == _refused(answer, ALL, "did not respond")


def test_of_a_program_that_does_not_come_to_its_newest_line_in_time_nothing_is_taken(tmp_path: Path) -> None:
    """It tells its oldest lines first: the last ones that came by then are not the newest."""
    answer = heard(tmp_path, f"echo '{line(1).decode()}'; exec sleep 30")
    assert ("late", True) == _refused(answer, ALL, "could not be read to the end within 7 s. Narrow it")


@pytest.mark.slow
def test_an_endless_flood_is_heard_in_constant_memory(tmp_path: Path) -> None:
    """One line without end, and then lines without end, within 300 MB of addresses."""
    for flood in ("exec cat /dev/zero", f"exec yes '{line(1).decode()}'"):
        answer = heard(tmp_path, f"echo '{line(0).decode()}'; {flood}")
        assert ("late", True) == _refused(answer, ALL, "Narrow it")


@pytest.mark.parametrize(
    ("most", "since", "cut"),
    [
        pytest.param(3, None, {Truncation.SEARCHED}, id="as many as were asked for"),
        pytest.param(4, None, set(), id="fewer"),
        pytest.param(3, at(2), set(), id="as many, but the oldest is too old to be asked for"),
    ],
)
def test_whether_a_program_was_heard_to_the_end_is_said(
    most: int, since: datetime | None, cut: set[Truncation], tmp_path: Path
) -> None:
    search = LogSearch(tail=50, pattern="two|three", since=since)
    script = "\n".join(f"echo '{line(n, text).decode()}'" for n, text in enumerate(("one", "two", "three"), 1))
    text = parse_search_output(heard(tmp_path, script, search, replace(TELLER, most=most)), search, "web")
    assert ([line(2, "two").decode(), line(3, "three").decode()], cut) == (list(text.lines), set(text.cut))


def test_a_program_is_asked_for_one_line_more_than_wanted_or_for_all_that_are_searched() -> None:
    assert (6, SEARCHED_LINES_LIMIT) == (
        count_lines_to_request(LogSearch(tail=5), ends=False),
        count_lines_to_request(LogSearch(tail=5, pattern="x"), ends=True),
    )
    until = LogSearch(tail=5, until=DAY)
    assert (6, SEARCHED_LINES_LIMIT) == (count_lines_to_request(until, ends=True), count_lines_to_request(until, ends=False))


def test_without_anything_but_its_clock_a_host_is_believed() -> None:
    text = parse_search_output(replace(CompletedProgram(0, "", ""), output=b"clock 1\n\n"), ALL, PLACE)
    assert LogText(lines=(), clock=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == text


@pytest.mark.parametrize(
    "output",
    [b"", b"lines\n", b"clock 1\n", b"\n\nline\n", b"clock x\n\nline\n", b"cut never\nclock 1\n\nline\n",
     b"searched -1\nclock 1\n\n", b"clock 99999999999999\n\n", b"clock 1\noffset 0\n\n", b"clock 1\noffset 0 86400\n\n",
     b"clock 1\nopening 0 x\n\n", b"clock 1\nopening x y\n\nline\n", b"clock 1\nopening 0\n\nline\n",
     b"clock 1\noffset 9 0\noffset 9 1\n\n", b"clock 1\noffset 99999999999 0\n\n",
     b"clock 1\n" + b"offset 0 0\n" * 101 + b"\n"],
)  # fmt: skip
def test_what_the_script_never_says_is_not_believed(output: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (pydantic's and ours)
        parse_search_output(replace(CompletedProgram(0, "", ""), output=output), ALL, PLACE)
