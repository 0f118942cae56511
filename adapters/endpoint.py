"""Endpoints: the address of each side of a host and what pins its identity. Part of an approved plan."""

import hashlib
from functools import lru_cache
from pathlib import Path

from adapters.action import BOT_NAME, Place, SideName
from adapters.inventory import GatewaySide, Host, WindowsSide, WslSide
from adapters.value import Value


class Endpoint(Value):
    """Endpoint of one side of a host: its address, and a hash of what pins its identity ("" if nothing does: plain HTTP)."""

    host: str
    side: Place
    address: str
    identity: str = ""


BOT_ENDPOINT = Endpoint(host=BOT_NAME, side="bot", address="")
"""The bot itself. It needs no address: its plans are stored in the data folder that they change."""


def make_endpoint(host: Host, side: SideName) -> Endpoint:
    """Makes the endpoint of one side of a host.

    Raises `KeyError` if the host lacks that side, `OSError` if a file of its identity could not be read.
    """
    match host.get_side(side):
        case WindowsSide(url=url, ca_file=ca_file, certificate_sha256=pinned):
            identity = " ".join(filter(None, (_hash_file(ca_file), pinned)))
            return Endpoint(host=host.name, side=side, address=url, identity=identity)
        case WslSide(address=address, port=port, known_hosts_file=file, host_key=key):
            identity = _hash_text(key) if key else _hash_file(file)
            return Endpoint(host=host.name, side=side, address=f"{address}:{port}", identity=identity)
        case GatewaySide(url=url, proxy=proxy):
            return Endpoint(host=host.name, side=side, address=url if proxy is None else f"{url} by {proxy}")
        case None:
            raise KeyError(f"{host.name} has no {side} side")


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hash_file(file: Path | None) -> str:
    if file is None:
        return ""
    status = file.stat()
    return _hash_content(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _hash_content(file: Path, changed_at: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
