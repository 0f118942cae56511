"""Edits of configuration files in a change, in one language: unified diffs, clean and whole or their changed lines. Pure.

Nothing is escaped yet, but every line is one line without control characters, and keeps its spaces.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.security.untrusted_text import clean_lines


@dataclass(frozen=True)
class ShownEdit:
    """An edit of one file: the heading that names it, and the lines of its diff."""

    heading: str
    lines: tuple[str, ...]

    @property
    def changed_lines(self) -> tuple[str, ...]:
        """The lines that are added or removed, without the indentation that all of them have."""
        changed = [line for line in self.lines if line.startswith(("+", "-"))]
        bodies = textwrap.dedent("\n".join(line[1:] for line in changed)).split("\n")
        return tuple(f"{line[0]}{body}" for line, body in zip(changed, bodies, strict=True))


def describe_edits(change: Change, texts: Texts) -> tuple[ShownEdit, ...]:
    """Describes the edits of a change, each with its whole diff."""
    return tuple(_list_edits(change, texts))


def _list_edits(change: Change, texts: Texts) -> Iterator[ShownEdit]:
    for edit in change.plan.edits:
        heading = Phrase("Edit of {file} on {host}:", file=edit.file, host=edit.host).render(texts)
        yield ShownEdit(heading, tuple(" ".join(clean_lines(line).splitlines()) for line in edit.diff))
