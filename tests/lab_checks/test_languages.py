"""The demo in each of its languages: its people, the app in its workspace, and what it prints."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lab.__main__ import open_workspace
from tests.lab.demo import parts
from tests.lab.demo_words import LANGUAGES, WORDS, shell_command, welcome


@pytest.mark.parametrize(("language", "locale", "shortcuts"), [
    ("en", "en-US", ["Run a Flatnet command", "Add to incident"]),
    ("ja", "ja-JP", ["Flatnet コマンドを実行", "インシデントに追加"]),
])  # fmt: skip
def test_people_and_the_app_speak_one_language(tmp_path: Path, language: str, locale: str, shortcuts: list[str]) -> None:
    workspace = open_workspace(tmp_path, language)
    assert {locale} == {person.locale for person in workspace.people()}
    assert shortcuts == [each.name for each in workspace.manifest.shortcuts.values()]


def test_a_lab_without_a_language_has_people_of_both(tmp_path: Path) -> None:
    assert {"en-US", "ja-JP"} == {person.locale for person in open_workspace(tmp_path, None).people()}


@pytest.mark.parametrize("a_day", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lab_is_told_the_language_of_the_demo(tmp_path: Path, language: str, a_day: bool) -> None:
    lab, _ = parts(tmp_path, language, a_day=a_day)
    assert language == lab[lab.index("--language") + 1]


@pytest.mark.parametrize(("language", "time"), [("en", "Monday 09:00"), ("ja", "月曜 09:00")])
def test_the_demo_prints_its_own_language(language: str, time: str) -> None:
    assert time == WORDS[language].time(datetime(2026, 11, 30, tzinfo=UTC))
    said = welcome(language, "http://page", "the shell", Path("bot.log"))
    assert [] == [text for text in ("http://page", "the shell", "bot.log", "/flatnet health") if text not in said]


@pytest.mark.parametrize(
    ("language", "spoken", "prefix"),
    [
        ("en", "en_US.UTF-8", ""),
        ("en", "C.UTF-8", ""),
        ("en", "ja_JP.UTF-8", "LC_ALL=en_US.UTF-8 "),
        ("ja", "ja_JP.UTF-8", ""),
        ("ja", "C.UTF-8", ""),
        ("ja", "en_US.UTF-8", "LC_ALL=ja_JP.UTF-8 "),
    ],
)
def test_the_shell_is_named_so_that_it_speaks_the_demo_s_language(language: str, spoken: str, prefix: str) -> None:
    """Where the terminal has none of ours, the shell speaks the configured one."""
    command = shell_command(language, Path("flatnet-bot"), Path("flatnet.toml"), {"LANG": spoken})
    assert f"{prefix}flatnet-bot shell --config flatnet.toml" == command
