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
            "SSH rejected the key {file} for {user}. Add its public key to ~{user}/.ssh/authorized_keys. Retrying in "
            "{pause}",
            file=str(side.key_file),
            user=side.user,
            pause=Span(REFUSED_KEY_PAUSE),
        )
    )


def make_host_key_error(side: WslSide) -> HostIdentityError:
    """Makes the error for a host key other than the pinned one."""
    if side.host_key:
        return HostIdentityError(
            Phrase(
                "{where} has another host key than the pinned one. It may be another machine. If WSL2 was reinstalled, "
                "compare the fingerprint on the console and give it with --wsl-fingerprint",
                where=_get_address(side),
            )
        )
    return HostIdentityError(
        Phrase(
            "the host key of {where} does not match {file}. If the host was rebuilt, verify its key on the console and "
            "update the file",
            where=_get_address(side),
            file=str(side.known_hosts_file),
        )
    )


def make_key_error(side: WslSide, reason: Phrase | str) -> AuthenticationFailed:
    """Makes the error for a key that could not be parsed or decrypted."""
    return AuthenticationFailed(
        Phrase(
            "could not read the key in {file}: {why}. Check the key and its passphrase", file=str(side.key_file), why=reason
        )
    )


def make_key_file_error(side: WslSide, reason: Phrase | str) -> AuthenticationFailed:
    """Makes the error for a key file that could not be opened."""
    return AuthenticationFailed(
        Phrase("could not read the key file {file}: {why}. Check its path and owner", file=str(side.key_file), why=reason)
    )


def make_known_hosts_error(side: WslSide, reason: Phrase | str) -> HostIdentityError:
    """Makes the error for a known hosts file that could not be opened."""
    return HostIdentityError(
        Phrase(
            "could not read the known_hosts file {file}: {why}. Check its path and owner",
            file=str(side.known_hosts_file),
            why=reason,
        )
    )


def make_session_error(side: WslSide, reason: Phrase | str) -> Unreachable:
    """Makes the error for a channel that sshd did not open."""
    return Unreachable(
        Phrase("the sshd at {where} refused a new session ({why}). Check MaxSessions", where=_get_address(side), why=reason)
    )


def make_login_error(side: WslSide) -> Unreachable:
    """Makes the error for a connection that sshd closed at log-in."""
    return Unreachable(
        Phrase(
            "the sshd at {where} closed the connection during login. Check MaxStartups, PerSourcePenalties and its log",
            where=_get_address(side),
        )
    )


def make_unreachable_error(side: WslSide, reason: Phrase | str) -> Unreachable:
    """Makes the error for a connection that could not be opened."""
    return Unreachable(
        Phrase("no response from {where}: {why}. Check that WSL2 and sshd are running", where=_get_address(side), why=reason)
    )


def make_protocol_error(side: WslSide, reason: Phrase | str) -> ProtocolError:
    """Makes the error for a peer that does not speak SSH as the bot does."""
    return ProtocolError(
        Phrase(
            "SSH negotiation with {where} failed: {why}. Check that it runs OpenSSH",
            where=_get_address(side),
            why=reason,
        )
    )


def _get_address(side: WslSide) -> str:
    return f"{side.address}:{side.port}"
