"""The command line, the packed request and the framed answer."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest

from adapters.errors import ActionFailed, ProtocolError
from adapters.windows.powershell import (
    HOST_IDLE_SECONDS,
    HOST_REQUESTS_LIMIT,
    build_command_line,
    build_resident_line,
    decode_stderr,
    load_script,
    pack_request,
    unpack_answer,
)
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState

NONCE = "0123456789abcdef"

LIMIT = 4_000_000
"""Bytes of an answer; above any of these."""


def framed(document: Any, nonce: str = NONCE) -> bytes:
    """A line as the bootstrap writes it."""
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    return b"\r\n<<FLATNET:%s:%s:END>>\r\n" % (nonce.encode(), packed)


def failed(message: str = "it broke", id: str = "Broken,Get-Thing", type: str = "System.Exception") -> bytes:  # noqa: A002
    return framed({"ok": False, "error": {"message": message, "id": id, "type": type}})


LINES = pytest.mark.parametrize("build", [build_command_line, build_resident_line], ids=["alone", "stays"])


def code_of(build: Callable[[], str]) -> str:
    return base64.b64decode(build().rpartition(" ")[2]).decode("utf-16-le")


@pytest.mark.parametrize(("build", "limit"), [(build_command_line, 6_000), (build_resident_line, 8_000)])
def test_the_command_line_fits_into_cmd_exe_with_room_to_spare(build: Callable[[], str], limit: int) -> None:
    assert len(build()) < limit


@LINES
def test_the_command_line_is_the_same_for_every_script(build: Callable[[], str]) -> None:
    assert build() is build()


@LINES
def test_only_code_is_sent_of_the_bootstrap(build: Callable[[], str]) -> None:
    lines = code_of(build).splitlines()
    assert [] == [line for line in lines if not line or line != line.strip() or line.startswith("#")]


@LINES
def test_the_bootstrap_is_plain_ascii(build: Callable[[], str]) -> None:
    assert code_of(build).isascii()


def test_a_process_that_stays_has_its_limits_on_its_command_line() -> None:
    assert f"FlatnetStay {HOST_IDLE_SECONDS} {HOST_REQUESTS_LIMIT}" == code_of(build_resident_line).splitlines()[-1]


def test_no_script_leaves_anything_beyond_its_own_scope() -> None:
    """The next one may run in the same process."""
    beyond = re.compile(
        r"\$(global|script):|\$env:\w+\s*=|function (global|script):|-Scope\b|Set-Location|Push-Location", re.I
    )
    scripts = files("adapters.windows").joinpath("scripts")
    names = [file.name.removesuffix(".ps1") for file in scripts.iterdir() if file.name.endswith(".ps1")]
    assert [] == [name for name in names if beyond.search(load_script(name))]


def test_a_request_is_one_line_of_ascii_whatever_is_in_it() -> None:
    line = pack_request(NONCE, "param($a) 'x'", {"name": "日本語 ' \" ` $(x)\r\n"})
    assert line.isascii()
    assert 1 == line.count(b"\n")


def test_a_request_carries_nonce_script_and_arguments_as_data() -> None:
    document = json.loads(gzip.decompress(base64.b64decode(pack_request(NONCE, "param($a) $a.n", {"n": "x'; exit #"}))))
    assert {"nonce": NONCE, "script": "param($a) $a.n", "args": {"n": "x'; exit #"}} == document


def test_what_the_script_returned_comes_back() -> None:
    assert {"a": [1, "日本"]} == unpack_answer(framed({"ok": True, "data": {"a": [1, "日本"]}}), NONCE, LIMIT)


def test_noise_around_the_answer_is_no_part_of_it() -> None:
    stdout = b"WARNING: \x83e\x83X\x83g\r\n" + framed({"ok": True, "data": 1}) + b"bye\r\n"
    assert 1 == unpack_answer(stdout, NONCE, LIMIT)


def test_an_answer_to_another_request_is_no_answer() -> None:
    with pytest.raises(ProtocolError):
        unpack_answer(framed({"ok": True, "data": 1}, nonce="f" * 16), NONCE, LIMIT)


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        ("NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand", "NoServiceFoundForGivenName"),
        ("NoServiceFoundForGivenName,Get-Service", "NoServiceFoundForGivenName"),
        ("PathNotFound", "PathNotFound"),
        ("", "System.Exception"),
    ],
)
def test_the_code_of_a_failed_script_is_its_error_id_up_to_the_first_comma(id_: str, code: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        unpack_answer(failed(id=id_), NONCE, LIMIT)
    assert code == caught.value.code


def test_a_failed_script_says_in_its_own_words_why() -> None:
    with pytest.raises(ActionFailed, match="it broke"):
        unpack_answer(failed(), NONCE, LIMIT)


def test_a_failed_script_may_have_changed_something() -> None:
    with pytest.raises(ActionFailed) as caught:
        unpack_answer(failed(), NONCE, LIMIT)
    assert caught.value.maybe_ran is True


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"ok": True},
        {"ok": 1, "data": 1},
        {"ok": "True", "data": 1},
        {"ok": False},
        {"ok": False, "error": "it broke"},
        {"ok": False, "error": {"message": None, "id": "x", "type": "y"}},
    ],
)
def test_an_answer_of_another_form_is_none(document: Any) -> None:
    with pytest.raises(ProtocolError):
        unpack_answer(framed(document), NONCE, LIMIT)


def _frame_of(packed: bytes) -> bytes:
    return b"<<FLATNET:%s:%s:END>>" % (NONCE.encode(), packed)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"AAA",
        b"AAAA",
        base64.b64encode(gzip.compress(b"{")),
        base64.b64encode(gzip.compress(b'{"ok": true, "data": "' + b"x" * 10_000)[:40]),
        base64.b64encode(gzip.compress(b"\xff\xfe")),
        base64.b64encode(gzip.compress(b"[" * 100_000)),
    ],
    ids=["empty", "not base64", "not gzip", "not json", "cut short", "not utf-8", "too deep"],
)
def test_an_answer_that_cannot_be_unpacked_is_none(packed: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack_answer(_frame_of(packed), NONCE, LIMIT)


def test_an_answer_that_would_fill_the_memory_is_not_unpacked() -> None:
    """A few kilobytes on the wire can stand for megabytes; the limit of the action holds for both."""
    bomb = base64.b64encode(gzip.compress(b" " * 64_001))
    assert len(bomb) < 200
    with pytest.raises(ProtocolError, match="longer than any answer"):
        unpack_answer(_frame_of(bomb), NONCE, 64_000)


def test_without_an_answer_the_words_on_stderr_are_told() -> None:
    stderr = b'#< CLIXML\r\n<Objs><S S="Error">Out of memory_x000D__x000A_</S></Objs>'
    with pytest.raises(ProtocolError, match=r"without a result\. Output: Out of memory"):
        unpack_answer(b"", NONCE, LIMIT, stderr)


def test_without_answer_and_words_a_crash_is_suspected() -> None:
    with pytest.raises(ProtocolError, match=r"PowerShell exited without a result\. Check"):
        unpack_answer(b"", NONCE, LIMIT, b"")


@pytest.mark.parametrize(
    ("stderr", "text"),
    [
        (b"plain words\r\n", "plain words"),
        (b"\x93\xfa\x96{", "\ufffd\ufffd\ufffd{"),
        (b'#< CLIXML\r\n<Objs><Obj S="progress"><AV>Preparing</AV></Obj></Objs>', ""),
        (b'#< CLIXML\r\n<Objs><S S="Error">a &lt;b&gt; &amp; c_x000A_</S><S S="Error">d</S></Objs>', "a <b> & c\nd"),
        (b'#< CLIXML\r\n<Objs><S S="warning">careful</S><S S="Error">broken</S></Objs>', "broken"),
        ('#< CLIXML\r\n<Objs><S S="Error">日本</S></Objs>'.encode(), "日本"),
    ],
)
def test_stderr_becomes_plain_text(stderr: bytes, text: str) -> None:
    assert text == decode_stderr(stderr)


def test_a_script_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(FileNotFoundError):
        load_script("no-such-script")


ECHO = "param($a) @{ text = $a.text; one = @(1); none = @(); null = $null }"


@pytest.mark.pwsh
@pytest.mark.parametrize(
    ("script", "arguments", "answer"),
    [
        (ECHO, {"text": "日本 'q' `b` \" $(1) ’"}, {"text": "日本 'q' `b` \" $(1) ’", "one": [1], "none": [], "null": None}),
        ("param($a) $a.text.Length", {"text": "x" * 2_000_000}, 2_000_000),
    ],
    ids=["text", "2 MB"],
)
def test_a_real_powershell_gets_and_gives_data_unchanged(
    pwsh: Pwsh, script: str, arguments: dict[str, Any], answer: Any
) -> None:
    assert answer == _really_run(pwsh, script, arguments)


@pytest.mark.pwsh
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("param($a) throw 'oh, no'", "oh"),
        ("param($a) Get-Item -LiteralPath /does/not/exist", "PathNotFound"),
        ("param($a) 1; 2", "the script answered with 2 objects instead of one"),
        ("param($a", "ParseException"),
        ("param($a) @{ 1 = 2 }", "NonStringKeyInDictionary"),
    ],
)
def test_a_real_powershell_reports_failures_in_the_frame(pwsh: Pwsh, script: str, code: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        _really_run(pwsh, script, {})
    assert code == caught.value.code


def _really_run(pwsh: Pwsh, script: str, arguments: dict[str, Any]) -> Any:
    request = pack_request(NONCE, script, arguments)
    return unpack_answer(
        pwsh.run(request, WindowsState.healthy(1, "host-a"), datetime(2026, 3, 1, tzinfo=UTC)), NONCE, LIMIT
    )
