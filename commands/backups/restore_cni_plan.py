"""Plans the restore of the part cni: the plug-in by its hash, its configuration with its diff.

files in place (the helper) ─┐
files of the backup ─────────┴─▶ what differs ─▶ PluginRestore ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterator

from adapters.errors import HostError
from adapters.phrase import Phrase
from adapters.wsl.helper import HelperInfo, ReadHelper
from adapters.wsl.restore import ListKept, PresentFiles
from commands.backups.restore_cni import PluginRestore, build_plugin_part
from commands.backups.restore_source import RestoreSource, read_files
from commands.checks.concurrent_reads import read_side
from commands.configuration.splice import UnsuitableText
from commands.gateways.good_diff import diff_configurations
from commands.model.operation import FleetView
from commands.model.phrases import list_some
from commands.model.plan import LeftOutHost, Premise
from commands.planning.host_plan import HostPlan, UnchangedHost

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
