"""The form: a modal whose fields come from the catalogue, and the parser of its input. Pure.

    the command                 chosen first, unless a command was typed already
    the typed command           as it was typed, if the form completes it
    a field for each argument   a menu of hosts, or text
    the options                 as checkboxes

With more than `MAX_OPTIONS` hosts the menu queries the bot while the reader types.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from adapters.inventory import Inventory
from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, section
from bot.rendering.slack.paragraphs import command
from bot.security.untrusted_text import cut, one_line
from commands.language.form_filling import Blank, Given, blank, lacking
from commands.language.grammar import Argument, Operations
from commands.model.operation import Operation
from commands.values.arguments import Option, Positional
from commands.values.normalize import read

CALLBACK = "flatnet_form"
"""The callback id of the modal, and of the shortcut that opens it."""

COMMAND, HOSTS, TEXT, FLAGS = "command", "hosts", "text", "flags"
"""Action ids of the fields; `command` is also the id of its block."""

BEGUN = 500
"""Maximum characters of a command that a form completes."""

LISTED = 100
"""Slack's limit for the options of a menu."""

_OPTION = 75
"""Slack's limit for the characters of an option."""
_LABEL = 150
"""Maximum characters of a label. Slack allows 2,000, a phone shows two lines."""
_TICKED = 10
"""Slack's limit for the checkboxes of a set."""


class Note(BaseModel):
    """Metadata that the modal carries: the place where it was opened, and the command that it completes, or ""."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str = ""
    response_url: str = ""
    answerable: AwareDatetime | None = None
    begun: Annotated[str, StringConstraints(max_length=BEGUN)] = ""

    @classmethod
    def read(cls, text: str) -> "Note | None":
        """Parses the metadata; None if it is none."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


def modal(note: Note, chosen: type[Operation] | None, permitted: Operations, hosts: Inventory, texts: Texts) -> Block:
    """Builds the modal for the missing arguments of `note.begun`, or for one of the permitted operations."""
    form = lacking(note.begun, permitted) if note.begun else None
    if form is None:
        operation = chosen or next(iter(permitted))
        form = blank(operation)
        blocks = [_commands(operation, permitted, texts), *_fields(form, hosts, texts)]
    else:
        blocks = [section(command(form.begun)), *_fields(form, hosts, texts)]
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain("flatnet", 24),
        "submit": _plain((Phrase("Send") if note.begun else Phrase("Ask")).render(texts), 24),
        "close": _plain(Phrase("Cancel").render(texts), 24),
        "private_metadata": note.model_dump_json(exclude_defaults=True),
        "blocks": blocks,
    }


def block_of(form: Blank, field: str) -> str:
    """Makes the block id of a field. It contains the operation, so that input for another operation is not mixed in."""
    return f"{'-'.join(form.operation.words)}.{field}"


def form_in(values: Mapping[str, Any], note: Note, catalogue: Operations) -> Blank | None:
    """Finds the form that was filled in; None if it is unknown."""
    if note.begun:
        return lacking(note.begun, catalogue)
    words = _of(values, COMMAND, COMMAND).get("selected_option", {}).get("value")
    return next((blank(operation) for operation in catalogue if " ".join(operation.words) == words), None)


def given_in(values: Mapping[str, Any], form: Blank) -> Given:
    """Parses the input of a form. The payload is untrusted: values that are no text are left out."""
    words = {argument.field: _words(values, form, argument, many=kind.many) for argument, kind in form.positionals}
    words |= {argument.field: _words(values, form, argument, many=False) for argument, _ in form.options}
    ticked = _of(values, block_of(form, FLAGS), FLAGS).get("selected_options", ())
    return Given(words, frozenset(_values(ticked)))


def host_options(hosts: Inventory, typed: str) -> list[Block]:
    """Lists the options of the host menu that contain the typed text; the first ones for an empty text."""
    names = ["all", *hosts.labels, *hosts.names]
    fitting = [name for name in dict.fromkeys(names) if typed.strip().lower() in name]
    return [_option(name, name) for name in fitting[:LISTED]]


