"""What the bot lives through as a process: killed, started twice, reloaded, asked from a terminal."""

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.lab.faults import Fault
from tests.scenarios.conftest import Build, Town

ADMIN, OPS = "U0ADMIN", "C0OPS"


class Process:
    """A command of the bot under way; `said` is what its log or its output holds so far."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self.running = running
        self.said = ""

    async def says(self, text: str, timeout: float = 15.0) -> None:
        """Wait for a text in the log."""
        assert self.running.stderr is not None
        async with asyncio.timeout(timeout):
            while text not in self.said:
                line = await self.running.stderr.readline()
                assert line, f"ended without {text!r}:\n{self.said}"
                self.said += line.decode()


@asynccontextmanager
async def bot_process(town: Town) -> AsyncIterator[Process]:
    """`flatnet-bot run`, killed when left if it still runs."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--config", str(town.config), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield Process(running)
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def command(*arguments: str, typed: str = "", language: str = "en_US.UTF-8") -> subprocess.CompletedProcess[str]:
    """A command of the bot to its end, as a person in a terminal would run it."""
    environment = os.environ | {"LC_ALL": language, "COLUMNS": "200"}
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    async with asyncio.timeout(60):
        out, err = await running.communicate(typed.encode())
    assert running.returncode is not None
    return subprocess.CompletedProcess(arguments, running.returncode, out.decode(), err.decode())


async def test_a_bot_killed_between_request_and_answer_answers_after_its_restart(town: Build) -> None:
    """Acknowledged is promised: the answer comes once, whatever happened in between."""
    async with town(hosts=2) as t:
        t.fleet["host-a"].wire("gateway").fault = Fault.HANG
        async with bot_process(t) as first:
            await first.says("connected")
            delivery = await t.workspace.slash(ADMIN, OPS, "health")
            assert delivery.in_time
            first.running.send_signal(signal.SIGKILL)
            await first.running.wait()
        assert not t.answers(ADMIN)
        t.fleet["host-a"].wire("gateway").fault = Fault.NONE
        async with bot_process(t) as second:
            await second.says("connected")
            answers = await t.workspace.seen(lambda: t.answers(ADMIN), timeout=20)
            assert 1 == len(answers)
            assert "all 2 hosts are well" in answers[0].text


async def test_a_second_bot_on_the_same_database_says_so_and_ends(town: Build) -> None:
    """Two owners of one truth would be two truths."""
    async with town(hosts=1) as t, bot_process(t) as first:
        await first.says("connected")
        second = await command("run", "--config", str(t.config))
        assert 3 == second.returncode
        assert f"process {first.running.pid}" in second.stderr


async def test_a_signal_ends_it_cleanly(town: Build) -> None:
    """SIGTERM: exit code 0, no socket left, start and stop in the audit log, no shell left on a host."""
    async with town(hosts=1) as t:
        async with bot_process(t) as bot:
            await bot.says("connected")
            asked = await command("do", "health", "--config", str(t.config))
            assert 0 == asked.returncode
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await asyncio.wait_for(bot.running.wait(), 15)
        assert not t.settings.control_socket.exists()
        assert 0 == t.fleet["host-a"].windows.shells
        verified = await command("audit", "verify", "--config", str(t.config))
        assert (0, "3 audit events, all in order\n") == (verified.returncode, verified.stdout)


async def test_a_bad_configuration_at_reload_keeps_the_old_one(town: Build) -> None:
    """It says what is wrong and goes on; a good one is taken without a restart."""
    async with town(hosts=1) as t, bot_process(t) as bot:
        await bot.says("connected")
        good = t.config.read_text()
        t.config.write_text(good.replace("id = 1", 'id = "one"'))
        bot.running.send_signal(signal.SIGHUP)
        await bot.says("the old one stays")
        assert "must be a whole number" in bot.said
        t.config.write_text(good)
        assert "host-a" in (await command("do", "host", "--config", str(t.config))).stdout
        t.config.write_text(good.replace("host-a", "host-z"))
        bot.running.send_signal(signal.SIGHUP)
        await bot.says("configuration taken")
        assert "host-z" in (await command("do", "host", "--config", str(t.config))).stdout


