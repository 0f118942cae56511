"""What can go wrong, as types.

    FlatnetError                  foreseen; its phrase may be shown as it stands and says what to do next
    ├── RequestError              the person can mend it (commands.arguments, commands.grammar)
    ├── Refused                   understood, but not now or not by you (bot.policy)
    └── HostError                 one host let us down; carries `maybe_ran`
        ├── Unreachable           nothing answered: refused, no route, closed early, no name
        ├── HostIdentityError     something answered, but it is not the host we know (key, certificate)
        ├── AuthenticationFailed  the host did not accept our credentials; never tried again
        ├── ActionFailed          the host did what it was told and says that it failed
        ├── OutcomeUnknown        sent, but the answer was lost
        ├── ProtocolError         an answer that cannot be understood
        ├── DeadlineExceeded      no answer in time
        └── NotAsked              the bot's own trouble: it had no means to ask, so nothing is said of the host

Anything else is a bug: logged with a reference, shown as "unexpected error, reference 7f3a".
"""

from typing import ClassVar

from adapters.phrase import Phrase, Span


class FlatnetError(Exception):
    """A foreseen error. `phrase` is for people and says what to do next."""

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(str(phrase))
        self.phrase = phrase


class RequestError(FlatnetError):
    """The request cannot be understood; the person can mend it."""


class Refused(FlatnetError):
    """Understood, but not now, or not by this person."""


class HostError(FlatnetError):
    """One host let us down, or we could not ask it.

    `maybe_ran` says whether what was sent may have taken effect; only where it is False may a
    change be sent again.
    """

    kind: ClassVar[str] = "host"

    def __init__(self, phrase: Phrase, *, maybe_ran: bool = False) -> None:
        super().__init__(phrase)
        self.maybe_ran = maybe_ran


class Unreachable(HostError):
    """Nothing answered at the address."""

    kind = "unreachable"


class HostIdentityError(HostError):
    """Something answered, but with another key or certificate than the one we hold."""

    kind = "identity"


class AuthenticationFailed(HostError):
    """The host refused our credentials. Trying again may lock the account."""

    kind = "authentication"


class ActionFailed(HostError):
    """The host ran the action and reports that it failed. `code` is what programs compare."""

    kind = "failed"

    def __init__(self, phrase: Phrase, *, code: str = "", maybe_ran: bool = True) -> None:
        super().__init__(phrase, maybe_ran=maybe_ran)
        self.code = code


class OutcomeUnknown(HostError):
    """The action was sent and its answer was lost: look before doing anything again."""

    kind = "unknown"

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase, maybe_ran=True)


class ProtocolError(HostError):
    """The answer is not what this side speaks."""

    kind = "protocol"


class DeadlineExceeded(HostError):
    """No answer within the action's deadline."""

    kind = "deadline"

    @classmethod
    def after(cls, seconds: float, *, maybe_ran: bool = False) -> "DeadlineExceeded":
        """Silence for so long."""
        return cls(
            Phrase("no answer within {deadline}; check that the host is up and not overloaded", deadline=Span(seconds)),
            maybe_ran=maybe_ran,
        )


class NotAsked(HostError):
    """The bot lacked what it needs to ask (a turn, a thread, an open file). Nothing was sent, and the host may be well."""

    kind = "not-asked"

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase)
