"""What people and programs in a terminal live through: words in, an answer and an exit code out."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.faults import Fault
from tests.scenarios import processes
from tests.scenarios.conftest import Build, Town
from tests.scenarios.forks import command

pytestmark = pytest.mark.slow  # every story starts programs, a second of a processor each


@pytest.mark.parametrize(
    ("words", "break_it", "code"),
    [
        ("health", lambda t: None, 0),
        ("health", lambda t: setattr(t.fleet["host-a"].wsl.state, "forwarding", False), 1),
        ("helth", lambda t: None, 2),
        ("health", lambda t: t.edit("system = [", "slack = [] # ["), 3),
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


async def test_options_of_words_need_no_quotes_either(town: Build) -> None:
    """Those of the command itself may stand among them."""
    async with town(hosts=1) as t:
        asked = await command("do", "log", "nebula", "--json", "--tail", "0", "--config", str(t.config))
        assert ("log nebula --tail 0", 2) == (json.loads(asked.stdout)["understood"], asked.returncode)
        shown = await command("do", "health", "--details", "--config", str(t.config))
        assert "Log rotation" in shown.stdout


async def test_words_need_no_quotes_and_a_file_is_all_that_comes(town: Build) -> None:
    """`do cert export host-a` writes certificates.txt where the shell's `>` says."""
    async with town(hosts=1) as t:
        asked = await command("do", "cert", "export", "host-a", "--config", str(t.config))
        assert (0, "") == (asked.returncode, asked.stderr)
        assert asked.stdout.startswith("# host-a ")
        assert '"name":"host-a"' in asked.stdout


@pytest.mark.parametrize(("option", "begins"), [("", "# "), ("--csv", "host,looks,reached_percent,")])
async def test_of_a_month_s_files_the_one_comes_that_was_asked_for(town: Build, option: str, begins: str) -> None:
    """To be read, or to be counted with."""
    async with town(hosts=1) as t:
        asked = await command("do", "report monthly", *filter(None, [option]), "--config", str(t.config))
        assert "" == asked.stderr
        assert asked.stdout.startswith(begins)
        assert "host-a" in asked.stdout


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
        (("do", "health", "--config", "/nonexistent.toml"), 2, "Create it with flatnet-bot init"),
        (("run", "--log-level", "loud"), 2, "must be debug"),
    ],
)
async def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...], code: int, said: str) -> None:
    """Exit code 2, and a sentence."""
    ended = await command(*arguments)
    assert code == ended.returncode
    assert said in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("init",), ("doctor",), ("run",), ("do",), ("shell",), ("manifest",), ("db", "upgrade"), ("audit", "verify")],
)
async def test_help_is_everywhere(arguments: tuple[str, ...]) -> None:
    """`--help` after any command explains it."""
    ended = await processes.command(*arguments, "--help")
    assert 0 == ended.returncode
    assert "Usage" in ended.stdout


async def test_the_manifest_is_printed_as_it_is_pasted() -> None:
    """Byte for byte the file at the top of the project."""
    assert Path("manifest.yml").read_text(encoding="utf-8") == (await processes.command("manifest")).stdout


async def test_the_shell_answers_line_by_line(town: Build) -> None:
    """Piped words are answered one after the other, in the terminal's language, until one that ends it."""
    async with town(hosts=1) as t:
        typed = "health\nwhoami\n exit \nnonsense\n"
        asked = await processes.command("shell", "--config", str(t.config), typed=typed, language="ja_JP.UTF-8")
        assert 0 == asked.returncode
        assert asked.stdout.index("正常です") < asked.stdout.index("administrator")
        assert "nonsense" not in asked.stdout


async def test_a_broken_configuration_is_all_its_complaints(tmp_path: Path) -> None:
    """With file and line, so that an editor can jump there."""
    file = tmp_path / "flatnet.toml"
    file.write_text('langage = "en"\n[[hosts]]\nname = "-a"\nid = 999\n')
    ended = await command("do", "health", "--config", str(file))
    assert 2 == ended.returncode
    assert f"{file}:1: langage: unknown setting. Did you mean language?" in ended.stderr
    assert 4 == len(ended.stderr.splitlines())
