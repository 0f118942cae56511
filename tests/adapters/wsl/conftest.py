"""One lab host's sshd, and connections to it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.inventory import WslSide
from adapters.term import FindTerm, find_no_term
from adapters.wsl.key_cache import KeyCache as Keyring
from adapters.wsl.ssh import SshConnection, Timing
from tests.lab.faults import Wire
from tests.lab.wsl.server import Keys, SshServer, write_access
from tests.lab.wsl.state import WslState

Connect = Callable[..., SshConnection]
"""Makes a connection to the `server`; keyword arguments change its side, or the connection itself."""


def no_secret(name: str) -> SecretStr:
    """None of these tests needs one."""
    raise AssertionError(name)


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys.generate()


@pytest.fixture
async def server(keys: Keys) -> AsyncIterator[SshServer]:
    """sshd of a healthy host 1."""
    server = SshServer(WslState.healthy(1), Wire(), keys)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(server: SshServer, keys: Keys, tmp_path: Path) -> AsyncIterator[Connect]:
    access = write_access(tmp_path, keys, [server.port])
    async with AsyncExitStack() as stack:

        def make(
            *,
            secret: Callable[[str], SecretStr] = no_secret,
            monotonic: Callable[[], float] = time.monotonic,
            keepalive: float = 10.0,
            find_term: FindTerm = find_no_term,
            keys: Keyring[asyncssh.SSHKey] | None = None,
            **changes: Any,
        ) -> SshConnection:
            usual = {"key_file": access.key_file, "known_hosts_file": access.known_hosts_file}
            side = WslSide.model_validate({"address": "127.0.0.1", "port": server.port} | usual | changes)
            connection = SshConnection(side, secret, keys, find_term=find_term, timing=Timing(monotonic, keepalive))
            stack.push_async_callback(connection.aclose)
            return connection

        yield make
