"""df and du of coreutils, and what podman tells of its storage, of a simulated WSL2."""

import json

from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import Disk, WslState

STORAGE = "/var/lib/containers/storage"

EMPTY = dict.fromkeys(("Images", "Containers", "Local Volumes"), (0, 0))
"""What podman without root has."""


CONTAINERS = "/var/lib/containers"


def df(arguments: list[str], state: WslState) -> Ran:
    """Paths in their order, in bytes, the columns that were asked for. podman lets only root into its folder."""
    match arguments:
        case ["-B1", "--output=size,used,avail,iused,iavail", *paths]:
            errors = {path: error for path in paths if (error := _refusal(path, state))}
            disks = [_disk(path, state) for path in paths if path not in errors]
            rows = "".join(map(_row, disks))
            heading = "    1B-blocks          Used         Avail    IUsed    IFree\n" if disks else ""
            return Ran(1 if errors else 0, heading + rows, "".join(f"df: {path}: {errors[path]}\n" for path in errors))
        case _:
            return Ran(1, stderr="Try 'df --help' for more information.\n")


def _row(disk: Disk) -> str:
    used, free = (0, 0) if disk.inodes is None else (disk.inodes_used, disk.inodes - disk.inodes_used)
    return f"{disk.size:>13} {disk.used:>13} {disk.free:>13} {used:>8} {free:>8}\n"


def _refusal(path: str, state: WslState) -> str:
    if path == STORAGE:
        return "Permission denied"
    return "" if path == CONTAINERS or _exists(path, state) else "No such file or directory"


def du(arguments: list[str], state: WslState, *, root: bool) -> Ran:
    """Folders right below one, and that one; NUL ends each."""
    match arguments:
        case ["-0DxB1", "-d1", path] if path == state.flatnet_folder and state.folders is not None and root:
            parts = [f"{size}\t{path}/{name}\0" for name, size in state.folders.items()]
            return Ran(stdout="".join(parts) + f"{4096 + sum(state.folders.values())}\t{path}\0")
        case ["-0DxB1", "-d1", path] if _exists(path, state):
            return Ran(1, stdout=f"4096\t{path}\0", stderr=f"du: cannot read directory '{path}': Permission denied\n")
        case ["-0DxB1", "-d1", path]:
            return Ran(1, stderr=f"du: cannot access '{path}': No such file or directory\n")
        case _:
            return Ran(1, stderr="Try 'du --help' for more information.\n")


def podman_info(state: WslState, *, root: bool) -> str:
    """As far as anybody reads it; podman says some hundred lines."""
    disk = _disk(STORAGE, state)
    store: dict[str, object] = {"graphDriverName": "overlay", "graphRoot": STORAGE, "graphStatus": {}}
    if not state.old_podman:
        store |= {"graphRootAllocated": disk.size, "graphRootUsed": disk.used}
    return json.dumps({"host": {"arch": "amd64", "security": {"rootless": not root}}, "store": store}, indent=2) + "\n"


def podman_df(state: WslState, *, root: bool) -> str:
    """One line for each kind, as podman lays them out."""
    uses = state.uses if root else EMPTY
    lines = (json.dumps(_use(kind, *use, old=state.old_podman), separators=(",", ":")) for kind, use in uses.items())
    return "[\n    " + ",\n    ".join(lines) + "\n]\n"


def _use(kind: str, size: int, reclaimable: int, *, old: bool) -> dict[str, object]:
    if old:
        return {"Type": kind, "Total": 2, "Active": 1, "Size": size, "Reclaimable": reclaimable}
    share = reclaimable * 100 // size if size else 0
    return {
        "Type": kind,
        "Total": 2,
        "Active": 1,
        "RawSize": size,
        "RawReclaimable": reclaimable,
        "TotalCount": 2,
        "Size": f"{size / 1e6:.4g}MB",
        "Reclaimable": f"{reclaimable / 1e6:.4g}MB ({share}%)",
    }


def _exists(path: str, state: WslState) -> bool:
    return path == "/" or (path == state.flatnet_folder and state.folders is not None)


def _disk(path: str, state: WslState) -> Disk:
    """The file system on which a path lies."""
    mounted = max((at for at in state.disks if path == at or path.startswith(at.rstrip("/") + "/")), key=len)
    return state.disks[mounted]
