"""Planning memory: what the bot itself knows that a plan may rely on, read anew for each plan.

Registry of rehearsals: stores what a run proved of each host, and finds the hosts without a fresh one.

end of a run ─ signed outcomes ─▶ one row for each host      (again after a crash: the same row)
a plan that relies on the guard ─▶ objections by host ─▶ a note on the card; a refusal if it is critical

Registry of good configurations: stores which configuration a run proved to work on each host.

end of a run ─ signed outcomes ─▶ one row for each host      (again after a crash: the same row)
a plan ─▶ the rows of all hosts, as a known value (`FleetView.good_configurations`)
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.action_registry import get_kind
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.windows.good_configuration import KeepGood
from bot.access.policy import Refusal
from bot.audit_log.ports import SignedLog
from bot.backups.tables import BackupTable
from bot.changes.rules.rehearsals import derive_rehearsal, explain_refusal, find_objection, is_attested
from bot.changes.rules.signature_check import is_digest_valid
from bot.changes.rules.trail import AuditTrail
from bot.changes.services.intent_log import read_signed_outcomes
from bot.changes.tables.operations import OperationTable
from bot.changes.tables.owed import OwedTable
from bot.changes.tables.proven_configurations import GoodConfigurationTable
from bot.changes.tables.rehearsals import RehearsalTable
from bot.model.change import ChangeState
from bot.model.rehearsal import Rehearsal
from bot.store.records import OperationRecord
from commands.changes.rehearsal import find_unrehearsed_hosts, group_rehearsal_steps
from commands.model.certificates import KnownIdentities
from commands.model.operation import (
    Attest,
    FleetView,
    ReadOwn,
    Risk,
    UnknownChange,
    attest_nothing,
    refuse_own_read,
)
from commands.model.plan import Part, Plan, Step
from commands.model.proven_configuration import ProvenConfiguration
from commands.model.suspension import Suspension


async def find_none() -> Mapping[str, Suspension]:
    """Find no suspended hosts."""
    return {}


@dataclass(frozen=True)
class PlanningMemory:
    """Sources of what plans may know beside the hosts. `redact` removes secrets from the lines that approvers see.

    `read_identities` reads the ledger; it never raises. `add_rotation` adds the change of the CA that is under way
    (`bot.certificates`), and raises a `DatabaseError` where its state is not known for sure. `read_own` performs a
    read on the bot itself; `attest` compares a row of `backups` with the audit log. `find_suspended` finds the
    suspended hosts by name.
    """

    owed: OwedTable
    good_configurations: GoodConfigurationTable
    operations: OperationTable
    backups: BackupTable
    redact: Callable[[str], str]
    read_identities: Callable[[], Awaitable[KnownIdentities]]
    add_rotation: Callable[[FleetView], Awaitable[FleetView]]
    read_own: ReadOwn = refuse_own_read
    attest: Attest = attest_nothing
    find_suspended: Callable[[], Awaitable[Mapping[str, Suspension]]] = find_none

    async def complete(self, view: FleetView) -> FleetView:
        """Complete the view of a plan. Raises `DatabaseError`."""
        return replace(
            await self.add_rotation(view),
            identities=await self.read_identities(),
            suspensions=await self.find_suspended(),
            owed=await self.owed.find_known(),
            good_configurations=await self.good_configurations.list_gateways(),
            backups=await self.backups.read_known(),
            read_backup=self.backups.find,
            critical_unknown=await self._find_critical_unknown(),
            redact=self.redact,
            read_own=self.read_own,
            attest=self.attest,
        )

    async def _find_critical_unknown(self) -> Mapping[str, UnknownChange]:
        unknown = await self.operations.list_in_states(ChangeState.UNKNOWN)
        return {
            record.operation: UnknownChange(record.words, record.plan.concerned_hosts)
            for record in unknown
            if record.risk is Risk.CRITICAL
        }


class RehearsalRegistry:
    """Rehearsals of all hosts. Every method may raise a `DatabaseError`."""

    def __init__(
        self, table: RehearsalTable, audit: SignedLog, inventory: Callable[[], Inventory], now: Callable[[], datetime]
    ) -> None:
        self.table = table
        self._audit = audit
        self._inventory = inventory
        self._now = now

    async def record(self, record: OperationRecord) -> None:
        """Record what a run proved of the hosts that rehearsed in it. Only signed outcomes of an attested plan count."""
        hosts = group_rehearsal_steps(record.plan)
        if not hosts or not is_digest_valid(record):
            return
        trail = await read_signed_outcomes(self._audit, record.operation)
        derived = (derive_rehearsal(record.operation, record.plan, host, trail) for host in sorted(hosts))
        await self.table.store([rehearsal for rehearsal in derived if rehearsal is not None])

    async def find_objections(self, plan: Plan) -> Mapping[str, Phrase]:
        """Find the hosts on which a plan relies on a guard without a fresh rehearsal, and the reason for each."""
        return self._find_stale(plan, await self._find_rehearsals(plan))

    async def refuse_critical(self, plan: Plan, risk: Risk) -> Refusal | None:
        """Refuse a critical operation that relies on a guard without a fresh rehearsal. `risk` is that of its class."""
        if risk is not Risk.CRITICAL:
            return None
        known = await self._find_rehearsals(plan)
        stale = self._find_stale(plan, known)
        objections = {**stale, **await self._find_unattested([each for each in known.values() if each.host not in stale])}
        return Refusal("no rehearsal", explain_refusal(objections)) if objections else None

    async def _find_rehearsals(self, plan: Plan) -> Mapping[str, Rehearsal]:
        """Find the last rehearsals, by host, of the hosts on which a plan relies on a guard."""
        names = find_unrehearsed_hosts(plan)
        return await self.table.find_by_host(names) if names else {}

    def _find_stale(self, plan: Plan, known: Mapping[str, Rehearsal]) -> Mapping[str, Phrase]:
        """Find the hosts without a fresh rehearsal among the known ones, and the reason for each."""
        now, inventory = self._now(), self._inventory()
        found = {name: inventory.find_reachable(name) for name in find_unrehearsed_hosts(plan)}
        objections = {name: find_objection(host, known.get(name), now) for name, host in found.items() if host is not None}
        return {name: why for name, why in objections.items() if why is not None}

    async def _find_unattested(self, rehearsals: Iterable[Rehearsal]) -> Mapping[str, Phrase]:
        """Find the hosts whose rehearsal has no signed outcome: a row alone is not trusted."""
        why = Phrase("the audit log has no record of the last rehearsal")
        return {
            each.host: why
            for each in rehearsals
            if not is_attested(each, await read_signed_outcomes(self._audit, each.operation))
        }


class GoodConfigurationRegistry:
    """Good configurations of all hosts. Every method may raise a `DatabaseError`."""

    def __init__(self, table: GoodConfigurationTable, audit: SignedLog) -> None:
        self.table = table
        self._audit = audit

    async def record(self, record: OperationRecord) -> None:
        """Record what a run proved. Only signed outcomes of an attested plan count, and only those of a whole part."""
        kept = {part.host: part for part in record.plan.parts if find_keep_step(part) is not None}
        if not kept or not is_digest_valid(record):
            return
        trail = await read_signed_outcomes(self._audit, record.operation)
        derived = (derive_good(record.operation, part, trail) for part in kept.values())
        await self.table.store([proven for proven in derived if proven is not None])


def find_keep_step(part: Part) -> Step | None:
    """Find the step that has the host keep a copy. It comes after the proofs."""
    return next((step for step in part.steps if step.deed.kind == get_kind(KeepGood)), None)


def derive_good(operation: str, part: Part, trail: AuditTrail) -> ProvenConfiguration | None:
    """Derive the configuration that a part proved and kept; None unless all of its steps are done and none was undone."""
    keep, keys = find_keep_step(part), [step.key for step in part.steps]
    done = all(key in trail.results and trail.results[key].result.successful for key in keys)
    if keep is None or not done or any(key in trail.undone for key in keys):
        return None
    result = trail.results[keep.key]
    return ProvenConfiguration(
        host=keep.host,
        sha256=str(keep.deed.arguments["sha256"]),
        folder=str(result.product.get("folder", "")),
        operation=operation,
        at=result.ended_at,
    )
