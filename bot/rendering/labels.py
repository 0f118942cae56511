"""The words and signs that every surface for people shares."""

from adapters.phrase import Phrase
from bot.model.request import FailureKind
from bot.security.untrusted_text import CUT, cut
from commands.model.report import Mark

COMMAND = "/flatnet"

SIGNS = {Mark.WELL: "✓", Mark.BAD: "✗", Mark.UNKNOWN: "?", Mark.ABSENT: "–", Mark.PLAIN: ""}
"""A mark in one character, so that colour alone never carries it."""

WELL = Phrase("well")
UNKNOWN = Phrase("unknown")

FAILURES = {
    FailureKind.USAGE: Phrase("Not understood"),
    FailureKind.REFUSED: Phrase("Refused"),
    FailureKind.NOTHING: Phrase("Unchanged"),
    FailureKind.INTERNAL: Phrase("Error"),
}

DID_YOU_MEAN = Phrase("Did you mean:")
NEXT = Phrase("Next:")

_AROUND = 60
"""Characters shown on either side of the wrong part of a request."""


def onward(channel: str) -> Phrase:
    """Where it goes on, or went on; `channel` as the surface shows one."""
    return Phrase("Channel: {channel}", channel=channel)


def offering(kind: FailureKind) -> Phrase:
    """What stands before words that may help: who mistyped is put right, who was refused is led on."""
    return DID_YOU_MEAN if kind is FailureKind.USAGE else NEXT


def marked(understood: str, span: tuple[int, int]) -> tuple[str, str, str]:
    """What is before, in and after the wrong part of a request, short enough to be read.

    The wrong part is "" where something is missing at that place; a span that leaves the text ends with it.
    """
    start = max(0, min(span[0], len(understood)))
    end = max(start, min(span[1], len(understood)))
    before, after = understood[:start], understood[end:]
    return (
        before if len(before) <= _AROUND else CUT + before[-_AROUND:],
        cut(understood[start:end], _AROUND * 2),
        cut(after, _AROUND),
    )
