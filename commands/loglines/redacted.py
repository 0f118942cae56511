"""Lines that a host found, without their secrets, and only those that fit without them. Pure.

raw line ─ harmless ─▶ seen ─ cleaned alone ┬─ nothing is hidden, or it fits in what is seen ─▶ all cleaned together ─▶ shown
                                            └─ it fits by what is hidden alone ─▶ left out

A host looks for a pattern in lines that have their secrets still, what is never seen (colours, the address of a link), and
ends that are not brought. If a line came because of that, asking for one letter after the other would read a secret out.
So a line is kept where the pattern fits in a part of the raw line that is seen, beside every mark: there the host finds it
whatever is hidden. One that fits across a mark is left out, too: for all that may stand there nobody could try it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from commands.loglines.lines import harmless, places, shortened, unended

MARK = "[redacted]"
"""What stands in the place of a secret (`bot.security.redaction`)."""

_HIDES = "\x1b]"
"""Begins what a terminal takes for itself and never shows: a title, the address of a link."""

_EITHER = ("x", "-")
"""What may stand beside a word: a part of it, or not."""

Clean = Callable[[str], str]
Fits = Callable[[str, int, int], bool]
"""Whether a part of a text, from one place to another, has what was looked for."""


def without_secrets(raw: Sequence[str], clean: Clean, fits: Fits | None) -> tuple[str, ...]:
    """Harmless lines, cleaned; `fits` is None where nothing was looked for.

    The whole is cleaned, for a key has many lines; as it will be seen, for what is not seen parts no secret from its name.
    Each line is judged by itself before: lines that are left out must not tell by what they do to their neighbours.
    """
    left = list(raw) if fits is None else [line for line in raw if _found(line, *_cleaned([line], clean)[0], fits)]
    while left:
        pairs = _cleaned(left, clean)
        kept = [line for line, pair in zip(left, pairs, strict=True) if fits is None or _found(line, *pair, fits)]
        if len(kept) == len(left):
            return tuple(shown for _, shown in pairs)
        left = kept
    return ()


def _cleaned(raw: Sequence[str], clean: Clean) -> list[tuple[str, str]]:
    """Each line as it is seen, before secrets are taken out and after."""
    seen = [harmless(line) for line in raw]
    return list(zip(seen, clean("\n".join(seen)).split("\n"), strict=True))


@dataclass(frozen=True)
class _Part:
    """Of a line, from one place to another; whether it stands behind something hidden, and before."""

    begin: int
    end: int
    after_hidden: bool
    before_hidden: bool


def _found(raw: str, seen: str, shown: str, fits: Fits) -> bool:
    if raw == shown and not unended(seen):
        return True
    return any(_fits_whatever_is_hidden(raw, part, fits) for part in _open(raw, seen, shown))


def _fits_whatever_is_hidden(raw: str, part: _Part, fits: Fits) -> bool:
    """A word may end beside what is hidden, or not."""
    before = _EITHER if part.after_hidden else (raw[: part.begin],)
    behind = _EITHER if part.before_hidden else (raw[part.end :],)
    text = raw[part.begin : part.end]
    return all(fits(f"{one}{text}{other}", len(one), len(one) + len(text)) for one, other in product(before, behind))


def _open(raw: str, seen: str, shown: str) -> Iterator[_Part]:
    """The parts of a raw line that are seen; a colour or a break may be between, for these hide nothing."""
    where = places(raw)
    for part in _beside(seen, shown):
        known = where[part.begin : part.end]
        edges = [0, *(at for at, (one, other) in enumerate(pairwise(known), 1) if _HIDES in raw[one:other]), len(known)]
        for first, last in pairwise(edges):
            if first < last:
                after, before = part.after_hidden and first == 0, part.before_hidden and last == len(known)
                yield _Part(known[first], known[last - 1] + 1, after, before)


def _beside(seen: str, shown: str) -> Iterator[_Part]:
    """The parts of a line as it is seen that are beside every mark, and in what is shown of it."""
    parts = (shortened(shown).removesuffix("…") if unended(seen) else shown).split(MARK)
    at = 0
    for number, part in enumerate(parts):
        begin = seen.find(part, at) if number else 0
        if begin < 0 or not seen.startswith(part, begin):
            return
        at = begin + len(part)
        yield _Part(begin, at, number > 0, number < len(parts) - 1 or at < len(seen))
