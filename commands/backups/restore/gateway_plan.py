"""Plans the restore of the part openresty from the present state of its host.

services, present files, their contents ─┐
files of the backup ─────────────────────┴─▶ what differs, with its diff ─▶ GatewayRestore ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.phrase import Phrase
from adapters.windows.configuration import HashedFile
from adapters.windows.restore import ListPart, PresentPart
from adapters.windows.services import ReadServices, Services
from commands.backups.parts import OPENRESTY_FOLDERS
from commands.backups.restore.gateway import Difference, GatewayRestore, build_gateway_part, compare_files
from commands.backups.restore.source import Contents, RestoreSource, read_files
from commands.changes.commit_confirm import get_windows_side
from commands.changes.host_plan import HostPlan, UnchangedHost
from commands.configuration.nginx import follow_includes
from commands.configuration.peer_table import find_peers
from commands.configuration.splice import UnsuitableText
from commands.gateways.files import ConfigurationFiles, diff_configurations, read_configuration_files, read_contents
from commands.health.fleet_report import read_side
from commands.model.finding import list_some
from commands.model.operation import FleetView
from commands.model.plan import LeftOutHost, Premise

BINARY = b"\0"
"""A byte that no text has. Such files are compared by their hashes, and not shown."""


@dataclass(frozen=True)
class _Present:
    """The present state of a gateway. `files` is its configuration as nginx reads it, None if it cannot be read so."""

    services: Services
    part: PresentPart
    files: ConfigurationFiles | None


async def plan_gateway(source: RestoreSource, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans the restore, or returns why there is none."""
    host = source.host
    present = await _read_present(source, view)
    if isinstance(present, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=present.phrase))
    kept = {file.path: file.sha256 for file in source.part.files}
    difference = compare_files(kept, present.part.files)
    if difference.empty:
        return UnchangedHost(host.name, Phrase("its files are those of the backup already"))
    if (why := _find_obstacle(present.services, difference)) is not None:
        return LeftOutHost(host=host.name, why=why)
    base, contents = _find_base(source), await read_files(source, kept, view)
    old_names = (*difference.changed, *difference.removed)
    paths = {name: str(PureWindowsPath(base) / name) for name in (*old_names, *kept)}
    old = await read_contents(host, base, (paths[name] for name in old_names), view)
    if isinstance(old, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not read the present files: {why}", why=old.phrase))
    try:
        return await asyncio.to_thread(_build_plan, source, present, difference, (contents, old), view)
    except UnsuitableText as error:
        return LeftOutHost(host=host.name, why=error.why)


async def _read_present(source: RestoreSource, view: FleetView) -> _Present | HostError:
    host, base = source.host, _find_base(source)
    ask_services = read_side(host, ReadServices.of(get_windows_side(host)), view)
    ask_part = read_side(host, ListPart(source=base, folders=OPENRESTY_FOLDERS), view)
    services, part, files = await asyncio.gather(ask_services, ask_part, read_configuration_files(host, view))
    for answer in (services, part):
        if isinstance(answer, HostError):
            return answer
    assert isinstance(services, Services)
    assert isinstance(part, PresentPart)
    return _Present(services, part, None if isinstance(files, HostError) else files)


def _find_base(source: RestoreSource) -> str:
    return str(PureWindowsPath(get_windows_side(source.host).paths.gateway_config).parent)


def _find_obstacle(services: Services, difference: Difference) -> Phrase | None:
    if services.nebula.status != "Running":
        return Phrase("Nebula is not running, so nginx has no overlay address. Start Nebula first")
    if difference.links:
        return Phrase(
            "there are links in the folders that would be replaced: {links}. No backup has them. Remove them first",
            links=list_some(difference.links),
        )
    return None


def _build_plan(
    source: RestoreSource, present: _Present, difference: Difference, texts: tuple[Contents, Contents], view: FleetView
) -> HostPlan:
    host, base, (contents, old) = source.host, _find_base(source), texts
    new = {str(PureWindowsPath(base) / name): content for name, content in contents.items()}
    main = str(PureWindowsPath(get_windows_side(host).paths.gateway_config))
    restore = GatewayRestore(
        source=source,
        operation=view.operation_id,
        difference=difference,
        files=tuple(_list_read_files(new, main, source, base)),
        peers=_find_peers(new, main),
        peers_before=None if present.files is None else _find_peers(present.files.contents, present.files.main),
        running=_is_running(present.services),
    )
    shown = {name: content for name, content in new.items() if name in old or name not in _list_same(difference, base, new)}
    diff = diff_configurations(host.name, _drop_binary(old), _drop_binary(shown), view.redact)
    return HostPlan(
        part=build_gateway_part(restore),
        premises=(_build_premise(source, present.part, difference),),
        disrupts=(Phrase("nginx of {host} is reloaded with the earlier configuration, without an outage", host=host.name),),
        warnings=(*_list_warnings(source, difference, diff.left_out), *_warn_of_binaries({**old, **shown})),
        edits=diff.edits,
    )


def _list_same(difference: Difference, base: str, new: Contents) -> frozenset[str]:
    """Lists the files that stay what they are."""
    differing = {str(PureWindowsPath(base) / name) for name in (*difference.changed, *difference.added)}
    return frozenset(new) - differing


def _list_read_files(new: Contents, main: str, source: RestoreSource, base: str) -> Iterator[HashedFile]:
    """Lists the files of the backup that nginx reads, with their hashes."""
    hashes = {str(PureWindowsPath(base) / file.path): file.sha256 for file in source.part.files}
    try:
        names = follow_includes(new, main)
    except UnsuitableText as error:
        raise UnsuitableText(Phrase("the configuration in the backup cannot be followed: {why}", why=error.why)) from error
    for name in names:
        yield HashedFile(file=name, sha256=hashes[name])


def _find_peers(contents: Mapping[str, bytes], main: str) -> tuple[str, ...] | None:
    try:
        return find_peers(contents, main).addresses
    except UnsuitableText:
        return None


def _is_running(services: Services) -> bool:
    return services.nginx_processes > 0 if services.gateway_is_bare else services.gateway.status == "Running"


def _warn_of_binaries(texts: Contents) -> Iterator[Phrase]:
    if binaries := sorted(PureWindowsPath(name).name for name, content in texts.items() if BINARY in content):
        yield Phrase("these files are not text, so their changes are not shown: {files}", files=list_some(binaries))


def _drop_binary(texts: Contents) -> Contents:
    return {name: content for name, content in texts.items() if BINARY not in content}


def _build_premise(source: RestoreSource, part: PresentPart, difference: Difference) -> Premise:
    """Builds the premise of the present files: all of them by their hashes, so that one more change needs new approvals."""
    phrase = Phrase(
        "{host}: {changed} files differ, {added} come back, {removed} go, {kept} keys and passwords of the host stay",
        host=source.host.name,
        changed=str(len(difference.changed)),
        added=str(len(difference.added)),
        removed=str(len(difference.removed)),
        kept=str(len(difference.kept)),
    )
    value = {each.path: each.sha256 or each.why for each in part.files}
    return Premise(host=source.host.name, what="files", value=dict(value), phrase=phrase)


def _list_warnings(source: RestoreSource, difference: Difference, left_out: int) -> Iterator[Phrase]:
    if difference.removed:
        yield Phrase("these files are removed: {files}", files=list_some(difference.removed))
    if difference.left:
        yield Phrase("the backup does not have these files, and they stay: {files}", files=list_some(difference.left))
    lacking = [
        each.path
        for each in source.part.missing
        if each.why in ("key", "password") and each.path not in difference.kept
    ]  # fmt: skip
    if lacking:
        yield Phrase(
            "neither the backup nor the host has these files, which existed then: {files}", files=list_some(lacking)
        )
    if left_out:
        yield Phrase("{n} more line of the diff is not shown", plural="{n} more lines of the diff are not shown", n=left_out)
