"""Labels of buttons that run a request: a verb with its arguments, in place of the command. Pure.

service start nebula host-b        start Nebula on host-b
health host-b --details            check host-b (details)
log error host-b --since 1h        show the error log of host-b (--since 1h)
op continue                        continue …          its form asks for the rest
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from adapters.phrase import Phrase
from commands.language.grammar import identify_operation, parse_operation
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
    """Returns the label of a button that runs a request: its words if they name no operation."""
    typed = normalize_text(text)
    try:
        return _label_operation(parse_operation(typed, catalogue, ()))
    except GrammarError:
        pass
    try:
        return identify_operation(typed, catalogue, ()).operation.label
    except GrammarError:
        return Phrase("{words}", words=text)


def _label_operation(operation: Operation) -> Phrase:
    shown = {name: _describe_value(getattr(operation, name)) for name in operation.label.values}
    label = operation.label.with_values(**shown)
    rest: list[Phrase | str] = list(_list_other_arguments(operation))
    if not rest:
        return label
    arguments = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), rest)
    return Phrase("{label} ({arguments})", label=label, arguments=arguments)


def _describe_value(value: Any) -> Phrase | str:
    match value:
        case Target() if value == ALL_HOSTS:
            return Phrase("all hosts")
        case Target(parts=()):
            return Phrase("hosts")
        case Target(parts=parts):
            return Phrase("{hosts}", context="on a button", hosts=list_some(parts, _MAX_HOSTS))
    return _PROPER_NAMES.get(str(value), str(value)) if value else "…"


def _list_other_arguments(operation: Operation) -> Iterator[Phrase | str]:
    """Lists the arguments that the label does not contain, as they are typed."""
    for argument in list_arguments(type(operation)):
        value = getattr(operation, argument.field)
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
