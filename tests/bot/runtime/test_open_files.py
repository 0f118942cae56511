"""A bot without open files left cannot ask anybody: each side says so, and nothing of the host."""

import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.action import Action
from adapters.connection import Connection
from adapters.errors import NotAsked, Unreachable
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.gateway.client import HttpConnection
from adapters.inventory import GatewaySide, WindowsSide, WslSide
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.windows.winrm import WinRmConnection
from adapters.wsl.ssh import SshConnection
from adapters.wsl.system import ReadSystem as ReadWsl

NOBODY = 9
"""A port of loopback where nothing listens."""


@contextmanager
def no_open_files_left() -> Iterator[None]:
    """What is open stays so; nothing more can be opened by this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def secret(name: str) -> SecretStr:
    return SecretStr(name)


Side = Callable[[Path, ThreadPoolExecutor], tuple[Connection, Action[Any]]]


def windows(folder: Path, pool: ThreadPoolExecutor) -> tuple[Connection, Action[Any]]:
    side = WindowsSide(url=f"http://127.0.0.1:{NOBODY}/wsman", user="flatnet", allow_http=True)
    return WinRmConnection(side, secret, pool), ReadWindows.of(side)


def wsl(folder: Path, pool: ThreadPoolExecutor) -> tuple[Connection, Action[Any]]:
    key, known_hosts = folder / "key", folder / "known_hosts"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key)
    known_hosts.touch()
    side = WslSide(address="127.0.0.1", port=NOBODY, key_file=key, known_hosts_file=known_hosts)
    return SshConnection(side, secret), ReadWsl.of(side)


def gateway(folder: Path, pool: ThreadPoolExecutor) -> tuple[Connection, Action[Any]]:
    return HttpConnection(GatewaySide(url=f"http://127.0.0.1:{NOBODY}")), ReadGateway()


@pytest.mark.parametrize("side", [windows, wsl, gateway])
async def test_without_open_files_nothing_is_said_of_the_host(side: Side, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        connection, read = side(tmp_path, pool)
        with pytest.raises(Unreachable):  # and whatever is only loaded when it is needed is loaded now
            await connection.perform(read)
        with no_open_files_left(), pytest.raises(NotAsked, match="the bot has reached its open-file limit"):
            await connection.perform(read)
        await connection.aclose()
