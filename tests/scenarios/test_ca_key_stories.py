"""The copy of the CA key: made for two people, opened by one of them offline, proven by a drill, and seen nowhere else."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path, PureWindowsPath

import pytest

from adapters.key_backup import KEY_FILES
from adapters.nebula.encoding import Curve
from bot.model.change import ChangeState
from bot.runtime.clock import read_utc_time
from commands.certificates.ca_key.judgment import DRILL_ADDRESS, encode_public_key
from commands.model.report import Report
from tests.lab.recipients import KeyHolder, make_holder
from tests.lab.windows import nebula_cert
from tests.lab.windows.mesh import PATHS
from tests.scenarios.changing import ADMIN, Card, Shift, shift
from tests.scenarios.conftest import Build, Town
from tests.scenarios.test_critical_stories import ONE_APPROVER

ALICE, BOB = make_holder("Alice"), make_holder("Bob")
CREATE = "ca backup create"
FIRST = f'{CREATE} --new-recipients --reason "first copy"'
DONE = (ChangeState.DONE, "")


def describe_recipients(t: Town, *people: KeyHolder) -> str:
    """The part of the configuration that names recipients, whose certificates lie beside it."""
    text = ""
    for number, person in enumerate(people):
        (t.config.parent / f"person-{number}.pem").write_text(person.certificate)
        text += f'[[ca_backups.recipients]]\nname = "{person.name}"\n'
        text += f'certificate_file = "person-{number}.pem"\nsha256 = "{person.sha256}"\n\n'
    return text


async def name_recipients(s: Shift, *people: KeyHolder) -> None:
    """Somebody puts recipients into the configuration, and the bot reads it again."""
    await s.ruled(f"{ONE_APPROVER}\n{describe_recipients(s.town, *people)}")


async def make_first_copy(s: Shift) -> Card:
    """alice asks for the first copy, and the administrator at the terminal approves it."""
    card = await s.asked(FIRST, ADMIN)
    await s.shell(f"op show {card.operation}")
    await s.shell(f"approve {card.operation} --name lighthouse")
    assert DONE == await s.ended(card)
    return card


def find_copy(s: Shift, card: Card) -> Mapping[str, bytes]:
    """The copy in the second place."""
    folder = s.town.settings.data_folder / "backups/ca" / f"lighthouse-{card.operation.removeprefix('op-')}"
    return {name: (folder / name).read_bytes() for name in KEY_FILES}


def open_copy(folder: Path, message: bytes, person: KeyHolder) -> str:
    """The key, as a person opens it with openssl alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NO OPENSSL: the copy of the CA key was not opened")
    for name, content in (("c.cms", message), ("p.pem", person.certificate.encode()), ("p.key", person.key.encode())):
        (folder / name).write_bytes(content)
    given = ["cms", "-decrypt", "-inform", "PEM", "-in", "c.cms", "-recip", "p.pem", "-inkey", "p.key", "-out", "ca.key"]
    subprocess.run([openssl, *given], cwd=folder, check=True, capture_output=True, timeout=60)
    return (folder / "ca.key").read_text()


def list_secrets(key: str) -> Iterator[bytes]:
    """Parts of the key as they would show: in its file, at any place of another base64 text, and as bytes."""
    body = re.findall(r"-----\n(.+?)\n-----", key, re.DOTALL)[0].replace("\n", "")
    raw = base64.b64decode(body)[:32]
    yield from (body[start : start + 20].encode() for start in range(0, 40, 20))
    yield from (base64.b64encode(raw[skip : skip + 15]) for skip in range(3))
    yield raw[:16]
    yield raw[:16].hex().encode()


def list_places(s: Shift) -> Iterator[tuple[str, bytes]]:
    """All that is kept of what was done: every file of the bot, and every message."""
    for file in s.town.config.parent.rglob("*"):
        if file.is_file() and "lab" not in file.relative_to(s.town.config.parent).parts:
            yield str(file), file.read_bytes()
    people = (s.workspace.private(user) for user in (ADMIN, "U0OPERATOR"))
    messages = [*s.workspace.messages("C0OPS"), *(message for each in people for message in each)]
    yield "Slack", json.dumps([[message.text, message.blocks] for message in messages], ensure_ascii=False).encode()


