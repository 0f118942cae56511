"""Hosts on which Nebula's scripts are tried: laid out once, changed by each case."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import PureWindowsPath
from typing import Any

from adapters.inventory import WindowsPaths, WindowsSide
from adapters.nebula.certificates import parse_pem
from adapters.windows import nebula, refusals
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import ChangeState
from tests.lab.windows import nebula_cert
from tests.lab.windows.disks import Disk, Expiry, lay_out
from tests.lab.windows.guard import GuardedChange
from tests.lab.windows.mesh import Member, Mesh
from tests.lab.windows.state import WindowsState

NOW = datetime.now(UTC).replace(microsecond=0)
"""The real time, for nebula-cert knows no other; whole seconds, for files keep no more of a float exactly."""

PATHS = WindowsPaths.model_validate({})
SIDE = WindowsSide.model_validate({"url": "https://192.0.2.11:5986/wsman", "user": "bot", "ca_file": "/ca.pem"})
FOLDER = r"F:\flatnet\operations\op-0123456789ab"


def at(path: str) -> PureWindowsPath:
    return PureWindowsPath(path)


@cache
def _laid_out() -> Mapping[str, WindowsState]:
    """A lighthouse, host-a with a key pair in an operation's folder, host-b; they have spoken with one another."""
    states = {name: WindowsState.healthy(number, name) for number, name in enumerate(("lighthouse", "host-a", "host-b"))}
    lay_out([Disk(number, name, state) for number, (name, state) in enumerate(states.items())], Expiry(), NOW)
    Mesh({name: Member(state) for name, state in states.items()}).begin(
        NOW, [("host-a", "lighthouse"), ("host-b", "host-a")]
    )
    for state in states.values():
        state.on_nebula_start.clear()
        state.reach = lambda address: address == "127.0.0.1"
    _nebula_cert(states["host-a"], "keygen", "-out-key", rf"{FOLDER}\host.key", "-out-pub", rf"{FOLDER}\host.pub")
    return states


def _nebula_cert(state: WindowsState, *arguments: str, now: datetime = NOW) -> None:
    done = nebula_cert.run(arguments, state.files, now)
    assert done.code == 0, done.stderr


def original(host: str) -> WindowsState:
    """A host as it was laid out."""
    return _laid_out()[host]


PUBLIC_KEY = original("host-a").files[at(rf"{FOLDER}\host.pub")]
CA = original("lighthouse").files[at(PATHS.ca_certificate)]


@cache
def signed(days: int = 100, ago: int = 0) -> str:
    """A certificate for host-a's new public key, signed by the fleet's CA some days ago."""
    state = copy.deepcopy(original("lighthouse"))
    state.files[at("new.pub")] = PUBLIC_KEY
    pair = ["-ca-crt", PATHS.ca_certificate, "-ca-key", PATHS.ca_key, "-in-pub", "new.pub", "-out-crt", "new.crt"]
    who = ["-name", "host-a", "-ip", "10.100.1.1/16", "-groups", "flatnet,gateway", "-duration", f"{days * 24}h"]
    _nebula_cert(state, "sign", *pair, *who, now=NOW - timedelta(days=ago, minutes=1))
    return state.files[at("new.crt")]


def file(path: str, text: str) -> Callable[[WindowsState], None]:
    return lambda state: state.files.update({at(path): text})


def without(*paths: str) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        for path in paths:
            del state.files[at(path)]

    return change


def edited(path: str, old: str, new: str) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        assert old in state.files[at(path)]
        state.files[at(path)] = state.files[at(path)].replace(old, new)

    return change


def program(path: str, condition: str) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        if condition == "missing":
            del state.programs[at(path)]
        else:
            state.programs[at(path)].condition = condition  # type: ignore[assignment]

    return change


def both(*changes: Callable[[WindowsState], None]) -> Callable[[WindowsState], None]:
    def change(state: WindowsState) -> None:
        for each in changes:
            each(state)

    return change


def readers(path: str, *accounts: str) -> Callable[[WindowsState], None]:
    return lambda state: state.readers.update({at(path): list(accounts)})


def full(state: WindowsState) -> None:
    state.disk_full = True


def quiet(state: WindowsState) -> None:
    state.wmi = False
    state.programs.clear()
    for path in (PATHS.nebula_config, PATHS.nebula_log, PATHS.host_certificate, PATHS.host_key, PATHS.ca_certificate):
        del state.files[at(path)]


def stopped(state: WindowsState) -> None:
    state.services["Nebula"].status = "Stopped"


def no_service(state: WindowsState) -> None:
    del state.services["Nebula"]


def staged(state: WindowsState) -> None:
    state.files[at(rf"{FOLDER}\host.crt")] = signed()


def change_is(state: ChangeState, name: str = "op-0123456789ab") -> Callable[[WindowsState], None]:
    """The operation's change, or another one of it, has been begun on this host, and stands so."""
    change = GuardedChange(
        operation=name,
        window=120,
        looked_at=NOW,
        state=state,
        guarded=True,
        left=100.0,
    )
    return lambda host: host.changes.update({change.operation: copy.deepcopy(change)})


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and its key."""

    certificate: str
    key: str

    @property
    def fingerprint(self) -> str:
        return parse_pem(self.certificate)[0].fingerprint

    @property
    def ends(self) -> datetime:
        return parse_pem(self.certificate)[0].not_after

    def rules(self, state: WindowsState) -> None:
        """It is the fleet's CA."""
        state.files |= {at(PATHS.ca_certificate): self.certificate, at(PATHS.ca_key): self.key}


