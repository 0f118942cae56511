"""The check against Windows PowerShell 5.1 finds what 5.1 lacks, and is quiet about what is shipped."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from adapters.windows.powershell import load_script
from tests.lab.windows.pwsh import find_pwsh
from tests.powershell51.__main__ import CHECK, SKIPPED, main

ROOT = Path(__file__).parents[1]

ABSENT = {
    "$x = $y ?? 1": "SYNTAX 5.1 has no ??",
    "$x = $y ? 1 : 2": "SYNTAX 5.1 has no $y ? 1 : 2",
    "Get-Item a && Get-Item b": "SYNTAX 5.1 has no &&",
    "Get-Uptime": "COMMAND not in 5.1: Get-Uptime",
    "ls": "COMMAND not in 5.1: ls",
    "ConvertFrom-Json $x -AsHashtable": "PARAMETER 5.1's ConvertFrom-Json has no -AsHashtable",
    "$made = @{ AsArray = $true }\nConvertTo-Json @made": "PARAMETER 5.1's ConvertTo-Json has no -AsArray",
    "Join-Path a b c": "PARAMETER 5.1's Join-Path takes one child",
    "[System.Text.Json.JsonDocument]": "TYPE not in .NET Framework 4.8: System.Text.Json.JsonDocument",
    "New-Object System.Half": "TYPE not in .NET Framework 4.8: System.Half",
    "[Convert]::ToHexString($x)": "MEMBER System.Convert has no ToHexString with 1 arguments in .NET Framework 4.8, ",
    "[System.IO.File]::Move($a, $b, $true)": "MEMBER System.IO.File has no Move with 3 arguments in .NET Framework 4.8",
    "[Environment]::ProcessPath": "MEMBER System.Environment has no ProcessPath in .NET Framework 4.8",
    "$process.Kill($true)": "MEMBER no type that is looked at has a method Kill with 1 arguments: $process.Kill($true)",
    "$at.Microsecond": "MEMBER only 7 has the property Microsecond of ",
    "[Math]::Max($one, $other)": "WATCH the first argument decides, and an int there makes a long beyond 2147483647 fail: "
    "[Math]::Max($one, $other)",
    "$text.Split('ab')": "WATCH 7 also has System.String(",
}
"""Files of a line or two, and what is said of each."""

PRESENT = (
    "Get-ChildItem -LiteralPath $x -File -Filter '*.log' | Sort-Object -Property Name",
    "function Get-Own($x) { $x }\nGet-Own 1",
    "Get-FunctionOfAnotherPart 1",
    "$made = @{ Path = 'x'; ItemType = 'Directory' }\n$null = New-Item @made -Force",
    "New-Object System.IO.FileStream $x, ([System.IO.FileMode]::Open), ([System.IO.FileAccess]::Read)",
    "icacls.exe $x /inheritance:r",
    "[Math]::Max([long]$one, $other)",
    "[System.IO.File]::Move($a, $b)",
    "New-NetFirewallHyperVRule -Name x -LocalPorts 1",
    "$x.ToUniversalTime().ToString('o')",
)


@pytest.mark.pwsh
def test_what_5_1_lacks_is_found_and_all_else_passes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """All at once, because PowerShell takes seconds to start."""
    if find_pwsh(os.environ) is None:
        pytest.skip(SKIPPED)
    for number, text in enumerate([*ABSENT, *PRESENT]):
        (tmp_path / f"{number:02}.ps1").write_text(text)
    assert 1 == main([tmp_path], os.environ)
    said: dict[int, list[str]] = {}
    for line in capfd.readouterr().out.splitlines():
        place, _, words = line.partition(" ")
        said.setdefault(int(Path(place.partition(":")[0]).stem), []).append(words)
    assert dict(enumerate(ABSENT.values())) == {
        number: expected
        for number, expected in enumerate(ABSENT.values())
        if any(words.startswith(expected) for words in said.get(number, []))
    }
    assert set(range(len(ABSENT))) == set(said)


def test_without_a_powershell_one_line_says_that_nothing_was_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert (0, f"{SKIPPED}\n") == (main([ROOT / "adapters" / "windows"], {"PATH": ""}), capsys.readouterr().err)


def test_where_there_is_a_powershell_that_line_is_an_error_of_the_whole_check() -> None:
    assert SKIPPED.partition(":")[0] in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "$(BIN)/python -m tests.powershell51 adapters/windows docs/hosts tests/windows" in (ROOT / "Makefile").read_text(
        "utf-8"
    )


def test_each_data_file_has_its_source_and_license() -> None:
    readme = (CHECK.parent / "README.md").read_text("utf-8")
    data = [file.name for file in CHECK.parent.iterdir() if file.suffix not in (".py", ".md", ".txt") and file.is_file()]
    assert [] == [name for name in data if f"`{name}`" not in readme]
    assert "MIT License" in (CHECK.parent / "LICENSE-PSScriptAnalyzer.txt").read_text("utf-8")


WINDOWS = ROOT / "adapters" / "windows"

SCRIPTS = sorted(path.stem for path in (WINDOWS / "scripts").glob("*.ps1"))


def modules() -> dict[str, str]:
    """The module of each command of 5.1."""
    document = json.loads(gzip.decompress((CHECK.parent / "desktop-5.1.json.gz").read_bytes()))
    exported = ((module["Name"], module["ExportedCommands"]) for module in document["Modules"])
    lists = ((name, commands if isinstance(commands, list) else [commands]) for name, commands in exported)
    return {command["Name"]: name for name, commands in lists for command in commands if command}


def imported(code: str) -> set[str]:
    """The modules that a script takes in by their names."""
    lines = re.findall(r"^Import-Module ([\w., ]+) -ErrorAction SilentlyContinue$", code, re.MULTILINE)
    return {name for line in lines for name in line.split(", ")}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_5_1_search_all_modules_for_a_command(name: str) -> None:
    """It would do so anew each time, which takes seconds: without the account's profile it keeps no list of them."""
    known, code = modules(), load_script(name)
    uses = {known[command] for command in re.findall(r"\b[A-Z][a-z]+-[A-Z]\w+", code) if command in known}
    there = imported((WINDOWS / "bootstrap.ps1").read_text("ascii")) | {"Microsoft.PowerShell.Core"}
    assert uses - there == imported(code)
