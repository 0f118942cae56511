"""Slack's limits on buttons, menus and form fields, and where each kind may stand."""

import re
from collections.abc import Mapping
from typing import Any

from tests.lab.workspace.checks import Complaints, each, fault, flag, items, known, plain, repeated, string, text

_MENUS = frozenset({"static_select", "multi_static_select", "external_select", "multi_external_select"})
_CHOICES = frozenset({"radio_buttons", "checkboxes"})
_PICKERS = frozenset({"datepicker", "timepicker", "users_select"})
_TEXTS = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})

IN_ACTIONS = frozenset({"button", "overflow"}) | _MENUS | _CHOICES | _PICKERS
AS_ACCESSORY = IN_ACTIONS | {"image"}
IN_INPUT = _MENUS | _CHOICES | _PICKERS | _TEXTS

_MENU = frozenset({"type", "action_id", "placeholder", "confirm", "focus_on_load"})
_TEXT = frozenset({"type", "action_id", "placeholder", "initial_value", "focus_on_load", "dispatch_action_config"})
_LIST = frozenset({"options", "option_groups"})
_KEYS = {
    "button": frozenset({"type", "action_id", "text", "value", "url", "style", "confirm", "accessibility_label"}),
    "overflow": frozenset({"type", "action_id", "options", "confirm"}),
    "static_select": _MENU | _LIST | {"initial_option"},
    "multi_static_select": _MENU | _LIST | {"initial_options", "max_selected_items"},
    "external_select": _MENU | {"initial_option", "min_query_length"},
    "multi_external_select": _MENU | {"initial_options", "min_query_length", "max_selected_items"},
    "radio_buttons": frozenset({"type", "action_id", "options", "initial_option", "confirm", "focus_on_load"}),
    "checkboxes": frozenset({"type", "action_id", "options", "initial_options", "confirm", "focus_on_load"}),
    "datepicker": _MENU | {"initial_date"},
    "timepicker": _MENU | {"initial_time", "timezone"},
    "users_select": _MENU | {"initial_user"},
    "plain_text_input": _TEXT | {"multiline", "min_length", "max_length"},
    "number_input": _TEXT | {"is_decimal_allowed", "min_value", "max_value"},
    "email_text_input": _TEXT,
    "url_text_input": _TEXT,
    "image": frozenset({"type", "image_url", "slack_file", "alt_text"}),
}
_OPTION = frozenset({"text", "value", "description"})
_CONFIRM = frozenset({"title", "text", "confirm", "deny", "style"})
_STYLES = ("primary", "danger")
FILE_ID = re.compile("^[F][A-Z0-9]{8,}$")
"""As Slack says it itself (slackapi/python-slack-sdk #1521)."""
_INPUT_LENGTH = 3_000
"""Characters that a text field takes at the most."""


