"""Steps of a trial transfer: the configuration folder of a host, without keys, to the bot and back into a scratch file.

    pack on the host ─▶ fetch to the bot ─▶ return to the host ─▶ remove it from the bot

All copies have one hash. The host's scratch files are removed with the folder of the operation.
"""

from collections.abc import Callable, Iterator
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import BOT_NAME, Action
from adapters.inventory import Host
from adapters.local import spool as local
from adapters.phrase import Phrase
from adapters.windows import spool as windows
from commands.model.plan import Check, PlannedAction, Product, Step, TransferSource
from commands.planning.commit_confirm import get_windows_side, locate_working_folder

PACKED, RETURNED = "config.tar", "config-back.tar"

STATE_PATIENCE = 10.0
"""Seconds in which the state of a copy must be read."""

_LATER = "0" * 64
"""Stands for the hash that the pack step produces."""


def build_transfer_steps(host: Host, operation: str, make_key: Callable[[str], str]) -> Iterator[Step]:
    """Builds the steps of one host. `make_key` makes the key of a step from its name."""
    folder = locate_working_folder(host, operation)
    here = {"operation": operation, "name": f"{host.name}.tar"[-40:].lstrip("-.")}
    pack = make_key("transfer/pack")
    size, sha256 = Product(step=pack, field="size"), Product(step=pack, field="sha256")
    remove = PlannedAction.of(local.RemoveSpool(**here))
    yield Step(
        key=pack,
        host=host.name,
        deed=PlannedAction.of(windows.PackFolder(folder=folder, name=PACKED, source=find_configuration_folder(host))),
        phrase=Phrase("pack {folder} without keys", folder=find_configuration_folder(host)),
        undo=PlannedAction.of(windows.RemoveSpool(folder=folder, name=PACKED)),
        undo_phrase=Phrase("remove the copy"),
    )
    yield Step(
        key=make_key("transfer/fetch"),
        host=BOT_NAME,
        deed=_fill(local.WriteSpool(**here, size=0, sha256=_LATER, limit=windows.MAX_PACKED_BYTES), size, sha256),
        source=TransferSource(host=host.name, deed=PlannedAction.of(windows.ReadSpool(folder=folder, name=PACKED))),
        phrase=Phrase("transfer the copy to the bot"),
        verify=_check(BOT_NAME, local.ReadSpoolState(**here, sha256=_LATER), {"whole": True}, sha256),
        undo=remove,
        undo_phrase=Phrase("remove the copy"),
        undone=(_check(BOT_NAME, local.ReadSpoolState(**here, sha256=_LATER), {"received": 0}, sha256),),
    )
    back = {"folder": folder, "name": RETURNED}
    yield Step(
        key=make_key("transfer/return"),
        host=host.name,
        deed=_fill(windows.WriteSpool(**back, size=0, sha256=_LATER, limit=windows.MAX_PACKED_BYTES), size, sha256),
        source=TransferSource(host=BOT_NAME, deed=PlannedAction.of(local.ReadSpool(**here))),
        phrase=Phrase("transfer the copy back to {host}", host=host.name),
        verify=_check(host.name, windows.ReadSpoolState(**back, sha256=_LATER), {"whole": True}, sha256),
        undo=PlannedAction.of(windows.RemoveSpool(**back)),
        undo_phrase=Phrase("remove the copy"),
        undone=(_check(host.name, windows.ReadSpoolState(**back, sha256=_LATER), {"received": 0}, sha256),),
    )
    yield Step(key=make_key("transfer/tidy"), host=BOT_NAME, deed=remove, phrase=Phrase("remove the copy from the bot"))


def find_configuration_folder(host: Host) -> str:
    """Finds the folder with the configuration of a host's gateway, or of Nebula if it has no gateway."""
    paths = get_windows_side(host).paths
    return str(PureWindowsPath(paths.nebula_config if host.gateway is None else paths.gateway_config).parent)


def _fill(sink: Action[Any], size: Product, sha256: Product) -> PlannedAction:
    return PlannedAction.of(sink, size=size, sha256=sha256)


def _check(host: str, read: Action[Any], expect: dict[str, bool | int], sha256: Product) -> Check:
    return Check(host=host, deed=PlannedAction.of(read, sha256=sha256), expect=expect, patience=STATE_PATIENCE)
