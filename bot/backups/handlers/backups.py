"""Handlers for backups: `backup verify` reads both copies, and records what it found."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.action import BOT_NAME
from bot.backups.model import VerificationRequest
from bot.backups.ports import BackupVerifierPort
from bot.backups.reports import report_verification
from bot.ports.context import RequestContext
from commands.backups.arguments import require_backup
from commands.backups.verify import BackupVerify, select_newest
from commands.model.report import Report


@dataclass(frozen=True)
class BackupHandlers:
    """Handlers of backups."""

    verifier: BackupVerifierPort
    now: Callable[[], datetime]

    async def verify(self, operation: BackupVerify, context: RequestContext) -> Report:
        """Verifies one backup, or the newest of each host and of the bot."""
        known = await self.verifier.read_known()
        request = VerificationRequest(context.actor, context.operation, context.view.fleet, context.view.progress)
        if operation.id:
            backup = require_backup(known, operation.id)
            return report_verification(await self.verifier.verify((backup,), request), (), self.now())
        names = [host.name for host in context.inventory.hosts]
        newest = select_newest(known.backups, names)
        found = {backup.host for backup in newest} - {BOT_NAME}
        without = [name for name in names if name not in found]
        return report_verification(await self.verifier.verify(newest, request), without, self.now())
