"""The filter: a modal that chooses the log lines of a stored answer to show. Pure."""

from collections.abc import Mapping
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, plain
from bot.rendering.slack.buttons import View
from commands.loglines.excerpt import and_worse
from commands.loglines.formats import Level
from commands.loglines.patterns import PATTERN_LIMIT, BadPattern, checked_pattern
from commands.values.arguments import BadArgument

CALLBACK = "flatnet_filter"
"""The callback id of the modal."""

PATTERN, LEVEL = "pattern", "level"
"""The ids of its blocks, and of the field in each."""

ALL = "all"
"""The choice of all levels."""

LEVELS = (Level.WARN, Level.ERROR)
"""Levels to choose from. Less severe lines make up most of every log."""


def modal(view: View, note: str, texts: Texts) -> Block:
    """Builds the modal, filled in with the current filter; it carries `note` back to the bot."""
    levels = [_option(Phrase("all levels"), ALL, texts), *(_option(and_worse(level), str(level), texts) for level in LEVELS)]
    chosen = next((each for each in levels if each["value"] == str(view.level)), levels[0])
    field: Block = {"type": "plain_text_input", "action_id": PATTERN, "max_length": PATTERN_LIMIT}
    if view.pattern:
        field["initial_value"] = view.pattern
    hint = Phrase("a regular expression; upper and lower case are the same")
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(Phrase("Filter"), texts),
        "submit": _plain(Phrase("Show"), texts),
        "close": _plain(Phrase("Cancel"), texts),
        "private_metadata": note,
        "blocks": [
            {
                "type": "input",
                "block_id": PATTERN,
                "optional": True,
                "label": _plain(Phrase("Pattern"), texts),
                "hint": _plain(hint, texts, 150),
                "element": field,
            },
            {
                "type": "input",
                "block_id": LEVEL,
                "label": _plain(Phrase("Level"), texts),
                "element": {"type": "static_select", "action_id": LEVEL, "options": levels, "initial_option": chosen},
            },
        ],
    }


def chosen(view: View, state: Mapping[str, Any]) -> View | BadArgument:
    """Parses the state of the modal to a view, or returns the error in the pattern."""
    pattern = str(_field(state, PATTERN).get("value") or "").strip()
    option = _field(state, LEVEL).get("selected_option")
    said = option.get("value") if isinstance(option, dict) else ALL
    level = next((level for level in LEVELS if str(level) == said), None)
    try:
        return view.narrowed(level, checked_pattern(pattern) if pattern else "")
    except BadPattern as error:
        return BadArgument(error.why, part=error.part)
    except BadArgument as error:
        return error


def _field(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = state.get(name)
    field = block.get(name) if isinstance(block, dict) else None
    return field if isinstance(field, dict) else {}


def _option(label: Phrase, value: str, texts: Texts) -> Block:
    return {"text": _plain(label, texts, 75), "value": value}


def _plain(phrase: Phrase, texts: Texts, most: int = 24) -> Block:
    return plain(phrase.render_sentence(texts), most)
