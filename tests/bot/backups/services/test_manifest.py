"""The manifest of a backup: every file in its archives, hashed, and nothing that an archive only claims."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.backup import MissingFile
from adapters.errors import ActionFailed
from adapters.local.backups import PartToSeal, ProgramVersion, SealBackup
from bot.backups.services.offsite import build_manifest, list_archive
from commands.model.backup import BackupPart, KeptFile

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Entry = tuple[tarfile.TarInfo, bytes]
SEAL = SealBackup(
    backup="host-a-0123456789ab",
    host="host-a",
    host_id=1,
    operation="op-0123456789ab",
    parts=(
        PartToSeal(part="nebula", file="nebula.tar", folder=r"F:\flatnet\config\nebula"),
        PartToSeal(part="cni", file="cni.tar", folder="/"),
    ),
    nebula_missing=(MissingFile(path="host.key", why="key"),),
    missing=(MissingFile(path="openresty", why="absent"),),
    versions=(ProgramVersion(name="nebula", version="1.9.3"),),
    certificate="ab" * 32,
)


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> Entry:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = len(content), kind, target
    return made, content


def pack(file: Path, entries: Iterable[Entry]) -> Path:
    with tarfile.open(file, "w") as archive:
        for made, content in entries:
            archive.addfile(made, io.BytesIO(content))
    return file


def keep(path: str, content: bytes) -> KeptFile:
    return KeptFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def test_every_file_is_hashed_and_links_and_keys_are_named(tmp_path: Path) -> None:
    pack(tmp_path / "nebula.tar", [entry("config.yaml", b"pki:\n"), entry("\u8a2d\u5b9a/ca.crt", b"PEM")])
    folder, link = entry("./opt/cni/bin", kind=tarfile.DIRTYPE), entry("./opt/link", kind=tarfile.SYMTYPE, target="/etc")
    pack(tmp_path / "cni.tar", [folder, entry("./opt/cni/bin/flatnet", b"\x7fELF"), link])
    manifest = build_manifest(SEAL, tmp_path, AT)
    nebula, cni = manifest.find_part(BackupPart.NEBULA), manifest.find_part(BackupPart.CNI)
    assert nebula is not None
    assert cni is not None
    assert (keep("config.yaml", b"pki:\n"), keep("\u8a2d\u5b9a/ca.crt", b"PEM")) == nebula.files
    assert (MissingFile(path="host.key", why="key"),) == nebula.missing
    assert (keep("opt/cni/bin/flatnet", b"\x7fELF"),) == cni.files
    assert (MissingFile(path="opt/link", why="link"),) == cni.missing
    assert ({"nebula": "1.9.3"}, AT, SEAL.missing) == (manifest.versions, manifest.at, manifest.missing)
    assert hashlib.sha256((tmp_path / "nebula.tar").read_bytes()).hexdigest() == nebula.sha256


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([entry("../config.yaml")], id="a path that leads out"),
        pytest.param([entry("conf.d/../../x")], id="a path that leads out further in"),
        pytest.param([entry("/etc/passwd")], id="a full path"),
        pytest.param([entry("C:x")], id="a path on another drive"),
        pytest.param([entry("a\\..\\b")], id="a path of Windows"),
        pytest.param([entry("a\nb")], id="a line break in a name"),
        pytest.param([entry("a"), entry("A")], id="two files of one name on Windows"),
        pytest.param([entry("device", kind=tarfile.CHRTYPE)], id="a device"),
        pytest.param([entry("pipe", kind=tarfile.FIFOTYPE)], id="a pipe"),
        pytest.param([entry("x" * 600, b"x")], id="a name that is too long"),
    ],
)
def test_an_archive_that_flatnet_bot_would_not_make_is_refused(tmp_path: Path, entries: list[Entry]) -> None:
    with pytest.raises(ActionFailed, match="is not an archive that flatnet-bot makes"):
        list(list_archive(pack(tmp_path / "nebula.tar", entries)))


def cut(content: bytes) -> bytes:
    return content[:700]


def claim_more(content: bytes) -> bytes:
    """The header says that the file is larger than the archive."""
    made = tarfile.TarInfo("config.yaml")
    made.size = 2**33
    return made.tobuf() + content[512:]


@pytest.mark.parametrize("damage", [cut, claim_more, lambda content: b"no archive", lambda content: b""])
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = pack(tmp_path / "nebula.tar", [entry("config.yaml", b"x" * 2_000)])
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ActionFailed, match="is not an archive that flatnet-bot makes"):
        list(list_archive(file))


def test_an_archive_that_was_changed_after_it_arrived_is_not_sealed(tmp_path: Path) -> None:
    """A second place is often a share. What another one puts there meanwhile must not become a backup to restore."""
    pack(tmp_path / "nebula.tar", [entry("config.yaml", b"pki:\n")])
    pack(tmp_path / "cni.tar", [entry("./opt/cni/bin/flatnet", b"\x7fELF")])
    arrived = {
        f"{part}_sha256": hashlib.sha256((tmp_path / f"{part}.tar").read_bytes()).hexdigest() for part in ("nebula", "cni")
    }
    seal = SEAL.model_copy(update=arrived)
    assert [*arrived.values()] == [part.sha256 for part in build_manifest(seal, tmp_path, AT).parts]

    pack(tmp_path / "cni.tar", [entry("./opt/cni/bin/flatnet", b"another one")])
    with pytest.raises(ActionFailed, match=r"cni\.tar was changed since it arrived"):
        build_manifest(seal, tmp_path, AT)
