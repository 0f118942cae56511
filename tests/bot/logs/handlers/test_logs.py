"""`log collect`: one archive with all that was brought, and what is missing in it said where it is read first."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Any, cast

import pytest

from adapters.action import Action
from adapters.errors import DeadlineExceeded, HostError, Unreachable
from adapters.inventory import Host
from adapters.logs import LogText, Truncation
from adapters.phrase import Phrase
from adapters.windows.logs import ReadLog
from adapters.wsl.logs import ReadCni, ReadPodman
from bot.access.policy import Actor, Policy
from bot.access.requester import Requester
from bot.access.rules import Grant
from bot.answers.data import write_files
from bot.logs.handlers import AlreadyQueued, ArchiveQueue, LogHandlers
from bot.logs.reports import MAX_LOG_BYTES
from bot.model.change import Change
from bot.model.incident import Incident
from bot.model.request import Answer, Failure, Surface, SystemIdentity
from bot.ports.context import RequestContext
from commands.logs.operations import MAX_KEPT_LINES, LogCollect
from commands.model.operation import Operation, Role
from commands.model.report import Bundle, Report, TextFile
from tests.bot.records import running
from tests.bot.rendering.examples import ENGLISH
from tests.bot.reported import Sides, view, windows, wsl
from tests.bot.requests.test_dispatcher import config
from tests.commands import canned
from tests.commands.canned import NOW
from tests.commands.canned_certs import host


def line(seconds: float, text: str, level: str = "info") -> str:
    return f'time="{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}" level={level} msg="{text}"'


def said(*lines: str, **more: Any) -> LogText:
    return LogText(lines=lines, clock=NOW, **more)


def raised(answer: LogText | HostError) -> LogText:
    if isinstance(answer, HostError):
        raise answer
    return answer


def hosts_that_say(logs: Mapping[str, LogText | HostError], *hosts: Host, **linux: object) -> Sides:
    """Every host says the same of its logs; of those that are not named, nothing."""

    def answer(side: Any) -> Any:
        def give(action: Action[Any]) -> object:
            match action:
                case ReadLog(log=path):
                    return raised(logs.get(PureWindowsPath(path).stem, said()))
                case ReadCni() | ReadPodman():
                    return said()
                case _:
                    return side(action)

        return give

    sides: Sides = {(each.name, "windows"): answer(windows(each)) for each in hosts}
    return sides | {(each.name, "wsl"): answer(wsl(each, **linux)) for each in hosts}


async def collected(logs: Mapping[str, LogText | HostError], *hosts: Host, **given: Any) -> Report:
    """Asked by an operator, to whom nothing is denied; what is `given` stands for what is there otherwise."""
    handlers = LogHandlers(
        changes=cast("Any", given.get("changes", Nothing())),
        incidents=cast("Any", given.get("incidents", Nothing())),
        archives=cast("Any", given.get("archives") or ArchiveQueue()),
        now=lambda: NOW,
    )
    actor = Actor("ana", frozenset({Role.OPERATOR}), "person ana")
    looked = given.get("view") or view(*hosts, said=hosts_that_say(logs, *hosts))
    context = RequestContext(
        operation=given.get("operation", "op-1"),
        requester=Requester(actor, SystemIdentity(1000, "ana"), given.get("surface", Surface.SHELL), ""),
        at=NOW,
        zone=UTC,
        permitted=(),
        config=replace(config(), fleet=looked.fleet, policy=given.get("policy", Policy())),
        view=looked,
        authorizer=NoWords(),
    )
    return await handlers.collect(LogCollect(), context)


class NoWords:
    """Judges no words: evidence asks for operations, never for words."""

    def may_see(self, words: str) -> bool:
        raise AssertionError(words)

    def interpret_scheduled(self, words: str, channel: str) -> Operation | Failure:
        raise AssertionError(words)


class Nothing:
    """No changes, and no incident."""

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[()]:
        return ()

    async def find_open_in(self, channel: str) -> None:
        return None


def unpacked(report: Report) -> dict[str, str]:
    (bundle,) = write_files(Answer(operation="op-1", understood="log collect --since 30m", body=report), ENGLISH)
    assert isinstance(bundle, Bundle)
    folder = bundle.name.removesuffix(".zip") + "/"
    assert all(member.name.startswith(folder) for member in bundle.members)
    return {member.name.removeprefix(folder): member.text for member in bundle.members if isinstance(member, TextFile)}


def part(report: Report, heading: str) -> list[str]:
    """A section of the summary, as it is read."""
    plain = unpacked(report)["summary.md"].replace("\\", "")
    return [
        line.removeprefix("- ") for line in plain.partition(f"## {heading}\n")[2].partition("\n## ")[0].split("\n") if line
    ]


def lines_of(text: str) -> list[str]:
    return [each for each in text.splitlines() if not each.startswith("#")]


A, B = host("host-a", 1), host("host-b", 2)
ONE = {"nebula": said(line(3, "a"), line(2, "b", "error"), "  at one", "  at two", line(1, "c"))}


async def test_an_error_with_its_stack_trace_is_one_error() -> None:
    assert "host-a nebula: 1 error" in unpacked(await collected(ONE, A))["summary.md"]


async def test_the_timeline_has_every_line_that_was_collected_and_the_answer_the_newest() -> None:
    hosts = [host(f"host-{number}", number + 1) for number in range(21)]
    report = await collected({"nebula": said(*(line(1_000 - n, str(n)) for n in range(1_000)))}, *hosts)
    assert report.excerpt is not None
    assert MAX_KEPT_LINES == len(report.excerpt.lines)
    assert "showing the newest 20000 of 21000 lines. timeline.txt has all of them" == str(report.excerpt.notes[0])
    timeline = unpacked(report)["timeline.txt"]
    assert 21_000 == len(lines_of(timeline))
    assert "newest" not in timeline
    assert "of 21000 lines" not in timeline


@pytest.mark.parametrize("cut", [Truncation.LINES, Truncation.BYTES])
async def test_what_is_missing_is_said_with_words_that_there_are(cut: Truncation) -> None:
    """`log collect` itself has neither option; the words above a single log have them."""
    report = await collected({"nebula": said(line(1, "a"), cut=frozenset({cut}))}, A)
    option = {Truncation.LINES: ". Use --tail to show more", Truncation.BYTES: ". Narrow the search with --grep"}[cut]
    elsewhere = option.replace("--", "log SOURCE --")
    files = unpacked(report)
    assert report.excerpt is not None
    said_in = {name: (option in text, elsewhere in text) for name, text in files.items() if "host-a nebula: " in text}
    assert elsewhere in str(report.excerpt.notes[0])
    assert (False, True) == said_in["timeline.txt"]
    assert (False, True) == said_in["summary.md"]
    assert (True, False) == said_in["logs/host-a/nebula.txt"]
    assert "# /flatnet log nebula host-a --since 30m --tail 1000" == files["logs/host-a/nebula.txt"].splitlines()[0]


async def test_who_may_not_ask_for_changes_gets_none_and_the_summary_says_why() -> None:
    """As `report monthly` does: what the bot keeps of changes is beside what the hosts say."""
    only_security = Grant(operations=("op",), roles=frozenset({Role.SECURITY}))
    files = unpacked(await collected(ONE, A, policy=Policy(grants=(only_security,))))
    assert "changes.md" not in files
    assert "changes.md: op requires one of these roles: security (yours: operator)" in files["summary.md"]
    assert 1 == files["summary.md"].count("changes.md")
    elsewhere = Grant(operations=("op",), roles=frozenset({Role.OPERATOR}), channels=("C0OPS",))
    assert "changes.md" not in unpacked(await collected(ONE, A, policy=Policy(grants=(elsewhere,))))


@pytest.mark.parametrize(
    ("narrowed", "told"), [({}, True), ({"roles": frozenset({Role.SECURITY})}, False), ({"channels": ("C0OPS",)}, False)]
)
async def test_the_incident_of_the_channel_is_told_of_where_it_may_be_asked_for(
    narrowed: dict[str, Any], told: bool
) -> None:
    class One(Nothing):
        async def find_open_in(self, channel: str) -> Any:
            return Incident("op-1", channel, "the gateway answers 502", "host-a", "bo", NOW, number=7, private=False)

    grant = Grant(**({"operations": ("incident",), "roles": frozenset({Role.OPERATOR})} | narrowed))
    report = await collected(ONE, A, incidents=One(), policy=Policy(grants=(grant,)))
    assert told is bool(part(report, "Incident"))
    assert told is ("the gateway answers 502" in unpacked(report)["summary.md"])


async def test_each_run_of_a_schedule_waits_for_its_archive_whosever_it_is() -> None:
    """Nobody is there who could be told to ask again."""

    class Turns:
        def __init__(self) -> None:
            self.askers: list[str] = []

        async def make(self, asker: str, gather: Any, pack: Any) -> Report:
            self.askers.append(asker)
            return cast("Report", pack(await gather()))

    turns = Turns()
    for surface in (Surface.SHELL, Surface.SCHEDULE):
        await collected(ONE, A, archives=turns, operation="op-7", surface=surface)
    assert ["ana", "op-7"] == turns.askers


SLOW = DeadlineExceeded.after(20)


async def test_of_a_log_that_was_not_read_the_reason_is_said_where_the_host_is_well() -> None:
    """Health says nothing of it, so it is a finding; beside its name stands why, once for each host and reason."""
    report = await collected(ONE | {"access": SLOW, "error": SLOW}, A, B)
    assert [
        (name, f"log {source}", "Windows: no response within 20 s. Check that the host is up and not overloaded")
        for name in ("host-a", "host-b")
        for source in ("access", "error")
    ] == [(each.host, each.subject, str(each.why)) for each in report.findings]
    assert str(report.summary).endswith("All 2 hosts are healthy. 4 logs could not be read")
    assert [f"host-{each}: access and error (Windows: timed out)" for each in "ab"] == part(report, "Not included")


async def test_where_health_says_that_a_side_does_not_answer_its_logs_do_not_say_it_again() -> None:
    sides = hosts_that_say(ONE, A) | {("host-a", "windows"): Unreachable(Phrase("no route"))}
    report = await collected({}, A, view=view(A, said=sides))
    assert ["windows"] == [each.subject for each in report.findings]
    assert ["host-a: nebula, access, and error (Windows: no connection)"] == part(report, "Not included")


class Busy:
    """So many changes of whatever is asked about."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: tuple[Sequence[str], datetime] | None = None

    async def list_touching(self, hosts: Sequence[str], since: datetime, limit: int) -> tuple[Change, ...]:
        self.asked = (hosts, since)
        return (running("host-a").to_change(),) * min(self.count, limit)


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (
            0,
            (
                "No changes made through the bot on all from 2026-11-25 17:40 JST to 2026-11-25 18:10 JST "
                "(other hosts not included)"
            ),
        ),
        (
            1,
            (
                "1 change made through the bot on all from 2026-11-25 17:40 JST to 2026-11-25 18:10 JST, including "
                "unfinished earlier ones"
            ),
        ),
    ],
)
async def test_which_changes_a_file_is_about_stands_in_it(count: int, told: str) -> None:
    """Whoever opens it elsewhere must not take it for all that was changed."""
    files = unpacked(await collected(ONE, A, B, changes=Busy(count)))
    assert told in files["changes.md"]
    assert "/flatnet health all --details" in files["health.md"]


