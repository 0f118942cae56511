"""Errors as types.

    FlatnetError                  foreseen; its phrase may be shown as it stands and says what to do next
    ├── RequestError              the requester can fix it (commands.values.arguments, commands.language.grammar)
    ├── Refused                   understood, but not now or not by this requester (bot.access.policy)
    └── HostError                 one host failed; carries `maybe_ran`
        ├── Unreachable           nothing answered: refused, no route, closed early, no name
        ├── HostIdentityError     something answered, but not with the key or certificate on record
        ├── AuthenticationFailed  the host did not accept the bot's credentials; never retried
        ├── ActionFailed          the host ran the action and reports a failure
        ├── OutcomeUnknown        sent, but the answer was lost
        ├── ProtocolError         the answer could not be read
        ├── DeadlineExceeded      no answer in time
        └── NotAsked              the bot lacked the resources to ask, so nothing is known about the host

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
    """The request could not be understood. The requester can fix it."""


class Refused(FlatnetError):
    """The request was understood, but is not allowed now, or not for this requester."""


class HostError(FlatnetError):
    """One host failed, or could not be asked.

    `maybe_ran` tells whether what was sent may have taken effect. A change may be sent again only if it is False.
    """

    kind: ClassVar[str] = "host"

    def __init__(self, phrase: Phrase, *, maybe_ran: bool = False) -> None:
        super().__init__(phrase)
        self.maybe_ran = maybe_ran


class Unreachable(HostError):
    """Nothing answered at the address."""

    kind = "unreachable"


class HostIdentityError(HostError):
    """Something answered, but with another key or certificate than the one on record."""

    kind = "identity"


class AuthenticationFailed(HostError):
    """The host refused the bot's credentials. Trying again may lock the account."""

    kind = "authentication"


class ActionFailed(HostError):
    """The host ran the action and reports a failure. `code` is what programs compare."""

    kind = "failed"

    def __init__(self, phrase: Phrase, *, code: str = "", maybe_ran: bool = True) -> None:
        super().__init__(phrase, maybe_ran=maybe_ran)
        self.code = code


class OutcomeUnknown(HostError):
    """The action was sent and its answer was lost. The host must be checked before anything is done again."""

    kind = "unknown"

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase, maybe_ran=True)


class ProtocolError(HostError):
    """The answer does not follow the protocol of this side."""

    kind = "protocol"


class DeadlineExceeded(HostError):
    """No answer within the action's deadline."""

    kind = "deadline"

    @classmethod
    def after(cls, seconds: float, *, maybe_ran: bool = False) -> "DeadlineExceeded":
        """Makes the error for no answer within `seconds`."""
        return cls(
            Phrase("no response within {deadline}. Check that the host is up and not overloaded", deadline=Span(seconds)),
            maybe_ran=maybe_ran,
        )


class NotAsked(HostError):
    """The bot lacked a resource (a turn, a thread, an open file). Nothing was sent, and the host may be healthy."""

    kind = "not-asked"

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(phrase)
