"""The bot's end of transfers: files of operations in its data folder."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import ActionFailed
from adapters.local.spool import ReadSpool, ReadSpoolState, RemoveSpool, WriteSpool
from adapters.transfer import PIECE_BYTES, Piece, SpoolState
from bot.app.files import SPARE_BYTES
from bot.app.spool import SpoolActions
from bot.changes.services.step_binding import OwnActions
from bot.changes.services.transfer import End, TransferWatch, transfer

CONTENT = b"0123456789" * (PIECE_BYTES // 5)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SINK = WriteSpool(operation="op-1", name="a.tar", size=len(CONTENT), sha256=SHA256)
STATE = ReadSpoolState(operation="op-1", name="a.tar", sha256=SHA256)


@pytest.fixture
def own(tmp_path: Path) -> OwnActions:
    actions = OwnActions()
    SpoolActions(tmp_path).add_to(actions)
    return actions


def find_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def write(own: OwnActions, content: bytes = CONTENT) -> None:
    await own.perform(SINK)
    for offset in range(0, len(content), PIECE_BYTES):
        await own.perform(
            SINK.model_copy(update={"move": "write", "offset": offset, "data": content[offset:][:PIECE_BYTES]})
        )
    await own.perform(SINK.model_copy(update={"move": "finish"}))


async def test_a_file_goes_from_one_operation_to_another_and_keeps_its_bytes(own: OwnActions, tmp_path: Path) -> None:
    await write(own)

    async def perform(action: Action[Any]) -> Any:
        return await own.perform(action)  # type: ignore[arg-type]

    async def go_on() -> None:
        return None

    async def ignore(moved: int, size: int) -> None:
        return None

    there = SINK.model_copy(update={"operation": "op-2"})
    end = End("flatnet-bot", perform)
    await transfer(ReadSpool(operation="op-1", name="a.tar"), end, there, end, TransferWatch(go_on, ignore))
    assert ["changes/op-1/a.tar", "changes/op-2/a.tar"] == find_files(tmp_path)
    assert CONTENT == (tmp_path / "changes/op-2/a.tar").read_bytes()


async def test_a_file_is_complete_only_with_its_hash(own: OwnActions, tmp_path: Path) -> None:
    await write(own, CONTENT[:-1] + b"!")
    state = await own.perform(STATE)
    assert (SpoolState(received=len(CONTENT)), ["changes/op-1/a.tar.part"]) == (state, find_files(tmp_path))
    await write(own)
    assert SpoolState(received=len(CONTENT), sha256=SHA256, whole=True) == await own.perform(STATE)


async def test_a_piece_is_written_again_without_harm_and_never_out_of_order(own: OwnActions) -> None:
    await own.perform(SINK)
    piece = SINK.model_copy(update={"move": "write", "data": b"x" * 10})
    for _ in range(2):
        assert SpoolState(received=10, changed=True) == await own.perform(piece)
    with pytest.raises(ActionFailed, match="out of order"):
        await own.perform(piece.model_copy(update={"offset": 11}))


async def test_a_file_beyond_its_limit_or_the_free_space_is_refused_before_anything_is_sent(
    own: OwnActions, tmp_path: Path
) -> None:
    with pytest.raises(ActionFailed, match="are more than the limit of 10"):
        await own.perform(SINK.model_copy(update={"limit": 10}))
    SpoolActions(tmp_path, lambda folder: SPARE_BYTES + len(CONTENT) - 1).add_to(own)
    with pytest.raises(ActionFailed, match="too little free space in"):
        await own.perform(SINK)
    assert [] == find_files(tmp_path)


async def test_a_removed_file_leaves_nothing(own: OwnActions, tmp_path: Path) -> None:
    for done in (False, True):
        await own.perform(SINK)
        if done:
            await write(own)
        assert SpoolState(received=0, changed=True) == await own.perform(RemoveSpool(operation="op-1", name="a.tar"))
        assert [] == find_files(tmp_path)
    assert SpoolState(received=0) == await own.perform(RemoveSpool(operation="op-1", name="a.tar"))


async def test_a_file_that_is_not_there_cannot_be_read(own: OwnActions) -> None:
    with pytest.raises(ActionFailed, match="No such file"):
        await own.perform(ReadSpool(operation="op-1", name="a.tar"))


async def test_others_cannot_read_what_is_moved(own: OwnActions, tmp_path: Path) -> None:
    await write(own)
    assert 0 == (tmp_path / "changes/op-1/a.tar").stat().st_mode & 0o077


async def test_the_last_piece_ends_the_file(own: OwnActions) -> None:
    await write(own)
    last = await own.perform(ReadSpool(operation="op-1", name="a.tar", offset=len(CONTENT) - 3))
    assert isinstance(last, Piece)
    assert (CONTENT[-3:], True) == (last.data, last.last)


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "A", "a b", "a.b.c.d", "x" * 50, "a\n"])
def test_only_plain_names_are_taken(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        ReadSpool(operation="op-1", name=name)
