"""Announcements: messages that the bot posts without a request at that moment (answers of schedules, notices, ends of
incidents).

An announcement has a name. The same name is the same message: it is posted once, also after a crash, and edited from then
on. Where its channel rejects it, it goes to the second channel (unless it is private), then to the administrators directly.
"""

from dataclasses import dataclass
from typing import Protocol

from adapters.phrase import Phrase
from bot.model.expiry_notice import ExpiryNotice
from bot.model.request import Answer


@dataclass(frozen=True)
class Announcement:
    """One message that answers no request.

    `name` is its operation id in the outbox: the same name is the same message. `channel` is "" where
    none is configured; the message goes to the administrators then. `notes` are shown in small letters below it.
    `private`: only its channel and the administrators may read it, so it never goes to the second channel.
    """

    name: str
    channel: str
    body: Answer | ExpiryNotice
    notes: tuple[Phrase, ...] = ()
    private: bool = False


@dataclass(frozen=True)
class Fallback:
    """Recipients of what a channel rejects: a second channel, "" where there is none, and administrators by Slack id."""

    channel: str
    people: tuple[str, ...]


class AnnouncementSender(Protocol):
    """Posts announcements (`bot.slack.answers.announcements`)."""

    async def announce(self, announcement: Announcement) -> None:
        """Post it once: nothing happens where it is in the outbox already. Returns when it is safe there."""


class Announcer(AnnouncementSender, Protocol):
    """Posts announcements, and edits them later."""

    async def revise(self, announcement: Announcement, word: Phrase | None) -> None:
        """Edit the message, and post `word` in its thread; the same word is posted once.

        Nothing happens where it was never announced. Returns when it is safe in the outbox.
        """
