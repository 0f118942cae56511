"""Two hosts with the real podman, sshd, sudo and the helper, and the bot's streams from the first to the second."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.ssh import SshConnection
from adapters.wsl.stream import StreamSink, StreamSource
from bot.changes.services.step_binding import BoundAction, HostAnswer, OwnActions, Places
from bot.changes.services.stream import Ends, carry_out_transfer
from bot.changes.services.transfer import TransferWatch
from bot.runtime.clock import SYSTEM_CLOCK
from tests.fleet.containers import make_network
from tests.fleet.distribution import Distribution, boot
from tests.fleet.space import FleetError

NAMES = ("host-a", "host-b")

STORE_MEGABYTES = 256
"""Size of podman's storage on each host."""

SECRET = "correct-horse"
"""Value of every secret."""


@dataclass(frozen=True)
class Pair:
    """Both hosts, and the bot's fleet of them. `stops` are reasons to stop a stream, which a test adds."""

    source: Distribution
    target: Distribution
    fleet: Fleet
    stops: list[Phrase]
    reports: list[tuple[int, int]]

    async def move(self, source: StreamSource, sink: StreamSink) -> HostAnswer:
        """Moves a stream from the first host to the second, as a step of a plan does."""
        here, there = self.fleet.inventory.hosts
        places = Places(self.fleet, OwnActions())
        ends = Ends(BoundAction(places, here, source), here.name, BoundAction(places, there, sink), there.name)
        return await carry_out_transfer(ends, TransferWatch(self._find_stop_reason, self._report), SYSTEM_CLOCK)

    async def _find_stop_reason(self) -> Phrase | None:
        return self.stops[0] if self.stops else None

    async def _report(self, moved: int, size: int) -> None:
        self.reports.append((moved, size))


@contextmanager
def boot_pair(folder: Path, megabytes: int = STORE_MEGABYTES) -> Iterator[tuple[Distribution, Distribution]]:
    """Boots both hosts with Flatnet's network and image. They end with this process at the latest."""
    with ExitStack() as stack:
        booted = []
        for number, name in enumerate(("wsl-from", "wsl-to"), 1):
            each = boot(name, folder / name, dies_with_us=True, megabytes=megabytes)
            stack.callback(each.space.end)
            done = each.prepare("--manage", "containers", "--id", str(number))
            if done.returncode != 0:
                raise FleetError(f"prepare-wsl.sh failed:\n{done.stdout}\n{done.stderr}")
            each.trust(done.stdout)
            make_network(each, number)
            booted.append(each)
        yield booted[0], booted[1]


@asynccontextmanager
async def connect_pair(source: Distribution, target: Distribution) -> AsyncIterator[Pair]:
    """Connects the bot's fleet to both."""
    sides = {name: each.side for name, each in zip(NAMES, (source, target), strict=True)}
    hosts = tuple(Host(name=name, id=number, wsl=sides[name]) for number, name in enumerate(NAMES, 1))
    fleet = Fleet(Inventory(hosts=hosts), lambda host, side: SshConnection(sides[host.name], _read_secret))
    try:
        yield Pair(source, target, fleet, [], [])
    finally:
        await fleet.aclose()


def find_image(host: Distribution, name: str) -> str:
    """Returns the id of an image."""
    return host.space.run("podman", "image", "inspect", "--format={{.Id}}", name).strip()


def make_image(host: Distribution, megabytes: int, name: str) -> str:
    """Makes an image of so many megabytes that cannot be compressed, and returns its id."""
    script = f"mkdir -p /tmp/made && head -c {megabytes}M /dev/urandom >/tmp/made/data && tar -C /tmp/made -cf - data"
    return host.sh(f"{script} | podman import --quiet - {name} 2>/dev/null; rm -r /tmp/made").strip().removeprefix("sha256:")


def _read_secret(name: str) -> SecretStr:
    """Returns the only value that the bot has."""
    return SecretStr(SECRET)
