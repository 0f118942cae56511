"""The last good configuration of a gateway: a copy in the bot's own protected folder on the host.

It lies in %ProgramData%\\flatnet-bot\\good, which SYSTEM and Administrators alone can enter. There is one for each host:
keeping another one removes it.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from adapters.action import Effect
from adapters.errors import ActionFailed
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import (
    EDIT_FOLDER,
    FILE_LIMIT,
    FILES_LIMIT,
    HashedFile,
    Sha256,
    explain_file_failure,
)

HashedFiles = Annotated[tuple[HashedFile, ...], Field(max_length=FILES_LIMIT)]


class GoodConfiguration(Value):
    """The last good configuration as the host keeps it.

    `folder` has copies of `files` under their paths in `base`; `ReadConfiguration` with that folder as its base reads them.
    `sha256` is the hash of the whole (`hash_configuration`). It is "", and `kept_at` None, if there is none. `intact` is
    False if a copy is missing or has another hash.
    """

    base: str = ""
    folder: str = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    kept_at: AwareDatetime | None = None
    files: HashedFiles = ()
    intact: bool = True
    changed: bool = False


class ReadGood(WindowsAction[GoodConfiguration]):
    """Reads which configuration the host keeps as the last good one."""

    script = "read-good"
    deadline = 30.0
    output_limit = 256_000


class KeepGood(WindowsAction[GoodConfiguration]):
    """Keeps a copy of the present files of a configuration as the last good one.

    `sha256` is the hash of the whole. `ActionFailed.code` is that of `ReadConfiguration`, or "FileChanged" if a file has
    another hash than in `files`.
    """

    script = "keep-good"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 256_000

    base: str
    sha256: Sha256
    files: Annotated[HashedFiles, Field(min_length=1)]

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": FILE_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)


class StagedFiles(Value):
    """Files in the operation's folder that are swapped later."""

    files: HashedFiles
    changed: bool = False


class StageGood(WindowsAction[StagedFiles]):
    """Writes kept copies of `files` (paths in the configuration's `base`) into the operation's folder, as `StageEdit` does.

    `sha256` is the hash of the kept configuration. `ActionFailed.code` is "GoodDiffers" if the host keeps another one, or if
    a copy has another hash.
    """

    script = "stage-good"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 256_000

    folder: str
    base: str
    sha256: Sha256
    files: Annotated[HashedFiles, Field(min_length=1)]

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"edit": EDIT_FOLDER, "limit": FILE_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)
