"""`log`: what is asked of which host, lines of all of them in the order of time, and nothing silently left out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from adapters.action import Action, SideName
from adapters.errors import ActionFailed, AuthenticationFailed, DeadlineExceeded, HostError, HostIdentityError, Unreachable
from adapters.fleet import Fleet
from adapters.host_clock import Offset
from adapters.inventory import Host, Inventory
from adapters.logs import LINE_LIMIT, LINE_READ_LIMIT, LogText, Truncation
from adapters.phrase import Phrase
from adapters.windows.logs import ReadLog
from adapters.wsl.logs import ReadContainer
from bot.store.answers import MAX_DOCUMENT_BYTES
from commands.catalogue import CATALOGUE
from commands.language.grammar import parse_operation, render_operation
from commands.log_lines.formats import Level
from commands.logs.collection import LOG_SOURCES, LogQuery, read_logs
from commands.logs.operations import MAX_KEPT_BYTES, MAX_KEPT_LINES, LogCollect, LogRead, select_newest
from commands.model.finding import Severity
from commands.model.operation import FleetView, Operation
from commands.model.report import Report
from commands.model.thresholds import Thresholds
from commands.values.arguments import BadArgument, Target
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW, host
from tests.commands.cells import cell
from tests.commands.log_examples import line as made_line

A, B, C, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("host-c", 3), host("lighthouse", 0)
JAPAN = timezone(timedelta(hours=9))


def nebula(at: datetime, text: str, level: str = "info") -> str:
    return f'time="{at:%Y-%m-%dT%H:%M:%SZ}" level={level} msg="{text}"'


def said(*lines: str, clock: datetime = NOW, **more: Any) -> LogText:
    return LogText(lines=lines, clock=clock.astimezone(JAPAN), **more)


@dataclass(frozen=True)
class Busy:
    """A host that writes a line every second, and brings the newest that were asked for; its clock is so far ahead."""

    ahead: timedelta = timedelta()

    def asked(self, action: Action[Any]) -> LogText:
        search = action.search  # type: ignore[attr-defined]
        there = NOW + self.ahead
        written = [there - timedelta(seconds=n) for n in range(7_200, -1, -1)]
        fitting = [at for at in written if (search.since or at) <= at <= (search.until or at)]
        more = frozenset({Truncation.LINES}) if len(fitting) > search.tail else frozenset()
        return said(*(nebula(at, f"{at - self.ahead:%H:%M:%S}") for at in fitting[-search.tail :]), clock=there, cut=more)


class Line:
    """One side that answers from what a test says, and remembers what it was asked."""

    def __init__(self, answers: list[object], asked: list[Action[Any]]) -> None:
        self._answers, self._asked = answers, asked

    async def perform(self, action: Action[Any]) -> Any:
        self._asked.append(action)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Busy):
            return answer.asked(action)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None:
        pass


class World:
    """Hosts and what each says, in order; the last answer again and again."""

    def __init__(self, answers: Mapping[str, object | list[object]], *hosts: Host) -> None:
        self.asked: list[Action[Any]] = []
        given = {name: list(each) if isinstance(each, list) else [each] for name, each in answers.items()}

        def connect(host: Host, side: SideName) -> Line:
            return Line(given.get(host.name, [said()]), self.asked)

        fleet = Fleet(Inventory(hosts=hosts), connect)
        self.view = FleetView(fleet, lambda: NOW, Thresholds(), redact=lambda text: text.replace("hunter2", "[redacted]"))

    async def read(self, operation: LogRead) -> Report:
        return await operation.read(self.view)


def texts(report: Report) -> list[tuple[str, str]]:
    """The lines: host, and what stands behind its time."""
    assert report.excerpt is not None
    return [(line.host, line.text.partition("msg=")[2].strip('"') or line.text) for line in report.excerpt.lines]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


async def test_lines_of_all_hosts_stand_in_the_order_of_time() -> None:
    world = World(
        {
            "host-a": said(nebula(ago(50), "one"), nebula(ago(20), "four")),
            "host-b": said(nebula(ago(40), "two"), nebula(ago(30), "three", "error")),
        },
        A,
        B,
    )
    report = await world.read(LogRead(source="nebula"))
    assert [("host-a", "one"), ("host-b", "two"), ("host-b", "three"), ("host-a", "four")] == texts(report)
    assert "4 lines of nebula, 1 of them an error" == str(report.summary)
    assert [("host-a", 2, 0), ("host-b", 2, 1)] == [
        (row.host, cell(report, row, "lines").value, cell(report, row, "errors").value) for row in report.rows
    ]
    assert () == report.findings


@pytest.mark.parametrize("raw", [False, True])
async def test_with_the_lines_go_the_names_of_the_whole_fleet_and_how_they_are_shown(raw: bool) -> None:
    """A line of host-a may have the address of any other host."""
    world = World({"host-a": said(nebula(ago(1), "lost 10.100.2.1"))}, A, B)
    report = await world.read(LogRead(source="nebula", target=Target(parts=("host-a",)), raw=raw))
    assert report.excerpt is not None
    names = {address: name for address, name in report.excerpt.names.items() if address.startswith("10.100.")}
    assert ({"10.100.1.1": "host-a", "10.100.2.1": "host-b"}, raw) == (names, report.excerpt.raw)
    assert [("host-a", "lost 10.100.2.1")] == texts(report)


async def test_a_wrong_clock_is_taken_off_and_said() -> None:
    """host-b is five minutes ahead: its line is older than it says."""
    ahead = timedelta(minutes=5)
    world = World(
        {
            "host-a": said(nebula(ago(10), "second")),
            "host-b": said(nebula(ago(20) + ahead, "first"), clock=NOW + ahead),
        },
        A,
        B,
    )
    report = await world.read(LogRead(source="nebula"))
    assert [("host-b", "first"), ("host-a", "second")] == texts(report)
    assert report.excerpt is not None
    assert ["the clock of host-b is 300 s ahead. Times shown are corrected"] == [str(note) for note in report.excerpt.notes]


async def test_a_secret_with_colours_in_it_is_seen_for_what_it_is() -> None:
    """Colours go first: nobody would see them."""
    world = World({"host-a": said("hun\x1b[0mter2", "it is hun\x1b[Kter\x002"), "host-b": said()}, A, B)
    report = await world.read(LogRead(source="nebula"))
    assert [("host-a", "[redacted]"), ("host-a", "it is [redacted]")] == texts(report)


async def test_what_a_clock_needs_to_be_read_is_no_difference() -> None:
    world = World({"host-a": said(nebula(ago(1), "x"), clock=NOW + timedelta(seconds=0.4))}, A)
    report = await world.read(LogRead(source="nebula"))
    assert report.excerpt is not None
    assert () == report.excerpt.notes


async def test_a_host_whose_clock_is_far_off_is_asked_again_by_its_own_clock() -> None:
    """The last hour of a host that is a day behind is what its own clock calls the last hour."""
    behind = timedelta(days=-1)
    world = World({"host-a": [said(clock=NOW + behind), said(nebula(ago(60) + behind, "found"), clock=NOW + behind)]}, A)
    report = await world.read(LogRead(source="nebula", since=timedelta(hours=1)))
    first, second = world.asked
    assert isinstance(first, ReadLog)
    assert isinstance(second, ReadLog)
    assert first.search.since is not None
    assert second.search.since is not None
    assert abs(second.search.since - (first.search.since + behind)) < timedelta(seconds=1)  # so long the answer took
    assert [("host-a", "found")] == texts(report)


BERLIN = (
    Offset(begins=0, seconds=3_600),
    Offset(begins=int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()), seconds=7_200),
    Offset(begins=int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()), seconds=3_600),
)


@pytest.mark.parametrize(
    ("offsets", "expected", "note"),
    [
        pytest.param(
            BERLIN, ["24 22:30", "25 00:50", "25 01:10", "25 02:30"], "2 lines fall in the repeated DST hour", id="told"
        ),
        pytest.param((), [], "4 lines are in local time of an unknown time zone", id="not told"),
    ],
)
async def test_local_times_go_by_the_clock_of_when_they_were_written(
    offsets: tuple[Offset, ...], expected: list[str], note: str
) -> None:
    """A month later the clocks are set back. What the host's clock shows now says nothing of then."""
    lines = [f"2026/10/25 {time}:00 [error] 1#1: x" for time in ("00:30", "02:50", "02:10", "03:30")]
    report = await World({"host-a": said(*lines, offsets=offsets)}, A).read(LogRead(source="error"))
    assert report.excerpt is not None
    assert expected == [f"{line.at:%d %H:%M}" for line in report.excerpt.lines if line.at is not None]
    assert any(note in told for told in notes_of(report))


