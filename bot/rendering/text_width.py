"""Text on lines of a given width, counted in cells: most characters take one, Chinese and Japanese ones two.

rich breaks lines at spaces only, and Japanese has hardly any: this also breaks beside wide
characters, and never before a closing mark or after an opening one.
"""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

from bot.security.untrusted_text import CUT

GAP = "  "
"""Between columns, and between what stands side by side on a line."""

LEAST = 5
"""Cells below which a column says nothing any more."""

_WIDE = r"\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
_OPENING = "（「『【〔"
_CLOSING = r"、。，．：；？！）」』】〕ー々〜ぁぃぅぇぉっゃゅょァィゥェォッャュョ…)\]:;,.!?"
_PIECE = re.compile(rf"[{_OPENING}]*[{_WIDE}][{_CLOSING}]*\s*|[^\s{_WIDE}]+[{_CLOSING}]*\s*|\s+")


def wrapped(text: Text, width: int) -> list[Text]:
    """`text` on lines of at most `width` cells; only a single character that is wider is not broken."""
    breaks, at, used = [], 0, 0
    for piece in _pieces(text.plain, width):
        if used and used + cell_len(piece.rstrip()) > width:
            breaks.append(at)
            used = 0
        at += len(piece)
        used += cell_len(piece)
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def flowed(atoms: Sequence[Text], width: int) -> list[Text]:
    """The atoms side by side, as many on each line as fit; one that is wider than a line is broken and stands alone."""
    lines: list[Text] = []
    whole = False
    for atom in atoms:
        if whole and lines[-1].cell_len + len(GAP) + atom.cell_len <= width:
            lines[-1] = Text(GAP).join([lines[-1], atom])
            continue
        broken = wrapped(atom, width)
        whole = len(broken) == 1
        lines += broken
    return lines


def widths(rows: Sequence[Sequence[Text]]) -> list[int]:
    """What each column of a table needs."""
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]


def taken(columns: Sequence[int]) -> int:
    """The width of a whole table."""
    return sum(columns) + len(GAP) * (len(columns) - 1)


def narrowed(columns: Sequence[int], width: int, kept: int) -> list[int] | None:
    """Columns cut until the table fits, always the widest; not the first `kept`, and none below `LEAST`, else None."""
    left = list(columns)
    for _ in range(taken(columns) - width):
        widest = max(range(kept, len(left)), key=left.__getitem__, default=None)
        if widest is None or left[widest] <= LEAST:
            return None
        left[widest] -= 1
    return left


def table_line(cells: Sequence[Text], columns: Sequence[int]) -> Text:
    """One line of a table; what a column has no room for is cut, and the cut is shown."""
    line = Text(GAP).join([_fitted(cell, width) for cell, width in zip(cells, columns, strict=True)])
    line.rstrip()
    return line


def _fitted(cell: Text, width: int) -> Text:
    fitted = cell.copy()
    if cell.cell_len > width:
        fitted.truncate(width - 1, overflow="crop")
        fitted.rstrip()  # where half of a wide character was left
        fitted.append(CUT)
    fitted.pad_right(width - fitted.cell_len)
    return fitted


def _pieces(text: str, width: int) -> Iterator[str]:
    """What is not broken: words, and wide characters one by one; a word wider than a line falls into several."""
    for piece in _PIECE.findall(text):
        yield from chop_cells(piece, width) if cell_len(piece.rstrip()) > width else (piece,)
