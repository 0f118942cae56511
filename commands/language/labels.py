"""Labels of buttons that run a request: a verb with its arguments, in place of the command. Pure.

service start nebula host-b        start Nebula on host-b
health host-b --details            check host-b (details)
log error host-b --since 1h        show the error log of host-b (--since 1h)
op resolve op-1 --outcome done     report the outcome of op-1 (--outcome done)      its form asks for the rest
op continue                        continue …
incident note "…" --incident 3     add a note to incident 3
incident open "…" --new            in a new private channel                        a choice among several
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from adapters.phrase import Phrase
from commands.language.grammar import identify_operation
from commands.language.help import Argument, OperationClasses, list_arguments
from commands.model.finding import list_some
from commands.model.operation import Operation
from commands.values.arguments import ALL_HOSTS, Flag, Option, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text, quote

_MAX_HOSTS = 3
"""Maximum parts of a target on a button. More are counted."""

_PROPER_NAMES = {"nebula": "Nebula", "openresty": "OpenResty"}
"""Values that are names of products, as people write them."""

_DETAILS_FIELD = "details"


def label_request(text: str, catalogue: OperationClasses) -> Phrase:
    """Returns the label of a button that runs a request: its words if they name no operation.

    Arguments that are missing, or all of them if one is wrong, are an ellipsis.
    """
    try:
        asked = identify_operation(normalize_text(text), catalogue, ())
    except GrammarError:
        return Phrase("{words}", words=text)
    try:
        return _label_operation(asked.operation, asked.bind_given())
    except GrammarError:
        return asked.operation.label


def _label_operation(operation: type[Operation], given: Mapping[str, Any]) -> Phrase:
    """Labels an operation by the arguments that were given, by field, and the defaults of the others."""
    arguments = list_arguments(operation)
    values = {
        each.field: given.get(each.field, each.default) for each in arguments if each.field in given or not each.required
    }
    rest = list(_list_other_arguments(operation, values))
    if chosen := next((label for typed, label in operation.choices.items() if set(typed) <= set(rest)), None):
        return chosen
    kinds = {each.field: each.kind for each in arguments}
    shown = {name: _describe_value(values[name], kinds[name]) for name in operation.label.values if name in values}
    label = operation.label.with_values(**(dict(operation.label.values) | shown))
    if not rest:
        return label
    listed = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), rest)
    return Phrase("{label} ({arguments})", label=label, arguments=listed)


def _describe_value(value: Any, kind: Positional | Option | Flag) -> Phrase | str:
    if isinstance(kind, Option) and kind.describe is not None:
        return kind.describe(value)
    match value:
        case Target() if value == ALL_HOSTS:
            return Phrase("all hosts")
        case Target(parts=()):
            return Phrase("hosts")
        case Target(parts=parts):
            return Phrase("{hosts}", context="on a button", hosts=list_some(parts, _MAX_HOSTS))
    return _PROPER_NAMES.get(str(value), str(value)) if value else "…"


def _list_other_arguments(operation: type[Operation], values: Mapping[str, Any]) -> Iterator[Phrase | str]:
    """Lists the arguments that the label neither contains nor leaves out, as they are typed."""
    for argument in list_arguments(operation):
        value = values.get(argument.field, argument.default)
        if value != argument.default and not _leaves_out(operation, argument):
            yield Phrase("details") if argument.field == _DETAILS_FIELD else _format_argument(argument, value)


def _leaves_out(operation: type[Operation], argument: Argument) -> bool:
    """Returns whether a label contains the argument already, or leaves it out as a long text."""
    if not isinstance(argument.kind, Flag) and not argument.kind.labeled:
        return True
    return argument.field in operation.label.values


def _format_argument(argument: Argument, value: Any) -> str:
    match argument.kind:
        case Positional(render=render):
            return " ".join(render(value))
        case Option(render=render):
            return f"{argument.option} {quote(render(value))}"
        case Flag():
            return argument.option
