"""Handlers for `audit`. The read itself is audited before any event is returned.

filters ─ checked ─▶ AUDIT_READ or EXPORT recorded ─▶ events, or a file
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.phrase import Listing, Phrase
from bot.audit import reports as audit_events
from bot.audit.ports import AuditLogPort
from bot.audit_log.log import EventKind
from bot.audit_log.search import MAX_SEARCH_EVENTS, AuditFilters
from bot.changes.reports import listing as listings
from bot.ports.context import RequestContext
from commands.audit import AUDIT_HISTORY_LIMIT, AuditAccept, AuditExport, AuditFilter, AuditSearch, AuditShow, AuditVerify
from commands.language.grammar import render_operation
from commands.model.operation import OwnOperation
from commands.model.report import Report, TextFile
from commands.model.times import resolve_interval
from commands.values.arguments import BadArgument, find_nearest, shorten_argument


@dataclass(frozen=True)
class AuditHandlers:
    """Handlers of the audit log."""

    audit: AuditLogPort
    now: Callable[[], datetime]

    async def search(self, operation: AuditSearch, context: RequestContext) -> Report:
        """Lists operations with matching events, newest first; with details the events themselves."""
        filters = _build_filters(operation, operation.text, self.now())
        await self._record(EventKind.AUDIT_READ, operation, context)
        shared = _is_shared(operation, context)
        if operation.details:
            events = await self.audit.search(filters)
            return audit_events.list_events(events, filters.limit, self.now(), shared=shared)
        return audit_events.list_operations(await self.audit.search_operations(filters), self.now(), shared=shared)

    async def show(self, operation: AuditShow, context: RequestContext) -> Report:
        """Lists every event of one operation, oldest first."""
        await self._record(EventKind.AUDIT_READ, operation, context)
        filters = AuditFilters(operation=operation.id, limit=MAX_SEARCH_EVENTS)
        found = await self.audit.search(filters)
        shared = _is_shared(operation, context)
        return audit_events.list_events(found[::-1], filters.limit, self.now(), shared=shared)

    async def export(self, operation: AuditExport, context: RequestContext) -> Report:
        """Puts matching events into a file."""
        filters = _build_filters(operation, "", self.now())
        await self._record(EventKind.EXPORT, operation, context)
        content = await self.audit.export(filters, operation.form)
        file = TextFile(name=f"audit-{self.now():%Y%m%d-%H%M%S}.{operation.form}", text=content.decode())
        summary = Phrase("{n} audit log line", plural="{n} audit log lines", n=len(file.text.splitlines()))
        return Report(title=Phrase("Audit log"), summary=summary, brief=True, taken_at=self.now(), files=(file,))

    async def verify(self, operation: AuditVerify, context: RequestContext) -> Report:
        """Verifies the whole audit log."""
        return listings.report_verification(await self.audit.verify(context.actor, context.operation))

    async def accept(self, operation: AuditAccept, context: RequestContext) -> Report:
        """Accepts a loss of events, which makes changes possible again."""
        await self.audit.accept(context.actor, operation.name)
        return Report.of_facts(
            Phrase("Audit log"),
            Phrase("accepted: changes are possible again. The gap stays on record"),
            ((Phrase("Name"), operation.name),),
        )

    async def _record(self, kind: EventKind, operation: OwnOperation, context: RequestContext) -> None:
        await self.audit.record(kind, context.actor, context.operation, {"understood": render_operation(operation)})


def _is_shared(operation: OwnOperation, context: RequestContext) -> bool:
    """Returns whether others read the answer."""
    return operation.here or context.requester.answered_in_public


def _build_filters(operation: AuditFilter, text: str, now: datetime) -> AuditFilters:
    if operation.kind and operation.kind not in set(EventKind):
        kinds = Phrase(
            "{part} is not an event type. Available types: {kinds}",
            part=shorten_argument(operation.kind),
            kinds=Listing(tuple(EventKind)),
        )
        raise BadArgument(kinds, part=operation.kind, nearest=find_nearest(operation.kind, EventKind))
    since, until = resolve_interval(operation.since, operation.until, now, AUDIT_HISTORY_LIMIT)
    return AuditFilters(
        since=since,
        until=until,
        actor=operation.actor,
        kind=operation.kind,
        operation=operation.operation,
        text=text,
    )
