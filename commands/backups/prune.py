"""`backup prune`: removes the backups that the retention does not keep, from both places, host by host."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from adapters.action import BOT_NAME
from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.local.backups import ReadBackupPresence, RemoveBackup
from adapters.phrase import Phrase
from adapters.windows.backups import ReadFirstPlace, RemoveFirstPlace
from commands.backups.arguments import OnlyOption
from commands.backups.parts import locate_first_place
from commands.backups.retention import choose_removed
from commands.changes.host_plan import HostPlan, assemble
from commands.health.fleet_report import read_side
from commands.model.backup import Backup, PlaceState
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, PlannedChange, Premise, Step

MAX_REMOVED = 500
"""Most backups that one run removes, the oldest first. The next one goes on."""

PATIENCE = 10.0
"""Seconds in which a removal must be seen."""


class BackupPrune(FleetChange):
    """Remove old backups. Of each host the newest verified one stays, whatever its age."""

    words: ClassVar = ("backup", "prune")
    affects: ClassVar[frozenset[Area]] = frozenset()
    independent: ClassVar = True
    summary: ClassVar = Phrase("remove old backups: kept are 7 days, 4 weeks, 12 months, and the newest verified one")
    example: ClassVar = "backup prune"
    label: ClassVar = Phrase("remove old backups")

    only: OnlyOption = ()

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Returns all hosts: any of them may have a backup that is removed."""
        return inventory.hosts

    def restrict_to(self, names: tuple[str, ...]) -> "BackupPrune":
        kept = tuple(each for each in self.only if each.rpartition("-")[0] in names)
        return self.model_copy(update={"only": kept})

    async def plan(self, view: FleetView) -> PlannedChange:
        due = choose_removed(view.backups.backups, view.now())
        chosen = [backup for backup in due if not self.only or backup.id in self.only][:MAX_REMOVED]
        hosts = dict.fromkeys(backup.host for backup in chosen)
        planned = [await _plan_host(name, [each for each in chosen if each.host == name], view) for name in hosts]
        named = self.model_copy(update={"only": tuple(backup.id for backup in chosen)})
        return assemble(named, planned, view.fleet.inventory)


async def _plan_host(name: str, backups: Sequence[Backup], view: FleetView) -> HostPlan | LeftOutHost:
    """Plans the removal of one host's backups. Those of a host that left the configuration are removed on the bot alone."""
    host = view.fleet.inventory.find_host(name)
    if host is not None and host.windows is not None:
        seen = await read_side(host, ReadFirstPlace(folder=locate_first_place(host, backups[0].id)), view)
        if isinstance(seen, HostError):
            return LeftOutHost(host=name, why=Phrase("could not check the host: {why}", why=seen.phrase))
    steps = tuple(step for backup in backups for step in _build_steps(backup, host))
    phrase = Phrase(
        "{host}: {n} backup is removed for good: {ids}",
        plural="{host}: {n} backups are removed for good: {ids}",
        host=name,
        n=len(backups),
        ids=list_some([backup.id for backup in backups]),
    )
    premise = Premise(host=name, what="removed backups", value=[backup.id for backup in backups], phrase=phrase)
    return HostPlan(part=Part(host=name, steps=steps), premises=(premise,))


def _build_steps(backup: Backup, host: Host | None) -> Iterator[Step]:
    """Builds the steps that remove one backup, the second place last: its row follows from that."""
    if host is not None and host.windows is not None and backup.first is not PlaceState.NONE:
        folder = locate_first_place(host, backup.id)
        yield Step(
            key=f"{backup.id}/first",
            host=host.name,
            deed=PlannedAction.of(RemoveFirstPlace(folder=folder)),
            phrase=Phrase("remove {folder}", folder=folder),
            verify=_check(host.name, PlannedAction.of(ReadFirstPlace(folder=folder))),
            harmless_remains=True,
        )
    yield Step(
        key=f"{backup.id}/second",
        host=BOT_NAME,
        deed=PlannedAction.of(RemoveBackup(backup=backup.id)),
        phrase=Phrase("remove the backup {id} from the bot", id=backup.id),
        verify=_check(BOT_NAME, PlannedAction.of(ReadBackupPresence(backup=backup.id))),
        harmless_remains=True,
    )


def _check(host: str, read: PlannedAction) -> Check:
    return Check(host=host, deed=read, expect={"present": False}, patience=PATIENCE)
