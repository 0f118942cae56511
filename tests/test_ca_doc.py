"""The pages of the CA key: real programs run each command in them, up to the tunnel of a new Lighthouse."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.key_backup import parse_recipient
from adapters.nebula.certificates import parse_pem
from bot.app.build_backups import make_public_key
from commands.catalogue import CATALOGUE
from commands.certificates.ca_key.judgment import DRILL_SPAN, encode_public_key, find_fault, name_certificate, parse_pasted
from commands.certificates.ca_key.operations import KeyBackupList, KeyBackupVerify, KeyDrill
from commands.certificates.ca_key.reports import report_open_drill
from commands.model.backup import Drill
from tests.lab.recipients import make_holder
from tests.lab.windows.twins_key_backup import encrypt

PAGES = (Path("docs/ca.md"), Path("docs/ca.ja.md"))
PROGRAMS = ("openssl", "nebula", "nebula-cert")
PATIENCE = 60.0

needs_programs = pytest.mark.skipif(
    any(shutil.which(program) is None for program in PROGRAMS), reason="NO OPENSSL OR NEBULA: docs/ca.md was not tried"
)


def list_blocks(page: Path) -> list[str]:
    """The commands of a page, in their order."""
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


PEOPLE, OPEN, KEYGEN, SIGN, TEST = list_blocks(PAGES[0])


def test_both_pages_have_the_same_commands() -> None:
    english, japanese = (re.findall(r"```.*?```", page.read_text(encoding="utf-8"), re.DOTALL) for page in PAGES)
    assert english == japanese


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_pages_name_every_command_of_copies(page: Path) -> None:
    words = {" ".join(each.words) for each in CATALOGUE if each.words[:2] == ("ca", "backup")}
    assert {" ".join(each.words) for each in (KeyBackupList, KeyBackupVerify, KeyDrill)} < words
    assert words <= set(re.findall(r"^\| `(ca backup[a-z ]*)`", page.read_text(encoding="utf-8"), re.MULTILINE))


def run(block: str, folder: Path) -> str:
    """Runs the commands of a block as a person does, who types a passphrase where openssl asks for one."""
    given = block.replace("-x509 -newkey", "-x509 -passout pass:x -newkey").replace(
        "cms -decrypt", "cms -decrypt -passin pass:x"
    )
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", given], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def make_fleet(folder: Path) -> None:
    """A CA on a Lighthouse that will be lost, and a host that has nothing but its own files."""
    run('nebula-cert ca -name "Flatnet CA" -duration 8760h -out-crt ca.crt -out-key ca.key', folder)
    run("nebula-cert sign -name host-a -ip 10.100.1.1/16 -groups flatnet,gateway -out-crt a.crt -out-key a.key", folder)


def make_copy(fleet: Path, offline: Path) -> str:
    """The copy of the key for Tanaka, whose certificate the page makes, and for somebody else. Returns the key."""
    pinned = run(PEOPLE, offline).split()[0]
    tanaka = parse_recipient("Tanaka", (offline / "tanaka.pem").read_bytes(), pinned)
    others = (tanaka, make_holder("Suzuki").recipient)
    key = (fleet / "ca.key").read_text()
    message = encrypt(key.encode(), [{"certificate": each.certificate} for each in others])
    (offline / "ca-key.cms").write_text(message)
    shutil.copy(fleet / "ca.crt", offline)
    return key


def configure(folder: Path, port: int, *, lighthouse: bool, name: str) -> None:
    """The configuration of a real Nebula without a network interface."""
    parts = {
        "pki": {"ca": "ca.crt", "cert": f"{name}.crt", "key": f"{name}.key"},
        "static_host_map": {} if lighthouse else {"10.100.0.1": [f"127.0.0.1:{port}"]},
        "lighthouse": {"am_lighthouse": lighthouse, "hosts": [] if lighthouse else ["10.100.0.1"]},
        "listen": {"host": "127.0.0.1", "port": port if lighthouse else 0},
        "tun": {"disabled": True},
        "logging": {"level": "info", "format": "json"},
        "firewall": {"outbound": [], "inbound": []},
    }
    (folder / "config.yaml").write_text("".join(f"{part}: {json.dumps(value)}\n" for part, value in parts.items()))


@contextmanager
def daemon(folder: Path) -> Iterator[Path]:
    """A real Nebula, and its log."""
    log = folder / "nebula.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(["nebula", "-config", "config.yaml"], cwd=folder, stdout=stream, stderr=stream)
    try:
        yield log
    finally:
        process.kill()
        process.wait()


def find_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(text: str, log: Path) -> str:
    """The line of a log with a text, once it is there."""
    ends = time.monotonic() + PATIENCE
    while True:
        for line in log.read_text().splitlines():
            if text in line:
                return line
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.05)


@needs_programs
def test_the_commands_that_a_drill_shows_make_the_certificate_that_it_takes(tmp_path: Path) -> None:
    make_fleet(tmp_path)
    (authority,) = parse_pem((tmp_path / "ca.crt").read_text())
    key = encode_public_key(authority.curve, make_public_key(authority.curve))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    drill = Drill(
        number=1, authority=authority.fingerprint, public_key=key, opened_at=now, ends_at=now + DRILL_SPAN, opened_by="ana"
    )
    (steps,) = report_open_drill(drill, authority, now).sections
    for step in steps.lines[1:3]:
        run(str(step.values["command"]), tmp_path)
    name = name_certificate(drill)
    pasted = parse_pasted(((tmp_path / f"{name}.crt").read_text(),))
    assert find_fault(pasted, drill, authority) is None


@needs_programs
def test_a_lost_lighthouse_is_rebuilt_from_the_copy_and_the_hosts_trust_it(tmp_path: Path) -> None:
    fleet, offline, lighthouse = (tmp_path / name for name in ("fleet", "offline", "lighthouse"))
    for folder in (fleet, offline, lighthouse):
        folder.mkdir()
    make_fleet(fleet)
    key = make_copy(fleet, offline)
    (fleet / "ca.key").unlink()

    hashes = [line.split()[0] for line in run(OPEN, offline).splitlines()]
    assert 2 == len(set(hashes))
    assert key == (offline / "ca.key").read_text()

    run(KEYGEN, lighthouse)
    shutil.copy(lighthouse / "host.pub", offline)
    run(SIGN, offline)
    for name in ("host.crt", "ca.crt"):
        shutil.copy(offline / name, lighthouse)
    port = find_free_port()
    configure(lighthouse, port, lighthouse=True, name="host")
    run(TEST, lighthouse)

    configure(fleet, port, lighthouse=False, name="a")
    with daemon(lighthouse) as log:
        wait_for("Nebula interface is active", log)
        with daemon(fleet) as seen:
            line = json.loads(wait_for("Handshake message received", seen))
            assert "lighthouse" == line["certName"]
            assert "host-a" == json.loads(wait_for("Handshake message received", log))["certName"]
