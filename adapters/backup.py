"""Values of backups that several sides exchange: names of backups, and what one does not hold."""

from typing import Annotated

from pydantic import StringConstraints

from adapters.value import Value

BackupId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?-[0-9a-f]{12}$")]
"""Name of a backup: the host, and the digits of the operation that made it (`host-a-0123456789ab`)."""

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=512)]

MAX_FILES = 5_000
"""Files of one part."""

MANIFEST = "manifest.json"
"""File of the manifest, beside those of the parts."""


class MissingFile(Value):
    """A file or a part that a backup does not hold, and why: `key` (private keys never leave their host), `password`,
    `link`, `absent`, `unreachable`, `large`.
    """

    path: FilePath
    why: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,20}$")]
