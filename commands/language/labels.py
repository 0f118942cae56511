"""Labels of buttons that run a request: a verb with its arguments, in place of the command. Pure.

service start nebula host-b        start Nebula on host-b
health host-b --details            check host-b (details)
log error host-b --since 1h        show the error log of host-b (--since 1h)
op resolve op-1 --outcome done     report the outcome of op-1 (--outcome done)      its form asks for the rest
op continue                        continue …
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from adapters.phrase import Phrase
from commands.language.grammar import identify_operation
from commands.language.signature import Argument, OperationClasses, list_arguments
from commands.model.operation import Operation
from commands.model.phrases import list_some
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
    shown = {name: _describe_value(values[name]) for name in operation.label.values if name in values}
    label = operation.label.with_values(**(dict(operation.label.values) | shown))
    rest: list[Phrase | str] = list(_list_other_arguments(operation, values))
    if not rest:
        return label
    listed = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), rest)
    return Phrase("{label} ({arguments})", label=label, arguments=listed)


def _describe_value(value: Any) -> Phrase | str:
    match value:
        case Target() if value == ALL_HOSTS:
            return Phrase("all hosts")
        case Target(parts=()):
            return Phrase("hosts")
        case Target(parts=parts):
            return Phrase("{hosts}", context="on a button", hosts=list_some(parts, _MAX_HOSTS))
    return _PROPER_NAMES.get(str(value), str(value)) if value else "…"


def _list_other_arguments(operation: type[Operation], values: Mapping[str, Any]) -> Iterator[Phrase | str]:
    """Lists the arguments that the label does not contain, as they are typed."""
    for argument in list_arguments(operation):
        value = values.get(argument.field, argument.default)
        if value != argument.default and argument.field not in operation.label.values:
            yield Phrase("details") if argument.field == _DETAILS_FIELD else _format_argument(argument, value)


def _format_argument(argument: Argument, value: Any) -> str:
    match argument.kind:
        case Positional(render=render):
            return " ".join(render(value))
        case Option(render=render):
            return f"{argument.option} {quote(render(value))}"
        case Flag():
            return argument.option
