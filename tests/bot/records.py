"""A record of an operation that runs, and what the audit log tells of it."""

from bot.audit.log import Audit, EventKind
from bot.model.change import State
from bot.model.request import Surface, SystemIdentity
from bot.store.records import Record
from commands.model.operation import Risk
from tests.bot.world import BEGAN, OPERATION, plan

KIND = "cert renew"


def running(*hosts: str) -> Record:
    """Of the usual plan for these hosts."""
    of = plan(*hosts)
    return Record(
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
        digest=of.digest(KIND, {}),
        asked_at=BEGAN,
        expires_at=BEGAN,
        state=State.RUNNING,
    )


async def asked_for(record: Record, audit: Audit) -> None:
    """Have the audit log tell what was asked for, as a question does."""
    await audit.record(EventKind.PLAN, record.requester, record.operation, {"digest": record.digest, "dry_run": False})
