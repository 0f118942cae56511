"""Handlers for `ca backup`: copies of the CA key, their verification, and drills."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from bot.backups.ports import DrillPort, KeyVerifierPort
from bot.ports.context import RequestContext
from commands.certificates.ca_key.judgment import choose_key_backup, judge_key_backups, judge_present_authority
from commands.certificates.ca_key.operations import KeyBackupList, KeyBackupVerify, KeyDrill
from commands.certificates.ca_key.reports import (
    report_key_backups,
    report_open_drill,
    report_passed_drill,
    report_verification,
)
from commands.certificates.reading import read_certificates
from commands.certificates.renewal_obstacles import find_signer
from commands.model.backup import KeyBackup, KnownBackups
from commands.model.operation import CannotPlan, FleetView
from commands.model.report import Report


@dataclass(frozen=True)
class AuthorityHandlers:
    """Handlers of copies of the CA key."""

    verifier: KeyVerifierPort
    drills: DrillPort
    now: Callable[[], datetime]

    async def list_copies(self, operation: KeyBackupList, context: RequestContext) -> Report:
        known, view, now = await self.verifier.read_known(), context.view, self.now()
        problems = judge_key_backups(known, view.recipients, view.rotation, now)
        return report_key_backups(known, problems, view.recipients, now)

    async def verify(self, operation: KeyBackupVerify, context: RequestContext) -> Report:
        """Verifies the newest copy of the CA that will stay. Raises `Refused` if there is none."""
        view = context.view
        known, present = await self.verifier.read_known(), await _read_present_authority(operation, view)
        key = (known.find_key(present.fingerprint) if present is not None else None) or _require_copy(known, context)
        checked = await self.verifier.verify(key, view, context.actor, context.operation)
        known = await self.verifier.read_known()
        problems = (
            *judge_present_authority(known, present),
            *judge_key_backups(known, view.recipients, view.rotation, self.now()),
        )
        return report_verification(checked, problems, view.recipients, self.now())

    async def drill(self, operation: KeyDrill, context: RequestContext) -> Report:
        """Shows the public key of a drill, or checks the certificate that was made from it."""
        key = _require_copy(await self.verifier.read_known(), context)
        if not operation.certificate:
            drill, authority = await self.drills.open(key, context.actor, context.operation)
            return report_open_drill(drill, authority, self.now())
        drill, authority = await self.drills.check(operation.certificate, key, context.actor, context.operation)
        return report_passed_drill(drill, authority, self.now())


async def _read_present_authority(operation: KeyBackupVerify, view: FleetView) -> Certificate | None:
    """Reads the CA with which the lighthouse signs. During a rotation, and where it cannot be read, it is not known."""
    if view.rotation is not None:
        return None
    seen = await read_certificates(operation.resolve_hosts(view.fleet.inventory), view)
    try:
        return find_signer(seen)[1]
    except CannotPlan:
        return None


def _require_copy(known: KnownBackups, context: RequestContext) -> KeyBackup:
    key = choose_key_backup(known, context.view.rotation)
    if key is None:
        raise Refused(Phrase("no copy of the CA key exists. Make one: {words}", words="ca backup create --new-recipients"))
    return key
