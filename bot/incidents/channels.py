"""A channel of its own for an incident: how it is called, and who makes it.

title, day, operation ─ wanted ─▶ NewChannel ─ make_channel ─▶ MadeChannel: the same request again, the same channel

Names follow Slack's rules for channels: at most 80 characters, lower case, no spaces and no dots.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Phrase
from bot.model.announcement import Bulletin

NAME = 80
"""Characters of a channel's name, by Slack's rule."""

OWN = 6
"""Characters of the operation's id at the end of a name: of one title on one day, two meet by chance once in 16 million."""


@dataclass(frozen=True)
class NewChannel:
    """A public channel as it is wanted.

    `name` is like no other, and the same name again is the same channel; `plain` stands in for it in a workspace that
    refuses the letters of the title. `topic` stands above it; `person` is the Slack id of whoever is invited.
    """

    name: str
    plain: str
    topic: str
    person: str


@dataclass(frozen=True)
class MadeChannel:
    """The channel that is there now. `name` is "" where it is not known; `troubles` say what is left to do by hand."""

    id: str
    name: str = ""
    troubles: tuple[Phrase, ...] = ()


class NoChannel(Refused):
    """None can be made; the phrase says why, and how an incident is opened without."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(
            Phrase(
                "{why}; without {option} the incident is opened in the channel where you type it", why=why, option="--new"
            )
        )


class LeftEmpty(FlatnetError):
    """The channel was made, and its incident could not be kept."""


class Channels(Protocol):
    """Channels, as incidents need them (`bot.slack.outbound.incident_channels`, `bot.slack.answers.announcements`)."""

    async def make_channel(self, new: NewChannel) -> MadeChannel:
        """See that there is this channel, with the person in it; one that was made before is found. `NoChannel`."""

    async def announce(self, bulletin: Bulletin) -> None:
        """As `bot.model.announcement.Announcer`."""


def wanted(operation: str, title: str, target: str, day: date, person: str) -> NewChannel:
    """The channel of the incident that an operation opens. `day` is the request's own, so that it comes out again."""
    own = operation.removeprefix("op-")[:OWN]
    begin, end = f"{day:%Y-%m-%d}", f"-{own}"
    said = _letters(title)[: NAME - len(begin) - len(end) - 1].strip("-")
    name = f"{begin}-{said}{end}" if said else f"{begin}{end}"
    return NewChannel(name, f"{begin}{end}", f"{title} · {target}", person)


def _letters(title: str) -> str:
    """Letters and digits in lower case, whatever their script; a hyphen for all that is between."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).lower())
    kept = "".join(each if each.isalnum() and each == each.lower() else " " for each in text)
    return "-".join(kept.split())
