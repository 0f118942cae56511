"""People at work on a change of the CA, and what can be seen of it on the hosts themselves."""

import asyncio
import base64
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory

from sqlalchemy import select

from adapters.key_backup import CERTIFICATE_FILE, KEY_FILE
from adapters.nebula.certificates import Certificate, Curve, parse_pem
from bot.app.application import Application
from bot.model.change import Change, ChangeState
from bot.model.request import Answer
from bot.runtime.clock import read_utc_time
from bot.store.reading import open_for_reading
from bot.store.schema.tables import ROTATIONS
from commands.certificates.ca_key.judgment import DRILL_ADDRESS, encode_public_key
from commands.model.report import Report
from tests.lab.fleet import LabFleet
from tests.lab.recipients import KeyHolder, make_holder
from tests.lab.windows import nebula_cert
from tests.lab.windows.mesh import PATHS
from tests.lab.windows.nebula_cert_call import Files
from tests.scenarios.conftest import PATIENCE, Town, ask

OLD, NEW = "Flatnet CA", "Flatnet CA 2"
"""Names of the two CAs: the new one is counted up."""

HURRY = 10
"""How much time passes on the hosts in each look at a guard."""

ALONE = '--break-glass --reason "of the story"'
"""What the administrator at the terminal adds, who approves for everyone."""


Ask = Callable[[str], Awaitable[Answer]]
"""Asks a bot, wherever it runs, as the administrator at the terminal."""


@dataclass(frozen=True)
class Trust:
    """One host as it is: the names of the CAs in its file, and who signed the certificate that its Nebula runs with."""

    listed: tuple[str, ...]
    signed_by: str


def list_holders() -> tuple[KeyHolder, KeyHolder]:
    """The people for whom the key is encrypted."""
    return make_holder("Alice"), make_holder("Bob")


def add_recipients(config: Path) -> None:
    """Name the people for whom keys of CAs are encrypted in a bot's configuration, with their certificates beside it."""
    lines = []
    for holder in list_holders():
        file = config.parent / f"{holder.name.lower()}.pem"
        file.write_text(holder.certificate)
        lines += ["[[ca_backups.recipients]]", f'name = "{holder.name}"', f'sha256 = "{holder.sha256}"']
        lines += [f'certificate_file = "{file.name}"', ""]
    config.write_text("\n".join([config.read_text(), *lines]))


async def ask_alone(house: Application, words: str) -> Answer:
    """The answer to what the administrator at the terminal asks for."""
    return await ask(house, f"{words} {ALONE}")


async def run_alone(house: Application, words: str, patience: float = PATIENCE) -> Change:
    """A change that the administrator asks for, approves for everyone, and waits for."""
    answer = await ask_alone(house, words)
    assert isinstance(answer.body, Change), answer.body
    operation = answer.body.operation
    async with asyncio.timeout(patience):
        while not (change := await house.wings.changes.lifecycle.find_change(operation)).state.ended:
            await asyncio.sleep(0.02)
    return change


async def must_run(house: Application, *commands: str, patience: float = PATIENCE) -> None:
    """Changes that go well, one after the other."""
    for words in commands:
        change = await run_alone(house, words, patience)
        assert (words, ChangeState.DONE) == (words, change.state), change.why


# What can be seen on the hosts


def describe(fleet: LabFleet, names: Iterable[str] = ()) -> Mapping[str, Trust]:
    """Every host, or some, as it is."""
    known = {each.fingerprint: each.name for host in fleet.hosts for each in read_authorities(fleet, host.name)}
    found = {}
    for name in names or [host.name for host in fleet.hosts]:
        running = fleet.mesh.members[name].running
        signed_by = "" if running is None else known.get(running.certificate.issuer, "?")
        found[name] = Trust(tuple(each.name for each in read_authorities(fleet, name)), signed_by)
    return found


def read_authorities(fleet: LabFleet, name: str) -> tuple[Certificate, ...]:
    """The CAs in a host's file, in their order."""
    return parse_pem(fleet[name].windows.state.files[PureWindowsPath(PATHS.ca_certificate)])


def find_cuts(fleet: LabFleet) -> list[tuple[str, str]]:
    """Pairs of hosts that do not reach each other over the overlay."""
    addresses = {host.name: f"10.100.{host.id}.1" for host in fleet.hosts}
    return [pair for pair in permutations(addresses, 2) if not fleet.mesh.reaches(pair[0], addresses[pair[1]])]


def list_private_keys(fleet: LabFleet) -> list[str]:
    """All files on the lighthouse that hold the key of a CA."""
    files = fleet["lighthouse"].windows.state.files
    return sorted(str(path) for path, text in files.items() if "NEBULA ED25519 PRIVATE KEY" in text)


def read_stage(town: Town) -> str:
    """The stage of the newest change of the CA by its row, whether or not a bot runs; "" without one."""
    with open_for_reading(town.settings.database_file) as connection:
        newest = connection.execute(select(ROTATIONS.c.stage).order_by(ROTATIONS.c.number.desc()).limit(1)).scalar()
    return newest or ""


# The drill: a person opens the copy of the key away from the bot


async def pass_drill(asks: Ask, town: Town, authority: str = NEW) -> None:
    """A person opens the copy of a CA's key away from the bot, and signs what the bot shows."""
    shown = (await asks("ca backup drill")).body
    assert isinstance(shown, Report), shown
    key, name, *_ = (str(row.cells[1].value) for row in shown.rows)
    public = encode_public_key(Curve.CURVE25519, base64.b64decode(key))
    signed = sign_drill(open_copy(find_copy(town, authority)), public, name)
    passed = (await asks(f'ca backup drill "{signed}"')).body
    assert isinstance(passed, Report), passed


def find_copy(town: Town, authority: str) -> Path:
    """The copy of a CA's key in the second place."""
    folders = [file.parent for file in town.settings.backup_folder.path.glob(f"ca/*/{CERTIFICATE_FILE}")]
    return next(each for each in folders if parse_pem((each / CERTIFICATE_FILE).read_text())[0].name == authority)


def open_copy(folder: Path) -> Files:
    """A recipient opens a copy with openssl alone: ca.crt and ca.key."""
    holder = list_holders()[0]
    with TemporaryDirectory() as own:
        (Path(own) / "own.key").write_text(holder.key)
        (Path(own) / "own.pem").write_text(holder.certificate)
        words = ["openssl", "cms", "-decrypt", "-inform", "PEM", "-in", str(folder / KEY_FILE)]
        words += ["-inkey", f"{own}/own.key", "-recip", f"{own}/own.pem"]
        key = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return {PureWindowsPath("ca.crt"): (folder / CERTIFICATE_FILE).read_text(), PureWindowsPath("ca.key"): key}


def sign_drill(opened: Files, public_key: str, name: str) -> str:
    """The certificate for a drill's public key, as a person signs it with the opened key."""
    opened[PureWindowsPath("drill.pub")] = public_key
    words = ["sign", "-name", name, "-ip", DRILL_ADDRESS, "-duration", "10m", "-in-pub", "drill.pub"]
    done = nebula_cert.run([*words, "-out-crt", "drill.crt"], opened, read_utc_time())
    assert done.code == 0, done.stderr
    return opened.pop(PureWindowsPath("drill.crt"))
