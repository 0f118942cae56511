"""Every error that asyncssh can raise has a meaning here, and a test says so when a release adds one."""

from pathlib import Path

import asyncssh
import pytest

from adapters.errors import (
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    ProtocolError,
    Unreachable,
)
from adapters.inventory import WslSide
from adapters.wsl.ssh import map_ssh_error

SIDE = WslSide(address="192.0.2.11", key_file=Path("/keys/bot"), known_hosts_file=Path("/keys/known_hosts"))

SIDE_ERRORS: dict[str, type[HostError]] = {
    "PermissionDenied": AuthenticationFailed,
    "KeyImportError": AuthenticationFailed,
    "KeyEncryptionError": AuthenticationFailed,
    "HostKeyNotVerifiable": HostIdentityError,
    "ConnectionLost": Unreachable,
    "ChannelOpenError": Unreachable,
    "TimeoutError": DeadlineExceeded,
    **dict.fromkeys(
        [
            "BreakReceived",
            "ChannelListenError",
            "CompressionError",
            "ConfigParseError",
            "DisconnectError",
            "Error",
            "IllegalUserName",
            "KeyExchangeFailed",
            "KeyExportError",
            "KeyGenerationError",
            "MACError",
            "PasswordChangeRequired",
            "ProcessError",
            "ProtocolError",
            "ProtocolNotSupported",
            "ServiceNotAvailable",
            "SignalReceived",
            "TerminalSizeChanged",
        ],
        ProtocolError,
    ),
}
"""Every error that asyncssh exports but those of SFTP, which is not spoken here."""


def exported_errors() -> dict[str, type[BaseException]]:
    members = {name: getattr(asyncssh, name) for name in asyncssh.__all__ if not name.startswith("SFTP")}
    return {
        name: member for name, member in members.items() if isinstance(member, type) and issubclass(member, BaseException)
    }


def test_every_error_that_asyncssh_exports_has_a_meaning() -> None:
    """A new release with a new error must be looked at before it is used."""
    assert set(SIDE_ERRORS) == set(exported_errors())


@pytest.mark.parametrize(("name", "expected"), SIDE_ERRORS.items())
def test_an_error_of_asyncssh_becomes_ours(name: str, expected: type[HostError]) -> None:
    kind = exported_errors()[name]
    error = kind.__new__(kind)
    error.args = ("reason",)
    error.__dict__.update(reason="reason", code=1, lang="", command="", exit_status=1)
    translated = map_ssh_error(error, SIDE)  # type: ignore[arg-type]
    assert (expected, False) == (type(translated), translated.maybe_ran)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Unreachable),
        (ConnectionResetError(104, "Connection reset by peer"), Unreachable),
        (OSError(113, "No route to host"), Unreachable),
        (OSError(24, "Too many open files"), NotAsked),
        (OSError(23, "Too many open files in system", "/keys/bot"), NotAsked),
        (TimeoutError(), DeadlineExceeded),
        (FileNotFoundError(2, "No such file or directory", "/keys/bot"), AuthenticationFailed),
        (PermissionError(13, "Permission denied", "/keys/bot"), AuthenticationFailed),
        (FileNotFoundError(2, "No such file or directory", "/keys/known_hosts"), HostIdentityError),
        (ValueError("Unknown local username"), ProtocolError),
    ],
)
def test_an_error_of_the_operating_system_becomes_ours(error: Exception, expected: type[HostError]) -> None:
    assert type(map_ssh_error(error, SIDE)) is expected
