"""The PowerShell lint finds what it promises to find, and is quiet about the rest."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.powershell_lint import ALLOWED, Complaint, check, check_folder, main

WINDOWS = Path(__file__).parent.parent / "adapters" / "windows"

SOME = {
    "commands": ["Get-Item", "ForEach-Object", "New-Object", "icacls.exe"],
    "types": ["string", "int", "Parameter", "System.IO.MemoryStream", "System.Collections.Generic.List[string]"],
    "methods": ["ToString", "int::Parse"],
}
"""What the snippets may use."""


def said(text: str) -> list[str]:
    """What the lint says about a snippet that need not use all that it may use."""
    complaints = check(text.encode("utf-8"), SOME)
    return [complaint.message for complaint in complaints if not complaint.message.startswith("allowed but not used")]


@pytest.mark.parametrize(
    "text",
    [
        "param($a)\nSet-Thing $a\nfunction Set-Thing([string]$name) {\n    return $name\n}",
        "try {\n    Get-Item x\n} catch {\n    $x = $null\n} finally {\n    $y = 1\n}",
        'if ($x) {\n    "a ${x}: $(Get-Item $x) $($x.y)"\n} elseif ($y) {\n    "$x::y"\n} else {\n    \'$x: y\'\n}',
        "foreach ($x in @(1, 2)) {\n    $y[$x] = $x.ToString()\n}",
        "switch ($x) {\n    'a' {\n        1\n    }\n    default {\n        2\n    }\n}",
        "Get-Item -LiteralPath $x | ForEach-Object { $_.Name }",
        "param([Parameter(Mandatory = $true)] [string]$x)\n[int]$n, $m = 1, [int]::Parse($x)",
        "$list = New-Object System.Collections.Generic.List[string]\n$list",
        "$stream = New-Object System.IO.MemoryStream (, $bytes)\n$stream.Length",
        "icacls.exe $path /inheritance:r",
        "@{ ok = $true; data = @($x); at = $env:COMPUTERNAME }",
        '@"\n${x}: $y\n"@',
        "$script:x = -not $y -and ($z -match '^a')",
        "",
    ],
)
def test_good_powershell_passes(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "if ($x) {",
        "}",
        "Get-Item (1",
        "$x = 'a",
        '$x = "a',
        "$x = @{ a = 1",
        "$x = @(1, 2",
        "$x = ",
        "$x.",
        "foreach ($x of $y) { 1 }",
        "function { 1 }",
        "if $x { 1 }",
        "} else { 1 }",
        "[int $x",
        "'a'('b')",
    ],
)
def test_broken_powershell_is_found(text: str) -> None:
    assert any(message.startswith("syntax: ") for message in said(text)), said(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Get-Item x\nelse {\n    2\n}", "syntax: stray keyword else"),
        ("if ($x) { 1 } else { 2 }\nelse { 3 }", "syntax: stray keyword else"),
        ("Get-Item x\ncatch { 1 }", "syntax: stray keyword catch"),
        ("try { Get-Item x }\nGet-Item y", "syntax: try needs catch or finally"),
        ('"$name: x"', 'syntax: "$name:" needs "${name}:"'),
        ('"is it $name?"', 'syntax: "$name?" needs "${name}?"'),
        ('@"\n$name: x\n"@', 'syntax: "$name:" needs "${name}:"'),
        ("1 = 2", "syntax: 1 cannot be assigned to"),
        ("'a' = $b", "syntax: 'a' cannot be assigned to"),
        ("$x = = 2", "syntax: = is no command"),
        ("12abc", "syntax: 12abc is no command"),
        ("| Get-Item", "syntax: a command is missing"),
    ],
)
def test_broken_powershell_that_the_grammar_lets_pass_is_found(text: str, complaint: str) -> None:
    assert complaint in said(text), said(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$x = $y ? 1 : 2", "5.1 has no ternary operator"),
        ("$x = $y ?? 1", "5.1 has no ??"),
        ("$x ??= 1", "5.1 has no ??="),
        ("Get-Item a && Get-Item b", "5.1 has no && and ||"),
        ("Get-Item a || Get-Item b", "5.1 has no && and ||"),
        ("Get-Item a -AsHashtable", "5.1 has no -AsHashtable"),
        ("Get-Item a -EnumsAsStrings", "5.1 has no -EnumsAsStrings"),
        ("icacls.exe x 2>&1", "5.1 turns redirected stderr of programs into errors and writes files as UTF-16"),
        ("Get-Item a > b", "5.1 turns redirected stderr of programs into errors and writes files as UTF-16"),
        ("$input", "$input makes PowerShell read stdin itself; use [Console]::In"),
        ("$x = '日本'", "only printable ASCII and line feeds; 5.1 reads other text by the host's code page"),
        ("$x = ‘a’", "only printable ASCII and line feeds; 5.1 reads other text by the host's code page"),
        ("\ufeff$x", "only printable ASCII and line feeds; 5.1 reads other text by the host's code page"),
        ("$x\r\n", "only printable ASCII and line feeds; 5.1 reads other text by the host's code page"),
    ],
)
def test_what_windows_powershell_cannot_do_is_found(text: str, complaint: str) -> None:
    assert said(text) == [complaint]


def test_texts_are_compared_by_their_characters_and_not_by_the_culture_of_the_host() -> None:
    """Of 5.1, which asks Windows, where some characters weigh nothing; .NET 7 asks ICU, which differs."""
    complaint = "$a.EndsWith('x') compares by the host's culture; give [System.StringComparison]::Ordinal"
    assert complaint in said("$a.EndsWith('x')")
    ordinal = said("$a.EndsWith('x', [System.StringComparison]::Ordinal)")
    assert [] == [message for message in ordinal if "culture" in message]


TAKEN = "$_ is what the switch looks at, not the error; take the error before the switch"


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("switch ($_.Id) {\n    'a' {\n        $_.Message\n    }\n}", [TAKEN]),
        ('switch ($x) {\n    default {\n        "no: $($_.Message)"\n    }\n}', [TAKEN]),
        ("if ($x) {\n    switch ($x) {\n        { $_ -in 1, 2 } {\n            1\n        }\n    }\n}", []),
        ("$why = $_\nswitch ($why.Id) {\n    'a' {\n        $why.Message\n    }\n}", []),
        ("switch ($x) {\n    'a' {\n        $y | ForEach-Object { $_.Name }\n    }\n}", []),
        ("$_.Message", []),
    ],
)
def test_an_error_that_a_switch_hides_is_found(text: str, complaints: list[str]) -> None:
    """Within the branches of a switch $_ is the value that is looked at, even where a catch stands around it."""
    assert complaints == said("try {\n    $x = 1\n} catch {\n    " + text.replace("\n", "\n    ") + "\n}")
    assert [] == said(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("iex $x", "not in the allowed commands: iex"),
        ("Invoke-eXpression -Command $c", "not in the allowed commands: Invoke-eXpression"),
        ("i`e`x $x", "not in the allowed commands: i`e`x"),
        ("Microsoft.PowerShell.Utility\\Get-Item $x", "not in the allowed commands: Microsoft.PowerShell.Utility\\Get-Item"),
        ("C:\\Windows\\System32\\cmd.exe /c dir", "not in the allowed commands: C:\\Windows\\System32\\cmd.exe"),
        ("cmd /c 'del x'", "not in the allowed commands: cmd"),
        ("powershell -nop -enc SQBFAFgAIAAoAE4AZQB3AC0A", "not in the allowed commands: powershell"),
        ("Get-Item $u | iex", "not in the allowed commands: iex"),
        ('"a $(iex $x) b"', "not in the allowed commands: iex"),
        ("Add-Type -TypeDefinition $c", "not in the allowed commands: Add-Type"),
        ("Set-Alias q iex", "not in the allowed commands: Set-Alias"),
        ("Remove-Item -Recurse -Force $p", "not in the allowed commands: Remove-Item"),
        ("$x | % { $_ }", "not in the allowed commands: %"),
        ("gi $x", "not in the allowed commands: gi"),
        ("& ('i' + 'ex') 'whoami'", "not in the allowed calls: & ('i' + 'ex') 'whoami'"),
        ("& $f $x", "not in the allowed calls: & $f $x"),
        ("& { 1 }", "not in the allowed calls: & { 1 }"),
        ("& 'Get-Item' x", "not in the allowed calls: & 'Get-Item' x"),
        (". $path", "not in the allowed calls: . $path"),
        ("& (Get-Item i*x) 'x'", "not in the allowed calls: & (Get-Item i*x) 'x'"),
        ("& $env:ComSpec /c dir", "not in the allowed calls: & $env:ComSpec /c dir"),
        ("& @('iex')[0] $x", "not in the allowed calls: & @('iex')[0] $x"),
        ("'iex' | ForEach-Object { & $_ 'x' }", "not in the allowed calls: & $_ 'x'"),
        ("[ScriptBlock]::Create($x)", "not in the allowed types: ScriptBlock"),
        ("[powershell]::Create()", "not in the allowed types: powershell"),
        ("[Diagnostics.Process]::Start('calc')", "not in the allowed types: Diagnostics.Process"),
        ("[Reflection.Assembly]::Load($b)", "not in the allowed types: Reflection.Assembly"),
        ("$x = [type]'System.IO.File'", "not in the allowed types: type"),
        ("param([ValidateScript({ $_ })] [string]$x)", "not in the allowed types: ValidateScript"),
        ("(New-Object Net.WebClient).Proxy", "not in the allowed types: Net.WebClient"),
        ("New-Object $t", "not in the allowed types: New-Object $t"),
        ("New-Object -ComObject Shell.Application", "not in the allowed types: New-Object -ComObject Shell.Application"),
        ("$ExecutionContext.InvokeCommand.InvokeScript($x)", "not in the allowed methods: InvokeScript"),
        ("$f.Invoke($x)", "not in the allowed methods: Invoke"),
        ("[int]::TryParse($x)", "not in the allowed methods: int::TryParse"),
        ("$t::Parse($x)", "not in the allowed methods: $t::Parse($x)"),
        ("$x.ForEach('Delete')", "not in the allowed methods: $x.ForEach('Delete')"),
        ("$x | ForEach-Object Kill", "ForEach-Object takes one script block here; a name would call that method"),
        ("$x | ForEach-Object -MemberName $m", "ForEach-Object takes one script block here; a name would call that method"),
        ("$x.'Invoke'()", "a member must be named, not computed: 'Invoke'"),
        ("$x.$y", "a member must be named, not computed: $y"),
        ("$x.('In' + 'voke')()", "a member must be named, not computed: ('In' + 'voke')"),
        ("${function:x} = $code", "a variable of the drive function: may define code"),
        ("$alias:x = $code", "a variable of the drive alias: may define code"),
        ("using module Evil", "using loads code or hides the full names of types"),
        ("class A { }", "answers are hash tables; classes need no place here"),
        ("trap { 1 }", "use try and catch"),
        ("icacls.exe --% $x & del y", "--% hides its arguments from every check"),
    ],
)
def test_what_could_run_something_else_is_refused(text: str, complaint: str) -> None:
    assert complaint in said(text), said(text)


def test_a_listed_call_passes_only_as_it_is_written() -> None:
    """The bootstrap has one computed call; a second one needs its own entry."""
    allowed = {"calls": ["& $body $request.args"]}
    assert check(b"& $body $request.args", allowed) == []
    assert check(b"& $body $request.args\n& $body $other", allowed) == [
        Complaint(2, 1, "not in the allowed calls: & $body $other")
    ]


def test_an_allowance_that_is_not_used_is_taken_back() -> None:
    assert check(b"$x", {"commands": ["Get-Item"]}) == [
        Complaint(1, 1, "allowed but not used, take it out of the allowed commands: Get-Item")
    ]


def test_a_complaint_names_file_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Modules and data files count too, wherever they lie; a file that is not listed may use nothing."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "new.psm1").write_text("$x = 1\nif ($x) {\n    iex $x\n}\n")
    assert main(tmp_path) == 1
    assert f"{tmp_path}/scripts/new.psm1:3:5 not in the allowed commands: iex\n" in capsys.readouterr().out


def test_an_allow_list_without_its_file_is_found(tmp_path: Path) -> None:
    """So a wrong folder cannot pass for a clean one."""
    assert list(check_folder(tmp_path, {"gone.ps1": {}})) == [
        (tmp_path / "gone.ps1", Complaint(1, 1, "has an allow list, but does not exist"))
    ]


def test_the_files_that_are_shipped_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main(WINDOWS), capsys.readouterr().out) == (0, "")


def test_allow_lists_hold_full_names_only() -> None:
    """`Verb-Noun` or a program with `.exe`: no alias, no module prefix, no path."""
    commands = [name for lists in tomllib.loads(ALLOWED.read_text("utf-8")).values() for name in lists.get("commands", [])]
    assert [name for name in commands if not re.fullmatch(r"[A-Z][A-Za-z]+-[A-Z][A-Za-z]+|[a-z-]+\.exe", name)] == []
