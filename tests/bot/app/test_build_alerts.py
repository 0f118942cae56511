"""How alerts are run: what fails must not silence the rest."""

import pytest

from adapters.phrase import Phrase
from bot.app.run_alerts import notify_after
from bot.store.errors import DatabaseError


@pytest.mark.parametrize("error", [None, DatabaseError(Phrase("the disk is full")), ValueError("a bug")])
async def test_alerts_are_spoken_of_although_they_could_not_be_moved_and_the_error_is_known(error: Exception | None) -> None:
    did = []

    async def move() -> None:
        did.append("move")
        if error is not None:
            raise error

    async def notify() -> None:
        did.append("notify")

    known = None
    try:
        await notify_after(move, notify)
    except (DatabaseError, ValueError) as raised:
        known = raised
    assert (["move", "notify"], error) == (did, known)
