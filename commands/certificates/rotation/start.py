"""`ca rotation start`: makes the new CA on the lighthouse. No host is changed.

all hosts ─ certificates, versions of Nebula ─▶ the old CA ─▶ its successor ─▶ PlannedChange

make the CA ─▶ encrypt its key for the recipients, both copies read back ─▶ sign a canary
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PureWindowsPath
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host, Inventory
from adapters.key_backup import MIN_RECIPIENTS
from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Moment, Phrase
from adapters.windows.authority import (
    WipeAuthority,
    locate_authority,
    locate_authority_certificate,
    locate_authority_key,
)
from adapters.windows.system import ReadSystem, WindowsSystem
from commands.certificates.ca_key.create import build_recipients_premise
from commands.certificates.ca_key.steps import KeySource, build_key_backup_steps
from commands.certificates.reading import FleetCertificates, HostCertificates, read_certificates
from commands.certificates.renewal_obstacles import find_host_obstacle, find_signer
from commands.certificates.rotation.records import Mark, RotationStart, make_key
from commands.certificates.rotation.successor import (
    Successor,
    choose_version,
    count_up,
    find_hosts_behind,
    write_certificate,
)
from commands.changes.host_plan import HostPlan, assemble
from commands.changes.impact import is_reached_over_overlay
from commands.health.fleet_report import read_all_hosts
from commands.model.certificates import KnownIdentities
from commands.model.check import Area
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Part, PlannedAction, PlannedChange, Product, Step
from commands.model.rotation import RotationAuthority
from commands.values.arguments import Flag, shorten_argument


class RotationBegin(FleetChange):
    """Make a new CA like the present one, with an encrypted copy of its key. It signs nothing but its canary."""

    words: ClassVar = ("ca", "rotation", "start")
    risk: ClassVar = Risk.CRITICAL
    affects: ClassVar = frozenset({Area.CERTIFICATES})
    summary: ClassVar = Phrase("begin to change the CA: make the new one, and encrypt a copy of its key")
    example: ClassVar = "ca rotation start"
    label: ClassVar = Phrase("make a new CA")

    lost: Annotated[bool, Flag(Phrase("the CA expired or leaked: hosts change at once, over their local network"))] = False

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return tuple(host for host in inventory.hosts if host.lighthouse)

    def restrict_to(self, names: tuple[str, ...]) -> "RotationBegin":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        _require_none(view)
        _require_recipients(view)
        hosts = view.fleet.inventory.hosts
        seen = await read_certificates(hosts, view)
        lighthouse, old = _find_lost(seen) if self.lost else _find_present(seen)
        versions = await _read_versions(hosts, view)
        successor = _design(lighthouse, old, versions, view)
        planned = HostPlan(
            part=_build_part(successor, view),
            premises=(
                self._build_start(lighthouse, successor).build_premise(lighthouse.host.name),
                successor.build_premise(),
                build_recipients_premise(lighthouse.host.name, view.recipients),
            ),
            warnings=tuple(self._list_warnings(seen)),
        )
        return assemble(self, (planned,), view.fleet.inventory)

    def _build_start(self, lighthouse: HostCertificates, successor: Successor) -> RotationStart:
        old, paths = successor.old, lighthouse.paths
        return RotationStart(
            old=RotationAuthority(
                fingerprint=old.fingerprint,
                name=old.name,
                ends_at=old.not_after,
                certificate=write_certificate(old),
                certificate_file=paths.ca_certificate,
                key_file=paths.ca_key,
            ),
            certificate_file=locate_authority_certificate(successor.folder),
            key_file=locate_authority_key(successor.folder),
            lost=self.lost,
        )

    def _list_warnings(self, seen: FleetCertificates) -> Iterator[Phrase]:
        """Lists what must be done on hosts before they can follow, while there is time for it."""
        if self.lost:
            yield Phrase("the old CA will sign nothing any more. Each host gets the new CA and a certificate in one restart")
        else:
            yield Phrase("no tunnel is interrupted. Hosts change only with {words}", words="ca rotation next")
        for held in seen.per_host:
            if held.files is not None and (why := find_host_obstacle(held)) is not None:
                yield Phrase("{host}: {why}", host=held.host.name, why=why)


def _require_none(view: FleetView) -> None:
    rotation = view.rotation
    if rotation is not None and not rotation.stage.ended:
        raise CannotPlan(
            Phrase(
                "the CA is being changed already, from {old} to {new}. Run {words} for what is next",
                old=shorten_argument(rotation.old.name),
                new=shorten_argument(rotation.new.name),
                words="ca rotation",
            )
        )


def _require_recipients(view: FleetView) -> None:
    """Requires people who can open the copy of the new key. Without it, the lighthouse alone would have the key."""
    if len(view.recipients) < MIN_RECIPIENTS:
        raise CannotPlan(
            Phrase(
                "at least {n} recipients must be configured under {table} to open the copy of the key",
                n=MIN_RECIPIENTS,
                table="[ca_backups]",
            )
        )
    ended = [each.name for each in view.recipients if each.ends_at <= view.now()]
    if ended:
        raise CannotPlan(
            Phrase(
                "the certificates of {names} have expired, so nothing can be encrypted for them. Replace them under {table}",
                names=list_some(ended),
                table="[ca_backups]",
            )
        )


def _find_present(seen: FleetCertificates) -> tuple[HostCertificates, Certificate]:
    """Finds the lighthouse and the CA that signs there now. Raises `CannotPlan` if it cannot sign."""
    lighthouse = seen.lighthouse
    ended = () if lighthouse is None else tuple(ca for ca in lighthouse.authorities if ca.not_after <= seen.now)
    if lighthouse is not None and ended and len(ended) == len(lighthouse.authorities):
        raise CannotPlan(
            Phrase(
                "the CA {ca} expired at {at}. Run {words}",
                ca=shorten_argument(ended[0].name),
                at=Moment(ended[0].not_after),
                words="ca rotation start --lost",
            )
        )
    lighthouse, old = find_signer(seen)
    _require_ready(lighthouse)
    return lighthouse, old


def _find_lost(seen: FleetCertificates) -> tuple[HostCertificates, Certificate]:
    """Finds the lighthouse and the CA that is lost: the one of its own certificate, else the first in its file."""
    lighthouse = seen.lighthouse
    if lighthouse is None or lighthouse.answer is None:
        raise CannotPlan(Phrase("no lighthouse with a Windows connection is configured. The new CA is made there"))
    name = lighthouse.host.name
    if isinstance(lighthouse.answer, HostError):
        raise CannotPlan(
            Phrase("the lighthouse {host} could not be checked: {why}", host=name, why=lighthouse.answer.phrase)
        )
    if is_reached_over_overlay(lighthouse.host):
        raise CannotPlan(
            Phrase(
                "the bot reaches {host} over Nebula, which is about to stop. Configure its address in the local network",
                host=name,
            )
        )
    if not lighthouse.authorities:
        path = lighthouse.paths.ca_certificate
        raise CannotPlan(
            Phrase("no readable CA certificate at {path} on {host}. Run cert for details", path=path, host=name)
        )
    _require_ready(lighthouse)
    own = lighthouse.certificate
    signers = [ca for ca in lighthouse.authorities if own is not None and is_signed_by(own, ca)]
    return lighthouse, (*signers, lighthouse.authorities[0])[0]


def _require_ready(lighthouse: HostCertificates) -> None:
    """Requires a lighthouse whose clock, paths and certificate are as they must be: its clock dates the new CA."""
    why = find_host_obstacle(lighthouse)
    if why is not None:
        raise CannotPlan(Phrase("{host}: {why}", host=lighthouse.host.name, why=why))


async def _read_versions(hosts: Iterable[Host], view: FleetView) -> Mapping[str, str]:
    """Reads the version of Nebula of each host; "" if it is not known."""

    async def read(host: Host) -> tuple[str, str]:
        if host.windows is None:
            return host.name, ""
        seen: ReadResult[WindowsSystem] = await view.fleet.read(host, ReadSystem.of(host.windows))
        return host.name, "" if isinstance(seen.outcome, HostError) else seen.outcome.nebula_version

    return dict(await read_all_hosts(tuple(hosts), read, view))


def _design(lighthouse: HostCertificates, old: Certificate, versions: Mapping[str, str], view: FleetView) -> Successor:
    outsiders = _list_outsiders(view.identities, old, versions, view)
    behind = (*find_hosts_behind(versions), *outsiders)
    names = [ca.name for ca in lighthouse.authorities]
    names += [each.name for each in view.identities.authorities.values()]
    return Successor(
        old=old,
        name=count_up(old.name, names),
        version=choose_version(old, behind),
        folder=locate_authority(lighthouse.paths.base, view.operation_id),
        lighthouse=lighthouse.host,
        behind=behind,
    )


def _list_outsiders(
    identities: KnownIdentities, old: Certificate, hosts: Mapping[str, str], view: FleetView
) -> Iterator[str]:
    """Lists members outside the configuration that take part with the old CA. Their version is not known."""
    for each in identities.find_dependents(old.fingerprint, view.now()):
        if each.name not in hosts:
            yield shorten_argument(each.name)


def _build_part(successor: Successor, view: FleetView) -> Part:
    host, program = successor.lighthouse, _get_program(successor.lighthouse)
    make = make_key(host.name, Mark.MAKE)
    made = Step(
        key=make,
        host=host.name,
        deed=PlannedAction.of(successor.build_make_action(program)),
        phrase=Phrase(
            "make {ca} in {folder}, which only administrators can enter",
            ca=shorten_argument(successor.name),
            folder=successor.folder,
        ),
        undo=PlannedAction.of(WipeAuthority(folder=successor.folder)),
        undo_phrase=Phrase("wipe the new key"),
    )
    source = KeySource(
        host=host,
        operation=view.operation_id,
        key_file=locate_authority_key(successor.folder),
        certificate=Product(step=make, field="certificate"),
        fingerprint=Product(step=make, field="fingerprint"),
    )
    copies = build_key_backup_steps(source, view.recipients, lambda name: f"{host.name}/copy/{name}")
    canary = Step(
        key=make_key(host.name, Mark.CANARY),
        host=host.name,
        deed=PlannedAction.of(successor.build_canary_action(program)),
        phrase=Phrase("sign a test certificate whose private key is discarded"),
        recorded=True,
    )
    return Part(host=host.name, steps=(made, *copies, canary))


def _get_program(host: Host) -> str:
    assert host.windows is not None
    return str(PureWindowsPath(host.windows.paths.nebula_cert_exe))
