"""People at work on a change of the CA, and what can be seen of it on the hosts themselves."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path, PureWindowsPath

from sqlalchemy import select

from adapters.nebula.certificates import Certificate, parse_pem
from bot.app.application import Application
from bot.model.change import Change, ChangeState
from bot.model.request import Answer
from bot.store.reading import open_for_reading
from bot.store.tables import ROTATIONS
from tests.lab.fleet import LabFleet
from tests.lab.recipients import KeyHolder, make_holder
from tests.lab.windows.mesh import PATHS
from tests.scenarios.conftest import PATIENCE, Town, ask

OLD, NEW = "Flatnet CA", "Flatnet CA 2"
"""Names of the two CAs: the new one is counted up."""

HURRY = 10
"""How much time passes on the hosts in each look at a guard."""

ALONE = '--break-glass --reason "of the story"'
"""What the administrator at the terminal adds, who approves for everyone."""

DRILL_NAME = "drill-test"


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


async def run_alone(house: Application, words: str) -> Change:
    """A change that the administrator asks for, approves for everyone, and waits for."""
    answer = await ask_alone(house, words)
    assert isinstance(answer.body, Change), answer.body
    return await wait_for_end(house, answer.body.operation)


async def wait_for_end(house: Application, operation: str) -> Change:
    async with asyncio.timeout(PATIENCE):
        while not (change := await house.change_services.lifecycle.find_change(operation)).state.ended:
            await asyncio.sleep(0.02)
    return change


async def must_run(house: Application, *commands: str) -> None:
    """Changes that go well, one after the other."""
    for words in commands:
        change = await run_alone(house, words)
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
