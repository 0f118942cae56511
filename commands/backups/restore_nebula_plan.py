"""Plans the restore of the part nebula: config.yaml, with the present identity and every fingerprint that is blocked now.

certificates of all hosts, present config.yaml, blocklist of the lighthouse ─┐
config.yaml of the backup ───────────────────────────────────────────────────┴─▶ merged text ─▶ NebulaRestore ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.phrase import Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.backups.restore_nebula import NebulaRestore, build_nebula_part, merge_configuration
from commands.backups.restore_obstacles import find_nebula_obstacle
from commands.backups.restore_source import RestoreSource, read_files
from commands.certs.fleet_certificates import FleetCertificates, HostCertificates, read_certificates, shorten_fingerprint
from commands.certs.renewal_obstacles import find_witnesses
from commands.configuration.nebula import is_fingerprint, read_blocklist
from commands.configuration.splice import UnsuitableText, find_splices
from commands.model.operation import FleetView
from commands.model.phrases import list_some
from commands.model.plan import LeftOutHost, Premise
from commands.planning.commit_confirm import TunnelProof, get_windows_side
from commands.planning.configuration_edit import ConfigurationEdit
from commands.planning.host_plan import HostPlan, UnchangedHost
from commands.planning.impact import HostWorkload, build_workload_premises, describe_nebula_outage, read_workloads


async def plan_nebula(source: RestoreSource, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
    """Plans the restore, or returns why there is none."""
    host, config = source.host, get_windows_side(source.host).paths.nebula_config
    name = PureWindowsPath(config).name
    if name not in {file.path for file in source.part.files}:
        return LeftOutHost(host=host.name, why=Phrase("the backup has no {file}: it has a private key in it", file=name))
    seen, present, workloads, blocked = await asyncio.gather(
        read_certificates(view.fleet.inventory.hosts, view),
        view.fleet.read(host, ReadConfiguration.of(config)),
        read_workloads((host,), view),
        _read_blocked(source, view),
    )
    held = next(each for each in seen.per_host if each.host == host)
    if isinstance(present.outcome, HostError):
        return LeftOutHost(host=host.name, why=Phrase("could not check the host: {why}", why=present.outcome.phrase))
    if why := find_nebula_obstacle(source.backup, host, held.certificate, view) or _find_proof_obstacle(held, seen):
        return LeftOutHost(host=host.name, why=why)
    kept = (await read_files(source, (name,), view))[name]
    try:
        edit = await asyncio.to_thread(_make_edit, source, present.outcome, (kept, blocked or ()), view)
        if not edit.splices:
            return UnchangedHost(host.name, Phrase("its configuration is that of the backup already"))
        plan = _build_plan(seen, edit, workloads[host.name], view)
        return replace(plan, warnings=tuple(_list_warnings(blocked, source)))
    except UnsuitableText as error:
        return LeftOutHost(host=host.name, why=error.why)


async def _read_blocked(source: RestoreSource, view: FleetView) -> tuple[str, ...] | None:
    """Reads what the lighthouse blocks; None if that is not known. A revocation reaches it first."""
    lighthouse = next((host for host in view.fleet.inventory.hosts if host.lighthouse), None)
    if lighthouse is None or lighthouse == source.host or lighthouse.windows is None:
        return ()
    read = (await view.fleet.read(lighthouse, ReadConfiguration.of(lighthouse.windows.paths.nebula_config))).outcome
    try:
        return None if isinstance(read, HostError) else read_blocklist(read.content)
    except UnsuitableText:
        return None


def _find_proof_obstacle(held: HostCertificates, seen: FleetCertificates) -> Phrase | None:
    if find_witnesses(held, seen):
        return None
    return Phrase("Nebula of no other host can prove the tunnel now. Check the lighthouse with {words}", words="service all")


def _make_edit(
    source: RestoreSource, present: ConfigurationFile, texts: tuple[bytes, tuple[str, ...]], view: FleetView
) -> ConfigurationEdit:
    """Makes the edit of the present file. Raises `UnsuitableText` with the file that is not suitable."""
    kept, blocked = texts
    try:
        merged = merge_configuration(kept, present.content, blocked)
    except UnsuitableText as error:
        raise UnsuitableText(Phrase("could not merge the two configurations: {why}", why=error.why)) from error
    config = get_windows_side(source.host).paths.nebula_config
    return ConfigurationEdit(
        source.host,
        view.operation_id,
        str(PureWindowsPath(config).parent),
        config,
        present.content,
        find_splices(present.content, merged),
    )


def _build_plan(seen: FleetCertificates, edit: ConfigurationEdit, served: HostWorkload, view: FleetView) -> HostPlan:
    host = edit.host
    held = next(each for each in seen.per_host if each.host == host)
    lighthouse = next(each.host for each in seen.per_host if each.host.lighthouse)
    assert held.certificate is not None
    assert held.files is not None
    restore = NebulaRestore(
        edit=edit,
        tunnel=TunnelProof(host, lighthouse, find_witnesses(held, seen), held.certificate.name),
        fingerprint=held.certificate.fingerprint,
        working=held.files.running_since is not None and seen.compute_time_left(held.certificate) > timedelta(0),
        gateway_answers=served.gateway is True,
    )
    return HostPlan(
        part=build_nebula_part(restore),
        premises=(_build_premise(restore), *build_workload_premises(served, "restart")),
        disrupts=describe_nebula_outage(served, "restart"),
        edits=(edit.describe(view.redact),),
    )


def _build_premise(restore: NebulaRestore) -> Premise:
    """Builds the premise of what stays: the present certificate, and what is blocked after the restore."""
    host = restore.host.name
    blocked = tuple(each for each in read_blocklist(restore.text_after) if is_fingerprint(each))
    phrase = Phrase(
        "{host} keeps its keys, its CA file and certificate {fingerprint}, and blocks {n} certificate afterwards",
        plural="{host} keeps its keys, its CA file and certificate {fingerprint}, and blocks {n} certificates afterwards",
        n=len(blocked),
        host=host,
        fingerprint=shorten_fingerprint(restore.fingerprint),
    )
    return Premise(host=host, what="identity", value=[restore.fingerprint, *sorted(blocked)], phrase=phrase)


def _list_warnings(blocked: tuple[str, ...] | None, source: RestoreSource) -> Iterator[Phrase]:
    if blocked is None:
        yield Phrase("could not read which certificates the lighthouse blocks. Those that only it blocks are not added")
    name = PureWindowsPath(get_windows_side(source.host).paths.nebula_config).name
    if others := [file.path for file in source.part.files if file.path != name]:
        yield Phrase("these files of the backup are not restored: {files}", files=list_some(others))
