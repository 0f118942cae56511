"""Output of the command line, as the running bot and the command itself render it."""

from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.answers.output import render_output
from bot.locale.texts import get_texts
from bot.model.output import EXIT_CODES, Terminal
from bot.model.request import Answer, ExitCode, Failure, FailureKind
from bot.terminal.plain_request import INTERNAL_ERROR
from commands.model.report import Bundle, Report, TextFile

TEXTS = get_texts("en", ZoneInfo("UTC"))
FAILED = Answer(operation="op-1", understood="helth", body=Failure(kind=FailureKind.USAGE, phrase=Phrase("no such command")))
PACKED = Report(
    title=Phrase("Logs"),
    summary=Phrase("collected"),
    files=(Bundle(name="logs.zip", members=(TextFile(name="a", text="b"),)),),
)
ARCHIVE = Answer(operation="op-1", understood="log collect", body=PACKED)


@pytest.mark.parametrize(
    ("terminal", "styled"),
    [
        (Terminal(), False),
        (Terminal(is_terminal=True, environment={"TERM": "xterm-256color"}), True),
        (Terminal(is_terminal=True, environment={"TERM": "dumb"}), False),
        (Terminal(environment={"FORCE_COLOR": "1", "TERM": "xterm-256color"}), True),
    ],
)
def test_styles_follow_the_terminal_of_the_reader(terminal: Terminal, styled: bool) -> None:
    assert styled == (b"\x1b[" in render_output(FAILED, "table", terminal, TEXTS).stdout)


def test_a_failure_has_its_exit_code_in_every_form() -> None:
    assert [2, 2, 2] == [render_output(FAILED, form, Terminal(), TEXTS).exit for form in ("table", "json", "csv")]


def test_an_archive_goes_into_a_pipe_and_never_onto_a_terminal() -> None:
    shown = render_output(ARCHIVE, "table", Terminal(is_terminal=True), TEXTS)
    assert (2, b"") == (shown.exit, shown.stdout)
    assert "> logs.zip" in shown.stderr
    assert render_output(ARCHIVE, "table", Terminal(), TEXTS).stdout.startswith(b"PK")


def test_the_light_modules_know_the_same_exit_codes() -> None:
    assert [int(code) for code in ExitCode] == list(EXIT_CODES)
    assert int(ExitCode.INTERNAL) == INTERNAL_ERROR
