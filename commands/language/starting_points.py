"""Starting points: the few requests with which a person begins, by what is urgent and by their roles. Pure."""

from collections.abc import Collection, Sequence

from commands.language.signature import OperationClasses, find_operation
from commands.model.operation import Role
from commands.values.normalize import normalize_text

MAX_STARTS = 3

_OPERATORS = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})

_FOR_OPERATORS = ("health", "cert", "log error")
_FOR_DEVELOPERS = ("health", "log error", "op")
_FOR_SECURITY = ("audit search", "cert", "health")
_FOR_ALL = ("health", "cert", "log error", "host", "help")
"""Fallbacks, for a person without the right to the others."""


def choose_starts(permitted: OperationClasses, roles: Collection[Role], urgent: Sequence[str] = ()) -> tuple[str, ...]:
    """Chooses up to `MAX_STARTS` requests that are permitted: the urgent ones, then those of the person's roles."""
    choices = dict.fromkeys((*urgent, *_list_usual(roles), *_FOR_ALL))
    return tuple(words for words in choices if _is_permitted(words, permitted))[:MAX_STARTS]


def _list_usual(roles: Collection[Role]) -> Sequence[str]:
    if _OPERATORS & set(roles):
        return _FOR_OPERATORS
    if Role.DEVELOPER in roles:
        return _FOR_DEVELOPERS
    return _FOR_SECURITY if Role.SECURITY in roles else _FOR_ALL


def _is_permitted(words: str, permitted: OperationClasses) -> bool:
    return find_operation([token.text for token in normalize_text(words).tokens], permitted) is not None
