"""Renders the lists of a home tab, each bounded with a count of the rest; and what its sections share. Pure."""

from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase, Texts
from bot.model.home import HomeList
from bot.rendering.slack.blocks import Block, escape, make_section
from bot.rendering.slack.paragraphs import fit_rows, render_command

HOME_ACTION = "home"
"""First part of the action ids of the buttons on the home tab."""

MAX_LINES = 5
"""Maximum lines of one list."""

_MAX_LINE, _MAX_TEXT = 300, 2_000
"""Maximum characters of a line, and of all lines of a list."""


def render_heading(heading: Phrase, texts: Texts) -> Block:
    """Renders the heading of a section."""
    return make_section(f"*{escape(heading.render_sentence(texts))}*")


def render_more(count: int, words: str, texts: Texts) -> Iterator[Block]:
    """Renders how many are not shown, and the command that shows them."""
    if count > 0:
        yield make_section(f"{escape(Phrase('… and {n} more', n=count).render(texts))} {render_command(words)}")


def render_lists(lists: Sequence[HomeList], texts: Texts) -> Iterator[Block]:
    """Renders each list as one section, with the command that shows all of it."""
    for each in lists:
        heading = f"*{escape(each.heading.render_sentence(texts))}* {render_command(each.words)}"
        lines = [f"• {escape(line.render_sentence(texts), _MAX_LINE)}" for line in each.lines]
        yield make_section("\n".join([heading, *fit_rows(lines, _MAX_TEXT, texts, MAX_LINES)]))
