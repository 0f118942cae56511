"""Asker: asks for owed changes when their hosts answer again.

a whole check of the watch, a report of `health` ─ note_answer ─▶ hosts that answered
tick ─ open rows of these hosts that are due ─▶ a request each ─▶ its id or its note in the row

The id of a request is stored after the request. A crash in between repeats both: the same id is the same request.
An attempt that leaves no trace in the row, because the host did not let a plan be made, is repeated after some minutes.

Registry of owed changes: lists them, and settles one that a person drops, which is in the audit log first.

Requests for owed changes: the same operation for one host, with the same approvals, on behalf of its requester.

the row ─ its class, its requester's rights as they are now ─▶ Lifecycle.propose ─▶ a card
"""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from adapters.errors import FlatnetError, HostError, Refused, RequestError
from adapters.phrase import Phrase
from bot.access.policy import Actor, Refusal, Verdict
from bot.access.requester import Requester
from bot.access.rules import find_place
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind, Recorder
from bot.changes.rules.owed import SYSTEM, OwedRequester, OwedStore, is_due, make_request_id
from bot.changes.services.lifecycle import Lifecycle
from bot.changes.services.planner import NothingToDo, Planner
from bot.changes.services.repository import ChangeRepository
from bot.changes.tables.owed import DAMAGED
from bot.model.change import ChangeState
from bot.model.owed import AskReply, AskResult, AskStatus, OwedChange
from bot.model.request import Identity, Membership, SlackIdentity
from bot.store.encoding import encode_json
from bot.store.errors import DatabaseError
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange
from commands.model.report import Report

RETRY_PAUSE = timedelta(minutes=10)
"""Pause after an attempt that left no trace. The watch has an answer every minute, and each plan reads the host."""

_log = structlog.get_logger("bot.changes.services.owed")


class OwedAsker:
    """Asks for owed changes of hosts that answered since the last tick."""

    def __init__(self, store: OwedStore, requests: OwedRequester, audit: Recorder, now: Callable[[], datetime]) -> None:
        self._store = store
        self._requests = requests
        self._audit = audit
        self._now = now
        self._answered: set[str] = set()
        self._tried_at: dict[int, datetime] = {}
        self._find_spared: Callable[[], Awaitable[Collection[str]]] | None = None

    def spare(self, find_hosts: Callable[[], Awaitable[Collection[str]]]) -> None:
        """Ask for nothing on these hosts, although they answer: they are suspended. `find_hosts` returns their names."""
        self._find_spared = find_hosts

    def note_answer(self, host: str) -> None:
        """Note that every side of a host answered."""
        self._answered.add(host)

    async def follow(self, area: Area, report: Report, began: datetime) -> None:
        """Note the hosts that answered, from a report of `health` (`bot.digests.services.CheckFollower`)."""
        if area is Area.SERVICES:
            silent = set(report.unreached_hosts)
            self._answered |= {row.host for row in report.rows if row.host and row.host not in silent}

    async def tick(self) -> None:
        """Ask for what is due on the hosts that answered. Raises `DatabaseError`; then the next answer is an occasion."""
        hosts, self._answered = self._answered, set()
        if hosts and self._find_spared is not None:
            hosts = hosts.difference(await self._find_spared())
        if not hosts:
            return
        open_changes, now = await self._store.list_open(), self._now()
        self._tried_at = {
            owed.number: at
            for owed in open_changes
            if (at := self._tried_at.get(owed.number)) is not None and abs(now - at) < RETRY_PAUSE
        }
        for owed in open_changes:
            if owed.host in hosts and owed.number not in self._tried_at:
                await self._ask_if_due(owed)

    async def _ask_if_due(self, owed: OwedChange) -> None:
        """Ask for one. A failure of one must not keep the others waiting."""
        try:
            status = await self._requests.find_status(owed.asked) if owed.asked else None
            if is_due(owed, status, self._now()):
                await self._ask(owed)
        except DatabaseError:
            raise
        except FlatnetError as error:
            self._tried_at[owed.number] = self._now()
            _log.warning("an owed change could not be requested", number=owed.number, why=str(error))
        except Exception as error:  # a bug in one operation's plan
            self._tried_at[owed.number] = self._now()
            _log.error("an owed change could not be requested", number=owed.number, exc_info=error)

    async def _ask(self, owed: OwedChange) -> None:
        operation = make_request_id(owed)
        reply = await self._requests.request(owed, operation)
        match reply.result:
            case AskResult.REQUESTED:
                await self._store.mark_asked(owed.number, operation, self._now(), None)
            case AskResult.REFUSED:
                event = {"owed": "not requested", "items": [owed.number], "why": str(reply.why or "")[:500]}
                await self._audit.record(EventKind.OWED, SYSTEM, operation, event)
                await self._store.mark_asked(owed.number, owed.asked, self._now(), reply.why)
            case AskResult.FULFILLED | AskResult.SILENT:
                self._tried_at[owed.number] = self._now()  # unless the plan has settled it, it is tried again later


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
