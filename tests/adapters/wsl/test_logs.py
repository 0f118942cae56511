"""What is made of logs in WSL2, over the real protocol: CNI's, podman's, a container's; and why one cannot be read."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.host_clock import Offset
from adapters.inventory import WslSide
from adapters.logs import LogSearch, LogText, Truncation
from adapters.wsl.action import CompletedProgram, WslAction
from adapters.wsl.logs import ReadCni, ReadContainer, ReadPodman
from adapters.wsl.shell import build_shell_line, parse_frames
from tests.adapters.wsl.conftest import Connect
from tests.lab.wsl.container import Container
from tests.lab.wsl.logs import Entry, LogFile, Logs, Printed
from tests.lab.wsl.programs_logs import journalctl
from tests.lab.wsl.server import SshServer
from tests.lab.wsl.state import WslState

SIDE = WslSide(address="192.0.2.11", key_file=Path("key"), known_hosts_file=Path("known_hosts"))
BEGAN = datetime(2026, 11, 25, 1, tzinfo=UTC)
ALL = LogSearch(tail=50)


def at(minute: int) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def cni(search: LogSearch = ALL) -> ReadCni:
    return ReadCni.of(SIDE, search)


def podman(search: LogSearch = ALL) -> ReadPodman:
    return ReadPodman.of(SIDE, search)


def web(search: LogSearch = ALL) -> ReadContainer:
    return ReadContainer.of(SIDE, "web", search)


@pytest.fixture
def state(server: SshServer) -> WslState:
    """A host that has written three lines to each log."""
    logs = server.state.logs
    logs.files["/var/log/syslog"] = LogFile(
        b"".join(f"{at(n).isoformat()} host flatnet-cni: CNI ADD {n}\n".encode() for n in range(3)), at(3)
    )
    logs.journal = [Entry(at(n), f"started {n}") for n in range(3)] + [Entry(at(9), "cni in the journal", "cron", "cron[1]")]
    logs.printed["web"] = [Printed(at(0), b"zero"), Printed(at(1), b"one"), Printed(at(2), b"two")]
    return server.state


async def test_lines_about_cni_come_from_syslog(state: WslState, connect: Connect) -> None:
    text = await connect().perform(cni(LogSearch(tail=2, pattern="add")))
    assert [f"{at(n).isoformat()} host flatnet-cni: CNI ADD {n}" for n in (1, 2)] == list(text.lines)
    assert (("syslog",), frozenset({Truncation.LINES})) == (text.files, text.cut)


async def test_where_there_is_no_syslog_they_come_from_the_journal(state: WslState, connect: Connect) -> None:
    del state.logs.files["/var/log/syslog"]
    text = await connect().perform(cni())
    assert ["2026-11-25T10:09:00.000000+09:00 host cron[1]: cni in the journal"] == list(text.lines)
    assert ((), None, None) == (text.files, text.searched, text.size)


async def test_podman_s_own_lines_come_from_the_journal(state: WslState, connect: Connect) -> None:
    text = await connect().perform(podman(LogSearch(tail=5, since=at(1), until=at(2))))
    assert [f"2026-11-25T10:0{n}:00.000000+09:00 host podman[812]: started {n}" for n in (1, 2)] == list(text.lines)


async def test_podman_s_lines_are_those_of_its_unit_and_of_its_commands(state: WslState, connect: Connect) -> None:
    """None has the unit podman until its API is used; systemd's word on that unit belongs to them."""
    state.logs.journal = [
        Entry(at(0), "container start web", unit="session-3.scope", program="podman[812]"),
        Entry(at(1), "Started podman.service", unit="podman.service", program="systemd[1]"),
        Entry(at(2), "API service listening", unit="podman.service", program="podman[813]"),
        Entry(at(3), "Started cron.service", unit="cron.service", program="systemd[1]"),
        Entry(at(4), "podman.service", unit="cron.service", program="cron[99]"),
    ]
    text = await connect().perform(podman())
    assert ["container start web", "Started podman.service", "API service listening"] == [
        line.partition("]: ")[2] for line in text.lines
    ]


JOURNAL_REMOTE = Path("/usr/lib/systemd/systemd-journal-remote")


