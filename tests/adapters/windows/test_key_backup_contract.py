"""The encrypted copy of a CA key: what both scripts make is opened by the real openssl, by these people alone."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.key_backup import KEY_FILES, parse_manifest, read_cms_recipients
from adapters.windows import powershell
from adapters.windows.key_backup import ProtectedKey
from tests.adapters.windows.key_backup_cases import CA_KEY, FOLDER, ID, PEOPLE, PROTECT, hold_key
from tests.adapters.windows.nebula_hosts import CA, NOW
from tests.lab.recipients import KeyHolder, make_holder
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twins import answer

Made = tuple[ProtectedKey, Mapping[str, bytes]]
ENTRY = PROTECT.action


def make_host() -> WindowsState:
    state = WindowsState.healthy(0, "lighthouse")
    hold_key(state)
    return state


def read_files(state: WindowsState) -> Mapping[str, bytes]:
    return {name: state.bytes_of(FOLDER / name) for name in KEY_FILES}


def make_by_twin() -> Made:
    state = make_host()
    return ENTRY.parse(answer("protect-key", ENTRY.build_arguments(), state, NOW)), read_files(state)


def make_by_powershell(pwsh: Pwsh) -> tuple[Any, WindowsState]:
    state = make_host()
    request = powershell.pack_request("nonce", powershell.load_script("protect-key"), ENTRY.build_arguments())
    return powershell.unpack_answer(pwsh.run(request, state, NOW), "nonce", ENTRY.output_limit), state


def open_with_openssl(folder: Path, message: bytes, person: KeyHolder) -> tuple[int, bytes]:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("NO OPENSSL: the encrypted copy was not opened by the real program")
    (folder / "ca-key.cms").write_bytes(message)
    (folder / "person.pem").write_text(person.certificate)
    (folder / "person.key").write_text(person.key)
    given = ["cms", "-decrypt", "-inform", "PEM", "-in", "ca-key.cms", "-recip", "person.pem", "-inkey", "person.key"]
    done = subprocess.run([program, *given, "-out", "ca.key"], cwd=folder, capture_output=True, timeout=60, check=False)
    out = folder / "ca.key"
    return done.returncode, out.read_bytes() if out.exists() else b""


def check(made: Made, folder: Path) -> None:
    """All that a copy promises."""
    told, files = made
    for person in PEOPLE:
        assert (0, CA_KEY.encode()) == open_with_openssl(folder, files["ca-key.cms"], person)
    stranger, _ = open_with_openssl(folder, files["ca-key.cms"], make_holder("Mallory"))
    assert 0 != stranger
    assert {each.recipient.identifier for each in PEOPLE} == read_cms_recipients(files["ca-key.cms"].decode())
    assert CA.strip().encode() + b"\n" == files["ca.crt"]
    manifest = parse_manifest(files["manifest.json"])
    assert (ID, told.at) == (manifest.id, manifest.at)
    assert [(each.name, each.sha256) for each in PEOPLE] == [(each.name, each.sha256) for each in manifest.recipients]
    assert told.key_sha256 == manifest.find_hash("ca-key.cms")
    assert told.certificate_sha256 == manifest.find_hash("ca.crt")


def list_secrets() -> list[str]:
    """Parts of the key as they would show in a text."""
    body = re.findall(r"-----\n(.+?)\n-----", CA_KEY, re.DOTALL)[0].replace("\n", "")
    return [body[start : start + 24] for start in range(0, len(body) - 24, 24)]


def test_what_the_twin_encrypts_is_opened_by_openssl_and_by_the_recipients_alone(tmp_path: Path) -> None:
    check(make_by_twin(), tmp_path)


@pytest.mark.pwsh
def test_what_the_script_encrypts_in_a_real_powershell_is_opened_by_openssl(pwsh: Pwsh, tmp_path: Path) -> None:
    said, state = make_by_powershell(pwsh)
    check((ENTRY.parse(said), read_files(state)), tmp_path)
    assert sorted(KEY_FILES) == sorted(path.name for path in state.files if FOLDER in path.parents)
    assert [] == [secret for secret in list_secrets() if secret in f"{said}{read_files(state)}"]


@pytest.mark.pwsh
def test_a_repeated_script_keeps_the_copy_that_it_made_before(pwsh: Pwsh) -> None:
    said, state = make_by_powershell(pwsh)
    before = read_files(state)
    request = powershell.pack_request("nonce", powershell.load_script("protect-key"), ENTRY.build_arguments())
    again = powershell.unpack_answer(pwsh.run(request, state, NOW), "nonce", ENTRY.output_limit)
    assert {**said, "changed": False} == again
    assert before == read_files(state)


def cut(message: str) -> str:
    return message[: len(message) // 2]


def swap(message: str) -> str:
    return message.replace("CMS", "PKCS7")


def replace_body(message: str) -> str:
    return "-----BEGIN CMS-----\nMAMCAQE=\n-----END CMS-----\n"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cut, "no CMS message"),
        (swap, "no CMS message"),
        (replace_body, "damaged"),
        (lambda message: "", "no CMS message"),
        (lambda message: f"{message}x", "no CMS message"),
    ],
)
def test_a_message_that_is_not_whole_names_no_recipients(change: Callable[[str], str], why: str) -> None:
    _, files = make_by_twin()
    with pytest.raises(ValueError, match=why):
        read_cms_recipients(change(files["ca-key.cms"].decode()))
