"""Who answers `audit`: the log for those who may read it. That they read it is in it before they do.

filters ─ judged ─▶ AUDIT_READ, EXPORT recorded ─▶ events, a file
"""

from typing import TYPE_CHECKING

from adapters.phrase import Listing, Phrase
from bot.audit.log import EventKind
from bot.audit.search import Filters
from bot.reports import listings
from commands.bot_state.audit import FARTHEST, AuditAccept, AuditExport, AuditFilter, AuditSearch, AuditVerify
from commands.language.grammar import canonical
from commands.model.report import File, Report
from commands.model.times import between
from commands.values.arguments import BadArgument, nearest, shown

if TYPE_CHECKING:
    from bot.handlers.context import Asked


async def searched(operation: AuditSearch, asked: "Asked") -> Report:
    """What happened, newest first."""
    filters = _filters(operation, asked, operation.text)
    await _recorded(EventKind.AUDIT_READ, operation, asked)
    return listings.events(await asked.audit.search(filters), asked.now())


async def exported(operation: AuditExport, asked: "Asked") -> Report:
    """The log as a file."""
    filters = _filters(operation, asked, "")
    await _recorded(EventKind.EXPORT, operation, asked)
    content = await asked.audit.export(filters, operation.form)
    file = File(name=f"audit-{asked.now():%Y%m%d-%H%M%S}.{operation.form}", text=content.decode())
    summary = Phrase("{n} line of the audit log", plural="{n} lines of the audit log", n=len(file.text.splitlines()))
    return Report(title=Phrase("Audit log"), summary=summary, brief=True, taken_at=asked.now(), files=(file,))


async def verified(operation: AuditVerify, asked: "Asked") -> Report:
    """Whether the log is whole."""
    return listings.verification(await asked.audit.verify(asked.by.actor.name, asked.operation))


async def accepted(operation: AuditAccept, asked: "Asked") -> Report:
    """What is missing is known, and changes are possible again."""
    await asked.audit.accept(asked.by.actor.name, operation.name)
    return Report.of_facts(
        Phrase("Audit log"),
        Phrase("accepted: changes are possible again; what is missing stays on record"),
        ((Phrase("Name"), operation.name),),
    )


async def _recorded(kind: EventKind, operation: AuditFilter, asked: "Asked") -> None:
    """Who reads the log is in it, before they do."""
    await asked.audit.record(kind, asked.by.actor.name, asked.operation, {"understood": canonical(operation)})


def _filters(operation: AuditFilter, asked: "Asked", text: str) -> Filters:
    if operation.kind and operation.kind not in set(EventKind):
        kinds = Phrase(
            "{part} is no kind of event; there are {kinds}", part=shown(operation.kind), kinds=Listing(tuple(EventKind))
        )
        raise BadArgument(kinds, part=operation.kind, nearest=nearest(operation.kind, EventKind))
    since, until = between(operation.since, operation.until, asked.now(), FARTHEST)
    return Filters(
        since=since,
        until=until,
        actor=operation.actor,
        kind=operation.kind,
        operation=operation.operation,
        text=text,
    )
