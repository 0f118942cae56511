"""Private keys of Nebula on a Windows host: those that lie where none belongs, and wiping them for good.

    FindStrayKeys ─▶ WipeKeys ─▶ ReadKeyRemains

All paths are full Windows paths. No content of a private key is ever read out, only which kind of key a file holds.
"""

from collections.abc import Iterable
from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from adapters.action import Answer, Effect
from adapters.errors import ActionFailed
from adapters.inventory import WindowsSide
from adapters.nebula.certificates import Certificate, parse_pem
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import explain_file_failure
from adapters.windows.nebula import PEM_LIMIT

MAX_STRAY_KEYS = 200
"""Most stray keys that one read names."""

MAX_FOLDERS = 2_000
"""Most folders in which one read looks for stray keys."""

SEARCH_SECONDS = 8
"""Seconds for which one read looks for stray keys."""

FoundPath = Annotated[str, StringConstraints(max_length=1000)]


class StrayKey(Value):
    """A Nebula private key that lies where none belongs. `kind`: of a host, or of a CA (`authority`).

    `certificate` is the one beside it (`host.crt` for `host.key`, `host.crt.old` for `host.key.old`); None if there is none
    that can be read.
    """

    file: FoundPath
    kind: Literal["host", "authority"]
    written_at: AwareDatetime
    certificate: Certificate | None = None


class StrayKeys(Value):
    """Stray keys of a host, and its clock. `complete`: all of Flatnet's folders were searched in time."""

    keys: Annotated[tuple[StrayKey, ...], Field(max_length=MAX_STRAY_KEYS)]
    complete: bool
    clock: AwareDatetime


class FindStrayKeys(WindowsAction[StrayKeys]):
    """Finds Nebula private keys in Flatnet's folders, except those in use (`expected`). Links are not followed.

    `folders` are searched with their subfolders, except `skipped`.
    """

    script = "find-stray-keys"
    deadline = 30.0
    output_limit = 2_000_000

    folders: tuple[str, ...]
    skipped: tuple[str, ...]
    expected: tuple[str, ...]

    @classmethod
    def of(cls, side: WindowsSide) -> "FindStrayKeys":
        """Makes the action for one host's folders. Keys of CAs that are being changed have a folder of their own."""
        paths = side.paths
        return cls(
            folders=list_roots(side),
            skipped=(_tidy(paths.gateway_folder), _tidy(paths.base, "authorities")),
            expected=(_tidy(paths.host_key), _tidy(paths.ca_key)),
        )

    def build_arguments(self) -> dict[str, Any]:
        limits = {"keys_limit": MAX_STRAY_KEYS, "folders_limit": MAX_FOLDERS, "milliseconds": SEARCH_SECONDS * 1000}
        return super().build_arguments() | limits | {"pem_limit": PEM_LIMIT}

    def parse(self, data: Any) -> StrayKeys:
        match data:
            case {"keys": [*keys], **rest}:
                return StrayKeys.model_validate({**rest, "keys": [_parse_stray_key(key) for key in keys]})
            case _:
                raise ValueError("no keys")


def _parse_stray_key(key: Any) -> dict[str, Any]:
    """Parses a key's certificate, which came as text and may be anything."""
    match key:
        case {"file": file, "kind": kind, "written_at": at, "certificate": str(text)}:
            return {"file": file, "kind": kind, "written_at": at, "certificate": _parse_certificate(text)}
        case _:
            raise ValueError("a key without the text of its certificate")


def _parse_certificate(text: str) -> Certificate | None:
    try:
        (certificate,) = parse_pem(text)
    except ValueError:
        return None
    return certificate


class WipedKeys(Value):
    """Number of key files that were overwritten and deleted just now."""

    wiped: Annotated[int, Field(ge=0)]
    changed: bool = False


class KeyRemains(Value):
    """Number of key files that are left, and the first of them ("" if there is none)."""

    left: Annotated[int, Field(ge=0)]
    first: FoundPath = ""


class _KeyAction(WindowsAction[Answer]):
    """Base class of actions on key files: `files` by name, and all key files in `folders` of operations.

    `roots` are Flatnet's folders on the host (`list_roots`). Raises `ValueError` for a path outside of them, and for the
    CA's key.
    """

    deadline = 60.0
    output_limit = 64_000

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    roots: tuple[str, ...]
    ca_key: str

    @classmethod
    def of(cls, side: WindowsSide, files: Iterable[str] = (), folders: Iterable[str] = ()) -> Self:
        """Makes the action for files and folders of a host."""
        return cls(files=tuple(files), folders=tuple(folders), roots=list_roots(side), ca_key=side.paths.ca_key)

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        places = [PureWindowsPath(path) for path in (*self.files, *self.folders)]
        roots = [PureWindowsPath(root) for root in self.roots]
        if any(".." in path.parts or not any(root in path.parents for root in roots) for path in places):
            raise ValueError("a key file is in one of Flatnet's folders")
        if PureWindowsPath(self.ca_key) in places:
            raise ValueError("the CA's key is never wiped")
        return self

    def explain(self, failure: ActionFailed) -> ActionFailed:
        what = failure.phrase.values.get("message", "")
        match failure.code:
            case "ChangeNotEnded":
                phrase = Phrase("{what}. No key was wiped. End that change first, then try again", what=what)
            case "CaKey":
                phrase = Phrase("{what}. No key was wiped. The key of a CA is removed by a person, on the host", what=what)
            case _:
                return explain_file_failure(failure)
        return ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)


class WipeKeys(_KeyAction[WipedKeys]):
    """Overwrites key files with zeros and deletes them. There is no way back. What is not there any more is no failure.

    Nothing is wiped if one of the files is refused: `ActionFailed.code` is "FileOutside" (a link leads out of the folders),
    "CaKey" for a CA's key, "NotOurs" for a folder of no operation, or "ChangeNotEnded" for the folder of a change that may
    still need its old files. A CA's key in a folder is left there.
    """

    script = "wipe-keys"
    effect = Effect.CHANGE


class ReadKeyRemains(_KeyAction[KeyRemains]):
    """Counts the key files that `WipeKeys` with the same arguments would wipe: the proof that none is left."""

    script = "read-key-remains"

    def explain_answer(self, answer: KeyRemains) -> Phrase | None:
        if not answer.left:
            return None
        return Phrase(
            "{n} private key is left: {file}",
            plural="{n} private keys are left, the first is {file}",
            n=answer.left,
            file=answer.first,
        )


def list_roots(side: WindowsSide) -> tuple[str, ...]:
    """Lists the folders of a host in which Flatnet's keys may lie, each once, without those inside another one."""
    paths = side.paths
    folders = [PureWindowsPath(paths.base), *(PureWindowsPath(file).parent for file in (paths.nebula_exe, paths.host_key))]
    outer = [each for each in folders if not any(other in each.parents for other in folders)]
    return tuple(dict.fromkeys(map(str, outer)))


def locate_operations(side: WindowsSide) -> str:
    """Returns the folder of all operations on a host."""
    return _tidy(side.paths.base, "operations")


def _tidy(*parts: str) -> str:
    """Returns a path with backslashes alone, as the scripts compare paths."""
    return str(PureWindowsPath(*parts))
