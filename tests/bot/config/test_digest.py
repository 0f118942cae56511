"""Equal configurations on different machines have one digest, and any other difference makes another one."""

from pathlib import Path

import pytest

from bot.config.digest import compute_digest
from bot.config.settings import parse_settings

HOST = """
[[hosts]]
name = "host-a"
id = 1
labels = ["blue", "green"]
windows = { url = "https://192.0.2.1:5986/wsman", user = "bot", ca_file = "ca.pem" }
"""

BASE = f'data_folder = "data"\nsecrets_folder = "secrets"\n{HOST}'


def digest(text: str, folder: Path) -> str:
    (folder / "ca.pem").touch()
    return compute_digest(parse_settings(text, folder / "flatnet.toml"))


@pytest.mark.parametrize(
    "text",
    [
        f'copy_name = "bot-b"\n{BASE}',
        f'database = "postgresql://flatnet@db.example.jp/flatnet?sslmode=verify-full"\n{BASE}',
        f'socket_file = "control.sock"\nsocket_group = "ops"\n{BASE}',
        f'{BASE}[status]\nlisten = "127.0.0.1:9100"\n',
        BASE.replace('"data"', '"/srv/elsewhere"').replace('"secrets"', '"/run/secrets"'),
        BASE.replace(', user = "bot"', ',   user = "bot" '),
        BASE.replace('"ca.pem"', '"pki/ca.pem"'),
    ],
)
def test_what_is_a_machines_own_does_not_count(text: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert digest(BASE, tmp_path) == digest(text, other)


@pytest.mark.parametrize(
    "text",
    [
        f'language = "en"\n{BASE}',
        f'audit_key_secret = "another"\n{BASE}',
        BASE.replace("192.0.2.1", "192.0.2.2"),
        BASE.replace(', "green"', ""),
        f"{BASE}[thresholds]\ndisk_warning_percent = 11\n",
        f'{BASE}[[people]]\nname = "ana"\nslack = ["U0ANA"]\nroles = ["operator"]\n',
    ],
)
def test_all_else_counts(text: str, tmp_path: Path) -> None:
    assert digest(BASE, tmp_path) != digest(text, tmp_path)
