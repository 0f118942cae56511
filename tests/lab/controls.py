"""The switches of a lab fleet, as the workspace's page shows them."""

from collections.abc import Iterator, Sequence
from typing import get_args

from adapters.action import SideName
from tests.lab.faults import Fault
from tests.lab.fleet import LabFleet, LabHost
from tests.lab.windows.state import EVERY
from tests.lab.workspace.page import Host, Program, Side

SIDES: tuple[SideName, ...] = get_args(SideName)


class FleetControls:
    """`Controls` over the hosts of a running fleet."""

    faults: Sequence[str] = tuple(fault.value for fault in Fault)

    def __init__(self, fleet: LabFleet) -> None:
        self._fleet = fleet

    def hosts(self) -> Sequence[Host]:
        return [_shown(host) for host in self._fleet.hosts]

    def switch(self, host: str, side: str, fault: str) -> None:
        found = self._host(host)
        if side not in found.ports:
            raise KeyError(f"{host} has no {side} side")
        found.wire(_side(side)).fault = Fault(fault)

    def run(self, host: str, name: str, *, runs: bool) -> None:
        found, now = self._host(host), self._fleet.mesh.now()
        state = found.windows.state
        if name in state.services:
            state.services[name].refusals = 0
            (state.start_service if runs else state.stop_service)(name, now)
            return
        containers = () if found.wsl is None else found.wsl.state.containers
        container = next((each for each in containers if each.name == name), None)
        if container is None:
            raise KeyError(f"{host} has no {name}")
        container.state, container.exit_code, container.health = ("running" if runs else "exited"), 0, None

    def spoil(self, host: str, name: str) -> None:
        self._host(host).windows.state.services[name].refusals = EVERY

    def cut(self, host: str) -> None:
        self._host(host).cut()

    def mend(self, host: str) -> None:
        self._host(host).mend()

    def _host(self, name: str) -> LabHost:
        for host in self._fleet.hosts:
            if host.name == name:
                return host
        raise KeyError(f"there is no host {name}")


def _side(name: str) -> SideName:
    return next(side for side in SIDES if side == name)


def _shown(host: LabHost) -> Host:
    wires = {side: host.wire(side) for side in host.ports}
    sides = tuple(Side(side, wire.fault.value) for side, wire in wires.items())
    return Host(host.name, sides, tuple(_programs(host)), all(wire.fault is Fault.SWALLOW for wire in wires.values()))


def _programs(host: LabHost) -> Iterator[Program]:
    for name, service in host.windows.state.services.items():
        yield Program("service", name, service.status == "Running", not service.refusals)
    for container in () if host.wsl is None else host.wsl.state.containers:
        yield Program("container", container.name, container.state == "running")
