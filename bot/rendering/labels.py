"""Words and signs that all surfaces for people share. Pure."""

from adapters.phrase import Phrase
from bot.model.request import FailureKind
from bot.security.untrusted_text import ELLIPSIS, shorten
from commands.model.report import Mark

COMMAND = "/flatnet"
"""The slash command of the bot."""

MARK_SIGNS = {Mark.WELL: "✓", Mark.BAD: "✗", Mark.UNKNOWN: "?", Mark.ABSENT: "–", Mark.PLAIN: ""}
"""Signs of the marks, so that color never carries the meaning alone."""

FAILURE_LABELS = {
    FailureKind.USAGE: Phrase("Not recognized"),
    FailureKind.REFUSED: Phrase("Cannot run"),
    FailureKind.NOTHING: Phrase("Unchanged"),
    FailureKind.INTERNAL: Phrase("Error"),
}

DID_YOU_MEAN = Phrase("Did you mean:")
NEXT = Phrase("Next steps:")

_MAX_SURROUNDING = 60
"""Characters shown on either side of the wrong part of a command."""


def describe_channel(channel: str) -> Phrase:
    """Makes the line with the incident's channel; `channel` as the surface shows one."""
    return Phrase("Channel: {channel}", channel=channel)


def choose_suggestion_label(kind: FailureKind) -> Phrase:
    """Chooses the label of suggested commands: a correction after a usage error, else the next command."""
    return DID_YOU_MEAN if kind is FailureKind.USAGE else NEXT


def split_at_span(understood: str, span: tuple[int, int]) -> tuple[str, str, str]:
    """Splits a command into the parts before, in and after its wrong part, each shortened.

    The wrong part is "" if something is missing at that place. A span beyond the end of the text is cut there.
    """
    start = max(0, min(span[0], len(understood)))
    end = max(start, min(span[1], len(understood)))
    before, after = understood[:start], understood[end:]
    return (
        before if len(before) <= _MAX_SURROUNDING else ELLIPSIS + before[-_MAX_SURROUNDING:],
        shorten(understood[start:end], _MAX_SURROUNDING * 2),
        shorten(after, _MAX_SURROUNDING),
    )
