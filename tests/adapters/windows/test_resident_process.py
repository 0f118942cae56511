"""The PowerShell that stays, as it is on a host: the real program answers, forgets, and ends by itself."""

import base64
import os
import random
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.windows.powershell import FRAME_END, find_frame, pack_request, unpack_answer
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.pwsh_server import TIME_LIMIT

pytestmark = pytest.mark.pwsh

LEAVE_TRACES = """param($a)
$value = 'left'
$ErrorActionPreference = 'Continue'
$env:FLATNET_TRACE = 'left'
$env:HOME = '/left'
Set-Location -LiteralPath /
Set-StrictMode -Version 3
function Get-Trace { 'left' }
Write-Error 'left'
Write-Host 'noise'
$true
"""

FIND_TRACES = """param($a)
@{
    errors = $Error.Count
    value = $value
    unset = $unset
    preference = "$ErrorActionPreference"
    trace = "$($env:FLATNET_TRACE)"
    home = $env:HOME
    place = (Get-Location).Path
    function = [bool](Get-Command -Name Get-Trace -ErrorAction Ignore)
}
"""


class Talk:
    """A process that stays, asked one request after another."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.asked = 0

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)

    def ask(self, script: str, **arguments: Any) -> Any:
        """The answer of a script; `EOFError` if the process ended before."""
        self.asked += 1
        nonce = f"{self.asked:016x}"
        self.send(pack_request(nonce, script, arguments))
        return unpack_answer(self.read_frame(nonce), nonce, 8_000_000)

    def read_frame(self, nonce: str) -> bytes:
        assert self.process.stdout is not None
        stdout = b""
        while FRAME_END not in stdout:
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                raise EOFError
            stdout += piece
        frame = find_frame(stdout, nonce)
        assert frame is not None
        assert b"" == stdout[frame.end() :]
        return stdout

    def wait(self) -> int:
        """The exit code of a process that ends by itself."""
        return self.process.wait(TIME_LIMIT)


@pytest.fixture
def talk(pwsh: Pwsh) -> Iterator[Talk]:
    with pwsh.resident(idle_seconds=60, requests_limit=100) as process:
        yield Talk(process)


def test_one_process_answers_one_request_after_another(talk: Talk) -> None:
    texts = ["日本語 ' \" ` $(x)", "", "x" * 2_000_000]
    assert texts == [talk.ask("param($a) $a.text", text=text) for text in texts]


def test_a_script_finds_nothing_of_the_one_before(talk: Talk) -> None:
    _, before = talk.ask(FIND_TRACES), talk.ask(FIND_TRACES)
    assert talk.ask(LEAVE_TRACES) is True
    assert before == talk.ask(FIND_TRACES)


def test_a_script_that_fails_does_not_end_the_process(talk: Talk) -> None:
    for script in ("param($a) throw 'no'", "param($a", "param($a) 1; 2"):
        with pytest.raises(ActionFailed):
            talk.ask(script)
    assert 1 == talk.ask("param($a) 1")


def test_a_line_that_is_no_request_is_answered_without_a_nonce(talk: Talk) -> None:
    talk.send(b"no request\n")
    talk.read_frame("")
    assert 1 == talk.ask("param($a) 1")


def test_a_script_that_ends_its_process_ends_it_without_an_answer(talk: Talk) -> None:
    with pytest.raises(EOFError):
        talk.ask("param($a) exit 7")
    assert 7 == talk.wait()


def test_the_process_ends_at_the_end_of_its_input(talk: Talk) -> None:
    assert 1 == talk.ask("param($a) 1")
    assert talk.process.stdin is not None
    talk.process.stdin.close()
    assert 0 == talk.wait()


@pytest.mark.parametrize("asks", [0, 1])
def test_the_process_ends_by_itself_once_no_request_comes(pwsh: Pwsh, asks: int) -> None:
    """As when the bot is gone, and WinRM keeps the input open."""
    with pwsh.resident(idle_seconds=1, requests_limit=100) as process:
        for _ in range(asks):
            Talk(process).ask("param($a) 1")
        assert 0 == Talk(process).wait()


def test_the_process_ends_in_the_middle_of_a_request_that_never_ends(pwsh: Pwsh) -> None:
    with pwsh.resident(idle_seconds=1, requests_limit=100) as process:
        Talk(process).send(pack_request("ab", "param($a) 1", {})[:-5])
        assert 0 == Talk(process).wait()


def test_the_process_ends_if_its_answer_is_not_taken(pwsh: Pwsh) -> None:
    """As when the bot is gone in the middle of a long answer."""
    text = base64.b64encode(random.Random(7).randbytes(1_000_000)).decode()
    with pwsh.resident(idle_seconds=1, requests_limit=100) as process:
        Talk(process).send(pack_request("ab", "param($a) $a.text", {"text": text}))
        assert 0 == Talk(process).wait()


def test_the_process_ends_after_its_last_request(pwsh: Pwsh) -> None:
    with pwsh.resident(idle_seconds=60, requests_limit=3) as process:
        talk = Talk(process)
        assert [1, 2, 3] == [talk.ask("param($a) $a.n", n=n) for n in (1, 2, 3)]
        assert 0 == talk.wait()


def test_the_process_ends_at_a_line_longer_than_any_request(talk: Talk) -> None:
    talk.send(b"A" * 8_100_000)
    assert 0 == talk.wait()
