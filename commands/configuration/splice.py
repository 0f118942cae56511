"""Edits of a configuration file as splices: bytes at one place that others replace. Pure.

    splices ─ apply_splices ─▶ new text ─ require_intended ─▶ parsed again, it differs by exactly the intended change
       └ invert_splices ─▶ the splices back

The writers of the parsers' libraries re-indent and change quotes. So a parser only finds the place, and every other byte
stays as it is.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.phrase import Phrase

Document = TypeVar("Document")

_HIGH_BYTES = {code: code + 0x100 for code in range(0x80, 0x100)}


class UnsuitableText(Exception):
    """A text that the bot does not edit. `why` is for people, `offset` is the place in bytes (None: the whole text)."""

    def __init__(self, why: Phrase, offset: int | None = None) -> None:
        super().__init__(str(why))
        self.why = why
        self.offset = offset

    def locate(self, file: str, text: bytes) -> Phrase:
        """Describes the reason with the file and, if it is known, the place."""
        if self.offset is None:
            return Phrase("{file}: {why}", file=file, why=self.why)
        line, column = locate_offset(text, self.offset)
        return Phrase("{file}, line {line}, column {column}: {why}", file=file, line=line, column=column, why=self.why)


@dataclass(frozen=True)
class Splice:
    """A replacement: the bytes `removed` at `offset` of the old text become `inserted`."""

    offset: int
    removed: bytes
    inserted: bytes

    @property
    def end(self) -> int:
        """Offset in the old text after the removed bytes."""
        return self.offset + len(self.removed)


Splices = tuple[Splice, ...]
"""Splices of one text, in the order of their offsets, which are all offsets of the old text."""


def apply_splices(text: bytes, splices: Sequence[Splice]) -> bytes:
    """Applies splices. Raises `ValueError` if they overlap, or if the text has other bytes than those to remove."""
    parts, at = list[bytes](), 0
    for splice in splices:
        if splice.offset < at or text[splice.offset : splice.end] != splice.removed:
            raise ValueError(f"the splice at {splice.offset} does not fit the text")
        parts += text[at : splice.offset], splice.inserted
        at = splice.end
    return b"".join([*parts, text[at:]])


def invert_splices(splices: Iterable[Splice]) -> Splices:
    """Returns the splices that turn the new text into the old one."""
    inverse, shift = list[Splice](), 0
    for splice in splices:
        inverse.append(Splice(splice.offset + shift, splice.inserted, splice.removed))
        shift += len(splice.inserted) - len(splice.removed)
    return tuple(inverse)


def find_splices(old: bytes, new: bytes) -> Splices:
    """Finds the splices that turn one text into another, by whole lines."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return tuple(_list_splices(before, after))


def require_intended(
    old: bytes, splices: Sequence[Splice], parse: Callable[[bytes], Document], intend: Callable[[Document], Document]
) -> bytes:
    """Returns the new text, which parsed again differs from the old one by exactly the intended change.

    The document of `parse` must hold everything that has a meaning. Raises `UnsuitableText`.
    """
    new = apply_splices(old, splices)
    wanted = intend(parse(old))
    try:
        read = parse(new)
    except UnsuitableText as error:
        raise _make_unintended() from error
    if read != wanted:
        raise _make_unintended()
    return new


def view_bytes(text: bytes) -> str:
    """Views bytes as text of one character for each, so that offsets are those of the bytes.

    Bytes beyond ASCII become letters, never white space: nginx, Lua and YAML see them as parts of words, in any encoding.
    """
    return text.decode("latin-1").translate(_HIGH_BYTES)


def restore_bytes(view: str) -> bytes:
    """Restores the bytes of a view or of a part of it."""
    return bytes(ord(character) & 0xFF for character in view)


def locate_offset(text: bytes, offset: int) -> tuple[int, int]:
    """Returns line and column of an offset, both counted from 1; columns are counted in bytes."""
    begin = text.rfind(b"\n", 0, offset) + 1
    return text.count(b"\n", 0, begin) + 1, offset - begin + 1


def _list_splices(before: list[bytes], after: list[bytes]) -> Iterator[Splice]:
    offsets = [0]
    for line in before:
        offsets.append(offsets[-1] + len(line))
    for tag, begin, end, new_begin, new_end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Splice(offsets[begin], b"".join(before[begin:end]), b"".join(after[new_begin:new_end]))


def _make_unintended() -> UnsuitableText:
    return UnsuitableText(Phrase("the edit would change more than intended. Edit this file by hand"))
