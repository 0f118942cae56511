"""The written command reference matches the catalogue."""

import pytest

from commands.catalogue import CATALOGUE
from commands.model.operation import Operation
from tests.commands.made_up import MADE_UP, LogCollect
from tests.reference import FILE, reference


def test_the_written_reference_is_what_the_catalogue_says() -> None:
    """If it fails: `python -m tests.reference`."""
    assert reference(CATALOGUE) == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", CATALOGUE, ids=lambda operation: " ".join(operation.words))
def test_every_operation_has_its_chapter_with_its_example(operation: type[Operation]) -> None:
    page = reference(CATALOGUE)
    chapter = page.partition(f"\n## {' '.join(operation.words)}\n")[2].partition("\n## ")[0]
    assert f"- example / 例: `{operation.example}`" in chapter
    assert operation.summary.template in chapter


def test_other_names_required_arguments_flags_and_roles_are_shown() -> None:
    page = reference(MADE_UP)
    assert "`log SOURCE [target] [--newest-first] [--here]`" in page
    assert "- alias / 別名: `log gather`" in page
    assert f"| [`log collect`](#log-collect) | read / 読み取り | {', '.join(LogCollect.roles)} |" in page