def sign_drill(key: str, authority: str, public_key: str, name: str) -> str:
    """What a person makes offline."""
    files = {PureWindowsPath(file): text for file, text in (("ca.crt", authority), ("ca.key", key), ("d.pub", public_key))}
    given = ["-ca-crt", "ca.crt", "-ca-key", "ca.key", "-in-pub", "d.pub", "-out-crt", "d.crt", "-name", name]
    done = nebula_cert.run(["sign", *given, "-ip", DRILL_ADDRESS, "-duration", "10m"], files, read_utc_time())
    assert 0 == done.code, done.stderr
    return files[PureWindowsPath("d.crt")]


async def begin_drill(s: Shift) -> tuple[str, str]:
    """The public key that is shown, and the name that its certificate must have."""
    answer = await s.shell("ca backup drill")
    assert isinstance(answer.body, Report), answer.body
    key, name, *_ = (str(row.cells[1].value) for row in answer.body.rows)
    return encode_public_key(Curve.CURVE25519, base64.b64decode(key)), name


@pytest.mark.slow
async def test_the_key_goes_to_its_recipients_alone_and_a_drill_proves_that_they_can_use_it(
    town: Build, tmp_path: Path
) -> None:
    async with shift(town, hosts=1) as s:
        await name_recipients(s, ALICE, BOB)
        assert "No copy exists yet" in str(await s.types(ADMIN, f'{CREATE} --reason "x"'))
        card = await make_first_copy(s)
        copy, key = find_copy(s, card), s.state("lighthouse").files[PureWindowsPath(PATHS.ca_key)]
        for person in (ALICE, BOB):
            assert key == open_copy(tmp_path, copy["ca-key.cms"], person)

        public_key, name = await begin_drill(s)
        other = sign_drill(*other_authority(), public_key, name)
        answer = await s.shell(f'ca backup drill "{other}"')
        assert "signed by another CA" in str(answer.body)
        signed = sign_drill(key, copy["ca.crt"].decode(), public_key, name)
        assert "Passed" in await s.types(ADMIN, f'ca backup drill "{signed}"')
        told = [
            event["data"].keys() & {"opened", "refused", "passed"} for event in s.town.events() if event["kind"] == "drill"
        ]
        assert [{"opened"}, {"refused"}, {"passed"}] == told

        pasted = await s.types(ADMIN, f'ca backup drill "{key}"')
        assert "so nothing was done" in pasted
        verified = await s.shell("ca backup verify")
        assert isinstance(verified.body, Report)
        assert () == verified.body.findings
        await s.town.at_rest()
        secrets = list(list_secrets(key))
        assert [] == [(place, secret) for place, content in list_places(s) for secret in secrets if secret in content]
        assert any(secret in key.encode() for secret in secrets)


def other_authority() -> tuple[str, str]:
    """The key and the certificate of a CA that has nothing to do with this fleet."""
    files: dict[PureWindowsPath, str] = {}
    given = ["-name", "Other CA", "-duration", "1000h", "-out-crt", "ca.crt", "-out-key", "ca.key"]
    assert 0 == nebula_cert.run(["ca", *given], files, read_utc_time()).code
    return files[PureWindowsPath("ca.key")], files[PureWindowsPath("ca.crt")]


@pytest.mark.slow
async def test_a_copy_that_was_changed_in_the_second_place_is_found_and_the_next_one_needs_one_approval(
    town: Build,
) -> None:
    async with shift(town, hosts=1) as s:
        await name_recipients(s, ALICE, BOB)
        card = await make_first_copy(s)
        folder = s.town.settings.data_folder / "backups/ca" / f"lighthouse-{card.operation.removeprefix('op-')}"
        message = folder / "ca-key.cms"
        message.write_bytes(message.read_bytes()[:-60])
        answer = await s.shell("ca backup verify")
        assert isinstance(answer.body, Report)
        assert ["copy of the CA key damaged"] == [str(each.short) for each in answer.body.findings][:1]
        again = await s.asked(CREATE, ADMIN)
        await s.shell(f"approve {again.operation}")
        assert DONE == await s.ended(again)
        assert "complete at both places" in str((await s.shell("ca backup verify")).body)
