"""What people choose and fill in: the elements of blocks, their values, and the action that a click sends."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.lab.workspace.elements import offers

Block = Mapping[str, Any]
Element = Mapping[str, Any]
Values = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Slack's `state.values`: by block_id and action_id."""
Choice = str | Sequence[str] | None
"""What a person typed, picked (an option's value), or picked several of."""

_SINGLE = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "users_select": ("selected_user", "initial_user"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
}
_SEVERAL = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})
_STATEFUL = _SINGLE.keys() | _SEVERAL
_SENT = ("text", "value", "style", "url", "placeholder", "confirm", "initial_option", "initial_options")
"""Properties of an element that come back with a click on it."""

REQUIRED = "Please complete this required field."


def named(blocks: Sequence[Block], prefix: str) -> tuple[Block, ...]:
    """The blocks with a `block_id` and `action_id` where the app gave none."""
    return tuple(_named(block, f"{prefix}{number}") for number, block in enumerate(blocks))


def _named(block: Block, name: str) -> Block:
    named = {"block_id": name, **block}
    if "elements" in block and block["type"] == "actions":
        named["elements"] = [{"action_id": f"{name}.{n}", **element} for n, element in enumerate(block["elements"])]
    for place in ("accessory", "element"):
        if place in block and block[place]["type"] != "image":
            named[place] = {"action_id": f"{name}.0", **block[place]}
    return named


def elements(blocks: Sequence[Block]) -> Iterator[tuple[Block, Element]]:
    """Everything that can be clicked, chosen or filled in, with its block."""
    for block in blocks:
        match block:
            case {"type": "actions", "elements": several}:
                yield from ((block, element) for element in several)
            case {"type": "section", "accessory": {"action_id": _} as element} | {"type": "input", "element": element}:
                yield block, element


def find(blocks: Sequence[Block], action_id: str, value: Choice, block_id: str | None) -> tuple[Block, Element]:
    """The element that a person means; among equals the one with this value. `KeyError` where there is none."""
    found = [
        (block, element)
        for block, element in elements(blocks)
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    if not found:
        raise KeyError(f"nothing here has the action_id {action_id}")
    for block, element in found:
        if value is not None and value in (element.get("value"), *(option["value"] for option in offers(element))):
            return block, element
    return found[0]


def begin(blocks: Sequence[Block], former: Values) -> Values:
    """The values with which blocks are shown: what the person had chosen stays where the ids and types are the same."""
    values: dict[str, dict[str, Mapping[str, Any]]] = {}
    for block, element in elements(blocks):
        if element["type"] in _STATEFUL:
            name, action_id = block["block_id"], element["action_id"]
            kept = former.get(name, {}).get(action_id)
            same = kept is not None and kept["type"] == element["type"]
            values.setdefault(name, {})[action_id] = kept if kept is not None and same else _initial(element)
    return values


def _initial(element: Element) -> Mapping[str, Any]:
    kind = element["type"]
    if kind in _SEVERAL:
        return {"type": kind, "selected_options": list(element.get("initial_options", ()))}
    name, initial = _SINGLE[kind]
    return {"type": kind, name: element.get(initial)}


def chosen(element: Element, value: Choice, offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The state of an element after a person chose this; `ValueError` where nobody could."""
    kind = element["type"]
    if kind in _SEVERAL:
        wanted = [value] if isinstance(value, str) else list(value or ())
        most = element.get("max_selected_items", len(wanted))
        if len(wanted) > most:
            raise ValueError(f"{element['action_id']} takes at most {most}")
        return {"type": kind, "selected_options": [_option(element, one, offered) for one in wanted]}
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{element['action_id']} takes one value")
    name, _ = _SINGLE[kind]
    return {"type": kind, name: _option(element, value, offered) if name == "selected_option" and value else value or None}


def _option(element: Element, value: str, offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    for option in offered:
        if option["value"] == value:
            return option
    raise ValueError(f"{element['action_id']} does not offer {value}")


def taken(element: Element, value: Choice, offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a click says was chosen: nothing of a button, an option of an overflow menu, else the state."""
    if element["type"] == "button":
        return {}
    if element["type"] == "overflow":
        return {"selected_option": _option(element, str(value), offered)}
    return chosen(element, value, offered)


def with_choice(values: Values, block: Block, element: Element, state: Mapping[str, Any]) -> Values:
    """The values with one of them changed; a button and an overflow menu have none."""
    if element["type"] not in _STATEFUL:
        return values
    name = block["block_id"]
    return {**values, name: {**values.get(name, {}), element["action_id"]: state}}


def action(block: Block, element: Element, state: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The entry in `actions` of a click: what the element is, and what was chosen."""
    sent = {name: element[name] for name in _SENT if name in element}
    names = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    return {**names, **sent, **state, "action_ts": at}


def complaint(block: Block, state: Mapping[str, Any]) -> str:
    """Why Slack does not let a person send this field, or nothing. Only the first sentence is known word for word."""
    element = block["element"]
    kind, value = element["type"], state.get("value")
    if not any(chosen for name, chosen in state.items() if name != "type"):
        return "" if block.get("optional") else REQUIRED
    if not isinstance(value, str):
        return ""
    if len(value) < element.get("min_length", 0):
        return f"Please enter at least {element['min_length']} characters."
    if len(value) > element.get("max_length", 3_000):
        return f"Please enter at most {element.get('max_length', 3_000)} characters."
    if not re.fullmatch(_shape(element), value):
        return "Please enter a valid value."
    return _out_of_range(element, value) if kind == "number_input" else ""


def _shape(element: Element) -> str:
    match element:
        case {"type": "number_input", "is_decimal_allowed": decimals}:
            return r"-?\d+(\.\d+)?" if decimals else r"-?\d+"
        case {"type": "email_text_input"}:
            return r"\S+@\S+"
        case {"type": "url_text_input"}:
            return r"https?://\S+"
    return r"(?s).*"


def _out_of_range(element: Element, value: str) -> str:
    least, most = float(element.get("min_value", "-inf")), float(element.get("max_value", "inf"))
    return "" if least <= float(value) <= most else "Please enter a number in the allowed range."
