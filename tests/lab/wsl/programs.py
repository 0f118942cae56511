"""The programs of a simulated WSL2: exact outputs, exit codes and errors of podman 5.4, iproute2, sudo and apt 3.0."""

import json
from datetime import datetime

from tests.lab.wsl import programs_disks, programs_helper, programs_logs
from tests.lab.wsl.apt import LISTS, Apt, simulated
from tests.lab.wsl.container import Container
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WINDOWS_ADDRESS, WslState

CGROUPS_WARNING = (
    'time="2026-11-25T09:30:00Z" level=warning msg="Using cgroups-v1 which is deprecated in favor of cgroups-v2 with '
    "Podman v5 and will be removed in a future version. Set environment variable `PODMAN_IGNORE_CGROUPSV1_WARNING` "
    'to hide this warning."\n'
)

NEVER = -62135596800
"""podman's time for what has not happened: Go's zero time in Unix seconds."""


def run_program(argv: list[str], state: WslState) -> Ran | None:
    """What the program does; None where there is no such program."""
    name, *arguments = argv
    if name in state.missing:
        return None
    if name in state.hanging:
        return Ran(hangs=True)
    if name in state.streams:
        return Ran(stream=state.streams[name])
    match name:
        case "sudo":
            return _sudo(arguments, state)
        case "podman":
            return _podman(arguments, state, root=False)
        case "ip":
            return _ip(arguments, state)
        case "sysctl":
            return _sysctl(arguments, state)
        case "df":
            return programs_disks.df(arguments, state)
        case "du":
            return programs_disks.du(arguments, state, root=False)
        case "stat":
            return _stat(arguments, state)
        case "apt-get":
            return _apt_get(arguments, state.apt)
        case "perl":
            return programs_logs.perl(arguments, state.logs, lambda argv: run_program(argv, state))
        case "journalctl":
            return programs_logs.journalctl(arguments, state.logs)
        case "id":
            return Ran(stdout="uid=1000(flatnet) gid=1000(flatnet) groups=1000(flatnet)\n")
        case _:
            return None


def _sudo(arguments: list[str], state: WslState) -> Ran:
    match arguments:
        case ["-n", *argv] if " ".join(argv).startswith(tuple(state.refused)):
            return Ran(1, stderr="sudo: a password is required\n")
        case ["-n", programs_helper.PATH, *rest]:
            return programs_helper.run_helper(rest, state)
        case ["-n", program, *_] if not state.sudo or program not in ("podman", "ip", "journalctl", "systemctl", "timeout"):
            return Ran(1, stderr="sudo: a password is required\n")
        case ["-n", "timeout", _, program, *_] if program in state.hanging:
            return Ran(124)
        case ["-n", "timeout", _, program, *_] if program in state.missing:
            return Ran(127, stderr=f"timeout: failed to run command '{program}': No such file or directory\n")
        case ["-n", "timeout", _, "du", *rest]:
            return programs_disks.du(rest, state, root=True)
        case ["-n", "timeout", _, *argv] if argv:
            return _sudo(["-n", *argv], state)
        case ["-n", program, *_] if program in state.missing:
            return Ran(1, stderr=f"sudo: {program}: command not found\n")
        case ["-n", program, *_] if program in state.hanging:
            return Ran(hangs=True)
        case ["-n", "podman", *rest]:
            return _podman(rest, state, root=state.sudo_becomes_root)
        case ["-n", *argv]:
            return run_program(argv, state) or Ran(1, stderr=f"sudo: {argv[0]}: command not found\n")
        case _:
            return Ran(1, stderr="sudo: a terminal is required to read the password\nsudo: a password is required\n")


def _podman(arguments: list[str], state: WslState, *, root: bool) -> Ran:
    warning = CGROUPS_WARNING if state.cgroups_warning else ""
    containers, networks = (state.containers, state.networks) if root else ([], {"podman"})
    match arguments:
        case ["ps", "-a", "--filter", wanted, "--format", "json"] if wanted.startswith("network="):
            network = wanted.removeprefix("network=")
            listed = [_listed(container) for container in containers if container.network == network]
            return Ran(stdout=json.dumps(listed, indent=2) + "\n", stderr=warning)
        case ["network", "exists", network]:
            return Ran(0 if network in networks else 1, stderr=warning)
        case ["info", "--format", "{{.Host.Security.Rootless}}"]:
            return Ran(stdout="false\n" if root else "true\n", stderr=warning)
        case ["info", "--format", "json"]:
            return Ran(stdout=programs_disks.podman_info(state, root=root), stderr=warning)
        case ["logs", *rest]:
            return programs_logs.podman_logs(rest, state, root=root)
        case ["system", "df", "--format", "json"]:
            return Ran(stdout=programs_disks.podman_df(state, root=root), stderr=warning)
        case _:
            return Ran(125, stderr=f"{warning}Error: unrecognized command `podman {' '.join(arguments[:1])}`\n")


