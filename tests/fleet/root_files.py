"""Files of a freshly installed distribution, before an administrator has prepared it for the bot."""

import shutil
import subprocess
from pathlib import Path

HIDDEN = (
    "etc/systemd/system/*.wants/*",
    "etc/apt/sources.list*",
    "etc/apt/sources.list.d/*",
    "etc/apt/preferences.d/*",
    "etc/containers/networks/*",
    "etc/ssh/ssh_host_*",
    "etc/ssh/sshd_config.d/*",
    "etc/sudoers.d/flatnet*",
    "etc/wsl.conf",
    "usr/sbin/policy-rc.d",
    "var/run/reboot-required*",
)
"""What the machine would start, or has prepared for itself."""

FILES = {
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 {name}\n",
    "etc/hostname": "{name}\n",
    # Without compression, because some builds of libsystemd, which podman reads the journal with, know none.
    "etc/systemd/journald.conf.d/fleet.conf": "[Journal]\nCompress=no\nRateLimitIntervalSec=0\nReadKMsg=no\n",
    # The machine may not delegate the controller `pids`, without which podman's default limit is an error.
    "etc/containers/containers.conf.d/fleet.conf": "[containers]\npids_limit = 0\n",
    "etc/apt/apt.conf.d/99fleet": 'APT::Sandbox::User "root";\n',
}

FOLDERS = (
    "etc/apt/sources.list.d",
    "var/cache/apt/archives/partial",
    "var/lib/apt/lists/partial",
    "var/log/apt",
    "var/log/journal",
)

STAMPS = ("etc/.updated", "var/.updated")
"""Without them systemd rebuilds caches for a second."""

UNITS = ("rsyslog.service",)
"""What the distribution starts by itself. sshd is started by prepare-wsl.sh."""

MASKED = ("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount")
"""What only takes time."""


def write_files(root: Path, name: str) -> None:
    """Makes the overlay below `root` the root of a fresh distribution with that host name."""
    for pattern in HIDDEN:
        for path in sorted(root.glob(pattern)):
            _remove(path)
    for place, text in FILES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text.replace("{name}", name))
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for stamp in STAMPS:
        (root / stamp).touch()
    _choose_units(root / "etc/systemd/system")
    _leave_kernel_log(root / "etc/rsyslog.conf")
    key = root / "etc/ssh/ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{name}", "-f", str(key)], check=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _choose_units(units: Path) -> None:
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    for unit in UNITS:
        (wanted / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")


def _leave_kernel_log(configuration: Path) -> None:
    """Keeps rsyslog from the kernel's log, which is the machine's: reading it takes lines away from others."""
    text = configuration.read_text()
    configuration.write_text(text.replace('module(load="imklog")', "#"))
