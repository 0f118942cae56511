"""Builds the services for hosts that are being added: their registry, and scans of hosts that are not trusted yet.

Performs the announcement of a new member, in the channel of the notices.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from adapters.inventory import Inventory
from adapters.local.members import AnnounceMember, MemberAnnounced
from adapters.phrase import Phrase
from bot.audit_log.log import AuditLog
from bot.changes.services.step_binding import OwnActions
from bot.hosts.handlers.joining import JoiningServices
from bot.hosts.rules.host_sides import find_alike, split_address
from bot.hosts.services.joining import HostRegistry, choose_id, scan_windows, scan_wsl
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer
from commands.model.operation import FleetView
from commands.model.report import Report

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


@dataclass(frozen=True)
class MemberAnnouncements:
    """Performer of the announcement. `find_channel` returns the channel, `inventory` the active one."""

    sender: AnnouncementSender
    find_channel: Callable[[], str]
    inventory: Callable[[], Inventory]

    def add_to(self, own: OwnActions) -> None:
        """Add the performer to the actions that this bot can do on itself."""
        own.add(AnnounceMember, self.announce)

    async def announce(self, action: AnnounceMember) -> MemberAnnounced:
        """Put the message into the outbox, once for each operation."""
        answer = Answer(operation=f"member-{action.operation}", understood="host", body=self._build_report(action.name))
        await self.sender.announce(Announcement(answer.operation, self.find_channel(), answer))
        return MemberAnnounced(announced=True)

    def _build_report(self, name: str) -> Report:
        host = self.inventory().find_host(name)
        phrase = (
            Phrase("{host} is a member of the fleet now", host=name)
            if host is None
            else Phrase("{host} is a member of the fleet now, at {address}", host=name, address=str(host.overlay.ip))
        )
        return Report(title=Phrase("New host"), summary=phrase, brief=True, next=(f"host show {name}", f"health {name}"))
