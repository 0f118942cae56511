"""A bot that is killed (-9), again and again: each time it goes on, and in the end everything was done once."""

from pathlib import Path

import pytest

from bot.model.change import ChangeState
from tests.bot.changes.killed_bot import Disk
from tests.scenarios.forks import command

pytestmark = pytest.mark.slow

EFFECTS = [
    (host, effect)
    for host in ("host-a", "host-b")
    for effect in ("MakeKeyPair", "StageCertificate", "BeginChange", "ConfirmChange")
]


async def bot(folder: Path, at: int, *broken: str) -> int:
    """Run a bot until it has carried its operation out, or is killed at that moment. A `broken` host does not come back."""
    return (await command(str(folder), str(at), *broken, module="tests.bot.changes.killed_bot")).returncode


@pytest.mark.parametrize(
    "moments",
    [(1, 6, 8), (12, 11, 30)],
    ids=["early, before and after an effect", "between steps, and on the second host"],
)
async def test_a_bot_that_is_killed_again_and_again_does_everything_once(tmp_path: Path, moments: tuple[int, ...]) -> None:
    """Moments are counted from each start: before and after an event is written, before and after an effect."""
    assert [-9] * len(moments) == [await bot(tmp_path, at) for at in moments]
    assert 0 == await bot(tmp_path, 0)
    assert (ChangeState.DONE, EFFECTS) == (Disk(tmp_path).ended, Disk(tmp_path).read().effects)


@pytest.mark.parametrize(
    "moments",
    [(25, 2, 3), (28, 4, 20)],
    ids=["around the failure", "within the rollback, and on the next host"],
)
async def test_independent_parts_survive_kills_too_one_is_rolled_back_and_the_next_is_done(
    tmp_path: Path, moments: tuple[int, ...]
) -> None:
    assert [-9] * len(moments) == [await bot(tmp_path, at, "host-a") for at in moments]
    assert 0 == await bot(tmp_path, 0, "host-a")
    effects = Disk(tmp_path).read().effects
    assert ChangeState.FAILED == Disk(tmp_path).ended
    assert [effect for host, effect in effects if host == "host-a"][:3] == [effect for _, effect in EFFECTS[:3]]
    assert [effect for effect in effects if effect[0] == "host-b"] == EFFECTS[4:]
    assert ("host-a", "ConfirmChange") not in effects
