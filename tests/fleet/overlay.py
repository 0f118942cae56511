"""Nebula daemons in network namespaces on one switch: a lighthouse, hosts, and a stranger with a certificate of another CA.

Space ─┬─ network namespace "switch": a bridge
       └─ one network namespace for each node: veth to the bridge, nebula with its files and its log in a folder
"""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.space import Space, start_space, wait_until

LIGHTHOUSE, HOSTS, STRANGER = "lighthouse", ("host-a", "host-b"), "stranger"

CA, FOREIGN_CA = "Flatnet CA", "Foreign CA"

DEVICE = "nebula1"
"""The network device of each Nebula."""


@dataclass(frozen=True)
class Node:
    """One Nebula: its number is in its addresses, 192.0.2.N on the switch and 10.100.N.1 on the overlay."""

    name: str
    number: int
    ca: str = CA

    @property
    def outside(self) -> str:
        """The address on the switch."""
        return f"192.0.2.{self.number or 254}"

    @property
    def inside(self) -> str:
        """The address on the overlay."""
        return f"10.100.{self.number}.1"


NODES = (
    Node(LIGHTHOUSE, 0),
    *(Node(name, number) for number, name in enumerate(HOSTS, start=1)),
    Node(STRANGER, 9, FOREIGN_CA),
)


@dataclass(frozen=True)
class Overlay:
    """Running Nebulas. `folder` has a folder for each node: config.yml, ca.crt, host.crt, host.key, nebula.log."""

    space: Space
    folder: Path
    nodes: Mapping[str, Node]

    def read_log(self, name: str) -> str:
        """Returns the log of a node."""
        return (self.folder / name / "nebula.log").read_text()

    def read_fingerprint(self, name: str) -> str:
        """Returns the fingerprint of a node's certificate, as nebula-cert prints it."""
        printed = json.loads(_nebula_cert("print", "-json", "-path", str(self.folder / name / "host.crt")))
        return str((printed[0] if isinstance(printed, list) else printed)["fingerprint"])

    def reaches(self, name: str, other: str) -> bool:
        """Returns whether a node gets an echo from another one over the overlay."""
        ping = ("busybox", "ping", "-c1", "-W2", self.nodes[other].inside)
        return self.space.attempt("ip", "netns", "exec", name, *ping).returncode == 0

    def renew(self, name: str) -> None:
        """Signs a new certificate for a node, and has its Nebula read it."""
        self.sign(self.nodes[name])
        self.reload(name)

    def reload(self, name: str) -> None:
        """Has a node's Nebula read its files again."""
        self.space.run("kill", "-HUP", self._read_pid(name))

    def stop(self, name: str) -> None:
        """Stops a node's Nebula, and waits until its network device is gone."""
        self.space.run("kill", self._read_pid(name))
        device = ("ip", "-n", name, "link", "show", DEVICE)
        wait_until(lambda: self.space.attempt(*device).returncode != 0, f"the end of the Nebula of {name}")

    def start(self, name: str) -> None:
        """Starts a node's Nebula, as a service is started: with what its files hold now."""
        program = "echo $$ >pid; exec nebula -config config.yml"
        start = f"cd '{self.folder / name}'; ip netns exec {name} setsid sh -c '{program}' >>nebula.log 2>&1 &"
        self.space.run("sh", "-euc", start)

    def _read_pid(self, name: str) -> str:
        return (self.folder / name / "pid").read_text().strip()

    def wait_for(self, name: str, text: str) -> None:
        """Waits until a text is in the log of a node."""
        wait_until(lambda: text in self.read_log(name), f"{text!r} in the log of {name}")

    def wait_for_sighting(self, name: str, witness: str) -> None:
        """Waits until a node's present certificate is in the log of another one. A tunnel without traffic is not renewed."""
        line = f"fingerprint={self.read_fingerprint(name)}"
        wait_until(
            lambda: self.reaches(name, witness) and line in self.read_log(witness),
            f"{line} in the log of {witness}",
        )

    def make_authority(self, name: str) -> None:
        """Makes a CA in a folder of its name: ca.crt and ca.key."""
        own = self.folder / name
        own.mkdir()
        _nebula_cert(
            "ca", "-name", name, "-duration", "8760h", "-out-crt", str(own / "ca.crt"), "-out-key", str(own / "ca.key")
        )

    def sign(self, node: Node) -> None:
        """Signs a certificate for a node's present key, or makes both."""
        own, ca = self.folder / node.name, self.folder / node.ca
        own.mkdir(exist_ok=True)
        if not (own / "host.key").exists():
            _nebula_cert("keygen", "-out-key", str(own / "host.key"), "-out-pub", str(own / "host.pub"))
        signer = ("-ca-crt", str(ca / "ca.crt"), "-ca-key", str(ca / "ca.key"))
        who = ("-name", node.name, "-ip", f"{node.inside}/16", "-groups", "flatnet,gateway")
        files = ("-in-pub", str(own / "host.pub"), "-out-crt", str(own / "new.crt"))
        _nebula_cert("sign", *signer, *who, *files)
        (own / "new.crt").rename(own / "host.crt")


