"""Operations on requests and on what runs, as data only: people decide, look, stop and tell what they saw."""

import re
from typing import Annotated, ClassVar, Literal

from adapters.phrase import Phrase
from commands.bot_state.about import DECIDERS, in_own_words
from commands.model.operation import OwnOperation, Risk
from commands.values.arguments import BadArgument, Option, Positional, choice, shown


def operation_name(typed: tuple[str, ...]) -> str:
    """The id of an operation: `op-` and twelve hexadecimal digits."""
    said = typed[0].lower()
    if re.fullmatch(r"op-[0-9a-f]{12}", said):
        return said
    phrase = Phrase("{part} is no operation; its id looks like {example}", part=shown(typed[0]), example="op-0123456789ab")
    raise BadArgument(phrase, part=typed[0])


OperationId = Annotated[
    str,
    Positional("id", Phrase("which operation; op and approval list them"), operation_name, lambda name: (name,)),
]


class Approvals(OwnOperation):
    """What waits for people."""

    words: ClassVar = ("approval",)
    summary: ClassVar = Phrase("changes that wait for approval, and break-glass that waits for a review")
    example: ClassVar = "approval"


class ApprovalShow(OwnOperation):
    """One request with its plan."""

    words: ClassVar = ("approval", "show")
    summary: ClassVar = Phrase("one request: its plan, who may approve it, who has decided")
    example: ClassVar = "approval show op-0123456789ab"

    id: OperationId


class Approve(OwnOperation):
    """One person's yes to one plan."""

    words: ClassVar = ("approve",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "approve"),)
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("approve somebody else's change")
    example: ClassVar = "approve op-0123456789ab"

    id: OperationId


class Deny(OwnOperation):
    """One person's no, with a reason."""

    words: ClassVar = ("deny",)
    risk: ClassVar = Risk.CHANGE
    aliases: ClassVar = (("approval", "deny"),)
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("deny somebody else's change, and say why")
    example: ClassVar = 'deny op-0123456789ab "not before the backup"'

    id: OperationId
    why: Annotated[str, in_own_words("reason", Phrase("why not, for whoever asked"))]


class Operations(OwnOperation):
    """What runs and what ran."""

    words: ClassVar = ("op",)
    aliases: ClassVar = (("operation",),)
    summary: ClassVar = Phrase("changes that run, wait or ended lately")
    example: ClassVar = "op"


class OperationShow(OwnOperation):
    """The story of one change."""

    words: ClassVar = ("op", "show")
    summary: ClassVar = Phrase("the story of one change: each step with its time and outcome")
    example: ClassVar = "op show op-0123456789ab"

    id: OperationId


class OperationCancel(OwnOperation):
    """Withdraw what waits; stop what runs before its next step. Whoever asked may, though they have lost the role since."""

    words: ClassVar = ("op", "cancel")
    risk: ClassVar = Risk.CHANGE
    summary: ClassVar = Phrase("withdraw a change that waits, or stop one that runs before its next step")
    example: ClassVar = "op cancel op-0123456789ab"

    id: OperationId


class OperationContinue(OwnOperation):
    """Ask again for the hosts that were left out."""

    words: ClassVar = ("op", "continue")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("ask anew for the hosts that a stopped or failed change left out")
    example: ClassVar = "op continue op-0123456789ab"

    id: OperationId


Outcome = Literal["done", "undone", "failed"]
_OUTCOMES = choice("done", "undone", "failed")


class OperationResolve(OwnOperation):
    """What a person saw of a change whose end the bot does not know."""

    words: ClassVar = ("op", "resolve")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("say what you saw on the host of a change whose end is unknown; its hosts are free again")
    example: ClassVar = 'op resolve op-0123456789ab "the old certificate is in place" --outcome undone'

    id: OperationId
    saw: Annotated[str, in_own_words("seen", Phrase("what you saw on the host, for the audit log"))]
    outcome: Annotated[
        Outcome,
        Option(
            "outcome",
            Phrase("done, undone, or failed (something is left half done); failed if left out"),
            lambda word: _OUTCOMES((word,)),
            str,
        ),
    ] = "failed"


class OperationReview(OwnOperation):
    """Somebody else's look at a change that broke the glass."""

    words: ClassVar = ("op", "review")
    risk: ClassVar = Risk.CHANGE
    roles: ClassVar = DECIDERS
    summary: ClassVar = Phrase("close the review of a break-glass change that somebody else made")
    example: ClassVar = 'op review op-0123456789ab "agreed: the gateway was down"'

    id: OperationId
    found: Annotated[str, in_own_words("review", Phrase("what you think of it, for the audit log"))]
