"""The filter: a modal that chooses the log lines of a stored answer to show. Pure."""

from collections.abc import Mapping
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, make_plain_text
from bot.rendering.slack.buttons import AnswerView
from commands.log_lines.excerpt import describe_min_level
from commands.log_lines.formats import Level
from commands.log_lines.patterns import MAX_PATTERN_LENGTH, BadPattern, parse_pattern
from commands.values.arguments import BadArgument

CALLBACK_ID = "flatnet_filter"
"""The callback id of the modal."""

PATTERN_FIELD, LEVEL_FIELD = "pattern", "level"
"""The ids of its blocks, and of the field in each."""

ALL_LEVELS = "all"
"""The choice of all levels."""

LEVEL_CHOICES = (Level.WARN, Level.ERROR)
"""Levels to choose from. Less severe lines make up most of every log."""


def build_modal(view: AnswerView, note: str, texts: Texts) -> Block:
    """Builds the modal, filled in with the current filter; it carries `note` back to the bot."""
    levels = [
        _make_option(Phrase("all levels"), ALL_LEVELS, texts),
        *(_make_option(describe_min_level(level), str(level), texts) for level in LEVEL_CHOICES),
    ]
    chosen = next((each for each in levels if each["value"] == str(view.level)), levels[0])
    field: Block = {"type": "plain_text_input", "action_id": PATTERN_FIELD, "max_length": MAX_PATTERN_LENGTH}
    if view.pattern:
        field["initial_value"] = view.pattern
    hint = Phrase("regular expression, not case-sensitive")
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _make_plain_text(Phrase("Filter"), texts),
        "submit": _make_plain_text(Phrase("Show"), texts),
        "close": _make_plain_text(Phrase("Cancel"), texts),
        "private_metadata": note,
        "blocks": [
            {
                "type": "input",
                "block_id": PATTERN_FIELD,
                "optional": True,
                "label": _make_plain_text(Phrase("Pattern"), texts),
                "hint": _make_plain_text(hint, texts, 150),
                "element": field,
            },
            {
                "type": "input",
                "block_id": LEVEL_FIELD,
                "label": _make_plain_text(Phrase("Level"), texts),
                "element": {"type": "static_select", "action_id": LEVEL_FIELD, "options": levels, "initial_option": chosen},
            },
        ],
    }


def parse_view(view: AnswerView, state: Mapping[str, Any]) -> AnswerView | BadArgument:
    """Parses the state of the modal to a view, or returns the error in the pattern."""
    pattern = str(_get_field(state, PATTERN_FIELD).get("value") or "").strip()
    option = _get_field(state, LEVEL_FIELD).get("selected_option")
    said = option.get("value") if isinstance(option, dict) else ALL_LEVELS
    level = next((level for level in LEVEL_CHOICES if str(level) == said), None)
    try:
        return view.with_filter(level, parse_pattern(pattern) if pattern else "")
    except BadPattern as error:
        return BadArgument(error.why, part=error.part)
    except BadArgument as error:
        return error


def _get_field(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = state.get(name)
    field = block.get(name) if isinstance(block, dict) else None
    return field if isinstance(field, dict) else {}


def _make_option(label: Phrase, value: str, texts: Texts) -> Block:
    return {"text": _make_plain_text(label, texts, 75), "value": value}


def _make_plain_text(phrase: Phrase, texts: Texts, most: int = 24) -> Block:
    return make_plain_text(phrase.render_sentence(texts), most)