def journal_of(entries: list[Entry]) -> str:
    """Entries in systemd's export format."""
    usual = {"_BOOT_ID": "1" * 32, "_MACHINE_ID": "2" * 32, "_HOSTNAME": "host", "__MONOTONIC_TIMESTAMP": "1"}
    return "".join(
        "".join(f"{name}={value}\n" for name, value in (usual | each.fields).items())
        + f"__REALTIME_TIMESTAMP={int(each.at.timestamp()) * 1_000_000}\nMESSAGE={each.text}\n\n"
        for each in entries
    )


def test_the_real_journalctl_finds_what_its_twin_finds(tmp_path: Path) -> None:
    if not JOURNAL_REMOTE.exists():
        pytest.skip("systemd-journal-remote is not installed; what podman's entries are is checked in the lab without it")
    entries = [
        Entry(at(0), "container start web", program="podman[812]"),
        Entry(at(1), "Started podman.service", unit="podman.service", program="systemd[1]"),
        Entry(at(2), "API service listening", unit="podman.service", program="podman[813]"),
        Entry(at(3), "nothing", unit="cron.service", program="cron[99]"),
    ]
    file, logs = tmp_path / "system.journal", Logs(journal=entries)
    subprocess.run(
        [JOURNAL_REMOTE, "-o", file, "-"], input=journal_of(entries), text=True, capture_output=True, check=True, timeout=30
    )
    command = podman().build_commands()[0]
    _, *arguments = command[command.index("--") + 1 :]
    real = subprocess.run(
        ["journalctl", "--file", file, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"TZ": "JST-9"},
    )
    assert 3 == len(real.stdout.splitlines())
    assert journalctl(list(arguments), logs).stdout == real.stdout


async def test_the_next_line_of_a_journal_entry_comes_with_its_beginning(state: WslState, connect: Connect) -> None:
    state.logs.journal = [Entry(at(0), "level=error msg=failed\n      cause: no route")]
    text = await connect().perform(podman(LogSearch(tail=5, pattern="cause")))
    assert ("      cause: no route",) == text.lines
    assert ("2026-11-25T10:00:00.000000+09:00 host podman[812]: level=error msg=failed",) == text.openings


async def test_both_outputs_of_a_container_come_in_order(state: WslState, connect: Connect) -> None:
    text = await connect().perform(web())
    times = [f"2026-11-25T01:0{n}:00.000000000Z" for n in range(3)]
    assert [f"{time} {word}" for time, word in zip(times, ("zero", "one", "two"), strict=True)] == list(text.lines)
    assert (Offset(begins=0, seconds=9 * 3_600),) == text.offsets


async def test_a_pattern_and_times_hold_for_a_container_too(state: WslState, connect: Connect) -> None:
    text = await connect().perform(web(LogSearch(tail=1, pattern="ZERO|two", until=at(1))))
    assert ["2026-11-25T01:00:00.000000000Z zero"] == list(text.lines)


@pytest.mark.parametrize(("pattern", "found"), [("^t", ["two"]), ("^(one|2026)$", ["one"]), ("^2026", [])])
async def test_a_container_s_line_begins_behind_podman_s_time(
    pattern: str, found: list[str], state: WslState, connect: Connect
) -> None:
    text = await connect().perform(web(LogSearch(tail=5, pattern=pattern)))
    assert found == [line.partition(" ")[2] for line in text.lines]


async def test_a_line_without_an_end_is_not_part_of_the_next(state: WslState, connect: Connect) -> None:
    state.logs.printed["web"] = [Printed(at(0), b"no end", end=""), Printed(at(1), b"next"), Printed(at(2), b"last", end="")]
    text = await connect().perform(web(LogSearch(tail=2, pattern="^(no|next|last)")))
    times = [f"2026-11-25T01:0{n}:00.000000000Z" for n in (1, 2)]
    assert [f"{times[0]} next", f"{times[1]} last"] == list(text.lines)
    assert frozenset({Truncation.LINES}) == text.cut


async def test_a_line_in_pieces_is_one(state: WslState, connect: Connect) -> None:
    state.logs.printed["web"] = [Printed(at(0), b"18", end=""), Printed(at(0), b"60"), Printed(at(1), b"next")]
    text = await connect().perform(web(LogSearch(tail=5)))
    assert ["1860", "next"] == [line.partition(" ")[2] for line in text.lines]


