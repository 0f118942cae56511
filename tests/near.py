"""Chooser of the tests near a change: `make near` runs them, `make near BASE=HEAD~3` for the last three commits.

Changed are the files of the working tree that differ from where the branch left the base. A test file is one step away where
it imports a changed module or stands beside a conftest that does, two steps where it imports such a module, and so on. A
file that is no module counts for the modules that write its name: a script, a document, a catalogue of phrases.

All test files one step away are chosen, and those further away while there are at most `FILES` of them in all. Left out are
tests further away, those that `make test` leaves out, and importers of a deleted module. `make test` runs everything.
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest

PACKAGES = ("adapters", "commands", "bot")
FILES = 120

WALKERS = (
    "tests.commands.test_catalogue",
    "tests.bot.doctor.test_examination",
    "tests.bot.locale.test_catalogue",
    "tests.bot.locale.test_glossary",
    "tests.bot.requests.test_handler_registry",
    "tests.bot.slack.inbound.test_one_tap",
    "tests.bot.slack.samples.test_samples",
    "tests.bot.store.test_both_databases",
    "tests.bot.store.test_snapshots",
    "tests.test_alerts_doc",
    "tests.test_checks_doc",
    "tests.test_docs",
    "tests.test_reference",
)
"""Tests that walk the operations, actions, conditions, phrases, tables and documents: they find what no import shows."""

Importers = Callable[[str], Iterable[str]]
"""Modules that use one directly."""


@dataclass(frozen=True)
class Choice:
    """Modules of tests to run, and the number of steps within which all are chosen."""

    tests: tuple[str, ...]
    steps: int


def choose(seeds: Collection[str], importers: Importers, limit: int = FILES) -> Choice:
    """Returns the tests among the seeds and one step away, and those of further steps while all fit the limit."""
    levels = list(_walk(seeds, importers))
    chosen = [test for level in levels[:2] for test in filter(is_test, level)]
    steps = 1
    for level in levels[2:]:
        further = [*chosen, *filter(is_test, level)]
        if len(further) > limit:
            break
        chosen, steps = further, steps + 1
    return Choice(tuple(sorted(chosen)), steps)


def find_seeds(changed: Iterable[str], texts: Mapping[str, str]) -> set[str]:
    """Returns the changed modules, and those whose text has the name of a changed file. `texts` are sources by module."""
    seeds = set()
    for path in changed:
        module = name_module(path)
        seeds |= {module} & texts.keys() if path.endswith(".py") else _find_mentions(Path(path), texts)
    return seeds


def _find_mentions(path: Path, texts: Mapping[str, str]) -> set[str]:
    """Returns the modules that name a file. Actions name their script of PowerShell without its ending."""
    names = [path.name, f'"{path.stem}"'] if path.suffix == ".ps1" else [path.name]
    return {module for module, text in texts.items() if any(name in text for name in names)}


def _walk(seeds: Collection[str], importers: Importers) -> Iterator[list[str]]:
    """Yields the seeds, then their importers, then those of these, each module once."""
    seen, edge = set(seeds), sorted(seeds)
    while edge:
        yield edge
        edge = sorted({user for module in edge for user in importers(module)} - seen)
        seen |= set(edge)


def is_test(module: str) -> bool:
    """Returns whether pytest collects a module."""
    return module.startswith("tests.") and module.rpartition(".")[2].startswith("test_")


def name_module(path: str) -> str:
    """Returns the module of a file of Python."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def read_importers(graph: grimp.ImportGraph) -> Importers:
    """Returns the graph's own importers and, of a conftest, the tests of its folder: pytest imports it for them."""
    beside: dict[str, list[str]] = defaultdict(list)
    for test in filter(is_test, graph.modules):
        parts = test.split(".")
        for depth in range(2, len(parts)):
            beside[".".join((*parts[:depth], "conftest"))].append(test)
    return lambda module: (*graph.find_modules_that_directly_import(module), *beside[module])


def list_changed(base: str) -> list[str]:
    """Returns the paths of the working tree that differ from where its branch left the base, new files too."""
    left = _git("merge-base", base, "HEAD")[0]
    return [*_git("diff", "--name-only", left), *_git("ls-files", "--others", "--exclude-standard")]


def _git(*arguments: str) -> list[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.splitlines()


def main(arguments: list[str]) -> int:
    """Prints what is chosen and why, and runs it with the remaining options by pytest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default="main")
    options, further = parser.parse_known_args(arguments)
    changed = list_changed(options.base)
    files = [path for package in (*PACKAGES, "tests") for path in Path(package).rglob("*.py")]
    seeds = find_seeds(changed, {name_module(str(path)): path.read_text("utf-8") for path in files})
    importers = read_importers(grimp.build_graph(*PACKAGES, "tests", cache_dir=".import_linter_cache"))
    choice = choose(seeds, importers)
    walkers = WALKERS if any(path.startswith((*PACKAGES, "docs/")) for path in changed) else ()
    chosen = sorted({*choice.tests, *walkers})
    print(
        f"{len(chosen)} test files for {len(changed)} files that differ from {options.base}:"
        f" {len(choice.tests)} within {choice.steps} imports, and {len(walkers)} that walk catalogues"
    )
    return pytest.main([*further, *(f"{test.replace('.', '/')}.py" for test in chosen)]) if chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
