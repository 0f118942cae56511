"""Real Nebulas that stand in for those of lab hosts: plans of the bot change files there, and real daemons run with them.

    plan ─▶ twin: file on a disk of the lab, service started ─▶ real nebula, with these files ─▶ its log, on that disk again
            twin: does an address answer?                    ─▶ a real ping

A twin that starts Nebula waits for the handshakes of the real one, so no test waits. Each node knows where the others are,
so that one which the lighthouse refuses tries all of them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PureWindowsPath

from adapters.inventory import WindowsPaths
from commands.configuration.nebula import read_blocklist
from tests.fleet.overlay import Node, Overlay, start_nodes
from tests.fleet.space import wait_until
from tests.lab.fleet import LabFleet, LabHost
from tests.lab.windows.state import WindowsState

PATHS = WindowsPaths.model_validate({})

IDENTITY = {"ca.crt": PATHS.ca_certificate, "host.crt": PATHS.host_certificate, "host.key": PATHS.host_key}
"""Files of a real Nebula, and where they lie on a host."""

LOG = PureWindowsPath(PATHS.nebula_log)

PING = "busybox ping -c1 -W1"


@dataclass
class StandIns:
    """Real Nebulas by the names of their hosts. `running` are the names of those that run."""

    overlay: Overlay
    hosts: Mapping[str, LabHost]
    running: set[str] = field(default_factory=set)

    def attach(self) -> None:
        """Has the lab start, stop and ask the real Nebulas, and starts those of the hosts whose Nebula runs."""
        for name, host in self.hosts.items():
            state = host.windows.state
            state.reach = partial(self._answer_ping, name, state.reach)
            state.on_nebula_start.append(partial(self._start, name))
            state.on_service.append(partial(self._follow_service, name))
            service = state.service("Nebula")
            if service is not None and service.status == "Running":
                self._start(name, state, datetime.now(UTC))

    def reaches(self, name: str, other: str) -> bool:
        """Returns whether a node gets an echo from another one, within a second."""
        ping = (*PING.split(), self.overlay.nodes[other].inside)
        return self.overlay.space.attempt("ip", "netns", "exec", name, *ping).returncode == 0

    def count_refusals(self, name: str) -> int:
        """Counts the lines in which a node has refused a certificate because it blocks it."""
        lines = self.overlay.read_log(name).splitlines()
        return sum("Invalid certificate from host" in line and "certificate is in the block list" in line for line in lines)

    def _answer_ping(self, name: str, otherwise: Callable[[str], bool], address: str) -> bool:
        """Answers what a twin asks: whether an address answers. Those of containers are not real."""
        known = {node.inside: other for other, node in self.overlay.nodes.items()}
        if address not in known:
            return otherwise(address)
        reached = name in self.running and self.reaches(name, known[address])
        self._lay_logs()
        return reached

    def _start(self, name: str, state: WindowsState, now: datetime) -> None:
        """Starts a real Nebula with the files of its host. Then it and all others call one another."""
        self._stop(name)
        own = self.overlay.folder / name
        for file, path in IDENTITY.items():
            (own / file).write_text(state.files[PureWindowsPath(path)])
        configuration = json.loads((own / "config.yml").read_text())
        text = state.files[PureWindowsPath(PATHS.nebula_config)]
        configuration["pki"]["blocklist"] = list(read_blocklist(text.encode()))
        others = [node for node in self.overlay.nodes.values() if node.name != name]
        configuration["static_host_map"] = {node.inside: [f"{node.outside}:4242"] for node in others}
        (own / "config.yml").write_text(json.dumps(configuration))
        position = len(self.overlay.read_log(name))
        self.overlay.start(name)
        wait_until(lambda: "interface is active" in self.overlay.read_log(name)[position:], f"the Nebula of {name}")
        self._call([pair for other in self.running for pair in ((name, other), (other, name))])
        self.running.add(name)
        self._lay_logs()

    def _call(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Has nodes call others, all at once, and waits for the answers, or a second."""
        calls = [f"ip netns exec {name} {PING} {self.overlay.nodes[other].inside} >&2 &" for name, other in pairs]
        self.overlay.space.attempt("sh", "-c", " ".join([*calls, "wait"]))

    def _follow_service(self, name: str, service: str, runs: bool) -> None:
        if service == "Nebula" and not runs:
            self._stop(name)

    def _stop(self, name: str) -> None:
        if name in self.running:
            self.running.remove(name)
            self.overlay.stop(name)

    def _lay_logs(self) -> None:
        """Puts what the real Nebulas have logged on the disks, in place of what the twins have."""
        for name, host in self.hosts.items():
            if text := self.overlay.read_log(name):
                host.windows.state.write(LOG, text, datetime.now(UTC))


@contextmanager
def run_stand_ins(folder: Path, fleet: LabFleet) -> Iterator[StandIns]:
    """Runs real Nebulas for all hosts of a lab, and for the machines that it does not know yet."""
    hosts = {host.name: host for host in (*fleet.hosts, *fleet.newcomers)}
    overlay = start_nodes(folder, [Node(name, host.id) for name, host in hosts.items()], dies_with_us=True)
    try:
        for name in hosts:  # they began with identities of their own
            overlay.stop(name)
            (overlay.folder / name / "nebula.log").write_text("")
        stand_ins = StandIns(overlay, hosts)
        stand_ins.attach()
        yield stand_ins
    finally:
        overlay.space.end()