def authority(days: int) -> Authority:
    """A CA that ends in so many days, or has ended."""
    state = WindowsState.healthy(0, "lighthouse")
    began = NOW - timedelta(days=30)
    lifetime = ["-name", "Other CA", "-duration", f"{(days + 30) * 24}h"]
    _nebula_cert(state, "ca", *lifetime, "-out-crt", "ca.crt", "-out-key", "ca.key", now=began)
    return Authority(state.files[at("ca.crt")], state.files[at("ca.key")])


ENDING, EXPIRED = authority(7), authority(-3)


def refused(*reasons: str) -> Callable[[WindowsState], None]:
    """Certificates of peers were refused since the log's end."""

    def change(state: WindowsState) -> None:
        state.files[at(PATHS.nebula_log)] += "".join(map(refusal, reasons))

    return change


def refused_before(state: WindowsState) -> None:
    """A machine of another CA was refused before and is refused again; a second one is refused for the first time."""
    log = at(PATHS.nebula_log)
    before = refusal(NO_CA).replace("192.0.2.2:4242", "192.0.2.9:4242")
    again = refusal(NO_CA).replace("192.0.2.2:4242", "192.0.2.9:55555")
    state.files[log] = before + state.files[log] + again + refusal(NO_CA)


def refusal(reason: str) -> str:
    """The line in which Nebula 1.9.3 refuses a certificate."""
    return (
        f'time="2026-11-25T16:17:16Z" level=info msg="Invalid certificate from host" error="certificate validation failed: '
        f'{reason}" handshake="map[stage:1 style:ix_psk0]" udpAddr="192.0.2.2:4242"\n'
    )


def put_aside(state: WindowsState) -> None:
    """The log was put aside by NSSM and begun anew."""
    log = state.files[at(PATHS.nebula_log)]
    state.write(at(r"F:\flatnet\logs\nebula-20260101T000000.000.log"), "old\n", NOW - timedelta(days=9))
    state.write(at(r"F:\flatnet\logs\nebula-20261125T090544.123.log"), "x" * 3999 + "\n" + log, NOW)
    state.write(at(PATHS.nebula_log), "begun anew\n", NOW)


KEY_TEXT = original("host-a").files[at(PATHS.host_key)]
QUOTED = 'pki:\n    # our own\n    ca: "F:\\\\flatnet\\\\config\\\\nebula\\\\ca.crt"\n'
QUOTED += "    cert: 'F:/flatnet/config/nebula/host.crt'"
QUOTED += "\n    key: F:/flatnet/config/nebula/host.key   # private\n    blocklist:\n      - key: x\ntun:\n  key: y\n"
INLINE = f"pki:\n  ca: F:\\flatnet\\config\\nebula\\ca.crt\n  cert: {PATHS.host_certificate}\n  key: |\n" + "".join(
    f"    {line}\n" for line in KEY_TEXT.splitlines()
)
JSON_LINE = (
    '{"certName":"lighthouse","durationNs":2548746,"fingerprint":"'
    + "a" * 64
    + '","handshake":{"stage":2,"style":"ix_psk0"},'
    '"level":"info","msg":"Handshake message received","time":"2026-11-25T16:17:16Z","vpnIp":"10.100.0.1"}\n'
)

READ = nebula.ReadCertificates.of(SIDE)
MAKE = nebula.MakeKeyPair(folder=FOLDER, nebula_cert_exe=PATHS.nebula_cert_exe)
SIGN = nebula.SignCertificate(
    folder=FOLDER,
    nebula_cert_exe=PATHS.nebula_cert_exe,
    ca_certificate=PATHS.ca_certificate,
    ca_key=PATHS.ca_key,
    ca_fingerprint=parse_pem(CA)[0].fingerprint,
    name="host-a",
    networks=("10.100.1.1/16",),
    groups=("flatnet", "gateway"),
    public_key=PUBLIC_KEY,
    lifetime=8760,
)
STAGE = nebula.StageCertificate(
    folder=FOLDER,
    certificate=signed(),
    nebula_exe=PATHS.nebula_exe,
    nebula_cert_exe=PATHS.nebula_cert_exe,
    config=PATHS.nebula_config,
    ca=PATHS.ca_certificate,
)
FORGET = nebula.ForgetFolder(folder=FOLDER)
NOTE = nebula.NotePosition(log=PATHS.nebula_log)
FIND = nebula.FindHandshake(
    log=PATHS.nebula_log,
    after=0,
    name="lighthouse",
    fingerprint=parse_pem(original("lighthouse").files[at(PATHS.host_certificate)])[0].fingerprint,
)
LOG_END = len(original("host-a").files[at(PATHS.nebula_log)])
REFUSALS = refusals.FindRefusals(log=PATHS.nebula_log, after=LOG_END)
NO_CA, BLOCKED, ENDED = (
    "could not find ca for the certificate",
    "certificate is in the block list",
    "certificate is expired",
)
REACH = nebula.ReachAddress(address="127.0.0.1")


def changed(action: WindowsAction[Any], **fields: Any) -> WindowsAction[Any]:
    return type(action).model_validate({**action.model_dump(), **fields})
