"""A machine that becomes a member of a lab's fleet and is removed again: what people type, and what each side shows."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PureWindowsPath

from bot.app.application import Application
from bot.runtime.clock import Clock, read_utc_time
from tests.lab.fleet import LabFleet, LabHost
from tests.lab.windows.mesh import PATHS
from tests.lab.wsl.state import Helper
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Town, ask
from tests.scenarios.rotating import HURRY, must_run

AREAS = ("forwarding", "containers")
"""What the bot may change in WSL2 of a fleet whose hosts are added and removed."""

NEW = "host-c"
"""The machine beside a fleet of two hosts and a lighthouse."""

CA_KEY = PureWindowsPath(PATHS.ca_key)


@dataclass
class Calendar:
    """The time of a whole town: days pass between two lives of a bot."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return read_utc_time() + self.ahead

    def pass_days(self, days: float) -> None:
        self.ahead += timedelta(days=days)

    def hurry(self, fleet: LabFleet) -> Clock:
        """A clock for a life of the bot, by which hosts do not keep it waiting."""
        return replace(hurried(fleet, HURRY), now=self.now)


def equip(t: Town) -> None:
    """The bot may set up WSL2 of all members, as it may on a machine that is prepared like them."""
    for host in t.fleet.hosts:
        if host.wsl is not None:
            host.wsl.state.helper = Helper(areas=AREAS)
            port = f"port = {host.ports['wsl']}\n"
            t.edit(port, f"{port}manage = {json.dumps(AREAS)}\n")


def request_first(host: LabHost, *options: str) -> str:
    """The command that reserves a name and an id for a machine at these addresses."""
    addresses = (f"--{side} 127.0.0.1:{host.ports[side]}" for side in ("windows", "wsl"))
    return " ".join((f"host add {host.name}", *addresses, *options))


def request_pins(host: LabHost, shown_by: LabHost | None = None) -> str:
    """The command with the fingerprints that a person has read on a machine's console: on this one, or on another."""
    certificate, key = (shown_by or host).fingerprints
    return f"host add {host.name} --windows-fingerprint {certificate} --wsl-fingerprint {key}"


async def prepare_alone(house: Application, host: LabHost, *options: str) -> None:
    """All that comes before the plan, by the administrator at the terminal: reserve, scripts, fingerprints, rehearsal."""
    await ask(house, request_first(host, *options))
    host.prepare()
    await ask(house, request_pins(host))
    await must_run(house, f"host rehearse {host.name}")


@dataclass(frozen=True)
class Standing:
    """A machine as all others see it.

    `reached_by`: members that have a tunnel with it. `peer_of`: members whose gateway synchronizes with its gateway.
    `peers`: how many gateways its own one synchronizes with. `keys`: files with its private keys, wherever they lie.
    """

    reached_by: tuple[str, ...] = ()
    peer_of: tuple[str, ...] = ()
    peers: int = 0
    keys: tuple[str, ...] = ()


NOTHING = Standing()
MEMBER = Standing(("lighthouse", "host-a", "host-b"), ("host-a", "host-b"), 2, (PATHS.host_key,))
"""As it is before and after its life in the fleet, and meanwhile."""


def look(fleet: LabFleet, host: LabHost) -> Standing:
    """A machine as it is now."""
    url, address = f"http://10.100.{host.id}.1:8080", f"10.100.{host.id}.1"
    others = [each for each in (*fleet.hosts, *fleet.newcomers) if each is not host]
    serves = host.gateway is not None and host.gateway.wire.served
    return Standing(
        tuple(each.name for each in others if fleet.mesh.reaches(each.name, address)),
        tuple(each.name for each in others if each.gateway is not None and url in each.gateway.state.peers),
        len(host.gateway.state.peers) if serves and host.gateway is not None else 0,
        tuple(_list_keys(fleet, host)),
    )


def _list_keys(fleet: LabFleet, host: LabHost) -> list[str]:
    """Private keys on the machine, and those beside the CA's on the lighthouse that are not the lighthouse's own."""
    own, lighthouse = host.windows.state.files, fleet["lighthouse"].windows.state.files
    kept = {CA_KEY, PureWindowsPath(PATHS.host_key)}
    strays = {path: text for path, text in lighthouse.items() if path not in kept}
    return sorted(str(path) for files in (own, strays) for path, text in files.items() if "PRIVATE KEY" in text)


def try_copies(fleet: LabFleet, host: LabHost) -> set[str]:
    """Members that let a machine in with any identity that it ever had, one after the other. Nebula is down afterwards."""
    member, let_in = fleet.mesh.members[host.name], set[str]()
    for copy in tuple(member.copies):
        member.come_back(copy, fleet.mesh.now())
        let_in |= set(look(fleet, host).reached_by)
    host.windows.state.stop_service("Nebula", fleet.mesh.now())
    return let_in
