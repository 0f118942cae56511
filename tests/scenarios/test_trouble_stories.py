"""What stands in the way: each trouble is one sentence that says what to do, an exit code, and never a traceback."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app.application import Application
from bot.model.request import ExitCode
from bot.store.schema import creation as schema
from tests.bot.store.test_migrations import next_release
from tests.scenarios import processes
from tests.scenarios.conftest import Build, Town, ask
from tests.scenarios.forks import bot_process, command

pytestmark = pytest.mark.slow  # every story starts programs, a second of a processor each

BROKEN = """
from bot.__main__ import main
from bot.cli import app

@app.command()
def broken() -> None:
    password = "hunter2-and-nobody-else"
    raise ZeroDivisionError(len(password))

main()
"""
"""The command line with one more command, which nobody made work."""


async def test_what_nobody_foresaw_ends_with_a_reference_and_exit_code_5() -> None:
    """The person gets one sentence; the log has the same reference, and the traceback without local variables."""
    ended = await processes.command("broken", program=("-c", BROKEN))
    *logged, said = ended.stderr.splitlines()
    found = re.fullmatch(r"Unexpected error \(reference ([0-9a-f]{8})\)\. Give this reference to your administrator", said)
    assert found is not None, said
    assert (5, "") == (ended.returncode, ended.stdout)
    assert [found[1]] == [json.loads(line)["reference"] for line in logged]
    assert "ZeroDivisionError" in logged[0]
    assert "hunter2" not in ended.stderr


def without_slack(town: Town) -> None:
    """Take the [slack] table out."""
    kept, changed = re.subn(r"\[slack\]\n(?:[a-z].*\n)+", "", town.config.read_text())
    assert 1 == changed
    town.config.write_text(kept)


def lose(secret: str) -> Callable[[Town], None]:
    return lambda town: secret_file(town, secret).unlink()


def spoil(secret: str, value: str) -> Callable[[Town], None]:
    def write(town: Town) -> None:
        secret_file(town, secret).write_text(value)

    return write


def secret_file(town: Town, secret: str) -> Path:
    return town.config.parent / "secrets" / secret


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (without_slack, "The configuration has no [slack] table. Add it, or use flatnet-bot do or flatnet-bot shell"),
        (lose("slack_bot_token"), "slack_bot_token is missing. Set FLATNET_SLACK_BOT_TOKEN or write it to"),
        (lose("slack_app_token"), "slack_app_token is missing. Set FLATNET_SLACK_APP_TOKEN or write it to"),
        (spoil("slack_app_token", ""), "slack_app_token is missing"),
        (spoil("slack_bot_token", "xoxb-of-somebody-else"), "invalid_auth"),
        (lose("audit_key"), "audit_key is missing"),
        (spoil("audit_key", "short"), "openssl rand"),
    ],
)
async def test_a_bot_that_cannot_start_says_what_is_missing(
    town: Build, break_it: Callable[[Town], None], said: str
) -> None:
    """Exit code 2, for it is the configuration that cannot be used, and one sentence."""
    async with town(hosts=1) as t:
        break_it(t)
        ended = await command("run", "--log-level", "error", "--config", str(t.config))
        assert (2, "") == (ended.returncode, ended.stdout)
        assert said in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr
        assert 0 == t.workspace.connections


async def test_the_terminal_needs_no_slack(town: Build) -> None:
    """`do` works with a configuration that `run` refuses."""
    async with town(hosts=1) as t:
        without_slack(t)
        assert 0 == (await command("do", "health", "--config", str(t.config))).returncode


async def test_a_log_that_was_tampered_with_is_found(town: Build) -> None:
    """Exit code 1, which event it is, and the same as one JSON document."""
    async with town(hosts=1) as t:
        await t.past("whoami", "version", "whoami")
        tamper(t, "update audit set actor = 'eve' where sequence = 2")
        told = await command("audit", "verify", "--config", str(t.config))
        assert (1, "") == (told.returncode, told.stderr)
        assert "Audit event 2 was modified." in told.stdout
        document = await command("audit", "verify", "--json", "--config", str(t.config))
        assert (1, "") == (document.returncode, document.stderr)
        assert "audit event 2 was modified." in document.stdout
        assert ("findings", "audit verify") == tuple(json.loads(document.stdout)[name] for name in ("exit", "understood"))


async def test_verifying_through_the_running_bot_needs_a_role(town: Build) -> None:
    """Refused with exit code 3 and a sentence; that somebody tried is an event."""
    async with town(hosts=1) as t:
        t.edit('roles = ["administrator", "operator"]', 'roles = ["operator"]')
        async with bot_process(t) as bot:
            await bot.says('"connected"')
            refused = await command("audit", "verify", "--config", str(t.config))
        assert 3 == refused.returncode
        assert "requires one of these roles: administrator" in refused.stdout
        assert ("refusal", "me", "audit verify") == (
            t.events()[-1]["kind"],
            t.events()[-1]["actor"],
            t.events()[-1]["data"]["text"],
        )


async def test_a_database_of_this_version_needs_no_upgrade(town: Build) -> None:
    """Which is said, and nothing is copied."""
    async with town(hosts=1) as t:
        await t.past("whoami")
        before = sorted(t.settings.data_folder.iterdir())
        upgraded = await processes.command("db", "upgrade", "--config", str(t.config))
        assert (0, "") == (upgraded.returncode, upgraded.stderr)
        assert f"The database is already up to date (revision {schema.HEAD_REVISION})" in upgraded.stdout
        assert before == sorted(t.settings.data_folder.iterdir())


async def test_a_database_of_a_newer_version_is_left_alone(town: Build) -> None:
    """Whatever asks it says which version to install."""
    async with town(hosts=1) as t:
        await t.past("whoami")
        tamper(t, "update alembic_version set version_num = '9999'")
        for words in (("do", "health"), ("db", "upgrade")):
            ended = await command(*words, "--config", str(t.config))
            assert (5, "") == (ended.returncode, ended.stdout)
            assert "is from a newer version (revision 9999). Install that version of flatnet-bot" in ended.stderr
        assert 0 == t.connections


async def test_the_next_release_asks_for_the_upgrade_and_goes_on_after_it(town: Build, tmp_path: Path) -> None:
    """An older database: `do` says which command mends it, that command says where the copy lies, `do` works."""
    release = next_release(tmp_path / "site")
    newer = ("-c", f"import sys; sys.path.insert(0, {str(release)!r}); from bot.__main__ import main; main()")
    async with town(hosts=1) as t:
        await t.past("whoami")
        outdated = await processes.command("do", "health", "--config", str(t.config), program=newer)
        assert (5, "") == (outdated.returncode, outdated.stdout)
        assert "Stop the bot and run flatnet-bot db upgrade" in outdated.stderr
        upgraded = await processes.command("db", "upgrade", "--config", str(t.config), program=newer)
        copy = re.search(rf"from {schema.HEAD_REVISION} to 9999\. Backup saved as (.+)", upgraded.stdout)
        assert copy is not None, upgraded.stderr
        assert Path(copy[1]).is_file()
        assert 0 == (await processes.command("do", "health", "--config", str(t.config), program=newer)).returncode


async def test_a_locked_database_stops_a_request_before_anything_is_looked_at(town: Build) -> None:
    """Asked alone or through a running bot: exit code 5, and a sentence that says what to do."""
    async with town(hosts=1) as t:
        await t.past("whoami")
        with locked(t):
            alone = await command("do", "health", "--config", str(t.config))
        async with t.bot():
            with locked(t):
                through = await command("do", "health", "--json", "--config", str(t.config))
        assert (5, "") == (alone.returncode, alone.stdout)
        assert "is locked by another program. Close that program, then try again" in alone.stderr
        document = json.loads(through.stdout)
        assert (5, "internal") == (through.returncode, document["exit"])
        assert "could not write to the audit log, so nothing was done: the database" in through.stdout
        assert "is locked by another program." in through.stdout
        assert 0 == t.connections


async def test_a_full_disk_stops_a_request_before_anything_is_looked_at(town: Build) -> None:
    """What cannot be recorded is not done; once there is room, the bot goes on without a restart."""
    async with town(hosts=1) as t, t.bot() as house:
        await fill(house)
        full = await command("do", "health --details", "--config", str(t.config))
        assert 5 == full.returncode
        assert "Could not write to the audit log, so nothing was done: no disk space left for the database" in full.stdout
        assert "Free up space, then try again" in full.stdout
        assert 0 == t.connections
        await house.database.run(lambda session: session.execute(text("PRAGMA max_page_count = 1000000")) and None)
        assert 0 == (await command("do", "health --details", "--config", str(t.config))).returncode


async def fill(house: Application) -> None:
    """Let the database have the pages that it has and no more, which is how SQLite sees a full disk, and fill them."""
    await house.database.run(lambda session: session.execute(text("PRAGMA max_page_count = 1")) and None)
    for _ in range(100):
        if (await ask(house, "version")).exit_code is ExitCode.INTERNAL:
            return
    raise AssertionError("there is still room")


def tamper(town: Town, statement: str) -> None:
    """Change the database with another program, triggers removed first."""
    with closing(sqlite3.connect(town.settings.database_file)) as line:
        triggers = line.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        line.executescript("; ".join([*(f"drop trigger {name}" for (name,) in triggers), statement]))


@contextmanager
def locked(town: Town) -> Iterator[None]:
    """Another program holds the write lock meanwhile."""
    with closing(sqlite3.connect(town.settings.database_file, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")