async def test_one_read_is_one_round_trip(state: WslState, server: SshServer, connect: Connect) -> None:
    await connect().perform(web())
    assert server.lines == 1


async def test_bytes_of_any_encoding_come_through(state: WslState, connect: Connect) -> None:
    state.logs.printed["web"] = [Printed(at(0), "接続 <!channel> \x1b[31m".encode("cp932")), Printed(at(1), b"\xff\xfe")]
    text = await connect().perform(web())
    assert ["接続 <!channel> \x1b[31m", "\ufffd\ufffd"] == [line.partition(" ")[2] for line in text.lines]


@pytest.mark.parametrize("read", [podman(), web()], ids=["podman", "container"])
async def test_a_log_without_an_entry_is_empty(read: WslAction[LogText], state: WslState, connect: Connect) -> None:
    """`-- No entries --` is no line."""
    state.logs.journal, state.logs.printed = [], {}
    text = await connect().perform(read)
    assert ((), frozenset()) == (text.lines, text.cut)


def gone(state: WslState) -> None:
    state.containers = [container for container in state.containers if container.name != "web"]


def foreign(state: WslState) -> None:
    gone(state)
    state.containers.append(Container("web", network="podman"))


def set_log(**changes: Any) -> Callable[[WslState], None]:
    return lambda state: state.logs.files.update({"/var/log/syslog": LogFile(**changes)})


def without(log: str, **changes: Any) -> Callable[[WslState], None]:
    def change(state: WslState) -> None:
        state.logs.files.pop(log, None)
        for name, value in changes.items():
            setattr(state.logs, name, value)

    return change


ENDLESS = LogSearch(tail=5, pattern="(a+)+$")
TROUBLES: list[tuple[str, WslAction[LogText], Callable[[WslState], object], str, str]] = [
    ("syslog is a folder", cni(), set_log(kind="folder"), "no_file", "is a folder or device, not a log"),
    ("syslog may not be read", cni(), set_log(kind="denied"), "denied", "to the group adm"),
    ("syslog leads elsewhere", cni(), set_log(kind="link", target="/etc/shadow"), "outside", "links to /etc/shadow"),
    ("neither syslog nor a journal", cni(), without("/var/log/syslog", journal=None), "missing", "WSL2 has no journal"),
    ("a hidden journal", podman(), without("", seen=False), "denied", "to the group systemd-journal"),
    ("a hidden journal for CNI", cni(), without("/var/log/syslog", seen=False), "denied", "to the group systemd-journal"),
    ("no journalctl", podman(), lambda state: state.missing.add("journalctl"), "absent", "Install the missing program"),
    ("a stuck journalctl", podman(), lambda state: state.hanging.add("journalctl"), "silent", "did not respond within 7 s"),
    ("a killed podman", web(), lambda state: state.killed.add("podman logs"), "killed", "killed in WSL2 (signal 9)"),
    ("no perl", podman(), lambda state: state.missing.add("perl"), "127", "Install perl-base"),
    ("bad pattern", cni(LogSearch(tail=5, pattern="(")), lambda state: None, "pattern", "invalid pattern"),
    ("no such container", web(), gone, "no-container", "no container web"),
    ("not Flatnet's container", web(), foreign, "foreign", "is not on the network flatnet"),
    ("sudo refused", web(), lambda state: setattr(state, "sudo", False), "unread", "could not run podman with sudo"),
    ("rootless", web(), lambda state: setattr(state, "sudo_becomes_root", False), "unread", "podman is not running as root"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("read", "change", "code", "words"), [case[1:] for case in TROUBLES], ids=[case[0] for case in TROUBLES]
)
async def test_what_cannot_be_read_says_why(
    read: WslAction[LogText], change: Callable[[WslState], object], code: str, words: str, state: WslState, connect: Connect
) -> None:
    change(state)
    with pytest.raises(ActionFailed) as refused:
        await connect().perform(read)
    assert (code, False) == (refused.value.code, refused.value.maybe_ran)
    assert words in str(refused.value)


class Hurried(ReadContainer):
    """With less time for each program."""

    program_timeout = 0.1


@pytest.mark.slow
async def test_a_stuck_podman_is_given_up(state: WslState, connect: Connect) -> None:
    state.hanging.add("podman")
    with pytest.raises(ActionFailed, match="did not finish") as refused:
        await connect().perform(Hurried.model_validate(web().model_dump()))
    assert ("unread", False) == (refused.value.code, refused.value.maybe_ran)


LISTED = [
    CompletedProgram(0, "false\n", ""),
    CompletedProgram(0, "", ""),
    CompletedProgram(0, '[{"Names": ["web"], "State": "running", "Status": "Up", "ExitCode": 0}]', ""),
]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            CompletedProgram(125, "", 'Error: no container with name or ID "web" found: no such container\n'),
            "gone",
            "was just removed",
        ),
        (CompletedProgram(125, "", "Error: boom\n"), "125", "podman failed: Error: boom"),
        (
            CompletedProgram(1, "", "sudo: a password is required\n"),
            "refused",
            "could not run podman logs with sudo: sudo: a password is required. Run prepare-wsl.sh again",
        ),
    ],
    ids=["gone meanwhile", "podman fails", "sudo does not allow the log"],
)
def test_a_container_s_log_may_fail_where_its_list_does_not(answer: CompletedProgram, code: str, words: str) -> None:
    with pytest.raises(ActionFailed, match=re.escape(words)) as refused:
        web().parse([*LISTED, answer])
    assert code == refused.value.code


