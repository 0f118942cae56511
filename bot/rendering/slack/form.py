"""The form: a modal whose fields come from the catalogue, and the parser of its input. Pure.

    the command                 chosen first, unless a command was typed already
    the typed command           as it was typed, if the form completes it
    a field for each argument   a menu of hosts, or text
    the options                 as checkboxes

With more than `MAX_OPTIONS` hosts the menu queries the bot while the reader types.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from adapters.inventory import Inventory
from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, escape, make_section
from bot.rendering.text import COMMAND
from bot.security.untrusted_text import shorten, to_one_line
from commands.language import form_filling
from commands.language.form_filling import FormInput, RequestForm, build_form
from commands.language.help import Argument, OperationClasses
from commands.language.labels import label_request
from commands.model.operation import Operation
from commands.values.arguments import Option, Positional
from commands.values.normalize import MAX_REQUEST_LENGTH

CALLBACK_ID = "flatnet_form"
"""The callback id of the modal, and of the shortcut that opens it."""

COMMAND_FIELD, HOSTS_FIELD, TEXT_FIELD, FLAGS_FIELD = "command", "hosts", "text", "flags"
"""Action ids of the fields; `command` is also the id of its block."""

_MAX_BEGUN_TEXT = 2_200
"""Characters of that command as it is shown, below Slack's limit for a section."""

MAX_OPTIONS = 100
"""Slack's limit for the options of a menu, for its groups, and for the options of a group."""

_MAX_OPTION_LENGTH = 75
"""Slack's limit for the characters of an option."""
_MAX_LABEL_LENGTH = 150
"""Maximum characters of a label. Slack allows 2,000, a phone shows two lines."""
_MAX_CHECKBOXES = 10
"""Slack's limit for the checkboxes of a set."""


class FormNote(BaseModel):
    """Metadata that the modal carries: the place where it was opened, and the command that it completes, or "".

    `previewed`: the modal shows what the command will post.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    channel: str = ""
    response_url: str = ""
    answerable: AwareDatetime | None = None
    thread: str = ""
    """The thread of the channel in which it was opened."""
    begun: Annotated[str, StringConstraints(max_length=MAX_REQUEST_LENGTH)] = ""
    previewed: bool = False

    @classmethod
    def from_json(cls, text: str) -> "FormNote | None":
        """Parses the metadata; None if it is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


def build_modal(
    note: FormNote, chosen: type[Operation] | None, permitted: OperationClasses, hosts: Inventory, texts: Texts
) -> Block:
    """Builds the modal that completes or confirms `note.begun`, or the one for one of the permitted operations."""
    form = form_filling.find_form(note.begun, permitted) if note.begun else None
    if form is None:
        operation = chosen or next(iter(permitted))
        form = build_form(operation)
        blocks = [_make_command_menu(operation, permitted, texts), *_make_fields(form, hosts, texts)]
    else:
        blocks = [make_section(_render_begun(form, texts)), *_make_fields(form, hosts, texts)]
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _make_plain_text("flatnet", 24),
        "submit": _make_plain_text((Phrase("Send") if note.begun else Phrase("Run")).render(texts), 24),
        "close": _make_plain_text(Phrase("Cancel").render(texts), 24),
        "private_metadata": note.model_dump_json(exclude_defaults=True),
        "blocks": blocks,
    }


def _render_begun(form: RequestForm, texts: Texts) -> str:
    """Renders what the command does, and its words in full: a person confirms what they can read."""
    label = label_request(form.prefix, (form.operation,)).render_sentence(texts)
    words = escape(f"{COMMAND} {form.prefix}", _MAX_BEGUN_TEXT)
    return f"*{escape(label)}*\n{escape(form.operation.summary.render_sentence(texts))}\n`{words}`"


def make_block_id(form: RequestForm, field: str) -> str:
    """Makes the block id of a field. It contains the operation, so that input for another operation is not mixed in."""
    return f"{'-'.join(form.operation.words)}.{field}"


def find_form(values: Mapping[str, Any], note: FormNote, catalogue: OperationClasses) -> RequestForm | None:
    """Finds the form that was filled in; None if it is unknown."""
    if note.begun:
        return form_filling.find_form(note.begun, catalogue)
    chosen = _get_state(values, COMMAND_FIELD, COMMAND_FIELD).get("selected_option")
    words = chosen.get("value") if isinstance(chosen, dict) else None
    return next((build_form(operation) for operation in catalogue if " ".join(operation.words) == words), None)


def parse_input(values: Mapping[str, Any], form: RequestForm) -> FormInput:
    """Parses the input of a form. The payload is untrusted: values that are no text are left out."""
    named = (*form.positionals, *form.options)
    words = {argument.field: _read_words(values, form, argument) for argument, _ in named}
    ticked = _get_state(values, make_block_id(form, FLAGS_FIELD), FLAGS_FIELD).get("selected_options", ())
    return FormInput(words, frozenset(_list_values(ticked)))


def list_host_options(hosts: Inventory, typed: str) -> list[Block]:
    """Lists the options of the host menu that contain the typed text; the first ones for an empty text."""
    names = ["all", *hosts.labels, *hosts.names]
    fitting = [name for name in dict.fromkeys(names) if typed.strip().lower() in name]
    return [_make_option(name, name) for name in fitting[:MAX_OPTIONS]]


