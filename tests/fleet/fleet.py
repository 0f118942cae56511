"""The whole fleet: one prepared WSL2 side with containers and packages, and an overlay."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.archive import set_up_apt
from tests.fleet.containers import set_up_flatnet
from tests.fleet.distribution import Distribution, boot
from tests.fleet.overlay import Overlay, start_overlay
from tests.fleet.space import FleetError, Space

HOST = "host-a"
"""The name of the host in the bot's configuration."""


@dataclass(frozen=True)
class RealFleet:
    """A running fleet."""

    wsl: Distribution
    overlay: Overlay

    @property
    def spaces(self) -> tuple[Space, ...]:
        """All namespaces of the fleet."""
        return (self.wsl.space, self.overlay.space)


def start_fleet(folder: Path, *, dies_with_us: bool) -> RealFleet:
    """Starts everything; on failure, what was started is ended. `folder` must be new."""
    with ExitStack() as started:
        wsl = boot("wsl-a", folder / "wsl-a", dies_with_us=dies_with_us)
        started.callback(wsl.space.end)
        set_up_flatnet(wsl)
        set_up_apt(wsl)
        prepare(wsl)
        overlay = start_overlay(folder / "overlay", dies_with_us=dies_with_us)
        started.pop_all()
        return RealFleet(wsl, overlay)


@contextmanager
def run_fleet(folder: Path) -> Iterator[RealFleet]:
    """Runs a fleet that ends with this process at the latest."""
    fleet = start_fleet(folder, dies_with_us=True)
    with ExitStack() as stack:
        for space in fleet.spaces:
            stack.callback(space.end)
        yield fleet


def prepare(wsl: Distribution) -> None:
    """Prepares a distribution for the bot, which then knows its host key."""
    done = wsl.prepare()
    if done.returncode != 0:
        raise FleetError(f"prepare-wsl.sh failed:\n{done.stdout}\n{done.stderr}")
    wsl.trust(done.stdout)


def write_configuration(folder: Path, wsl: Distribution) -> Path:
    """Writes a bot's configuration for the WSL2 side alone, and its secrets. Returns its path."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "audit_key").touch(mode=0o600)
    (secrets / "audit_key").write_text("0123456789abcdef" * 4)
    side = wsl.side
    file = folder / "flatnet.toml"
    file.write_text(
        'language = "en"\ntime_zone = "UTC"\ndata_folder = "data"\nsocket_file = "bot.sock"\nsecrets_folder = "secrets"\n'
        '[[people]]\nname = "me"\nsystem = ["root"]\nroles = ["administrator", "operator"]\n'
        f'[[hosts]]\nname = "{HOST}"\nid = 1\n[hosts.wsl]\naddress = "{side.address}"\nport = {side.port}\n'
        f"key_file = {json.dumps(str(side.key_file))}\nknown_hosts_file = {json.dumps(str(side.known_hosts_file))}\n"
    )
    return file
