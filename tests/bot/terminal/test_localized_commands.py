"""Help and usage errors in the language of the terminal."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import typer
from babel.messages.pofile import read_po
from typer import rich_utils
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.terminal.cli_translations import ERROR, HELP, LABEL, load_translations
from tests.phrases import placeholders

JAPANESE = load_translations("ja")

ERRORS = {
    "do": "引数 'COMMAND' がありません。",
    "--": "コマンドがありません。",
    "zzz": "'zzz' というコマンドはありません。",
    "audit veify": "'veify' というコマンドはありません。もしかして: 'verify'",
    "run --zzz": "--zzz というオプションはありません",
    "run --log-lvel info": "--log-lvel というオプションはありません (候補: --log-level)",
    "run --log-level": "オプション '--log-level' には値が必要です。",
    "do --json=3 health": "オプション '--json' に値は指定できません。",
    "db upgrade now": "余分な引数があります (now)",
    "do health --json --csv": "値が正しくありません: --json と --csv はどちらか一方だけ指定してください",
    "run --log-level loud": ("--log-level の値が正しくありません: debug、info、warning、error のいずれかを指定してください"),
    "manifest --language fr": "--language の値が正しくありません: en または ja を指定してください",
}
"""Usage errors in Japanese by command line."""


@pytest.fixture(autouse=True)
def _restore_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command ends with its process; here the next one is to find typer's headings as they were."""
    for name, text in list(vars(rich_utils).items()):
        if isinstance(text, str):
            monkeypatch.setattr(rich_utils, name, text)


def run(arguments: str, language: str = "ja_JP.UTF-8", columns: int = 80) -> Result:
    environment = {"LC_ALL": language, "COLUMNS": str(columns)}
    return CliRunner().invoke(app, arguments.split(), env=environment)


def commands(command: TyperCommand | TyperGroup, path: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """A command and all below it, by what is typed."""
    yield path, command
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            assert isinstance(inner, TyperCommand | TyperGroup)
            yield from commands(inner, f"{path} {name}".strip())


def tree() -> dict[str, TyperCommand | TyperGroup]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(commands(root))


def help_texts() -> set[str]:
    """Every help text in English, its lines joined."""
    found = set()
    for command in tree().values():
        assert command.help, command.name
        found.add(command.help)
        for parameter in command.get_params(typer.Context(command)):
            assert isinstance(parameter, TyperArgument | TyperOption)
            assert parameter.help, (command.name, parameter.name)
            found.add(parameter.help)
    return {" ".join(text.split()) for text in found}


def entries(context: str) -> set[str]:
    return {text for where, text in JAPANESE.entries if where == context}


def test_every_help_text_is_translated_and_no_translation_is_left_over() -> None:
    assert help_texts() == entries(HELP)


def test_every_heading_is_one_of_typers() -> None:
    assert set() == entries(LABEL) - {"Usage: "} - {text for text in vars(rich_utils).values() if isinstance(text, str)}


def test_every_translation_is_whole() -> None:
    """None is empty, a guess or without the values of its text."""
    po = Path("bot/locale/ja/LC_MESSAGES/cli.po")
    with po.open("rb") as file:
        assert [] == [message.id for message in read_po(file) if message.fuzzy]
    assert [] == [text for (_, text), translation in JAPANESE.entries.items() if not translation or "（" in translation]
    errors = {text: translation for (context, text), translation in JAPANESE.entries.items() if context == ERROR}
    assert [] == [text for text, translation in errors.items() if placeholders(text) != placeholders(translation)]


@pytest.mark.parametrize("path", tree())
def test_help_speaks_japanese_in_a_terminal_of_eighty_columns(path: str) -> None:
    """Nothing is cut off: Japanese has few spaces at which a line may end."""
    shown = run(f"{path} --help")
    assert 0 == shown.exit_code
    assert ["使い方", "オプション", "このヘルプを表示する"] == [
        text for text in ("使い方", "オプション", "このヘルプを表示する") if text in shown.stdout
    ]
    assert [] == [text for text in ("…", "Usage", "Options", "[default", "Show this") if text in shown.stdout]


@pytest.mark.parametrize("path", tree())
@pytest.mark.parametrize("columns", [40, 80])
def test_help_shows_no_type_of_python(path: str, columns: int) -> None:
    for language in ("C.UTF-8", "ja_JP.UTF-8"):
        assert [] == re.findall(r"<\w+", run(f"{path} --help", language, columns).stdout)


@pytest.mark.parametrize("path", tree())
def test_every_value_has_a_name_that_people_know(path: str) -> None:
    command = tree()[path]
    values = [one for one in command.get_params(typer.Context(command)) if not getattr(one, "is_flag", False)]
    assert [] == [one.name for one in values if not one.metavar]


def test_the_version_is_that_of_the_installed_distribution() -> None:
    shown = run("--version", "C.UTF-8")
    assert (0, f"flatnet-bot {metadata.version('flatnet-bot')}\n") == (shown.exit_code, shown.stdout)


def test_help_speaks_english_in_any_other_terminal() -> None:
    for language in ("C.UTF-8", "en_US.UTF-8", "fr_FR.UTF-8"):
        assert "Run one command and print the result" in run("do --help", language).stdout


@pytest.mark.parametrize(("line", "said"), ERRORS.items())
def test_a_usage_error_speaks_japanese(line: str, said: str) -> None:
    ended = run(line, columns=160)
    assert 2 == ended.exit_code
    assert said in ended.stderr
    assert "エラー" in ended.stderr
    assert "使い方: " in ended.stderr


def test_every_translated_usage_error_is_one_that_happens() -> None:
    happened = set()
    for line in ERRORS:
        message = str(run(line, "C.UTF-8", 160).stderr)
        happened |= {text for text in entries(ERROR) if all(part in message for part in _fixed_parts(text))}
    assert entries(ERROR) == happened


def _fixed_parts(template: str) -> list[str]:
    parts = [template]
    for name in placeholders(template):
        parts = [piece for part in parts for piece in part.split(f"{{{name}}}")]
    return parts


def test_an_error_without_a_translation_is_shown_as_it_is() -> None:
    assert "the disk is full" == JAPANESE.translate_error("the disk is full")


def test_the_manifest_is_printed_in_japanese_where_that_is_asked_for() -> None:
    """The language of the terminal does not matter: the manifest is for the workspace."""
    manifest = Path("manifest.yml").read_text(encoding="utf-8")
    assert manifest == run("manifest").stdout
    assert JAPANESE.translate_manifest(manifest) == run("manifest --language ja", "C.UTF-8").stdout != manifest
