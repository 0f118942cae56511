"""Plans of the rounds that change which CAs hosts trust: one is added, or taken out.

hosts that are due ─ obstacles ─ read their workload and their file of CAs ─▶ a HostPlan each

Edits of hosts' files of CAs: read, edited, and described for approvers.

hosts ─ read_bundles ─▶ the bytes of each file ─ build_bundle_edit ─▶ ConfigurationEdit ─ describe_bundle_edit ─▶ FileEdit
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Moment, Phrase
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.certificates.reading import FleetCertificates, HostCertificates, shorten_fingerprint
from commands.certificates.renewal_obstacles import find_host_obstacle, find_witnesses
from commands.certificates.rotation.bundle_steps import BundleEdit, build_bundle_part
from commands.certificates.rotation.records import Mark
from commands.changes.commit_confirm import TunnelProof
from commands.changes.configuration_edit import ConfigurationEdit
from commands.changes.host_plan import HostPlan, leave_unchecked
from commands.changes.impact import HostWorkload, build_workload_premises, describe_nebula_outage, read_workloads
from commands.configuration.ca_bundle import edit_bundle
from commands.configuration.splice import UnsuitableText
from commands.health.fleet_report import read_all_hosts
from commands.model.operation import FleetView
from commands.model.plan import FileEdit, LeftOutHost
from commands.model.rotation import Rotation, RotationAuthority
from commands.values.arguments import shorten_argument

Bundle = ConfigurationFile | HostError


async def read_bundles(hosts: Iterable[Host], view: FleetView) -> Mapping[str, Bundle]:
    """Reads the files of CAs of hosts with a Windows side, by their names."""

    async def read(host: Host) -> tuple[str, Bundle]:
        assert host.windows is not None
        action = ReadConfiguration.of(host.windows.paths.ca_certificate)
        result: ReadResult[ConfigurationFile] = await view.fleet.read(host, action)
        return host.name, result.outcome

    return dict(await read_all_hosts(tuple(hosts), read, view))


def build_bundle_edit(
    host: Host, bundle: ConfigurationFile, operation: str, *, add: str = "", remove: str = ""
) -> ConfigurationEdit | None:
    """Builds the edit that adds a CA (PEM) and removes the one with the fingerprint `remove`; None if nothing is to edit.

    Raises `UnsuitableText` with the file and the place.
    """
    try:
        splices = edit_bundle(bundle.content, add=add, remove=remove)
    except UnsuitableText as error:
        raise UnsuitableText(error.locate(bundle.file, bundle.content)) from error
    base = str(PureWindowsPath(bundle.file).parent)
    return ConfigurationEdit(host, operation, base, bundle.file, bundle.content, splices) if splices else None


def describe_bundle_edit(
    edit: ConfigurationEdit, *, added: RotationAuthority | None = None, removed: RotationAuthority | None = None
) -> FileEdit:
    """Describes an edit by the names of the CAs: a certificate in base64 tells an approver nothing."""
    lines = [f"{sign}{_name_authority(each)}" for sign, each in (("-", removed), ("+", added)) if each is not None]
    return FileEdit(host=edit.host.name, file=edit.file, diff=tuple(lines))


def _name_authority(authority: RotationAuthority) -> str:
    return f"{authority.name} ({shorten_fingerprint(authority.fingerprint)})"


@dataclass(frozen=True)
class BundleRound:
    """A round that changes files of CAs. `mark` says how. `change` are the hosts that are due, in order.

    `lazy`: Nebula is not restarted, so each host follows with its next restart.
    """

    mark: Mark
    rotation: Rotation
    seen: FleetCertificates
    change: tuple[HostCertificates, ...]
    lazy: bool = False

    @property
    def added(self) -> RotationAuthority | None:
        return self.rotation.new if self.mark is Mark.TRUST else None

    @property
    def removed(self) -> RotationAuthority | None:
        match self.mark:
            case Mark.DROP:
                return self.rotation.old
            case Mark.TAKE_BACK:
                return self.rotation.new
            case _:
                return None

    def restarts(self, held: HostCertificates) -> bool:
        """Returns whether the Nebula of a host is restarted."""
        return not self.lazy and held.files is not None and held.files.running_since is not None


async def plan_bundles(due: BundleRound, view: FleetView) -> tuple[HostPlan | LeftOutHost, ...]:
    """Plans the hosts of a round, in its order."""
    left = [(held.host.name, _find_obstacle(held, due)) for held in due.change]
    left_out = {name: LeftOutHost(host=name, why=why) for name, why in left if why is not None}
    able = [held.host for held in due.change if held.host.name not in left_out]
    served, bundles = await read_workloads(able, view), await read_bundles(able, view)

    def plan(held: HostCertificates) -> HostPlan | LeftOutHost:
        name = held.host.name
        return left_out[name] if name in left_out else _plan_host(held, due, bundles, served[name], view.operation_id)

    return tuple(map(plan, due.change))


def _find_obstacle(held: HostCertificates, due: BundleRound) -> Phrase | None:
    """Finds the reason why the file of a host that answered is not changed now; None if there is none."""
    why = find_host_obstacle(held)
    if why is not None or not due.restarts(held) or find_witnesses(held, due.seen):
        return why
    if held.host.lighthouse:
        return Phrase("no other host is reachable with Nebula running, so the change cannot be verified")
    lighthouse = due.seen.lighthouse
    if lighthouse is None or lighthouse.files is None:
        return Phrase("the lighthouse could not be checked, so the change cannot be verified")
    name = lighthouse.host.name
    return Phrase("Nebula is not running on {host}, so the change cannot be verified. Start Nebula", host=name)


def _plan_host(
    held: HostCertificates, due: BundleRound, bundles: Mapping[str, Bundle], served: HostWorkload, operation: str
) -> HostPlan | LeftOutHost:
    """Plans one host, or returns why it is left out."""
    name, bundle = held.host.name, bundles[held.host.name]
    if isinstance(bundle, HostError):
        return leave_unchecked(name, bundle)
    added = "" if due.added is None else due.added.certificate
    removed = "" if due.removed is None else due.removed.fingerprint
    try:
        edit = build_bundle_edit(held.host, bundle, operation, add=added, remove=removed)
    except UnsuitableText as error:
        return LeftOutHost(host=name, why=error.why)
    if edit is None:
        words = f"service restart nebula {name}"
        why = Phrase("its file is right, but Nebula has not started since. Run {words}", words=words)
        return LeftOutHost(host=name, why=why)
    return _build_plan(held, due, edit, served)


def _build_plan(held: HostCertificates, due: BundleRound, edit: ConfigurationEdit, served: HostWorkload) -> HostPlan:
    restarts = due.restarts(held)
    return HostPlan(
        part=build_bundle_part(BundleEdit(held, edit, due.mark, due.rotation.canary, _find_tunnel(held, due))),
        premises=build_workload_premises(served, "restart") if restarts else (),
        disrupts=describe_nebula_outage(served, "restart") if restarts else (),
        warnings=tuple(_list_warnings(held, due)),
        edits=(describe_bundle_edit(edit, added=due.added, removed=due.removed),),
    )


def _find_tunnel(held: HostCertificates, due: BundleRound) -> TunnelProof | None:
    """Finds the tunnel that proves a host to be back; None if Nebula does not run there, so that it is not restarted."""
    lighthouse = due.seen.lighthouse
    if lighthouse is None or held.certificate is None or not due.restarts(held):
        return None
    return TunnelProof(held.host, lighthouse.host, find_witnesses(held, due.seen), held.certificate.name)


def _list_warnings(held: HostCertificates, due: BundleRound) -> Iterator[Phrase]:
    """Lists what an approver must know of a host's CAs."""
    if not _is_running(held):
        yield Phrase("Nebula is not running on {host}. Its next start counts", host=held.host.name)
    for ca in held.authorities:
        if ca.not_after <= due.seen.now and (due.removed is None or ca.fingerprint != due.removed.fingerprint):
            yield Phrase(
                "{host} also trusts {ca}, which expired at {at}. It stays in the file",
                host=held.host.name,
                ca=shorten_argument(ca.name),
                at=Moment(ca.not_after),
            )


def _is_running(held: HostCertificates) -> bool:
    return held.files is not None and held.files.running_since is not None
