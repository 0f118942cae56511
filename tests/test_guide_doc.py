"""docs/guide.md names operations and tests that exist, and its Japanese twin names the same ones."""

import re
from pathlib import Path

import pytest

from commands.catalogue import CATALOGUE

ENGLISH, JAPANESE = Path("docs/guide.md"), Path("docs/guide.ja.md")


def read_rows(page: Path) -> list[list[str]]:
    """The cells of the table's rows."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| ---")][1:]


def list_quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_every_operation_of_the_guide_exists(page: Path) -> None:
    known = {" ".join(words) for operation in CATALOGUE for words in (operation.words, *operation.aliases)}
    named = {re.sub(r" --.*", "", words) for row in read_rows(page) for words in list_quoted(row[1])}
    assert set() == named - known


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_every_test_of_the_guide_exists(page: Path) -> None:
    rows = read_rows(page)
    assert len(rows) > 20
    assert [] == [name for row in rows for name in list_quoted(row[2]) if not Path(name).exists()]


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE])
def test_each_section_has_an_operation_with_a_test_or_stays_with_people(page: Path) -> None:
    for section, operation, test, people in read_rows(page):
        assert (operation == "–") == (test == "–"), section
        assert "–" not in (operation, people) or operation != people, section


def test_both_languages_name_the_same_operations_and_tests() -> None:
    assert [row[1:3] for row in read_rows(ENGLISH)] == [row[1:3] for row in read_rows(JAPANESE)]
