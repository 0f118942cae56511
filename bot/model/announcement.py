"""Announcements: messages that the bot posts without a request at that moment (answers of schedules, alerts, ends of
incidents).

An announcement has a name. The same name is the same message: it is posted once, also after a crash, and edited from then
on. Where its channel rejects it, it goes to the second channel (unless it is private), then to the administrators directly.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from adapters.phrase import Phrase
from adapters.value import Value
from bot.model.alert_notice import AlertNotice, AlertWord
from bot.model.incident_notice import IncidentNotice, IncidentReply
from bot.model.request import Answer


class PlainWord(Value):
    """One sentence that is posted exactly as it is: no symbol, no heading, no button."""

    phrase: Phrase


AnnouncementBody = Answer | AlertNotice | AlertWord | PlainWord | IncidentNotice | IncidentReply
"""Content of an announcement."""


@dataclass(frozen=True)
class Announcement:
    """One message that answers no request.

    `name` is its operation id in the outbox: the same name is the same message. `channel` is "" where
    none is configured; the message goes to the administrators then. `notes` are shown in small letters below it.
    `private`: only its channel and the administrators may read it, so it never goes to the second channel. `below` is the
    name of the announcement in whose thread a word belongs, "" for none. The channel of a word about alerts may also be a
    person or a user group, by Slack id: each of them gets it directly.
    """

    name: str
    channel: str
    body: AnnouncementBody
    notes: tuple[Phrase, ...] = ()
    private: bool = False
    below: str = ""


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


class DeliveryStage(StrEnum):
    """Stage of an announcement: `WAITING` while it has not begun to be sent, `ABSENT` if it was never announced."""

    ABSENT = "absent"
    WAITING = "waiting"
    BEGUN = "begun"


class AlertAnnouncer(Announcer, Protocol):
    """Posts announcements of alerts, and takes those back that are not true any more.

    An alert's message that waits is brought up to date by `revise`: it is posted in its newest form.
    """

    async def find_delivery(self, name: str) -> DeliveryStage:
        """Find the stage of an announcement."""

    async def withdraw(self, prefix: str) -> int:
        """Delete the announcements that wait and whose name begins like this. Returns their number."""
