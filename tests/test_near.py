"""The chooser of the tests near a change."""

from pathlib import Path

import pytest

from tests.near import WALKERS, Choice, choose, find_seeds, name_module

USERS = {
    "bot.a": ("bot.b", "tests.test_a"),
    "bot.b": ("bot.c", "tests.test_b"),
    "bot.c": ("tests.test_c", "tests.test_d"),
}
TEXTS = {
    "bot.a": "import json",
    "adapters.windows.disks": 'script = "read-disks"',
    "tests.test_docs": 'Path("docs/alerts.md")',
}


def users(module: str) -> tuple[str, ...]:
    """Return the importers in the example."""
    return USERS.get(module, ())


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        (9, Choice(("tests.test_a", "tests.test_b", "tests.test_c", "tests.test_d"), 3)),
        (3, Choice(("tests.test_a", "tests.test_b"), 2)),
        (1, Choice(("tests.test_a",), 1)),
    ],
)
def test_tests_further_away_are_chosen_while_they_fit(limit: int, chosen: Choice) -> None:
    assert chosen == choose({"bot.a"}, users, limit)


def test_tests_one_step_away_are_chosen_however_many_they_are() -> None:
    assert Choice(("tests.test_c", "tests.test_d"), 1) == choose({"bot.c"}, users, 1)


@pytest.mark.parametrize(
    ("path", "seeds"),
    [
        ("bot/a.py", {"bot.a"}),
        ("bot/gone.py", set()),
        ("adapters/windows/scripts/read-disks.ps1", {"adapters.windows.disks"}),
        ("docs/alerts.md", {"tests.test_docs"}),
    ],
)
def test_a_changed_file_counts_for_the_modules_that_name_it(path: str, seeds: set[str]) -> None:
    assert seeds == find_seeds([path], TEXTS)


def test_a_package_is_named_by_its_folder() -> None:
    assert ["bot.alerts", "bot.alerts.build"] == [name_module("bot/alerts/__init__.py"), name_module("bot/alerts/build.py")]


def test_the_tests_that_walk_catalogues_are_there() -> None:
    assert [] == [module for module in WALKERS if not Path(f"{module.replace('.', '/')}.py").exists()]
