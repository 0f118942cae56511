"""`python -m tests.lab` as a process: ready, switchable while it runs, quick, small, and gone without a trace."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.bench.lab import lab, resident
from tests.scenarios.conftest import PATIENCE
from tests.scenarios.forks import command, fork
from tests.scenarios.processes import environment

pytestmark = pytest.mark.slow


async def health(folder: Path) -> tuple[int, dict[str, str]]:
    """The exit code of `do health`, and the findings' whys by host."""
    asked = await command("do", "health", "--json", "--config", str(folder / "flatnet.toml"))
    findings = json.loads(asked.stdout)["report"]["findings"]
    return asked.returncode, {finding["host"]: finding["why"] for finding in findings}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_serves_a_bot_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """One line on stdout, exit code 0, nothing on stderr, no process, no socket; page and `do` work in between."""
    wanted = ("--dir", str(tmp_path), "--hosts", "2", "--lighthouse", "--workspace")
    async with fork("tests.lab", *wanted, variables=environment()) as running:
        ready, _, address = (await running.stdout.readline()).decode().rstrip("\n").rpartition(", ")
        assert f"ready: 3 hosts, {tmp_path / 'flatnet.toml'}" == ready
        assert b"<!doctype html>" in await asyncio.to_thread(fetch, address)
        assert (0, {}) == await health(tmp_path)
        running.send_signal(number)
        assert (("", ""), 0) == (await running.communicate(), running.returncode)
        with pytest.raises(ProcessLookupError):
            os.killpg(running.pid, 0)
    assert [] == list(tmp_path.rglob("*.sock"))
    assert 4 == (await health(tmp_path))[0]


def fetch(address: str) -> bytes:
    with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE) as page:
        return bytes(page.read())


async def test_faults_are_switched_from_outside_while_it_runs(tmp_path: Path) -> None:
    """By host, side and fault; what makes no sense is refused and changes nothing."""
    switch = partial(command, "--dir", str(tmp_path), module="tests.lab.switch")
    async with fork("tests.lab", "--dir", str(tmp_path), "--hosts", "2", variables=environment()) as running:
        await running.stdout.readline()
        for side in ("windows", "wsl", "gateway"):
            switched = await switch("host-b", side, "refuse", "--rtt", "20")
            assert (0, f"host-b {side}: refuse, 20 ms\n", "") == (switched.returncode, switched.stdout, switched.stderr)
        refused = await switch("host-z", "wsl", "none")
        assert (1, True) == (refused.returncode, refused.stdout.startswith("no: "))
        assert 2 == (await switch("host-a", "wsl", "nonsense")).returncode
        code, whys = await health(tmp_path)
        assert (4, ["host-b"]) == (code, list(whys))
        for side in ("windows", "wsl", "gateway"):
            await switch("host-b", side, "none", "--rtt", "0")
        assert (0, {}) == await health(tmp_path)


@pytest.mark.parametrize("wrong", [("--hosts", "0"), ("--hosts", "255"), ("--hosts", "many"), ("--hosts", "3", "--story")])
async def test_what_it_cannot_play_is_a_usage_error(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """Exit code 2, and nothing is started or written."""
    ended = await command("--dir", str(tmp_path / "lab"), *wrong, module="tests.lab")
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
async def test_the_demo_shows_its_three_troubles(
    tmp_path: Path, language: str, terminal: str, words: tuple[str, ...]
) -> None:
    """Commands that are piped in are answered in the demo's language, whatever that of the terminal is. The demo ends with
    them, and leaves no process and no file."""
    variables = environment(LC_ALL=terminal, COLUMNS="160", TMPDIR=str(tmp_path))
    async with fork("tests.lab.demo", "--language", language, variables=variables) as demo:
        said, errors = await demo.communicate("health\n")
        assert (0, "") == (demo.returncode, errors)
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())
    assert [] == [word for word in words if word not in said], said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_demo_that_is_told_to_go_takes_everything_with_it(tmp_path: Path, number: signal.Signals) -> None:
    """Also where only its own process is told, or its terminal is closed."""
    async with fork("tests.lab.demo", variables=environment(TMPDIR=str(tmp_path))) as demo:
        await demo.stdout.readline()
        demo.send_signal(number)
        await demo.wait()
        assert 128 + number == demo.returncode
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())


WAYS = {
    "nothing": "exec {demo} </dev/null",
    "closed": "exec {demo} <&-",
    "an empty pipe": "true | exec {demo}",
    "an open pipe": "sleep 600 | exec {demo}",
    "nohup": "trap '' HUP; exec {demo} </dev/null",
}
"""How a demo is started without a terminal, in words of a shell."""


@pytest.mark.parametrize("way", WAYS)
async def test_without_a_terminal_it_serves_until_it_is_ended(tmp_path: Path, way: str) -> None:
    """Nothing is typed, and nothing is piped in: the page is there. Under nohup it outlives its terminal."""
    line = WAYS[way].format(demo=f"{sys.executable} -m tests.lab.demo")
    variables = environment(TMPDIR=str(tmp_path))
    demo = subprocess.Popen(
        ["/bin/sh", "-c", line], stdout=subprocess.PIPE, text=True, start_new_session=True, env=variables
    )
    try:
        assert demo.stdout is not None
        address = next(word for line in demo.stdout for word in line.split() if word.startswith("http://"))
        if way == "nohup":
            os.killpg(demo.pid, signal.SIGHUP)
        for _ in range(2):
            assert b"<!doctype html>" in await asyncio.to_thread(fetch, address)
            await asyncio.sleep(0.5)
        assert demo.poll() is None
    finally:
        os.killpg(demo.pid, signal.SIGTERM)
        demo.communicate(timeout=PATIENCE)
    assert [] == list(tmp_path.iterdir())
