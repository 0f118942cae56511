"""Quoted message: a message of Slack that a person made a note of, as Slack describes it.

The text of the note is in the words of the request, where it is checked for secrets. The rest comes only with deliveries of
Slack, so no one can type that a note was written by another person.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class QuotedMessage:
    """The channel and timestamp of a message, its author and its link.

    `author` is the configured name of its author, else the name and the id by which Slack knows them, as in
    `Max Huber (U0MEMBER)`. `link` is "" if Slack gave none.
    """

    channel: str
    ts: str
    author: str
    link: str = ""

    @property
    def at(self) -> datetime:
        """The time at which it was posted, by Slack's clock."""
        seconds, _, fraction = self.ts.partition(".")
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(fraction[:6].ljust(6, "0") or 0))
