"""Types of columns that SQLite and PostgreSQL store alike, and the type that belongs to each annotation of a field.

str ─▶ SafeText    int ─▶ Whole    bool ─▶ Flag    datetime ─▶ UtcText    bytes ─▶ LargeBinary
an enum, a phrase, an identity ─▶ Coded, by its own code           all else (a tuple, a mapping, a value) ─▶ Coded, as JSON
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AwareDatetime, TypeAdapter
from sqlalchemy import BigInteger, ColumnElement, Dialect, Integer, Label, LargeBinary, Text, cast, func
from sqlalchemy.types import TypeDecorator, TypeEngine

from adapters.phrase import Phrase
from bot.model.request import Identity
from bot.store.encoding import (
    decode_identity,
    decode_phrase,
    decode_time,
    encode_identity,
    encode_json,
    encode_phrase,
    encode_time,
    escape_text,
)

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""Column type of a whole number: 64 bits on both databases. Only INTEGER can be the key of a row on SQLite."""


def sum_up(column: ColumnElement[Any]) -> Label[int]:
    """Makes the sum of a column of whole numbers, under its name. PostgreSQL's own sum of 64 bits is a decimal."""
    return cast(func.sum(column), Whole).label(column.key)


class SafeText(TypeDecorator[str]):
    """Column type of text from anywhere: what no database stores (NUL, lone surrogates) is escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None or (value.isascii() and "\0" not in value) else escape_text(value)


class Flag(TypeDecorator[bool]):
    """Column type of a boolean, stored as 0 or 1: SQLite's strict tables have no boolean type."""

    impl = Whole
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class UtcText(TypeDecorator[datetime]):
    """Column type of an aware point in time, stored as text in UTC. Raises `ValueError` for a naive one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else encode_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else decode_time(value)


@dataclass(frozen=True)
class Code:
    """Code of a type as text. `decode` raises for a text that is not of it."""

    encode: Callable[[Any], str | None]
    decode: Callable[[str], Any]


class Coded(TypeDecorator[Any]):
    """Column type of a value that is stored as text by a code. A text is taken as the stored one."""

    impl = Text
    cache_ok = True

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.code = code

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None or isinstance(value, str) else self.code.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.code.decode(value)


_PLAIN: dict[Any, TypeEngine[Any]] = {
    str: SafeText(),
    int: Whole,
    bool: Flag(),
    datetime: UtcText(),
    AwareDatetime: UtcText(),
    bytes: LargeBinary(),
    Phrase: Coded(Code(encode_phrase, decode_phrase)),
    Identity: Coded(Code(encode_identity, decode_identity)),
}


@cache
def find_type(annotation: Any) -> TypeEngine[Any]:
    """Finds the column type of a field, from its annotation. An optional field has the type of its value."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if get_origin(annotation) is Annotated:
        return find_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
        return find_type(reduce(or_, (each for each in get_args(annotation) if each is not NoneType)))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Coded(Code(str, annotation))
    return Coded(_make_json_code(annotation))


def _make_json_code(annotation: Any) -> Code:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def encode(value: Any) -> str:
        return encode_json(adapter.dump_python(value, mode="json"))

    def decode(text: str) -> Any:
        return adapter.validate_python(json.loads(text))

    return Code(encode, decode)
