"""Unified diff of an edit, for approvers. Pure.

Lines are shown in UTF-8 or Shift-JIS, whichever they are, and invisible characters by their numbers: `<U+200B>`. A plan
holds these lines and never the whole file.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence

from adapters.phrase import Phrase
from commands.configuration.splice import Splice, UnsuitableText, apply_splices

CONTEXT = 2
"""Unchanged lines around a change."""

MAX_COMPARED = 500_000
"""Most pairs of an old and a new line that are compared. With more of them, all lines are shown as removed and added."""

MAX_CHANGED_LINE = 500
"""Maximum characters of a changed line: approvers must see the whole of it. Other lines are shortened."""


def diff_splices(text: bytes, splices: Sequence[Splice], redact: Callable[[str], str]) -> tuple[str, ...]:
    """Makes the unified diff of an edit, one line per item, without the names of files.

    Raises `UnsuitableText` if redaction would hide a part of a changed line, or if such a line is too long to be shown.
    """
    if not splices:
        return ()
    begin, end = _widen(text, splices[0].offset, splices[-1].end)
    moved = [Splice(splice.offset - begin, splice.removed, splice.inserted) for splice in splices]
    old = _split_lines(text[begin:end])
    new = _split_lines(apply_splices(text[begin:end], moved))
    return tuple(_list_diff(old, new, text.count(b"\n", 0, begin), redact))


def require_no_secret(text: bytes, redact: Callable[[str], str]) -> None:
    """Requires that redaction hides nothing of a whole file, which a plan is to hold. Raises `UnsuitableText`."""
    lines = "\n".join(_split_lines(text))
    shown = redact(lines)
    if shown == lines:
        return
    pairs = zip(lines.split("\n"), shown.split("\n"), strict=False)
    number = next((number for number, (line, other) in enumerate(pairs) if line != other), 0)
    place = sum(len(line) + 1 for line in text.split(b"\n")[:number])
    raise UnsuitableText(
        Phrase("this line may contain a secret, which is not copied. Move it into a file that nginx.conf includes"), place
    )


def _widen(text: bytes, begin: int, end: int) -> tuple[int, int]:
    """Widens a range to whole lines with their context."""
    for _ in range(CONTEXT + 1):
        begin = text.rfind(b"\n", 0, max(begin - 1, 0)) + 1
    for _ in range(CONTEXT + 1):
        found = text.find(b"\n", end)
        end = len(text) if found < 0 else found + 1
    return begin, end


def _split_lines(text: bytes) -> list[str]:
    lines = text.split(b"\n")
    return [_decode(line.removesuffix(b"\r")) for line in (lines[:-1] if lines[-1] == b"" else lines)]


def _decode(line: bytes) -> str:
    for encoding in ("utf-8", "cp932"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("ascii", errors="backslashreplace")


def _list_diff(old: Sequence[str], new: Sequence[str], above: int, redact: Callable[[str], str]) -> Iterator[str]:
    """Lists the lines of the diff. `above` counts the lines of the file above both texts."""
    shown_old, shown_new = (redact("\n".join(lines)).split("\n") for lines in (old, new))
    for group in _group_changes(old, new):
        (_, first_old, _, first_new, _), (_, _, last_old, _, last_new) = group[0], group[-1]
        yield (
            f"@@ -{_format_range(above + first_old, last_old - first_old)}"
            f" +{_format_range(above + first_new, last_new - first_new)} @@"
        )
        for tag, from_old, to_old, from_new, to_new in group:
            if tag == "equal":
                yield from (f" {_shorten(_expose(line))}" for line in shown_old[from_old:to_old])
                continue
            yield from (f"-{line}" for line in _require_visible(old[from_old:to_old], shown_old[from_old:to_old]))
            yield from (f"+{line}" for line in _require_visible(new[from_new:to_new], shown_new[from_new:to_new]))


def _group_changes(old: Sequence[str], new: Sequence[str]) -> Iterable[Sequence[tuple[str, int, int, int, int]]]:
    """Groups changes with the lines around them, as difflib does. Its time grows faster than the pairs of lines."""
    if len(old) * len(new) <= MAX_COMPARED:
        return difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT)
    return [[("replace", 0, len(old), 0, len(new))]]


def _require_visible(lines: Sequence[str], shown: Sequence[str]) -> Sequence[str]:
    """Returns changed lines as they are shown. Raises `UnsuitableText` if approvers could not see the whole of them."""
    if list(lines) != list(shown):
        raise UnsuitableText(
            Phrase("a changed line may contain a secret, which approvers could not see. Edit this file by hand")
        )
    exposed = [_expose(line) for line in lines]
    if any(len(line) > MAX_CHANGED_LINE for line in exposed):
        raise UnsuitableText(
            Phrase(
                "a changed line has more than {n} characters, too many for approvers to see. Break the line first",
                n=MAX_CHANGED_LINE,
            )
        )
    return exposed


def _expose(line: str) -> str:
    """Exposes characters that are not seen. nginx takes them for parts of words, and a surface removes them."""
    return "".join(each if each.isprintable() or each == "\t" else f"<U+{ord(each):04X}>" for each in line)


def _shorten(line: str) -> str:
    return line if len(line) <= MAX_CHANGED_LINE else f"{line[: MAX_CHANGED_LINE - 1]}…"


def _format_range(before: int, count: int) -> str:
    """Formats a range of lines as in a unified diff. `before` counts the lines before it."""
    if count == 1:
        return str(before + 1)
    return f"{before + 1 if count else before},{count}"
