"""Configuration files of the gateway and of Nebula on a Windows host: read, edited in a staged copy, and tested there.

    ReadConfiguration ─▶ splices, made in the bot ─▶ StageEdit ─▶ TestConfiguration (folder=…) ─▶ BeginChange (swaps)
    ListConfiguration ─▶ KeepGood ─▶ ReadGood ─▶ StageGood ─▶ TestConfiguration (folder=…) ─▶ BeginChange (swaps)

All paths are full Windows paths. `base` is the folder of a program's configuration: only files in it are read and edited,
and no link leads out of it. Files with a private key in them are refused on the host, so that no key travels. An edit
replaces bytes at offsets; all other bytes stay as they are, whatever their encoding and line ends.

Staged files lie in the operation's folder, which SYSTEM and Administrators alone can enter: `stage_path` names them. What is
swapped later are exactly these bytes.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, computed_field

from adapters.action import Effect
from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction

FILE_LIMIT = 1_000_000
"""Bytes of a configuration file, before and after an edit."""

FILES_LIMIT = 200
"""Files of one configuration."""

EDIT_FOLDER = "edit"
"""Folder in an operation's folder where edited files lie, under their paths in `base`."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _decode(value: Any) -> Any:
    """Decodes bytes that were stored as base64. Raises `ValueError` if they are not."""
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


Content = Annotated[
    bytes,
    BeforeValidator(_decode),
    PlainSerializer(lambda content: base64.b64encode(content).decode(), return_type=str, when_used="json"),
]
"""Bytes of a file. In JSON they are base64, so that no encoding changes them."""


def explain_file_failure(failure: ActionFailed) -> ActionFailed:
    """Returns a failure of a script that handles configuration files with a phrase that says what to do next.

    The script's own words name the file, and the line where there is one.
    """
    what = failure.phrase.values.get("message", "")
    match failure.code:
        case "KeyInside":
            phrase = Phrase("{what}. It was not read. Move the key into a file of its own on the host", what=what)
        case "FileChanged":
            phrase = Phrase("{what} between the plan and its run. Ask for the change again", what=what)
        case "FileMissing":
            phrase = Phrase("{what}. Fix its path in the configuration, or restore the file", what=what)
        case "FileOutside":
            phrase = Phrase("{what}. It was not opened. Put the file itself into the configuration folder", what=what)
        case _:
            return failure
    return ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)


class ConfigurationFile(Value):
    """One configuration file: its bytes and their SHA-256."""

    file: str
    content: Annotated[Content, Field(max_length=FILE_LIMIT)]
    sha256: Sha256


class Splice(Value):
    """One edit: the bytes `removed`, which stand at `offset` of the old file, make room for `inserted`."""

    offset: Annotated[int, Field(ge=0, le=FILE_LIMIT)]
    removed: Content = b""
    inserted: Content = b""


def stage_path(folder: str, base: str, file: str) -> str:
    """Returns where an edited file of `base` is staged in an operation's folder. Raises `ValueError` for a file outside."""
    return str(PureWindowsPath(folder) / EDIT_FOLDER / PureWindowsPath(file).relative_to(PureWindowsPath(base)))


class ReadConfiguration(WindowsAction[ConfigurationFile]):
    """Reads the bytes of one configuration file in `base`.

    `ActionFailed.code` is "FileMissing", "FileTooLarge", "FileOutside" (a link, or the path, leads out of `base`),
    "FileUnreadable", or "KeyInside" for a file with a private key in it; the message has its line.
    """

    script = "read-configuration"
    deadline = 30.0
    output_limit = 2 * FILE_LIMIT

    base: str
    file: str

    @classmethod
    def of(cls, file: str) -> "ReadConfiguration":
        """Makes the action for a file in a folder of its own, such as config.yaml or nginx.conf."""
        return cls(base=str(PureWindowsPath(file).parent), file=file)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": FILE_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)

    def parse(self, data: Any) -> ConfigurationFile:
        """Parses the answer. Raises `ValueError` if the bytes are not those that the host hashed."""
        read = ConfigurationFile.model_validate(data)
        if hashlib.sha256(read.content).hexdigest() != read.sha256:
            raise ValueError("the file has another hash than its content")
        return read


class ListedFile(Value):
    """A file of a configuration. `size` in bytes. `sha256` is "" unless it is `present`.

    `outside`: the file, or the folder of a link, is not in the configuration's folder, and was not opened.
    """

    file: Annotated[str, StringConstraints(max_length=1000)]
    state: Literal["present", "missing", "outside", "unreadable"]
    size: Annotated[int, Field(ge=0)] = 0
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""


class HashedFile(Value):
    """A file of a configuration and its SHA-256."""

    file: str
    sha256: Sha256


def hash_configuration(files: Iterable[ListedFile | HashedFile], base: str) -> str:
    """Returns the SHA-256 of a configuration: of the paths in `base`, and of the hashes, of all files that are present."""
    folder = PureWindowsPath(base)
    present = ((PureWindowsPath(each.file), each.sha256) for each in files if each.sha256)
    lines = sorted(f"{file.relative_to(folder).as_posix().lower()} {sha256}\n" for file, sha256 in present)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class Configuration(Value):
    """The main file of a program's configuration and all files that it includes, in the order in which they are read."""

    base: str
    files: Annotated[tuple[ListedFile, ...], Field(max_length=FILES_LIMIT)]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sha256(self) -> str:
        """Hash of the whole configuration (`hash_configuration`)."""
        return hash_configuration(self.files, self.base)

    @property
    def present(self) -> tuple[HashedFile, ...]:
        """The files that can be kept."""
        return tuple(HashedFile(file=each.file, sha256=each.sha256) for each in self.files if each.state == "present")


class ListConfiguration(WindowsAction[Configuration]):
    """Lists the gateway's main file and all files that it includes, with their hashes."""

    script = "list-configuration"
    deadline = 30.0
    output_limit = 512_000

    base: str
    main: str

    @classmethod
    def of(cls, main: str) -> "ListConfiguration":
        """Makes the action for the configuration of that main file."""
        return cls(base=str(PureWindowsPath(main).parent), main=main)

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": FILE_LIMIT, "files_limit": FILES_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)

    def parse(self, data: Any) -> Configuration:
        return Configuration.model_validate({"base": self.base, "files": data["files"]})


class StagedEdit(Value):
    """An edited file in the operation's folder: what is swapped for the present one later."""

    file: str
    sha256: Sha256
    changed: bool = False


class StageEdit(WindowsAction[StagedEdit]):
    """Writes an edited copy of a file into the operation's folder. Nothing live is changed.

    `sha256` is the hash before the edit, `new_sha256` the one after it. `ActionFailed.code` is that of `ReadConfiguration`,
    "FileChanged" if the present file has another hash, or "EditDiffers" if the splices do not lead to the new one.
    """

    script = "stage-edit"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    base: str
    file: str
    sha256: Sha256
    splices: Annotated[tuple[Splice, ...], Field(min_length=1, max_length=1000)]
    new_sha256: Sha256

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"staged": stage_path(self.folder, self.base, self.file), "limit": FILE_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)
