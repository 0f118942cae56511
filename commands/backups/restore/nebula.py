"""The part nebula comes back: config.yaml of the backup, with what must not go back kept as it is now.

    backup's config.yaml ─ present pki.ca, cert and key ─ union of the blocklists ─▶ new text ─▶ splices of the present one
      ─▶ stage ─▶ nebula -test ─▶ note ─▶ begin: swap, restart ─▶ tunnel ─▶ confirm ─▶ tidy

Key pair and CA bundle stay: they are not taken from a backup. A certificate that is blocked now stays blocked.

Plans the restore of the part nebula: config.yaml, with the present identity and every fingerprint that is blocked now.

certificates of all hosts, present config.yaml, blocklist of the lighthouse ─┐
config.yaml of the backup ───────────────────────────────────────────────────┴─▶ merged text ─▶ NebulaRestore ─▶ HostPlan
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange, ServiceMove
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from adapters.windows.configuration_trial import TestConfiguration
from commands.backups.restore.obstacles import find_nebula_obstacle
from commands.backups.restore.source import RestoreSource, read_files
from commands.certificates.reading import FleetCertificates, HostCertificates, read_certificates, shorten_fingerprint
from commands.certificates.renewal_obstacles import find_witnesses
from commands.changes.commit_confirm import (
    PROOF_TIMEOUT,
    CommitConfirmedChange,
    TunnelProof,
    build_change_steps,
    build_gateway_step,
    get_windows_side,
)
from commands.changes.configuration_edit import ConfigurationEdit, build_stage_steps, build_tidy_step
from commands.changes.host_plan import HostPlan, UnchangedHost
from commands.changes.impact import HostWorkload, build_workload_premises, describe_nebula_outage, read_workloads
from commands.configuration.nebula import add_blocks, is_fingerprint, keep_pki, read_blocklist
from commands.configuration.splice import UnsuitableText, apply_splices, find_splices
from commands.model.finding import list_some
from commands.model.operation import FleetView
from commands.model.plan import LeftOutHost, Part, Premise


@dataclass(frozen=True)
class NebulaRestore:
    """A restore of one host's config.yaml. `fingerprint` is that of its present certificate, which stays.

    `working`: the tunnels work now, so that they can prove a rollback. `gateway_answers`: so must the gateway afterwards.
    """

    edit: ConfigurationEdit
    tunnel: TunnelProof
    fingerprint: str
    working: bool
    gateway_answers: bool

    @property
    def host(self) -> Host:
        return self.edit.host

    @property
    def text_after(self) -> bytes:
        """The file after the restore."""
        return apply_splices(self.edit.text, self.edit.splices)


def merge_configuration(kept: bytes, present: bytes, blocked: Iterable[str]) -> bytes:
    """Merges the config.yaml of a backup with what must stay: paths of the pair and the CA, and every blocked fingerprint.

    `blocked` are further fingerprints that must be in the list. Raises `UnsuitableText`.
    """
    text = apply_splices(kept, keep_pki(kept, present))
    return add_blocks(text, filter(is_fingerprint, (*read_blocklist(present), *blocked)))


def build_nebula_part(restore: NebulaRestore) -> Part:
    """Builds the part of the host."""
    host, side, edit = restore.host, get_windows_side(restore.host), restore.edit
    patience = PROOF_TIMEOUT / (restore.tunnel.proof_count + restore.gateway_answers)
    proofs = (
        *restore.tunnel.build_proof_steps(restore.fingerprint, patience),
        *((build_gateway_step(host, patience),) if restore.gateway_answers else ()),
    )
    test = TestConfiguration(
        program="nebula",
        exe=side.paths.nebula_exe,
        base=edit.base,
        main=str(PureWindowsPath(side.paths.nebula_config)),
        folder=edit.folder,
    )
    steps = (
        *build_stage_steps(edit, test),
        *build_change_steps(_build_change(restore), restore.tunnel.build_note_steps(), proofs),
        build_tidy_step(edit),
    )
    return Part(host=host.name, steps=steps)


def _build_change(restore: NebulaRestore) -> CommitConfirmedChange:
    host = restore.host
    change = BeginChange(
        operation=restore.edit.operation,
        swaps=(restore.edit.swap,),
        services=(ServiceMove(service=get_windows_side(host).nebula_service, verb="restart"),),
    )
    phrase = Phrase(
        "install config.yaml and restart Nebula ({host} reverts automatically unless confirmed within {window} s)",
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    undo = Phrase("restore the previous file and restart Nebula")
    checks = (restore.tunnel.build_return_check(),) if restore.working else ()
    return CommitConfirmedChange(host, change, phrase, undo, checks)


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
