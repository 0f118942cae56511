"""What the bot says in a channel without having been asked there just now: answers of schedules, notices.

A bulletin has a name: the same name is the same message, posted once, also after a crash, and edited from then on.
Where its channel does not take it, it goes to the second channel, then to the administrators directly.
"""

from dataclasses import dataclass
from typing import Protocol

from adapters.phrase import Phrase
from bot.request import Answer


@dataclass(frozen=True)
class Bulletin:
    """Something to be said. `name`: the operation's id under which it stands in the outbox. `channel` "": nobody has
    configured one, so the administrators are told directly. `notes` are said in small letters below it."""

    name: str
    channel: str
    body: Answer
    notes: tuple[Phrase, ...] = ()


@dataclass(frozen=True)
class Fallback:
    """Who hears what a channel does not take: a second channel, "" where there is none, and administrators by Slack id."""

    channel: str
    people: tuple[str, ...]


class Announcer(Protocol):
    """Where bulletins are posted (`bot.slack.bulletins`)."""

    async def announce(self, bulletin: Bulletin) -> None:
        """Say it once: nothing where it was said already. Returns when it is safe in the outbox."""

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """Let what was said become this; `word` is said below it, in its thread."""
