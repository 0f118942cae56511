"""A WSL2 side: systemd as PID 1 in a distribution that an administrator prepares with docs/hosts/prepare-wsl.sh."""

import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.inventory import WslSide
from tests.fleet.space import FleetError, Space, start_beside, start_space, wait_until
from tests.host_scripts import HELPER, PREPARE

STORE_MEGABYTES = 192
"""Size of podman's storage."""


@dataclass(frozen=True)
class Distribution:
    """A booted distribution. `port` on the machine's loopback leads to its sshd, as Windows' port proxy does."""

    name: str
    space: Space
    folder: Path
    port: int

    @property
    def key(self) -> Path:
        """The bot's private key."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The bot's file of host keys."""
        return self.folder / "known_hosts"

    @property
    def side(self) -> WslSide:
        """The side as the bot's configuration has it."""
        return WslSide(address="127.0.0.1", port=self.port, key_file=self.key, known_hosts_file=self.known_hosts)

    def prepare(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """Runs prepare-wsl.sh as an administrator does. `--key` is the bot's unless the options say otherwise."""
        for script in (PREPARE, HELPER):
            self.space.write(f"/root/{script.name}", script.read_bytes())
        key = () if "--key" in options else ("--key", self.key.with_suffix(".pub").read_text().strip())
        return self.space.attempt("sh", f"/root/{PREPARE.name}", *key, *options)

    def trust(self, printed: str) -> None:
        """Puts the host key that the script printed into the bot's file of known hosts, as docs/hosts.md says."""
        (line,) = re.findall(r"^\[ADDRESS\]:2222 (ssh-ed25519 \S+)$", printed, re.MULTILINE)
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {line}\n")

    def sh(self, script: str) -> str:
        """Runs a shell script as root, and returns its standard output."""
        return self.space.run("sh", "-euc", script)


def boot(name: str, folder: Path, *, dies_with_us: bool, megabytes: int = STORE_MEGABYTES) -> Distribution:
    """Boots a distribution with so many megabytes for podman; `folder` gets its log and the bot's key.

    Returns when systemd has started everything.
    """
    (folder / "root").mkdir(parents=True)
    log = folder / "boot.log"
    init = (sys.executable, "-m", "tests.fleet.boot", str(folder / "root"), name, str(megabytes))
    space = start_space(name, init, log, dies_with_us=dies_with_us)
    try:
        wait_until(lambda: _has_booted(space, log), f"systemd; see {log}")
        _make_key(folder / "id_ed25519")
        listening = socket.create_server(("127.0.0.1", 0))
        with listening:
            door = _command_of_door(space, listening.fileno())
            space = start_beside(space, door, log, dies_with_us=dies_with_us, fds=(listening.fileno(),))
            return Distribution(name, space, folder, listening.getsockname()[1])
    except BaseException:
        space.end()
        raise


def _has_booted(space: Space, log: Path) -> bool:
    if space.started[0].poll() is not None:
        raise FleetError(f"systemd did not start:\n{log.read_text()}")
    said = space.attempt("systemctl", "is-system-running", "--wait").stdout.strip()
    return said in ("running", "degraded")


def _make_key(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "flatnet-bot", "-f", str(file)], check=True)


def _command_of_door(space: Space, socket_number: int) -> Sequence[str]:
    python = (sys.executable, "-m", "tests.fleet.door", str(socket_number), "2222")
    return ("nsenter", f"--target={space.init}", "--net", *python)
