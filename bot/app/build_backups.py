"""Builds what backups need: the second place, what performs the actions there, and the registry of rows.

Builds the verification of backups and of copies of the CA key, and drills.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.nebula.encoding import Curve
from bot.app.backup_files import BackupActions, OwnData, SecondPlace
from bot.app.key_backup_files import KeyBackupActions
from bot.audit_log.log import AuditLog
from bot.backups.services.drills import DrillRegistry
from bot.backups.services.registry import BackupRegistry
from bot.backups.services.verifier import BackupVerifier, KeyVerifier
from bot.backups.tables import BackupTable, KeyBackupTable
from bot.certificates.services.ledger import IdentityLedger
from bot.changes.services.step_binding import OwnActions
from bot.config.active_config import ActiveConfig
from bot.config.settings import Settings
from bot.store.address import DatabaseAddress
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database


def add_backup_actions(
    settings: Settings,
    database: DatabaseAddress,
    basis: Callable[[], ActiveConfig],
    own: OwnActions,
    now: Callable[[], datetime],
) -> None:
    """Adds the actions on the second place, as it is configured when they run, to those that the bot can do on itself."""
    data = OwnData(database, settings.audit_head_file)
    BackupActions(lambda: find_second_place(basis()), data, now).add_to(own)


def build_backup_registry(database: Database, audit: AuditLog, basis: Callable[[], ActiveConfig]) -> BackupRegistry:
    """Builds the registry over an open database. `basis` returns the active configuration."""
    return BackupRegistry(BackupTable(database), audit, lambda backup: find_second_place(basis()).read_manifest(backup))


def find_second_place(config: ActiveConfig) -> SecondPlace:
    """Finds the second place in the active configuration."""
    return SecondPlace(config.backup_folder.path, config.backup_folder.made_by_bot)


@dataclass(frozen=True)
class BackupServices:
    """Verification of backups and of copies of the CA key, and drills."""

    verifier: BackupVerifier
    key_verifier: KeyVerifier
    drills: DrillRegistry


@dataclass(frozen=True)
class VerificationBasis:
    """Basis of a verification: rows, the audit log with its keys, the second place, and a private folder for copies."""

    database: Database
    audit: AuditLog
    audit_keys: AuditKeys
    find_folder: Callable[[], Path]
    scratch: Path


def build_verification(basis: VerificationBasis, ledger: IdentityLedger, now: Callable[[], datetime]) -> BackupServices:
    """Builds the services."""
    keys, stored = KeyBackupTable(basis.database), KeyBackupActions(lambda: SecondPlace(basis.find_folder()))
    backups = BackupTable(basis.database)
    return BackupServices(
        BackupVerifier(backups, basis.audit, basis.audit_keys, basis.find_folder, basis.scratch, now, asyncio.Lock()),
        KeyVerifier(keys, basis.audit, stored.read, now),
        DrillRegistry(keys, basis.audit, ledger, stored.read_authority, make_public_key, now),
    )


def make_public_key(curve: Curve) -> bytes:
    """Makes a key pair, and returns its public half. The private half is never stored, and ends with this call."""
    if curve is Curve.CURVE25519:
        return x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
