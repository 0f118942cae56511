"""Archives of the bot's own backup, as the bot packs them and as others might."""

import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path


def pack(file: Path, **contents: bytes) -> Path:
    """An archive with these files; a name gets its dots as underscores."""
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file


def copy_database(database: Path, to: Path) -> bytes:
    """A consistent copy, by SQLite's own backup."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    content = to.read_bytes()
    to.unlink()
    return content
