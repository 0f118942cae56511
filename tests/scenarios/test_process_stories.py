"""What the bot lives through as a process: killed, started twice, reloaded."""

import json
import signal

import pytest

from tests.lab.faults import Fault
from tests.scenarios import processes
from tests.scenarios.conftest import Build
from tests.scenarios.forks import bot_process, command

pytestmark = pytest.mark.slow  # every story starts programs, a second of a processor each

ADMIN, OPS = "U0ADMIN", "C0OPS"


async def test_a_bot_killed_between_request_and_answer_answers_after_its_restart(town: Build) -> None:
    """Acknowledged is promised: the answer comes once, whatever happened in between."""
    async with town(hosts=2) as t:
        t.fleet["host-a"].wire("gateway").fault = Fault.HANG
        async with bot_process(t) as first:
            await first.says("connected")
            delivery = await t.workspace.slash(ADMIN, OPS, "health")
            assert delivery.in_time
            first.running.send_signal(signal.SIGKILL)
            assert -signal.SIGKILL == await first.ends()
        assert not t.answers(ADMIN)
        t.fleet["host-a"].wire("gateway").fault = Fault.NONE
        async with bot_process(t) as second:
            await second.says("connected")
            await t.at_rest()
            assert ["All 2 hosts are healthy"] == [answer.text.splitlines()[0] for answer in t.answers(ADMIN)]


async def test_a_second_bot_on_the_same_database_says_so_and_ends(town: Build) -> None:
    """Two owners of one truth would be two truths."""
    async with town(hosts=1) as t, bot_process(t) as first:
        await first.says("connected")
        second = await command("run", "--config", str(t.config))
        assert 3 == second.returncode
        assert f"process {first.running.pid}" in second.stderr


@pytest.mark.parametrize("folder", ["data", "secrets"])
async def test_a_bot_whose_files_others_can_exchange_does_not_start(town: Build, folder: str) -> None:
    """Whoever can write the folder could exchange the audit key, or the database with its head file."""
    async with town(hosts=1) as t:
        await t.past("help")
        path = t.settings.data_folder if folder == "data" else t.settings.secrets_folder
        assert path is not None
        path.chmod(0o707)
        for words in (("run",), ("do", "help")):
            refused = await command(*words, "--config", str(t.config))
            assert 2 == refused.returncode
            assert f"{path} is writable by others. Run: chmod o-w {path}" in refused.stderr
        path.chmod(0o700)
        assert 0 == (await command("do", "help", "--config", str(t.config))).returncode


async def test_a_signal_ends_it_cleanly(town: Build) -> None:
    """SIGTERM: exit code 0, no socket left, start and stop in the audit log, no shell left on a host."""
    async with town(hosts=1) as t:
        async with processes.bot_process(t) as bot:
            await bot.says("connected")
            asked = await processes.command("do", "health", "--config", str(t.config))
            assert 0 == asked.returncode
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await bot.ends()
        assert not t.settings.control_socket.exists()
        assert 0 == t.fleet["host-a"].windows.shells
        verified = await processes.command("audit", "verify", "--config", str(t.config))
        assert (0, "4 audit events verified\n") == (verified.returncode, verified.stdout)
        assert ["start", "configuration", "request", "stop"] == [event["kind"] for event in t.events()]


async def test_a_bad_configuration_at_reload_keeps_the_old_one(town: Build) -> None:
    """It says what is wrong and goes on; a good one is taken without a restart."""
    async with town(hosts=1) as t, bot_process(t) as bot:
        await bot.says("connected")
        t.edit("id = 1", 'id = "one"')
        bot.running.send_signal(signal.SIGHUP)
        await bot.says("the old one stays")
        assert "must be a whole number" in bot.said
        t.edit('id = "one"', "id = 1")
        assert "host-a" in (await command("do", "host", "--config", str(t.config))).stdout
        t.edit("host-a", "host-z")
        bot.running.send_signal(signal.SIGHUP)
        await bot.says("configuration activated")
        assert "host-z" in (await command("do", "host", "--config", str(t.config))).stdout


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_its_log_is_json_lines_of_its_own_without_any_secret(town: Build, level: str) -> None:
    """Start, reload, requests over all protocols, trouble with a host, end: libraries keep quiet, tokens stay unknown."""
    async with town(hosts=2) as t:
        async with processes.bot_process(t, "--log-level", level) as bot:
            await bot.says('"connected"')
            t.fleet["host-b"].wire("gateway").fault = Fault.GARBAGE
            await t.private_answer(ADMIN, OPS, "health --details")
            await command("do", "health", "--config", str(t.config))
            bot.running.send_signal(signal.SIGHUP)
            await bot.says("configuration activated")
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await bot.ends()
        lines = [json.loads(line) for line in bot.said.splitlines()]
        assert {"connected", "configuration activated", "stopping"} <= {line["event"] for line in lines}
        assert [] == [line for line in lines if not line["logger"].startswith("bot.")]
        assert all({"level", "timestamp"} <= line.keys() for line in lines)
        secrets = [file.read_text() for file in (t.config.parent / "secrets").iterdir()]
        assert 4 == len(secrets)
        assert [] == [secret for secret in secrets if secret in bot.said]


async def test_a_typed_secret_is_in_no_file_and_in_no_log(town: Build) -> None:
    """Typed in Slack and in a terminal, refused in both; neither the running bot's files nor those it leaves have it."""
    typed = "Zq7vLk2mTr9x"
    async with town(hosts=1) as t:
        data = t.settings.database_file.parent
        async with bot_process(t, "--log-level", "debug") as bot:
            await bot.says('"connected"')
            for words in (f"health --password={typed}", f"incident open \"password: '{typed}'\""):
                answer = await t.private_answer(ADMIN, OPS, words)
                assert "change the secret" in answer.text
                done = await command("do", words, "--config", str(t.config))
                assert "change the secret" in done.stderr + done.stdout
            await t.at_rest()
            assert [] == [file.name for file in data.rglob("*") if file.is_file() and typed.encode() in file.read_bytes()]
            bot.running.send_signal(signal.SIGTERM)
            assert 0 == await bot.ends()
        assert typed not in bot.said
        assert [] == [file.name for file in data.rglob("*") if file.is_file() and typed.encode() in file.read_bytes()]
        refused = [event["data"]["rule"] for event in t.events() if event["kind"] == "refusal"]
        assert ["holds a secret"] * 4 == refused
