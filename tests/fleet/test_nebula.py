"""Logs and certificates of real Nebulas, read by the bot from the lab's Windows hosts, on whose disks they are put."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import pytest

from adapters.inventory import WindowsPaths
from adapters.windows.nebula_log import parse_handshake
from bot.app.application import Application, open_application
from bot.config.settings import read_settings
from commands.log_lines.formats import Level
from tests.fleet.conftest import Ask, ask_as_administrator
from tests.fleet.overlay import HOSTS, LIGHTHOUSE, STRANGER, Overlay
from tests.lab.fleet import LabFleet, run_fleet, write_configuration

PATHS = WindowsPaths.model_validate({})

MEMBERS = (LIGHTHOUSE, *HOSTS)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[LabFleet]:
    """Lab hosts of the same names as the overlay's."""
    async with run_fleet(tmp_path / "lab", len(HOSTS), lighthouse=True) as running:
        yield running


@pytest.fixture
async def bot(lab: LabFleet, tmp_path: Path) -> AsyncIterator[Application]:
    """The real bot, for the lab's hosts."""
    async with open_application(read_settings(write_configuration(tmp_path, lab, language="en"))) as house:
        yield house


@pytest.fixture
def ask(bot: Application) -> Ask:
    """Asks the bot of this file."""
    return ask_as_administrator(bot)


def copy_files(overlay: Overlay, lab: LabFleet) -> None:
    """Puts the certificates and logs of the real Nebulas where those of Windows are."""
    names = {"host.crt": PATHS.host_certificate, "ca.crt": PATHS.ca_certificate, "nebula.log": PATHS.nebula_log}
    for member in MEMBERS:
        for name, path in names.items():
            text = (overlay.folder / member / name).read_text()
            lab[member].disk.state.write(PureWindowsPath(path), text, datetime.now(UTC))


async def test_a_renewed_certificate_is_seen_by_the_others(overlay: Overlay, lab: LabFleet, ask: Ask) -> None:
    """Nebula reads it at HUP and makes its tunnels anew; the other hosts' logs have its fingerprint, not the old one."""
    old = overlay.read_fingerprint("host-a")
    overlay.renew("host-a")
    for witness in (LIGHTHOUSE, "host-b"):
        overlay.wait_for_sighting("host-a", witness)
    assert old in overlay.read_log("host-b")
    copy_files(overlay, lab)
    cells = (await ask("cert --details")).cells_by_host
    seen = {name: str(cells[name]["seen"].value).split() for name in MEMBERS}
    assert {name: overlay.read_fingerprint(name) for name in MEMBERS} == {name: words[-1] for name, words in seen.items()}
    assert overlay.reaches("host-a", "host-b")


async def test_every_line_has_its_time_and_level(overlay: Overlay, lab: LabFleet, ask: Ask) -> None:
    """As many lines as the files have, none of them without a time."""
    copy_files(overlay, lab)
    report = await ask("log nebula --tail 5000")
    assert report.excerpt is not None
    lines = report.excerpt.lines
    assert sum(len(lab[name].disk.state.files[PureWindowsPath(PATHS.nebula_log)].splitlines()) for name in MEMBERS) == len(
        lines
    )
    assert [] == [line.text for line in lines if line.at is None or line.level is None]
    assert sorted(line.at for line in lines if line.at) == [line.at for line in lines]


async def test_a_certificate_that_nebula_refuses_at_hup_is_an_error_line(overlay: Overlay, lab: LabFleet, ask: Ask) -> None:
    """Nebula runs on with the old one: only its log tells."""
    file = overlay.folder / "host-b" / "host.crt"
    good = file.read_text()
    try:
        file.write_text("no certificate")
        overlay.reload("host-b")
        overlay.wait_for("host-b", "Could not load client cert")
        assert overlay.reaches("host-a", "host-b")
        copy_files(overlay, lab)
        report = await ask("log nebula host-b --level error")
        assert report.excerpt is not None
        assert [Level.ERROR] == [line.level for line in report.excerpt.lines]
        assert "input did not contain a valid PEM encoded block" in report.excerpt.lines[0].text
    finally:
        file.write_text(good)
        overlay.reload("host-b")


async def test_a_foreign_ca_s_handshake_is_refused_and_no_sighting(overlay: Overlay, lab: LabFleet, ask: Ask) -> None:
    """The lighthouse logs the refusal as information, and never a handshake of that name."""
    copy_files(overlay, lab)
    received = [parse_handshake(line) for line in overlay.read_log(LIGHTHOUSE).splitlines()]
    assert set(HOSTS) == {each.name for each in received if each is not None}
    report = await ask(f"log nebula {LIGHTHOUSE} --grep 'Invalid certificate'")
    assert report.excerpt is not None
    refused = report.excerpt.lines
    assert refused
    assert {Level.INFO} == {line.level for line in refused}
    assert all(re.search(r'could not find ca for the certificate.*udpAddr="192\.0\.2\.9:', line.text) for line in refused)
    assert not overlay.reaches(STRANGER, LIGHTHOUSE)
