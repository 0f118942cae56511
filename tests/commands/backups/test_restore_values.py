"""What a restore changes and what it keeps: files compared, configurations of Nebula merged, obstacles."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate, parse_pem
from adapters.phrase import ENGLISH
from adapters.windows.restore import PresentPartFile
from commands.backups.restore.gateway import compare_files
from commands.backups.restore.nebula import merge_configuration
from commands.backups.restore.obstacles import find_backup_obstacle, find_nebula_obstacle
from commands.configuration.nebula import read_blocklist
from commands.configuration.splice import UnsuitableText
from commands.model.backup import Backup, BackupManifest, BackupPart, KeptPart, KnownBackups
from commands.model.certificates import Identity, IdentityKind, KnownIdentities
from commands.model.operation import FleetView
from commands.model.rotation import Rotation, RotationAuthority, RotationStage
from tests.commands import canned_certs
from tests.commands.canned import host

ONE, TWO, THREE, FOUR = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
ID = "host-a-0123456789ab"


def present(files: Mapping[str, str], why: Mapping[str, str] = {}) -> tuple[PresentPartFile, ...]:
    return tuple(
        PresentPartFile.model_validate({"path": name, "size": 1, "sha256": sha256, "why": why.get(name, "")})
        for name, sha256 in files.items()
    )


def test_a_folder_is_swapped_as_a_whole_so_the_mistake_in_it_goes() -> None:
    found = compare_files(
        {"nginx.conf": ONE, "conf.d/web.conf": ONE, "conf.d/old.conf": ONE, "lualib/a.lua": ONE},
        present(
            {
                "nginx.conf": TWO,
                "conf.d/web.conf": ONE,
                "conf.d/mistake.conf": ONE,
                "lualib/a.lua": ONE,
                "conf.d/tls.key": ONE,
                "notes.txt": ONE,
                "logs/access.log": ONE,
            },
            {"conf.d/tls.key": "key"},
        ),
    )
    assert (("nginx.conf",), ("conf.d/old.conf",), ("conf.d/mistake.conf",)) == (found.changed, found.added, found.removed)
    assert (("conf.d/tls.key",), ("logs/access.log", "notes.txt"), ()) == (found.kept, found.left, found.links)
    assert ("conf.d", "nginx.conf") == found.places


def test_nothing_is_restored_where_all_files_are_the_same() -> None:
    files = {"nginx.conf": ONE, "conf.d/web.conf": TWO}
    assert compare_files(files, present(files)).empty


def test_links_in_a_folder_that_is_swapped_are_named() -> None:
    found = compare_files(
        {"conf.d/a.conf": ONE}, present({"conf.d/b": "", "other": ""}, {"conf.d/b": "link", "other": "link"})
    )
    assert ("conf.d/b",) == found.links


KEPT = f'''pki:
  ca: F:/flatnet/config/nebula/ca.crt
  cert: F:/flatnet/config/nebula/old.crt
  key: "F:/flatnet/config/nebula/old.key"
  blocklist:
    - "{ONE}"
lighthouse:
  am_lighthouse: false
'''.encode()  # fmt: skip
PRESENT = f'''pki:
  ca: F:/flatnet/config/nebula/ca-both.crt # two of them now
  cert: 'F:/flatnet/config/nebula/host.crt'
  key: F:/flatnet/config/nebula/host.key
  blocklist:
    - "{TWO}"
    - zzzz
lighthouse:
  am_lighthouse: maybe
'''.encode()  # fmt: skip


def test_the_pair_and_the_ca_file_stay_and_no_fingerprint_is_lost() -> None:
    merged = merge_configuration(KEPT, PRESENT, (THREE, ONE))
    assert merged.decode() == f'''pki:
  ca: F:/flatnet/config/nebula/ca-both.crt
  cert: 'F:/flatnet/config/nebula/host.crt'
  key: F:/flatnet/config/nebula/host.key
  blocklist:
    - "{ONE}"
    - "{TWO}"
    - "{THREE}"
lighthouse:
  am_lighthouse: false
'''  # fmt: skip


def test_a_backup_without_a_blocklist_gets_the_present_one() -> None:
    without = KEPT.replace(f'  blocklist:\n    - "{ONE}"\n'.encode(), b"")
    assert (TWO,) == read_blocklist(merge_configuration(without, PRESENT, ()))


@pytest.mark.parametrize(
    "kept",
    [
        KEPT.replace(b"  key:", b"  keyy:"),
        KEPT.replace(b"  cert: F:/flatnet/config/nebula/old.crt\n", b"  cert: |\n    -----BEGIN\n    x\n"),
        KEPT.replace(b"  blocklist:", b"  blocklst:"),
        b"pki: [\n",
        b"",
    ],
)
def test_a_configuration_whose_meaning_is_not_sure_is_refused(kept: bytes) -> None:
    with pytest.raises(UnsuitableText):
        merge_configuration(kept, PRESENT, ())


def known(**differs: Any) -> KnownBackups:
    part = KeptPart(part=BackupPart.OPENRESTY, file="openresty.tar", size=1, sha256=ONE, folder="F:/flatnet/config")
    fields = {
        "format": 1,
        "id": ID,
        "host": "host-a",
        "host_id": 1,
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "operation": "op-0123456789ab",
        "parts": (part,),
        "missing": ({"path": "cni", "why": "unreachable"},),
    }
    return KnownBackups((Backup(manifest=BackupManifest.model_validate({**fields, **differs}), manifest_sha256=TWO),))


def explain(backups: KnownBackups, part: BackupPart = BackupPart.OPENRESTY, on: Host | None = None) -> str:
    why = find_backup_obstacle(backups, ID, part, on or host("host-a", 1))
    return "" if why is None else why.render(ENGLISH)


def test_a_backup_of_this_host_has_no_obstacle() -> None:
    assert "" == explain(known())


@pytest.mark.parametrize(
    ("backups", "part", "words"),
    [
        (known(host="host-b"), BackupPart.OPENRESTY, f"{ID} has the files of host-b, not of host-a"),
        (known(host_id=7), BackupPart.OPENRESTY, "had the host ID 7 when"),
        (known(format=2), BackupPart.OPENRESTY, "was made by a newer version of flatnet-bot"),
        (known(), BackupPart.NEBULA, f"{ID} has no part nebula"),
        (known(), BackupPart.CNI, f"{ID} has no part cni: WSL2 does not respond"),
        (KnownBackups(), BackupPart.OPENRESTY, f"no backup {ID}"),
        (replace(KnownBackups(), available=False), BackupPart.OPENRESTY, "could not read the list of backups"),
    ],
)
def test_what_a_backup_is_of_decides(backups: KnownBackups, part: BackupPart, words: str) -> None:
    assert words in explain(backups, part)


AT = datetime(2026, 3, 1, tzinfo=UTC)


def make_view() -> FleetView:
    return canned_certs.view(canned_certs.host("host-a", 1))


def make_certificate() -> Certificate:
    (certificate,) = parse_pem(canned_certs.CA.sign("host-a", "10.100.1.1/16")[0])
    return certificate


def make_rotation(stage: RotationStage) -> Rotation:
    authority = RotationAuthority(
        fingerprint=ONE, name="ca", ends_at=AT, certificate="", certificate_file="ca.crt", key_file="ca.key"
    )
    return Rotation(number=1, stage=stage, old=authority, new=authority, operation="op-0123456789ab", started_at=AT)


@pytest.mark.parametrize("stage", RotationStage)
def test_nebula_is_not_restored_while_the_ca_is_changed(stage: RotationStage) -> None:
    view = replace(make_view(), rotation=make_rotation(stage))
    why = find_nebula_obstacle(known().backups[0], host("host-a", 1), make_certificate(), view)
    assert (None if stage.ended else "ca rotation") == (None if why is None else why.values["words"])


@pytest.mark.parametrize(
    ("name", "address", "refused"),
    [("host-a", "10.100.1.1", False), ("host-old", "10.100.1.1", True), ("host-a", "10.100.9.1", True)],
)
def test_a_configuration_of_another_identity_is_refused(name: str, address: str, refused: bool) -> None:
    then = Identity(fingerprint=THREE, kind=IdentityKind.NEBULA, name=name, address=address)
    view = replace(make_view(), identities=KnownIdentities((then,)))
    why = find_nebula_obstacle(known(certificate=THREE).backups[0], host("host-a", 1), make_certificate(), view)
    assert refused == (why is not None)


def test_a_host_whose_certificate_cannot_be_read_is_refused() -> None:
    assert find_nebula_obstacle(known().backups[0], host("host-a", 1), None, make_view()) is not None
