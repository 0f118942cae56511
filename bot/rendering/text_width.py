"""Fits text into lines of a given width in cells: most characters take one, Chinese and Japanese ones two. Pure.

rich breaks lines only at spaces, and Japanese has few. This module also breaks beside wide characters, but never before a
closing mark or after an opening one.
"""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

from bot.security.untrusted_text import ELLIPSIS

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