@pytest.mark.parametrize(("count", "told"), [(100, []), (101, ["changes.md contains the newest 100 changes only"])])
async def test_changes_are_those_of_the_hosts_and_the_time_and_it_is_said_where_there_are_more(
    count: int, told: list[str]
) -> None:
    changes = Busy(count)
    report = await collected(ONE, A, B, changes=changes)
    assert (["host-a", "host-b"], NOW - timedelta(minutes=30)) == changes.asked
    assert told == part(report, "Not included")
    assert 100 == unpacked(report)["changes.md"].count("cert renew host")


async def test_of_logs_that_have_no_room_together_the_newest_lines_are_kept_and_it_is_said() -> None:
    """Each log has its share of what an archive may hold; a log with room for all of it loses nothing."""
    hosts = [host(f"host-{number}", number) for number in range(1, 251)]
    long = [line(40 - n, f"{n} {'x' * 4_000}"[:3_900]) for n in range(40)]
    report = await collected({"nebula": said(*long), "access": said(line(1, "short"))}, *hosts)
    files = unpacked(report)
    size = sum(len(text.encode()) for name, text in files.items() if name.startswith("logs/"))
    assert 35 * 2**20 // 5 < size < MAX_LOG_BYTES // 5 + 300 * 2**10
    kept = lines_of(files["logs/host-7/nebula.txt"])
    assert [f'msg="{n} ' in text for n, text in zip(range(40 - len(kept), 40), kept, strict=True)] == [True] * len(kept)
    note = ": limited to 48 MB per archive, newest lines only. Choose fewer hosts to collect more"
    assert f"host-7 nebula{note}" in files["logs/host-7/nebula.txt"]
    assert note not in files["logs/host-7/access.txt"]
    assert report.excerpt is not None
    assert any(str(each).endswith(note) for each in report.excerpt.notes)
    assert note in files["summary.md"]


