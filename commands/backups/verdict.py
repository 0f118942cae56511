"""Judgment of a backup: its two copies compared with its manifest, and the tests of what was unpacked. Pure.

copy at each place ─ files missing, cut, changed, renamed; of another backup, host or version ─┐
nginx and Nebula on the unpacked copy; SQLite and the audit chain for the bot's own ───────────┴─▶ JudgedBackup
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PureWindowsPath

from pydantic import TypeAdapter

from adapters.backup import MANIFEST
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.backup_trial import BackupTrial, ManifestHead, PartTest, TestBackup, TestedPart
from commands.backups.parts import find_source, locate_first_place
from commands.model.backup import BACKUP_FORMAT, Backup, BackupPart, KeptPart, PlaceState

_DAMAGED_ARCHIVE = frozenset({"BadArchive", "TooLarge"})
"""Codes of archives that are refused. Other codes say that they could not be tested now."""

_SKIPPED = "Skipped"

_FAULT = TypeAdapter(Phrase)
"""Form in which a fault is stored: any reader gets it in their language."""


@dataclass(frozen=True)
class FoundFile:
    """A file at a place: its size and hash."""

    size: int
    sha256: str


@dataclass(frozen=True)
class FoundCopy:
    """The copy of a backup at a place. `others` are files that do not belong to it. `manifest` is None if unreadable."""

    files: Mapping[str, FoundFile]
    manifest: ManifestHead | None
    others: Mapping[str, FoundFile] = field(default_factory=dict)


@dataclass(frozen=True)
class NoCopy:
    """A place without a readable copy: ABSENT, UNREACHABLE, or NONE if the backup has no such place."""

    state: PlaceState
    why: Phrase | None = None


@dataclass(frozen=True)
class Inspection:
    """Everything that was read of one backup. `database` is the fault of the bot's own database, None for none."""

    first: BackupTrial | NoCopy
    second: FoundCopy | NoCopy
    database: Phrase | None = None


@dataclass(frozen=True)
class JudgedBackup:
    """Result for one backup: it with its new states, the fault, and the reason for which it could not be verified.

    A backup with neither was verified.
    """

    backup: Backup
    fault: Phrase | None = None
    unverified: Phrase | None = None

    @property
    def verified(self) -> bool:
        return self.fault is None and self.unverified is None


def build_trial(backup: Backup, host: Host) -> TestBackup:
    """Builds the read of the first place: hashes of all files, and a test of each part that a program on Windows uses."""
    folder = locate_first_place(host, backup.id)
    tests = tuple(test for part in backup.manifest.parts if (test := _build_test(part, host)) is not None)
    return TestBackup(folder=folder, scratch=f"{folder}.test", names=list_names(backup), tests=tests)


def list_names(backup: Backup) -> tuple[str, ...]:
    """Lists the names of a backup's files."""
    return (MANIFEST, *(part.file for part in backup.manifest.parts))


def judge_backup(before: Backup, seen: Inspection, at: datetime) -> JudgedBackup:
    """Judges a backup. What could not be read proves neither a fault nor that it is whole."""
    first_copy = seen.first if isinstance(seen.first, NoCopy) else _make_copy(seen.first)
    tested = () if isinstance(seen.first, NoCopy) else seen.first.tests
    first_fault, second_fault = _find_fault(before, first_copy), _find_fault(before, seen.second)
    refusals = list(_list_refusals(before, tested))
    faults = [
        *([Phrase("copy on the host: {why}", why=first_fault)] if first_fault is not None else ()),
        *([Phrase("second place: {why}", why=second_fault)] if second_fault is not None else ()),
        *refusals,
        *([seen.database] if seen.database is not None else ()),
    ]
    fault = faults[0] if faults else None
    unverified = next(_list_doubts(first_copy, seen.second, tested), None) if fault is None else None
    states = {
        "first": _find_state(first_copy, first_fault or next(iter(refusals), None)),
        "second": _find_state(seen.second, second_fault or seen.database),
        "checked_at": at,
        "verified_at": None if fault is not None else before.verified_at if unverified is not None else at,
        "fault": "" if fault is None else _FAULT.dump_json(fault).decode(),
    }
    return JudgedBackup(before.model_copy(update=states), fault, unverified)


def read_fault(backup: Backup) -> Phrase | None:
    """Reads the stored fault of a backup as a phrase; None if it has none."""
    if not backup.fault:
        return None
    try:
        return _FAULT.validate_json(backup.fault)
    except ValueError:
        return Phrase("unknown")


