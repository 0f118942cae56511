"""The documents say what is there: files, commands, exit codes, words."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app
from bot.request import Exit

READMES = ("README.md", "README.ja.md")
DOCUMENTS = (*READMES, "CONTRIBUTING.md", "docs/architecture.md", "docs/performance.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    """A back-ticked path with an ending exists, unless it is one that people make themselves."""
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|toml|yml|lock))`", Path(document).read_text(encoding="utf-8")))
    theirs = {"flatnet.toml", "app.py"}
    assert set() == {name for name in named - theirs if not Path(name).exists()}


def test_the_architecture_names_every_module_of_the_bot_commands_and_adapters() -> None:
    """Whoever looks for a module finds it on the map."""
    text = Path("docs/architecture.md").read_text(encoding="utf-8")
    rooms = [*Path("adapters").glob("*.py"), *Path("commands").glob("*.py"), *Path("bot").glob("*.py")]
    assert [] == [str(room) for room in rooms if room.name not in ("__init__.py", "__main__.py") and room.name not in text]


@pytest.mark.parametrize("document", READMES)
def test_a_readme_lists_every_command_and_no_other(document: str) -> None:
    """`flatnet-bot X` in a README is a command, and each command is there."""
    text = Path(document).read_text(encoding="utf-8")
    command = get_command(app)
    commands = set(command.commands)  # type: ignore[attr-defined]  # a group has commands
    assert commands == set(re.findall(r"flatnet-bot ([a-z]+)\b", text))


@pytest.mark.parametrize("document", READMES)
def test_a_readme_has_every_exit_code(document: str) -> None:
    """One line each."""
    codes = re.findall(r"^\| (\d) \|", Path(document).read_text(encoding="utf-8"), re.MULTILINE)
    assert [str(int(code)) for code in Exit] == codes
