"""Builds the verification of backups and of copies of the CA key, and drills."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.nebula.encoding import Curve
from bot.app.backup_files import SecondPlace
from bot.app.key_backups import KeyBackupActions
from bot.audit.log import AuditKeys, AuditLog
from bot.backups.drills import DrillRegistry
from bot.backups.key_verifier import KeyVerifier
from bot.backups.verifier import BackupVerifier
from bot.ledger.registry import IdentityLedger
from bot.store.backups import BackupTable
from bot.store.database import Database
from bot.store.key_backups import KeyBackupTable


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
