"""Attestation of rows that plans rely on, by signed events: a backup that is put back, a drill that has passed. Pure.

A row alone is not trusted. An edited one could have files of another origin put back, or the old CA key wiped although
no person has ever opened the copy of the new one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from bot.store.audit_chain import StoredEvent
from commands.certificates.ca_key.judgment import name_certificate
from commands.model.backup import Backup, BackupManifest, Drill


def is_attested_backup(backup: Backup, events: Iterable[StoredEvent], contents: Iterable[bytes]) -> bool:
    """Returns whether a backup is listed as it was made. `contents`: bytes that may be those of its manifest."""
    made = [each for event in events for each in _list_made(event)]
    signed = any((each.get("id"), each.get("manifest")) == (backup.id, backup.manifest_sha256) for each in made)
    return signed and any(_is_manifest(content, backup) for content in contents)


def is_attested_drill(drill: Drill, events: Iterable[StoredEvent]) -> bool:
    """Returns whether a drill has passed as its row says."""
    passed = (name_certificate(drill), drill.fingerprint, drill.authority)
    read = map(_parse, events)
    return any((each.get("passed"), each.get("fingerprint"), each.get("authority")) == passed for each in read)


def _is_manifest(content: bytes, backup: Backup) -> bool:
    if hashlib.sha256(content).hexdigest() != backup.manifest_sha256:
        return False
    try:
        return BackupManifest.model_validate_json(content) == backup.manifest
    except ValidationError:
        return False


def _list_made(event: StoredEvent) -> list[Mapping[str, Any]]:
    made = _parse(event).get("made")
    return [each for each in made if isinstance(each, dict)] if isinstance(made, list) else []


def _parse(event: StoredEvent) -> Mapping[str, Any]:
    """Parses the data of an event; nothing for one of another version."""
    data = json.loads(event.data)
    return data if isinstance(data, dict) else {}
