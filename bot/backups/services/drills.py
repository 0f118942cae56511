"""Drills of opening the copy of the CA key: opened, and passed or refused. Each step is in the audit log before its row.

open:  a key pair, of which only the public half is ever kept ─▶ an audit event ─▶ a row
check: pasted certificate ─ find_fault ─┬─ None: an audit event ─▶ the ledger ─▶ the row
                                        └─ a fault: an audit event ─▶ the row, which an alert follows ─▶ `DrillRefused`
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.errors import HostError, Refused
from adapters.nebula.certificates import Certificate, parse_pem
from adapters.nebula.encoding import Curve
from adapters.phrase import Phrase
from bot.audit_log.log import EventKind, Recorder
from bot.backups.tables import KeyBackupTable
from bot.model.observation import Observation
from commands.certificates.ca_key.judgment import DRILL_SPAN, encode_public_key, find_fault, is_open, name_certificate
from commands.model.backup import Drill, KeyBackup
from commands.model.certificates import MAX_TEXT, make_identity

MakePublicKey = Callable[[Curve], bytes]
"""Makes a key pair, and returns its public half. The private half does not leave the function."""

ReadAuthority = Callable[[str], Awaitable[str]]
"""Reads the certificate of the CA beside a copy in the second place, by the copy's id. Raises an `ActionFailed`."""


class Ledger(Protocol):
    """The ledger of identities (`bot.certificates.services.ledger`)."""

    async def record_drill(self, observed: Observation) -> None:
        """Stores a certificate that was shown, without an event of its own."""


class DrillRefused(Refused):
    """The certificate proves nothing."""


@dataclass(frozen=True)
class DrillRegistry:
    """Drills. Every method may raise a `DatabaseError`, or an error of the audit log."""

    table: KeyBackupTable
    audit: Recorder
    ledger: Ledger
    read_authority: ReadAuthority
    make_public_key: MakePublicKey
    now: Callable[[], datetime]

    async def open(self, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]:
        """Opens a drill for a copy, or finds the one that is open. Raises `Refused` if its CA is not known any more."""
        authority, now = await self._find_authority(key), self.now()
        for each in await self.table.read_drills():
            if each.authority == key.authority and is_open(each, now):
                return each, authority
        drill = Drill(
            number=0,
            authority=key.authority,
            public_key=encode_public_key(authority.curve, self.make_public_key(authority.curve)),
            opened_at=now,
            ends_at=now + DRILL_SPAN,
            opened_by=actor[:MAX_TEXT],
        )
        event = {"opened": name_certificate(drill), "authority": key.authority, "copy": key.id}
        await self.audit.record(EventKind.DRILL, actor, operation, event)
        return await self.table.open_drill(drill), authority

    async def check(self, text: str, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]:
        """Checks a certificate against the open drill. Raises `DrillRefused`, or `Refused` where no drill is open."""
        authority, now = await self._find_authority(key), self.now()
        drills = [each for each in await self.table.read_drills() if each.authority == key.authority]
        drill = next((each for each in drills if is_open(each, now)), None)
        if drill is None:
            raise Refused(Phrase("no drill is open. Begin one: {words}", words="ca backup drill"))
        (certificate,) = parse_pem(text)
        name = name_certificate(drill)
        fault = find_fault(text, drill, authority)
        if fault is not None:
            event = {"refused": name, "fingerprint": certificate.fingerprint, "why": str(fault)[:MAX_TEXT]}
            await self.audit.record(EventKind.DRILL, actor, operation, event)
            await self.table.refuse(drill.number, str(fault)[:MAX_TEXT], now)
            raise DrillRefused(Phrase("the certificate is refused: {why}", why=fault))
        event = {"passed": name, "fingerprint": certificate.fingerprint, "authority": key.authority}
        await self.audit.record(EventKind.DRILL, actor, operation, event)
        await self.ledger.record_drill(_observe(certificate, operation, now))
        await self.table.pass_drill(drill.number, certificate.fingerprint, actor[:MAX_TEXT], now)
        passed = {"passed_at": now, "passed_by": actor[:MAX_TEXT], "fingerprint": certificate.fingerprint}
        return drill.model_copy(update=passed), authority

    async def _find_authority(self, key: KeyBackup) -> Certificate:
        """Finds the certificate of the CA of a copy. What lies in the second place is believed only by its fingerprint."""
        try:
            found = parse_pem(await self.read_authority(key.id))
        except (HostError, ValueError):
            found = ()
        if [each.fingerprint for each in found] != [key.authority]:
            raise Refused(
                Phrase("could not read the CA's certificate beside {id}. Run {words}", id=key.id, words="ca backup verify")
            )
        return found[0]


def _observe(certificate: Certificate, operation: str, now: datetime) -> Observation:
    """Observes a drill's certificate as one that no host was left with: its private key never existed anywhere else."""
    signed = {"operation": operation, "signed_at": now, "abandoned": True}
    return Observation(make_identity(certificate).model_copy(update=signed))
