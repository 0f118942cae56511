"""The statements that make the tables, and the stored names, are those that were written down."""

from pathlib import Path

import pytest

from tests.bot.store.snapshots.files import write_snapshots


@pytest.mark.parametrize("file", write_snapshots(), ids=lambda file: file.name)
def test_a_snapshot_is_that_of_today(file: Path) -> None:
    """Write it anew by `python -m tests.bot.store.snapshots`. Once a version is released, add a revision instead."""
    assert file.read_text() == write_snapshots()[file]
