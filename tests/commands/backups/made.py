"""Backups as they are stored, for tests."""

from datetime import datetime
from typing import Any

from commands.model.backup import Backup, BackupManifest, PlaceState

SHA = "ab" * 32


def make_backup(host: str, at: datetime, **given: Any) -> Backup:
    """A whole backup of a host, with one part."""
    number = f"{int(at.timestamp()):012x}"[-12:]
    manifest = {
        "format": 1,
        "id": f"{host}-{number}",
        "host": host,
        "host_id": 1,
        "at": at,
        "operation": f"op-{number}",
        "parts": [
            {
                "part": "nebula",
                "file": "nebula.tar",
                "size": 2_048,
                "sha256": SHA,
                "folder": r"F:\flatnet\config\nebula",
                "files": [{"path": "config.yaml", "size": 512, "sha256": SHA}],
                "missing": [{"path": "host.key", "why": "key"}],
            }
        ],
        "missing": [{"path": "cni", "why": "unreachable"}],
        "versions": {"nebula": "1.9.3"},
        "certificate": SHA,
    }
    usual = {"first": PlaceState.WHOLE, "second": PlaceState.WHOLE, "checked_at": at}
    return Backup(manifest=BackupManifest.model_validate(manifest), manifest_sha256=SHA, **{**usual, **given})
