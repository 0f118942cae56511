"""PID 1 until systemd is: makes the root file system of one distribution, enters it, and becomes systemd.

    python -m tests.fleet.boot BASE NAME MEGABYTES      BASE: an empty folder that becomes the mount point

The root is an overlay of the machine's own, whose changes are kept in memory. The kernel's settings are read-only, except
those of the network, which the namespace has for itself.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.fleet.root_files import write_files

_HARMLESS = "nosuid,nodev,noexec"

FILE_SYSTEMS = (
    ("proc", "proc", _HARMLESS),
    ("sysfs", "sys", f"{_HARMLESS},ro"),
    ("cgroup2", "sys/fs/cgroup", _HARMLESS),
    ("tmpfs", "run", "nosuid,nodev,mode=0755"),
    ("tmpfs", "dev", "nosuid,mode=0755"),
    ("devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5"),
    ("tmpfs", "dev/shm", "nosuid,nodev,mode=1777"),
    ("tmpfs", "tmp", "nosuid,nodev,mode=1777"),
)

EMPTY_FOLDERS = ("home", "root", "mnt", "media", "srv", "var/log", "var/lib/apt/lists", "var/cache/apt")
"""Folders of the machine that its fleet must not see; each is an empty one in memory."""

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")

LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

STORE, STORE_RESERVE = "var/lib/containers", 20
"""podman's storage is a file system of its own with MEGABYTES, of which root keeps so many percent (`mkfs.ext4 -m`)."""

ENVIRONMENT = {"container": "fleet", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"}
"""`container` makes systemd leave the kernel and the machine's devices alone."""


def main() -> None:
    """Makes the root file system, enters it and becomes systemd."""
    base, name, megabytes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    root = _mount_root(base)
    write_files(root, name)
    _mount_devices(root)
    _mount_store(base, root, megabytes)
    _protect_kernel(root)
    (root / "old").mkdir()
    os.chdir(root)
    _run("hostname", name)
    _run("pivot_root", ".", "old")
    _run("umount", "--lazy", "/old")
    Path("/old").rmdir()
    os.execve("/usr/lib/systemd/systemd", ["systemd", "--log-target=console"], ENVIRONMENT)


def _mount_root(base: Path) -> Path:
    root, upper, work = (base / each for each in ("root", "upper", "work"))
    _mount("tmpfs", base, "mode=0755")
    for folder in (root, upper, work):
        folder.mkdir()
    _mount("overlay", root, f"lowerdir=/,upperdir={upper},workdir={work}")
    for kind, place, options in FILE_SYSTEMS:
        (root / place).mkdir(parents=True, exist_ok=True)
        _mount(kind, root / place, options)
    for place in EMPTY_FOLDERS:
        (root / place).mkdir(parents=True, exist_ok=True)
        _mount("tmpfs", root / place, "nosuid,nodev,mode=0755")
    return root


def _mount_devices(root: Path) -> None:
    for device in DEVICES:
        node = root / "dev" / device
        node.parent.mkdir(exist_ok=True)
        node.touch()
        _run("mount", "--bind", f"/dev/{device}", str(node))
    for link, target in LINKS.items():
        (root / "dev" / link).symlink_to(target)


def _mount_store(base: Path, root: Path, megabytes: int) -> None:
    image = base / "store.ext4"
    _run("mkfs.ext4", "-q", "-F", "-m", str(STORE_RESERVE), str(image), f"{megabytes}M")
    (root / STORE).mkdir(parents=True, exist_ok=True)
    _mount("devtmpfs", Path("/dev"), "nosuid")  # all of the kernel's loop devices, also in a container
    _run("mount", "-o", "loop", str(image), str(root / STORE))


def _protect_kernel(root: Path) -> None:
    """Makes the settings of the machine's kernel read-only. Those of the network belong to the namespace."""
    settings = root / "proc/sys"
    _run("mount", "--bind", str(settings / "net"), str(root / "mnt"))
    _run("mount", "--bind", str(settings), str(settings))
    _run("mount", "-o", "remount,bind,ro", str(settings))
    _run("mount", "--move", str(root / "mnt"), str(settings / "net"))


def _mount(kind: str, place: Path, options: str) -> None:
    _run("mount", "-t", kind, "-o", options, kind, str(place))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
