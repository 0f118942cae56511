"""A rotation from one CA of tests to another, and what its hosts say."""

from datetime import timedelta
from typing import Any

from adapters.inventory import Host
from adapters.nebula.certificates import parse_pem
from adapters.windows.nebula import NebulaFiles
from commands.model.rotation import Rotation, RotationAuthority, RotationMember, RotationStage
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA, Authority, authority, files

NEXT_CA = authority("Flatnet CA 2", days=3000)
"""The new CA."""

FOLDER = r"F:\flatnet\nebula"


def rotation_authority(ca: Authority, stem: str) -> RotationAuthority:
    """What a rotation has of a CA, with its files on the lighthouse."""
    (certificate,) = parse_pem(ca.certificate)
    return RotationAuthority(
        fingerprint=certificate.fingerprint,
        name=certificate.name,
        ends_at=certificate.not_after,
        certificate=ca.certificate,
        certificate_file=rf"{FOLDER}\{stem}.crt",
        key_file=rf"{FOLDER}\{stem}.key",
    )


def rotation(stage: RotationStage, *members: RotationMember, **given: Any) -> Rotation:
    """A rotation that began 30 days ago."""
    usual: dict[str, Any] = {
        "number": 1,
        "old": rotation_authority(CA, "ca"),
        "new": rotation_authority(NEXT_CA, "rotation-1"),
        "operation": "op-000000000001",
        "started_at": NOW - timedelta(days=30),
    }
    return Rotation.model_validate(usual | {"stage": stage, "members": members} | given)


def held(host: Host, *trusted: Authority, signed: Authority = CA, **given: Any) -> NebulaFiles:
    """What a host says whose file has these CAs, with a certificate of `signed`."""
    bundle = {
        "ca": "".join(ca.certificate for ca in trusted),
        "ca_printed": "\n".join(ca.printed.strip() for ca in trusted),
    }
    return files(host, signed=signed, **{**bundle, **given})
