"""The line counts who has answered, on a terminal only, and leaves nothing behind."""

import asyncio
import io
import sys
from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from bot.locale.texts import get_texts
from bot.rendering.text import render_progress_line
from bot.runtime.progress_watch import SHOW_DELAY, SHOW_INTERVAL, watch_progress
from bot.terminal.local_request import run_with_progress
from bot.terminal.progress_bar import ERASE, show_line
from commands.model.operation import Progress, ReadProgress
from tests.bot.slack.conftest import Time

ENGLISH, JAPANESE = (get_texts(language, ZoneInfo("UTC")) for language in ("en", "ja"))


class Screen(io.StringIO):
    """Standard error, on a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def draw(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, kind: str = "xterm-256color") -> str:
    screen = Screen(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", kind)
    with show_line() as show:
        show("[#---] 1/4")
        show("[####] 4/4")
    return screen.getvalue()


def test_each_line_replaces_the_one_before_and_the_last_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{ERASE}[#---] 1/4{ERASE}[####] 4/4{ERASE}" == draw(monkeypatch, terminal=True)


@pytest.mark.parametrize(("terminal", "kind"), [(False, "xterm-256color"), (True, "dumb"), (True, "")])
def test_on_a_pipe_or_a_terminal_that_cannot_erase_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: str
) -> None:
    assert "" == draw(monkeypatch, terminal=terminal, kind=kind)


def test_without_progress_nothing_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    with show_line():
        pass
    assert "" == screen.getvalue()


def test_an_interrupted_command_leaves_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with suppress(KeyboardInterrupt), show_line() as show:
        show("[#---] 1/4")
        raise KeyboardInterrupt
    assert screen.getvalue().endswith(ERASE)


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (ReadProgress(4, ("host-b",)), "[###############-----] 3/4 waiting for host-b"),
        (ReadProgress(3, ()), "[####################] 3/3"),
        (ReadProgress(0, ()), "[--------------------] 0/0"),
        (ReadProgress(6, ("a", "b", "c", "d", "e")), "[###-----------------] 1/6 waiting for a, b, c and 2 more"),
        (ReadProgress(1, ("\x1b[2J",)), "[--------------------] 0/1 waiting for ␛[2J"),
    ],
)
def test_the_line_counts_and_names(seen: ReadProgress, line: str) -> None:
    assert line == render_progress_line(seen, 80, ENGLISH)


@pytest.mark.parametrize("columns", [1, 2, 20, 40, 81])
def test_the_line_fits_the_terminal_also_in_wide_characters(columns: int) -> None:
    line = render_progress_line(ReadProgress(9, tuple(f"host-{n}" for n in range(9))), columns, JAPANESE)
    assert cell_len(line) < max(2, columns)


async def test_progress_is_shown_after_half_a_second_and_then_when_it_changes() -> None:
    """A host that hangs changes nothing, so the line that names it stays."""
    time, shown, done = Time(), list[tuple[float, int]](), asyncio.Event()
    told: list[Progress] = []

    async def work(progress: Progress) -> str:
        told.append(progress)
        progress(ReadProgress(3, ("a", "b", "c")))
        progress(ReadProgress(3, ("b", "c")))
        await done.wait()
        return "done"

    async def show(seen: ReadProgress) -> None:
        shown.append((time.elapsed, seen.answered))

    async def step(seconds: float) -> None:
        await time.asleep()
        time.move(seconds)
        for _ in range(5):
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch_progress(work, show, time.sleep))
    await step(SHOW_DELAY - 0.1)
    assert [] == shown
    await step(0.1)
    for _ in range(4):
        await step(SHOW_INTERVAL)
    assert [(SHOW_DELAY, 1)] == shown
    told[0](ReadProgress(3, ("c",)))
    await step(SHOW_INTERVAL)
    assert [(SHOW_DELAY, 1), (SHOW_DELAY + 5 * SHOW_INTERVAL, 2)] == shown
    done.set()
    assert "done" == await watching


async def test_work_that_fails_or_is_cancelled_ends_its_watch() -> None:
    ended = asyncio.Event()

    async def fail(progress: Progress) -> None:
        raise ValueError("no")

    async def hang(progress: Progress) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ValueError, match="no"):
        await run_with_progress(fail, ENGLISH)
    watching = asyncio.create_task(run_with_progress(hang, ENGLISH))
    await asyncio.sleep(0.01)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert ended.is_set()
