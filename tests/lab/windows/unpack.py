"""Twin of `scripts/parts/unpack.ps1`: the files of a plain archive, and what is refused of a hostile one."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PureWindowsPath

from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError, fail
from tests.lab.windows.twins_nebula import open_folder

WRONG = re.compile(r'[\x00-\x1f<>:"\\|?*]|[. ]\Z|\A\Z')
DEVICE = re.compile(r"\A(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3])\s*(\.|\Z)", re.IGNORECASE)
PATH_LIMIT = 259


def expand_part(
    state: WindowsState, archive: PureWindowsPath, folder: PureWindowsPath, limits: tuple[int, int], now: datetime
) -> list[str]:
    """Put the files of an archive into a new folder; their names. `limits`: bytes of the archive, files."""
    if state.has_folder(folder):
        raise fail("FolderThere", f"{folder} is there already; look at it, then remove it")
    files = dict(read_archive(state.bytes_of(archive), *limits))
    open_folder(state, folder)
    for name in files:
        path = folder / PureWindowsPath(name)
        if len(str(path)) > PATH_LIMIT:
            raise fail("PathTooLong", f"Windows takes no path as long as {path}")
    for name, content in files.items():
        state.write_bytes(folder / PureWindowsPath(name), content, now)
    return list(files)


def read_archive(archive: bytes, bytes_limit: int, files_limit: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of an archive, in their order."""
    if len(archive) > bytes_limit:
        raise fail("TooLarge", f"the archive has {len(archive)} bytes, more than {bytes_limit}")
    at, files, folders = 0, set[str](), set[str]()
    while any(header := _block(archive, at)):
        name, size = _read_header(header, at)
        require_name(name)
        _add(name.upper(), files, folders, name)
        if len(files) > files_limit:
            raise fail("TooLarge", f"the archive has more than {files_limit} files")
        if at + 512 + size > len(archive):
            raise _bad(f"the archive ends within {name}")
        yield name, archive[at + 512 : at + 512 + size]
        at += 512 + size + -size % 512
    if any(_block(archive, at + 512)):
        raise _bad("there is an entry behind the end of the archive")


def require_name(name: str) -> None:
    """Refuse a name that leads elsewhere, or that Windows takes for something else."""
    if any(WRONG.search(part) or DEVICE.search(part) for part in name.split("/")):
        raise _bad(f"{name} is no name that a file of a backup can have")


def _block(archive: bytes, at: int) -> bytes:
    block = archive[at : at + 512]
    if len(block) < 512:
        raise _bad("the archive is cut short")
    return block


def _read_header(header: bytes, at: int) -> tuple[str, int]:
    if header[257:265] != b"ustar\x0000":
        raise _bad(f"there is no header of a file at byte {at}")
    if _read_number(header[148:156], at) != sum(header) - sum(header[148:156]) + 256:
        raise _bad(f"the header at byte {at} is damaged")
    name, above = _read_field(header[:100], at), _read_field(header[345:500], at)
    name = f"{above}/{name}" if above else name
    if (kind := chr(header[156])) != "0":
        raise _bad(f"{name} is no plain file, but of type {kind}")
    return name, _read_number(header[124:136], at)


def _read_number(field: bytes, at: int) -> int:
    digits = field.strip(b"\0 ")
    if not re.fullmatch(rb"[0-7]{1,11}", digits):
        raise _bad(f"the header at byte {at} has no size")
    return int(digits, 8)


def _read_field(field: bytes, at: int) -> str:
    try:
        return field.partition(b"\0")[0].decode()
    except UnicodeDecodeError as error:
        raise _bad(f"the header at byte {at} has no name") from error


def _add(upper: str, files: set[str], folders: set[str], name: str) -> None:
    above = {upper[: cut.start()] for cut in re.finditer("/", upper)}
    if upper in files | folders or above & files:
        raise _bad(f"{name} is in the archive twice")
    files.add(upper)
    folders |= above


def _bad(why: str) -> ScriptError:
    return fail("BadArchive", why)
