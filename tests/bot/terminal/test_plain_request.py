"""Plain `do` commands mean the same without the command-line library as with it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.model.output import Form, Output, Terminal
from bot.terminal import one_request
from bot.terminal.plain_request import PlainRequest, join_words, parse_plain_request

NOTHING: Mapping[str, str] = {}

PLAIN: tuple[tuple[Sequence[str], Mapping[str, str]], ...] = (
    (("health",), NOTHING),
    (("health all",), NOTHING),
    (("health", "all"), NOTHING),
    (("health", "host-a", "--json"), NOTHING),
    (("--csv", "cert", "host-a,host-b"), NOTHING),
    (("log", "nebula", "two words"), NOTHING),
    (("log", 'a "quote"', "\N{IDEOGRAPHIC SPACE}"), NOTHING),
    (("-c", "here.toml", "health"), NOTHING),
    (("health", "--config", "here.toml", "all"), NOTHING),
    (("--config", "one.toml", "-c", "two.toml", "health"), NOTHING),
    (("health",), {"FLATNET_CONFIG": "named.toml"}),
    (("health",), {"FLATNET_CONFIG": ""}),
    (("health", "-c", "here.toml"), {"FLATNET_CONFIG": "named.toml"}),
    (("",), NOTHING),
    (("health", ""), NOTHING),
)

OTHER: tuple[Sequence[str], ...] = (
    (),
    ("--help",),
    ("run",),
    ("do",),
    ("do", "--help"),
    ("do", "health", "--help"),
    ("do", "health", "--details"),
    ("do", "--", "health"),
    ("do", "log", "nebula", "--tail", "3"),
    ("do", "health", "--json", "--csv"),
    ("do", "health", "--json", "--json"),
    ("do", "health", "--config"),
    ("do", "health", "--config", "--json"),
    ("do", "health", "--config=here.toml"),
    ("do", "health", "-chere.toml"),
    ("do", "--config", "here.toml"),
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("health",), "health"),
        (("cert renew host-c --dry-run",), "cert renew host-c --dry-run"),
        (("cert renew host-c", "--dry-run"), "cert renew host-c --dry-run"),
        (("cert", "renew", "host-c", "--reason", "it expires"), 'cert renew host-c --reason "it expires"'),
        (("cert renew host-c", "--reason", "it expires"), 'cert renew host-c --reason "it expires"'),
    ],
)
def test_a_command_is_quoted_as_a_whole_in_part_or_not(words: Sequence[str], expected: str) -> None:
    assert expected == join_words(words)


@pytest.mark.parametrize(("arguments", "environment"), PLAIN)
def test_a_plain_command_is_parsed_as_the_command_line_does(
    arguments: Sequence[str], environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[PlainRequest] = []

    def note(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
        parsed.append(PlainRequest(words, config, form))
        return Output(0)

    monkeypatch.setattr(one_request, "answer_request", note)
    assert 0 == CliRunner(env={"FLATNET_CONFIG": None, **environment}).invoke(app, ["do", *arguments]).exit_code
    assert parsed == [parse_plain_request(["do", *arguments], environment)]


@pytest.mark.parametrize("arguments", OTHER)
def test_anything_else_is_left_to_the_command_line(arguments: Sequence[str]) -> None:
    assert parse_plain_request(list(arguments), NOTHING) is None


def test_a_pipe_that_its_reader_has_closed_ends_the_command_without_a_trace() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = """
from bot.model.output import Output
from bot.terminal.plain_request import print_output
print_output(Output(0, b"x" * 1_000_000))
"""
    ended = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (5, b"") == (ended.returncode, ended.stderr)
