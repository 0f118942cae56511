"""Planner: turns an operation into a record to decide on, with its plan, its digest and the approval that it needs.

operation ─ view ─▶ plan ─ digest ─▶ draft ─ policy ─▶ record: WAITING with an approval, or READY by a waiver or break-glass
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from adapters.errors import Refused, RequestError
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.key_backup import Recipient
from adapters.phrase import Listing, Phrase
from bot.access.policy import Policy, Refusal
from bot.access.requester import Requester
from bot.access.rules import ApprovalRequirement, WaivedApproval, is_channel
from bot.changes.rules.approval import ReasonMissing
from bot.changes.rules.start_refusals import find_hidden, hide_suspended, require_none_suspended
from bot.model.change import Approval, ApprovalState, BreakGlass, ChangeState
from bot.store.encoding import encode_json
from bot.store.records import OperationRecord
from commands.language.grammar import render_change
from commands.model.containers import ContainerRules, ContainerSpec
from commands.model.operation import CertificateRules, FleetChange, FleetView, HashSecret, Operation, Risk
from commands.model.plan import Plan, PlannedChange
from commands.model.plan_digest import compute_digest
from commands.model.thresholds import Thresholds

BREAK_GLASS_LIFETIME = timedelta(hours=1)
"""Period for which a change without approval may wait for its hosts: longer waits are no emergency."""


class PlanningBasis(Protocol):
    """Configuration on which a plan rests; a reload replaces it whole (`bot.config.active_config.ActiveConfig`)."""

    @property
    def fleet(self) -> Fleet: ...

    @property
    def policy(self) -> Policy: ...

    @property
    def thresholds(self) -> Thresholds: ...

    @property
    def certificates(self) -> CertificateRules: ...

    @property
    def recipients(self) -> tuple[Recipient, ...]: ...

    @property
    def container_rules(self) -> ContainerRules: ...

    @property
    def container_specs(self) -> tuple[ContainerSpec, ...]: ...

    @property
    def hash_secret(self) -> HashSecret: ...


class NothingToDo(Refused):
    """The plan has no step."""


class HoldsSecret(Refused):
    """A plan that holds a secret is refused, never rewritten."""


@dataclass(frozen=True)
class ChangeRequest:
    """A requested operation; `before` is the one that it continues or supersedes, "" where there is none."""

    id: str
    operation: FleetChange
    requester: Requester
    before: str = ""


async def add_nothing(view: FleetView) -> FleetView:
    """Complete a view where nothing is known beside the hosts."""
    return view


class Planner:
    """Plans operations on the present configuration. `holds_secret` judges a text that is about to be stored.

    `complete_view` adds to the view of a plan what the bot knows, such as owed changes. It may raise a `DatabaseError`.
    """

    def __init__(
        self,
        basis: Callable[[], PlanningBasis],
        catalogue: tuple[type[Operation], ...],
        now: Callable[[], datetime],
        holds_secret: Callable[[str], bool],
        complete_view: Callable[[FleetView], Awaitable[FleetView]] = add_nothing,
    ) -> None:
        self._basis = basis
        self._kinds = {format_kind(operation): operation for operation in catalogue if issubclass(operation, FleetChange)}
        self._now = now
        self._holds_secret = holds_secret
        self._complete_view = complete_view

    @property
    def policy(self) -> Policy:
        """The access policy as it is now."""
        return self._basis().policy

    @property
    def inventory(self) -> Inventory:
        """The hosts of the active configuration."""
        return self._basis().fleet.inventory

    async def make_view(self, operation: str) -> FleetView:
        """Make the view of the fleet that an operation may read while it is planned, with what the bot knows beside it."""
        basis = self._basis()
        view = FleetView(
            fleet=basis.fleet,
            now=self._now,
            thresholds=basis.thresholds,
            certificates=basis.certificates,
            operation_id=operation,
            recipients=basis.recipients,
            container_rules=basis.container_rules,
            container_specs=basis.container_specs,
            hash_secret=basis.hash_secret,
        )
        return await self._complete_view(view)

    def find_kind(self, record: OperationRecord) -> type[FleetChange] | None:
        """Find the class of a record's operation; None where this version has none."""
        return self.find_class(record.kind)

    def find_class(self, kind: str) -> type[FleetChange] | None:
        """Find the class that is stored under a name (`format_kind`); None where this version has none."""
        return self._kinds.get(kind)

    def find_risk(self, record: OperationRecord) -> Risk:
        """Find the risk of a record's operation by its class and arguments, because no digest has the stored one. It is the
        highest one where this version has no such class.
        """
        operation = self.find_operation(record)
        return Risk.CRITICAL if operation is None else operation.assessed_risk

    def load_operation(self, record: OperationRecord) -> FleetChange:
        """Load the operation of a record as it was settled when it was planned. Raises `Refused` if this version has no
        such class.
        """
        try:
            return self._kinds[record.kind].model_validate_json(encode_json(record.arguments))
        except (KeyError, ValidationError) as error:
            phrase = Phrase(
                "this version of the bot does not support {words}. Submit it again with a current command", words=record.kind
            )
            raise Refused(phrase) from error

    def find_operation(self, record: OperationRecord) -> FleetChange | None:
        """Find the operation of a record as `load_operation`; None if this version has no such class."""
        try:
            return self.load_operation(record)
        except Refused:
            return None

    def list_targets(self, operation: FleetChange | None) -> tuple[str, ...]:
        """List the hosts that an operation names; none if one of them has left the inventory."""
        try:
            return () if operation is None else tuple(host.name for host in operation.resolve_hosts(self.inventory))
        except RequestError:
            return ()

    async def replan(self, record: OperationRecord) -> tuple[PlannedChange, str]:
        """Make the plan as of now, and its digest."""
        asked = (record.asked_at, record.requester)
        planned = await self._plan(self.load_operation(record), record.operation, asked)
        return planned, compute_digest(planned.plan, record.kind, planned.arguments)

    async def draft(self, request: ChangeRequest) -> OperationRecord:
        """Plan a new operation; nothing is decided yet. Raises `CannotPlan`, `HoldsSecret`."""
        now = self._now()
        planned = await self._plan(request.operation, request.id, (now, request.requester.actor.name))
        operation, by, kind = request.operation, request.requester, format_kind(type(request.operation))
        words = render_change(operation)
        stored = f"{planned.model_dump_json()} {words} {operation.reason}"
        if await asyncio.to_thread(self._holds_secret, stored):  # takes half a second for hundreds of hosts
            raise HoldsSecret(
                Phrase("the plan would contain a secret, so it is not stored. Remove the secret and try again")
            )
        notes = () if by.on_behalf is None else (by.on_behalf,)
        warnings = (*notes, *planned.plan.warnings)
        plan = planned.plan.model_copy(update={"warnings": warnings})
        return OperationRecord(
            operation=request.id,
            words=words,
            kind=kind,
            arguments=planned.arguments,
            risk=operation.assessed_risk,
            requester=by.actor.name,
            identity=by.identity,
            surface=by.surface,
            channel=by.channel,
            card=choose_card_channel(by.channel, self.policy.approvals.channel),
            reason=operation.reason,
            plan=plan,
            digest=compute_digest(plan, kind, planned.arguments),
            asked_at=now,
            expires_at=now,
            state=ChangeState.PLANNED,
            before=request.before,
        )

    async def _plan(self, operation: FleetChange, operation_id: str, asked: tuple[datetime, str]) -> PlannedChange:
        """Have an operation make its plan. It cannot see suspended hosts, unless it suspends or resumes them.

        `asked` are the time of the request and its requester.
        """
        asked_at, asked_by = asked
        view = replace(await self.make_view(operation_id), asked_at=asked_at, asked_by=asked_by)
        hidden = find_hidden(operation, view)
        planned = await operation.plan(hide_suspended(view, hidden))
        require_none_suspended(planned.plan, hidden)
        return planned

    def find_hosts(self, record: OperationRecord) -> tuple[Host, ...]:
        """Find the hosts on which the approval of an operation is judged.

        They are those that its plan is about or changes, as the inventory has them now. Of an operation that adds a host or
        changes labels, they are also the hosts as they will be: a label that it takes away still counts, and so does a new
        one.
        """
        operation, inventory = self.find_operation(record), self.inventory
        return (*find_plan_hosts(record.plan, inventory), *find_future_hosts(operation, inventory))


