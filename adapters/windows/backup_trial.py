"""A look at the copy of a backup on its own host: hashes of its files, and tests of what is unpacked from them."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.transfer import Sha256, SpoolName, TransferSize
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import FILE_LIMIT
from adapters.windows.configuration_trial import TEST_TIMEOUT, ConfigurationTest, parse_test

MAX_UNPACKED_BYTES = 64 * 2**20
"""Maximum size of an archive that is unpacked."""

MAX_UNPACKED_FILES = 5_000
"""Maximum number of files in an archive that is unpacked."""

Sentence = Annotated[str, StringConstraints(max_length=2_000)]


class PartTest(Value):
    """Test of one part: its archive, the program, and where its files are used.

    `base` is the folder that the archive was taken from, `main` the main file in it. `folders` are those below it that the
    archive has, beside the files directly in it; None for all. `keep` are files that are taken from `base` instead.
    """

    part: Literal["nebula", "openresty"]
    file: SpoolName
    sha256: Sha256
    program: Literal["nginx", "nebula"]
    exe: str
    base: str
    main: str
    prefix: str = ""
    folders: tuple[str, ...] | None = None
    keep: tuple[str, ...] = ()


class HashedCopy(Value):
    """A file of a backup as it is on the host."""

    name: SpoolName
    size: TransferSize
    sha256: Sha256


class ManifestHead(Value):
    """The backup that a manifest says it is of. Untrusted: only texts that are compared."""

    format: int
    id: Sentence
    host: Sentence


class TestedPart(Value):
    """The result for one part. `failure` is "" if the program ran, else the code of the reason, which `words` tell.

    "BadArchive": the archive is refused. "Skipped": it was not opened, because it has another hash.
    """

    __test__ = False  # for pytest, as below

    part: Literal["nebula", "openresty"]
    failure: Sentence = ""
    words: Sentence = ""
    test: ConfigurationTest


class BackupTrial(Value):
    """The copy of a backup on its host. `manifest` is None if it cannot be read as one."""

    files: Annotated[tuple[HashedCopy, ...], Field(max_length=16)]
    manifest: ManifestHead | None
    tests: Annotated[tuple[TestedPart, ...], Field(max_length=8)]


class TestBackup(WindowsAction[BackupTrial]):
    """Hashes the files of a backup on its host, and has nginx and Nebula test what is unpacked from them.

    Each archive is unpacked into `scratch`, which is removed afterwards. Absolute paths in its configuration are rewritten
    to lead there. `ActionFailed.code` is "BackupMissing" or "FolderNotSafe".
    """

    __test__ = False  # for pytest, which takes every class called Test… for tests

    script = "test-backup"
    deadline = 90.0
    output_limit = 64_000

    folder: str
    scratch: str
    names: Annotated[tuple[SpoolName, ...], Field(max_length=16)]
    tests: Annotated[tuple[PartTest, ...], Field(max_length=8)] = ()

    def build_arguments(self) -> dict[str, Any]:
        tests = [each.model_dump(mode="json") | {"milliseconds": int(TEST_TIMEOUT * 1000)} for each in self.tests]
        limits = {"limit": FILE_LIMIT, "bytes_limit": MAX_UNPACKED_BYTES, "files_limit": MAX_UNPACKED_FILES}
        return super().build_arguments() | {"tests": tests} | limits

    def parse(self, data: Any) -> BackupTrial:
        """Parses the answer; the words of each program as `TestConfiguration` does."""
        match data:
            case {"files": [*files], "manifest": manifest, "tests": [*tests]}:
                tested = [_parse_part(each) for each in tests]
                return BackupTrial.model_validate({"files": files, "manifest": manifest, "tests": tested})
            case _:
                raise ValueError("no result of a look at a backup")

    def explain(self, failure: ActionFailed) -> ActionFailed:
        match failure.code:
            case "BackupMissing":
                return ActionFailed(
                    Phrase("the backup is not on this host: {folder} was not found", folder=self.folder),
                    code=failure.code,
                )
            case _:
                return failure


def _parse_part(given: Any) -> dict[str, Any]:
    """Parses the result for one part. Where nothing ran there are no words of a program."""
    match given:
        case {"part": part, "failure": str(failure), "words": str(words), "code": code, "lines": lines, "syntax": syntax}:
            test = parse_test({"code": code, "lines": lines, "syntax": syntax})
            return {"part": part, "failure": failure[:100], "words": words[:2_000], "test": test}
        case _:
            raise ValueError("no result of a test")
