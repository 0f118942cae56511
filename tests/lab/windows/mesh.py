"""Nebula on all hosts of a lab fleet: which tunnels there are, and what each start leaves in the logs.

A Nebula keeps what it was started with in memory; files count at the next start. A start with a good identity leaves a
handshake in its peers' logs and theirs in its own, or the refusal where one does not know the other's CA. The one that is
called looks first: where it takes the caller's certificate and the caller refuses, only the caller knows that there is no
tunnel. `tests/lab_checks/test_nebula.py` holds this against real daemons.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PureWindowsPath
from typing import Any, Literal

from adapters.inventory import WindowsPaths
from adapters.nebula.certificates import Certificate
from tests.lab.windows.guard import GuardFailed
from tests.lab.windows.nebula import Identity, NotLoaded, load, says
from tests.lab.windows.nebula_cert_usage import OLD, Edition, find_edition
from tests.lab.windows.nebula_signing import as_json, as_text, expired
from tests.lab.windows.state import OwnAddress, WindowsState

PATHS = WindowsPaths.model_validate({})

Style = Literal["text", "json", "slog"]
"""How a Nebula writes its log: logrus as text or JSON (up to 1.10), slog as text (1.11)."""

Told = Mapping[str, Any]
"""Fields of a line, its level first. A handshake is a table in it, a certificate is itself."""

UDP = "192.0.2.1:4242"

ADAPTER = 60
"""Index of Nebula's network interface on every host."""

DISK = (PATHS.nebula_config, PATHS.ca_certificate, PATHS.host_certificate, PATHS.host_key)
"""What makes a Nebula the host that it is."""

Copy = Mapping[PureWindowsPath, str]
"""Those files of one moment."""


@dataclass
class Member:
    """One host's Nebula. `runs_with` is None where it has not started; `alive`: whether the machine is on the net.

    `copies` are those that somebody has of its disk: one for each identity that it has run with.
    """

    state: WindowsState
    alive: Callable[[], bool] = lambda: True
    style: Style = "text"
    runs_with: Identity | None = None
    copies: list[Copy] = field(default_factory=list)

    @property
    def running(self) -> Identity | None:
        """What it runs with, if it runs."""
        service = self.state.service("Nebula")
        return self.runs_with if service is not None and service.status == "Running" and self.alive() else None

    def raise_adapter(self) -> None:
        """Give Windows the address that Nebula runs with."""
        self.drop_adapter()
        if self.runs_with is not None:
            addresses = (OwnAddress(str(each.ip), 16, ADAPTER, "Flatnet") for each in self.runs_with.certificate.networks)
            self.state.addresses += addresses

    def drop_adapter(self) -> None:
        """Nebula has ended, and its interface with it."""
        self.state.addresses[:] = [each for each in self.state.addresses if each.interface != ADAPTER]

    def keep_copy(self) -> None:
        """Copy its disk, where it is not as it was copied last."""
        copy = {path: self.state.files[path] for path in map(PureWindowsPath, DISK) if path in self.state.files}
        if self.runs_with is not None and copy not in self.copies:
            self.copies.append(copy)

    def come_back(self, copy: Copy, now: datetime) -> None:
        """Put a copy back, whatever became of the host, and start Nebula with it."""
        for path, text in copy.items():
            self.state.write(path, text, now)
        service = self.state.services["Nebula"]
        service.start_type, service.refusals = "Automatic", 0
        self.state.stop_service("Nebula", now)
        self.state.start_service("Nebula", now)

    def tell(self, lines: Iterable[Told], now: datetime) -> None:
        """Append lines to its log, in the form that it has."""
        for line in lines:
            self.log(_WRITTEN[self.style](self.state.clock(now), line))

    def log(self, line: str) -> None:
        """Append to its log, unless the disk is full."""
        file = PureWindowsPath(PATHS.nebula_log)
        if not self.state.disk_full:
            self.state.files[file] = self.state.files.get(file, "") + line + "\n"


@dataclass
class Mesh:
    """Members by the host's name."""

    members: Mapping[str, Member]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        for name, member in self.members.items():
            member.state.on_nebula_start.append(partial(self._started, name))
            member.state.on_service.append(partial(_served, member))
            member.state.reach = partial(self.reaches, name)

    def begin(self, now: datetime, pairs: Iterable[tuple[str, str]]) -> None:
        """All of them run since before `now`, by what lies on their disks; those of a pair have spoken with each other."""
        for member in self.members.values():
            member.runs_with = _identity(member.state, now)
            member.keep_copy()
            member.raise_adapter()
        for name, other in pairs:
            self._meet(self.members[name], self.members[other], now)

    def owns(self, name: str, address: str) -> bool:
        """Whether Nebula runs on that host with an address on the overlay."""
        running = self.members[name].running
        return running is not None and address in _addresses(running.certificate)

    def reaches(self, name: str, address: str) -> bool:
        """Whether an address on the overlay answers a ping from that host: both must take the other's certificate.

        Without a tunnel the ping makes a handshake, and whoever refuses it logs that.
        """
        mine, now = self.members[name].running, self.now()
        if mine is None:
            return False
        for member in self.members.values():
            theirs = member.running
            if theirs is not None and address in _addresses(theirs.certificate):
                if theirs is mine or not (mine.refuses(theirs.certificate, now) or theirs.refuses(mine.certificate, now)):
                    return True
                call(self.members[name], member, now)
        return False

    def _started(self, name: str, state: WindowsState, now: datetime) -> None:
        """Nebula was started: with what lies there now, or it ends at once."""
        member = self.members[name]
        member.runs_with = None
        try:
            member.runs_with = load(partial(_file, state), PATHS.nebula_config, state.clock(now), _edition(state))
        except NotLoaded as failed:
            member.log(says(failed, state.clock(now)))
            raise GuardFailed(f"the service Nebula is Stopped, not Running: {failed}") from failed
        member.keep_copy()
        member.raise_adapter()
        tell_start(member, now)
        for other in self.members.values():
            if other is not member:
                self._meet(member, other, now)

    def _meet(self, member: Member, other: Member, now: datetime) -> None:
        """Two try to make a tunnel: the one that has started calls, and where that fails, the other one."""
        if member.running is not None and other.running is not None and not call(member, other, now):
            call(other, member, now)


