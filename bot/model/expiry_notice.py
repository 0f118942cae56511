"""Expiry notices: announcements before a certificate or a CA expires, and how each was settled."""

from datetime import timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from adapters.phrase import Moment, Phrase
from adapters.value import Value
from bot.security.untrusted_text import shorten, to_one_line

MAX_NAME_LENGTH = 64
"""Characters of a name that are shown. Operators choose the names of CAs freely."""


class SettlementKind(StrEnum):
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


class Settlement(Value):
    """Settlement of a notice; `until` is the end of the certificate that took the place of the old one."""

    how: SettlementKind
    until: AwareDatetime | None = None


class ExpiryNoticeItem(Value):
    """One certificate, or one CA, that expires; `name` is the host's or the CA's.

    `bound`: no CA that hosts trust ends later, so that a new certificate would not live longer. `settled` is None while
    action is needed.
    """

    name: str
    authority: bool
    fingerprint: str
    ends_at: AwareDatetime
    bound: bool = False
    settled: Settlement | None = None

    @property
    def display_name(self) -> str:
        """The name as it can be shown."""
        return shorten(to_one_line(self.name), MAX_NAME_LENGTH)

    @property
    def is_premature(self) -> bool:
        """True if it was announced before its time."""
        return self.settled is not None and self.settled.how is SettlementKind.PREMATURE

    @property
    def outcome(self) -> Phrase | None:
        """A sentence that describes its settlement; None while it is open."""
        match self.settled:
            case Settlement(how=SettlementKind.RENEWED, until=until) if until is not None:
                return Phrase(
                    "The certificate of {host} was renewed and now expires at {at}", host=self.display_name, at=Moment(until)
                )
            case Settlement(how=SettlementKind.REPLACED, until=until) if until is not None:
                return Phrase(
                    "The certificate of {host} was replaced, but its expiry is not later ({at})",
                    host=self.display_name,
                    at=Moment(until),
                )
            case Settlement(how=SettlementKind.GONE):
                return Phrase(
                    "{host} was removed from the configuration, so its certificate is no longer monitored",
                    host=self.display_name,
                )
            case Settlement(how=SettlementKind.UNTRUSTED):
                return Phrase("No host trusts the CA {ca} any longer", ca=self.display_name)
            case Settlement(how=SettlementKind.PREMATURE):
                return Phrase(
                    "The warning about {name} was premature: the bot's clock was ahead. {name} expires at {at}",
                    name=self.display_name,
                    at=Moment(self.ends_at),
                )
            case Settlement():
                return Phrase("The notice about {name} was already resolved", name=self.display_name)
            case None:
                return None


class ExpiryNotice(Value):
    """A message about certificates that crossed one threshold together, all of hosts or all CAs, as of the time `at`.

    `within` is the threshold, zero where they had expired.
    """

    at: AwareDatetime
    within: timedelta
    endings: tuple[ExpiryNoticeItem, ...]

    @property
    def authority(self) -> bool:
        """True if the notice is about CAs."""
        return self.endings[0].authority

    @property
    def open(self) -> tuple[ExpiryNoticeItem, ...]:
        """The certificates that still need action."""
        return tuple(ending for ending in self.endings if ending.settled is None)

    @property
    def settled(self) -> tuple[ExpiryNoticeItem, ...]:
        """The certificates that need no more action."""
        return tuple(ending for ending in self.endings if ending.settled is not None)
