"""Operations on the audit log, as data only."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.model.operation import OwnOperation, Risk, Role
from commands.model.times import TimePoint, make_time_option
from commands.values.arguments import BadArgument, Flag, Option, Positional, make_choice_parser, shorten_argument

AUDITOR_ROLES = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
"""Roles that may read the audit log."""

AUDIT_HISTORY_LIMIT = timedelta(days=3660)
"""Maximum age of events in a search."""

TextOption = Annotated[str, Option("text", Phrase("exact match"), str.strip, str)]


class AuditFilter(OwnOperation):
    """A filter of events. An event must match every argument."""

    roles: ClassVar = AUDITOR_ROLES

    since: Annotated[TimePoint | None, make_time_option(AUDIT_HISTORY_LIMIT)] = None
    until: Annotated[TimePoint | None, make_time_option(AUDIT_HISTORY_LIMIT)] = None
    actor: TextOption = ""
    kind: TextOption = ""
    operation: TextOption = ""


class AuditSearch(AuditFilter):
    """List operations by their audit events, newest first, one row an operation; with details one row an event."""

    words: ClassVar = ("audit", "search")
    aliases: ClassVar = (("audit",),)
    summary: ClassVar = Phrase("requests, denials, approvals and results (newest first)")
    example: ClassVar = "audit search host-a --since 7d"
    label: ClassVar = Phrase("search the audit log")

    text: Annotated[
        str,
        Positional(
            "text",
            Phrase("text contained in the event"),
            lambda words: " ".join(words),
            lambda text: (text,) if text else (),
            many=True,
        ),
    ] = ""
    details: Annotated[bool, Flag(Phrase("one row for each event"))] = False


MAX_RECORDED_ID = 64
"""Maximum characters of an operation's id in the audit log."""


def _parse_recorded_id(words: tuple[str, ...]) -> str:
    """Parses the id of an operation or of a notice, as the audit log has it. Raises `BadArgument`."""
    typed = words[0].lower()
    if len(typed) <= MAX_RECORDED_ID and typed.isascii() and typed.isprintable():
        return typed
    example = "op-0123456789ab"
    phrase = Phrase(
        "{part} is not an operation ID. Expected format: {example}", part=shorten_argument(typed), example=example
    )
    raise BadArgument(phrase, part=words[0])


class AuditShow(OwnOperation):
    """Show every audit event of one operation, oldest first."""

    words: ClassVar = ("audit", "show")
    roles: ClassVar = AUDITOR_ROLES
    label: ClassVar = Phrase("show audit events of {id}", id="…")
    summary: ClassVar = Phrase("every audit event of one operation")
    example: ClassVar = "audit show op-0123456789ab"

    id: Annotated[
        str, Positional("id", Phrase("operation ID (listed by audit search)"), _parse_recorded_id, lambda name: (name,))
    ]


class AuditExport(AuditFilter):
    """Export audit events as a file."""

    words: ClassVar = ("audit", "export")
    summary: ClassVar = Phrase("export audit events to a file, with secrets redacted")
    example: ClassVar = "audit export csv --since 30d"
    label: ClassVar = Phrase("export the audit log")

    form: Annotated[
        Literal["csv", "jsonl"],
        Positional("form", Phrase("csv or jsonl"), make_choice_parser("csv", "jsonl"), lambda form: (form,)),
    ] = "csv"


class AuditVerify(OwnOperation):
    """Verify the integrity of the audit log."""

    words: ClassVar = ("audit", "verify")
    roles: ClassVar = AUDITOR_ROLES
    summary: ClassVar = Phrase("check the audit log for changed, removed, swapped or truncated events")
    example: ClassVar = "audit verify"
    label: ClassVar = Phrase("verify the audit log")


class AuditAccept(OwnOperation):
    """Accept a database that is older than its head file."""

    words: ClassVar = ("audit", "accept")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = frozenset({Role.ADMINISTRATOR})
    summary: ClassVar = Phrase("accept a database restored from an earlier backup, using the name shown by audit verify")
    example: ClassVar = "audit accept audit-1234-0123abcd"
    label: ClassVar = Phrase("accept the database {name}", name="…")

    name: Annotated[
        str, Positional("name", Phrase("the name shown by audit verify"), lambda words: words[0], lambda n: (n,))
    ]