def start_overlay(folder: Path, *, dies_with_us: bool) -> Overlay:
    """Starts all nodes. Returns when the hosts have tunnels, and the lighthouse has refused the stranger."""
    overlay = start_nodes(folder, NODES, dies_with_us=dies_with_us)
    try:
        first, second = HOSTS
        wait_until(lambda: overlay.reaches(first, second), f"a tunnel from {first} to {second}")
        overlay.wait_for(LIGHTHOUSE, "Invalid certificate from host")
    except BaseException:
        overlay.space.end()
        raise
    return overlay


def start_nodes(folder: Path, nodes: Iterable[Node], *, dies_with_us: bool) -> Overlay:
    """Starts Nebulas on a switch of their own. `folder` must be new, and the space is called like it."""
    folder.mkdir(parents=True)
    own_names = "mount -t tmpfs tmpfs /run; mkdir /run/netns; exec sleep infinity"  # of network namespaces
    space = start_space(folder.name, ("sh", "-euc", own_names), folder / "overlay.log", dies_with_us=dies_with_us)
    overlay = Overlay(space, folder, {node.name: node for node in nodes})
    try:
        for ca in dict.fromkeys(node.ca for node in overlay.nodes.values()):
            overlay.make_authority(ca)
        wait_until(lambda: space.attempt("test", "-d", "/run/netns").returncode == 0, "the namespaces")
        space.run("sh", "-euc", "ip netns add switch; ip -n switch link add br0 type bridge; ip -n switch link set br0 up")
        for node in overlay.nodes.values():
            overlay.sign(node)
            _connect(overlay, node)
            overlay.start(node.name)
        for name in overlay.nodes:
            overlay.wait_for(name, "Nebula interface is active")
    except BaseException:
        space.end()
        raise
    return overlay


def _connect(overlay: Overlay, node: Node) -> None:
    """Puts a node on the switch, with the files that its Nebula needs."""
    own = overlay.folder / node.name
    (own / "ca.crt").write_bytes((overlay.folder / node.ca / "ca.crt").read_bytes())
    (own / "config.yml").write_text(_make_configuration(own, overlay.nodes[LIGHTHOUSE], node))
    name = node.name
    overlay.space.run(
        "sh",
        "-euc",
        f"ip netns add {name}; ip -n {name} link set lo up; "
        f"ip -n switch link add p{node.number} type veth peer name eth0 netns {name}; "
        f"ip -n switch link set p{node.number} master br0 up; "
        f"ip -n {name} addr add {node.outside}/24 dev eth0; ip -n {name} link set eth0 up",
    )


def _make_configuration(own: Path, lighthouse: Node, node: Node) -> str:
    address, is_lighthouse = f"{lighthouse.outside}:4242", node is lighthouse
    return json.dumps(  # JSON is YAML
        {
            "pki": {"ca": str(own / "ca.crt"), "cert": str(own / "host.crt"), "key": str(own / "host.key")},
            "static_host_map": {} if is_lighthouse else {lighthouse.inside: [address]},
            "lighthouse": {"am_lighthouse": is_lighthouse, "hosts": [] if is_lighthouse else [lighthouse.inside]},
            "listen": {"host": "0.0.0.0", "port": 4242},
            "logging": {"level": "info", "format": "text"},
            "tun": {"dev": DEVICE},
            "timers": {"connection_alive_interval": 1},  # how soon a tunnel is made anew with a renewed certificate
            "firewall": {
                "outbound": [{"port": "any", "proto": "any", "host": "any"}],
                "inbound": [{"port": "any", "proto": "any", "host": "any"}],
            },
        }
    )


def _nebula_cert(*arguments: str) -> str:
    return subprocess.run(["nebula-cert", *arguments], check=True, capture_output=True, text=True).stdout
