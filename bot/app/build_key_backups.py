"""Builds what copies of the CA key need: their verification, and drills."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.nebula.encoding import Curve
from bot.app.key_backups import KeyBackupActions
from bot.audit.log import AuditLog
from bot.backups.drills import DrillRegistry
from bot.backups.key_verifier import KeyVerifier
from bot.ledger.registry import IdentityLedger
from bot.store.database import Database
from bot.store.key_backups import KeyBackupTable


@dataclass(frozen=True)
class KeyServices:
    """Verification of copies of the CA key, and drills."""

    verifier: KeyVerifier
    drills: DrillRegistry


def build_key_services(
    database: Database,
    audit: AuditLog,
    ledger: IdentityLedger,
    find_folder: Callable[[], Path],
    now: Callable[[], datetime],
) -> KeyServices:
    """Builds the services. `find_folder` returns the second place."""
    table, stored = KeyBackupTable(database), KeyBackupActions(find_folder)
    return KeyServices(
        KeyVerifier(table, audit, stored.read, now),
        DrillRegistry(table, audit, ledger, stored.read_authority, make_public_key, now),
    )


def make_public_key(curve: Curve) -> bytes:
    """Makes a key pair, and returns its public half. The private half is never stored, and ends with this call."""
    if curve is Curve.CURVE25519:
        return x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
