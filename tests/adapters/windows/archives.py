"""Archives as backups hold them, and hostile ones."""

import io
import tarfile
from collections.abc import Mapping
from typing import Literal

GOOD: Mapping[str, bytes] = {
    "config.yaml": b"pki:\r\n  ca: F:/flatnet/nebula/ca.crt\r\n",
    "conf.d/\u8a2d\u5b9a.conf": "\u8a2d\u5b9a\r\n".encode("shift_jis"),
    "empty.conf": b"",
    "full.conf": b"x" * 1024,
    "lualib/" + "d" * 90 + "/" + "f" * 90 + ".lua": b"return 1\n",
    "CONFIG.d/console.conf": b"no device\n",
}


def make(*entries: tuple[tarfile.TarInfo, bytes], form: Literal[0, 1, 2] = tarfile.USTAR_FORMAT) -> bytes:
    """An archive with these entries, and two empty blocks at its end."""
    parts = [entry.tobuf(form, "utf-8") + content + bytes(-len(content) % 512) for entry, content in entries]
    return b"".join(parts) + bytes(1024)


def plain(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    """A file."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    return entry, content


def special(name: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """An entry that is no file: a link, a folder, a device."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "C:/Windows/win.ini"
    return entry, b""


def pack(files: Mapping[str, bytes]) -> bytes:
    """A good archive."""
    return make(*(plain(name, content) for name, content in files.items()))


def overwrite(archive: bytes, at: int, content: bytes) -> bytes:
    """An archive with other bytes at a place."""
    return archive[:at] + content + archive[at + len(content) :]


def overwrite_header(at: int, content: bytes) -> bytes:
    """An archive with other bytes in its first header, and the checksum that belongs to them."""
    header = bytearray(overwrite(make(plain("a.conf")), at, content))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header)


def pax(name: str) -> bytes:
    """What Python writes by default: a name beyond ASCII in a header of its own."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(plain(name)[0], io.BytesIO(b"x"))
    return file.getvalue()


NAMES = (
    "/etc/passwd",
    "../host.key",
    "conf.d/../../host.key",
    "./a.conf",
    "a//b.conf",
    "folder/",
    "C:/Windows/win.ini",
    "C:win.ini",
    "\\\\server\\share\\x",
    "a\\..\\b",
    "a.conf:stream",
    "NUL",
    "conf.d/con.txt",
    "Com1 .log",
    "LPT\u00b9",
    "a.conf.",
    "a.conf ",
    "b*.conf",
    "a\nb",
)
"""Names that lead elsewhere, or that Windows takes for another file, for a stream of one or for a device."""

HOSTILE: Mapping[str, bytes] = {
    **{f"the name {name!r}": make(plain(name)) for name in NAMES},
    "a symbolic link": make(special("a.conf", tarfile.SYMTYPE)),
    "a hard link": make(plain("b.conf"), special("a.conf", tarfile.LNKTYPE)),
    "a folder": make(special("conf.d", tarfile.DIRTYPE)),
    "a device": make(special("a.conf", tarfile.CHRTYPE)),
    "a block device": make(special("a.conf", tarfile.BLKTYPE)),
    "a pipe": make(special("a.conf", tarfile.FIFOTYPE)),
    "a sparse file": make(special("a.conf", tarfile.GNUTYPE_SPARSE)),
    "a long name of GNU": make(plain("n" * 200), form=tarfile.GNU_FORMAT),
    "a long name in the form of GNU, with its magic of POSIX": make(special("././@LongLink", tarfile.GNUTYPE_LONGNAME)),
    "a long name of pax": pax("\u8a2d" * 200),
    "settings of pax for all": make(special("a.conf", tarfile.XGLTYPE)),
    "the type of old archives": overwrite_header(156, b"\0"),
    "one name twice": make(plain("a.conf"), plain("a.conf")),
    "one name twice, with another case": make(plain("A.conf"), plain("a.CONF")),
    "a file below a file": make(plain("a"), plain("a/b")),
    "a file in the place of a folder": make(plain("a/b"), plain("A")),
    "a size that lies": overwrite_header(124, b"00000001777"),
    "a size beyond all": overwrite_header(124, b"77777777777"),
    "a size in base 256": overwrite_header(124, b"\x80" + bytes(10) + b"\x01"),
    "no size": overwrite_header(124, bytes(12)),
    "a name that is no text": overwrite_header(0, b"\xff\xfe"),
    "a prefix that is absolute": overwrite_header(345, b"/etc"),
    "one byte changed in a header": overwrite(make(plain("a.conf")), 0, b"b"),
    "one byte changed in the checksum": overwrite(make(plain("a.conf")), 148, b"9"),
    "other bytes": b"x" * 2048,
    "a zip": b"PK\x03\x04" + bytes(2044),
    "nothing": b"",
    "cut in a header": make(plain("a.conf"))[:300],
    "cut in a file": make(plain("a.conf", b"x" * 2000))[:1400],
    "cut before its end": make(plain("a.conf"))[:-1024],
    "cut in its end": make(plain("a.conf"))[:-512],
    "an entry behind the end": make(plain("a.conf"))[:-512] + make(plain("b.conf")),
}
"""Archives that are refused, by what is wrong with them."""
