"""Ansible and pyinfra as programs: their virtual environment, their inventories of the lab, their command lines.

Both run one read of WSL2 over SSH on each host, the list of containers: one of the five programs of our `health` there.
"""

import os
import re
import shlex
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.inventory import Host, WslSide
from adapters.wsl.action import Argv
from adapters.wsl.podman import build_listing_commands

ANSIBLE = "2.19.14" if sys.version_info < (3, 12) else "2.21.5"
"""ansible-core: the newest stable version that runs on the Python of the bot."""

PYINFRA = "3.10.0"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flatnet-bot-bench"
"""Folder of the virtual environments: outside of the repository, and kept between runs."""

ENVIRONMENT = CACHE / f"python{sys.version_info.major}.{sys.version_info.minor}-ansible-core{ANSIBLE}-pyinfra{PYINFRA}"
COMPLETE = ENVIRONMENT / "complete"
"""File that is written last: an environment without it was interrupted."""

CONFIGURATION, ANSIBLE_INVENTORY, PYINFRA_INVENTORY, MASTERS = "ansible.cfg", "hosts.ini", "hosts.py", "m"
"""Names in the folder in which both run; the last is the folder of the sockets of OpenSSH's master connections."""

PERSIST = 600
"""Seconds for which OpenSSH keeps a master connection: longer than a run of the benchmark."""

DEADLINE = 120
"""Seconds in which each run must end."""


class NotRun(Exception):
    """A program did not read every host; the text is the reason."""


@dataclass(frozen=True)
class Command:
    """A command line, and the pattern of the line that it prints for each host that it has read."""

    words: tuple[str, ...]
    success: str


def install() -> str:
    """Make the virtual environment unless it is there; "", or the reason why that cannot be done."""
    if COMPLETE.exists():
        return ""
    wanted = (f"ansible-core=={ANSIBLE}", f"pyinfra=={PYINFRA}")
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "--quiet", "--retries", "1", *wanted]
        subprocess.run(pip, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"could not install {' and '.join(wanted)}: {_find_reason(error)}"
    COMPLETE.touch()
    return ""


def _find_reason(error: Exception) -> str:
    """The last line that a program wrote about its failure, or the failure itself."""
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return lines[-1] if lines else repr(error)


def build_read(side: WslSide) -> Argv:
    """The program that both run: root's podman lists Flatnet's containers."""
    return build_listing_commands(side.network)[-1]


def list_sides(hosts: Sequence[Host]) -> list[tuple[str, WslSide]]:
    """Names and WSL2 sides of the hosts that have one."""
    return [(host.name, host.wsl) for host in hosts if host.wsl is not None]


def build_ansible_inventory(hosts: Sequence[Host]) -> str:
    """An inventory in Ansible's INI format, one line for each host."""
    lines = []
    for name, side in list_sides(hosts):
        values = {
            "ansible_host": side.address,
            "ansible_port": str(side.port),
            "ansible_user": side.user,
            "ansible_ssh_private_key_file": str(side.key_file),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={side.known_hosts_file}",
        }
        lines.append(" ".join([name, *(f"{key}={shlex.quote(value)}" for key, value in values.items())]) + "\n")
    return "".join(lines)


def build_pyinfra_inventory(hosts: Sequence[Host]) -> str:
    """An inventory for pyinfra: a Python file with a list of hosts and their data."""
    fleet = [
        (
            name,
            {
                "ssh_hostname": side.address,
                "ssh_port": side.port,
                "ssh_user": side.user,
                "ssh_key": str(side.key_file),
                "ssh_known_hosts_file": str(side.known_hosts_file),
                "ssh_strict_host_key_checking": "yes",
            },
        )
        for name, side in list_sides(hosts)
    ]
    return f"fleet = {fleet!r}\n"


def build_ansible_configuration(folder: Path) -> str:
    """Ansible's best settings for one command on many hosts. It keeps all its files in `folder`."""
    return (
        f"[defaults]\ninventory = {ANSIBLE_INVENTORY}\nhome = {folder / 'ansible'}\n"
        "[connection]\npipelining = true\n"
        f"[ssh_connection]\nssh_args = -o ControlMaster=auto -o ControlPersist={PERSIST}s\n"
        f"control_path_dir = {folder / MASTERS}\nusetty = false\n"
    )


def write_files(folder: Path, hosts: Sequence[Host]) -> None:
    """Write the inventories and the configuration that the command lines rely on."""
    (folder / CONFIGURATION).write_text(build_ansible_configuration(folder))
    (folder / ANSIBLE_INVENTORY).write_text(build_ansible_inventory(hosts))
    (folder / PYINFRA_INVENTORY).write_text(build_pyinfra_inventory(hosts))


def build_ansible(target: str, read: Argv, forks: int) -> Command:
    """Ansible's raw module, which needs no Python on the host."""
    program = str(ENVIRONMENT / "bin/ansible")
    return Command((program, target, "-f", str(forks), "-m", "raw", "-a", shlex.join(read)), r" \| CHANGED \| rc=0 >>$")


def build_pyinfra(target: str, read: Argv, parallel: int) -> Command:
    """`exec` of pyinfra; `target` is `all` or the name of a host."""
    limit = () if target == "all" else ("--limit", target)
    program = str(ENVIRONMENT / "bin/pyinfra")
    options = ("-y", "--parallel", str(parallel), *limit)
    return Command((program, *options, PYINFRA_INVENTORY, "exec", "--", *read), r"^ +\[\S+\] +Success$")


def run(command: Command, folder: Path, hosts: int) -> float:
    """Run one of the two in `folder`; seconds until its end. Raises `NotRun` unless all hosts were read."""
    began = time.perf_counter()
    try:
        done = subprocess.run(command.words, cwd=folder, check=True, capture_output=True, text=True, timeout=DEADLINE)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotRun(_find_reason(error)) from error
    took = time.perf_counter() - began
    read = len(re.findall(command.success, done.stdout + done.stderr, re.MULTILINE))
    if read != hosts:
        raise NotRun(f"{read} of {hosts} hosts were read")
    return took


def end_masters(folder: Path) -> None:
    """End OpenSSH's master connections, so that the next run of Ansible makes new ones."""
    for socket in (folder / MASTERS).glob("*"):
        subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], check=False, capture_output=True)
