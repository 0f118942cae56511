"""`backup restore`: puts one part of a backup back on the host that it was made of.

what the bot knows ─▶ obstacles ─▶ the whole copy (source) ─▶ present files ─▶ the diff and the steps of the part

The present files are backed up first. A restore that fails keeps that backup.
"""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Moment, Phrase
from commands.backups.arguments import BackupIdArgument, load_backup
from commands.backups.create import read_backup_task
from commands.backups.create_steps import build_backup_steps
from commands.backups.restore.cni import plan_plugin
from commands.backups.restore.gateway_plan import plan_gateway
from commands.backups.restore.nebula import plan_nebula
from commands.backups.restore.obstacles import find_backup_obstacle
from commands.backups.restore.source import RestoreSource, find_restore_source
from commands.changes.host_plan import HostPlan, assemble
from commands.model.backup import BackupPart
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Part, PlannedChange, Premise, Step
from commands.values.arguments import (
    NO_TARGET,
    Option,
    Positional,
    Target,
    make_choice_parser,
    resolve_one_host,
)
from commands.values.errors import GrammarError

OnOption = Annotated[
    Target,
    Option("host", Phrase("host on which the part is restored"), lambda text: Target.parse((text,)), str),
]


class BackupRestore(FleetChange):
    """Put a part of a backup back in place of the present files of its host."""

    words: ClassVar = ("backup", "restore")
    risk: ClassVar = Risk.CRITICAL
    affects: ClassVar = frozenset({Area.SERVICES, Area.CERTIFICATES})
    summary: ClassVar = Phrase("restore nebula, openresty or cni of a backup on its host, and prove that it works")
    example: ClassVar = "backup restore host-a-0123456789ab openresty --on host-a"
    label: ClassVar = Phrase("restore {part} of {backup} on {on}", part="…", backup="…", on="…")

    backup: BackupIdArgument
    part: Annotated[
        Literal["nebula", "openresty", "cni"],
        Positional(
            "part",
            Phrase("nebula, openresty (the gateway's configuration), or cni (the network plug-in in WSL2)"),
            make_choice_parser("nebula", "openresty", "cni"),
            lambda part: (part,),
        ),
    ]
    on: OnOption = NO_TARGET

    @property
    def incomplete(self) -> bool:
        return self.on == NO_TARGET

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.incomplete:
            raise GrammarError(
                Phrase("{words} needs the host. Add for example {option}", words="backup restore", option="--on host-a")
            )
        return (resolve_one_host(self.on, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "BackupRestore":
        return self.model_copy(update={"on": Target(parts=tuple(dict.fromkeys(names)))})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        (host,) = self.resolve_hosts(inventory)
        part = BackupPart(self.part)
        known = await load_backup(view, self.backup)
        if (why := find_backup_obstacle(known, self.backup, part, host)) is not None:
            raise CannotPlan(why)
        backup = known.find(self.backup)
        assert backup is not None
        if not await view.attest(backup):
            raise CannotPlan(
                Phrase("the audit log does not have {id} as it is listed. Run {words}", id=backup.id, words="audit verify")
            )
        kept = backup.manifest.find_part(part)
        assert kept is not None
        source = await find_restore_source(host, backup, kept, view)
        planned = await _PLANNERS[part](source, view)
        if not isinstance(planned, HostPlan):
            return assemble(self, (planned,), inventory)
        steps = (*await _build_backup_steps(source, view), *planned.part.steps)
        whole = replace(planned, part=Part(host=host.name, steps=steps))
        return assemble(self, (whole,), inventory, (_build_premise(source),))


_PLANNERS = {BackupPart.NEBULA: plan_nebula, BackupPart.OPENRESTY: plan_gateway, BackupPart.CNI: plan_plugin}


async def _build_backup_steps(source: RestoreSource, view: FleetView) -> tuple[Step, ...]:
    """Builds the steps that back up the present state of the part. A rollback of the restore leaves that backup.

    Raises `CannotPlan` if the present state cannot be kept.
    """
    host, part = source.host, source.part.part
    try:
        task = await read_backup_task(host, view, (part,))
    except HostError as error:
        raise CannotPlan(Phrase("could not check the host: {why}", why=error.phrase)) from error
    if part not in task.parts:
        phrase = Phrase("the present state of {part} on {host} cannot be backed up first", part=part.value, host=host.name)
        raise CannotPlan(phrase)
    no_rollback = {"undo": None, "undo_phrase": None, "undone": ()}
    return tuple(step.model_copy(update=no_rollback) for step in build_backup_steps(task))


def _build_premise(source: RestoreSource) -> Premise:
    """Builds the premise of the backup: what is put back, by its hash, and where it comes from."""
    backup, part = source.backup, source.part
    phrase = Phrase(
        "{backup} of {at} has {part} ({files} files, SHA-256 {sha256})",
        backup=backup.id,
        at=Moment(backup.at),
        part=part.part.value,
        files=str(len(part.files)),
        sha256=part.sha256[:12],
    )
    value = {"sha256": part.sha256, "first": source.whole_at_first}
    return Premise(host=source.host.name, what="backup", value=value, phrase=phrase)
