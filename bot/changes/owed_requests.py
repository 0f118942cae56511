"""Requests for owed changes: the same operation for one host, with the same approvals, on behalf of its requester.

the row ─ its class, its requester's rights as they are now ─▶ Lifecycle.propose ─▶ a card
"""

from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from adapters.errors import HostError, Refused, RequestError
from adapters.phrase import Phrase
from bot.access.policy import Actor, Refusal
from bot.access.requester import Requester
from bot.access.rules import find_place
from bot.audit.log import EventKind
from bot.changes.lifecycle import Lifecycle
from bot.changes.planner import NothingToDo, Planner
from bot.changes.repository import ChangeRepository
from bot.model.change import ChangeState
from bot.model.owed import AskReply, AskResult, AskStatus
from bot.model.request import Identity, Membership, SlackIdentity
from bot.store.encoding import encode_json
from bot.store.owed import DAMAGED, OwedChange
from commands.model.operation import CannotPlan, FleetChange

SYSTEM = "system"
"""Actor of the audit events about what the bot does by itself."""

_SILENT = AskReply(AskResult.SILENT)


class OwedRequests:
    """Requests owed changes. `refresh` identifies a person anew. Every method may raise a `DatabaseError`."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        repository: ChangeRepository,
        planner: Planner,
        refresh: Callable[[Identity], Awaitable[Identity]],
    ) -> None:
        self._lifecycle = lifecycle
        self._repository = repository
        self._planner = planner
        self._refresh = refresh

    async def load(self, owed: OwedChange) -> FleetChange:
        """Load the operation of an owed change. Raises `Refused` if this version has no such class, or the row is damaged.

        No run leaves options such as break-glass, so a row that has one was not written by the bot.
        """
        before = await self._repository.find(owed.operation)
        kind = self._planner.find_class(owed.kind)
        if owed.damaged or not FleetChange.model_fields.keys().isdisjoint(owed.arguments):
            raise Refused(DAMAGED)
        try:
            if kind is not None:
                operation = kind.model_validate_json(encode_json(owed.arguments))
                return operation.model_copy(update={"reason": "" if before is None else before.reason})
        except ValidationError:
            pass  # its class has other arguments now
        raise Refused(
            Phrase(
                "this version of the bot does not support {words}. Submit a current command, then drop this", words=owed.kind
            )
        )

    async def find_status(self, operation: str) -> AskStatus | None:
        """Find the status of a request for an owed change; None if there is none of this id."""
        record = await self._repository.find(operation)
        while record is not None and record.after:
            record = await self._repository.find(record.after) or None
        if record is None:
            return None
        ended = record.state.ended and record.state is not ChangeState.UNKNOWN
        return AskStatus(record.operation, record.ended_at or record.asked_at if ended else None)

    async def request(self, owed: OwedChange, operation_id: str) -> AskReply:
        """Request an owed change on behalf of its requester. A repeated call with the same id requests nothing twice."""
        if not self._repository.intact:
            return _SILENT
        identity = await self._refresh(owed.identity)
        if isinstance(identity, SlackIdentity) and identity.standing is Membership.UNKNOWN:
            return _SILENT
        try:
            operation = await self.load(owed)
            by = self._judge_requester(owed, operation, identity)
            if isinstance(by, Refusal):
                return AskReply(AskResult.REFUSED, Phrase("{who}: {why}", who=owed.requester, why=by.reason))
            if await self._repository.find(operation_id) is None:
                event = {"owed": "asked", "items": [owed.number]}
                await self._repository.record(EventKind.OWED, SYSTEM, operation_id, event)
            await self._lifecycle.propose(operation_id, operation, by)
        except NothingToDo:
            return AskReply(AskResult.FULFILLED)
        except HostError:
            return _SILENT
        except (Refused, RequestError) as error:
            silent = isinstance(error, CannotPlan) and error.left_out and all(left.owed for left in error.left_out)
            return _SILENT if silent else AskReply(AskResult.REFUSED, error.phrase)
        return AskReply(AskResult.REQUESTED)

    def _judge_requester(self, owed: OwedChange, operation: FleetChange, identity: Identity) -> Requester | Refusal:
        """Judge whether the requester may still request it, in the place where they did. Raises `NoSuchHost`."""
        policy = self._planner.policy
        actor = policy.identify(identity)
        if isinstance(actor, Refusal):
            return actor
        hosts, place = operation.resolve_hosts(self._planner.inventory), find_place(owed.surface, owed.channel)
        verdict = policy.judge_request(actor, operation, hosts, place)
        if isinstance(verdict, Refusal):
            return verdict
        return _make_requester(owed, actor, identity)


def _make_requester(owed: OwedChange, actor: Actor, identity: Identity) -> Requester:
    why = Phrase(
        "{host} did not respond when {operation} ran, and responds again. Requested on behalf of {who}",
        host=owed.host,
        operation=owed.operation,
        who=owed.requester,
    )
    return Requester(actor, identity, owed.surface, owed.channel, on_behalf=why)
