"""The scratch on a real machine: a folder that stands for drive F:, and a service. All else there stays as it is."""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from pydantic import TypeAdapter

from adapters.action import Effect
from adapters.value import Value
from adapters.windows.action import WindowsAction
from tests.lab.windows.state import WindowsState

FOLDER = r"C:\Windows\flatnet-bot-contract"
"""Stands for `F:\\` of the cases.

Only administrators can create folders in `C:\\Windows`. In `%ProgramData%` any user could have made the service's folder
before, with a program of their own for SYSTEM to run.
"""

SERVICE = "FlatnetBotContract"

SERVICE_FOLDER = rf"{FOLDER}-service"
"""Folder of the service's program, which stays while the scratch folder is made anew."""

_SCRIPTS = Path(__file__).with_name("scripts")
_FOLDER_PATTERN = re.compile(r"F:(\\\\|\\|/)")


class Machine(Value):
    """A machine on which the contract is tried. `offset` is its zone's, in seconds east of UTC."""

    windows: str
    powershell: str
    edition: str
    culture: str
    ui_culture: str
    offset: int
    zone: str


class _KitAction(WindowsAction[Any]):
    """An action whose script belongs to this kit. Its answer is what the script returned."""

    deadline = 120.0
    output_limit = 100_000
    effect = Effect.CHANGE

    @classmethod
    def load_script(cls) -> str:
        return (_SCRIPTS / f"{cls.script}.ps1").read_text("utf-8")

    def parse(self, data: Any) -> Any:
        return data


class ReadMachine(_KitAction):
    """Reads what the machine is."""

    script = "read-machine"
    effect = Effect.READ

    def parse(self, data: Any) -> Machine:
        return Machine.model_validate(data)


class ReadProcess(_KitAction):
    """Reads the number of the process that answers (`own`), and whether the process `id` `runs`."""

    script = "read-process"
    effect = Effect.READ

    id: int = 0


class LayOut(_KitAction):
    """Makes the scratch folder anew with the files of one case."""

    script = "lay-out"

    folder: str = FOLDER
    files: tuple[Mapping[str, Any], ...] = ()
    copies: tuple[Mapping[str, str], ...] = ()
    readers: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, state: WindowsState, copies: Mapping[str, str]) -> "LayOut":
        """The files of a simulated host; `copies` are files of the machine by the paths at which the host has them."""
        return cls(
            files=tuple(_describe_file(state, path) for path in sorted(state.files)),
            copies=tuple({"from": source, "to": relocate_text(target)} for target, source in copies.items()),
            readers=tuple(
                {"path": relocate_text(str(path)), "accounts": accounts}
                for path, accounts in state.readers.items()
                if accounts
            ),
        )


class MakeService(_KitAction):
    """Makes the scratch service and starts it. Needs the compiler of Windows PowerShell 5.1."""

    script = "make-service"

    name: str = SERVICE
    folder: str = SERVICE_FOLDER


class ReadText(_KitAction):
    """Reads a scratch file, and the status of the scratch service."""

    script = "read-text"
    effect = Effect.READ

    path: str
    name: str = SERVICE


class WriteText(_KitAction):
    """Writes a scratch file."""

    script = "write-text"

    path: str
    text: str


class TakeAway(_KitAction):
    """Removes the scratch. The answer names what could not be removed."""

    script = "take-away"

    name: str = SERVICE
    folders: tuple[str, ...] = (FOLDER, SERVICE_FOLDER)

    def parse(self, data: Any) -> list[str]:
        return _LEFT.validate_python(data["left"])


_LEFT = TypeAdapter(list[str])


def relocate(value: Any) -> Any:
    """Puts the scratch folder in the place of drive F: in all texts of a value."""
    match value:
        case str():
            return relocate_text(value)
        case Mapping():
            return {name: relocate(each) for name, each in value.items()}
        case Sequence() if not isinstance(value, bytes):
            return [relocate(each) for each in value]
        case _:
            return value


def relocate_text(text: str) -> str:
    r"""The same for one text, with the separators that it has: `F:\`, `F:/`, and `F:\\` as in quoted YAML."""
    return _FOLDER_PATTERN.sub(lambda found: FOLDER.replace("\\", found[1]) + found[1], text)


def is_scratch(state: WindowsState) -> bool:
    """Whether all files of a host are on the drive that the scratch folder stands for."""
    paths: set[PureWindowsPath] = {*state.files, *(path for path, accounts in state.readers.items() if accounts)}
    return all(path.drive.upper() == "F:" for path in paths)


def _describe_file(state: WindowsState, path: PureWindowsPath) -> dict[str, Any]:
    content = state.bytes_of(path)
    if path.suffix == ".yaml":  # the only file that names others
        content = relocate_text(content.decode()).encode()
    return {
        "path": relocate_text(str(path)),
        "content": base64.b64encode(content).decode(),
        "size": max(len(content), state.sizes.get(path, 0)),
        "written": state.written_at(path).isoformat(),
    }
