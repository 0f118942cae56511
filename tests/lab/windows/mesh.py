"""Nebula on all hosts of a lab fleet: which tunnels there are, and what each start leaves in the logs.

A Nebula keeps what it was started with in memory; files count at the next start. A start with a good identity leaves a
handshake in its peers' logs and theirs in its own, or the refusal where one does not know the other's CA.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import PureWindowsPath
from typing import Literal

from adapters.inventory import WindowsPaths
from adapters.nebula.certificates import Certificate
from tests.lab.windows.guard import GuardFailed
from tests.lab.windows.nebula import Identity, NotLoaded, load, says
from tests.lab.windows.state import WindowsState

PATHS = WindowsPaths.model_validate({})

HANDSHAKE = "map[stage:1 style:ix_psk0]"

Style = Literal["text", "json", "slog"]
"""How a Nebula writes its log: logrus as text or JSON (up to 1.10), slog as text (1.11)."""


@dataclass
class Member:
    """One host's Nebula. `runs_with` is None where it has not started; `alive`: whether the machine is on the net."""

    state: WindowsState
    alive: Callable[[], bool] = lambda: True
    style: Style = "text"
    runs_with: Identity | None = None

    @property
    def running(self) -> Identity | None:
        """What it runs with, if it runs."""
        service = self.state.service("Nebula")
        return self.runs_with if service is not None and service.status == "Running" and self.alive() else None

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
            member.state.reach = partial(self.reaches, name)

    def begin(self, now: datetime, pairs: Iterable[tuple[str, str]]) -> None:
        """All of them run since before `now`, by what lies on their disks; those of a pair have spoken with each other."""
        for member in self.members.values():
            member.runs_with = _identity(member.state, now)
        for name, other in pairs:
            self._meet(self.members[name], self.members[other], now)

    def reaches(self, name: str, address: str) -> bool:
        """Whether an address on the overlay answers a ping from that host: both must take the other's certificate."""
        mine, now = self.members[name].running, self.now()
        if mine is None:
            return False
        for member in self.members.values():
            theirs = member.running
            if theirs is not None and address in _addresses(theirs.certificate):
                return theirs is mine or not (mine.refuses(theirs.certificate, now) or theirs.refuses(mine.certificate, now))
        return False

    def _started(self, name: str, state: WindowsState, now: datetime) -> None:
        """Nebula was started: with what lies there now, or it ends at once."""
        member = self.members[name]
        member.runs_with = None
        try:
            member.runs_with = load(partial(_file, state), PATHS.nebula_config, state.clock(now))
        except NotLoaded as failed:
            member.log(says(failed, state.clock(now)))
            raise GuardFailed(f"the service Nebula is Stopped, not Running: {failed}") from failed
        for other in self.members.values():
            if other is not member:
                self._meet(member, other, now)

    def _meet(self, member: Member, other: Member, now: datetime) -> None:
        """Two try to make a tunnel; the one that is called first looks at the caller's certificate."""
        mine, theirs = member.running, other.running
        if mine is None or theirs is None:
            return
        if _look_at(other, theirs, mine, now):
            _look_at(member, mine, theirs, now)


def _look_at(member: Member, own: Identity, other: Identity, now: datetime) -> bool:
    """A member looks at the certificate that came in a handshake, logs what it thinks of it, and takes it or not."""
    clock = member.state.clock(now)
    refusal = own.refuses(other.certificate, clock)
    member.log(_WRITTEN[member.style](clock, _refused(refusal) if refusal else _received(other.certificate)))
    return not refusal


def _received(certificate: Certificate) -> dict[str, str]:
    return {
        "msg": "Handshake message received",
        "certName": certificate.name,
        "fingerprint": certificate.fingerprint,
        "handshake": HANDSHAKE,
        "issuer": certificate.issuer,
        "udpAddr": "192.0.2.1:4242",
        "vpnIp": str(certificate.networks[0].ip),
    }


def _refused(why: str) -> dict[str, str]:
    return {"msg": "Invalid certificate from host", "error": why, "handshake": HANDSHAKE, "udpAddr": "192.0.2.1:4242"}


def _as_text(at: datetime, told: Mapping[str, str]) -> str:
    return f'time="{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" level=info {_fields(told)}'


def _as_json(at: datetime, told: Mapping[str, str]) -> str:
    document = {**told, "level": "info", "time": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _as_slog(at: datetime, told: Mapping[str, str]) -> str:
    time = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    return f"time={time} level=INFO {_fields(told)} certVersion=1"


def _fields(told: Mapping[str, str]) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in told.items())


_WRITTEN: Mapping[Style, Callable[[datetime, Mapping[str, str]], str]] = {
    "text": _as_text,
    "json": _as_json,
    "slog": _as_slog,
}


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w.@/^+-]+", value, re.ASCII) else json.dumps(value, ensure_ascii=False)


def _identity(state: WindowsState, now: datetime) -> Identity | None:
    """As it was loaded when the process started: what expires later stays in memory."""
    started = (process.started_at for process in state.processes if process.name == "nebula")
    try:
        return load(partial(_file, state), PATHS.nebula_config, next(started, None) or now)
    except NotLoaded:
        return None


def _file(state: WindowsState, path: str) -> str | None:
    return state.files.get(PureWindowsPath(path))


def _addresses(certificate: Certificate) -> frozenset[str]:
    return frozenset(str(network.ip) for network in certificate.networks)
