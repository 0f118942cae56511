"""Openings of plans: an approver of a critical change must have opened its plan, on any surface, before they approve it.

op show ─▶ a possible approver of a waiting critical change ─▶ OPENED, once, with the digest
approve ─▶ no such event ─▶ a refusal, which names what to type
"""

from adapters.phrase import Phrase
from bot.access.policy import Permit, Refusal
from bot.access.requester import Requester
from bot.audit_log.log import EventKind
from bot.changes.rules.signature_check import has_opened
from bot.changes.services.planner import Planner
from bot.changes.services.repository import ChangeRepository
from bot.model.change import ChangeState
from bot.model.request import Surface
from bot.store.records import OperationRecord
from commands.model.operation import Risk


class PlanOpenings:
    """Records who opened which plan. Every method may raise a `DatabaseError`."""

    def __init__(self, repository: ChangeRepository, planner: Planner) -> None:
        self._repository = repository
        self._planner = planner

    async def record(self, record: OperationRecord, by: Requester) -> None:
        """Record that a possible approver opens the plan of a critical change, unless nothing can be recorded now.

        A scheduled run opens it for no one.
        """
        read = by.surface is not Surface.SCHEDULE
        if read and self._repository.intact and self._may_approve(record, by) and await self._is_missing(record, by):
            await self._repository.record(EventKind.OPENED, by.actor.name, record.operation, {"digest": record.digest})

    async def find_refusal(self, record: OperationRecord, by: Requester, name: str) -> Refusal | None:
        """Find the refusal of an approver who has not opened the plan of a critical change, or not typed the name of what it
        is about; None if there is none. The name is never in the refusal: it is to be read in the plan.
        """
        if not self._is_waiting_critical(record):
            return None
        if await self._is_missing(record, by):
            words = f"op show {record.operation}"
            phrase = Phrase("open the plan before you approve this critical change: {words}", words=words)
            return Refusal("plan not opened", phrase)
        if name == record.plan.object_name:
            return None
        words = f"approve {record.operation} --name …"
        phrase = Phrase("type the name of what this critical change is about, as the plan has it: {words}", words=words)
        return Refusal("name not typed", phrase)

    def _may_approve(self, record: OperationRecord, by: Requester) -> bool:
        policy = self._planner.policy
        requester = policy.find_current_name(record.identity, record.requester)
        return record.approval is not None and isinstance(policy.may_approve(by.actor, record.approval, requester), Permit)

    def _is_waiting_critical(self, record: OperationRecord) -> bool:
        return self._planner.find_risk(record) is Risk.CRITICAL and record.state is ChangeState.WAITING

    async def _is_missing(self, record: OperationRecord, by: Requester) -> bool:
        """Return whether a person must still open the plan of a waiting critical change before they approve it."""
        if not self._is_waiting_critical(record):
            return False
        opened = await self._repository.audit.find_signed(record.operation, EventKind.OPENED)
        return not has_opened(record, opened, by.actor.name)
