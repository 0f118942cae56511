"""The tombstone of a removed host: its file on the bot, which hides whatever else the configuration says of that name."""

from collections.abc import Iterator

from adapters.action import BOT_NAME
from adapters.inventory import Inventory, RemovedHost
from adapters.local.owed import GiveUpOwed, ReadOwed
from adapters.phrase import Phrase
from commands.changes.host_files import build_remove_step, build_write_step, read_host_file, render_removed
from commands.changes.host_plan import HostPlan
from commands.hosts.remove.arguments import Removal
from commands.model.operation import FleetView
from commands.model.plan import Check, Part, PlannedAction, Step


async def plan_tombstone(removal: Removal, fingerprints: tuple[str, ...], view: FleetView, *, lost: bool) -> HostPlan:
    """Plans the file of the removed host, whose certificates are blocked. Raises `CannotPlan`."""
    before = await read_host_file(view, removal.name)
    inventory = view.fleet.inventory
    removed = RemovedHost(
        name=removal.name,
        id=removal.id,
        labels=_find_labels(removal),
        since=(view.asked_at or view.now()).replace(microsecond=0),
        by=view.asked_by,
        operation=view.operation_id,
        lost=lost,
        password_due=lost and shares_password(removal, inventory),
        fingerprints=fingerprints,
    )
    phrase = Phrase("take {host} out of the configuration, and record its removal", host=removal.name)
    step = build_write_step(view.operation_id, removal.name, render_removed(removed), before, phrase)
    return HostPlan(part=Part(host=BOT_NAME, steps=(*_list_settling_steps(removal.name, view), step)))


async def plan_erasure(removal: Removal, view: FleetView) -> HostPlan:
    """Plans to free the name and the id of a host that was being added, and never had a certificate."""
    before = await read_host_file(view, removal.name)
    phrase = Phrase("take {host} out of the configuration. Its ID {id} is free again", host=removal.name, id=str(removal.id))
    step = build_remove_step(view.operation_id, removal.name, before, phrase)
    return HostPlan(part=Part(host=BOT_NAME, steps=(step,)))


def _list_settling_steps(name: str, view: FleetView) -> Iterator[Step]:
    """Lists the steps that settle what is owed to the host, and its peer at others: it will never return as a member."""
    for note in view.owed.notes:
        if note.host == name or note.words.split()[:3] == ["peer", "add", name]:
            yield Step(
                key=f"{name}/owed/{note.number}",
                host=BOT_NAME,
                deed=PlannedAction.of(GiveUpOwed(number=note.number, operation=view.operation_id)),
                phrase=Phrase("give up {command} on {host}", command=note.words, host=note.host),
                verify=Check(host=BOT_NAME, deed=PlannedAction.of(ReadOwed(number=note.number)), expect={"settled": True}),
            )


def shares_password(removal: Removal, inventory: Inventory) -> bool:
    """Returns whether other hosts are reached with the same WinRM password as this one."""
    side = None if removal.host is None else removal.host.windows
    if side is None or side.transport == "certificate":
        return False
    return any(
        host.windows is not None
        and host.windows.transport != "certificate"
        and host.windows.password_secret == side.password_secret
        for host in inventory.reachable
        if host.name != removal.name
    )


def _find_labels(removal: Removal) -> tuple[str, ...]:
    if removal.host is not None:
        return removal.host.labels
    return () if removal.joining is None else removal.joining.labels