def test_a_refusal_of_sudo_is_not_taken_for_a_container_of_another_network() -> None:
    """Only podman knows whether there is one of that name."""
    nothing = CompletedProgram(0, "[]", "")
    with pytest.raises(ActionFailed, match="could not run podman logs with sudo"):
        web().parse([*LISTED[:2], nothing, CompletedProgram(1, "", "sudo: a password is required\n")])


def test_a_pattern_that_takes_for_ever_is_the_pattern_s_fault() -> None:
    with pytest.raises(ActionFailed, match="takes too long on a line"):
        cni(ENDLESS).parse([CompletedProgram(124, "", "")])
    with pytest.raises(ActionFailed, match="did not respond"):
        cni(LogSearch(tail=5, pattern="(a+)+$", fixed=True)).parse([CompletedProgram(124, "", "")])


def test_times_go_to_journalctl_as_whole_seconds_around_them() -> None:
    half = timedelta(milliseconds=500)
    argv = podman(LogSearch(tail=5, since=at(1) + half, until=at(2) + half)).build_commands()[0]
    second = int(at(0).timestamp())
    assert ("--since", f"@{second + 60}", "--until", f"@{second + 121}") == argv[-10:-6]


@pytest.mark.parametrize("read", [cni(), podman()], ids=["cni", "podman"])
def test_the_real_journalctl_of_a_machine_without_a_journal_is_understood(read: WslAction[LogText], tmp_path: Path) -> None:
    """It is asked for a folder of its own, in which there is nothing."""
    real = Path("/usr/bin/journalctl")
    if not real.exists():
        pytest.skip("journalctl is not installed; its words are checked in the lab without it")
    (tmp_path / "journal").mkdir()
    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\nexec {real} --directory {tmp_path}/journal "$@"\n')
    program.chmod(0o755)
    read = read.model_copy(update={"syslog": f"{tmp_path}/none"}) if isinstance(read, ReadCni) else read
    line = build_shell_line(read.build_commands(), 10.0, "nonce")
    ran = subprocess.run(
        ["sh", "-c", line], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, timeout=30, check=False
    )
    with pytest.raises(ActionFailed, match="WSL2 has no journal"):
        read.parse(parse_frames(ran.stdout, ran.stderr, "nonce", 1))


NONE = CompletedProgram(125, "", 'Error: no container with name or ID "web" found: no such container\n')


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "no container web. Flatnet's network has no containers"),
        (["db", "api"], "no container web. Available: db, api"),
        (
            [f"c{number}" for number in range(7)],
            "no container web. 7 available, for example: c0, c1, c2, c3, c4",
        ),
        (["x" * 255], f"no container web. Available: {'x' * 63}"),
    ],
)
def test_where_there_is_no_such_container_those_that_there_are_are_named(names: list[str], told: str) -> None:
    listed = [{"Names": [name], "State": "running", "Status": "Up", "ExitCode": 0} for name in names]
    with pytest.raises(ActionFailed) as refused:
        web().parse([*LISTED[:2], CompletedProgram(0, json.dumps(listed), ""), NONE])
    assert told == str(refused.value.phrase)
