"""Operations on requested and running changes, as data only: approve, list, cancel, continue, resolve, review."""

import re
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.bot_state.about import DECIDER_ROLES, make_text_argument
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import BadArgument, Option, Positional, make_choice_parser, shorten_argument


def parse_operation_id(typed: tuple[str, ...]) -> str:
    """Parses the id of an operation: `op-` and twelve hexadecimal digits. Raises `BadArgument`."""
    said = typed[0].lower()
    if re.fullmatch(r"op-[0-9a-f]{12}", said):
        return said
    phrase = Phrase(
        "{part} is no operation; its id looks like {example}", part=shorten_argument(typed[0]), example="op-0123456789ab"
    )
    raise BadArgument(phrase, part=typed[0])


OperationId = Annotated[
    str,
    Positional("id", Phrase("which operation; op and approval list them"), parse_operation_id, lambda name: (name,)),
]


class ApprovalList(OwnOperation):
    """List the changes that wait for approval or review."""

    words: ClassVar = ("approval",)
    summary: ClassVar = Phrase("changes that wait for approval, and break-glass that waits for a review")
    example: ClassVar = "approval"


class ApprovalShow(OwnOperation):
    """Show one request with its plan."""

    words: ClassVar = ("approval", "show")
    summary: ClassVar = Phrase("one request: its plan, who may approve it, who has decided")
    example: ClassVar = "approval show op-0123456789ab"

    id: OperationId


class Approve(OwnOperation):
    """Approve one plan."""

    words: ClassVar = ("approve",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "approve"),)
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("approve somebody else's change")
    example: ClassVar = "approve op-0123456789ab"

    id: OperationId


class Deny(OwnOperation):
    """Deny one plan, with a reason."""

    words: ClassVar = ("deny",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "deny"),)
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("deny somebody else's change, and say why")
    example: ClassVar = 'deny op-0123456789ab "not before the backup"'

    id: OperationId
    why: Annotated[str, make_text_argument("reason", Phrase("why not, for whoever asked"))]


class OperationList(OwnOperation):
    """List running, waiting and recent changes."""

    words: ClassVar = ("op",)
    aliases: ClassVar = (("operation",),)
    summary: ClassVar = Phrase("changes that run, wait or ended lately")
    example: ClassVar = "op"


class OperationShow(OwnOperation):
    """Show the steps and outcome of one change."""

    words: ClassVar = ("op", "show")
    summary: ClassVar = Phrase("the story of one change: each step with its time and outcome")
    example: ClassVar = "op show op-0123456789ab"

    id: OperationId


class OperationCancel(OwnOperation):
    """Withdraw a waiting change, or stop a running one before its next step.

    The requester may cancel even after losing the role.
    """

    words: ClassVar = ("op", "cancel")
    risk: ClassVar = Risk.CHANGE
    summary: ClassVar = Phrase("withdraw a change that waits, or stop one that runs before its next step")
    example: ClassVar = "op cancel op-0123456789ab"

    id: OperationId


class OperationContinue(OwnOperation):
    """Request the change again for the hosts that were left out."""

    words: ClassVar = ("op", "continue")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("ask anew for the hosts that a stopped or failed change left out")
    example: ClassVar = "op continue op-0123456789ab"

    id: OperationId


ObservedOutcome = Literal["done", "undone", "failed"]
_parse_outcome = make_choice_parser("done", "undone", "failed")


class OperationResolve(OwnOperation):
    """Record the outcome, as seen by a person, of a change whose outcome is unknown."""

    words: ClassVar = ("op", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("say what you saw on the host of a change whose end is unknown; its hosts are free again")
    example: ClassVar = 'op resolve op-0123456789ab "the old certificate is in place" --outcome undone'

    id: OperationId
    saw: Annotated[str, make_text_argument("seen", Phrase("what you saw on the host, for the audit log"))]
    outcome: Annotated[
        ObservedOutcome,
        Option(
            "outcome",
            Phrase("done, undone, or failed (something is left half done); failed if left out"),
            lambda word: _parse_outcome((word,)),
            str,
        ),
    ] = "failed"


class OperationReview(OwnOperation):
    """Record another person's review of a break-glass change."""

    words: ClassVar = ("op", "review")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDER_ROLES
    summary: ClassVar = Phrase("close the review of a break-glass change that somebody else made")
    example: ClassVar = 'op review op-0123456789ab "agreed: the gateway was down"'

    id: OperationId
    found: Annotated[str, make_text_argument("review", Phrase("what you think of it, for the audit log"))]
