"""Backups of tests: with real archives, and a manifest that describes them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from adapters.backup import MissingFile
from adapters.inventory import WindowsPaths
from commands.model.backup import Backup, BackupManifest, KeptPart
from tests.commands.canned import NOW

PATHS = WindowsPaths.model_validate({})
OPERATION = "op-0123456789ab"
FOLDERS = {"nebula": r"F:\flatnet\config\nebula", "openresty": r"F:\flatnet\config", "cni": "/", "bot": "."}


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def backup_of(
    host: str, parts: Mapping[str, bytes], *, at: datetime = NOW, operation: str = OPERATION, missing: tuple[str, ...] = ()
) -> tuple[Backup, dict[str, bytes]]:
    """A backup with these archives by part, and its files by name; each part lacks the `missing` keys."""
    manifest = BackupManifest(
        format=1,
        id=f"{host}-{operation.removeprefix('op-')}",
        host=host,
        at=at,
        operation=operation,
        parts=tuple(
            KeptPart.model_validate(
                {
                    "part": part,
                    "file": f"{part}.tar",
                    "size": len(content),
                    "sha256": sha(content),
                    "folder": FOLDERS[part],
                    "missing": [MissingFile(path=path, why="key") for path in missing],
                }
            )
            for part, content in parts.items()
        ),
    )
    text = manifest.model_dump_json(indent=1).encode()
    files = {"manifest.json": text, **{f"{part}.tar": content for part, content in parts.items()}}
    return Backup(manifest=manifest, manifest_sha256=sha(text)), files