@pytest.mark.parametrize(("seconds", "reads"), [(0, 1), (30, 2), (-30, 2), (7_200, 2)])
async def test_of_a_busy_log_the_newest_lines_before_until_are_brought(seconds: int, reads: int) -> None:
    """Whatever the host's clock says: newer lines never stand in their place."""
    world = World({"host-a": Busy(timedelta(seconds=seconds))}, A)
    report = await world.read(LogRead(source="nebula", tail=3, until=timedelta(seconds=3_599.5)))
    assert [f"{ago(3_600 + n):%H:%M:%S}" for n in (2, 1, 0)] == [text for _, text in texts(report)]
    assert reads == len(world.asked)


@pytest.mark.parametrize(("seconds", "reads"), [(0, 1), (30, 1), (-30, 1), (90, 2), (-90, 2)])
async def test_since_needs_a_second_look_only_where_a_clock_is_far_off(seconds: int, reads: int) -> None:
    world = World({"host-a": Busy(timedelta(seconds=seconds))}, A)
    report = await world.read(LogRead(source="nebula", tail=1_000, since=timedelta(seconds=60.5)))
    assert [f"{ago(60 - n):%H:%M:%S}" for n in range(61)] == [text for _, text in texts(report)]
    assert reads == len(world.asked)


async def test_lines_too_old_to_be_asked_for_are_no_more_lines() -> None:
    """61 lines are of the last minute; the host stopped at its 70th, which is older."""
    report = await World({"host-a": Busy()}, A).read(LogRead(source="nebula", tail=70, since=timedelta(seconds=60.5)))
    assert (61, []) == (len(texts(report)), notes_of(report))


