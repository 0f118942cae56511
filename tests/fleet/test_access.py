"""What the bot's account may do in a prepared distribution: what the bot runs, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import nullcontext

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.errors import AuthenticationFailed
from adapters.wsl.ssh import SshConnection
from adapters.wsl.system import ReadSystem
from tests.fleet.distribution import Distribution


@pytest.fixture
async def login(wsl: Distribution) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """The account's own connection, as anybody with its key could open it."""
    side = wsl.side
    async with asyncssh.connect(
        side.address,
        side.port,
        username=side.user,
        client_keys=[str(side.key_file)],
        known_hosts=str(side.known_hosts_file),
        config=None,
    ) as connection:
        yield connection


REFUSED = (
    "podman rm -f web",
    "podman exec web sh",
    "podman run --privileged -v /:/host localhost/busybox:fleet",
    "podman ps -a --format json",
    "podman logs --timestamps --tail 5 web --follow",
    "podman --root /tmp info --format json",
    "timeout 8 du -0DxB1 -d1 /root",
    "timeout 8 sh -c id",
    "sh -c id",
    "-u nobody id",
    "-l -U root",
)
"""Other programs, other arguments, another user."""


async def test_sudo_gives_what_the_bot_runs_and_nothing_else(login: asyncssh.SSHClientConnection) -> None:
    """`podman ps` as the bot asks it, and none of the others."""
    given = await login.run("sudo -n podman ps -a --filter network=flatnet --format json")
    assert (0, True) == (given.exit_status, "web" in str(given.stdout))
    done = {command: await login.run(f"sudo -n {command}") for command in REFUSED}
    assert dict.fromkeys(REFUSED, (1, "")) == {command: (each.exit_status, each.stdout) for command, each in done.items()}


async def test_the_key_opens_no_terminal_and_no_way_on(login: asyncssh.SSHClientConnection) -> None:
    """No pseudo-terminal, no tunnel to a port of the distribution."""
    with pytest.raises(asyncssh.ChannelOpenError):
        await login.run("id", term_type="xterm")
    with pytest.raises(asyncssh.ChannelOpenError):
        await login.open_connection("127.0.0.1", 2222)


@pytest.mark.parametrize(("address", "counts"), [("192.0.2.5", False), ("127.0.0.1", True)])
async def test_the_key_counts_from_the_named_address_alone(repaired: Distribution, address: str, counts: bool) -> None:
    """`--from`: the same key from elsewhere is refused, and the bot says so."""
    assert 0 == repaired.prepare("--from", address).returncode
    connection = SshConnection(repaired.side, _no_secret)
    with nullcontext() if counts else pytest.raises(AuthenticationFailed):
        await connection.perform(ReadSystem.of(repaired.side))
    await connection.aclose()


def _no_secret(name: str) -> SecretStr:
    raise AssertionError(name)
