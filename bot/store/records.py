"""Stored operation: the frozen value, and its conversion to a row and back.

Plans are compressed, because steps on many hosts are repetitive.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from adapters.phrase import Phrase
from bot.model.change import Approval, ApprovalState, BreakGlass, Change, ChangeState, Review, TransferProgress
from bot.model.request import Identity, SlackIdentity, Surface
from bot.store.encoding import (
    decode_identity,
    decode_phrase,
    encode_identity,
    encode_json,
    encode_phrase,
    escape_text,
)
from bot.store.errors import TooLarge
from commands.model.operation import Risk
from commands.model.plan import Plan, StepResult

MAX_PLAN_BYTES = 16 * 2**20
"""Maximum size of a plan before compression. 254 hosts with a dozen steps each take a quarter of it."""

PLAN_CACHE_SIZE = 32
"""Number of parsed plans in the cache. The plan of a running operation is read at every step."""

UNREADABLE_PLAN = Plan(
    parts=(), warnings=(Phrase("this plan was stored by a different version of flatnet-bot and cannot be read"),)
)
"""Placeholder for a plan that could not be read. It is never run, but its operation can be shown and closed."""


@dataclass(frozen=True)
class OperationRecord:
    """One operation with everything that is needed to decide on it and to run it.

    `kind` are the words of its class, `arguments` its settled arguments as JSON, fixed when it was planned. `channel` is the
    channel of the request ("" in a terminal), `card` the channel of its card ("" if there is none). `identity` is the
    requester's identity, `reviewers` the identities of the reviewers by name. Their rights are checked again at the start.
    `expires_at` is the latest time to start. `version` grows with every stored change. `plan` is `UNREADABLE_PLAN` if
    another version stored a plan that this version cannot read.
    """

    operation: str
    words: str
    kind: str
    arguments: Mapping[str, Any]
    risk: Risk
    requester: str
    identity: Identity
    surface: Surface
    channel: str
    card: str
    reason: str
    plan: Plan
    digest: str
    asked_at: datetime
    expires_at: datetime
    state: ChangeState = ChangeState.WAITING
    approval: Approval | None = None
    reviewers: Mapping[str, Identity] = field(default_factory=dict)
    break_glass: BreakGlass | None = None
    waits_for: Phrase | None = None
    running: str = ""
    stopping: str = ""
    why: Phrase | None = None
    before: str = ""
    after: str = ""
    ready_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @property
    def holds_hosts(self) -> bool:
        """True if it holds claims on its hosts: while it runs, and while its outcome is unknown."""
        return self.state in (ChangeState.RUNNING, ChangeState.UNKNOWN)

    def to_change(self, results: tuple[StepResult, ...] = ()) -> Change:
        """Returns the value that every surface shows."""
        return Change(
            operation=self.operation,
            words=self.words,
            risk=self.risk,
            requester=self.requester,
            mention=get_mention(self.identity),
            channel=self.card,
            reason=self.reason,
            state=self.state,
            plan=self.plan,
            digest=self.digest,
            approval=self.approval,
            break_glass=self.break_glass,
            waits_for=self.waits_for,
            results=results,
            running=_TRANSFER.sub("", self.running),
            transfer=_parse_transfer(self.running),
            stopping=self.stopping,
            why=self.why,
            before=self.before,
            after=self.after,
            asked_at=self.asked_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            version=self.version,
        )


_TRANSFER = re.compile(r" ([0-9]{1,15})/([0-9]{1,15})\Z")


def format_running(key: str, transfer: TransferProgress | None) -> str:
    """Formats what is stored about the step that is under way: its key, and the bytes of a transfer behind it."""
    return key if transfer is None else f"{key} {transfer.moved}/{transfer.size}"


def _parse_transfer(running: str) -> TransferProgress | None:
    found = _TRANSFER.search(running)
    return None if found is None else TransferProgress(moved=int(found[1]), size=int(found[2]))


def get_mention(identity: Identity) -> str:
    """Returns a person's Slack id; "" for an identity from elsewhere."""
    return identity.user if isinstance(identity, SlackIdentity) else ""