def _served(member: Member, service: str, runs: bool) -> None:
    if not runs and member.state.is_nebula(service):
        member.drop_adapter()


def call(caller: Member, called: Member, now: datetime) -> bool:
    """One Nebula makes a handshake with another one; both log it, and whether there is a tunnel now."""
    mine, theirs = caller.running, called.running
    assert mine is not None
    assert theirs is not None
    caller.tell([_told("Handshake message sent", 1, vpnIp=_address(theirs.certificate))], now)
    if why := theirs.refuses(mine.certificate, called.state.clock(now)):
        called.tell([_told("Invalid certificate from host", 1, error=why, udpAddr=UDP)], now)
        return False
    named = _named(mine.certificate)
    called.tell([_told("Handshake message received", 1, **named), _told("Handshake message sent", 2, **named)], now)
    if why := mine.refuses(theirs.certificate, caller.state.clock(now)):
        address = _address(theirs.certificate)
        refused = _told("Invalid certificate from host", 2, error=why, udpAddr=UDP, vpnIp=address)
        caller.tell([{**refused, "level": "error"}], now)
        return False
    caller.tell([_told("Handshake message received", 2, **_named(theirs.certificate))], now)
    return True


def tell_start(member: Member, now: datetime) -> None:
    """Log what a Nebula says of its CAs and its block list when it starts."""
    assert member.runs_with is not None
    for authority in member.runs_with.authorities:
        if expired(authority, member.state.clock(now)):
            words = "expired certificate present in CA pool"
            member.tell([{"level": "warning", "msg": words, "cert": authority}], now)
    for fingerprint in member.runs_with.blocklist:
        member.tell([{"level": "info", "msg": "Blocklisting cert", "fingerprint": fingerprint}], now)


def _told(message: str, stage: int, **fields: str) -> Told:
    """A line of a handshake; fields are in the order of their names."""
    handshake = {"stage": stage, "style": "ix_psk0"}
    return {"level": "info", "msg": message, **dict(sorted({**fields, "handshake": handshake}.items()))}


def _named(certificate: Certificate) -> dict[str, str]:
    return {
        "certName": certificate.name,
        "fingerprint": certificate.fingerprint,
        "issuer": certificate.issuer,
        "udpAddr": UDP,
        "vpnIp": _address(certificate),
    }


def _address(certificate: Certificate) -> str:
    return str(certificate.networks[0].ip)


def _as_text(at: datetime, told: Told) -> str:
    return f'time="{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" {_fields(told)}'


def _as_json(at: datetime, told: Told) -> str:
    document = {**told, "time": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_as_table)


def _as_table(certificate: Certificate) -> Any:
    return json.loads(as_json(certificate))


def _as_slog(at: datetime, told: Told) -> str:
    time = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    level = {"warning": "WARN"}.get(told["level"], told["level"].upper())
    return f"time={time} {_fields({**told, 'level': level})} certVersion=1"


def _fields(told: Told) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in told.items())


_WRITTEN: Mapping[Style, Callable[[datetime, Told], str]] = {
    "text": _as_text,
    "json": _as_json,
    "slog": _as_slog,
}


def _quoted(value: Any) -> str:
    """As Go prints it: a table between brackets, and in quotes what is more than a word."""
    if isinstance(value, Certificate):
        value = as_text(value)
    if isinstance(value, dict):
        value = f"map[{' '.join(f'{name}:{each}' for name, each in value.items())}]"
    return value if re.fullmatch(r"[\w.@/^+-]+", value, re.ASCII) else json.dumps(value, ensure_ascii=False)


def _identity(state: WindowsState, now: datetime) -> Identity | None:
    """As it was loaded when the process started: what expires later stays in memory."""
    started = (process.started_at for process in state.processes if process.name == "nebula")
    try:
        return load(partial(_file, state), PATHS.nebula_config, next(started, None) or now, _edition(state))
    except NotLoaded:
        return None


def _file(state: WindowsState, path: str) -> str | None:
    return state.files.get(PureWindowsPath(path))


def _edition(state: WindowsState) -> Edition:
    """Which Nebula lies there."""
    program = state.program(PATHS.nebula_exe)
    return OLD if program is None else find_edition(program.prints)


def _addresses(certificate: Certificate) -> frozenset[str]:
    return frozenset(str(network.ip) for network in certificate.networks)