def find_plan_hosts(plan: Plan, inventory: Inventory) -> tuple[Host, ...]:
    """Find the hosts of this inventory that a plan is about or changes, also those that are being added."""
    return tuple(host for host in inventory.reachable if host.name in plan.concerned_hosts)


def find_future_hosts(operation: FleetChange | None, inventory: Inventory) -> tuple[Host, ...]:
    """Find the hosts that an operation is about and that this inventory does not have like that: as they will be."""
    try:
        meant = () if operation is None else operation.resolve_hosts(inventory)
    except RequestError:
        return ()
    return tuple(host for host in meant if host not in inventory.hosts)


def choose_card_channel(asked: str, usual: str | None) -> str:
    """Choose the channel of a change's card: the one where it was asked, else the configured one, else the
    direct message.
    """
    return asked if is_channel(asked) else usual or asked


def format_kind(operation: type[Operation]) -> str:
    """Format the name under which an operation's class is stored, which is part of the digest."""
    return " ".join(operation.words)


def check_request(operation: FleetChange, by: Requester, policy: Policy) -> Refusal | None:
    """Check a request before it is planned: a refusal where break-glass is not allowed, or not from there.

    Raises `ReasonMissing` where a reason is needed.
    """
    if operation.break_glass and isinstance(verdict := policy.may_break_glass(by.actor), Refusal):
        return verdict
    if (
        operation.break_glass
        and operation.assessed_risk is Risk.CRITICAL
        and policy.approvals.second_road
        and not by.uses_terminal
    ):
        phrase = Phrase("a critical emergency change must be requested from a terminal (flatnet-bot do or shell), not Slack")
        return Refusal("break-glass needs a terminal", phrase)
    if operation.break_glass and not operation.reason.strip():
        raise ReasonMissing(Phrase("an emergency change needs a reason. Add it with {option}", option="--reason"))
    if operation.needs_reason and not operation.dry_run and not operation.reason.strip():
        raise ReasonMissing(Phrase("this change needs a reason. Add it with {option}", option="--reason"))
    if operation.assessed_risk is Risk.CRITICAL and not operation.dry_run and not operation.reason.strip():
        raise ReasonMissing(Phrase("a critical change needs a reason. Add it with {option}", option="--reason"))
    return None


