"""The contract of the scripts that handle Nebula's certificates: what each answers, and what it leaves on which disk.

The twins always answer the cases. Where there is a PowerShell, the real scripts do too, with the real nebula-cert where
this machine has it, and must say and leave the same; what is new each time (keys, signatures, seconds) is set equal.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.error_text import clean_line
from adapters.errors import ActionFailed
from adapters.nebula.certificates import parse_pem
from adapters.windows import powershell
from tests.adapters.windows import (
    authority_cases,
    blocklist_cases,
    nebula_backup_cases,
    nebula_cases,
    new_host_cases,
)
from tests.adapters.windows.nebula_cases import Case
from tests.adapters.windows.nebula_hosts import KEY_TEXT, NOW
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import ScriptError
from tests.lab.windows.twins import answer

CASES = (
    *nebula_cases.CASES,
    *nebula_backup_cases.CASES,
    *authority_cases.CASES,
    *blocklist_cases.CASES,
    *new_host_cases.CASES,
)


def told(case: Case) -> str:
    return f"{case.action.script}: {case.story}"


def by_twin(case: Case) -> tuple[Any, WindowsState]:
    state = case.state()
    try:
        return answer(case.action.script, case.arguments, state, NOW), state
    except ScriptError as error:
        return (error.id.partition(",")[0], clean_line(error.message)), state


def by_powershell(case: Case, pwsh: Pwsh) -> tuple[Any, WindowsState]:
    state = case.state()
    request = powershell.pack_request("nonce", powershell.load_script(case.action.script), case.arguments)
    stdout = pwsh.run(request, state, NOW)
    try:
        return powershell.unpack_answer(stdout, "nonce", case.action.output_limit), state
    except ActionFailed as error:
        return (error.code, error.phrase.values["message"]), state


def equal(value: Any) -> Any:
    """An answer without what is new each time: keys, signatures, fingerprints, times of signing, places of the lab."""
    match value:
        case str():
            text = re.sub(r"/tmp/flatnet-pwsh-[^/]+/drives/(\w)/([^ :\n]*)", _windows_path, value)
            text = re.sub(
                r"(?s)-----BEGIN NEBULA CERTIFICATE( V2)?-----.*?-----END NEBULA CERTIFICATE( V2)?-----", _certificate, text
            )
            text = re.sub(r"(?s)(BEGIN [A-Z0-9 ]*PRIVATE KEY-----).*?(-----END)", r"\1 KEY \2", text)
            return re.sub(r"[A-Za-z0-9+/]{43}=", "KEY", text)
        case Mapping():
            return {name: equal(each) for name, each in value.items()}
        case list() | tuple():
            return [equal(each) for each in value]
        case _:
            return value


def _windows_path(found: re.Match[str]) -> str:
    return f"{found[1]}:\\" + found[2].replace("/", "\\")


def _certificate(found: re.Match[str]) -> str:
    (certificate,) = parse_pem(found[0])
    hours = round((certificate.not_after - certificate.not_before).total_seconds() / 3600)
    return f"{certificate.name} {certificate.networks} {certificate.unsafe_networks} {certificate.groups} {hours}"


def left(state: WindowsState) -> Any:
    """What lies on a host's disk."""
    return {str(path).lower(): equal(text) for path, text in state.files.items()}


@pytest.mark.parametrize("case", CASES, ids=told)
def test_the_twin_answers_as_agreed(case: Case) -> None:
    said, _ = by_twin(case)
    if case.fails:
        assert case.fails == said[0]
        return
    understood = case.action.parse(said)
    assert case.told == {name: getattr(understood, name) for name in case.told}


@pytest.mark.parametrize("case", CASES, ids=told)
def test_no_private_key_is_ever_told(case: Case) -> None:
    said, state = by_twin(case)
    keys = re.findall(r"BEGIN [A-Z0-9 ]*PRIVATE KEY-----\n([^\n]+)", KEY_TEXT + "".join(state.files.values()))
    assert [] == [key for key in keys if key in str(said)]


@pytest.mark.pwsh
@pytest.mark.parametrize("case", CASES, ids=told)
def test_the_script_in_a_real_powershell_says_and_leaves_the_same(case: Case, pwsh: Pwsh) -> None:
    (expected, expected_state), (actual, state) = by_twin(case), by_powershell(case, pwsh)
    assert equal(expected) == equal(actual)
    assert left(expected_state) == left(state)
