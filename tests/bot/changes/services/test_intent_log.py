"""The journal: intents and outcomes of an operation, read back from the audit log that they stand in."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from adapters.phrase import Moment, Phrase
from bot.audit_log.files import verify_files
from bot.audit_log.log import AuditLog, EventKind
from bot.changes.rules.trail import AuditTrail, StepEntry
from bot.changes.services.intent_log import IntentLog
from bot.store.audit_chain import MIN_KEY_BYTES, AuditKey, StoredEvent
from commands.model.plan import Result, StepResult
from tests.bot.running import House
from tests.bot.world import BEGAN, World

DO, BACK = StepEntry("op-1", "ana", "keys"), StepEntry("op-1", "ana", "keys", undo=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House(tmp_path, World()).open()
    yield opened
    await opened.aclose()


def came(result: Result = Result.DONE, **more: object) -> StepResult:
    return StepResult.model_validate({"key": "keys", "result": result, "began_at": BEGAN, "ended_at": BEGAN, **more})


async def test_an_operation_that_did_nothing_left_no_trail(house: House) -> None:
    assert AuditTrail() == await house.journal().read_trail("op-1")


async def test_what_was_intended_and_what_came_of_it_is_read_back_by_step(house: House) -> None:
    journal = house.journal()
    done = came(product={"public_key": "abc"}, why=Phrase("at {at}", at=Moment(BEGAN)))
    await journal.record_start("op-1", "ana", {"digest": "d"})
    await journal.record_intent(DO, "host-a", "windows.MakeKeyPair")
    assert done == await journal.record_outcome(DO, done, touched=True)
    expected = AuditTrail(
        started=True, begun=frozenset({"keys"}), results={"keys": done}, touched=frozenset({"keys"}), ended=False
    )
    assert expected == await journal.read_trail("op-1")


async def test_doing_a_step_and_taking_it_back_are_told_apart(house: House) -> None:
    journal = house.journal()
    await journal.record_intent(BACK, "host-a", "windows.ForgetFolder")
    await journal.record_outcome(BACK, came(Result.UNDONE))
    trail = await journal.read_trail("op-1")
    assert (frozenset(), {}, frozenset({"keys"}), Result.UNDONE) == (
        trail.begun,
        trail.results,
        trail.undo_begun,
        trail.undone["keys"].result,
    )


async def test_the_trail_is_of_one_operation_alone(house: House) -> None:
    await house.journal().record_intent(DO, "host-a", "windows.MakeKeyPair")
    assert AuditTrail() == await house.journal().read_trail("op-2")


async def test_the_end_is_part_of_the_trail(house: House) -> None:
    await house.journal().record_end("op-1", "ana", {"state": "done"})
    assert AuditTrail(ended=True) == await house.journal().read_trail("op-1")


@pytest.mark.parametrize(
    ("result", "kept"), [(Result.DONE, Result.FAILED), (Result.UNKNOWN, Result.UNKNOWN), (Result.UNREACHABLE,) * 2]
)
async def test_an_answer_that_holds_a_secret_is_never_stored(house: House, result: Result, kept: Result) -> None:
    """What went well fails by that; a doubt stays a doubt."""
    journal = house.journal(secret=lambda text: "hunter2" in text)
    stored = await journal.record_outcome(DO, came(result, product={"note": "the password is hunter2"}), touched=True)
    assert (kept, {}, "the host's response contains a secret, so it was not stored. Check the host") == (
        stored.result,
        stored.product,
        str(stored.why),
    )
    assert stored == (await journal.read_trail("op-1")).results["keys"]
    assert b"hunter2" not in b"".join(file.read_bytes() for file in house.folder.iterdir())


async def test_a_secret_in_the_reason_is_not_stored_either(house: House) -> None:
    journal = house.journal(secret=lambda text: "hunter2" in text)
    stored = await journal.record_outcome(DO, came(Result.FAILED, why=Phrase("{said}", said="hunter2?")))
    assert "hunter2" not in str(stored.why)


async def test_an_answer_that_is_too_large_is_dropped_and_the_step_failed(house: House) -> None:
    stored = await house.journal().record_outcome(DO, came(product={"log": "x" * 70_000}), touched=True)
    assert (Result.FAILED, "the host's response is too large to store. Check the host") == (stored.result, str(stored.why))
    assert stored == (await house.journal().read_trail("op-1")).results["keys"]


async def test_the_journal_is_the_audit_log_and_its_chain_holds(house: House) -> None:
    journal = house.journal()
    await journal.record_start("op-1", "ana", {"digest": "d"})
    await journal.record_intent(DO, "host-a", "windows.MakeKeyPair")
    await journal.record_outcome(DO, came())
    await journal.record_end("op-1", "ana", {"state": "done"})
    found = verify_files(house.database.path, house.folder / "head.jsonl", [AuditKey(b"k" * MIN_KEY_BYTES)])
    assert (4, True) == (found.count, found.intact)


class Counted:
    """The audit log, counting the events that are read."""

    def __init__(self, audit: AuditLog) -> None:
        self.record = audit.record
        self._audit = audit
        self.read_events = 0

    async def list_signed(self, operation: str, kinds: Collection[EventKind], after: int = 0) -> tuple[StoredEvent, ...]:
        found = await self._audit.list_signed(operation, kinds, after)
        self.read_events += len(found)
        return found


async def test_of_what_runs_only_what_is_new_is_read(house: House) -> None:
    """Its trail is asked for twice at every step, and for every card: reading all of it each time would grow without end."""
    counted = Counted(house.audit)
    journal = IntentLog(counted, lambda text: False)
    await journal.record_start("op-1", "ana", {"digest": "d"})
    for number in range(10):
        await journal.record_intent(StepEntry("op-1", "ana", f"step {number}"), "host-a", "windows.MakeKeyPair")
        assert number + 1 == len((await journal.read_trail("op-1")).begun)
    assert 11 == counted.read_events


async def test_what_has_ended_is_not_kept_at_hand(house: House) -> None:
    """Or the trails of all operations would be, for they are read for cards."""
    counted = Counted(house.audit)
    journal = IntentLog(counted, lambda text: False)
    await journal.record_start("op-1", "ana", {"digest": "d"})
    await journal.record_end("op-1", "ana", {"state": "done"})
    assert await journal.read_trail("op-1") == await journal.read_trail("op-1")
    assert 4 == counted.read_events


async def test_a_trail_is_the_same_however_often_it_was_read_on_the_way(house: House) -> None:
    journal, often = house.journal(), house.journal()
    await journal.record_start("op-1", "ana", {"digest": "d"})
    for entry, result in ((DO, Result.DONE), (BACK, Result.UNDONE)):
        await journal.record_intent(entry, "host-a", "windows.MakeKeyPair")
        await often.read_trail("op-1")
        await journal.record_outcome(entry, came(result), touched=True)
        await often.read_trail("op-1")
    assert await house.journal().read_trail("op-1") == await often.read_trail("op-1")


async def test_an_end_that_was_told_before_it_began_is_none(house: House) -> None:
    """The bot was killed between telling that it could not start and storing that, and then it could."""
    journal = house.journal()
    await journal.record_end("op-1", "ana", {"state": "closed"})
    await journal.record_start("op-1", "ana", {"digest": "d"})
    assert AuditTrail(started=True, ended=False) == await journal.read_trail("op-1")
