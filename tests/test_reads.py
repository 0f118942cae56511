"""The written index of reads matches the actions."""

from adapters.action import Effect
from tests.reads import FILE, find_users, index, list_reads


def test_the_written_index_is_what_the_actions_say() -> None:
    assert index(list_reads(), find_users()) == FILE.read_text(encoding="utf-8"), "run python -m tests.reads"


def test_the_index_has_every_side_and_no_change() -> None:
    reads = list_reads()
    assert {"windows", "wsl", "gateway", "bot"} == {read.side for read in reads}
    assert {Effect.READ} == {read.effect for read in reads}
    assert len(reads) > 60
