"""Read of the handshakes that are new in Nebula's log on a Windows host, accepted and refused.

Nebula logs a peer's certificate whenever it has accepted one, and the address of a peer that it has refused. The host goes
through the log and answers with the newest line of each certificate and of each refused peer, however often they came back.
The caller keeps the position. The first read takes the newest bytes.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from adapters.inventory import WindowsSide
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.log_files import HEAD_LIMIT, Bytes, FilePosition
from adapters.windows.nebula_log import (
    LINE_LIMIT,
    ReceivedHandshake,
    RefusedHandshake,
    parse_handshake,
    parse_refused_handshake,
)

READ_LIMIT = 8_000_000
"""Bytes of the log that one read takes, some 20,000 lines. Of more than that the oldest are skipped."""

READ_TIMEOUT = 4.0
"""Seconds for which one read goes through the log. What is left then is skipped."""

MAX_CERTIFICATES = 500
"""Certificates in one answer: twice the largest fleet. Of more than that the newest count."""

MAX_REFUSALS = 100
"""Refused peers in one answer. Of more than that the newest count: an address can be forged."""

MAX_NAME_LENGTH = 300

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")

Count = Annotated[int, Field(ge=0, le=2**40)]


class SeenCertificate(Value):
    """A certificate that this host's Nebula accepted last at `at`; None where the log has no readable time.

    The log is not proof: whoever can write it can forge all of it. `issuer` and `address` are "" where the line has none.
    `underlay` is the IP address from which the peer came last; "" where the line has none that can be read.
    """

    name: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    issuer: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    address: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    at: AwareDatetime | None
    underlay: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] = ""


class RefusedPeer(Value):
    """A peer whose certificate this host's Nebula refused last at `at`; None where the log has no readable time.

    `address` is where it came from, `fingerprint` its certificate's; "" where the line has none, as those of 1.9.
    """

    address: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    why: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    fingerprint: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    at: AwareDatetime | None


class HandshakeReading(Value):
    """New handshakes of a log, one for each certificate, those refused, and the position at which the next read begins.

    `state` is that of the log, as in `adapters.windows.watch.AccessLogReading`. Of `received` lines `unparsed` could not be
    read. `dropped` certificates were more than fit into an answer. `refused` lines tell of the `refusals`. `skipped` bytes
    were not read. `lost`: the log was rotated, and the rest of the old one was not read. `clock` is the host's.
    """

    state: Literal["present", "absent", "denied", "folder", "outside", "unreadable"]
    position: FilePosition | None
    certificates: Annotated[tuple[SeenCertificate, ...], Field(max_length=MAX_CERTIFICATES)]
    received: Count
    unparsed: Count
    dropped: Count
    refusals: Annotated[tuple[RefusedPeer, ...], Field(max_length=MAX_REFUSALS)] = ()
    refused: Count = 0
    skipped: Bytes
    lost: bool
    clock: AwareDatetime


class ReadHandshakes(WindowsAction[HandshakeReading]):
    """Reads the handshakes after `position` of this host's Nebula log; without a position, those of its newest bytes."""

    script = "read-handshakes"
    deadline = 20.0
    output_limit = 1_400_000  # every certificate and every refused peer with the longest line

    log: str
    position: FilePosition | None

    @classmethod
    def of(cls, side: WindowsSide, position: FilePosition | None) -> "ReadHandshakes":
        """Makes the action for one host's log."""
        return cls(log=side.paths.nebula_log, position=position)

    def build_arguments(self) -> dict[str, Any]:
        """Returns the script's arguments, with the limits of the host's work."""
        return self.model_dump(mode="json") | {
            "head_limit": HEAD_LIMIT,
            "bytes_limit": READ_LIMIT,
            "milliseconds": int(READ_TIMEOUT * 1000),
            "line_limit": LINE_LIMIT,
            "most": MAX_CERTIFICATES,
            "most_refusals": MAX_REFUSALS,
        }

    def parse(self, data: Any) -> HandshakeReading:
        """Parses the answer. A line that is none of Nebula's counts as unparsed."""
        match data:
            case {"lines": [*lines], "refusals": [*refused], "unparsed": int(unparsed), **rest} if (
                len(lines) <= MAX_CERTIFICATES and len(refused) <= MAX_REFUSALS
            ):
                received = [parse_handshake(line) for line in lines if isinstance(line, str)]
                strict = [each for each in received if each is not None and _is_strict(each)]
                return HandshakeReading.model_validate(
                    {
                        **rest,
                        "unparsed": unparsed + len(lines) - len(strict),
                        "certificates": _collect_newest(strict),
                        "refusals": _collect_refusals(line for line in refused if isinstance(line, str)),
                    }
                )
            case _:
                raise ValueError("no lines")


def _collect_newest(received: Iterable[ReceivedHandshake]) -> tuple[SeenCertificate, ...]:
    """Collects the last handshake of each certificate."""
    newest = {each.fingerprint: each for each in received}
    return tuple(
        SeenCertificate.model_validate(each.model_dump() | {"underlay": each.underlay if _is_address(each.underlay) else ""})
        for each in newest.values()
    )


def _collect_refusals(lines: Iterable[str]) -> tuple[RefusedPeer, ...]:
    """Collects the last refusal of each peer, certificate and reason."""
    parsed = (parse_refused_handshake(line) for line in lines)
    newest = {(each.address, each.why, each.fingerprint): each for each in parsed if each and _is_strict_refusal(each)}
    return tuple(RefusedPeer.model_validate(each.model_dump()) for each in newest.values())


def _is_strict_refusal(refused: RefusedHandshake) -> bool:
    """Returns whether all parts have the form in which Nebula writes them."""
    return (
        (not refused.address or _is_address(refused.address))
        and (not refused.fingerprint or _FINGERPRINT.fullmatch(refused.fingerprint) is not None)
        and len(refused.address) <= MAX_NAME_LENGTH
        and len(refused.why) <= MAX_NAME_LENGTH
    )


def _is_strict(received: ReceivedHandshake) -> bool:
    """Returns whether all parts have the form in which Nebula writes them."""
    return (
        _FINGERPRINT.fullmatch(received.fingerprint) is not None
        and (not received.issuer or _FINGERPRINT.fullmatch(received.issuer) is not None)
        and all(map(_is_address, received.address.split()))
        and len(received.name) <= MAX_NAME_LENGTH
        and len(received.address) <= MAX_NAME_LENGTH
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
