"""The form of a message shortcut: a modal that asks to which incident a message is added as a note. Pure.

Ana: "the provider confirms an outage"      the message, shortened
Incident [ 3 · the gateway answers 502 ▾ ]  the incidents that the person may see
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.phrase import Phrase, Texts
from bot.model.incident import Incident
from bot.rendering.slack.blocks import Block, escape, make_context, make_plain_text, make_section

CALLBACK_ID = "flatnet_note"
"""The callback id of the modal, and of the message shortcut that opens it."""

INCIDENT_FIELD = "incident"
"""The id of its block and of the field in it."""

MAX_OPTIONS = 100
"""Slack's limit for the options of a menu."""

_MAX_SHOWN_TEXT = 1_500


def build_modal(note: str, author: str, text: str, incidents: Sequence[Incident], texts: Texts) -> Block:
    """Builds the modal. It carries `note` back to the bot; the newest incidents come first, an only one is chosen."""
    newest = sorted(incidents, key=lambda each: -each.number)[:MAX_OPTIONS]
    options = [_make_option(each) for each in newest]
    menu: Block = {"type": "static_select", "action_id": INCIDENT_FIELD, "options": options}
    if len(options) == 1:
        menu["initial_option"] = options[0]
    readers = Phrase("All readers of the incident will see this message. A note cannot be deleted.")
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _make_label(Phrase("Add to incident"), texts),
        "submit": _make_label(Phrase("Add note"), texts),
        "close": _make_label(Phrase("Cancel"), texts),
        "private_metadata": note,
        "blocks": [
            make_section(f"*{escape(author, 100)}*\n>{escape(text, _MAX_SHOWN_TEXT)}"),
            {
                "type": "input",
                "block_id": INCIDENT_FIELD,
                "label": _make_label(Phrase("Incident"), texts),
                "element": menu,
            },
            make_context(escape(readers.render_sentence(texts))),
        ],
    }


def parse_incident(values: Mapping[str, Any]) -> int:
    """Parses the chosen incident; 0 for none."""
    block = values.get(INCIDENT_FIELD)
    field = block.get(INCIDENT_FIELD) if isinstance(block, dict) else None
    option = field.get("selected_option") if isinstance(field, dict) else None
    chosen = option.get("value") if isinstance(option, dict) else None
    return int(chosen) if isinstance(chosen, str) and chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else 0


def _make_option(incident: Incident) -> Block:
    return {"text": make_plain_text(f"{incident.number} · {incident.title}", 75), "value": str(incident.number)}


def _make_label(phrase: Phrase, texts: Texts) -> Block:
    return make_plain_text(phrase.render_sentence(texts), 24)
