"""One running fleet for all tests of this folder in a worker, and the real bot for its WSL2 side.

Tests put back what they change, because they share the fleet. Those of a file follow one another in one worker.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from bot.app.application import Application, open_application
from bot.config.settings import read_settings
from bot.model.request import Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from commands.model.report import Report
from tests.fleet.distribution import Distribution, boot
from tests.fleet.fleet import RealFleet, prepare, run_fleet, write_configuration
from tests.fleet.helper_over_ssh import ALL
from tests.fleet.machine import find_obstacle
from tests.fleet.overlay import Overlay
from tests.fleet.pair import boot_pair

Ask = Callable[[str], Awaitable[Report]]

MANAGED = ("--manage", ALL, "--id", "1")
"""Options of prepare-wsl.sh that install the helper for all areas."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks all tests of this folder.

    Where a fleet cannot be started, one test stands for all of them, and is skipped with the reason.
    """
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in ours:
        item.add_marker(pytest.mark.fleet)
    if ours and (obstacle := find_obstacle()) is not None:
        first, *others = ours
        first.add_marker(pytest.mark.skip(reason=f"THE FLEET OF REAL PROGRAMS WAS NOT TESTED: {obstacle}"))
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealFleet]:
    """The fleet. It ends after the last test, or with this process."""
    with run_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Distribution, Distribution]]:
    """Two hosts with the helper for containers: a source and a target."""
    with boot_pair(tmp_path_factory.mktemp("pair")) as booted:
        yield booted


@pytest.fixture
def wsl(fleet: RealFleet) -> Distribution:
    """The prepared WSL2 side, with containers and packages."""
    return fleet.wsl


@pytest.fixture
def repaired(wsl: Distribution) -> Iterator[Distribution]:
    """The same, which is prepared again afterwards."""
    yield wsl
    prepare(wsl)


@pytest.fixture(scope="module")
def managed(fleet: RealFleet) -> Iterator[Distribution]:
    """The prepared WSL2 side, with the helper for all areas until the last test of the file."""
    done = fleet.wsl.prepare(*MANAGED)
    assert 0 == done.returncode, done
    yield fleet.wsl
    fleet.wsl.prepare("--manage", "none")


@pytest.fixture
async def login(wsl: Distribution) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """The account's own connection."""
    side = wsl.side
    keys, hosts = [str(side.key_file)], str(side.known_hosts_file)
    async with asyncssh.connect(
        side.address, side.port, username=side.user, client_keys=keys, known_hosts=hosts, config=None
    ) as connection:
        yield connection


@pytest.fixture
def overlay(fleet: RealFleet) -> Overlay:
    """The Nebula daemons."""
    return fleet.overlay


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Distribution]:
    """A booted distribution that is not prepared yet. Podman is installed, but has made nothing."""
    distribution = boot("fresh", tmp_path / "fresh", dies_with_us=True)
    try:
        yield distribution
    finally:
        distribution.space.end()


@pytest.fixture
async def bot(wsl: Distribution, tmp_path: Path) -> AsyncIterator[Application]:
    """The real bot, with nothing but the WSL2 side in its configuration."""
    async with open_application(read_settings(write_configuration(tmp_path, wsl))) as house:
        yield house


@pytest.fixture
def ask(bot: Application) -> Ask:
    """`await ask("health")`: the report that an administrator gets."""
    return ask_as_administrator(bot)


def ask_as_administrator(house: Application) -> Ask:
    """Makes the function that asks a bot."""

    async def report(words: str) -> Report:
        request = Request(make_request_key(), SystemIdentity(0, "root"), words, Surface.DO, read_utc_time())
        answer = await house.answer_request(request)
        assert isinstance(answer.body, Report), answer
        return answer.body

    return report
