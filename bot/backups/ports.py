"""Ports of backups: what handlers and planning may ask of backups, verification and drills."""

from collections.abc import Sequence
from typing import Protocol

from adapters.nebula.certificates import Certificate
from bot.backups.model import VerificationRequest
from commands.backups.verdict import JudgedBackup
from commands.model.backup import Backup, Drill, KeyBackup, KnownBackups
from commands.model.operation import FleetView


class BackupReader(Protocol):
    """Backups (`bot.backups.services.registry`)."""

    async def read_known(self) -> KnownBackups: ...

    async def find(self, name: str) -> Backup | None: ...


class BackupVerifierPort(Protocol):
    """Verification of backups (`bot.backups.services.verifier`)."""

    async def read_known(self) -> KnownBackups: ...

    async def verify(self, backups: Sequence[Backup], request: VerificationRequest) -> tuple[JudgedBackup, ...]: ...


class KeyVerifierPort(Protocol):
    """Copies of the CA key and their verification (`bot.backups.services.verifier`)."""

    async def read_known(self) -> KnownBackups: ...

    async def verify(self, key: KeyBackup, view: FleetView, actor: str, operation: str) -> KeyBackup: ...


class DrillPort(Protocol):
    """Drills of opening a copy of the CA key (`bot.backups.services.drills`)."""

    async def open(self, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]: ...

    async def check(self, text: str, key: KeyBackup, actor: str, operation: str) -> tuple[Drill, Certificate]: ...