def _commands(operation: type[Operation], permitted: Operations, texts: Texts) -> Block:
    options = [_option(words := " ".join(each.words), words, each.summary.render_sentence(texts)) for each in permitted][
        :LISTED
    ]
    chosen = " ".join(operation.words)
    return {
        "type": "input",
        "block_id": COMMAND,
        "dispatch_action": True,
        "label": _plain(Phrase("Command").render(texts), _LABEL),
        "element": {
            "type": "static_select",
            "action_id": COMMAND,
            "options": options,
            "initial_option": next(option for option in options if option["value"] == chosen),
        },
    }


def _fields(form: Blank, hosts: Inventory, texts: Texts) -> list[Block]:
    fields = [_field(form, argument, kind, hosts, texts) for argument, kind in form.positionals]
    fields += [_field(form, argument, option, hosts, texts) for argument, option in form.options]
    flags = [_option(argument.option, argument.field, kind.meaning.render_sentence(texts)) for argument, kind in form.flags]
    if flags:
        fields.append(
            {
                "type": "input",
                "block_id": block_of(form, FLAGS),
                "optional": True,
                "label": _plain(Phrase("Options").render(texts), _LABEL),
                "element": {"type": "checkboxes", "action_id": FLAGS, "options": flags[:_TICKED]},
            }
        )
    return fields


def _field(form: Blank, argument: Argument, kind: Positional | Option, hosts: Inventory, texts: Texts) -> Block:
    """Makes a field: a menu of hosts, or a text input with its meaning as label and the typed option as hint."""
    field: Block = {
        "type": "input",
        "block_id": block_of(form, argument.field),
        "optional": not argument.required,
    }
    if form.is_target(argument):
        return field | {"label": _plain(Phrase("Host").render(texts), _LABEL), "element": _menu(hosts, texts)}
    hint = {"hint": _plain(f"{argument.option} {kind.placeholder}", _LABEL)} if isinstance(kind, Option) else {}
    return {
        **field,
        "label": _plain(kind.meaning.render_sentence(texts), _LABEL),
        **hint,
        "element": {"type": "plain_text_input", "action_id": TEXT},
    }


def _menu(hosts: Inventory, texts: Texts) -> Block:
    placeholder = _plain(Phrase("Choose hosts").render(texts), _LABEL)
    if len(hosts.names) > LISTED:
        return {"type": "multi_external_select", "action_id": HOSTS, "min_query_length": 0, "placeholder": placeholder}
    kinds = (
        (Phrase("All").render(texts), ("all",)),
        (Phrase("Labels").render(texts), tuple(sorted(hosts.labels))),
        (Phrase("Hosts").render(texts), tuple(hosts.names)),
    )
    groups = [
        {"label": _plain(label, _OPTION), "options": [_option(name, name) for name in names[:LISTED]]}
        for label, names in kinds
        if names
    ]
    return {"type": "multi_static_select", "action_id": HOSTS, "option_groups": groups, "placeholder": placeholder}


def _words(values: Mapping[str, Any], form: Blank, argument: Argument, *, many: bool) -> tuple[str, ...]:
    block = block_of(form, argument.field)
    if form.is_target(argument):
        return _values(_of(values, block, HOSTS).get("selected_options", ()))
    text = _of(values, block, TEXT).get("value")
    if not isinstance(text, str) or not text.strip():
        return ()
    return tuple(token.text for token in read(text).tokens) if many else (text.strip(),)


def _of(values: Mapping[str, Any], block: str, action: str) -> Mapping[str, Any]:
    field = values.get(block)
    state = field.get(action) if isinstance(field, dict) else None
    return {name: value for name, value in state.items() if value} if isinstance(state, dict) else {}


def _values(options: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(option.get("value", "")) for option in options if isinstance(option, dict))


def _option(text: str, value: str, description: str = "") -> Block:
    option: Block = {"text": _plain(text, _OPTION), "value": cut(value, 150)}
    return option | {"description": _plain(description, _OPTION)} if description else option


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": cut(one_line(text), most)}
