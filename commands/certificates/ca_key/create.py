"""`ca backup create`: an encrypted copy of the CA key for all configured recipients, on the lighthouse and on the bot.

lighthouse ─ read ─▶ the CA that signs, its key ─┐
configuration ─▶ recipients ─────────────────────┼─▶ Plan (commands.certificates.ca_key.steps)
newest copy ─▶ recipients of then ───────────────┘
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from adapters.inventory import Host, Inventory
from adapters.key_backup import Recipient
from adapters.nebula import pem
from adapters.nebula.certificates import Certificate
from adapters.nebula.encoding import VERSION_BY_BANNER, encode_certificate
from adapters.phrase import Listing, Moment, Phrase
from commands.certificates.ca_key.steps import KeySource, build_key_backup_steps
from commands.certificates.reading import FleetCertificates, HostCertificates, read_certificates, shorten_fingerprint
from commands.certificates.renewal_obstacles import find_signer
from commands.changes.host_plan import HostPlan, assemble
from commands.model.backup import KeyBackup
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import Part, PlannedChange, Premise
from commands.values.arguments import Flag, shorten_argument

KEY_ROLES = frozenset({Role.ADMINISTRATOR, Role.SECURITY})
"""Roles that may have the CA key copied, and hold drills."""


class KeyBackupCreate(FleetChange):
    """Encrypt the CA key for all recipients, and keep the copy on the lighthouse and on the bot."""

    words: ClassVar = ("ca", "backup", "create")
    roles: ClassVar = KEY_ROLES
    affects: ClassVar = frozenset[Area]()
    summary: ClassVar = Phrase(
        "encrypted copy of the CA key for the configured recipients, on the lighthouse and on the bot"
    )
    example: ClassVar = "ca backup create"
    label: ClassVar = Phrase("back up the CA key")

    new_recipients: Annotated[
        bool, Flag(Phrase("the recipients differ from those of the newest copy (critical: two approvals)"))
    ] = False

    @property
    def assessed_risk(self) -> Risk:
        return Risk.CRITICAL if self.new_recipients else self.risk

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        return tuple(host for host in inventory.hosts if host.lighthouse)

    def restrict_to(self, names: tuple[str, ...]) -> "KeyBackupCreate":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        recipients = require_recipients(view)
        seen = await read_certificates(self.resolve_hosts(inventory), view)
        lighthouse, ca = _find_key(seen)
        newest = view.backups.find_key(ca.fingerprint) or next(iter(view.backups.keys), None)
        self._require_consent(recipients, newest)
        source = KeySource(
            host=lighthouse.host,
            operation=view.operation_id,
            key_file=lighthouse.ca_key_file,
            certificate=encode_pem(ca),
            fingerprint=ca.fingerprint,
        )
        name = lighthouse.host.name
        steps = build_key_backup_steps(source, recipients, lambda step: f"{name}/key-backup/{step}")
        planned = HostPlan(
            part=Part(host=name, steps=steps),
            premises=(_build_ca_premise(name, ca), build_recipients_premise(name, recipients)),
            warnings=tuple(_list_warnings(recipients, newest)),
        )
        return assemble(self, (planned,), inventory)

    def _require_consent(self, recipients: tuple[Recipient, ...], newest: KeyBackup | None) -> None:
        """Raises `CannotPlan` if the recipients are others than before and the request does not say so."""
        before = frozenset[str]() if newest is None else frozenset(newest.recipients)
        if self.new_recipients or {each.sha256 for each in recipients} == before:
            return
        if newest is None:
            raise CannotPlan(
                Phrase("no copy exists yet, so all recipients are new. Add {option}", option="--new-recipients")
            )
        raise CannotPlan(
            Phrase("the recipients differ from those of {id}. Add {option}", id=newest.id, option="--new-recipients")
        )


def require_recipients(view: FleetView) -> tuple[Recipient, ...]:
    """Returns the recipients. Raises `CannotPlan` if there are none, if one has expired, or if the copies are unknown."""
    if not view.recipients:
        raise CannotPlan(
            Phrase(
                "no recipients configured. Add at least two under {table} (docs/ca.md)", table="[[ca_backups.recipients]]"
            )
        )
    expired = [each for each in view.recipients if each.ends_at <= view.now()]
    if expired:
        first = expired[0]
        raise CannotPlan(
            Phrase(
                "the certificate of {name} expired at {at}. Put a new one in the configuration",
                name=first.name,
                at=Moment(first.ends_at),
            )
        )
    if not view.backups.available:
        raise CannotPlan(Phrase("could not read which copies there are. Check the database with doctor"))
    return view.recipients


def build_recipients_premise(host: str, recipients: tuple[Recipient, ...]) -> Premise:
    """Builds the premise of the people who can open the copy."""
    named = Listing(tuple(f"{each.name} ({shorten_fingerprint(each.sha256)})" for each in recipients))
    return Premise(
        host=host,
        what="recipients",
        value=sorted(each.sha256 for each in recipients),
        phrase=Phrase("each of these can open the copy alone: {names}", names=named),
    )


def encode_pem(certificate: Certificate) -> str:
    """Encodes a certificate as Nebula writes its file."""
    banner = next(banner for banner, version in VERSION_BY_BANNER.items() if version == certificate.version)
    return pem.encode_block(banner, encode_certificate(certificate))


def _find_key(seen: FleetCertificates) -> tuple[HostCertificates, Certificate]:
    """Finds the lighthouse with the key, and the CA that it signs with. Raises `CannotPlan`."""
    lighthouse = seen.lighthouse
    if lighthouse is not None and lighthouse.files is not None and lighthouse.files.ca_key_encrypted:
        raise CannotPlan(
            Phrase(
                "the CA key {path} has a passphrase. The file itself is the backup: copy it to two safe places",
                path=lighthouse.ca_key_file,
            )
        )
    if lighthouse is not None and lighthouse.files is not None and not lighthouse.files.ca_key:
        raise CannotPlan(
            Phrase(
                "no CA key at {path} on {host}. If it is kept offline, that file is the backup: keep a second copy of it",
                path=lighthouse.ca_key_file,
                host=lighthouse.host.name,
            )
        )
    return find_signer(seen)


def _build_ca_premise(host: str, ca: Certificate) -> Premise:
    phrase = Phrase(
        "the key of {ca} ({fingerprint}) on {host}",
        ca=shorten_argument(ca.name),
        fingerprint=shorten_fingerprint(ca.fingerprint),
        host=host,
    )
    return Premise(host=host, what="ca", value=ca.fingerprint, phrase=phrase)


def _list_warnings(recipients: tuple[Recipient, ...], newest: KeyBackup | None) -> Iterator[Phrase]:
    before = frozenset[str]() if newest is None else frozenset(newest.recipients)
    new = [each.name for each in recipients if each.sha256 not in before]
    gone = before - {each.sha256 for each in recipients}
    if new:
        yield Phrase(
            "new recipients: {names}. Compare their fingerprints with them in person, not in Slack",
            names=Listing(tuple(new)),
        )
    if gone:
        yield Phrase(
            "{n} earlier recipient can still open the earlier copies. If that must end, change the CA",
            plural="{n} earlier recipients can still open the earlier copies. If that must end, change the CA",
            n=len(gone),
        )
