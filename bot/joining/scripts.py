"""Command lines that people run to prepare a new host, with its values. Pure."""

import shlex
from collections.abc import Iterator

from adapters.inventory import Host, Inventory, JoiningHost, WslSide
from bot.joining.sides import find_alike, split_address

PUBLIC_KEY = "ssh-ed25519 AAAA... flatnet-bot"
"""Stands for the public half of the bot's SSH key, where it is not known."""

BOT_ADDRESS = "BOT_ADDRESS"
"""Stands for the address from which the bot comes, where it is not known."""


def list_windows_lines(joining: JoiningHost, bot: str) -> tuple[str, str]:
    """Lists the commands for Windows: its certificate, made where the CA of WinRM is, and the script on the host itself."""
    address, _ = split_address(joining.windows_address)
    arguments = ["-CertificateFile", f".\\{joining.name}.pfx", "-BotAddress", bot or BOT_ADDRESS]
    if joining.wsl_address:
        wsl, port = split_address(joining.wsl_address)
        if wsl == address:
            arguments += ["-WslNetworking", "Nat", "-HostAddress", address]
        arguments += ["-SshPort", str(port)]
    return (
        shlex.join(["sh", "winrm-certificate.sh", joining.name, address]),
        " ".join(["powershell -ExecutionPolicy Bypass -File .\\prepare-windows.ps1", *arguments]),
    )


def format_wsl_line(joining: JoiningHost, inventory: Inventory, key: str) -> str:
    """Formats the command for WSL2, with what the bot may do on a member like it.

    `key` is the public half of the bot's key, "" if it is not known.
    """
    like = find_alike(inventory, "wsl", joining.labels)
    _, port = split_address(joining.wsl_address)
    words = ["sudo", "sh", "prepare-wsl.sh", "--key", key or PUBLIC_KEY, "--port", str(port), *_list_settings(joining, like)]
    return shlex.join(words)


def _list_settings(joining: JoiningHost, like: Host | None) -> Iterator[str]:
    if like is None or like.wsl is None:
        return
    side, usual = like.wsl, WslSide.model_fields
    for option, value, default in (
        ("--user", side.user, usual["user"].default),
        ("--network", side.network, usual["network"].default),
        ("--folder", side.flatnet_folder, usual["flatnet_folder"].default),
        ("--bridge", side.bridge, usual["bridge"].default),
    ):
        if value != default:
            yield from (option, value)
    if side.manage:
        yield from ("--manage", ",".join(side.manage), "--id", str(joining.id))
