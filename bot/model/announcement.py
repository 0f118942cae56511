"""What the bot says in a channel without having been asked there just now: answers of schedules, notices, ends of incidents.

A bulletin has a name: the same name is the same message, posted once, also after a crash, and edited from then on.
Where its channel does not take it, it goes to the second channel, then to the administrators directly.
"""

from dataclasses import dataclass
from typing import Protocol

from adapters.phrase import Phrase
from bot.model.expiry_notice import ExpiryNotice
from bot.model.request import Answer


@dataclass(frozen=True)
class Bulletin:
    """One message that nobody asked for.

    `name` is the operation id under which it stands in the outbox: the same name is the same message. `channel` is ""
    where nobody configured one; it goes to the administrators then. `notes` are said in small letters below it.
    """

    name: str
    channel: str
    body: Answer | ExpiryNotice
    notes: tuple[Phrase, ...] = ()


@dataclass(frozen=True)
class Fallback:
    """Who hears what a channel does not take: a second channel, "" where there is none, and administrators by Slack id."""

    channel: str
    people: tuple[str, ...]


class Speaker(Protocol):
    """Who says bulletins where people read them (`bot.slack.answers.announcements`)."""

    async def announce(self, bulletin: Bulletin) -> None:
        """Say it, once: nothing happens where it is in the outbox already. Returns when it is safe there."""


class Announcer(Speaker, Protocol):
    """Who also says later what became of it."""

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """Edit the message; `word` is said below it in its thread, the same word once.

        Nothing happens where it was never announced. Returns when it is safe in the outbox.
        """
