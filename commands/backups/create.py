"""`backup create`: backs up hosts, each as a part that depends on no other, and the bot itself.

hosts ─ read what can be kept (concurrently) ─▶ BackupTask ─ create_steps ─▶ a HostPlan each ─▶ PlannedChange

Steps that back up the bot itself: its database with the head file, straight to the second place, and the manifest.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from adapters.action import BOT_NAME, Action
from adapters.backup import MANIFEST, BackupId, MissingFile
from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.local import backups as second
from adapters.local.backups import ProgramVersion
from adapters.phrase import Listing, Phrase
from adapters.windows.system import ReadSystem, WindowsSystem
from adapters.wsl.helper import HelperInfo, ReadHelper
from commands.backups.create_steps import SEAL, BackupTask, build_backup_steps, make_backup_key
from commands.backups.listing import describe_reason
from commands.backups.parts import list_parts, name_backup, name_file
from commands.certificates.reading import HostCertificates, read_certificates
from commands.changes.host_plan import HostPlan, assemble
from commands.health.fleet_report import read_all_hosts, read_side
from commands.model.backup import BackupPart
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import FleetChange, FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, PlannedChange, Premise, Product, Step
from commands.values.arguments import NO_TARGET, Flag, HostsArgument, Target
from commands.values.errors import GrammarError

DATA_FOLDER = "data_folder"
"""Stands for the folder of the part bot, which the configuration of the bot names."""

_LATER = "0" * 64


def build_bot_part(operation: str) -> Part:
    """Builds the part of the bot. Its backup has the second place alone."""
    backup, file, key = name_backup(BOT_NAME, operation), name_file(BackupPart.BOT), make_backup_key(BOT_NAME, "pack-bot")
    pack = Step(
        key=key,
        host=BOT_NAME,
        deed=PlannedAction.of(second.PackDatabase(backup=backup, name=file)),
        phrase=Phrase("copy the bot's database and the head of its audit log"),
        recorded=True,
        **_remove(backup, file),
    )
    sha256 = Product(step=key, field="sha256")
    state = second.ReadBackupFileState(backup=backup, name=file, sha256=_LATER)
    read = Step(
        key=make_backup_key(BOT_NAME, "read-bot"),
        host=BOT_NAME,
        deed=PlannedAction.of(state, sha256=sha256),
        phrase=Phrase("read the copy back and compare it"),
        expect={"whole": True},
    )
    seal = second.SealBackup(
        backup=backup,
        host=BOT_NAME,
        operation=operation,
        parts=(second.PartToSeal(part="bot", file=file, folder=DATA_FOLDER),),
    )
    sealing = Step(
        key=make_backup_key(BOT_NAME, SEAL),
        host=BOT_NAME,
        deed=PlannedAction.of(seal, bot_sha256=sha256),
        phrase=Phrase("hash every file of the backup and write its manifest"),
        recorded=True,
        **_remove(backup, MANIFEST),
    )
    return Part(host=BOT_NAME, steps=(pack, read, sealing))


def _remove(backup: BackupId, file: str) -> dict[str, Any]:
    gone = second.ReadBackupFileState(backup=backup, name=file, sha256=_LATER)
    return {
        "undo": PlannedAction.of(second.RemoveBackupFile(backup=backup, name=file)),
        "undo_phrase": Phrase("remove the copy"),
        "undone": (Check(host=BOT_NAME, deed=PlannedAction.of(gone), expect={"received": 0}),),
        "harmless_remains": True,
    }


class BackupCreate(FleetChange):
    """Back up hosts and the bot. It changes nothing that runs; a host that fails is no reason to skip the others."""

    words: ClassVar = ("backup", "create")
    affects: ClassVar[frozenset[Area]] = frozenset()
    unattended: ClassVar = True
    independent: ClassVar = True
    summary: ClassVar = Phrase("back up configuration of hosts, and the bot's database, to the host and to the bot")
    example: ClassVar = "backup create all --bot"
    label: ClassVar = Phrase("back up {target}", target="…")

    target: HostsArgument = NO_TARGET
    bot: Annotated[bool, Flag(Phrase("also back up the bot's own database"))] = False

    @property
    def incomplete(self) -> bool:
        return self.target == NO_TARGET and not self.bot

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.incomplete:
            raise GrammarError(
                Phrase("{words} needs hosts, or {option} for the bot itself", words="backup create", option="--bot")
            )
        return () if self.target == NO_TARGET else super().resolve_hosts(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "BackupCreate":
        hosts = tuple(name for name in names if name != BOT_NAME)
        return self.model_copy(update={"target": Target(parts=hosts), "bot": BOT_NAME in names})

    async def plan(self, view: FleetView) -> PlannedChange:
        hosts = self.resolve_hosts(view.fleet.inventory)
        tasks = await read_all_hosts(hosts, lambda host: _read_task(host, view), view)
        planned = [_plan_host(host, task) for host, task in zip(hosts, tasks, strict=True)]
        own = [_plan_bot(view.operation_id)] if self.bot else []
        change = assemble(self, (*planned, *own), view.fleet.inventory)
        able = [task for task in tasks if isinstance(task, BackupTask) and task.parts]
        return change.model_copy(update={"plan": change.plan.model_copy(update={"warnings": tuple(_warn_missing(able))})})


async def read_backup_task(host: Host, view: FleetView, parts: tuple[BackupPart, ...] | None = None) -> BackupTask:
    """Reads what of a host can be backed up now, and the facts for the manifest. `parts`: not more than these.

    What the helper in WSL2 cannot keep is named as missing. Raises a `HostError` if Windows cannot be read.
    """
    wanted = [part for part in list_parts(host) if parts is None or part in parts]
    ask_system = read_side(host, ReadSystem.of(host.windows) if host.windows else None, view)
    ask_helper = read_side(host, _choose_helper_read(host, wanted), view)
    system, helper, seen = await asyncio.gather(ask_system, ask_helper, read_certificates((host,), view))
    if isinstance(system, HostError):
        raise system
    (held,) = seen.per_host
    why = _explain_no_cni(host, helper) if BackupPart.CNI in wanted else ""
    return BackupTask(
        host=host,
        operation=view.operation_id,
        parts=tuple(part for part in wanted if not (why and part is BackupPart.CNI)),
        versions=tuple(_list_versions(system, helper)),
        certificate="" if held.certificate is None else held.certificate.fingerprint,
        authorities=_list_authorities(held),
        missing=(MissingFile(path=BackupPart.CNI.value, why=why),) if why else (),
    )


async def _read_task(host: Host, view: FleetView) -> BackupTask | HostError:
    try:
        return await read_backup_task(host, view)
    except HostError as error:
        return error


def _choose_helper_read(host: Host, wanted: list[BackupPart]) -> Action[HelperInfo] | None:
    managed = host.wsl is not None and "backup" in host.wsl.manage and BackupPart.CNI in wanted
    return ReadHelper() if managed else None


def _explain_no_cni(host: Host, helper: HelperInfo | HostError | None) -> str:
    """Explains in one word why the helper cannot pack the part cni; "" if it can."""
    if helper is None:
        return "not-managed"
    if isinstance(helper, HostError):
        return "unreachable"
    return "" if "backup" in helper.areas else "not-allowed"


def _list_versions(system: WindowsSystem | None, helper: HelperInfo | HostError | None) -> Iterator[ProgramVersion]:
    if system is not None:
        named = {"nebula": system.nebula_version, "nginx": system.nginx_version, "windows": system.os_version}
        yield from (ProgramVersion(name=name, version=version) for name, version in named.items() if version)
    if isinstance(helper, HelperInfo):
        yield ProgramVersion(name="helper", version=str(helper.version))


def _list_authorities(held: HostCertificates) -> tuple[str, ...]:
    return tuple(ca.fingerprint for ca in held.authorities[:32])


def _plan_host(host: Host, task: BackupTask | HostError) -> HostPlan | LeftOutHost:
    """Plans one host, or returns why it is left out. A backup is not owed: the next one asks again."""
    if isinstance(task, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=task.phrase))
    if not task.parts:
        return LeftOutHost(host=host.name, why=Phrase("nothing can be backed up there: {why}", why=_explain_nothing(task)))
    return HostPlan(
        part=Part(host=host.name, steps=tuple(build_backup_steps(task))),
        premises=(_describe_parts(host.name, [part.value for part in task.parts]),),
    )


def _plan_bot(operation: str) -> HostPlan:
    part = build_bot_part(operation)
    return HostPlan(part=part, premises=(_describe_parts(BOT_NAME, [BackupPart.BOT.value]),))


def _describe_parts(host: str, parts: list[str]) -> Premise:
    phrase = Phrase("{host}: backup of {parts}", host=host, parts=Listing(tuple(parts)))
    value: Any = parts
    return Premise(host=host, what="parts", value=value, phrase=phrase)


def _warn_missing(tasks: Sequence[BackupTask]) -> Iterator[Phrase]:
    """Warns of parts that cannot be kept, once for each reason."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for task in tasks:
        for each in task.missing:
            hosts.setdefault((each.path, each.why), []).append(task.host.name)
    for (part, why), names in hosts.items():
        yield Phrase(
            "the part {part} of {hosts} is not backed up: {why}", part=part, hosts=list_some(names), why=describe_reason(why)
        )


def _explain_nothing(task: BackupTask) -> Phrase:
    return next((describe_reason(each.why) for each in task.missing), Phrase("no Windows connection configured"))
