"""The `[backups]` table: where the second place is, and who makes its folder."""

from pathlib import Path

import pytest

from bot.config.backups import BackupFolder
from bot.config.errors import ConfigurationError
from bot.config.settings import parse_settings

GOOD = """
data_folder = "var"

[[hosts]]
name = "host-a"
id = 1
[hosts.windows]
url = "http://192.0.2.11:5985/wsman"
user = "bot"
allow_http = true
"""
FILE = Path("/etc/flatnet/flatnet.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", BackupFolder(Path("/etc/flatnet/var/backups"))),
        ("[backups]\n", BackupFolder(Path("/etc/flatnet/var/backups"))),
        ('[backups]\nfolder = "/srv/backups"\n', BackupFolder(Path("/srv/backups"), made_by_bot=False)),
        ('[backups]\nfolder = "kept"\n', BackupFolder(Path("/etc/flatnet/kept"), made_by_bot=False)),
    ],
)
def test_the_second_place_is_in_the_data_folder_unless_it_is_named(text: str, expected: BackupFolder) -> None:
    assert expected == parse_settings(GOOD + text, FILE).backup_folder


@pytest.mark.parametrize("text", ['[backups]\nfoldr = "x"\n', "[backups]\nfolder = 3\n", "backups = 3\n"])
def test_what_it_cannot_be_is_a_complaint(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_settings(GOOD + text if text.startswith("[") else text + GOOD, FILE)
