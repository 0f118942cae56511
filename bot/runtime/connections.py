"""Opens connections to the sides of hosts, with the threads and keys that they need."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from adapters.action import SideName
from adapters.connection import Connection
from adapters.fleet import ConnectionFactory
from adapters.inventory import Host
from adapters.term import FindTerm, find_no_term
from adapters.wsl.key_cache import KeyCache
from bot.security.secrets import FindSecret

MAX_WINDOWS_THREADS = 512
"""Maximum number of threads, twice the largest fleet: each WinRM call holds a thread, because pywinrm blocks, and so may
closing the previous session. Threads start only when they are needed."""


def make_connector(secrets: FindSecret, pool: ThreadPoolExecutor, find_term: FindTerm = find_no_term) -> ConnectionFactory:
    """Make the function that connects to a side of a host. Each change carries the term that is found then."""
    keys: KeyCache[Any] = KeyCache()

    def connect(host: Host, side: SideName) -> Connection:
        match side:
            case "windows" if host.windows is not None:
                from adapters.windows.winrm import RequestForm, WinRmConnection

                return WinRmConnection(host.windows, secrets, pool, form=RequestForm(find_term))
            case "wsl" if host.wsl is not None:
                from adapters.wsl.ssh import SshConnection

                return SshConnection(host.wsl, secrets, keys, find_term=find_term)
            case "gateway" if host.gateway is not None:
                from adapters.gateway.client import HttpConnection

                return HttpConnection(host.gateway)
            case _:
                raise KeyError(f"{host.name} has no {side} side")

    return connect


def start_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Start `count` threads and leave them idle."""
    together = threading.Barrier(count)
    wait([pool.submit(together.wait) for _ in range(count)])