async def test_a_clock_that_was_set_back_meanwhile_proves_nothing_of_older_lines() -> None:
    """An old line among young ones: those before them may be young, too, and were not brought."""
    lines = [nebula(ago(seconds), str(seconds)) for seconds in (10, 100, 5)]
    world = World({"host-a": said(*lines, cut=frozenset({Truncation.LINES}))}, A)
    report = await world.read(LogRead(source="nebula", tail=3, since=timedelta(seconds=60)))
    assert ["10", "5"] == [text for _, text in texts(report)]
    assert ["host-a nebula: more lines match. Use --tail to show more"] == notes_of(report)


async def test_what_is_asked_of_a_host_is_what_was_typed() -> None:
    world = World({}, A)
    await world.read(
        LogRead(source="error", tail=7, grep="bind.*failed", case=True, since=timedelta(hours=1), until=timedelta(minutes=5))
    )
    (action,) = world.asked
    assert isinstance(action, ReadLog)
    assert (r"F:\flatnet\logs\error.log", 5_000, "bind.*failed", False, True) == (
        action.log,
        action.search.tail,
        action.search.pattern,
        action.search.fixed,
        action.search.case,
    )


async def test_what_the_margin_brought_is_left_out_and_lines_without_a_time_stay() -> None:
    lines = ("no time here", nebula(ago(3_630), "too old"), nebula(ago(3_500), "right"), nebula(ago(30), "too new"))
    world = World({"host-a": said(*lines)}, A)
    report = await world.read(LogRead(source="nebula", since=timedelta(hours=1), until=timedelta(minutes=1)))
    assert [("host-a", "no time here"), ("host-a", "right")] == texts(report)


