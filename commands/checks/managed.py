"""Judges the helper in WSL2: what the configuration lets the bot change there, and what the host itself allows.

Both must name an area. The configuration opts in for a host (`manage`), and prepare-wsl.sh writes the host's own list.
"""

import json
from collections.abc import Sequence

from adapters.errors import ActionFailed, HostError
from adapters.inventory import Host, ManagedArea
from adapters.phrase import Listing, Phrase
from adapters.wsl.helper import HELPER_VERSION, HelperInfo


def format_manage_command(host: Host, areas: Sequence[ManagedArea]) -> str:
    """Formats the command that installs the helper with these areas, to be run in WSL2."""
    return f"sudo sh prepare-wsl.sh --manage {','.join(areas)} --id {host.id}"


def explain_unmanaged(host: Host, area: ManagedArea) -> Phrase | None:
    """Explains that the configuration does not let the bot change this area of a host's WSL2; None if it does."""
    if host.wsl is None:
        return Phrase("no WSL2 connection configured")
    if area in host.wsl.manage:
        return None
    wanted = (*host.wsl.manage, area)
    return Phrase(
        "the bot may not change {area} there. To allow it, run in WSL2: {command}. Then set {setting} under [hosts.wsl] of "
        "{host}, and reload the configuration",
        area=area,
        command=format_manage_command(host, wanted),
        setting=f"manage = {json.dumps(wanted)}",
        host=host.name,
    )


def find_helper_fault(host: Host, said: HelperInfo | HostError) -> Phrase | None:
    """Finds the reason why the helper of a managed host cannot be used, with the command that fixes it; None if it can."""
    assert host.wsl is not None
    command = format_manage_command(host, host.wsl.manage)
    match said:
        case ActionFailed(code="absent"):
            return Phrase(
                "the helper is not installed in WSL2. Copy prepare-wsl.sh and flatnet-bot-helper.sh there and run: "
                "{command}",
                command=command,
            )
        case ActionFailed(code="unsafe" | "not-allowed"):
            return said.phrase
        case ActionFailed():
            return Phrase(
                "{why}. Copy prepare-wsl.sh and flatnet-bot-helper.sh there and run: {command}",
                why=said.phrase,
                command=command,
            )
        case HostError():
            return Phrase("could not check the host: {why}", why=said.phrase)
        case HelperInfo(current=False):
            return Phrase(
                "the helper in WSL2 has version {version}, but this bot needs version {needed}. Copy prepare-wsl.sh and "
                "flatnet-bot-helper.sh of this bot there and run: {command}",
                version=said.version,
                needed=HELPER_VERSION,
                command=command,
            )
    missing = tuple(area for area in host.wsl.manage if area not in said.areas)
    if missing:
        return Phrase(
            "the helper in WSL2 does not allow {areas}. Run there: {command}", areas=Listing(missing), command=command
        )
    return None
