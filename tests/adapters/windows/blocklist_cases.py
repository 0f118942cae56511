"""Cases of `find-blocklist`: what Nebula's log says of blocked certificates, in the forms of its versions."""

from collections.abc import Callable

from adapters.windows.blocklist import FindBlocklist
from tests.adapters.windows.nebula_cases import Case
from tests.adapters.windows.nebula_hosts import (
    BLOCKED,
    LOG_END,
    NO_CA,
    PATHS,
    at,
    both,
    changed,
    put_aside,
    refused,
    without,
)
from tests.lab.windows.state import WindowsState

A, B = "a" * 64, "b" * 64
FIND = FindBlocklist(log=PATHS.nebula_log, after=LOG_END, fingerprints=(A, B))


def text(fingerprint: str) -> str:
    """The line of Nebula 1.9.3."""
    return f'time="2026-11-25T16:17:16Z" level=info msg="Blocklisting cert" fingerprint={fingerprint}\n'


def wrote(*lines: str) -> Callable[[WindowsState], None]:
    """The log has these lines since its end."""

    def change(state: WindowsState) -> None:
        state.files[at(PATHS.nebula_log)] += "".join(lines)

    return change


JSON = f'{{"fingerprint":"{A}","level":"info","msg":"Blocklisting cert","time":"2026-11-25T16:17:16Z"}}\n'
SLOG = f'time=2026-11-25T16:17:16.000Z level=INFO msg="Blocklisting cert" fingerprint={B}\n'
NOT_IT = f'time="2026-11-25T16:17:16Z" level=info msg="Blocklisting certificates soon" fingerprint={A}\n'

UNNAMED = "c" * 64


def refusal(fingerprint: str, reason: str) -> str:
    """The line of Nebula 1.10, which may have no reason."""
    return (
        f'time="2026-11-25T16:17:16Z" level=info msg="Invalid certificate from host" certFingerprint={fingerprint} '
        f'error="{reason}" from="192.0.2.9:4242"\n'
    )


ALL = {"listed": True, "missing": (), "refused": False}

CASES = (
    Case("nothing was read", FIND, told={"listed": False, "missing": (A, B), "refusals": 0}),
    Case("all of them were read at the start", FIND, wrote(text(A), text(B)), told=ALL),
    Case("one of two was read", FIND, wrote(text(B)), told={"listed": False, "missing": (A,)}),
    Case("in JSON, and in the form of 1.11", FIND, wrote(JSON, SLOG), told=ALL),
    Case("another message with the same fingerprint", FIND, wrote(NOT_IT, text(B)), told={"missing": (A,)}),
    Case("upper case blocks nothing", FIND, wrote(text(A.upper()), text(B)), told={"missing": (A,)}),
    Case(
        "what was read before does not count",
        changed(FIND, after=LOG_END + len(text(A))),
        wrote(text(A)),
        told={"missing": (A, B)},
    ),
    Case("the log was put aside since", changed(FIND, after=4000), both(wrote(text(A), text(B)), put_aside), told=ALL),
    Case("a peer was refused as blocked", FIND, refused(BLOCKED, NO_CA), told={"refused": True, "refusals": 1}),
    Case("a peer was refused for another reason", FIND, refused(NO_CA), told={"refused": False}),
    Case("a peer was refused by name, without a reason", FIND, wrote(refusal(A, "<nil>")), told={"refused": True}),
    Case(
        "another blocked peer was refused",
        FIND,
        wrote(refusal(UNNAMED, "certificate is in the block list")),
        told={"refused": False},
    ),
    Case("more refusals than fit into an answer", FIND, refused(*[BLOCKED] * 55), told={"refusals": 50}),
    Case("nothing is asked about", changed(FIND, fingerprints=()), told=ALL),
    Case("no log at all", FIND, without(PATHS.nebula_log), told={"missing": (A, B), "refused": False}),
    Case("an argument that is missing", FIND, left_out="after", fails="PropertyNotFoundStrict"),
)
