"""Names one after the other are joined as the reader's language joins them, on every surface."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from adapters.phrase import Texts
from bot.answers.markdown import render_markdown
from bot.answers.slack import render
from bot.answers.terminal import print_answer
from tests.bot.rendering.examples import ENGLISH, JAPANESE, answer, health, stopped, well

TWO = answer(health("two", [stopped("host-b"), stopped("host-c")], [well("host-a"), well("host-d")]))


def on_terminal(texts: Texts) -> str:
    file = io.StringIO()
    print_answer(Console(file=file, width=120), TWO, texts)
    return file.getvalue()


def in_blocks(texts: Texts) -> str:
    return str(render(TWO, texts).blocks)


def as_text(texts: Texts) -> str:
    return render(TWO, texts).text


def in_a_file(texts: Texts) -> str:
    return render_markdown(TWO, texts)


@pytest.mark.parametrize(
    ("surface", "english", "japanese"),
    [
        (on_terminal, "host-b, host-c: service", "host-b、host-c: service"),
        (in_blocks, ": host-a, host-d", ": host-a、host-d"),
        (in_blocks, "✗ Nebula  ✓ Gateway, API, Containers, Bridge", "✗ Nebula  ✓ Gateway、API、Containers、Bridge"),
        (as_text, "host-b, host-c critical", "host-b、host-c 緊急"),
        (as_text, "/flatnet health host-b --details, /flatnet", "/flatnet health host-b --details、/flatnet"),
        (in_a_file, "**host-b, host-c** critical", "**host-b、host-c** 緊急"),
    ],
)
def test_names_are_joined_as_the_language_joins(surface: Callable[[Texts], str], english: str, japanese: str) -> None:
    assert english in surface(ENGLISH)
    assert japanese in surface(JAPANESE)
