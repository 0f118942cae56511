"""The switches of a lab fleet, as the workspace's page shows them."""

from collections.abc import Iterator, Sequence
from typing import get_args

from adapters.action import SideName
from tests.lab.faults import Fault
from tests.lab.fleet import LabFleet, LabHost
from tests.lab.knobs import list_turns
from tests.lab.windows.state import EVERY
from tests.lab.workspace.page import Host, Program, Side

SIDES: tuple[SideName, ...] = get_args(SideName)


REQUESTS, ERRORS = 300, 60
"""Requests of a burst, and those of them that fail: enough for an alert, whatever there was before."""


class FleetControls:
    """`Controls` over the hosts of a running fleet."""

    faults: Sequence[str] = tuple(fault.value for fault in Fault)

    def __init__(self, fleet: LabFleet) -> None:
        self._fleet = fleet

    def hosts(self) -> Sequence[Host]:
        return [self._shown(host) for host in (*self._fleet.hosts, *self._fleet.newcomers)]

    def switch(self, host: str, side: str, fault: str) -> None:
        found = self._host(host)
        if side not in found.ports:
            raise KeyError(f"{host} has no {side} side")
        found.wire(_side(side)).fault = Fault(fault)

    def run(self, host: str, name: str, *, runs: bool) -> None:
        state = self._host(host).windows.state
        if name not in state.services:
            raise KeyError(f"{host} has no {name}")
        state.services[name].refusals = 0
        (state.start_service if runs else state.stop_service)(name, self._fleet.mesh.now())

    def spoil(self, host: str, name: str) -> None:
        self._host(host).windows.state.services[name].refusals = EVERY

    def turn(self, host: str, knob: tuple[str, str], to: str) -> None:
        turns = {(each.knob.kind, each.knob.name): each for each in list_turns(self._fleet, self._host(host))}
        if knob not in turns or to not in turns[knob].knob.positions:
            raise KeyError(f"{host} has no {' '.join(knob)} {to}")
        turns[knob].to(to)

    def burst(self, host: str) -> None:
        found = self._host(host)
        if found.gateway is None:
            raise KeyError(f"{host} has no gateway")
        found.add_requests(REQUESTS, ERRORS)

    def cut(self, host: str) -> None:
        if (found := self._host(host)).prepared:
            found.cut()

    def mend(self, host: str) -> None:
        if (found := self._host(host)).prepared:
            found.mend()

    def _host(self, name: str) -> LabHost:
        for host in (*self._fleet.hosts, *self._fleet.newcomers):
            if host.name == name:
                return host
        raise KeyError(f"there is no host {name}")

    def _shown(self, host: LabHost) -> Host:
        wires = {side: host.wire(side) for side in host.ports}
        return Host(
            host.name,
            tuple(Side(side, wire.fault.value) for side, wire in wires.items()),
            tuple(_programs(host)),
            cut=all(wire.fault is Fault.SWALLOW for wire in wires.values()),
            knobs=tuple(turn.knob for turn in list_turns(self._fleet, host)),
            console=tuple(self._read_console(host)),
        )

    def _read_console(self, host: LabHost) -> Iterator[str]:
        """The addresses of a machine on which Nebula has never run, and what both scripts printed if they were run."""
        if host not in self._fleet.newcomers or self._fleet.mesh.members[host.name].copies:
            return
        windows, wsl = (f"127.0.0.1:{host.ports[side]}" for side in ("windows", "wsl"))
        yield f"host add {host.name} --windows {windows} --wsl {wsl}"
        if host.prepared:
            certificate, key = host.fingerprints
            yield f"host add {host.name} --windows-fingerprint {certificate} --wsl-fingerprint {key}"


def _side(name: str) -> SideName:
    return next(side for side in SIDES if side == name)


def _programs(host: LabHost) -> Iterator[Program]:
    for name, service in host.windows.state.services.items():
        yield Program(name, service.status == "Running", not service.refusals)
