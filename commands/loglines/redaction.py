"""Redacts secrets in the lines that a host found, and drops lines whose match depends on hidden text. Pure.

raw line ─ sanitize_line ─▶ seen ─ redact alone ┬─ nothing hidden, or visible text matches ─▶ redact all together ─▶ shown
                                                └─ hidden text alone matches ─▶ dropped

A host searches raw lines, which have secrets, invisible parts (colors, the address of a link) and ends that are not
transferred. If such parts could decide on a match, a requester could find out a secret letter by letter. Therefore a line
is kept only if the pattern matches within a visible part of the raw line, outside of every redaction mark. Such a match
does not depend on hidden text. A match across a mark is dropped, too, because the hidden text cannot be enumerated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from commands.loglines.lines import is_truncated, map_positions, sanitize_line, shorten_line

REDACTION_MARK = "[redacted]"
"""Text in place of a secret, as in `bot.security.secret_patterns`. A test compares both."""

_HIDDEN_START = "\x1b]"
"""Start of a sequence that terminals never show: a title, the address of a link."""

_NEIGHBORS = ("x", "-")
"""Possible hidden neighbors of a word: a character that belongs to it, or one that does not."""

Redactor = Callable[[str], str]
PartMatcher = Callable[[str, int, int], bool]
"""Predicate: a part of a text, from one place to another, matches the search."""


def redact_and_filter(
    raw: Sequence[str], clean: Redactor, fits: PartMatcher | None, count_prefix: Callable[[str], int] = lambda line: 0
) -> tuple[tuple[int, str], ...]:
    """Sanitizes lines, redacts their secrets and drops those that do not match. `fits` is None without a search.

    Returns each line that is left, with its place among the raw ones.

    `count_prefix` counts the characters at the start of a raw line that the search ignores: a line begins after them.

    All lines are redacted together, because a key has many lines, and in their visible form, because invisible characters
    could separate a secret from its name. Each line is first redacted and matched alone, because a dropped
    line must not have a visible effect on its neighbors.
    """

    def is_found(line: str, seen: str, shown: str) -> bool:
        return fits is None or _is_found(_Redacted(line, seen, shown, count_prefix(line)), fits)

    left = [(at, line) for at, line in enumerate(raw) if fits is None or is_found(line, *_redact_lines([line], clean)[0])]
    while left:
        pairs = _redact_lines([line for _, line in left], clean)
        kept = [each for each, pair in zip(left, pairs, strict=True) if is_found(each[1], *pair)]
        if len(kept) == len(left):
            return tuple((at, shown) for (at, _), (_, shown) in zip(left, pairs, strict=True))
        left = kept
    return ()


def _redact_lines(raw: Sequence[str], clean: Redactor) -> list[tuple[str, str]]:
    """Returns each line in its visible form, before and after redaction."""
    seen = [sanitize_line(line) for line in raw]
    return list(zip(seen, clean("\n".join(seen)).split("\n"), strict=True))


@dataclass(frozen=True)
class _VisiblePart:
    """Part of a line, from one place to another; `after_hidden`, `before_hidden`: hidden text is next to it."""

    begin: int
    end: int
    after_hidden: bool
    before_hidden: bool

    def move(self, by: int) -> "_VisiblePart":
        """Moves the part; what is before the text's beginning is dropped."""
        return replace(self, begin=max(self.begin + by, 0), end=self.end + by)


@dataclass(frozen=True)
class _Redacted:
    """A line as the host returned it, in its visible form, and redacted; `prefix` characters are not searched."""

    raw: str
    seen: str
    shown: str
    prefix: int


def _is_found(line: _Redacted, fits: PartMatcher) -> bool:
    if line.raw == line.shown and not is_truncated(line.seen):
        return True
    parts = _find_visible_parts(line.raw, line.seen, line.shown)
    searched = (part.move(-line.prefix) for part in parts if part.end > line.prefix)
    return any(_fits_whatever_is_hidden(line.raw[line.prefix :], part, fits) for part in searched)


def _fits_whatever_is_hidden(raw: str, part: _VisiblePart, fits: PartMatcher) -> bool:
    """Returns whether a part matches for any hidden text next to it: a word may end there or continue."""
    before = _NEIGHBORS if part.after_hidden else (raw[: part.begin],)
    behind = _NEIGHBORS if part.before_hidden else (raw[part.end :],)
    text = raw[part.begin : part.end]
    return all(fits(f"{one}{text}{other}", len(one), len(one) + len(text)) for one, other in product(before, behind))


def _find_visible_parts(raw: str, seen: str, shown: str) -> Iterator[_VisiblePart]:
    """Finds the visible parts of a raw line. Colors and breaks may be within a part, because they hide nothing."""
    where = map_positions(raw)
    for part in _find_shown_parts(seen, shown):
        known = where[part.begin : part.end]
        edges = [
            0,
            *(at for at, (one, other) in enumerate(pairwise(known), 1) if _HIDDEN_START in raw[one:other]),
            len(known),
        ]
        for first, last in pairwise(edges):
            if first < last:
                after, before = part.after_hidden and first == 0, part.before_hidden and last == len(known)
                yield _VisiblePart(known[first], known[last - 1] + 1, after, before)


def _find_shown_parts(seen: str, shown: str) -> Iterator[_VisiblePart]:
    """Finds the parts of a visible line that are outside of every mark and within its shown part."""
    parts = (shorten_line(shown).removesuffix("…") if is_truncated(seen) else shown).split(REDACTION_MARK)
    at = 0
    for number, part in enumerate(parts):
        begin = seen.find(part, at) if number else 0
        if begin < 0 or not seen.startswith(part, begin):
            return
        at = begin + len(part)
        yield _VisiblePart(begin, at, number > 0, number < len(parts) - 1 or at < len(seen))
