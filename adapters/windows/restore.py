"""A part of a backup on its way back on a Windows host: the present files listed, the earlier ones unpacked beside them.

ListPart ─▶ StageRestore ─▶ TestRestore ─▶ BeginChange (swaps of the folders in `locate_restored`)
"""

from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from adapters.action import Effect
from adapters.backup import MAX_FILES, FilePath
from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.transfer import Sha256, SpoolName, TransferSize
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.backup_trial import MAX_UNPACKED_BYTES, MAX_UNPACKED_FILES, PartTest, TestBackup
from adapters.windows.configuration_trial import ConfigurationTest, explain_test
from adapters.windows.spool import MAX_PACKED_BYTES

KEEP_LIMIT = 400
"""Most files that stay on the host and are laid beside those of a backup."""


class PresentPartFile(Value):
    """A present file of a part. `why` it stays out of backups: `key`, `password`, `link`; "" for one that belongs in."""

    path: FilePath
    size: TransferSize
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
    why: Literal["", "key", "password", "link"]


class PresentPart(Value):
    """The present files of a part."""

    files: Annotated[tuple[PresentPartFile, ...], Field(max_length=MAX_FILES)]


class ListPart(WindowsAction[PresentPart]):
    """Lists the present files of a part with their hashes, as `PackBackup` would pack them."""

    script = "list-part"
    deadline = 45.0
    output_limit = 4_000_000

    source: str
    folders: Annotated[tuple[str, ...], Field(max_length=16)] | None = None

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": MAX_PACKED_BYTES, "files_limit": MAX_FILES}


class StagedPart(Value):
    """A part that was unpacked: the number of its files, and the present ones that were laid beside them."""

    files: Annotated[int, Field(ge=0, le=MAX_UNPACKED_FILES)]
    kept: Annotated[tuple[FilePath, ...], Field(max_length=KEEP_LIMIT)]
    changed: bool = False


class StageRestore(WindowsAction[StagedPart]):
    """Unpacks a part of a backup into the folder of an operation, and lays the `keep` of the present files beside it.

    `ActionFailed.code` is "BackupMissing", "BackupDiffers" (another hash), "BadArchive", "TooLarge" or "DiskFull". Then the
    folder has nothing of it.
    """

    script = "stage-restore"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 256_000

    folder: str
    archive_folder: str
    name: SpoolName
    sha256: Sha256
    base: str
    keep: Annotated[tuple[FilePath, ...], Field(max_length=KEEP_LIMIT)] = ()

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"bytes_limit": MAX_UNPACKED_BYTES, "files_limit": MAX_UNPACKED_FILES}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        match failure.code:
            case "BackupDiffers" | "BackupMissing":
                phrase = Phrase(
                    "{what}. Ask for the restore again: it takes the other copy, if that is whole",
                    what=failure.phrase.values.get("message", ""),
                )
                return ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)
            case _:
                return failure


class TestRestore(WindowsAction[ConfigurationTest]):
    """Has a program test a part of a backup in a copy, with the present files that no backup holds.

    The copy is removed afterwards. `ActionFailed.code` is that of what went wrong before the program ran.
    """

    __test__ = False  # for pytest, which takes every class called Test… for tests

    script = "test-backup"
    deadline = 90.0
    output_limit = 64_000

    archive_folder: str
    scratch: str
    test: PartTest

    def build_arguments(self) -> dict[str, Any]:
        return self._look.build_arguments()

    def parse(self, data: Any) -> ConfigurationTest:
        (tested,) = self._look.parse(data).tests
        if tested.failure:
            raise ActionFailed(
                Phrase("could not test the files of the backup: {why}", why=tested.words or tested.failure),
                code=tested.failure,
            )
        return tested.test

    def explain_answer(self, answer: ConfigurationTest) -> Phrase | None:
        return explain_test(answer)

    @property
    def _look(self) -> TestBackup:
        return TestBackup(folder=self.archive_folder, scratch=self.scratch, names=(self.test.file,), tests=(self.test,))


def locate_restored(folder: str, name: str) -> str:
    """Returns where a file or folder of a part lies after it was unpacked in the folder of an operation."""
    return str(PureWindowsPath(folder) / "restore" / PureWindowsPath(name))