def make_fixed_columns(record: OperationRecord) -> dict[str, Any]:
    """Makes the columns that never change. Raises `TooLarge` for a too large plan or too large arguments."""
    return {
        "operation": record.operation,
        "words": escape_text(record.words),
        "kind": record.kind,
        "arguments": encode_json(record.arguments),
        "risk": int(record.risk),
        "requester": escape_text(record.requester),
        "identity": encode_identity(record.identity),
        "surface": record.surface,
        "channel": escape_text(record.channel),
        "card": escape_text(record.card),
        "reason": escape_text(record.reason),
        "digest": record.digest,
        "hosts": json.dumps(record.plan.hosts),
        "before": record.before,
        "asked_at": record.asked_at,
        "expires_at": record.expires_at,
        "plan": _compress_plan(record.plan),
    }


def make_changing_columns(record: OperationRecord) -> dict[str, Any]:
    """Makes the columns that change. Reviews have a table of their own."""
    approval, glass = record.approval, record.break_glass
    return {
        "state": record.state,
        "approval": None
        if approval is None
        else approval.model_dump_json(exclude={"state", "reviews", "mentions", "lacking"}),
        "approval_state": None if approval is None else approval.state,
        "break_glass": None if glass is None else glass.model_dump_json(),
        "waits_for": encode_phrase(record.waits_for),
        "running": record.running,
        "stopping": escape_text(record.stopping),
        "why": encode_phrase(record.why),
        "after": record.after,
        "ready_at": record.ready_at,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "version": record.version,
        "review_open": glass is not None and not glass.reviewed_by,
    }


def make_review_columns(operation: str, review: Review, identity: Identity) -> dict[str, Any]:
    """Makes the row of one review."""
    return {
        "operation": operation,
        "person": escape_text(review.person),
        "approves": review.approves,
        "reason": escape_text(review.reason),
        "at": review.at,
        "mention": review.mention,
        "identity": encode_identity(identity),
        "surface": review.surface,
    }


def read_record(row: Row[Any], reviews: Iterable[Row[Any]]) -> OperationRecord:
    """Reads an operation from its row and the rows of its reviews."""
    decided = tuple(reviews)
    return OperationRecord(
        operation=row.operation,
        words=row.words,
        kind=row.kind,
        arguments=json.loads(row.arguments),
        risk=Risk(row.risk),
        requester=row.requester,
        identity=decode_identity(row.identity),
        surface=Surface(row.surface),
        channel=row.channel,
        card=row.card,
        reason=row.reason,
        plan=_read_plan(row.plan),
        digest=row.digest,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        state=ChangeState(row.state),
        approval=_read_approval(row, decided),
        reviewers={review.person: decode_identity(review.identity) for review in decided},
        break_glass=None if row.break_glass is None else BreakGlass.model_validate_json(row.break_glass),
        waits_for=decode_phrase(row.waits_for),
        running=row.running,
        stopping=row.stopping,
        why=decode_phrase(row.why),
        before=row.before,
        after=row.after,
        ready_at=row.ready_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        version=row.version,
    )


def _read_approval(row: Row[Any], reviews: tuple[Row[Any], ...]) -> Approval | None:
    if row.approval is None:
        return None
    decided = tuple(
        Review(
            person=review.person,
            approves=bool(review.approves),
            reason=review.reason,
            at=review.at,
            mention=review.mention,
            surface=review.surface,
        )
        for review in reviews
    )
    document = json.loads(row.approval) | {"state": ApprovalState(row.approval_state)}
    return Approval.model_validate(document).model_copy(update={"reviews": decided})


def _compress_plan(plan: Plan) -> bytes:
    document = plan.model_dump_json().encode("utf-8", "backslashreplace")
    if len(document) > MAX_PLAN_BYTES:
        raise TooLarge(
            Phrase(
                "the plan is too large to store: {size} bytes (limit {limit}). Choose fewer hosts",
                size=len(document),
                limit=MAX_PLAN_BYTES,
            )
        )
    return zlib.compress(document)


@lru_cache(maxsize=PLAN_CACHE_SIZE)
def _read_plan(document: bytes) -> Plan:
    try:
        return Plan.model_validate_json(zlib.decompress(document))
    except (ValidationError, zlib.error):
        return UNREADABLE_PLAN
