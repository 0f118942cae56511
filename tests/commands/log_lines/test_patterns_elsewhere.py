"""A pattern that is taken means the same on a host as in the bot: .NET on Windows, PCRE in WSL2."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from commands.log_lines.patterns import make_matcher, parse_pattern
from commands.values.arguments import BadArgument
from tests.lab.windows.pwsh import find_pwsh

PWSH, GREP = find_pwsh(os.environ), shutil.which("grep")

PIECES = (
    *"aAb1 .^$|()[]{}*+?-,\\",
    *("(?:", "[^", "{2}", "{0,2}", "*?", "a-b", "[a-b]", "(a)", r"\d", r"\W", r"\s", r"\b", r"\A", r"\x41", r"\t"),
    *(r"\.", r"\<", r"\'", r"\`", r"\~", r"\#", r"\ ", r"\@", r"\/", r"\-", r"\{", r"\]"),
)
TEXTS = ("", "a", "ab1", "A.b", "- 1b", "aa a", "[a-b]", "bA{2}", "<'`~#@/>", "ABBA 11")


def taken(count: int) -> list[str]:
    """Patterns that are taken, put together by chance, the same in every run."""
    chosen, patterns = random.Random(7), list[str]()
    while len(patterns) < count:
        pattern = "".join(chosen.choices(PIECES, k=chosen.randint(1, 7)))
        try:
            patterns.append(parse_pattern(pattern))
        except BadArgument:
            continue
    return patterns


def found_here(pattern: str) -> list[str]:
    found = make_matcher(pattern, fixed=False, case=True)
    return [text for text in TEXTS if found(text)]


@pytest.mark.pwsh
@pytest.mark.skipif(
    PWSH is None, reason="NO POWERSHELL: patterns were not tried in .NET; put pwsh on PATH or set FLATNET_PWSH"
)
def test_dotnet_finds_what_the_bot_finds(tmp_path: Path) -> None:
    patterns = taken(1_000)
    given, script = tmp_path / "given.json", tmp_path / "find.ps1"
    given.write_text(json.dumps({"patterns": patterns, "texts": TEXTS}), encoding="utf-8")
    script.write_text(
        "param($Path); $given = Get-Content -Raw $Path | ConvertFrom-Json\n"
        "$found = foreach ($pattern in $given.patterns) { $regex = [regex]::new($pattern)\n"
        "  , @($given.texts | Where-Object { $regex.IsMatch($_) }) }\n"
        "ConvertTo-Json -Compress -Depth 3 -InputObject @($found)\n",
        encoding="utf-8",
    )
    answer = subprocess.run(
        [str(PWSH), "-NoProfile", "-File", str(script), str(given)], capture_output=True, text=True, check=True
    )
    expected = {pattern: found_here(pattern) for pattern in patterns}
    assert expected == dict(zip(patterns, json.loads(answer.stdout), strict=True))


@pytest.mark.skipif(GREP is None, reason="no grep; patterns were not tried in PCRE")
def test_pcre_finds_what_the_bot_finds() -> None:
    for pattern in taken(100):
        answer = subprocess.run(
            [str(GREP), "-P", "-e", pattern], input="\n".join((*TEXTS, "")), capture_output=True, text=True, check=False
        )
        assert (pattern, found_here(pattern), "") == (pattern, answer.stdout.split("\n")[:-1], answer.stderr)