async def test_only_lines_so_grave_are_kept() -> None:
    world = World({"host-a": said(nebula(ago(3), "a"), nebula(ago(2), "b", "warning"), nebula(ago(1), "c", "error"))}, A)
    assert [("host-a", "b"), ("host-a", "c")] == texts(await world.read(LogRead(source="nebula", level=Level.WARN)))


async def test_an_error_with_its_stack_trace_is_one_error() -> None:
    lines = (nebula(ago(3), "a"), nebula(ago(2), "b", "error"), *(f"  at place {n}" for n in range(10)))
    report = await World({"host-a": said(*lines)}, A).read(LogRead(source="nebula"))
    assert "12 lines of nebula, 1 of them an error" == str(report.summary)
    assert [("lines", 12), ("errors", 1)] == [
        (column.key, cell.value) for column, cell in zip(report.columns, report.rows[0].cells, strict=True)
    ][1:3]


@pytest.mark.parametrize(("hosts", "each"), [(1, 5_000), (10, 5_000), (100, 500)])
async def test_for_a_level_many_lines_are_looked_through_and_the_newest_that_fit_are_kept(hosts: int, each: int) -> None:
    """Three errors long ago among lines that nobody asked for."""
    lines = [nebula(ago(900 - n), str(n), "error" if n < 3 else "info") for n in range(200)]
    names = [f"host-{number}" for number in range(hosts)]
    world = World(dict.fromkeys(names, said(*lines)), *(host(name, number + 1) for number, name in enumerate(names)))
    report = await world.read(LogRead(source="nebula", level=Level.ERROR, tail=2))
    assert {each} == {action.search.tail for action in world.asked}  # type: ignore[attr-defined]
    assert {(name, text) for name in names for text in ("1", "2")} == set(texts(report))
    assert [] == [note for note in notes_of(report) if "only the newest lines were checked for level." in note]
    assert any("Use --tail to show more" in note for note in notes_of(report))


async def test_what_was_not_looked_through_for_a_level_is_said() -> None:
    world = World({"host-a": said(nebula(ago(3), "a"), cut=frozenset({Truncation.LINES}))}, A)
    report = await world.read(LogRead(source="nebula", level=Level.WARN))
    assert ["host-a nebula: only the newest lines were checked for level. Use --grep to search all lines"] == (
        notes_of(report)
    )


async def test_a_secret_never_gets_into_the_answer_also_where_it_has_several_lines() -> None:
    world = World({"host-a": said(nebula(ago(1), "password=hunter2"))}, A)
    report = await world.read(LogRead(source="nebula"))
    assert [("host-a", "password=[redacted]")] == texts(report)
    assert "hunter2" not in report.model_dump_json()


@pytest.mark.parametrize(
    "asked",
    [{"grep": "hunt"}, {"grep": "hunter[0-4]"}, {"grep": "=hunter2", "fixed": True}, {"grep": "hunter2", "case": True}],
)
async def test_a_pattern_reads_no_secret_out_of_what_is_hidden(asked: dict[str, Any]) -> None:
    """The host found it in the line as it is; the answer is that of a host that found nothing."""
    hidden = said(nebula(ago(1), "password=hunter2"), cut=frozenset({Truncation.LONG}), encoding="shift_jis")
    found = await World({"host-a": hidden}, A).read(LogRead(source="nebula", **asked))
    nothing = await World({"host-a": said()}, A).read(LogRead(source="nebula", **asked))
    assert nothing == found


@pytest.mark.parametrize(
    ("asked", "sought"), [({}, ""), ({"grep": "a.b|c"}, "a.b|c"), ({"grep": "a.b|c", "fixed": True}, r"a\.b\|c")]
)
async def test_what_hosts_looked_for_goes_with_the_lines_as_one_kind_of_pattern(asked: dict[str, Any], sought: str) -> None:
    report = await World({"host-a": said(nebula(ago(1), "a.b"))}, A).read(LogRead(source="nebula", **asked))
    assert report.excerpt is not None
    assert sought == report.excerpt.sought


