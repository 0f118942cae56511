"""Generator of the index of reads: `python -m tests.reads` writes `docs/reads.md` from the actions that only read.

Fields, deadline and limit are those of the class. The modules that use an action are found in the source by its name.
"""

import ast
import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import adapters
from adapters.action import Action, Effect

FILE = Path(__file__).parents[1] / "docs" / "reads.md"
SIDES = {
    "windows": "Windows, over WinRM",
    "wsl": "WSL2, over SSH",
    "gateway": "The gateway, over HTTP",
    "bot": "The bot itself",
}
USERS = ("commands", "bot")

BEGINNING = """\
# Reads

Generated from the actions by `python -m tests.reads`; checked by a test. An action reads one thing on one side of one host.
Look here before you write a new one: the value may be read already. An answer is a frozen value beside its action. The
deadline covers connecting, reading and the answer.
"""


def list_reads() -> tuple[type[Action[Any]], ...]:
    """List the actions that only read, by module and name."""
    for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
        importlib.import_module(module.name)
    return tuple(sorted(set(_find_reads(Action)), key=lambda each: (each.__module__, each.__name__)))


def _find_reads(base: type[Action[Any]]) -> Iterator[type[Action[Any]]]:
    for kind in base.__subclasses__():
        yield from _find_reads(kind)
        concrete = "[" not in kind.__name__ and not kind.__name__.startswith("_") and not inspect.isabstract(kind)
        if concrete and kind.__module__.startswith("adapters.") and kind.effect is Effect.READ and hasattr(kind, "deadline"):
            yield kind


def find_users(root: Path = FILE.parents[1]) -> Mapping[tuple[str, str], Sequence[str]]:
    """Find the modules that import each class of `adapters`, by its module and name."""
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(path for package in USERS for path in (root / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("adapters."):
                for name in node.names:
                    users[str(node.module), name.name].append(str(path.relative_to(root)))
    return users


def index(reads: Sequence[type[Action[Any]]], users: Mapping[tuple[str, str], Sequence[str]]) -> str:
    """Return the whole page."""
    return "\n".join((BEGINNING, *(line for side, title in SIDES.items() for line in _chapter(side, title, reads, users))))


def _chapter(
    side: str, title: str, reads: Sequence[type[Action[Any]]], users: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| action | reads | arguments | seconds | kB | used by |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for read in reads:
        if read.side == side:
            yield _row(read, users.get((read.__module__, read.__name__), ()))
    yield ""


def _row(read: type[Action[Any]], users: Sequence[str]) -> str:
    summary = (inspect.getdoc(read) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    fields = ", ".join(f"`{name}`" for name in read.model_fields)
    used = ", ".join(f"`{path}`" for path in sorted(set(users)))
    place = f"`{read.__module__}.{read.__name__}`"
    return f"| {place} | {summary} | {fields} | {read.deadline:g} | {read.output_limit / 1000:g} | {used} |"


if __name__ == "__main__":
    FILE.write_text(index(list_reads(), find_users()), encoding="utf-8")
