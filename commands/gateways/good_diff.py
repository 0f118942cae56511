"""Difference between a gateway's last good configuration and the present one, as approvers see it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from adapters.phrase import Phrase
from commands.configuration.diff import diff_splices
from commands.configuration.splice import Splice, UnsuitableText
from commands.model.plan import FileEdit

MAX_LINES = 400
"""Lines of a host's diffs in a plan. Approvers read no more of them."""


@dataclass(frozen=True)
class GoodDiff:
    """Diffs of all files of a host that differ, and how many of their lines are left out."""

    edits: tuple[FileEdit, ...] = ()
    left_out: int = 0


def diff_configurations(
    host: str, old: Mapping[str, bytes], new: Mapping[str, bytes], redact: Callable[[str], str]
) -> GoodDiff:
    """Makes the diffs from the old files to the new ones; a file that is missing on a side is empty there.

    Raises `UnsuitableText` with the file if approvers could not see the whole of a changed line.
    """
    edits, room, left_out = list[FileEdit](), MAX_LINES, 0
    for file in sorted({*old, *new}):
        lines = _diff_file(file, old.get(file, b""), new.get(file, b""), redact)
        if lines:
            edits.append(FileEdit(host=host, file=file, diff=lines[:room]))
            left_out, room = left_out + len(lines[room:]), max(room - len(lines), 0)
    return GoodDiff(tuple(edit for edit in edits if edit.diff), left_out)


def _diff_file(file: str, old: bytes, new: bytes, redact: Callable[[str], str]) -> tuple[str, ...]:
    if old == new:
        return ()
    try:
        return diff_splices(old, (_find_difference(old, new),), redact)
    except UnsuitableText as error:
        raise UnsuitableText(Phrase("{file}: {why}", file=file, why=error.why)) from error


def _find_difference(old: bytes, new: bytes) -> Splice:
    """Finds the one replacement, as short as possible, that turns the old text into the new one."""
    begin = _count_common(zip(old, new, strict=False))
    limit = min(len(old), len(new)) - begin
    end = min(_count_common(zip(reversed(old), reversed(new), strict=False)), limit)
    return Splice(begin, old[begin : len(old) - end], new[begin : len(new) - end])


def _count_common(pairs: Iterator[tuple[int, int]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
