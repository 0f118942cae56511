"""The wheel alone, in a fresh environment: every command, and every file of data."""

import json
import re
import signal
from pathlib import Path

import pytest

from tests.bench.lab import Lab
from tests.product.installation import PATIENCE, Installation
from tests.product.packages import ROOT, SOURCES, VERSION, Packages, list_files, list_sources

pytestmark = pytest.mark.slow


def test_the_wheel_has_every_file_of_the_product_and_nothing_else(packages: Packages) -> None:
    files = list_files(packages.wheel)
    assert set() == list_sources() - set(files)
    assert {*SOURCES} == {name.split("/")[0] for name in files if ".dist-info/" not in name}


@pytest.mark.parametrize(
    ("arguments", "language", "code", "text"),
    [
        (("--help",), "en", 0, "Operate Flatnet hosts from Slack and from the terminal."),
        (("--help",), "ja", 0, "ボットのデータベースを管理する"),
        (("--version",), "en", 0, VERSION),
        (("doctor",), "en", 1, "flatnet.toml not found."),
        (("manifest",), "en", 0, (ROOT / "manifest.yml").read_text(encoding="utf-8")),
        (("manifest", "--language", "ja"), "ja", 0, "socket_mode_enabled: true"),
    ],
    ids=["help", "help in Japanese", "version", "doctor", "manifest", "manifest in Japanese"],
)
def test_commands_work_before_there_is_a_configuration(
    product: Installation, place: Path, arguments: tuple[str, ...], language: str, code: int, text: str
) -> None:
    ended = product.run(place, *arguments, language=language)
    assert (code, True) == (ended.returncode, text in ended.stdout), ended
    assert [] == list(place.iterdir())


def test_init_makes_a_configuration_that_doctor_reads(product: Installation, place: Path) -> None:
    """The host's address is one where nothing listens."""
    host = ("--host", "host-a 1 127.0.0.1", "--answer", "lighthouse=127.0.0.1")
    made = product.run(place, "init", "--yes", *host)
    assert "flatnet.toml created." in made.stdout, made
    assert ["flatnet.toml", "secrets", "var"] == sorted(file.name for file in place.iterdir())
    assert "Secret winrm_password is missing." in product.run(place, "doctor").stdout


@pytest.mark.parametrize(
    ("arguments", "language", "text"),
    [
        (("doctor",), "en", "All 11 checks passed"),
        (("do", "health"), "en", "All 4 hosts are healthy"),
        (("do", "health"), "ja", "4 台すべて正常です"),
        (("do", "cert renew host-c", "--dry-run"), "en", "host-c has certificate"),
        (("do", "log cni host-a"), "en", "CNI ADD container=web"),
        (("do", "report weekly"), "ja", "ディスクの空きは十分です (4 台)"),
    ],
    ids=["doctor", "health", "health in Japanese", "plan", "log of WSL2", "report"],
)
def test_commands_work_on_hosts(
    product: Installation, fleet: Lab, arguments: tuple[str, ...], language: str, text: str
) -> None:
    ended = product.run(fleet.config.parent, *arguments, language=language)
    assert (0, True) == (ended.returncode, text in ended.stdout), ended


def test_the_bot_serves_until_it_is_ended(product: Installation, fleet: Lab) -> None:
    """Meanwhile it names the scripts that prepare a new host. Afterwards its database is up to date, and its log whole."""
    folder = fleet.config.parent
    with product.serve(folder) as bot:
        added = product.run(folder, "do", "host add host-z --windows 127.0.0.9 --wsl 127.0.0.9 --id 77")
        bot.send_signal(signal.SIGTERM)
        log = bot.communicate(timeout=PATIENCE)[1]
    scripts = {"flatnet-bot-helper.sh", "prepare-windows.ps1", "prepare-wsl.sh", "winrm-certificate.sh"}
    assert scripts == set(re.findall(r"[\w-]+\.(?:ps1|sh)\b", added.stdout)), added
    assert (0, "stopping") == (bot.returncode, json.loads(log.splitlines()[-1])["event"])
    assert [] == list(folder.glob("bot.sock*"))
    for command in (("db", "upgrade"), ("audit", "verify")):
        ended = product.run(folder, *command)
        assert 0 == ended.returncode, ended