def _listed(container: Container) -> dict[str, object]:
    """One element of `podman ps --format json`, keys in podman's order."""
    return {
        "AutoRemove": False,
        "Command": ["sleep", "100000"],
        "CreatedAt": "2 hours ago",
        "CIDFile": "",
        "Exited": container.state == "exited",
        "ExitedAt": 1795600300 if container.state == "exited" else NEVER,
        "ExitCode": container.exit_code,
        "ExposedPorts": None,
        "Id": container.id,
        "Image": next(iter(container.image.names), ""),
        "ImageID": container.image.id,
        "IsInfra": False,
        "Labels": None,
        "Mounts": [],
        "Names": [container.name],
        "Namespaces": {},
        "Networks": [container.network],
        "Pid": 4711 if container.state in ("running", "paused") else 0,
        "Pod": "",
        "PodName": "",
        "Ports": container.ports,
        "Restarts": container.restarts,
        "Size": None,
        "StartedAt": NEVER if container.state == "created" else _to_seconds(container.started_at),
        "State": container.state,
        "Status": _status(container),
        "Created": 1795599000,
    }


def _to_seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _status(container: Container) -> str:
    match container.state:
        case "running" | "paused":
            health = f" ({container.health})" if container.health else ""
            since = "Less than a second" if container.restarts else "2 hours"
            return f"Up {since}{health}" if container.state == "running" else "Paused"
        case "exited":
            return f"Exited ({container.exit_code}) 5 minutes ago"
        case "stopped":
            return f"Exited ({container.exit_code}) Less than a second ago"
        case _:
            return "Created"


def _ip(arguments: list[str], state: WslState) -> Ran:
    match arguments:
        case ["-json", "addr", "show", device] if device == state.bridge and state.bridge_exists:
            return Ran(stdout=json.dumps([_bridge(state)], separators=(",", ":")) + "\n")
        case ["-json", "-4", "route", "show", "default"]:
            route = {"dst": "default", "gateway": WINDOWS_ADDRESS, "dev": "eth0", "protocol": "kernel", "flags": []}
            return Ran(stdout=json.dumps([route] if state.own_address else [], separators=(",", ":")) + "\n")
        case ["-json", "-4", "addr", "show"]:
            return Ran(stdout=json.dumps(_links(state), separators=(",", ":")) + "\n")
        case ["-json", "addr", "show", device]:
            return Ran(1, stderr=f'Device "{device}" does not exist.\n')
        case _:
            return Ran(255, stderr=f'Object "{" ".join(arguments[:1])}" is unknown, try "ip help".\n')


def _links(state: WslState) -> list[dict[str, object]]:
    """Every interface with an IPv4 address."""
    addresses = {"lo": ("127.0.0.1", 8), "eth0": (state.own_address, 20)}
    links: list[dict[str, object]] = []
    for name, (local, bits) in addresses.items():
        inet = {"family": "inet", "local": local, "prefixlen": bits, "scope": "global"}
        links += [{"ifname": name, "flags": ["UP"], "addr_info": [inet]}] if local else []
    return [*links, _bridge(state)] if state.bridge_exists else links


def _bridge(state: WslState) -> dict[str, object]:
    inet = {"family": "inet", "local": state.address, "prefixlen": 24, "scope": "global", "label": state.bridge}
    link = {"family": "inet6", "local": "fe80::e0ff:fe00:1", "prefixlen": 64, "scope": "link"}
    return {
        "ifindex": 5,
        "ifname": state.bridge,
        "flags": ["BROADCAST", "MULTICAST"] + (["UP", "LOWER_UP"] if state.bridge_up else []),
        "mtu": 1500,
        "qdisc": "noqueue",
        "operstate": "UP" if state.bridge_up else "DOWN",
        "group": "default",
        "link_type": "ether",
        "address": "e2:ff:00:00:00:01",
        "broadcast": "ff:ff:ff:ff:ff:ff",
        "addr_info": [inet, link] if state.address else [],
    }


def _sysctl(arguments: list[str], state: WslState) -> Ran:
    match arguments:
        case ["-n", "net.ipv4.ip_forward"]:
            return Ran(stdout=f"{int(state.forwarding)}\n")
        case _:
            return Ran(
                255, stderr=f"sysctl: cannot stat /proc/sys/{arguments[-1].replace('.', '/')}: No such file or directory\n"
            )


def _stat(arguments: list[str], state: WslState) -> Ran:
    written = {
        LISTS: state.apt.listed_at,
        "/var/lib/apt/periodic/update-success-stamp": state.apt.stamped_at,
        "/var/run/reboot-required": state.apt.listed_at if state.restart_required else None,
    }
    match arguments:
        case ["--format=%n %Y", *paths]:
            times = [(path, written.get(path)) for path in paths]
            absent = [path for path, at in times if at is None]
            return Ran(
                1 if absent else 0,
                "".join(f"{path} {at.timestamp():.0f}\n" for path, at in times if at is not None),
                "".join(f"stat: cannot statx '{path}': No such file or directory\n" for path in absent),
            )
        case _:
            return Ran(1, stderr="stat: missing operand\nTry 'stat --help' for more information.\n")


def _apt_get(arguments: list[str], apt: Apt) -> Ran:
    match arguments:
        case ["indextargets", "--format", "$(LABEL):$(SUITE)", "Created-By: Packages"]:
            return Ran(stdout="".join(f"{each}\n" for each in apt.lists))
        case ["-s", "-q", "-o", "Debug::NoLocking=1", "dist-upgrade"] if apt.fails:
            return Ran(100, stderr=f"E: {apt.fails}\n")
        case ["-s", "-q", "-o", "Debug::NoLocking=1", "dist-upgrade"]:
            return Ran(stdout=simulated(apt))
        case _:
            return Ran(100, stderr=f"E: Invalid operation {arguments[-1] if arguments else ''}\n")
