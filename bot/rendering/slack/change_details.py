"""The plan of a change in a modal: everything that an approval covers. Pure.

Slack's limits: 100 blocks and 250 kB in a view, 3,000 characters in a section. What is beyond them is counted, and sent as a
file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.rendering.change_details import describe_details
from bot.rendering.slack.blocks import Block, escape, make_plain_text, make_section
from bot.rendering.slack.change_edits import split_diff

CALLBACK_ID = "flatnet_plan"
"""The callback id of the modal."""

_MAX_SECTIONS = 95
_MAX_SECTION = 2_800
"""Characters of a section, below Slack's limit of 3,000."""
_MAX_CHARACTERS = 60_000
"""Characters of all sections. A character takes up to 4 bytes of the 250 kB, or 12 where it is written as an escape."""
_MAX_LINE = 1_000
_MAX_TITLE = 24


@dataclass(frozen=True)
class PlanView:
    """The modal, and the number of lines that it has no room for."""

    view: Block
    left_out: int


def build_modal(change: Change, texts: Texts, note: str = "") -> PlanView:
    """Builds the modal. With a note, which it carries back to the bot, submitting it approves the change."""
    sections, left_out = _fit_sections(list(_list_rows(change, texts)))
    if left_out:
        more = Phrase(
            "… and {n} more line, in the file that was sent to you as a direct message",
            plural="… and {n} more lines, in the file that was sent to you as a direct message",
            n=left_out,
        )
        sections.append(escape(more.render(texts)))
    view: Block = {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": make_plain_text(Phrase("Plan").render(texts), _MAX_TITLE),
        "close": make_plain_text(Phrase("Close").render(texts), _MAX_TITLE),
        "blocks": [make_section(section) for section in sections],
    }
    if note:
        view |= {"submit": make_plain_text(Phrase("Approve").render(texts), _MAX_TITLE), "private_metadata": note}
    return PlanView(view, left_out)


def _list_rows(change: Change, texts: Texts) -> Iterator[str]:
    for section in describe_details(change, texts):
        heading = f"*{escape(section.heading, _MAX_LINE)}*"
        if section.code:
            yield from [heading, *split_diff(section.lines)]
            continue
        lines = [escape(line, _MAX_LINE) for line in section.lines]
        yield from [f"{heading} {lines[0]}"] if len(lines) == 1 else [heading, *lines]


def _fit_sections(rows: list[str]) -> tuple[list[str], int]:
    """Joins rows to as few sections as possible; returns them, and the number of lines that do not fit."""
    sections: list[str] = []
    used = 0
    for number, row in enumerate(rows):
        begins = not sections or len(sections[-1]) + len(row) + 1 > _MAX_SECTION
        used += len(row) + 1
        if used > _MAX_CHARACTERS or (begins and len(sections) == _MAX_SECTIONS):
            return sections, sum(map(_count_lines, rows[number:]))
        if begins:
            sections.append(row)
        else:
            sections[-1] += f"\n{row}"
    return sections, 0


def _count_lines(row: str) -> int:
    """Counts the lines of a row, without the two that enclose a code block."""
    count = row.count("\n") + 1
    return count - 2 if row.startswith("```") else count