def _build_test(part: KeptPart, host: Host) -> PartTest | None:
    """Builds the test of a part as it would be used again: with the keys, and the certificate, that the host has now."""
    source = find_source(host, part.part)
    if source is None or host.windows is None:
        return None
    paths, keep = host.windows.paths, [missing.path for missing in part.missing]
    of_nebula = part.part is BackupPart.NEBULA
    certificate, base = PureWindowsPath(paths.host_certificate), PureWindowsPath(source.folder)
    if of_nebula and base in certificate.parents:
        keep.append(certificate.relative_to(base).as_posix())
    return PartTest(
        part="nebula" if of_nebula else "openresty",
        file=part.file,
        sha256=part.sha256,
        program="nebula" if of_nebula else "nginx",
        exe=paths.nebula_exe if of_nebula else paths.gateway_exe,
        base=part.folder,
        main=PureWindowsPath(paths.nebula_config if of_nebula else paths.gateway_config).name,
        prefix="" if of_nebula else paths.gateway_folder,
        folders=source.folders,
        keep=tuple(dict.fromkeys(keep)),
    )


def _make_copy(trial: BackupTrial) -> FoundCopy:
    return FoundCopy({each.name: FoundFile(each.size, each.sha256) for each in trial.files}, trial.manifest)


def _find_state(copy: FoundCopy | NoCopy, fault: Phrase | None) -> PlaceState:
    if isinstance(copy, NoCopy):
        return copy.state
    return PlaceState.WHOLE if fault is None else PlaceState.DAMAGED


def _find_fault(backup: Backup, copy: FoundCopy | NoCopy) -> Phrase | None:
    """Finds the first fault of a copy, with the manifest first: it says of which backup the copy is."""
    if isinstance(copy, NoCopy):
        return copy.why if copy.state is PlaceState.ABSENT else None
    manifest = copy.files.get(MANIFEST)
    if manifest is not None and manifest.sha256 != backup.manifest_sha256:
        return _explain_manifest(backup, copy.manifest)
    if backup.manifest.format > BACKUP_FORMAT:
        return _explain_newer(backup.manifest.format)
    if manifest is None:
        return _explain_missing(MANIFEST, backup.manifest_sha256, copy)
    return next(_list_file_faults(backup, copy), None)


def _explain_manifest(backup: Backup, found: ManifestHead | None) -> Phrase:
    if found is None:
        return Phrase("{file} is damaged and cannot be read", file=MANIFEST)
    if found.format > BACKUP_FORMAT:
        return _explain_newer(found.format)
    if found.host != backup.host:
        return Phrase("a backup of another host: {host}", host=found.host[:80])
    if found.id != backup.id:
        return Phrase("another backup of this host, under this name: {id}", id=found.id[:80])
    return Phrase("{file} was changed", file=MANIFEST)


def _explain_newer(form: int) -> Phrase:
    return Phrase("made by a newer version (format {format}). Install that version of flatnet-bot to use it", format=form)


def _list_file_faults(backup: Backup, copy: FoundCopy) -> Iterator[Phrase]:
    for part in backup.manifest.parts:
        found = copy.files.get(part.file)
        if found is None:
            yield _explain_missing(part.file, part.sha256, copy)
        elif found.size < part.size:
            yield Phrase("{file} is cut short: {n} of {size} bytes", file=part.file, n=found.size, size=part.size)
        elif found.sha256 != part.sha256:
            yield Phrase("{file} was changed: the SHA-256 is not that of the manifest", file=part.file)


def _explain_missing(name: str, sha256: str, copy: FoundCopy) -> Phrase:
    other = next((other for other, found in copy.others.items() if found.sha256 == sha256), None)
    if other is not None:
        return Phrase("{file} was renamed to {other}", file=name, other=other[:80])
    return Phrase("{file} is missing", file=name)


def _list_refusals(backup: Backup, tested: Sequence[TestedPart]) -> Iterator[Phrase]:
    """Lists archives that are refused, and configurations that their programs refuse."""
    for each in tested:
        part = backup.manifest.find_part(BackupPart(each.part))
        name = each.part if part is None else part.file
        if each.failure in _DAMAGED_ARCHIVE:
            yield Phrase("{file} cannot be unpacked: {why}", file=name, why=each.words[:300])
        elif not each.failure and each.test.state == "bad":
            where = f"{each.test.file}:{each.test.line}" if each.test.line else name
            yield Phrase(
                "{program} refuses the configuration in the backup: {says} ({where})",
                program="nginx" if each.part == "openresty" else "nebula",
                says=each.test.says,
                where=where,
            )


def _list_doubts(first: FoundCopy | NoCopy, second: FoundCopy | NoCopy, tested: Sequence[TestedPart]) -> Iterator[Phrase]:
    """Lists reasons for which a backup without a fault is not verified."""
    for copy in (first, second):
        if isinstance(copy, NoCopy) and copy.state is not PlaceState.NONE:
            yield copy.why or Phrase("unknown")
    for each in tested:
        if each.failure and each.failure != _SKIPPED:
            yield Phrase("{part} could not be tested: {why}", part=each.part, why=each.words[:300])
