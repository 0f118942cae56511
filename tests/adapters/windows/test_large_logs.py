"""Logs and files beyond 2 GiB, where the numbers of Windows PowerShell's scripts no longer fit into 32 bits."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.logs import LogSearch
from adapters.windows import powershell
from adapters.windows.logs import ReadLog
from tests.adapters.windows.log_cases import FOLDER
from tests.adapters.windows.logs_cases import ends, some
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState

pytestmark = pytest.mark.pwsh

HOLE = 3 * 1024**3
"""Bytes before the end of a file that take no room on the disk."""

LOG = FOLDER / "nebula.log"


@contextmanager
def host(pwsh: Pwsh, content: str) -> Iterator[Machine]:
    """A host with a log whose end this is, behind the hole."""
    with pwsh.machine(WindowsState.healthy(1, "host-a"), NOW) as machine:
        file = machine.place(LOG)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.seek(HOLE)
            opened.write(content.encode())
        yield machine
        file.unlink()  # what is left is read back whole


def said(machine: Machine, script: str, arguments: Mapping[str, Any]) -> Any:
    return powershell.unpack_answer(machine.run(powershell.pack_request("n", script, arguments)), "n", 64_000)


def test_the_end_of_a_log_beyond_2_gib_is_read(pwsh: Pwsh) -> None:
    lines = some(1, 2, 3)
    action = ReadLog(log=str(LOG), search=LogSearch(tail=2))
    with host(pwsh, ends(["", *lines])) as machine:
        answer = action.parse(said(machine, powershell.load_script(action.script), action.build_arguments()))
        assert (tuple(lines[1:]), machine.place(LOG).stat().st_size) == (answer.lines, answer.size)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("(Read-Text $a.path 5).Length", 5),
        ("@(Read-Matching $a.path 0 30 'Handshake').Count", 1),
        ("@(Read-Matching $a.path ($a.hole + 20) 300 'Handshake').Count", 0),
    ],
)
def test_a_file_beyond_2_gib_is_read_from_both_ends(pwsh: Pwsh, words: str, expected: int) -> None:
    script = f"param($a)\nSet-StrictMode -Version 3\n{powershell.load_script('parts/script')}\n"
    script += f"{powershell.load_script('parts/files')}\n@{{ answer = {words} }}"
    with host(pwsh, "\nHandshake message received\n") as machine:
        assert {"answer": expected} == said(machine, script, {"path": str(LOG), "hole": HOLE})


def test_a_log_that_cannot_be_opened_says_so_in_its_own_words(pwsh: Pwsh) -> None:
    """A socket in its place stands for a log that another program has locked: neither opens, and neither is denied."""
    action = ReadLog(log=str(LOG), search=LogSearch(tail=2))
    with host(pwsh, "") as machine, closing(socket.socket(socket.AF_UNIX)) as locked:
        machine.place(LOG).unlink()
        locked.bind(str(machine.place(LOG)))
        with pytest.raises(ActionFailed) as caught:
            said(machine, powershell.load_script(action.script), action.build_arguments())
    assert "LogUnreadable" == caught.value.code
    assert f"{PureWindowsPath(LOG)} cannot be opened: " in str(caught.value.phrase)
