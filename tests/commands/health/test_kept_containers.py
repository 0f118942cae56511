"""The source of a move, which is kept for some days, is no problem of its host."""

import pytest

from commands.health.wsl_checks import leave_out_kept
from commands.model.owed import KnownOwed, Matter, OwedNote
from tests.commands import canned

HOST = canned.host("host-a", 1)
KEY = "ab" * 32


def owed(words: str, host: str = "host-a") -> KnownOwed:
    return KnownOwed((OwedNote(number=1, host=host, words=words, matter=Matter.CHANGE, since=canned.NOW),))


@pytest.mark.parametrize(
    ("state", "known", "left"),
    [
        ("exited", owed(f"container remove host-a/{KEY}"), ["db"]),
        ("running", owed(f"container remove host-a/{KEY}"), ["web", "db"]),
        ("exited", owed(f"container remove host-a/{'cd' * 32}"), ["web", "db"]),
        ("exited", owed(f"container remove host-a/{KEY}", "host-b"), ["web", "db"]),
        ("exited", owed(f"container stop host-a/{KEY}"), ["web", "db"]),
        ("exited", KnownOwed(), ["web", "db"]),
    ],
)
def test_a_stopped_container_whose_removal_is_owed_is_left_out(state: str, known: KnownOwed, left: list[str]) -> None:
    containers = (canned.container("web", state, 143, id=KEY), canned.container("db"))
    said = leave_out_kept(HOST, canned.wsl(HOST, containers=containers), known)
    assert isinstance(said.containers, tuple)
    assert [each.name for each in said.containers] == left


def test_a_host_that_does_not_answer_stays_unknown() -> None:
    assert leave_out_kept(HOST, None, owed(f"container remove host-a/{KEY}")) is None
