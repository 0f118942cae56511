"""What `read-handshakes` answers on which host."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.windows.handshakes import MAX_CERTIFICATES, MAX_REFUSALS, READ_LIMIT, ReadHandshakes
from adapters.windows.log_files import FilePosition
from tests.adapters.windows.log_cases import FOLDER, LOGS, day
from tests.adapters.windows.script_cases import Case, Script, missing
from tests.adapters.windows.watch_cases import all_of, position
from tests.lab.windows.state import WindowsState

PATH = FOLDER / "nebula.log"
A, B, C, CA = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)

Change = Callable[[WindowsState], None]


def text(name: str, fingerprint: str, address: str = "10.100.1.1", second: int = 0, ends: str = "\n") -> str:
    """A line of 1.9."""
    return (
        f'time="2026-02-20T09:00:{second:02}Z" level=info msg="Handshake message received" certName={name} '
        f'fingerprint={fingerprint} handshake="map[stage:1 style:ix_psk0]" issuer={CA} vpnIp={address}{ends}'
    )


def slog(name: str, fingerprint: str, ends: str = "\n") -> str:
    """A line of 1.11."""
    return (
        'time=2026-02-20T09:00:00.000Z level=INFO msg="Handshake message received" vpnAddrs=[10.100.1.1] '
        f"certName={name} fingerprint={fingerprint} issuer={CA}{ends}"
    )


def in_json(name: str, fingerprint: str, ends: str = "\n") -> str:
    """A line of 1.9 in JSON."""
    return (
        f'{{"certName":"{name}","fingerprint":"{fingerprint}","issuer":"{CA}","level":"info",'
        f'"msg":"Handshake message received","time":"2026-02-20T09:00:00Z","vpnIp":"10.100.1.1"}}{ends}'
    )


REASON = "certificate validation failed: certificate is in the block list"


def refusal(place: str, why: str = REASON, second: int = 0, ends: str = "\n") -> str:
    """A line of 1.9 on a peer that was refused."""
    return (
        f'time="2026-02-20T09:00:{second:02}Z" level=info msg="Invalid certificate from host" error="{why}" '
        f'handshake="map[stage:1 style:ix_psk0]" udpAddr="{place}"{ends}'
    )


def new_refusal(place: str, fingerprint: str, ends: str = "\n") -> str:
    """A line of 1.10 in JSON, which has the certificate."""
    return (
        f'{{"certFingerprint":"{fingerprint}","certVpnNetworks":["10.100.9.1/16"],"error":"{REASON}",'
        f'"from":{{"direct":"{place}"}},"level":"info","msg":"Invalid certificate from host",'
        f'"time":"2026-02-20T09:00:00Z"}}{ends}'
    )


OTHER = 'time="2026-02-20T09:00:00Z" level=info msg="Handshake message sent" vpnIp=10.100.1.1\n'
OLD = text("host-b", B)
AT_END = position(OLD)


def read(lines: Sequence[str] = (), received: int | None = None, **told: Any) -> dict[str, Any]:
    """What is answered of the log."""
    counts = {"received": len(lines) if received is None else received, "unparsed": 0, "dropped": 0, "refused": 0}
    usual = {
        "refusals": [],
        "state": "present",
        "position": AT_END,
        "skipped": 0,
        "lost": False,
        "clock": "2026-03-01T12:00:00.2500000Z",
    }
    return usual | counts | {"lines": [line.rstrip("\r\n") for line in lines]} | told


READ = Script(ReadHandshakes(log=LOGS["nebula_log"], position=FilePosition.model_validate(AT_END)), read())


def holds(content: str) -> Change:
    """The log holds this."""
    return lambda state: state.write(PATH, content, day(20))


def grown(story: str, new: str, lines: Sequence[str], left: int = 0, **told: Any) -> Case:
    """A log to which this was written; the last bytes of it are left to the next read."""
    content = OLD + new
    at = position(content, len(content.encode()) - left)
    return Case(story, READ, holds(content), differs=read(lines, **({"position": at} | told)))


def seen(story: str, change: Change, given: Any, lines: Sequence[str] = (), **told: Any) -> Case:
    """A log in some state, read from a position."""
    return Case(story, READ, change, given={"position": given}, differs=read(lines, **told))


def aside(content: str) -> Change:
    return lambda state: state.write(FOLDER / "nebula-20260219.log", content, day(19))


def grown_refusals(story: str, new: str, lines: Sequence[str], refused: int) -> Case:
    """A log to which this was written about refused peers."""
    content = OLD + new
    shown = [line.rstrip("\r\n") for line in lines]
    return Case(story, READ, holds(content), differs=read(position=position(content), refusals=shown, refused=refused))


FLOOD = "".join(refusal(f"198.51.100.{number}:4242") for number in range(MAX_REFUSALS + 3))

REFUSALS = (
    grown_refusals(
        "of each refused peer the newest line, whatever its port",
        refusal("192.0.2.13:4242") + refusal("192.0.2.14:1") + refusal("192.0.2.13:50000", second=9, ends="\r\n"),
        [refusal("192.0.2.14:1"), refusal("192.0.2.13:50000", second=9)],
        refused=3,
    ),
    grown_refusals(
        "of one peer each certificate and each reason",
        new_refusal("192.0.2.13:1", A) + new_refusal("192.0.2.13:1", C) + refusal("192.0.2.13:1", "it has expired"),
        [new_refusal("192.0.2.13:1", A), new_refusal("192.0.2.13:1", C), refusal("192.0.2.13:1", "it has expired")],
        refused=3,
    ),
    grown_refusals("a refusal that is too long", refusal("192.0.2.13:1", "x" * 2_000), [], refused=1),
    grown_refusals("more peers than fit: the newest", FLOOD, FLOOD.splitlines()[3:], refused=MAX_REFUSALS + 3),
)

MANY = "".join(text(f"n{number}", f"{number:064x}") for number in range(MAX_CERTIFICATES + 7))
HIDING = text(f'"x fingerprint={A} "', C)

GROWN = (
    grown("nothing is new", "", []),
    grown("other lines", OTHER + "x\n\n", []),
    grown("a handshake in text", text("host-a", A), [text("host-a", A)]),
    grown("in JSON", in_json("host-a", A), [in_json("host-a", A)]),
    grown("of slog", slog("host-a", A), [slog("host-a", A)]),
    grown("line ends as Windows writes them", text("host-a", A, ends="\r\n") + OTHER, [text("host-a", A)]),
    grown("half a line is left to the next read", text("host-a", A) + "time", [text("host-a", A)], left=4),
    grown(
        "of each certificate the newest line, in the order of the log",
        text("host-a", A) + text("host-c", C) + text("host-a", A, second=7),
        [text("host-c", C), text("host-a", A, second=7)],
        received=3,
    ),
    grown(
        "two certificates of one name",
        text("host-a", A) + text("host-a", C) + text("host-a", A),
        [text("host-a", C), text("host-a", A)],
        received=3,
    ),
    grown(
        "a name with the fingerprint of another hides neither",
        HIDING + text("host-a", A) + HIDING + text("x", A),
        [text("host-a", A), HIDING, text("x", A)],
        received=4,
    ),
    grown("a name in any script", text('"日本 \\"x\\""', A), [text('"日本 \\"x\\""', A)]),
    grown(
        "lines without a fingerprint, or too long",
        text("host-a", "f00").replace(CA, "x") + text("x" * 2_000, A) + text("host-c", C),
        [text("host-c", C)],
        received=3,
        unparsed=2,
    ),
    grown("more than fit: the newest", MANY, MANY.splitlines()[7:], received=MAX_CERTIFICATES + 7, dropped=7),
    grown("zeros, as a full disk leaves them", "\0" * 500 + "\n" + text("host-a", A), [text("host-a", A)]),
    grown("a line without end", text("host-a", A) + "x" * 70_000, [text("host-a", A)], unparsed=1),
)

NEXT = text("host-a", A)
GB = 2**30


def grown_by(zeros: int, new: str) -> Change:
    """A log of so many zeros, and lines behind them."""

    def change(state: WindowsState) -> None:
        state.write(PATH, OLD, day(20))
        state.grow(PATH, zeros, day(20))
        state.append(PATH, new, day(20))

    return change


def beyond(zeros: int, new: str) -> dict[str, Any]:
    """The position at its end."""
    return position(OLD + "\0" * 256) | {"offset": len(OLD) + zeros + len(new)}


OTHERS = (
    seen("the first read takes what is there", holds(OLD + NEXT), None, lines=[OLD, NEXT], position=position(OLD + NEXT)),
    seen(
        "of a large log its end",
        grown_by(GB, "\n" + NEXT),
        None,
        lines=[NEXT],
        position=beyond(GB, "\n" + NEXT),
        skipped=len(OLD) + GB + len("\n" + NEXT) - READ_LIMIT,
    ),
    seen("without a log there is nothing", lambda state: None, None, state="absent", position=None),
    seen(
        "a log that was rotated is finished, and its successor begun",
        all_of(aside(OLD + text("host-c", C)), holds(NEXT)),
        AT_END,
        lines=[text("host-c", C), NEXT],
        position=position(NEXT),
    ),
    seen("one that was removed is lost", holds(NEXT), AT_END, lines=[NEXT], position=position(NEXT), lost=True),
    seen("a log that may not be read", all_of(holds(OLD), lambda state: state.denied.append(PATH)), AT_END, state="denied"),
    seen("one that is locked", all_of(holds(OLD), lambda state: state.locked.append(PATH)), AT_END, state="unreadable"),
    Case(
        "where the time is over, the rest is skipped",
        READ,
        holds(OLD + NEXT),
        given={"milliseconds": 0},
        differs=read(position=position(OLD + NEXT), skipped=len(NEXT)),
    ),
)

CASES = (
    Case("nothing new on a healthy host", READ, holds(OLD)),
    *GROWN,
    *REFUSALS,
    *OTHERS,
    Case("an argument that is missing", READ, holds(OLD), left_out=frozenset({"position"}), fails=missing("position")),
)
