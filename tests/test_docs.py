"""The documents say what is there: files, commands, exit codes, words."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app
from bot.request import Exit
from commands.catalogue import CATALOGUE

PACKAGES = ("adapters", "commands", "bot")
READMES = ("README.md", "README.ja.md")
GUIDES = tuple(f"docs/{name}{language}.md" for name in ("changes", "checks", "schedules") for language in ("", ".ja"))
DOCUMENTS = (*READMES, *GUIDES, "CONTRIBUTING.md", "docs/architecture.md", "docs/performance.md")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    """A back-ticked path with an ending exists, unless it is one that people make themselves."""
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|toml|yml|lock))`", Path(document).read_text(encoding="utf-8")))
    theirs = {"flatnet.toml", "app.py"}
    assert set() == {name for name in named - theirs if not Path(name).exists()}


def test_the_architecture_names_every_module_where_it_stands() -> None:
    """Whoever looks for a module finds it on the map, in its own room; a folder within a room is named as one."""
    rooms = lines_by_room(Path("docs/architecture.md").read_text(encoding="utf-8"))
    modules = [module for package in PACKAGES for module in Path(package).rglob("*.py") if module.stem[:2] != "__"]
    assert len(modules) > 50
    places = {module: place(module) for module in modules}
    assert [] == sorted(str(module) for module, (room, name) in places.items() if not names(rooms.get(room, ""), name))


def test_a_module_of_the_bot_s_own_room_stands_on_the_map_once() -> None:
    """Two lines about one module are two stories of it."""
    lines = lines_by_room(Path("docs/architecture.md").read_text(encoding="utf-8"))["bot"]
    assert [] == [name for name in {module.name for module in Path("bot").glob("*.py")} if count(lines, name) > 1]


def test_what_is_said_to_be_still_to_come_is_not_there() -> None:
    """A noun that has operations has moved in."""
    left = Path("docs/architecture.md").read_text(encoding="utf-8").partition("\n## Room that is left\n")[2]
    coming = set(re.findall(r"\w+", re.sub(r"`[^`]+`", "", left).lower()))
    nouns = {operation.words[0] for operation in CATALOGUE}
    assert coming
    assert [] == sorted(noun for noun in nouns if {noun, f"{noun}s"} & coming)


def lines_by_room(text: str) -> dict[str, str]:
    """What the map says, by folder: `adapters`, `adapters/windows` and so on."""
    rooms: dict[str, str] = {}
    package = room = ""
    for line in text.partition("## Rooms")[2].partition("\n## ")[0].splitlines():
        if heading := re.match(r"(\w+)/ ", line):
            package = room = heading[1]
        elif folder := re.match(r"  (\w+)/ ", line):
            room = f"{package}/{folder[1]}"
        elif re.match(r"  \S", line):
            room = package
        rooms[room] = rooms.get(room, "") + line + "\n"
    return rooms


def place(module: Path) -> tuple[str, str]:
    """In which room's lines a module is looked for, and by which name."""
    package, *folders, name = module.parts
    return "/".join([package, *folders[:1]]), folders[1] if len(folders) > 1 else name


def names(lines: str, name: str) -> bool:
    return count(lines, name) > 0


def count(lines: str, name: str) -> int:
    return len(re.findall(rf"(?<![\w/.]){re.escape(name)}(?![\w/])", lines))


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