def _make_command_menu(operation: type[Operation], permitted: OperationClasses, texts: Texts) -> Block:
    """Makes the menu of commands, one group for each noun: there are more commands than a menu without groups may have."""
    nouns: dict[str, list[Block]] = {}
    for each in permitted:
        words = " ".join(each.words)
        nouns.setdefault(each.words[0], []).append(_make_option(words, words, each.summary.render_sentence(texts)))
    chosen = " ".join(operation.words)
    options = (option for group in nouns.values() for option in group)
    return {
        "type": "input",
        "block_id": COMMAND_FIELD,
        "dispatch_action": True,
        "label": _make_plain_text(Phrase("Command").render(texts), _MAX_LABEL_LENGTH),
        "element": {
            "type": "static_select",
            "action_id": COMMAND_FIELD,
            "option_groups": [
                {"label": _make_plain_text(noun, _MAX_OPTION_LENGTH), "options": group[:MAX_OPTIONS]}
                for noun, group in list(nouns.items())[:MAX_OPTIONS]
            ],
            "initial_option": next(option for option in options if option["value"] == chosen),
        },
    }


def _make_fields(form: RequestForm, hosts: Inventory, texts: Texts) -> list[Block]:
    fields = [_make_field(form, argument, kind, hosts, texts) for argument, kind in form.positionals]
    fields += [_make_field(form, argument, option, hosts, texts) for argument, option in form.options]
    flags = [
        _make_option(argument.option, argument.field, kind.meaning.render_sentence(texts)) for argument, kind in form.flags
    ]
    if flags:
        fields.append(
            {
                "type": "input",
                "block_id": make_block_id(form, FLAGS_FIELD),
                "optional": True,
                "label": _make_plain_text(Phrase("Options").render(texts), _MAX_LABEL_LENGTH),
                "element": {"type": "checkboxes", "action_id": FLAGS_FIELD, "options": flags[:_MAX_CHECKBOXES]},
            }
        )
    return fields


def _make_field(form: RequestForm, argument: Argument, kind: Positional | Option, hosts: Inventory, texts: Texts) -> Block:
    """Makes a field: a menu of hosts, or a text input with its meaning as label and the typed option as hint."""
    field: Block = {
        "type": "input",
        "block_id": make_block_id(form, argument.field),
        "optional": not argument.required,
    }
    if form.is_target(argument):
        return field | {
            "label": _make_plain_text(Phrase("Host").render(texts), _MAX_LABEL_LENGTH),
            "element": _make_host_menu(hosts, texts),
        }
    hint = (
        {"hint": _make_plain_text(f"{argument.option} {kind.placeholder}", _MAX_LABEL_LENGTH)}
        if isinstance(kind, Option)
        else {}
    )
    return {
        **field,
        "label": _make_plain_text(kind.meaning.render_sentence(texts), _MAX_LABEL_LENGTH),
        **hint,
        "element": {"type": "plain_text_input", "action_id": TEXT_FIELD, **_make_lines(kind)},
    }


def _make_lines(kind: Positional | Option) -> Mapping[str, bool]:
    return {"multiline": True} if isinstance(kind, Positional) and kind.multiline else {}


def _make_host_menu(hosts: Inventory, texts: Texts) -> Block:
    placeholder = _make_plain_text(Phrase("Choose hosts").render(texts), _MAX_LABEL_LENGTH)
    if len(hosts.names) > MAX_OPTIONS:
        return {"type": "multi_external_select", "action_id": HOSTS_FIELD, "min_query_length": 0, "placeholder": placeholder}
    kinds = (
        (Phrase("All").render(texts), ("all",)),
        (Phrase("Labels").render(texts), tuple(sorted(hosts.labels))),
        (Phrase("Hosts", context="group").render(texts), tuple(hosts.names)),
    )
    groups = [
        {
            "label": _make_plain_text(label, _MAX_OPTION_LENGTH),
            "options": [_make_option(name, name) for name in names[:MAX_OPTIONS]],
        }
        for label, names in kinds
        if names
    ]
    return {"type": "multi_static_select", "action_id": HOSTS_FIELD, "option_groups": groups, "placeholder": placeholder}


def _read_words(values: Mapping[str, Any], form: RequestForm, argument: Argument) -> tuple[str, ...]:
    block = make_block_id(form, argument.field)
    if form.is_target(argument):
        return _list_values(_get_state(values, block, HOSTS_FIELD).get("selected_options", ()))
    text = _get_state(values, block, TEXT_FIELD).get("value")
    return (text.strip(),) if isinstance(text, str) and text.strip() else ()


def _get_state(values: Mapping[str, Any], block: str, action: str) -> Mapping[str, Any]:
    field = values.get(block)
    state = field.get(action) if isinstance(field, dict) else None
    return {name: value for name, value in state.items() if value} if isinstance(state, dict) else {}


def _list_values(options: Any) -> tuple[str, ...]:
    chosen = (option.get("value") for option in options if isinstance(option, dict)) if isinstance(options, list) else ()
    return tuple(value for value in chosen if isinstance(value, str))


def _make_option(text: str, value: str, description: str = "") -> Block:
    option: Block = {"text": _make_plain_text(text, _MAX_OPTION_LENGTH), "value": shorten(value, 150)}
    return option | {"description": _make_plain_text(description, _MAX_OPTION_LENGTH)} if description else option


def _make_plain_text(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": shorten(to_one_line(text), most)}
