"""Diffs of configuration files in Slack: a few changed lines on a card, all that fit in an answer and in a view. Pure."""

from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.rendering.change_edits import describe_edits
from bot.rendering.slack.blocks import escape, format_code_block
from bot.rendering.slack.paragraphs import fit_rows

_MAX_CARD_EDITS, _MAX_CARD_LINES = 2, 6
"""Maximum files on a card, and maximum changed lines of each. The others are behind *Details*."""
_MAX_CARD_LINE = 120
_MAX_EDITS = 2_600
"""Characters of all diffs in an answer, below Slack's limit for a section."""
_MAX_LINE = 500
_BLOCK = 1_200
"""Characters of a diff that share a code block in a view, which breaks only between blocks."""
_MAX_HEADING = 300


def render_card_edits(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the first changed lines of the first files, as one section; nothing without edits."""
    edits = describe_edits(change, texts)
    rows = list[str]()
    for edit in edits[:_MAX_CARD_EDITS]:
        changed = edit.changed_lines
        rows.append(f"*{escape(edit.heading, _MAX_HEADING)}*")
        rows.append(format_code_block(changed[:_MAX_CARD_LINES], _MAX_CARD_LINE))
        if left := len(changed[_MAX_CARD_LINES:]):
            more = Phrase("… and {n} more line, in *Details*", plural="… and {n} more lines, in *Details*", n=left)
            rows.append(more.render(texts))
    if left := len(edits[_MAX_CARD_EDITS:]):
        more = Phrase("… and {n} more file, in *Details*", plural="… and {n} more files, in *Details*", n=left)
        rows.append(more.render(texts))
    if rows:
        yield "\n".join(rows)


def render_edits(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the diffs as far as they fit into one section; nothing without edits."""
    rows = list[str]()
    for edit in describe_edits(change, texts):
        rows += [f"*{escape(edit.heading, _MAX_HEADING)}*", *split_diff(edit.lines)]
    if rows:
        yield "\n".join(fit_rows(rows, _MAX_EDITS, texts))


def split_diff(lines: Sequence[str]) -> Iterator[str]:
    """Splits a diff into code blocks, between which a text can be broken."""
    held, used = list[str](), 0
    for line in lines:
        size = min(len(line), _MAX_LINE) + 1
        if held and used + size > _BLOCK:
            yield format_code_block(held, _MAX_LINE)
            held, used = [], 0
        held.append(line)
        used += size
    if held:
        yield format_code_block(held, _MAX_LINE)