@pytest.mark.parametrize(
    ("words", "break_it", "code"),
    [
        ("health", lambda t: None, 0),
        ("health", lambda t: setattr(t.fleet["host-a"].wsl.state, "forwarding", False), 1),
        ("helth", lambda t: None, 2),
        ("health", lambda t: t.config.write_text(t.config.read_text().replace("system = [", "slack = [] # [")), 3),
        ("health", lambda t: setattr(t.fleet["host-a"].wire("gateway"), "fault", Fault.REFUSE), 4),
    ],
)
async def test_exit_codes_tell_programs_what_the_answer_means(
    town: Build, words: str, break_it: Callable[[Town], None], code: int
) -> None:
    """0 all well, 1 findings, 2 usage, 3 refused, 4 hosts not reached; the JSON document says the same."""
    names = {0: "well", 1: "findings", 2: "usage", 3: "refused", 4: "not_reached"}
    async with town(hosts=1) as t:
        break_it(t)
        asked = await command("do", words, "--json", "--config", str(t.config))
        document = json.loads(asked.stdout)
        assert (code, names[code], "") == (asked.returncode, document["exit"], asked.stderr)


async def test_csv_is_a_table_and_nothing_else(town: Build) -> None:
    """One line per host, a column for each check."""
    async with town(hosts=2) as t:
        asked = await command("do", "health", "--csv", "--config", str(t.config))
        rows = list(csv.DictReader(io.StringIO(asked.stdout)))
        assert ["host-a", "host-b"] == sorted(row["host"] for row in rows)
        assert {"nebula", "gateway", "api", "containers", "bridge", "forwarding"} <= set(rows[0])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("do",), 2, "Missing argument"),
        (("nonsense",), 2, "No such command"),
        (("do", "health", "--json", "--csv"), 2, "choose one of"),
        (("do", "health", "--config", "/nonexistent.toml"), 2, "cannot be read"),
        (("run", "--log-level", "loud"), 2, "must be debug"),
    ],
)
async def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...], code: int, said: str) -> None:
    """Exit code 2, and a sentence."""
    ended = await command(*arguments)
    assert code == ended.returncode
    assert said in ended.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("run",), ("do",), ("shell",), ("manifest",), ("db", "upgrade"), ("audit", "verify")]
)
async def test_help_is_everywhere(arguments: tuple[str, ...]) -> None:
    """`--help` after any command explains it."""
    ended = await command(*arguments, "--help")
    assert 0 == ended.returncode
    assert "Usage" in ended.stdout


async def test_the_manifest_is_printed_as_it_is_pasted() -> None:
    """Byte for byte the file at the top of the project."""
    assert Path("manifest.yml").read_text(encoding="utf-8") == (await command("manifest")).stdout


async def test_the_shell_answers_line_by_line(town: Build) -> None:
    """Piped words are answered one after the other, in the terminal's language."""
    async with town(hosts=1) as t:
        asked = await command("shell", "--config", str(t.config), typed="health\nwhoami\n", language="ja_JP.UTF-8")
        assert 0 == asked.returncode
        assert asked.stdout.index("正常です") < asked.stdout.index("administrator")


async def test_a_broken_configuration_is_all_its_complaints(tmp_path: Path) -> None:
    """With file and line, so that an editor can jump there."""
    file = tmp_path / "flatnet.toml"
    file.write_text('langage = "en"\n[[hosts]]\nname = "-a"\nid = 999\n')
    ended = await command("do", "health", "--config", str(file))
    assert 2 == ended.returncode
    assert f"{file}:1: langage: is not a key of the configuration; did you mean language?" in ended.stderr
    assert 4 == len(ended.stderr.splitlines())