@pytest.mark.parametrize(("grep", "count"), [("begin", 1), ("end", 0), ("x", 1), ("", 1)])
async def test_of_a_line_whose_end_is_not_brought_what_is_shown_counts(grep: str, count: int) -> None:
    """Behind that a secret may stand that nobody looked for: the host found something there."""
    line = f"begin {'x' * LINE_LIMIT} end".ljust(LINE_READ_LIMIT, "y")
    report = await World({"host-a": said(line)}, A).read(LogRead(source="nebula", grep=grep))
    assert count == len(texts(report))


@pytest.mark.parametrize("level", [None, Level.INFO])
async def test_a_line_that_is_left_out_took_no_other_s_place(level: Level | None) -> None:
    """Hosts are asked for more than are shown, for they cannot tell which will be."""
    world = World({"host-a": said(nebula(ago(2), "hello"), nebula(ago(1), "password=hunter2"))}, A)
    report = await world.read(LogRead(source="nebula", grep="hello|hunter", tail=1, level=level))
    assert ([("host-a", "hello")], []) == (texts(report), notes_of(report))
    assert [5_000] == [action.search.tail for action in world.asked]  # type: ignore[attr-defined]


async def test_more_lines_than_were_asked_for_are_told_of_after_that() -> None:
    world = World({"host-a": said(*(nebula(ago(each), "hello") for each in (3, 2, 1)))}, A)
    report = await world.read(LogRead(source="nebula", grep="hello", tail=2))
    assert 2 == len(texts(report))
    assert ["host-a nebula: more lines match. Use --tail to show more"] == notes_of(report)


async def test_a_line_with_a_secret_is_found_by_all_else_that_is_in_it() -> None:
    world = World({"host-a": said(nebula(ago(2), "password=hunter2"), nebula(ago(1), "hunter2 hunter"))}, A)
    report = await world.read(LogRead(source="nebula", grep="HUNTER$|PASSWORD=", tail=2))
    assert [("host-a", "password=[redacted]")] == texts(report)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("x" * (LINE_LIMIT - 3) + "hunter2" + "x" * 9, id="at the end of what is shown"),
        pytest.param(("hunter2" + "x" * 3) * (LINE_READ_LIMIT // 10) + "hunt", id="at the end of what is brought"),
    ],
)
async def test_no_part_of_a_secret_is_left_where_a_line_is_cut(words: str) -> None:
    """The mark is shorter than many secrets, so that the line's end moves into what is shown."""
    world = World({"host-a": said(words)}, A)
    world.view = replace(world.view, redact=lambda text: text.replace("hunter2", "*"))
    ((_, shown),) = texts(await world.read(LogRead(source="nebula")))
    assert "hun" not in shown
    assert shown.endswith("…")


