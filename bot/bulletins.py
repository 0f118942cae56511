"""What the bot says in a channel without having been asked there just now: answers of schedules, notices, ends of incidents.

A bulletin has a name: the same name is the same message, posted once, also after a crash, and edited from then on.
Where its channel does not take it, it goes to the second channel, then to the administrators directly.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import AwareDatetime

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.messages.foreign import cut, one_line
from bot.request import Answer

NAME = 64
"""Characters of a name that are shown; a CA is called what somebody liked."""


class Fate(StrEnum):
    """What became of a certificate of which was said that it ends.

    `renewed`: its host has one that ends later; `replaced`: one that does not. `gone`: the host left the inventory;
    `untrusted`: no host trusts this CA any more; `earlier`: it was settled before, and how is not known now.
    `premature`: nothing, the clock was ahead when it was said, or is behind now.
    """

    RENEWED = "renewed"
    REPLACED = "replaced"
    GONE = "gone"
    UNTRUSTED = "untrusted"
    EARLIER = "earlier"
    PREMATURE = "premature"


class Settled(Value):
    """How a notice was settled; `until` is when the certificate ends that took the place of the old one."""

    how: Fate
    until: AwareDatetime | None = None


class Ending(Value):
    """One certificate that ends, or the end of a CA; `name` is the host's or the CA's.

    `bound`: no CA that hosts trust ends later, so that a new certificate would not live longer. `settled` is None while
    somebody has to do something.
    """

    name: str
    authority: bool
    fingerprint: str
    ends_at: AwareDatetime
    bound: bool = False
    settled: Settled | None = None

    @property
    def called(self) -> str:
        """The name as it can be shown."""
        return cut(one_line(self.name), NAME)

    @property
    def early(self) -> bool:
        """Whether it was said before its time."""
        return self.settled is not None and self.settled.how is Fate.PREMATURE

    @property
    def outcome(self) -> Phrase | None:
        """How it was settled, in a sentence."""
        match self.settled:
            case Settled(how=Fate.RENEWED, until=until) if until is not None:
                return Phrase(
                    "The certificate of {host} was renewed; the new one ends {at}", host=self.called, at=Moment(until)
                )
            case Settled(how=Fate.REPLACED, until=until) if until is not None:
                return Phrase(
                    "The certificate of {host} was replaced by one that ends no later, {at}",
                    host=self.called,
                    at=Moment(until),
                )
            case Settled(how=Fate.GONE):
                return Phrase(
                    "{host} is no longer in the inventory; its certificate is not watched any more", host=self.called
                )
            case Settled(how=Fate.UNTRUSTED):
                return Phrase("No host trusts the CA {ca} any more", ca=self.called)
            case Settled(how=Fate.PREMATURE):
                return Phrase(
                    "The warning about {name} came too early, for the bot's clock has been set back since; it ends {at}",
                    name=self.called,
                    at=Moment(self.ends_at),
                )
            case Settled():
                return Phrase("The notice about {name} was settled earlier", name=self.called)
            case None:
                return None


class ExpiryNotice(Value):
    """A message about certificates that crossed one threshold together, all of hosts or all CAs; as it is `at` a time.

    `within` is the threshold, zero where they had expired.
    """

    at: AwareDatetime
    within: timedelta
    endings: tuple[Ending, ...]

    @property
    def authority(self) -> bool:
        return self.endings[0].authority

    @property
    def open(self) -> tuple[Ending, ...]:
        """Those that somebody has to do something about."""
        return tuple(ending for ending in self.endings if ending.settled is None)

    @property
    def settled(self) -> tuple[Ending, ...]:
        return tuple(ending for ending in self.endings if ending.settled is not None)


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
    """Who says bulletins where people read them (`bot.slack.bulletins`)."""

    async def announce(self, bulletin: Bulletin) -> None:
        """Say it, once: nothing happens where it is in the outbox already. Returns when it is safe there."""


class Announcer(Speaker, Protocol):
    """Who also says later what became of it."""

    async def revise(self, bulletin: Bulletin, word: Phrase | None) -> None:
        """Edit the message; `word` is said below it in its thread, the same word once.

        Nothing happens where it was never announced. Returns when it is safe in the outbox.
        """
