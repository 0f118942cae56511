"""The bar names who is still awaited, on a terminal only, and leaves nothing behind."""

import io
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bot.locale.texts import get_texts
from bot.terminal.progress_bar import show_progress
from commands.model.operation import ReadProgress


def drawn(*, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100, legacy_windows=False)
    with show_progress(console, get_texts("en", ZoneInfo("UTC"))) as told:
        for awaited in (("bot.audit", "host-a", "host-b", "[red]"), ("host-b",), ()):
            told(ReadProgress(4, awaited))
    return file.getvalue()


@pytest.fixture(autouse=True)
def a_terminal_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_on_a_terminal_it_ends_full_and_is_wiped_away() -> None:
    shown = drawn(terminal=True)
    assert "4/4" in shown
    assert shown.rstrip().endswith("\x1b[2K")


def test_elsewhere_nothing_is_shown() -> None:
    assert "" == drawn(terminal=False).strip()
