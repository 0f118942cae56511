"""Channels made for incidents: their names and their creation.

title, day, operation ─ plan_channel ─▶ NewChannel, hidden unless all may read ─ make_channel ─▶ CreatedChannel

The same request makes the same channel. A private one is never made public instead, whatever Slack answers.

Names follow Slack's rules for channels: at most 80 characters, lower case, no spaces and no dots. The name of a private one
does not tell the title, because Slack shows it to administrators who are not in the channel.
"""

import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from adapters.errors import FlatnetError, Refused
from adapters.phrase import Phrase
from bot.model.announcement import Announcement

MAX_NAME_LENGTH = 80
"""Characters of a channel's name, by Slack's rule."""

ID_SUFFIX_LENGTH = 6
"""Characters of the operation's id at the end of a name: two of one title and day collide once in 16 million."""


@dataclass(frozen=True)
class NewChannel:
    """A channel to create.

    `name` is unique, and the same name again is the same channel. `plain` replaces it in a workspace that rejects the
    letters of the title. `topic` is shown above its messages; `person` is the Slack id of the person to invite.
    """

    name: str
    plain: str
    topic: str
    person: str
    private: bool = False

    def hide(self) -> "NewChannel":
        """Return the channel as a private one, whose name does not tell the title."""
        return replace(self, name=self.plain, private=True)


@dataclass(frozen=True)
class CreatedChannel:
    """The channel that exists now. `name` is "" where it is not known; `troubles` list what is left to do by hand."""

    id: str
    name: str = ""
    troubles: tuple[Phrase, ...] = ()


class ChannelNotCreated(Refused):
    """The channel could not be created; the phrase gives the reason, and the way to open an incident without one."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(
            Phrase("{why}. Without {option}, the incident is opened where you type it", why=why, option="--new")
        )


class IncidentNotStored(FlatnetError):
    """The channel was created, and its incident could not be stored."""


class IncidentChannels(Protocol):
    """Creates channels and posts in them (`bot.slack.outbound.incident_channels`, `bot.slack.answers.announcements`)."""

    async def make_channel(self, new: NewChannel) -> CreatedChannel:
        """Make sure that the channel exists, with the person in it; one that was made before is found. Raises
        `ChannelNotCreated`.
        """

    async def is_private(self, channel: str) -> bool | None:
        """Return whether a channel is private; None if Slack does not say. Never raises a `FlatnetError`."""

    async def invite(self, channel: str, person: str) -> Phrase | None:
        """Invite a person by their Slack id to a channel that the bot created; one who is there already stays.

        Returns what is left to do by hand. Raises the errors of a Slack that cannot be reached.
        """

    async def announce(self, announcement: Announcement) -> None:
        """Post it once, as `bot.model.announcement.Announcer` does."""


def plan_channel(operation: str, title: str, target: str, day: date, person: str) -> NewChannel:
    """Plan the channel of the incident that an operation opens. `day` is the request's own, so that a retry gets the same
    name.
    """
    own = operation.removeprefix("op-")[:ID_SUFFIX_LENGTH]
    begin, end = f"{day:%Y-%m-%d}", f"-{own}"
    said = _slugify(title)[: MAX_NAME_LENGTH - len(begin) - len(end) - 1].strip("-")
    name = f"{begin}-{said}{end}" if said else f"{begin}{end}"
    return NewChannel(name, f"{begin}{end}", f"{title} · {target}", person)


def _slugify(title: str) -> str:
    """Reduce a title to letters and digits in lower case, of any script, with a hyphen for everything between."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).lower())
    kept = "".join(each if each.isalnum() and each == each.lower() else " " for each in text)
    return "-".join(kept.split())
