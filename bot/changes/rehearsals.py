"""Registry of rehearsals: stores what a run proved of each host, and finds the hosts without a fresh one.

end of a run ─ signed outcomes ─▶ one row for each host      (again after a crash: the same row)
a plan that relies on the guard ─▶ objections by host ─▶ a note on the card; a refusal if it is critical
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.policy import Refusal
from bot.changes.attestation import is_digest_valid
from bot.changes.intent_log import SignedEvents, read_signed_outcomes
from bot.changes.rehearsal_rules import derive_rehearsal, explain_refusal, find_objection, is_attested
from bot.model.rehearsal import Rehearsal
from bot.store.records import OperationRecord
from bot.store.rehearsals import RehearsalTable
from commands.changes.rehearsal import find_unrehearsed_hosts, group_rehearsal_steps
from commands.model.operation import Risk
from commands.model.plan import Plan


class RehearsalRegistry:
    """Rehearsals of all hosts. Every method may raise a `DatabaseError`."""

    def __init__(
        self, table: RehearsalTable, audit: SignedEvents, inventory: Callable[[], Inventory], now: Callable[[], datetime]
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
