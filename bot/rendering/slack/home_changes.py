"""Renders the changes of a home tab: those that wait for the person, those that run, those that hosts are left of. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.model.home import HomeFacts
from bot.rendering.change_progress import has_remaining_hosts
from bot.rendering.slack import change_buttons
from bot.rendering.slack.blocks import Block, make_section
from bot.rendering.slack.buttons import make_row
from bot.rendering.slack.change import render_headline, render_requester
from bot.rendering.slack.home_lists import HOME_ACTION, render_heading, render_more
from bot.rendering.slack.paragraphs import fit_rows, render_command

_MAX_WAITING, _MAX_UNKNOWN, _MAX_ENDED = 5, 3, 3
"""Maximum number of changes that are shown with buttons."""

_MAX_RUNNING_TEXT = 2_800
"""Maximum characters of the running changes, below Slack's limit for a section."""


def render_waiting(facts: HomeFacts, texts: Texts) -> Iterator[Block]:
    """Renders the changes that wait for this person: for a decision, a review, or a report of what they saw."""
    if facts.waiting or facts.unknown:
        yield render_heading(Phrase("Waiting for you"), texts)
    for change in facts.waiting[:_MAX_WAITING]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_decision_buttons(change, texts, HOME_ACTION),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(facts.waiting) - _MAX_WAITING, "approval", texts)
    for change in facts.unknown[:_MAX_UNKNOWN]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_resolve_buttons(change, texts),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(facts.unknown) - _MAX_UNKNOWN, "op", texts)


def render_running(changes: Sequence[Change], at: datetime, texts: Texts) -> Iterator[Block]:
    """Renders the running changes, a line each."""
    if changes:
        yield render_heading(Phrase("Running now"), texts)
        lines = [f"{render_headline(change, texts, at)} {render_command(change.words)}" for change in changes]
        yield make_section("\n".join(fit_rows(lines, _MAX_RUNNING_TEXT, texts)))


def render_left_over(changes: Sequence[Change], texts: Texts) -> Iterator[Block]:
    """Renders ended changes that hosts are left of, with the button that requests them for these hosts."""
    left = [change for change in changes if has_remaining_hosts(change)]
    if left:
        yield render_heading(Phrase("Not done on all hosts"), texts)
    for change in left[:_MAX_ENDED]:
        yield _render_change(change, texts)
        yield from make_row(
            [
                *change_buttons.make_continue_button(change, texts),
                change_buttons.make_details_button(change, texts),
            ]
        )
    yield from render_more(len(left) - _MAX_ENDED, "op", texts)


def _render_change(change: Change, texts: Texts) -> Block:
    lines = [render_headline(change, texts), render_command(change.words), render_requester(change, texts)]
    return make_section("\n".join(lines))
