"""Operations on requested and running changes, as data only: approve, list, cancel, continue, resolve, review."""

import re
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.about import DECIDER_ROLES
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import (
    BadArgument,
    Option,
    Positional,
    make_choice_parser,
    make_text_argument,
    shorten_argument,
)


def parse_operation_id(typed: tuple[str, ...]) -> str:
    """Parses the id of an operation: `op-` and twelve hexadecimal digits. Raises `BadArgument`."""
    said = typed[0].lower()
    if re.fullmatch(r"op-[0-9a-f]{12}", said):
        return said
    phrase = Phrase(
        "{part} is not an operation ID. Expected format: {example}",
        part=shorten_argument(typed[0]),
        example="op-0123456789ab",
    )
    raise BadArgument(phrase, part=typed[0])


OperationId = Annotated[
    str,
    Positional("id", Phrase("operation ID (listed by op and approval)"), parse_operation_id, lambda name: (name,)),
]


MAX_NAME_LENGTH = 300
"""Characters of the name that an approver types."""


def parse_object_name(typed: str) -> str:
    """Parses the name that an approver types. Raises `BadArgument` if it cannot be one."""
    name = typed.strip()
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise BadArgument(Phrase("{part} is not a name", part=shorten_argument(typed)), part=typed)
    return name


class ApprovalList(OwnOperation):
    """List the changes that wait for approval or review."""

    words: ClassVar = ("approval",)
    summary: ClassVar = Phrase("changes waiting for approval, and emergency changes waiting for review")
    example: ClassVar = "approval"
    label: ClassVar = Phrase("show pending requests")


class ApprovalShow(OwnOperation):
    """Show one request with its plan."""

    words: ClassVar = ("approval", "show")
    summary: ClassVar = Phrase("one request: plan, approvers and decisions")
    example: ClassVar = "approval show op-0123456789ab"
    label: ClassVar = Phrase("show request {id}", id="…")

    id: OperationId


class Approve(OwnOperation):
    """Approve one plan."""

    words: ClassVar = ("approve",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "approve"),)
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("approve another person's change")
    example: ClassVar = "approve op-0123456789ab"
    label: ClassVar = Phrase("approve {id}", id="…")

    id: OperationId
    name: Annotated[
        str,
        Option(
            "name",
            Phrase("for a critical change: the name of what it is about, typed as the plan has it"),
            parse_object_name,
            str,
        ),
    ] = ""


class Deny(OwnOperation):
    """Deny one plan, with a reason."""

    words: ClassVar = ("deny",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "deny"),)
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("deny another person's change, with a reason")
    example: ClassVar = 'deny op-0123456789ab "not before the backup"'
    label: ClassVar = Phrase("deny {id}", id="…")

    id: OperationId
    why: Annotated[str, make_text_argument("reason", Phrase("reason, shown to the requester"))]


class OperationList(OwnOperation):
    """List running, waiting and recent changes."""

    words: ClassVar = ("op",)
    aliases: ClassVar = (("operation",),)
    summary: ClassVar = Phrase("running, waiting and recent changes")
    example: ClassVar = "op"
    label: ClassVar = Phrase("show recent changes")


class OperationShow(OwnOperation):
    """Show the steps and outcome of one change."""

    words: ClassVar = ("op", "show")
    summary: ClassVar = Phrase("history of one change: each step with time and result")
    example: ClassVar = "op show op-0123456789ab"
    label: ClassVar = Phrase("show change {id}", id="…")

    id: OperationId


class OperationCancel(OwnOperation):
    """Withdraw a waiting change, or stop a running one before its next step.

    The requester may cancel even after losing the role.
    """

    words: ClassVar = ("op", "cancel")
    risk: ClassVar = Risk.CHANGE
    summary: ClassVar = Phrase("withdraw a waiting change, or stop a running one before its next step")
    example: ClassVar = "op cancel op-0123456789ab"
    label: ClassVar = Phrase("withdraw or stop {id}", id="…")

    id: OperationId


class OperationContinue(OwnOperation):
    """Request the change again for the hosts that it left out or did not finish."""

    words: ClassVar = ("op", "continue")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("request the change again for hosts that a stopped or failed change did not finish")
    example: ClassVar = "op continue op-0123456789ab"
    label: ClassVar = Phrase("continue {id}", id="…")

    id: OperationId


ObservedOutcome = Literal["done", "undone", "failed"]
_parse_outcome = make_choice_parser("done", "undone", "failed")


class OperationResolve(OwnOperation):
    """Record the outcome, as seen by a person, of a change whose outcome is unknown."""

    words: ClassVar = ("op", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("report the outcome of a change whose result is unknown (this releases its hosts)")
    example: ClassVar = 'op resolve op-0123456789ab "the old certificate is in place" --outcome undone'
    label: ClassVar = Phrase("report the outcome of {id}", id="…")

    id: OperationId
    saw: Annotated[str, make_text_argument("seen", Phrase("what you found on the host, kept in the audit log"))]
    outcome: Annotated[
        ObservedOutcome,
        Option(
            "outcome",
            Phrase("done, undone (rolled back), or failed (left incomplete, the default)"),
            lambda word: _parse_outcome((word,)),
            str,
        ),
    ] = "failed"


class OperationReview(OwnOperation):
    """Record another person's review of a break-glass change."""

    words: ClassVar = ("op", "review")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("complete the review of another person's emergency change")
    example: ClassVar = 'op review op-0123456789ab "agreed: the gateway was down"'
    label: ClassVar = Phrase("review {id}", id="…")

    id: OperationId
    found: Annotated[str, make_text_argument("review", Phrase("your review comment, kept in the audit log"))]
