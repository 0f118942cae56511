"""The path of the control socket is found as the whole configuration has it, or not at all."""

from pathlib import Path

import pytest

from bot.config.control_socket import MAX_FILE_BYTES, find_control_socket
from bot.config.settings import read_settings
from tests.bot.config.test_settings import GOOD


@pytest.mark.parametrize(
    "line",
    [
        "",
        'data_folder = "here"',
        'data_folder = "/var/lib/bot"',
        'socket_file = "run/bot.sock"',
        'socket_file = "/run/bot.sock"',
    ],
)
def test_the_path_is_that_of_the_settings(tmp_path: Path, line: str) -> None:
    file = tmp_path / "flatnet.toml"
    kept = [old for old in GOOD.splitlines() if not old.startswith(("data_folder", "socket_file", "socket_group"))]
    file.write_text("\n".join([line, *kept]), encoding="utf-8")
    assert read_settings(file).control_socket == find_control_socket(file)


@pytest.mark.parametrize(
    "text", ["not TOML", "data_folder = 5", 'socket_file = ["a"]', f'socket_file = "{"a" * 200}"', "a = " + "[" * 100_000]
)
def test_what_only_the_whole_configuration_can_explain_has_no_path(tmp_path: Path, text: str) -> None:
    file = tmp_path / "flatnet.toml"
    file.write_text(text, encoding="utf-8")
    assert find_control_socket(file) is None


def test_a_file_that_is_too_large_has_no_path(tmp_path: Path) -> None:
    file = tmp_path / "flatnet.toml"
    file.write_text("#" * (MAX_FILE_BYTES + 1), encoding="utf-8")
    assert find_control_socket(file) is None


def test_a_file_that_is_not_there_has_no_path(tmp_path: Path) -> None:
    assert find_control_socket(tmp_path / "flatnet.toml") is None
