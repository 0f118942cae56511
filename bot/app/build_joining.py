"""Builds the services for hosts that are being added: their registry, and scans of hosts that are not trusted yet."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from adapters.inventory import Inventory
from bot.audit.log import AuditLog
from bot.changes.step_binding import OwnActions
from bot.handlers.joining import JoiningServices
from bot.joining.id_choice import choose_id
from bot.joining.registry import HostRegistry
from bot.joining.scanner import scan_windows, scan_wsl
from bot.joining.sides import find_alike, split_address
from commands.model.operation import FleetView

MAX_KEY_LENGTH = 2000
"""Characters of a public key with its comment."""


def build_joining(
    own: OwnActions, audit: AuditLog, inventory: Callable[[], Inventory], make_view: Callable[[str], Awaitable[FleetView]]
) -> JoiningServices:
    """Builds them. `make_view` makes the view of a plan from an operation's id."""
    registry = HostRegistry(own.perform, audit, inventory)
    return JoiningServices(registry, scan_windows, scan_wsl, make_view, choose_id, find_own_address, find_public_key)


async def find_public_key(inventory: Inventory, labels: Collection[str] = ()) -> str:
    """Finds the public half of the key with which the bot logs in to WSL2 of a host with these labels; "" if there is none.

    It is in the file beside the key.
    """
    like = find_alike(inventory, "wsl", labels)
    if like is None or like.wsl is None:
        return ""
    return await asyncio.to_thread(_read_public_key, like.wsl.key_file)


def _read_public_key(key_file: Path) -> str:
    try:
        with key_file.with_name(f"{key_file.name}.pub").open(encoding="ascii") as stream:
            line = stream.readline(MAX_KEY_LENGTH).strip()
    except (OSError, ValueError):
        return ""
    return line if re.fullmatch(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( [A-Za-z0-9@._-]+)?", line) else ""


def find_own_address(address: str) -> str:
    """Finds the address that this machine uses on the way to another one; "" if there is no way. Nothing is sent."""
    host, port = split_address(address)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect((host, port))
            return str(way.getsockname()[0])
    except OSError:
        return ""
