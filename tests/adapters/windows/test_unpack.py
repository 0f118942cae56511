"""The part of the scripts that unpacks a backup, and its twin: what they refuse, and what they write."""

import base64
from pathlib import PureWindowsPath
from typing import Any

import pytest

from adapters.windows import powershell
from tests.adapters.windows.archives import GOOD, HOSTILE, make, pack, plain
from tests.adapters.windows.nebula_hosts import NOW, original
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.unpack import expand_part, read_archive

BYTES, FILES = 16_384, 6
LARGE = {
    "too many bytes": make(plain("a.conf", bytes(BYTES))),
    "too many files": pack({f"{n}.conf": b"" for n in range(FILES + 1)}),
}
ARCHIVES = {"good": pack(GOOD), "empty": make(), **HOSTILE, **LARGE}
ARCHIVE, FOLDER = PureWindowsPath(r"F:\flatnet\backups\x\nebula.tar"), PureWindowsPath(r"F:\flatnet\backups\x\scratch")

READ = r"""
foreach ($packed in $a.table) {
    $stream = New-Object System.IO.MemoryStream (, [Convert]::FromBase64String($packed))
    try {
        @{ code = ''; says = ''; names = @(Read-Archive $stream $limits | ForEach-Object { $_.name }) }
    } catch {
        @{ code = "$($_.FullyQualifiedErrorId)"; says = "$_"; names = @() }
    }
}"""


def run(pwsh: Pwsh, body: str, arguments: dict[str, Any], state: WindowsState) -> Any:
    """What a script with this part answers on a host."""
    part = powershell.load_script("parts/unpack")
    limits = f"$limits = @{{ bytes = {BYTES}; files = {FILES} }}"
    script = f"param($a)\nSet-StrictMode -Version 3\n{part}\n{limits}\n@{{ all = @({body}) }}"
    stdout = pwsh.run(powershell.pack_request("n", script, arguments), state, NOW)
    return powershell.unpack_answer(stdout, "n", 64_000)["all"]


def read(archive: bytes) -> dict[str, Any]:
    """What the twin makes of an archive, in the same words."""
    try:
        return {"code": "", "says": "", "names": [name for name, _ in read_archive(archive, BYTES, FILES)]}
    except ScriptError as error:
        return {"code": error.id, "says": error.message, "names": []}


def test_a_good_archive_is_read_in_its_order() -> None:
    assert (list(GOOD), dict(GOOD)) == (read(pack(GOOD))["names"], dict(read_archive(pack(GOOD), BYTES, FILES)))


@pytest.mark.parametrize("story", HOSTILE)
def test_a_hostile_archive_is_refused(story: str) -> None:
    assert "BadArchive" == read(HOSTILE[story])["code"]


@pytest.mark.parametrize("story", LARGE)
def test_an_archive_beyond_its_limits_is_refused(story: str) -> None:
    assert "TooLarge" == read(LARGE[story])["code"]


@pytest.mark.pwsh
def test_a_real_powershell_reads_and_refuses_the_same_archives_in_the_same_words(pwsh: Pwsh) -> None:
    table = [base64.b64encode(archive).decode() for archive in ARCHIVES.values()]
    said = run(pwsh, READ, {"table": table}, original("host-a"))
    found = {story: {**one, "code": one["code"].partition(",")[0]} for story, one in zip(ARCHIVES, said, strict=True)}
    assert {story: read(archive) for story, archive in ARCHIVES.items()} == found


CONTENTS = {
    "a good archive": pack(GOOD),
    "hostile at its end": pack(GOOD)[:-1024] + HOSTILE["a pipe"],
    "a folder that is there": pack(GOOD),
    "a full disk": pack(GOOD),
    "a path that is too long": pack({"a.conf": b"x", "p/" * 60 + "n" * 100: b"x"}),
}


@pytest.mark.pwsh
@pytest.mark.parametrize("story", CONTENTS)
def test_a_real_powershell_leaves_what_the_twin_leaves(pwsh: Pwsh, story: str) -> None:
    host = original("host-a")
    host.write_bytes(ARCHIVE, CONTENTS[story], NOW)
    if story == "a folder that is there":
        host.write(FOLDER / "mine.txt", "mine", NOW)
    host.disk_full = story == "a full disk"
    real = WindowsState.from_json(host.to_json())
    body = f"try {{ Expand-Part '{ARCHIVE}' '{FOLDER}' $limits | ForEach-Object {{ $_.name }} }} catch {{ \"$_\" }}"
    answer = run(pwsh, body, {}, real)
    try:
        expected = expand_part(host, ARCHIVE, FOLDER, (BYTES, FILES), NOW)
    except ScriptError as error:
        expected = [error.message]
    assert (expected, host) == (answer, real)
