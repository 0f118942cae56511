"""The part cni comes back: the network plug-in and its configuration, by the helper in WSL2. Addresses are made anew.

transfer to the helper ─▶ compare ─▶ put in place, addresses from podman ─ proven by the helper ─▶ remove the copies

Plans the restore of the part cni: the plug-in by its hash, its configuration with its diff.

files in place (the helper) ─┐
files of the backup ─────────┴─▶ what differs ─▶ PluginRestore ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.action import BOT_NAME
from adapters.errors import HostError
from adapters.inventory import Host
from adapters.local.backups import ReadBackupFile
from adapters.phrase import Phrase
from adapters.windows.spool import ReadSpool
from adapters.wsl.helper import HelperInfo, ReadHelper
from adapters.wsl.restore import (
    CheckKept,
    ForgetKept,
    ListKept,
    PresentFiles,
    PutKept,
    ReadStagedKept,
    ReturnKept,
    StageKept,
)
from commands.backups.parts import STATE_PATIENCE
from commands.backups.restore.source import RestoreSource, read_files
from commands.changes.host_plan import HostPlan, UnchangedHost
from commands.configuration.splice import UnsuitableText
from commands.gateways.files import diff_configurations
from commands.health.fleet_report import read_side
from commands.model.finding import list_some
from commands.model.operation import FleetView
from commands.model.plan import Check, LeftOutHost, Part, PlannedAction, Premise, Step, TransferSource

PROOF_PATIENCE = 60.0
"""Seconds in which the plug-in must answer, and all addresses must be in its list."""


@dataclass(frozen=True)
class PluginRestore:
    """A restore of the network plug-in, whose present files differ from those of the backup."""

    source: RestoreSource

    @property
    def host(self) -> Host:
        return self.source.host

    def make_key(self, name: str) -> str:
        """Makes the key of a step."""
        return f"{self.host.name}/{name}"


def build_plugin_part(restore: PluginRestore) -> Part:
    """Builds the part of the host."""
    host, part = restore.host.name, restore.source.part
    tidy = Step(
        key=restore.make_key("tidy"),
        host=host,
        deed=PlannedAction.of(ForgetKept(sha256=part.sha256)),
        phrase=Phrase("remove the copies"),
    )
    return Part(host=host, steps=(_build_stage_step(restore), _build_put_step(restore), tidy))


def _build_stage_step(restore: PluginRestore) -> Step:
    host, part, state = restore.host.name, restore.source.part, ReadStagedKept(sha256=restore.source.part.sha256)
    return Step(
        key=restore.make_key("stage"),
        host=host,
        deed=PlannedAction.of(StageKept(sha256=part.sha256, size=part.size)),
        source=_choose_source(restore.source),
        phrase=Phrase("transfer the backup to the helper in WSL2, which takes only one that it made itself"),
        verify=Check(host=host, deed=PlannedAction.of(state), expect={"whole": True}, patience=STATE_PATIENCE),
        undo=PlannedAction.of(ForgetKept(sha256=part.sha256)),
        undo_phrase=Phrase("remove the copy"),
        undone=(Check(host=host, deed=PlannedAction.of(state), expect={"received": 0}, patience=STATE_PATIENCE),),
    )


def _build_put_step(restore: PluginRestore) -> Step:
    host, sha256 = restore.host.name, restore.source.part.sha256
    check = PlannedAction.of(CheckKept(sha256=sha256))
    return Step(
        key=restore.make_key("put"),
        host=host,
        deed=PlannedAction.of(PutKept(sha256=sha256)),
        phrase=Phrase("install the plug-in and its configuration, and build its list of addresses from podman"),
        verify=Check(host=host, deed=check, expect={"in_place": True, "works": True}, patience=PROOF_PATIENCE),
        undo=PlannedAction.of(ReturnKept(sha256=sha256)),
        undo_phrase=Phrase("restore the files from before"),
        undone=(Check(host=host, deed=check, expect={"in_place": False}, patience=STATE_PATIENCE),),
    )


def _choose_source(source: RestoreSource) -> TransferSource:
    if source.whole_at_first:
        first = PlannedAction.of(ReadSpool(folder=source.first_place, name=source.part.file))
        return TransferSource(host=source.host.name, deed=first)
    second = PlannedAction.of(ReadBackupFile(backup=source.backup.id, name=source.part.file))
    return TransferSource(host=BOT_NAME, deed=second)


TEXTS = (".conflist", ".json")
"""Ends of names of files that are shown. The plug-in itself is a program."""

ADDRESSES = "/ipam/"
"""Folder of the addresses that the plug-in has handed out. They never come from a backup."""


async def plan_plugin(source: RestoreSource, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans the restore, or returns why there is none."""
    host = source.host
    if host.wsl is None or "backup" not in host.wsl.manage:
        return LeftOutHost(host=host.name, why=Phrase("the bot may not change backups in WSL2 of this host (manage)"))
    ask_helper, ask_files = read_side(host, ReadHelper(), view), read_side(host, ListKept(), view)
    helper, listed = await asyncio.gather(ask_helper, ask_files)
    for answer in (helper, listed):
        if isinstance(answer, HostError):
            return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=answer.phrase))
    assert isinstance(helper, HelperInfo)
    assert isinstance(listed, PresentFiles)
    kept = {f"/{file.path}": file.sha256 for file in source.part.files if ADDRESSES not in file.path}
    now = {file.path: file.sha256 for file in listed.files}
    if kept == now:
        return UnchangedHost(host.name, Phrase("its files are those of the backup already"))
    differing = {path for path in {*kept, *now} if kept.get(path) != now.get(path)}
    wanted = [path.removeprefix("/") for path in sorted(differing & kept.keys()) if path.endswith(TEXTS)]
    contents = await read_files(source, wanted, view)
    old = {file.path: file.text for file in listed.files if file.path in differing and file.path.endswith(TEXTS)}
    try:
        diff = diff_configurations(host.name, old, {f"/{name}": text for name, text in contents.items()}, view.redact)
    except UnsuitableText as error:
        return LeftOutHost(host=host.name, why=error.why)
    return HostPlan(
        part=build_plugin_part(PluginRestore(source)),
        premises=(_build_premise(source, now, differing),),
        warnings=tuple(_list_warnings(kept, now)),
        edits=diff.edits,
    )


def _build_premise(source: RestoreSource, now: dict[str, str], differing: set[str]) -> Premise:
    phrase = Phrase(
        "{host}: these files of the network plug-in are replaced: {files}",
        host=source.host.name,
        files=list_some(sorted(differing)),
    )
    return Premise(host=source.host.name, what="plug-in", value=dict(now), phrase=phrase)


def _list_warnings(kept: dict[str, str], now: dict[str, str]) -> Iterator[Phrase]:
    yield Phrase("addresses of containers are not taken from the backup: the helper builds their list from podman")
    if extra := sorted(now.keys() - kept.keys()):
        yield Phrase("these files are removed: {files}", files=list_some(extra))
