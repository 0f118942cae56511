"""Parts of a backup: the folders that they are taken from, and where their files are. The one place for that. Pure.

    nebula      the folder of config.yaml, with all below it
    openresty   the folder of nginx.conf: the files directly in it, conf.d and lualib
    cni         what the helper in WSL2 packs: plug-in, its configuration, its addresses
    bot         the bot's database and the head file of its audit log

Which files in them are left out as keys or passwords is decided on the host (`adapters/windows/scripts/parts/keys.ps1`).
"""

from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.backup import BackupId
from adapters.inventory import Host
from commands.changes.commit_confirm import get_windows_side
from commands.model.backup import BackupPart

OPENRESTY_FOLDERS = ("conf.d", "lualib")
"""Folders of the part openresty, beside nginx.conf."""


CNI_FOLDER = "/"
"""Folder to which the entries of the part cni are relative."""


STATE_PATIENCE = 10.0
"""Seconds in which the state of a copy must be read."""


HOST_PARTS = (BackupPart.NEBULA, BackupPart.OPENRESTY, BackupPart.CNI)
"""Parts of a backup of a host, in their order."""


@dataclass(frozen=True)
class PartSource:
    """The folder of a part on a Windows host. `folders` are those in it that belong to the part, None for all."""

    part: BackupPart
    folder: str
    folders: tuple[str, ...] | None = None


def find_source(host: Host, part: BackupPart) -> PartSource | None:
    """Finds where a part is taken from on Windows; None if the host has no such part there."""
    if host.windows is None:
        return None
    paths = host.windows.paths
    if part is BackupPart.NEBULA:
        return PartSource(part, str(PureWindowsPath(paths.nebula_config).parent))
    if part is BackupPart.OPENRESTY and host.gateway is not None:
        return PartSource(part, str(PureWindowsPath(paths.gateway_config).parent), OPENRESTY_FOLDERS)
    return None


def list_parts(host: Host) -> tuple[BackupPart, ...]:
    """Lists the parts that a host of this kind has. Whether the helper in WSL2 packs cni is read from the host."""
    return tuple(
        part
        for part in HOST_PARTS
        if find_source(host, part) is not None or (part is BackupPart.CNI and host.wsl is not None)
    )


def name_file(part: BackupPart) -> str:
    """Returns the name of a part's file at both places."""
    return f"{part.value}.tar"


def name_backup(host: str, operation: str) -> BackupId:
    """Returns the id of the backup that an operation makes of a host, or of the bot (`BOT_NAME`)."""
    return f"{host}-{operation.removeprefix('op-')}"


def locate_first_place(host: Host, backup: BackupId) -> str:
    """Returns the folder of a backup on its Windows host."""
    return str(PureWindowsPath(get_windows_side(host).paths.backups) / backup)
