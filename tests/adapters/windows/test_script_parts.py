"""Functions that several scripts share, each tried on a table in one run of a real PowerShell."""

from typing import Any

import pytest

from adapters.windows import powershell
from tests.adapters.windows.nebula_hosts import INLINE, KEY_TEXT, NOW, QUOTED, original
from tests.lab.windows import nebula
from tests.lab.windows.disks import configuration
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.twins_nebula import last_words

pytestmark = pytest.mark.pwsh

KEY = KEY_TEXT.splitlines()[1]


def run(pwsh: Pwsh, parts: tuple[str, ...], each: str, table: list[str]) -> Any:
    """What `each`, with one entry of the table as $_, says of every entry."""
    functions = "\n".join(powershell.load_script(f"parts/{part}") for part in parts)
    script = f"param($a)\nSet-StrictMode -Version 3\n{functions}\n@{{ all = @($a.table | ForEach-Object {{ {each} }}) }}"
    stdout = pwsh.run(powershell.pack_request("n", script, {"table": table}), original("host-a"), NOW)
    return powershell.unpack_answer(stdout, "n", 64_000)["all"]


OWN = "(A;ID;FA;;;SY)(A;ID;FA;;;BA)"
READERS = {
    f"O:BAG:SYD:AI{OWN}": [],
    f"O:BAG:SYD:PAI{OWN}(A;;FR;;;S-1-5-21-1-2-3-1001)": ["S-1-5-21-1-2-3-1001"],
    f"O:BAG:SYD:AI{OWN}(A;ID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)": ["BU", "AU"],
    f"O:BAG:SYD:AI(A;OICIID;GA;;;WD){OWN}S:AI(AU;SA;FA;;;WD)": ["WD"],
    f"O:BAG:SYD:AI{OWN}(A;;0x80000000;;;WD)(A;;0x10000000;;;AN)(A;;GR;;;AU)": ["WD", "AN", "AU"],
    f"O:BAG:SYD:AI{OWN}(XA;;CCDC;;;AU;(Member_of {{SID(BA)}}))": ["AU"],
    f"O:BAG:SYD:AI{OWN}(A;;0x100116;;;BU)(A;;FW;;;BU)(A;;SDRCWD;;;BU)(D;;FA;;;WD)": [],
    "O:BAG:SYD:NO_ACCESS_CONTROL": ["S-1-1-0"],
}
"""Access lists as Windows writes them, and who may read; here no name is known of any account."""


def test_who_may_read_a_file_is_read_from_its_access_list(pwsh: Pwsh) -> None:
    each = "function Get-Acl { @{ Sddl = $entry } }; $entry = $_; @{ readers = @(Read-Readers 'F:\\x') }"
    said = run(pwsh, ("acl",), each, list(READERS))
    assert READERS == dict(zip(READERS, (one["readers"] for one in said), strict=True))


CONFIGURATIONS = [
    "",
    "pki:\n",
    configuration(lighthouse=True),
    configuration(lighthouse=False).replace("\n", "\r\n"),
    QUOTED,
    INLINE,
    "---\n# pki:\nlisten:\n  key: no\npki:   # ours\n\n  # cert: old\n"
    "  cert:   C:\\a b\\x.crt   # new\n   key: deeper\n  key: ''\nx: 1\n",
    "pki: {ca: a, cert: b, key: c}\n",
    'pki:\n  cert: "-----BEGIN NEBULA CERTIFICATE-----\\n"\n  key: >-\n    x\n  ca: !!str x\n',
    f"pki:\n  key: {KEY}\n  cert: 'it''s'\n  ca: \"a\\\\b\\\"c\"\n",
    "pki:\n\tcert: x\n  CERT: y\n  certificate: z\n  ca:\n  key : k\n",
    " pki:\n  cert: x\npki:\n  cert: 'open\n  ca: #none\n",
]


def test_the_paths_in_a_configuration_are_read_as_the_twin_reads_them(pwsh: Pwsh) -> None:
    each = "$found = Find-Pki ($_ -split '\\n'); @{ found = $found }"
    expected = [
        {name: {"line": entry.line, "indent": entry.indent, "value": entry.value} for name, entry in entries.items()}
        for entries in map(nebula.pki_entries, CONFIGURATIONS)
    ]
    assert expected == [one["found"] for one in run(pwsh, ("pki",), each, CONFIGURATIONS)]


WORDS = [
    "",
    "\n \n",
    "Error: ca certificate is expired\n",
    "Error: invalid ip definition: x\nUsage of nebula-cert sign <flags>\n  -ip string\n",
    'time="2026-11-25T16:03:23Z" level=error msg="Could not load client cert" error="no pki.key path or PEM \\"data\\""\r\n',
    '{"error":"private key is not a pair","level":"error","msg":"Could not load client cert"}',
    f'time="…" level=error msg="x" error="open {KEY}: The system cannot find the file specified."',
    f"failed to load config: yaml: line 1\n{KEY_TEXT}",
    f'level=info msg="pki:\\n key: |\\n {KEY_TEXT!r}"\n',
    "x" * 900,
]


def test_why_a_program_failed_is_told_as_the_twin_tells_it_and_without_a_key(pwsh: Pwsh) -> None:
    said = run(pwsh, ("programs",), "Get-LastWords $_", WORDS)
    assert [last_words(text) for text in WORDS] == said
    assert [] == [words for words in said if KEY in words]
