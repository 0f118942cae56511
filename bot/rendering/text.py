"""Fits text into lines of a given width in cells: most characters take one, Chinese and Japanese ones two. Pure.

rich breaks lines only at spaces, and Japanese has few. This module also breaks beside wide characters, but never before a
closing mark or after an opening one.

Words and signs that all surfaces for people share. Pure.

Renders the progress of a read as one line of a terminal: `[#####-----] 3/6 waiting for host-e …`. Pure.
"""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

from adapters.phrase import Phrase, Texts
from bot.model.request import FailureKind
from bot.security.untrusted_text import ELLIPSIS, shorten, to_one_line
from commands.model.finding import list_some
from commands.model.operation import ReadProgress
from commands.model.report import Mark

COLUMN_GAP = "  "
"""Gap between columns, and between atoms on a line."""

MIN_COLUMN_WIDTH = 5
"""Minimum width of a column; a narrower one would be unreadable."""

_WIDE_CHARACTERS = r"\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
_OPENING_MARKS = "（「『【〔"
_CLOSING_MARKS = r"、。，．：；？！）」』】〕ー々〜ぁぃぅぇぉっゃゅょァィゥェォッャュョ…)\]:;,.!?"
_PIECE = re.compile(
    rf"[{_OPENING_MARKS}]*[{_WIDE_CHARACTERS}][{_CLOSING_MARKS}]*\s*|[^\s{_WIDE_CHARACTERS}]+[{_CLOSING_MARKS}]*\s*|\s+"
)


def wrap(text: Text, width: int) -> list[Text]:
    """Wraps a text to lines of at most `width` cells. A single wider character is not broken."""
    breaks, at, used = [], 0, 0
    for piece in _split_text(text.plain, width):
        if used and used + cell_len(piece.rstrip()) > width:
            breaks.append(at)
            used = 0
        at += len(piece)
        used += cell_len(piece)
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def flow(atoms: Sequence[Text], width: int) -> list[Text]:
    """Places as many atoms on each line as fit. An atom wider than a line is wrapped on lines of its own."""
    lines: list[Text] = []
    whole = False
    for atom in atoms:
        if whole and lines[-1].cell_len + len(COLUMN_GAP) + atom.cell_len <= width:
            lines[-1] = Text(COLUMN_GAP).join([lines[-1], atom])
            continue
        broken = wrap(atom, width)
        whole = len(broken) == 1
        lines += broken
    return lines


def measure_columns(rows: Sequence[Sequence[Text]]) -> list[int]:
    """Measures the width that each column of a table needs."""
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]


def measure_table(columns: Sequence[int]) -> int:
    """Measures the width of a whole table."""
    return sum(columns) + len(COLUMN_GAP) * (len(columns) - 1)


def narrow_columns(columns: Sequence[int], width: int, kept: int) -> list[int] | None:
    """Narrows the widest columns until the table fits; None if a column would fall below `MIN_COLUMN_WIDTH`.

    The first `kept` columns keep their widths.
    """
    left = list(columns)
    for _ in range(measure_table(columns) - width):
        widest = max(range(kept, len(left)), key=left.__getitem__, default=None)
        if widest is None or left[widest] <= MIN_COLUMN_WIDTH:
            return None
        left[widest] -= 1
    return left


def build_table_line(cells: Sequence[Text], columns: Sequence[int]) -> Text:
    """Builds one line of a table. A cell that does not fit is cut and gets an ellipsis."""
    line = Text(COLUMN_GAP).join([_fit_cell(cell, width) for cell, width in zip(cells, columns, strict=True)])
    line.rstrip()
    return line


def _fit_cell(cell: Text, width: int) -> Text:
    fitted = cell.copy()
    if cell.cell_len > width:
        fitted.truncate(width - 1, overflow="crop")
        fitted.rstrip()  # half of a wide character may be left
        fitted.append(ELLIPSIS)
    fitted.pad_right(width - fitted.cell_len)
    return fitted


def _split_text(text: str, width: int) -> Iterator[str]:
    """Yields the unbreakable pieces: words, and single wide characters. A word wider than a line is divided."""
    for piece in _PIECE.findall(text):
        yield from chop_cells(piece, width) if cell_len(piece.rstrip()) > width else (piece,)


COMMAND = "/flatnet"
"""The slash command of the bot."""

MARK_SIGNS = {Mark.WELL: "✓", Mark.BAD: "✗", Mark.UNKNOWN: "?", Mark.ABSENT: "–", Mark.PLAIN: ""}
"""Signs of the marks, so that color never carries the meaning alone."""

FAILURE_LABELS = {
    FailureKind.USAGE: Phrase("Not recognized"),
    FailureKind.REFUSED: Phrase("Cannot run"),
    FailureKind.NOTHING: Phrase("Unchanged"),
    FailureKind.INTERNAL: Phrase("Error"),
}

DID_YOU_MEAN = Phrase("Did you mean:")
NEXT = Phrase("Next steps:")

_MAX_SURROUNDING = 60
"""Characters shown on either side of the wrong part of a command."""


def describe_channel(channel: str) -> Phrase:
    """Makes the line with the incident's channel; `channel` as the surface shows one."""
    return Phrase("Channel: {channel}", channel=channel)


def choose_suggestion_label(kind: FailureKind) -> Phrase:
    """Chooses the label of suggested commands: a correction after a usage error, else the next command."""
    return DID_YOU_MEAN if kind is FailureKind.USAGE else NEXT


def split_at_span(understood: str, span: tuple[int, int]) -> tuple[str, str, str]:
    """Splits a command into the parts before, in and after its wrong part, each shortened.

    The wrong part is "" if something is missing at that place. A span beyond the end of the text is cut there.
    """
    start = max(0, min(span[0], len(understood)))
    end = max(start, min(span[1], len(understood)))
    before, after = understood[:start], understood[end:]
    return (
        before if len(before) <= _MAX_SURROUNDING else ELLIPSIS + before[-_MAX_SURROUNDING:],
        shorten(understood[start:end], _MAX_SURROUNDING * 2),
        shorten(after, _MAX_SURROUNDING),
    )


BAR_WIDTH = 20
"""Characters of the bar."""

MAX_NAMED_PLACES = 3
"""Number of places that are named; more are counted."""


def render_progress_line(seen: ReadProgress, columns: int, texts: Texts) -> str:
    """Renders the line for a terminal of that width. It leaves the last column free, where some terminals wrap."""
    filled = BAR_WIDTH * seen.answered // max(1, seen.total)
    bar = f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {seen.answered}/{seen.total}"
    awaited = Phrase("waiting for {places}", places=list_some(seen.awaited, MAX_NAMED_PLACES)) if seen.awaited else None
    said = "" if awaited is None else f" {to_one_line(awaited.render(texts))}"
    return next(iter(chop_cells(f"{bar}{said}", max(1, columns - 1))), "")
