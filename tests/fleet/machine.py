"""Requirements of the fleet: root, namespaces, a cgroup of its own, and the programs of some Debian packages.

python3 -m tests.fleet.machine      exit code 0 where namespaces can be made, whatever is installed; else 1 and the reason
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGES: Mapping[str, str] = {
    "aardvark-dns": "/usr/lib/podman/aardvark-dns",
    "busybox-static": "/bin/busybox",
    "conmon": "/usr/bin/conmon",
    "crun": "/usr/bin/crun",
    "dbus": "/usr/bin/dbus-daemon",
    "e2fsprogs": "/usr/sbin/mkfs.ext4",
    "iproute2": "/usr/bin/ip",
    "iptables": "/usr/sbin/iptables",
    "libnginx-mod-http-lua": "/usr/lib/nginx/modules/ngx_http_lua_module.so",
    "mount": "/usr/bin/mount",
    "nebula": "/usr/bin/nebula",
    "netavark": "/usr/lib/podman/netavark",
    "nftables": "/usr/sbin/nft",
    "nginx": "/usr/sbin/nginx",
    "openssh-client": "/usr/bin/ssh-keygen",
    "openssh-server": "/usr/sbin/sshd",
    "podman": "/usr/bin/podman",
    "procps": "/usr/sbin/sysctl",
    "rsyslog": "/usr/sbin/rsyslogd",
    "sudo": "/usr/bin/sudo",
    "systemd": "/usr/lib/systemd/systemd",
    "util-linux": "/usr/bin/unshare",
}
"""Debian's packages, and a program of each. `.ci/run` installs them."""

NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")


def find_obstacle(packages: Mapping[str, str] = PACKAGES) -> str | None:
    """Returns the first reason why the fleet cannot be started here, or what needs these packages; None if it can."""
    return next(_find_obstacles(packages), None)


def _find_obstacles(packages: Mapping[str, str]) -> Iterator[str]:
    yield from _find_limits()
    missing = sorted(package for package, program in packages.items() if not Path(program).exists())
    if missing:
        yield f"programs are missing; install {' '.join(missing)}"


def _find_limits() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "this is not root"
    if not Path("/etc/debian_version").exists():
        yield "this is not Debian"
    if (unshare := shutil.which("unshare")) is None:
        yield "there is no unshare"
    elif subprocess.run([unshare, *NAMESPACES, "--fork", "true"], capture_output=True, check=False).returncode != 0:
        yield "namespaces cannot be made"
    if (mounted := find_cgroups()) is None or not os.access(mounted, os.W_OK):
        yield "cgroups (version 2) are not mounted, or cannot be written"
    if not Path("/dev/net/tun").exists():
        yield "there is no /dev/net/tun"


def find_cgroups() -> Path | None:
    """Returns where cgroups of version 2 are mounted, alone or beside version 1."""
    found = re.search(r"^(?:\S+ ){4}(\S+) .* - cgroup2 ", Path("/proc/self/mountinfo").read_text(), re.MULTILINE)
    return None if found is None else Path(found[1])


if __name__ == "__main__":
    sys.exit(next(_find_limits(), None))
