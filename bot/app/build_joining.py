"""Builds the services for hosts that are being added: their registry, and scans of hosts that are not trusted yet."""

import socket
from collections.abc import Awaitable, Callable

from adapters.inventory import Inventory
from bot.audit.log import AuditLog
from bot.changes.step_binding import OwnActions
from bot.handlers.joining import JoiningServices
from bot.joining.host_tables import split_address
from bot.joining.id_choice import choose_id
from bot.joining.registry import JoiningRegistry
from bot.joining.scanner import scan_windows, scan_wsl
from commands.model.operation import FleetView


def build_joining(
    own: OwnActions, audit: AuditLog, inventory: Callable[[], Inventory], make_view: Callable[[str], Awaitable[FleetView]]
) -> JoiningServices:
    """Builds them. `make_view` makes the view of a plan from an operation's id."""
    registry = JoiningRegistry(own.perform, audit, inventory)
    return JoiningServices(registry, scan_windows, scan_wsl, make_view, choose_id, find_own_address)


def find_own_address(address: str) -> str:
    """Finds the address that this machine uses on the way to another one; "" if there is no way. Nothing is sent."""
    host, port = split_address(address)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect((host, port))
            return str(way.getsockname()[0])
    except OSError:
        return ""
