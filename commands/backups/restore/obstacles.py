"""Obstacles to a restore that follow from what the bot knows: another host, a newer version, a rotation. Pure."""

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate
from adapters.phrase import Phrase
from commands.backups.listing import describe_reason
from commands.changes.owed import find_owed_first
from commands.model.backup import BACKUP_FORMAT, Backup, BackupPart, KnownBackups
from commands.model.operation import FleetView


def find_backup_obstacle(known: KnownBackups, name: str, part: BackupPart, host: Host) -> Phrase | None:
    """Finds the reason for which a part of a backup cannot come back to a host; None if there is none."""
    backup = known.find(name)
    if backup is None:
        if not known.available:
            return Phrase("could not read the list of backups. Run {words}", words="doctor")
        return Phrase("no backup {id}. Run {words} for the list", id=name, words="backup")
    manifest = backup.manifest
    if manifest.format > BACKUP_FORMAT:
        return Phrase("{id} was made by a newer version of flatnet-bot. Update the bot first", id=name)
    if manifest.host != host.name:
        return Phrase("{id} has the files of {other}, not of {host}", id=name, other=manifest.host, host=host.name)
    if manifest.host_id is not None and manifest.host_id != host.id:
        return Phrase(
            "{host} had the host ID {old} when {id} was made, and has {new} now. Its files are of another address",
            host=host.name,
            old=str(manifest.host_id),
            id=name,
            new=str(host.id),
        )
    if manifest.find_part(part) is None:
        missing = next((each for each in manifest.missing if each.path == part.value), None)
        if missing is None:
            return Phrase("{id} has no part {part}", id=name, part=part.value)
        return Phrase("{id} has no part {part}: {why}", id=name, part=part.value, why=describe_reason(missing.why))
    return None


def find_nebula_obstacle(backup: Backup, host: Host, certificate: Certificate | None, view: FleetView) -> Phrase | None:
    """Finds the reason for which Nebula's configuration cannot be put back now; None if there is none.

    `certificate` is the present one of the host.
    """
    if view.rotation is not None and not view.rotation.stage.ended:
        return Phrase(
            "a change of the CA is under way, and an earlier configuration could cut {host} off. End it first: {words}",
            host=host.name,
            words="ca rotation",
        )
    if (why := find_owed_first(host.name, view.owed)) is not None:
        return why
    if certificate is None:
        words = f"cert show {host.name}"
        return Phrase("could not read the present certificate, so its name cannot be compared. Run {words}", words=words)
    then = next((each for each in view.identities.identities if each.fingerprint == backup.manifest.certificate), None)
    addresses = tuple(str(network.ip) for network in certificate.networks)
    if then is not None and (then.name, then.addresses) != (certificate.name, addresses):
        return Phrase(
            "the certificate of {host} was {old} when the backup was made, and is {new} now. It was another identity",
            host=host.name,
            old=f"{then.name} {then.address}",
            new=f"{certificate.name} {' '.join(addresses)}",
        )
    return None
