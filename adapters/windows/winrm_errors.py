"""Errors of WinRM as `HostError`s, by fault code, HTTP status or broken connection.

Each has `maybe_ran=False`. `mark_in_doubt` converts it for the case that a change may have been made.
"""

from adapters.error_text import clean_line
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

OPERATIONS_QUOTA = "quota-operations"
"""`ActionFailed.code` of a full quota that only a new shell resets."""

_ACCESS_DENIED = 5
_SHELL_NOT_FOUND = 2150858843
_QUOTAS = {2150859173: "quota-shells", 2150859174: OPERATIONS_QUOTA, 2150859175: "quota-user"}
"""WSManFault codes 0x803381A5 to A7 and the `ActionFailed.code` of each."""


def mark_in_doubt(failure: HostError) -> HostError:
    """Converts a failure for the case that the change may have been made without an answer."""
    if isinstance(failure, Unreachable | NotAsked):
        return OutcomeUnknown(Phrase("no result received: {failure}. Check the host first", failure=failure.phrase))
    failure.maybe_ran = True
    return failure


def make_deadline_error(address: str) -> DeadlineExceeded:
    """Makes the error for an exceeded deadline."""
    return DeadlineExceeded(
        Phrase("timed out waiting for {address}. Check that the host is up and not overloaded", address=address)
    )


def make_lost_error(address: str) -> Unreachable:
    """Makes the error for an open connection that ended before the answer."""
    return Unreachable(
        Phrase(
            "the connection to {address} was lost before the response arrived. Check that WinRM is running, then try again",
            address=address,
        )
    )


def make_unreachable_error(address: str, reason: Phrase | str) -> Unreachable:
    """Makes the error for a connection that could not be opened."""
    return Unreachable(
        Phrase(
            "no response from {address} ({reason}). Check that the host is up, WinRM is running and the firewall allows it",
            address=address,
            reason=reason,
        )
    )


def make_identity_error(address: str, reason: Phrase | str) -> HostIdentityError:
    """Makes the error for failed TLS: the peer is not the host that the CA of the fleet signed."""
    return HostIdentityError(
        Phrase(
            "could not verify the identity of {address} ({reason}). Check ca_file and the host's certificate",
            address=address,
            reason=reason,
        )
    )


def make_pin_error(address: str) -> HostIdentityError:
    """Makes the error for a valid certificate that is not the pinned one: another machine, or a renewed certificate."""
    return HostIdentityError(
        Phrase(
            "{address} has another certificate than the pinned one. It may be another machine. If its certificate was "
            "renewed, compare the fingerprint on the console and give it with --windows-fingerprint",
            address=address,
        )
    )


def make_tls_file_error(reason: Phrase | str) -> HostIdentityError:
    """Makes the error for an unreadable CA, certificate or key of the bot, without which no peer can be verified."""
    return HostIdentityError(
        Phrase("could not read a TLS file ({reason}). Check ca_file, certificate_file and key_file", reason=reason)
    )


def make_login_error(address: str) -> AuthenticationFailed:
    """Makes the error for HTTP 401. It is never retried, for that may lock the account."""
    return AuthenticationFailed(
        Phrase("{address} rejected the login. Check the user and password, or the certificate", address=address)
    )


def make_protocol_error(address: str, reason: Phrase | str) -> ProtocolError:
    """Makes the error for a peer that does not answer as WinRM does."""
    return ProtocolError(
        Phrase(
            "the response from {address} is not WinRM ({reason}). Check that url points to WinRM",
            address=address,
            reason=reason,
        )
    )


def map_fault(code: int | None, reason: str, address: str) -> HostError:
    """Maps a WSManFault: WinRM's own code and text."""
    if code == _SHELL_NOT_FOUND:
        return make_lost_error(address)
    if code == _ACCESS_DENIED:
        return AuthenticationFailed(
            Phrase(
                "this account cannot open a remote shell on {address}. It must be an administrator there", address=address
            )
        )
    if code in _QUOTAS:
        return ActionFailed(
            Phrase("this account's WinRM quota on {address} is used up. Try again in 10 minutes", address=address),
            code=_QUOTAS[code],
            maybe_ran=False,
        )
    return ActionFailed(
        Phrase(
            "WinRM at {address} rejected the request: {reason}. Check the WinRM log on the host",
            address=address,
            reason=clean_line(reason),
        ),
        code=str(code or ""),
        maybe_ran=False,
    )


def map_http_status(status: int, address: str) -> HostError:
    """Maps an HTTP status without a fault: something before WinRM answered.

    A host answers 400 to a message sealed for a connection that it no longer knows.
    """
    if status in (400, 503):
        return make_lost_error(address)
    return ProtocolError(
        Phrase(
            "{address} returned HTTP status {status}. Check that url points to WinRM", address=address, status=str(status)
        )
    )
