"""The documents say what is there: files, commands, exit codes, words."""

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from bot.__main__ import INTERRUPTED
from bot.cli import app
from bot.model.request import ExitCode
from bot.store.database import LEAD_LOST
from bot.terminal.cli_translations import load_translations

PACKAGES = ("adapters", "commands", "bot")
READMES = ("README.md", "README.ja.md")
GUIDE_NAMES = ("alerts", "changes", "checks", "incidents", "rotation", "schedules")
GUIDES = tuple(f"docs/{name}{end}.md" for name in GUIDE_NAMES for end in ("", ".ja"))
SUBJECTS = tuple(sorted(str(page) for package in PACKAGES for page in Path(package).rglob("README.md")))
"""Pages beside the code, which draw the flows of a subject."""

DOCUMENTS = (
    *READMES,
    *GUIDES,
    *SUBJECTS,
    "tests/README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/performance.md",
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    """A back-ticked path with an ending exists, unless it is one that people make themselves."""
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|toml|yml|lock))`", Path(document).read_text(encoding="utf-8")))
    theirs = {"flatnet.toml", "app.py"}
    assert set() == {name for name in named - theirs if not Path(name).exists()}


@pytest.mark.parametrize("page", sorted(Path("docs").glob("*.md")), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [] == [link for link in linked if not (page.parent / link).exists()]


def test_the_architecture_names_every_room() -> None:
    """Every package, and every module that stands beside packages, is on the map in its own part of the house."""
    lines = lines_by_package(Path("docs/architecture.md").read_text(encoding="utf-8"))
    rooms = [room for package in PACKAGES for room in sorted(Path(package).iterdir()) if is_room(room)]
    assert len(rooms) > 30
    assert [] == [str(room) for room in rooms if not names(lines[room.parts[0]], room.name)]


@pytest.mark.parametrize("room", ["bot/alerts", "bot/changes", "bot/incidents"])
def test_the_map_of_a_room_names_every_module(room: str) -> None:
    """The architecture sends its reader there."""
    docstring = (Path(room) / "__init__.py").read_text(encoding="utf-8")
    modules = sorted(path.stem for path in Path(room).rglob("*.py") if path.stem != "__init__")
    assert [] == [module for module in modules if not names(docstring, module)]


def test_the_architecture_links_every_page_of_a_subject() -> None:
    linked = re.findall(r"\]\(\.\./([^)]+)\)", Path("docs/architecture.md").read_text(encoding="utf-8"))
    assert {*SUBJECTS, "tests/README.md"} == set(linked)
    assert len(SUBJECTS) > 9


def lines_by_package(text: str) -> dict[str, str]:
    """The lines of the map by package: `adapters`, `commands`, `bot`, `tests`."""
    packages: dict[str, str] = {}
    package = ""
    for line in text.partition("## Rooms")[2].partition("\n## ")[0].splitlines():
        heading = re.match(r"(\w+)/ ", line)
        package = heading[1] if heading else package
        packages[package] = packages.get(package, "") + line + "\n"
    return packages


def is_room(path: Path) -> bool:
    """A package. The single modules beside packages are told by their names."""
    return (path / "__init__.py").exists()


def names(lines: str, name: str) -> bool:
    return re.search(rf"(?<![\w/.]){re.escape(name)}(?![\w])", lines) is not None


@pytest.mark.parametrize("document", READMES)
def test_a_readme_lists_every_command_and_no_other(document: str) -> None:
    """`flatnet-bot X` in a README is a command, and each command is there."""
    text = Path(document).read_text(encoding="utf-8")
    command = get_command(app)
    commands = set(command.commands)  # type: ignore[attr-defined]  # a group has commands
    assert commands == set(re.findall(r"flatnet-bot ([a-z]+)\b", text))


@pytest.mark.parametrize(("document", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
def test_a_readme_has_every_exit_code_in_the_words_of_the_help(document: str, language: str) -> None:
    """One line each, which begins with those words."""
    lines = re.findall(r"^\| (\d+) \| (.*) \|$", Path(document).read_text(encoding="utf-8"), re.MULTILINE)
    assert [*map(int, ExitCode), LEAD_LOST, INTERRUPTED] == [int(code) for code, _ in lines]
    command = get_command(app)
    if language != "en":
        load_translations(language).translate_command(command, typer.Context(command))  # type: ignore[arg-type]  # it is a group
    words = (command.help or "").partition(": ")[2].split(" / ")
    assert len(lines) == len(words)
    assert [] == [text for text, line in zip(words, lines, strict=True) if not " ".join(line).startswith(text)]
