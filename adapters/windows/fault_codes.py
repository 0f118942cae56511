"""What WinRM says, by fault code or HTTP status, when it does not do what it was asked, as `HostError`s.

Each says `maybe_ran=False`; `doubted` makes of it what it means once a change may have been made.
"""

from adapters.error_text import one_line
from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.phrase import Phrase

OPERATIONS_USED_UP = "quota-operations"
"""`ActionFailed.code` where only a new shell helps."""

_ACCESS_DENIED = 5
_SHELL_NOT_FOUND = 2150858843
_QUOTAS = {2150859173: "quota-shells", 2150859174: OPERATIONS_USED_UP, 2150859175: "quota-user"}
"""WSManFault codes 0x803381A5 to A7 and the `ActionFailed.code` of each."""


def doubted(failure: HostError) -> HostError:
    """The same failure where the change may have been made although no answer says so."""
    if isinstance(failure, Unreachable | NotAsked):
        return OutcomeUnknown(Phrase("the answer is lost: {failure}; look at the host first", failure=failure.phrase))
    failure.maybe_ran = True
    return failure


def late(address: str) -> DeadlineExceeded:
    """The time of the action is over."""
    return DeadlineExceeded(
        Phrase("no answer from {address} in time; check that the host is up and not overloaded", address=address)
    )


def lost(address: str) -> Unreachable:
    """A connection that was open has ended before the answer."""
    return Unreachable(
        Phrase("the connection to {address} broke before the answer; check that WinRM runs, then try again", address=address)
    )


def unreachable(address: str, reason: Phrase | str) -> Unreachable:
    """No connection could be made."""
    return Unreachable(
        Phrase(
            "nothing answers at {address} ({reason}); check that the host is up, WinRM runs and the firewall is open",
            address=address,
            reason=reason,
        )
    )


def unproven(address: str, reason: Phrase | str) -> HostIdentityError:
    """TLS failed: whoever answers is not the host that our CA has signed for."""
    return HostIdentityError(
        Phrase(
            "{address} does not prove to be our host ({reason}); check ca_file and the host's certificate",
            address=address,
            reason=reason,
        )
    )


def unusable_files(reason: Phrase | str) -> HostIdentityError:
    """Our own CA, certificate or key cannot be read, so nobody can prove anything."""
    return HostIdentityError(
        Phrase("a file for TLS cannot be read ({reason}); check ca_file, certificate_file and key_file", reason=reason)
    )


def refused_login(address: str) -> AuthenticationFailed:
    """HTTP 401 after all: never tried again, for that may lock the account."""
    return AuthenticationFailed(
        Phrase("{address} refuses the log-in; check user and password, or the certificate", address=address)
    )


def not_winrm(address: str, reason: Phrase | str) -> ProtocolError:
    """Something answers, and not as WinRM does."""
    return ProtocolError(
        Phrase(
            "{address} does not answer as WinRM does ({reason}); check that url leads to WinRM",
            address=address,
            reason=reason,
        )
    )


def refused_by_fault(code: int | None, reason: str, address: str) -> HostError:
    """A WSManFault: WinRM's own code and words."""
    if code == _SHELL_NOT_FOUND:
        return lost(address)
    if code == _ACCESS_DENIED:
        return AuthenticationFailed(
            Phrase("{address} lets this account open no remote shell; it must be an administrator there", address=address)
        )
    if code in _QUOTAS:
        return ActionFailed(
            Phrase("WinRM's quota of this account is used up at {address}; try again in ten minutes", address=address),
            code=_QUOTAS[code],
            maybe_ran=False,
        )
    return ActionFailed(
        Phrase(
            "WinRM at {address} refuses: {reason}; look at the WinRM log of the host",
            address=address,
            reason=one_line(reason),
        ),
        code=str(code or ""),
        maybe_ran=False,
    )


def refused_by_status(status: int, address: str) -> HostError:
    """An HTTP status without a fault: something before WinRM has answered.

    400 is what a host says of a message sealed for a connection that it no longer knows.
    """
    if status in (400, 503):
        return lost(address)
    return ProtocolError(
        Phrase(
            "{address} answers with HTTP status {status}; check that url leads to WinRM", address=address, status=str(status)
        )
    )
