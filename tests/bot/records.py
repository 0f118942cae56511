"""A record of an operation that runs, and what the audit log tells of it."""

from bot.audit_log.log import AuditLog, EventKind
from bot.model.change import ChangeState
from bot.model.request import Surface, SystemIdentity
from bot.store.records import OperationRecord
from commands.model.operation import Risk
from commands.model.plan_digest import compute_digest
from tests.bot.world import BEGAN, OPERATION, plan

KIND = "cert renew"


def running(*hosts: str) -> OperationRecord:
    """Of the usual plan for these hosts."""
    of = plan(*hosts)
    return OperationRecord(
        operation=OPERATION,
        words="cert renew host-a",
        kind=KIND,
        arguments={},
        risk=Risk.DISRUPT,
        requester="ana",
        identity=SystemIdentity(1000, "ana"),
        surface=Surface.DO,
        channel="",
        card="",
        reason="",
        plan=of,
        digest=compute_digest(of, KIND, {}),
        asked_at=BEGAN,
        expires_at=BEGAN,
        state=ChangeState.RUNNING,
    )


async def asked_for(record: OperationRecord, audit: AuditLog) -> None:
    """Have the audit log tell what was asked for, as a question does."""
    await audit.record(EventKind.PLAN, record.requester, record.operation, {"digest": record.digest, "dry_run": False})