async def test_whoever_asks_for_a_second_archive_meanwhile_is_told_to_wait_for_theirs() -> None:
    archives = ArchiveQueue()
    first = asyncio.create_task(collected(ONE, A, archives=archives))
    await asyncio.sleep(0)
    with pytest.raises(AlreadyQueued, match=r"your archive is still being created\. Wait for it, then try again"):
        await collected(ONE, A, archives=archives)
    assert "summary.md" in unpacked(await first)
    assert "summary.md" in unpacked(await collected(ONE, A, archives=archives))


async def test_the_summary_says_what_is_wrong_before_what_is_in_the_archive() -> None:
    """After the incident and the time; hosts of which the same is to be said together, with the words that help."""
    report = await collected(ONE | {"access": SLOW, "error": SLOW}, A, B)
    headings = [line for line in unpacked(report)["summary.md"].splitlines() if line.startswith("## ")]
    assert ["Time span", "Needs attention", "Logs with errors", "Archive contents", "Not included"] == [
        heading.removeprefix("## ") for heading in headings
    ][:5]
    why = "Windows: no response within 20 sec. Check that the host is up and not overloaded"
    words = "health host-a --details · health host-b --details"
    assert [f"host-a and host-b, unknown: {why}. Next: {words}"] == part(report, "Needs attention")


async def test_where_errors_began_is_said_to_the_second() -> None:
    """Logs of the same minute are told apart."""
    early = said(line(9, "a", "error"), line(1, "b", "error"))
    assert [
        "host-a error: 2 errors, first at 2026-11-25 18:09:51.0 JST",
        "host-a nebula: 1 error at 2026-11-25 18:09:58.0 JST",
    ] == part(await collected(ONE | {"error": early}, A), "Logs with errors")


async def test_what_containers_print_is_said_not_to_be_there_with_the_words_that_bring_it() -> None:
    last = "Container output is not included. Get it with {}".format
    assert last("log container:NAME HOST") == part(await collected(ONE, A), "Archive contents")[-1]
    broken = canned.wsl(A, containers=(canned.container("web", "exited", 137), canned.container("db")))
    report = await collected({}, A, view=view(A, said=hosts_that_say(ONE, A, system=broken)))
    assert last("log container:web host-a") == part(report, "Archive contents")[-1]
    lighthouse = await collected(ONE, host("lighthouse", 0))
    assert not any("Container output is not included" in line for line in part(lighthouse, "Archive contents"))
