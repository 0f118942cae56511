"""Registry of owed changes: lists them, and settles one that a person drops, which is in the audit log first."""

from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.errors import Refused, RequestError
from adapters.phrase import Phrase
from bot.access.policy import Refusal, Verdict
from bot.audit.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.owed.ports import SYSTEM, OwedStore
from bot.store.owed import OwedChange

RECENT_PERIOD = timedelta(days=7)
"""Period for which a settled one is still listed."""


class NoSuchOwed(RequestError):
    """No owed change has that number."""


class OwedForbidden(Refused):
    """The person may not do that with this owed change."""


class OwedRegistry:
    """The owed changes of a bot. Every method may raise `DatabaseError`."""

    def __init__(self, store: OwedStore, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._store = store
        self._audit = audit
        self._now = now

    async def list_open(self) -> tuple[OwedChange, ...]:
        """List those that are not settled, oldest first."""
        return await self._store.list_open()

    async def list_recent(self) -> tuple[OwedChange, ...]:
        """List those that are not settled, and those that were settled within a week, oldest first."""
        return await self._store.list_since(self._now() - RECENT_PERIOD)

    async def find_open(self, number: int) -> OwedChange:
        """Find one that is not settled. Raises `NoSuchOwed`, and `Refused` for a settled one."""
        owed = await self._store.find(number)
        if owed is None:
            raise NoSuchOwed(Phrase("no owed change {number}. Run {words} for the list", number=str(number), words="owed"))
        if not owed.is_open:
            raise Refused(Phrase("owed change {number} is already settled", number=str(number)))
        return owed

    async def authorize(self, operation: str, owed: OwedChange, by: str, judge: Callable[[OwedChange], Verdict]) -> None:
        """Raise `OwedForbidden`, which is audited, where `judge` refuses."""
        verdict = judge(owed)
        if isinstance(verdict, Refusal):
            event = {"rule": verdict.rule, "outcome": str(verdict.reason)[:MAX_RECORDED_LENGTH]}
            await self._audit.record(EventKind.REFUSAL, by, operation, event)
            raise OwedForbidden(verdict.reason)

    async def drop(self, operation: str, owed: OwedChange, by: str, reason: str) -> None:
        """Drop one that is open. Raises `Refused` for one that is given up only with approvals."""
        if owed.matter.is_guarded:
            raise Refused(
                Phrase(
                    "this concerns identities, so giving it up needs approvals: {words}",
                    words=f'owed abandon {owed.number} --reason "…"',
                )
            )
        await self._settle(operation, owed, (by, by), reason)

    async def give_up(self, operation: str, owed: OwedChange, reason: str) -> None:
        """Settle one without doing it, by an operation that was approved."""
        await self._settle(operation, owed, (SYSTEM, operation), reason)

    async def _settle(self, operation: str, owed: OwedChange, people: tuple[str, str], reason: str) -> None:
        """Settle one. `people` are the actor of the event, and the one that the row names."""
        by, settled_by = people
        event = {
            "owed": "dropped",
            "items": [owed.number],
            "host": owed.host,
            "words": owed.words[:MAX_RECORDED_LENGTH],
            "reason": reason[:MAX_RECORDED_LENGTH],
        }
        await self._audit.record(EventKind.OWED, by, operation, event)
        await self._store.settle(owed.number, settled_by, self._now(), reason)

    async def record_retry(self, owed: OwedChange, operation: str) -> None:
        """Record the operation by which a person asks for one now. Its PLAN event is in the audit log."""
        await self._store.mark_asked(owed.number, operation, self._now(), None)
