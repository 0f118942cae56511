"""The plan of a change in a modal: everything that an approval covers. Pure.

Slack's limits: 100 blocks and 250 kB in a view, 3,000 characters in a section. What is beyond them is counted, and sent as a
file.

Diffs of configuration files in Slack: a few changed lines on a card, all that fit in an answer and in a view. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.changes.text.details import describe_details, describe_edits
from bot.model.change import Change
from bot.rendering.slack.blocks import Block, escape, format_code_block, make_plain_text, make_section
from bot.rendering.slack.paragraphs import fit_rows
from commands.model.operation import Risk

_MAX_CARD_EDITS, _MAX_CARD_LINES = 2, 6
"""Maximum files on a card, and maximum changed lines of each. The others are behind *Details*."""
_MAX_CARD_LINE = 120
_MAX_EDITS = 2_600
"""Characters of all diffs in an answer, below Slack's limit for a section."""
_MAX_LINE = 500
_BLOCK = 1_200
"""Characters of a diff that share a code block in a view, which breaks only between blocks."""
_MAX_HEADING = 300


def render_card_edits(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the first changed lines of the first files, as one section; nothing without edits."""
    edits = describe_edits(change, texts)
    rows = list[str]()
    for edit in edits[:_MAX_CARD_EDITS]:
        changed = edit.changed_lines
        rows.append(f"*{escape(edit.heading, _MAX_HEADING)}*")
        rows.append(format_code_block(changed[:_MAX_CARD_LINES], _MAX_CARD_LINE))
        if left := len(changed[_MAX_CARD_LINES:]):
            more = Phrase("… and {n} more line, in *Details*", plural="… and {n} more lines, in *Details*", n=left)
            rows.append(more.render(texts))
    if left := len(edits[_MAX_CARD_EDITS:]):
        more = Phrase("… and {n} more file, in *Details*", plural="… and {n} more files, in *Details*", n=left)
        rows.append(more.render(texts))
    if rows:
        yield "\n".join(rows)


def render_edits(change: Change, texts: Texts) -> Iterator[str]:
    """Renders the diffs as far as they fit into one section; nothing without edits."""
    rows = list[str]()
    for edit in describe_edits(change, texts):
        rows += [f"*{escape(edit.heading, _MAX_HEADING)}*", *split_diff(edit.lines)]
    if rows:
        yield "\n".join(fit_rows(rows, _MAX_EDITS, texts))


def split_diff(lines: Sequence[str]) -> Iterator[str]:
    """Splits a diff into code blocks, between which a text can be broken."""
    held, used = list[str](), 0
    for line in lines:
        size = min(len(line), _MAX_LINE) + 1
        if held and used + size > _BLOCK:
            yield format_code_block(held, _MAX_LINE)
            held, used = [], 0
        held.append(line)
        used += size
    if held:
        yield format_code_block(held, _MAX_LINE)


CALLBACK_ID = "flatnet_plan"
"""The callback id of the modal."""

_MAX_SECTIONS = 95
_MAX_SECTION = 2_800
"""Characters of a section, below Slack's limit of 3,000."""
_MAX_CHARACTERS = 60_000
"""Characters of all sections. A character takes up to 4 bytes of the 250 kB, or 12 where it is written as an escape."""
_MAX_LINE_change_details = 1_000
_MAX_TITLE = 24
_MAX_LABEL = 100
_MAX_NAME = 300

NAME_FIELD = "name"
"""Block id and action id of the field for the name."""


@dataclass(frozen=True)
class PlanView:
    """The modal, and the number of lines that it has no room for."""

    view: Block
    left_out: int


def build_modal(change: Change, texts: Texts, note: str = "") -> PlanView:
    """Builds the modal. With a note, which it carries back to the bot, submitting it approves the change, a critical one
    with the name that the person typed.
    """
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
    if note and change.risk is Risk.CRITICAL:
        view["blocks"].append(_make_name_field(texts))
    return PlanView(view, left_out)


def parse_name(values: Any) -> str:
    """Parses the name that an approver typed, "" if there is none. The payload is untrusted."""
    field = values.get(NAME_FIELD) if isinstance(values, dict) else None
    typed = field.get(NAME_FIELD) if isinstance(field, dict) else None
    name = typed.get("value") if isinstance(typed, dict) else None
    return name[:_MAX_NAME].strip() if isinstance(name, str) else ""


def _make_name_field(texts: Texts) -> Block:
    """Makes the field for the name of what a critical change is about. It is never filled in: reading it is the point."""
    return {
        "type": "input",
        "block_id": NAME_FIELD,
        "label": make_plain_text(Phrase("Name to type for an approval").render(texts), _MAX_LABEL),
        "element": {"type": "plain_text_input", "action_id": NAME_FIELD, "max_length": _MAX_NAME},
    }


def _list_rows(change: Change, texts: Texts) -> Iterator[str]:
    for section in describe_details(change, texts):
        heading = f"*{escape(section.heading, _MAX_LINE_change_details)}*"
        if section.code:
            yield from [heading, *split_diff(section.lines)]
            continue
        lines = [escape(line, _MAX_LINE_change_details) for line in section.lines]
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
