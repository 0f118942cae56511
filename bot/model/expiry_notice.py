"""Expiry notices: announcements before a certificate or a CA expires, and how each was settled."""

from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.security.untrusted_text import cut, one_line

NAME = 64
"""Characters of a name that are shown. Operators choose the names of CAs freely."""


class Fate(StrEnum):
    """Reasons for which an announced expiry needs no more action.

    `renewed`: the host has a certificate that ends later; `replaced`: one that does not. `gone`: the host left the
    inventory. `untrusted`: no host trusts this CA any more. `earlier`: settled before, and the reason is not known now.
    `premature`: no action, for the clock was ahead when the notice was posted, or is behind now.
    """

    RENEWED = "renewed"
    REPLACED = "replaced"
    GONE = "gone"
    UNTRUSTED = "untrusted"
    EARLIER = "earlier"
    PREMATURE = "premature"


class Settled(Value):
    """Settlement of a notice; `until` is the end of the certificate that took the place of the old one."""

    how: Fate
    until: AwareDatetime | None = None


class Ending(Value):
    """One certificate, or one CA, that expires; `name` is the host's or the CA's.

    `bound`: no CA that hosts trust ends later, so that a new certificate would not live longer. `settled` is None while
    action is needed.
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
        """True if it was announced before its time."""
        return self.settled is not None and self.settled.how is Fate.PREMATURE

    @property
    def outcome(self) -> Phrase | None:
        """A sentence that tells how it was settled; None while it is open."""
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
    """A message about certificates that crossed one threshold together, all of hosts or all CAs, as of the time `at`.

    `within` is the threshold, zero where they had expired.
    """

    at: AwareDatetime
    within: timedelta
    endings: tuple[Ending, ...]

    @property
    def authority(self) -> bool:
        """True if the notice is about CAs."""
        return self.endings[0].authority

    @property
    def open(self) -> tuple[Ending, ...]:
        """The certificates that still need action."""
        return tuple(ending for ending in self.endings if ending.settled is None)

    @property
    def settled(self) -> tuple[Ending, ...]:
        """The certificates that need no more action."""
        return tuple(ending for ending in self.endings if ending.settled is not None)
