"""Errors of the SSH connection as `HostError`s. None of them was raised after anything was sent."""

from adapters.errors import AuthenticationFailed, HostIdentityError, ProtocolError, Unreachable
from adapters.inventory import WslSide
from adapters.phrase import Phrase, Span

REFUSED_KEY_PAUSE = 30.0
"""Seconds before a refused key is offered again. sshd adds a penalty of 5 s each time and blocks the bot beyond 15 s."""


def make_refused_key_error(side: WslSide) -> AuthenticationFailed:
    """Makes the error for a key that sshd refused, now or a short time ago."""
    return AuthenticationFailed(
        Phrase(
            "SSH refuses the key {file} for {user}; put its public half into ~{user}/.ssh/authorized_keys; "
            "it is offered again after {pause}",
            file=str(side.key_file),
            user=side.user,
            pause=Span(REFUSED_KEY_PAUSE),
        )
    )


def make_host_key_error(side: WslSide) -> HostIdentityError:
    """Makes the error for a host key other than the pinned one."""
    return HostIdentityError(
        Phrase(
            "the host key of {where} is not the one in {file}; if the host was set up anew, "
            "compare its key at its console and put it into the file",
            where=_get_address(side),
            file=str(side.known_hosts_file),
        )
    )


def make_key_error(side: WslSide, reason: Phrase | str) -> AuthenticationFailed:
    """Makes the error for a key that could not be parsed or decrypted."""
    return AuthenticationFailed(
        Phrase("the key in {file} cannot be read: {why}; check it and its passphrase", file=str(side.key_file), why=reason)
    )


def make_key_file_error(side: WslSide, reason: Phrase | str) -> AuthenticationFailed:
    """Makes the error for a key file that could not be opened."""
    return AuthenticationFailed(
        Phrase("the key file {file} cannot be read: {why}; check its place and owner", file=str(side.key_file), why=reason)
    )


def make_known_hosts_error(side: WslSide, reason: Phrase | str) -> HostIdentityError:
    """Makes the error for a known hosts file that could not be opened."""
    return HostIdentityError(
        Phrase(
            "the known hosts file {file} cannot be read: {why}; check its place and owner",
            file=str(side.known_hosts_file),
            why=reason,
        )
    )


def make_session_error(side: WslSide, reason: Phrase | str) -> Unreachable:
    """Makes the error for a channel that sshd did not open."""
    return Unreachable(
        Phrase("sshd at {where} opens no more sessions ({why}); check MaxSessions", where=_get_address(side), why=reason)
    )


def make_login_error(side: WslSide) -> Unreachable:
    """Makes the error for a connection that sshd closed at log-in."""
    return Unreachable(
        Phrase(
            "sshd at {where} hung up at log-in; check MaxStartups, PerSourcePenalties and its log", where=_get_address(side)
        )
    )


def make_unreachable_error(side: WslSide, reason: Phrase | str) -> Unreachable:
    """Makes the error for a connection that could not be opened."""
    return Unreachable(
        Phrase("nothing answers at {where}: {why}; check that WSL2 and sshd are up", where=_get_address(side), why=reason)
    )


def make_protocol_error(side: WslSide, reason: Phrase | str) -> ProtocolError:
    """Makes the error for a peer that does not speak SSH as the bot does."""
    return ProtocolError(
        Phrase(
            "what answers at {where} does not speak SSH as the bot does: {why}; check that it is OpenSSH's sshd",
            where=_get_address(side),
            why=reason,
        )
    )


def _get_address(side: WslSide) -> str:
    return f"{side.address}:{side.port}"
