"""`python -m tests.lab` as a process: ready, switchable while it runs, quick, small, and gone without a trace."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.bench.lab import lab, resident
from tests.scenarios.conftest import PATIENCE
from tests.scenarios.processes import environment

pytestmark = pytest.mark.slow


@contextmanager
def lab_process(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A lab in a process group of its own, so that what it leaves behind can be found."""
    command = [sys.executable, "-m", "tests.lab", "--dir", str(folder), *more]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment()
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python module to its end."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment(LC_ALL="en_US.UTF-8")
    )


def health(folder: Path) -> tuple[int, dict[str, str]]:
    """The exit code of `do health`, and the findings' whys by host."""
    asked = python("bot", "do", "health", "--json", "--config", str(folder / "flatnet.toml"))
    findings = json.loads(asked.stdout)["report"]["findings"]
    return asked.returncode, {finding["host"]: finding["why"] for finding in findings}


def first_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().rstrip("\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_serves_a_bot_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """One line on stdout, exit code 0, nothing on stderr, no process, no socket; page and `do` work in between."""
    with lab_process(tmp_path, "--hosts", "2", "--lighthouse", "--workspace") as running:
        ready, _, address = first_line(running).rpartition(", ")
        assert f"ready: 3 hosts, {tmp_path / 'flatnet.toml'}" == ready
        with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE) as page:
            assert b"<!doctype html>" in page.read()
        assert (0, {}) == health(tmp_path)
        running.send_signal(number)
        left = running.communicate(timeout=PATIENCE)
        assert (0, ("", "")) == (running.returncode, left)
        with pytest.raises(ProcessLookupError):
            os.killpg(running.pid, 0)
    assert [] == list(tmp_path.rglob("*.sock"))
    assert 4 == health(tmp_path)[0]


def test_faults_are_switched_from_outside_while_it_runs(tmp_path: Path) -> None:
    """By host, side and fault; what makes no sense is refused and changes nothing."""
    switch = ("tests.lab.switch", "--dir", str(tmp_path))
    with lab_process(tmp_path, "--hosts", "2") as running:
        first_line(running)
        for side in ("windows", "wsl", "gateway"):
            switched = python(*switch, "host-b", side, "refuse", "--rtt", "20")
            assert (0, f"host-b {side}: refuse, 20 ms\n", "") == (switched.returncode, switched.stdout, switched.stderr)
        refused = python(*switch, "host-z", "wsl", "none")
        assert (1, True) == (refused.returncode, refused.stdout.startswith("no: "))
        assert 2 == python(*switch, "host-a", "wsl", "nonsense").returncode
        code, whys = health(tmp_path)
        assert (4, ["host-b"]) == (code, list(whys))
        for side in ("windows", "wsl", "gateway"):
            python(*switch, "host-b", side, "none", "--rtt", "0")
        assert (0, {}) == health(tmp_path)


@pytest.mark.parametrize("wrong", [("--hosts", "0"), ("--hosts", "255"), ("--hosts", "many"), ("--hosts", "3", "--story")])
def test_what_it_cannot_play_is_a_usage_error(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """Exit code 2, and nothing is started or written."""
    ended = python("tests.lab", "--dir", str(tmp_path / "lab"), *wrong)
    assert 2 == ended.returncode
    assert re.search(r"error: .*--(hosts|story)", ended.stderr)
    assert not (tmp_path / "lab").exists()


def test_a_hundred_hosts_are_small(tmp_path: Path) -> None:
    """The goal is 300 MB, imports included; how soon they are ready is measured in `tests.bench.starts`."""
    with lab(tmp_path, 100) as large:
        assert resident(large.process) < 300


TROUBLES = ("host-b", "stopped", "host-d", "exited", "host-e", "unreachable")


@pytest.mark.parametrize(
    ("language", "terminal", "words"),
    [
        ("en", "ja_JP.UTF-8", (*TROUBLES, "Press Ctrl-C", "LC_ALL=en_US.UTF-8 ")),
        ("ja", "en_US.UTF-8", ("host-b", "停止", "host-d", "host-e", "Ctrl-C で終了", "LC_ALL=ja_JP.UTF-8 ")),
    ],
)
def test_the_demo_shows_its_three_troubles(tmp_path: Path, language: str, terminal: str, words: tuple[str, ...]) -> None:
    """Commands that are piped in are answered in the demo's language, whatever that of the terminal is. The demo ends with
    them, and leaves no process and no file."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo", "--language", language],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(LC_ALL=terminal, COLUMNS="160", TMPDIR=str(tmp_path)),
    ) as demo:
        said, errors = demo.communicate("health\n", timeout=PATIENCE)
        assert (0, "") == (demo.returncode, errors)
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())
    assert [] == [word for word in words if word not in said], said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_told_to_go_takes_everything_with_it(tmp_path: Path, number: signal.Signals) -> None:
    """Also where only its own process is told, or its terminal is closed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env=environment(TMPDIR=str(tmp_path)),
    ) as demo:
        first_line(demo)
        demo.send_signal(number)
        demo.communicate(timeout=PATIENCE)
        assert 128 + number == demo.returncode
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())
