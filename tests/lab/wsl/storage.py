"""Images and volumes of a simulated podman, and what they are as streams of bytes."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field

MB = 2**20

PIECE = 2**16
"""Bytes of one piece of a stream."""


@dataclass(frozen=True)
class Image:
    """An image by its id. `names` have their tags, `digests` are those of registries; bytes of its archive."""

    id: str
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 2 * MB
    architecture: str = "amd64"

    @classmethod
    def of(cls, name: str, *, size: int = 2 * MB, architecture: str = "amd64") -> "Image":
        """The image of that name, which has been in a registry."""
        made = hashlib.sha256(name.encode()).hexdigest()
        digest = "sha256:" + hashlib.sha256(f"{name} digest".encode()).hexdigest()
        return cls(made, (name,), (digest,), size, architecture)

    def read(self) -> Iterator[bytes]:
        """Its archive in pieces: what it is, then bytes without a meaning up to its size."""
        said = {"id": self.id, "digests": self.digests, "size": self.size, "architecture": self.architecture}
        head = json.dumps(said).encode() + b"\n"
        yield head
        left = self.size - len(head)
        while left > 0:
            yield bytes(min(left, PIECE))
            left -= PIECE


BUSYBOX = Image("2f3d1b0c" * 8, ("localhost/busybox:lab",))
"""The image of everything that needs no other."""


def read_archive(head: bytes, size: int) -> Image | None:
    """The image of an archive from its first line and its size; None for what is none, or not all of one."""
    try:
        said = json.loads(head)
        image = Image(said["id"], (), tuple(said["digests"]), said["size"], said["architecture"])
    except (ValueError, KeyError, TypeError):
        return None
    return image if size >= image.size else None


@dataclass
class Volume:
    """A named volume with its files. `operation` is the mark of the change that made it by an import."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    driver: str = "local"
    options: int = 0
    operation: str = ""

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def sha256(self) -> str:
        """Of all names and contents."""
        said = [(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(self.files.items())]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def pack(self) -> bytes:
        """Its tar."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(f"./{path}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()

    def unpack(self, tar: bytes) -> bool:
        """Take the files of a tar. False for what is none, or not all of one."""
        try:
            with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
                files = {member.name.removeprefix("./"): archive.extractfile(member) for member in archive.getmembers()}
                self.files = {path: file.read() for path, file in files.items() if file is not None}
        except tarfile.TarError:
            return False
        return True
