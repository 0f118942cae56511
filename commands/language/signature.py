"""Signatures of operations: their names, and the arguments that they take."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from commands.model.operation import FleetChange, Operation
from commands.values.arguments import (
    Flag,
    Option,
    Positional,
)

OperationClasses = Collection[type[Operation]]


@dataclass(frozen=True)
class Argument:
    """One field of an operation as a typed argument."""

    field: str
    kind: Positional | Flag | Option
    required: bool
    default: Any

    @property
    def option(self) -> str:
        return "--" + self.field.replace("_", "-")


@cache  # takes most of the time of parsing a request, and a class never changes
def list_arguments(operation: type[Operation]) -> tuple[Argument, ...]:
    """Lists an operation's arguments: positionals, then its own options, those of every change, those of every operation."""
    common = (FleetChange.model_fields.keys(), Operation.model_fields.keys())
    taken = [
        Argument(name, _get_kind(operation, name), field.is_required(), field.get_default(call_default_factory=True))
        for name, field in operation.model_fields.items()
    ]
    return tuple(sorted(taken, key=lambda each: (not isinstance(each.kind, Positional), _rank_origin(each, common))))


def _rank_origin(argument: Argument, common: Sequence[Collection[str]]) -> int:
    return sum(argument.field in fields for fields in common)


def _get_kind(operation: type[Operation], field: str) -> Positional | Flag | Option:
    for kind in operation.model_fields[field].metadata:
        if isinstance(kind, Positional | Flag | Option):
            return kind
    raise TypeError(f"{operation.__name__}.{field} does not say how it is typed; annotate it (commands.arguments)")


def find_operation(words: Sequence[str], catalogue: OperationClasses) -> tuple[type[Operation], int] | None:
    """Finds the operation named by the first words, and the number of those words. The longest name wins."""
    nouns = {name[0] for operation in catalogue for name in list_names(operation)}
    said = tuple(make_singular(word.lower(), nouns) if place == 0 else word.lower() for place, word in enumerate(words))
    fitting = [
        (operation, len(name)) for operation in catalogue for name in list_names(operation) if said[: len(name)] == name
    ]
    return max(fitting, key=lambda fit: fit[1], default=None)


def list_names(operation: type[Operation]) -> tuple[tuple[str, ...], ...]:
    """Lists all names of an operation. The first is the one that is shown."""
    return operation.words, *operation.aliases


def make_singular(word: str, nouns: Collection[str]) -> str:
    """Returns the singular of a noun: `host` for `hosts`, unless `hosts` is a noun itself."""
    return word.removesuffix("s") if word not in nouns and word.removesuffix("s") in nouns else word