def element(value: Any, at: str, allowed: frozenset[str]) -> Complaints:
    """A button, menu, field or picture at a place where only some kinds are allowed."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in allowed:
        yield fault(f"unsupported type: {kind}", f"{at}/type")
        return
    yield from known(value, _KEYS[kind], at)
    if kind == "image":
        yield from image(value, at)
        return
    yield from string(value, "action_id", 255, at)
    if "confirm" in value:
        yield from _confirm(value["confirm"], f"{at}/confirm")
    if "placeholder" in value:
        yield from plain(value["placeholder"], 150, f"{at}/placeholder")
    yield from flag(value, "focus_on_load", at)
    if kind == "button":
        yield from _button(value, at)
    elif kind in _TEXTS:
        yield from _field(value, at)
    elif kind not in _PICKERS:
        yield from _choice(value, kind, at)


def image(value: Mapping[str, Any], at: str) -> Complaints:
    """A picture, as a block or beside a text."""
    if ("image_url" in value) == ("slack_file" in value):
        yield fault("missing required field: image_url", at)
    yield from string(value, "image_url", 3_000, at)
    if "slack_file" in value:
        yield from _slack_file(value["slack_file"], f"{at}/slack_file")
    yield from string(value, "alt_text", 2_000, at, required=True)


def _slack_file(value: Any, at: str) -> Complaints:
    """By its id; Slack would take an address, too. Whether there is such a file is known to the workspace (`Uploads`)."""
    if not isinstance(value, dict):
        yield fault("must be an object", at)
        return
    yield from known(value, frozenset({"id"}), at)
    name = value.get("id")
    if not isinstance(name, str) or not FILE_ID.fullmatch(name):
        yield fault(f"input must match regex pattern: {FILE_ID.pattern}", f"{at}/id")


def _button(value: Mapping[str, Any], at: str) -> Complaints:
    yield from plain(value.get("text"), 75, f"{at}/text")
    yield from string(value, "value", 2_000, at)
    yield from string(value, "url", 3_000, at)
    yield from string(value, "accessibility_label", 75, at)
    yield from _style(value, at)


def _style(value: Mapping[str, Any], at: str) -> Complaints:
    if value.get("style", "primary") not in _STYLES:
        yield fault("must be a valid enum value", f"{at}/style")


def _confirm(value: Any, at: str) -> Complaints:
    if not isinstance(value, dict):
        yield fault("must be an object", at)
        return
    yield from known(value, _CONFIRM, at)
    yield from plain(value.get("title"), 100, f"{at}/title")
    yield from text(value.get("text"), 300, f"{at}/text")
    yield from plain(value.get("confirm"), 30, f"{at}/confirm")
    yield from plain(value.get("deny"), 30, f"{at}/deny")
    yield from _style(value, at)


def _field(value: Mapping[str, Any], at: str) -> Complaints:
    initial = value.get("initial_value", "")
    if not isinstance(initial, str) or len(initial) > _INPUT_LENGTH:
        yield fault(f"must be less than {_INPUT_LENGTH + 1} characters", f"{at}/initial_value")
    yield from flag(value, "multiline", at)
    for name, least in (("min_length", 0), ("max_length", 1)):
        length = value.get(name, least)
        if not isinstance(length, int) or not least <= length <= _INPUT_LENGTH:
            yield fault(f"must be between {least} and {_INPUT_LENGTH}", f"{at}/{name}")
    if value.get("type") == "number_input" and not isinstance(value.get("is_decimal_allowed"), bool):
        yield fault("missing required field: is_decimal_allowed", at)


def _choice(value: Mapping[str, Any], kind: str, at: str) -> Complaints:
    """Something with options: at most 5 in an overflow, 10 as buttons or boxes, 100 in a menu or a group of one."""
    marked = kind in _CHOICES
    if "external" not in kind:
        most = 5 if kind == "overflow" else 10 if marked else 100
        groups = value.get("option_groups")
        if groups is None:
            yield from _options(value.get("options"), most, f"{at}/options", kind)
        elif "options" in value:
            yield fault("only one of `options` and `option_groups` may be set", at)
        else:
            yield from _groups(groups, f"{at}/option_groups", kind)
        offered = offers(value)
        for name in ("initial_option", "initial_options"):
            chosen = value.get(name, [])
            for option in chosen if isinstance(chosen, list) else [chosen]:
                if option not in offered:
                    yield fault("must match one of the options", f"{at}/{name}")
    if "initial_options" in value:
        yield from items(value["initial_options"], 100, f"{at}/initial_options")
    most_selected = value.get("max_selected_items", 1)
    if not isinstance(most_selected, int) or most_selected < 1:
        yield fault("must be greater than 0", f"{at}/max_selected_items")


def offers(value: Mapping[str, Any]) -> list[Any]:
    """Every option of a menu, grouped or not."""
    groups = value.get("option_groups")
    if not isinstance(groups, list):
        return list(value.get("options") or ())
    return [option for group in groups if isinstance(group, dict) for option in group.get("options") or ()]


def _groups(groups: Any, at: str, kind: str) -> Complaints:
    yield from items(groups, 100, at)
    for group, here in each(groups, at):
        if not isinstance(group, dict):
            yield fault("must be an object", here)
            continue
        yield from known(group, frozenset({"label", "options"}), here)
        yield from plain(group.get("label"), 75, f"{here}/label")
        yield from _options(group.get("options"), 100, f"{here}/options", kind)


def _options(options: Any, most: int, at: str, kind: str) -> Complaints:
    yield from items(options, most, at)
    for option, here in each(options, at):
        if not isinstance(option, dict):
            yield fault("must be an object", here)
            continue
        yield from known(option, _OPTION | {"url"} if kind == "overflow" else _OPTION, here)
        words = text if kind in _CHOICES else plain
        yield from words(option.get("text"), 75, f"{here}/text")
        yield from string(option, "value", 150, here, required=True)
        yield from string(option, "url", 3_000, here)
        if "description" in option:
            yield from words(option["description"], 75, f"{here}/description")
    if isinstance(options, list) and kind in _CHOICES:
        yield from repeated(options, "value", at)