async def test_hosts_that_cannot_be_read_are_named_and_hide_no_other() -> None:
    lost = Unreachable(Phrase("no connection"))
    missing = ActionFailed(Phrase("there is no log"), code="LogMissing", maybe_ran=False)
    world = World({"host-a": said(nebula(ago(1), "here")), "host-b": lost, "host-c": missing}, A, B, C)
    report = await world.read(LogRead(source="nebula"))
    assert [("host-a", "here")] == texts(report)
    assert "1 line of nebula (could not read: host-b, host-c)" == str(report.summary)
    assert [
        ("host-b", Severity.HIGH, "Windows: no connection", "health host-b --details", False),
        ("host-c", Severity.MEDIUM, "Windows: there is no log", None, True),
    ] == [(each.host, each.severity, str(each.why), each.next, each.reached) for each in report.findings]
    assert ("host-b",) == report.unreached_hosts


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (Unreachable(Phrase("no connection")), 1),
        (HostIdentityError(Phrase("another key")), 1),
        (AuthenticationFailed(Phrase("the password is wrong")), 1),  # a second try may lock the account
        (DeadlineExceeded.after(5), 1),  # long before the action's own time is over: nobody came through
        (ActionFailed(Phrase("there is no log"), code="LogMissing"), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, HostError) else str(value),
)
async def test_a_side_that_is_not_there_is_asked_once_for_all_its_logs(error: HostError, asked: int) -> None:
    world = World({"host-a": error}, A)
    got = await read_logs([A], LOG_SOURCES, LogQuery(tail=1), world.view)
    assert [(source, str(error)) for source in LOG_SOURCES] == [(each.source, str(each.error)) for each in got]
    assert asked == sum(isinstance(action, ReadLog) for action in world.asked)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of every read is over at once."""
    monkeypatch.setattr(ReadLog, "deadline", 0.0)


@pytest.mark.usefixtures("late")
async def test_a_host_that_hangs_is_waited_for_twice_for_one_log_may_be_slow() -> None:
    world = World({"host-a": DeadlineExceeded.after(20)}, A)
    got = await read_logs([A], LOG_SOURCES[:3], LogQuery(tail=1), world.view)
    assert (2, 3) == (len(world.asked), sum(each.error is not None for each in got))


@pytest.mark.usefixtures("late")
async def test_one_slow_log_hides_no_other() -> None:
    slow, missing = DeadlineExceeded.after(20), ActionFailed(Phrase("there is no log"), code="LogMissing")
    for first, then in ((slow, said()), (said(), slow), (slow, missing), (missing, slow)):
        world = World({"host-a": [first, then, said()]}, A)
        got = await read_logs([A], LOG_SOURCES[:3], LogQuery(tail=1), world.view)
        assert 3 == len(world.asked)
        assert got[-1].log is not None


async def test_logs_of_wsl2_are_read_at_once() -> None:
    """Its line is opened for all of them: where it is not there, they wait for that together."""
    together = asyncio.Barrier(2)

    class Waiting:
        async def perform(self, action: Action[Any]) -> Any:
            async with asyncio.timeout(10):
                await together.wait()
            return said()

        async def aclose(self) -> None: ...

    view = FleetView(Fleet(Inventory(hosts=(A,)), lambda host, side: Waiting()), lambda: NOW, Thresholds())
    got = await read_logs([A], ("cni", "podman"), LogQuery(tail=1), view)
    assert all(each.log is not None for each in got)


async def test_of_a_side_that_is_not_there_no_log_is_missed_that_the_host_never_had() -> None:
    world = World({"lighthouse": Unreachable(Phrase("no connection"))}, LIGHTHOUSE)
    got = await read_logs([LIGHTHOUSE], LOG_SOURCES, LogQuery(tail=1), world.view)
    assert [True, False, False, False, False] == [each.error is not None for each in got]


async def test_where_all_are_errors_they_are_not_counted_twice() -> None:
    world = World({"host-a": said(*(nebula(ago(each), "down", "error") for each in (3, 2, 1)))}, A)
    assert "3 lines of nebula, all of them errors" == str((await world.read(LogRead(source="nebula"))).summary)


async def test_nothing_anywhere_is_not_the_same_as_no_log() -> None:
    lost = Unreachable(Phrase("no connection"))
    assert "could not read nebula on any of 2 hosts" == str(
        (await World({"host-a": lost, "host-b": lost}, A, B).read(LogRead(source="nebula"))).summary
    )
    assert "could not read nebula" == str((await World({"host-a": lost}, A).read(LogRead(source="nebula"))).summary)
    assert "no matching lines in nebula" == str((await World({}, A).read(LogRead(source="nebula"))).summary)
    assert "none of these hosts has the log access" == str(
        (await World({}, LIGHTHOUSE).read(LogRead(source="access"))).summary
    )


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (Truncation.LINES, "no matching lines in the part of nebula that could be read"),
        (Truncation.SEARCHED, "no matching lines in the part of nebula that could be read"),
        (Truncation.TIME, "no matching lines in the part of nebula that could be read"),
        (Truncation.UNREAD, "no matching lines in the part of nebula that could be read"),
        (Truncation.PARTLY, "no matching lines in the part of nebula that could be read"),
        (Truncation.LONG, "no matching lines in nebula"),
    ],
)
async def test_where_not_all_was_read_it_is_not_said_that_nothing_fits(cut: Truncation, expected: str) -> None:
    world = World({"host-a": said(cut=frozenset({cut})), "host-b": said()}, A, B)
    assert expected == str((await world.read(LogRead(source="nebula"))).summary)


async def test_a_container_that_some_host_has_is_not_amiss_on_the_others() -> None:
    absent = ActionFailed(Phrase("there is no container web"), code="no-container", maybe_ran=False)
    here = said("2026-11-25T09:09:59.000000000Z GET /")
    report = await World({"host-a": here, "host-b": absent}, A, B).read(LogRead(source="container:web"))
    assert (1, ()) == (len(texts(report)), report.findings)
    nowhere = await World({"host-a": absent, "host-b": absent}, A, B).read(LogRead(source="container:web"))
    assert ["host-a", "host-b"] == [each.host for each in nowhere.findings]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("^login", True), ("^login password=", True), ("^2026", False), ("^password", False), (r"\.000", False)],
)
async def test_a_pattern_begins_behind_podman_s_time_where_a_secret_is_hidden_too(pattern: str, found: bool) -> None:
    here = said("2026-11-25T09:09:59.000000000Z login password=hunter2")
    world = World({"host-a": here}, A)
    report = await world.read(LogRead(source="container:web", grep=pattern))
    assert ([("host-a", "login password=[redacted]")] if found else []) == texts(report)


async def test_a_cause_on_a_line_of_its_own_keeps_time_and_level_under_a_pattern() -> None:
    """Also where another line between was dropped for its secret: openings go with their lines."""
    found = ("password=hunter2x no", "\tno host_id", "\tno peers")
    first, second = ("2026/11/25 09:09:58 [error] 4#4: *1 aborted", "2026/11/25 09:09:59 [crit] 4#4: *2 aborted")
    here = said(*found, openings=(first, first, second), offsets=(Offset(begins=0, seconds=0),))
    report = await World({"host-a": here}, A).read(LogRead(source="error", grep="(hunter2x )?no", level=Level.ERROR))
    assert report.excerpt is not None
    assert [("no host_id", "error", 58), ("no peers", "fatal", 59)] == [
        (line.text.strip(), str(line.level), line.at.second if line.at else None)
        for line in report.excerpt.lines
        if "redacted" not in line.text
    ]


async def test_a_program_that_is_missing_on_one_host_is_amiss_whatever_others_have() -> None:
    absent = ActionFailed(Phrase("journalctl is not installed"), code="absent", maybe_ran=False)
    here = said("2026-11-25T09:09:59.000000+00:00 h podman[1]: started")
    report = await World({"host-a": here, "host-b": absent}, A, B).read(LogRead(source="podman"))
    assert ["host-b"] == [each.host for each in report.findings]


async def test_a_container_is_asked_for_by_its_name_on_the_sides_that_may_have_it() -> None:
    world = World({}, A, LIGHTHOUSE)
    await world.read(LogRead(source="container:web-1"))
    (action,) = world.asked
    assert isinstance(action, ReadContainer)
    assert "web-1" == action.name


async def test_of_very_many_lines_the_newest_are_kept_and_limits_are_said() -> None:
    many = [
        said(*(nebula(ago(5_000 - n), str(n)) for n in range(5_000)), cut=frozenset({Truncation.LINES})) for _ in range(5)
    ]
    hosts = [host(f"host-{letter}", number) for number, letter in enumerate("abcde", start=1)]
    world = World({each.name: text for each, text in zip(hosts, many, strict=True)}, *hosts)
    report = await world.read(LogRead(source="nebula", tail=5_000))
    assert report.excerpt is not None
    assert MAX_KEPT_LINES == len(report.excerpt.lines)
    assert report.excerpt.lines[-1].text.endswith('msg="4999"')
    assert any("--tail" in str(note) for note in report.excerpt.notes)
    assert "showing the newest 20000 of 25000 lines. Choose fewer hosts" == str(report.excerpt.notes[0])


@pytest.mark.parametrize("text", ["あ" * 400, '"' * 600, "\\" * 600, "🚒" * 200, "x" * 1_200])
def test_what_is_kept_of_large_lines_fits_into_what_surfaces_keep(text: str) -> None:
    """Whatever JSON makes of their characters; the newest, and nearly as many as fit."""
    names = {"host": "h" * 63, "source": "container:" + "c" * 63}
    made = [made_line(n, text).model_copy(update=names | {"part_of": n}) for n in range(MAX_KEPT_LINES)]
    kept = select_newest(made)
    size = len(json.dumps([each.model_dump(mode="json") for each in kept]))
    assert MAX_KEPT_BYTES * 0.9 < size < MAX_KEPT_BYTES < MAX_DOCUMENT_BYTES
    assert made[-1] == kept[-1]
    assert made[-len(kept) :] == list(kept)


def notes_of(report: Report) -> list[str]:
    assert report.excerpt is not None
    return list(map(str, report.excerpt.notes))


def understood(text: str) -> Operation:
    return parse_operation(normalize_text(text), CATALOGUE, CATALOGUE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("log nebula", LogRead(source="nebula")),
        ("logs NEBULA", LogRead(source="nebula")),
        (f"log container:{'a' * 63}", LogRead(source=f"container:{'a' * 63}")),
        ("log container:Web_1 host-a", LogRead(source="container:Web_1", target=Target(parts=("host-a",)))),
        ("log access --tail 5 --level error", LogRead(source="access", tail=5, level=Level.ERROR)),
        ('log error --grep "bind() to" --fixed --case', LogRead(source="error", grep="bind() to", fixed=True, case=True)),
        ("log cni --since 1h --until 5m", LogRead(source="cni", since=timedelta(hours=1), until=timedelta(minutes=5))),
        ("log collect", LogCollect()),
        ("log collect host-a --since 2h", LogCollect(target=Target(parts=("host-a",)), since=timedelta(hours=2))),
    ],
)
def test_words_are_understood_and_said_again(typed: str, meant: Operation) -> None:
    assert meant == understood(typed)
    assert meant == understood(render_operation(meant))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("log", "requires source"),
        ("log nosuch", "is not a log"),
        ("log container:", "is not a log"),
        ("log container:../../etc", "is not a log"),
        ("log container:a;rm", "is not a log"),
        ("log container:-x", "is not a log"),
        ("log container:_web", "is not a log"),
        ("log container:.", "is not a log"),
        (f"log container:{'a' * 64}", "is not a log"),
        ("log nebula --tail 0", "is not a valid number of lines."),
        ("log nebula --tail 5001", "is not a valid number of lines."),
        ("log nebula --tail 0000000015000000", "is not a valid number of lines."),
        ("log nebula --tail many", "is not a valid number of lines."),
        ("log nebula --level grave", "is not valid here."),
        ("log nebula --since tomorrow", "is not a time. Use for example 30m"),
        ("log nebula --since 2026-01-31 14:20", "Write date and time as one word: 2026-01-31T14:20"),
        ("log nebula --since 10000d", "is not a duration."),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(typed: str, why: str) -> None:
    with pytest.raises(Exception, match=why):
        understood(typed)


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (LogRead(source="nebula", grep="(unclosed"), "unclosed"),
        (LogRead(source="nebula", since=timedelta(minutes=5), until=timedelta(hours=1)), "--since must be before --until"),
        (LogRead(source="nebula", since=ago(300), until=ago(3_600)), "--since must be before --until"),
        (LogRead(source="nebula", since=ago(300), until=timedelta(minutes=5)), "--since must be before --until"),
        (LogRead(source="nebula", since=ago(-1)), "is in the future"),
        (LogRead(source="nebula", until=ago(367 * 86_400)), "is too far in the past. Use a time within the last 366d"),
    ],
)
async def test_what_no_host_could_answer_is_not_asked(operation: LogRead, why: str) -> None:
    world = World({}, A)
    with pytest.raises(BadArgument, match=why):
        await world.read(operation)
    assert [] == world.asked