def require_steps(plan: Plan) -> None:
    """Raise `NothingToDo`, with the reason per host, if the plan has no step."""
    if plan.steps:
        return
    if not plan.left_out:
        raise NothingToDo(Phrase("nothing to do"))
    reasons = tuple(Phrase("{host}: {why}", host=left.host, why=left.why) for left in plan.left_out)
    raise NothingToDo(Phrase("nothing to do: {reasons}", reasons=Listing(reasons)))


def add_approval(record: OperationRecord, requirement: ApprovalRequirement) -> OperationRecord:
    """Add the approval that a record waits for."""
    expires_at = record.asked_at + requirement.lifetime
    approval = Approval(
        state=ApprovalState.PENDING,
        needed=requirement.needed,
        rule=requirement.rule,
        roles=requirement.roles,
        may=requirement.may,
        groups=requirement.groups,
        ping=requirement.ping,
        second_road=requirement.second_road,
        expires_at=expires_at,
    )
    return replace(record, state=ChangeState.WAITING, approval=approval, expires_at=expires_at)


def add_waiver(record: OperationRecord, waiver: WaivedApproval) -> OperationRecord:
    """Add an approval that a rule waives: the record is ready at once. Its card is in the channel where others notice it."""
    expires_at = record.asked_at + waiver.lifetime
    approval = Approval(state=ApprovalState.APPROVED, needed=0, rule=waiver.rule, ping=waiver.ping, expires_at=expires_at)
    return replace(
        record,
        state=ChangeState.READY,
        card=waiver.channel,
        approval=approval,
        ready_at=record.asked_at,
        expires_at=expires_at,
    )


def add_break_glass(record: OperationRecord, alarmed: tuple[str, ...]) -> OperationRecord:
    """Add break-glass to a record, which is ready at once; `alarmed` are the Slack ids of those to notify at once."""
    return replace(
        record,
        state=ChangeState.READY,
        break_glass=BreakGlass(ping=alarmed),
        ready_at=record.asked_at,
        expires_at=record.asked_at + BREAK_GLASS_LIFETIME,
    )
