"""Phrases: sentences for people, as an English template with values, translated when they are shown.

A phrase is a value in reports, errors and plans, and is stored as JSON. `bot.locale` renders it in the reader's language.
`str(phrase)` is its English form, for logs.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, Protocol

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Moment:
    """A point in time, shown in the reader's zone. `at` is aware."""

    at: datetime


@dataclass(frozen=True)
class Instant:
    """A point in time to a tenth of a second, for texts in which the order of events matters. `at` is aware."""

    at: datetime


@dataclass(frozen=True)
class Span:
    """A duration in seconds, shown in the reader's language."""

    seconds: float


@dataclass(frozen=True)
class City:
    """A time zone by its IANA name, shown as its city: `Asia/Tokyo` as `Tokyo`. An unknown name is shown as it is."""

    zone: str


@dataclass(frozen=True)
class Listing:
    """Several values in one sentence, joined as the reader's language joins them."""

    items: tuple[Any, ...]


_WORD = re.compile(r"[a-z][a-z'-]*(?=$|[ ,:;!?)…]|\.(?: |$))")
"""A plain word at the beginning of a template: no path or key, and no beginning of one that a value completes."""
_SMALL = frozenset(
    {"apt", "apt-get", "csv", "flatnet-bot", "nebula", "nebula-cert", "nginx", "op", "podman", "sshd", "sudo", "systemd"}
)
"""Names and commands that are always in lower case."""


class Texts(Protocol):
    """Renderer of phrases in one language and time zone."""

    @property
    def zone(self) -> tzinfo:
        """The reader's zone."""

    def template(self, singular: str, plural: str | None, count: int, context: str | None = None) -> str:
        """Returns the translated template, in the form for `count` if it has a plural. `context`: gettext's `msgctxt`."""

    def number(self, value: int | float) -> str: ...

    def moment(self, at: datetime) -> str: ...

    def span(self, seconds: float) -> str: ...

    def city(self, zone: str) -> str: ...

    def listing(self, items: Sequence[str]) -> str:
        """Items of a sentence: `a, b, and c`."""

    def series(self, items: Sequence[str]) -> str:
        """Items one after the other, in a label or a table: `a, b, c`."""

    def capitalize(self, template: str) -> str:
        """A template that begins a sentence, with a capital where the language has them."""


class Phrase:
    """An English template and its values: `Phrase("Nebula is {state}", state="Stopped")`.

    With a plural: `Phrase("{n} host is down", plural="{n} hosts are down", n=3)`. The count is always the value `n`. Every
    name in the template must have a value. A missing one raises `KeyError` when the phrase is made, not when it is shown.

    `context` distinguishes texts that are equal in English only, like gettext's `msgctxt`:
    `Phrase("running", context="service")`, `Phrase("running", context="step")`. No value can be named `context`.
    """

    __slots__ = ("context", "plural", "template", "values")

    template: str
    plural: str | None
    context: str | None
    values: Mapping[str, Any]

    def __init__(self, template: str, /, *, plural: str | None = None, context: str | None = None, **values: Any) -> None:
        for text in (template, plural or ""):
            for name in _list_names(text):
                if name not in values:
                    raise KeyError(f"{template!r} has no value for {name!r}")
        if plural is not None and not isinstance(values.get("n"), int):
            raise KeyError(f"{template!r} has a plural but no count n")
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "plural", plural)
        object.__setattr__(self, "context", context)
        object.__setattr__(self, "values", dict(values))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a phrase does not change")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Phrase):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.template, self.plural))

    def __repr__(self) -> str:
        return f"Phrase({str(self)!r})"

    def __str__(self) -> str:
        return self.render(ENGLISH)

    def render(self, texts: Texts) -> str:
        """Renders the phrase as part of a message, in the language and zone of `texts`."""
        return self._render(texts, begins=False)

    def render_sentence(self, texts: Texts) -> str:
        """Renders the phrase as a whole message. A template gets a capital at the beginning, a value never."""
        return self._render(texts, begins=True)

    def _render(self, texts: Texts, *, begins: bool) -> str:
        count = self.values["n"] if self.plural is not None else 1
        template = texts.template(self.template, self.plural, count, self.context)
        opening = _opening(template, begins=begins)
        shown = {
            name: value.render_sentence(texts)
            if name in opening and isinstance(value, Phrase)
            else render_value(value, texts)
            for name, value in self.values.items()
        }
        return (texts.capitalize(template) if begins else template).format_map(shown)

    def with_values(self, **values: Any) -> "Phrase":
        """Returns the same sentence with other values."""
        return type(self)(self.template, plural=self.plural, context=self.context, **{**self.values, **values})

    def to_json(self) -> dict[str, Any]:
        """Converts the phrase to plain JSON. `Phrase.from_json` parses it."""
        document: dict[str, Any] = {"template": self.template}
        if self.plural is not None:
            document["plural"] = self.plural
        if self.context is not None:
            document["context"] = self.context
        if self.values:
            document["values"] = {name: _to_json(value) for name, value in self.values.items()}
        return document

    @classmethod
    def from_json(cls, document: Any) -> "Phrase":
        """Parses a phrase from the JSON of `to_json`. Raises `ValueError` for other JSON."""
        if isinstance(document, Phrase):
            return document
        if not isinstance(document, dict) or not isinstance(document.get("template"), str):
            raise ValueError("not a phrase")
        values = {name: _from_json(value) for name, value in document.get("values", {}).items()}
        plural, context = document.get("plural"), document.get("context")
        if not all(map(_is_plain, (document["template"], str(plural or "")))):
            raise ValueError("not a phrase: its template does more than name values")
        if not isinstance(context, str | None):
            raise ValueError("not a phrase: its context is no text")
        try:
            return cls(document["template"], plural=plural, context=context, **values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a phrase: {error}") from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.from_json,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_json),
        )


def capitalize(template: str) -> str:
    """Returns an English template with a capital. Lower-case names (nginx) and paths (`logs/`) are not changed."""
    word = _WORD.match(template)
    return template if word is None or word[0].removesuffix("'s") in _SMALL else template[0].upper() + template[1:]


@lru_cache(maxsize=2048)
def _list_names(template: str) -> tuple[str, ...]:
    """Lists the names of a template's values. Cached, because a report has thousands of phrases of few templates."""
    return tuple(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


@lru_cache
def _is_plain(template: str) -> bool:
    """Returns whether a template only names its values. A stored one may be anyone's: no width of billions, no attribute."""
    parts = string.Formatter().parse(template)
    return all(name is None or (name.isidentifier() and not spec and not how) for _, name, spec, how in parts)


def _opening(template: str, *, begins: bool) -> frozenset[str]:
    """Returns the names of the values that begin a sentence of the template."""
    parts = [(text, name) for text, name, _, _ in string.Formatter().parse(template)]
    return frozenset(
        name
        for number, (text, name) in enumerate(parts)
        if name and (text.endswith((". ", "? ", "! ")) or (begins and number == 0 and not text))
    )


def move_to_zone(at: datetime, zone: tzinfo) -> datetime:
    """Returns a time in a zone; as it is, where that zone has no such time: before the year 1, or after 9999."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def render_value(value: Any, texts: Texts) -> str:
    """Renders one value of a phrase as text."""
    match value:
        case Phrase():
            return value.render(texts)
        case Moment(at=at):
            return texts.moment(at)
        case Instant(at=at):
            local = move_to_zone(at, texts.zone)
            return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 100_000} {local:%Z}"
        case Span(seconds=seconds):
            return texts.span(seconds)
        case City(zone=zone):
            return texts.city(zone)
        case Listing(items=items):
            return texts.listing([render_value(item, texts) for item in items])
        case bool() | str():
            return str(value)
        case int() | float():
            return texts.number(value)
        case _:
            return str(value)


def _to_json(value: Any) -> Any:
    match value:
        case Phrase():
            return {"phrase": value.to_json()}
        case Moment(at=at):
            return {"at": move_to_zone(at, UTC).isoformat()}
        case Instant(at=at):
            return {"instant": move_to_zone(at, UTC).isoformat()}
        case Span(seconds=seconds):
            return {"seconds": seconds}
        case City(zone=zone):
            return {"city": zone}
        case Listing(items=items):
            return {"items": [_to_json(item) for item in items]}
        case str() | int() | float():
            return value
        case _:
            return str(value)


def _from_json(value: Any) -> Any:
    match value:
        case {"phrase": document}:
            return Phrase.from_json(document)
        case {"at": at}:
            return Moment(datetime.fromisoformat(at))
        case {"instant": at}:
            return Instant(datetime.fromisoformat(at))
        case {"seconds": seconds}:
            return Span(float(seconds))
        case {"city": zone}:
            return City(str(zone))
        case {"items": items}:
            return Listing(tuple(_from_json(item) for item in items))
        case str() | int() | float():
            return value
        case _:
            raise ValueError("not a value of a phrase")


class _English:
    """English without CLDR data, for logs and exceptions. Texts for people are rendered by `bot.locale`."""

    zone: tzinfo = UTC

    def template(self, singular: str, plural: str | None, count: int, context: str | None = None) -> str:
        return singular if plural is None or count == 1 else plural

    def number(self, value: int | float) -> str:
        return str(value)

    def moment(self, at: datetime) -> str:
        return f"{move_to_zone(at, UTC):%Y-%m-%d %H:%M:%S} UTC"

    def span(self, seconds: float) -> str:
        return f"{seconds:g} s"

    def city(self, zone: str) -> str:
        return zone

    def listing(self, items: Sequence[str]) -> str:
        return ", ".join(items)

    series = listing

    def capitalize(self, template: str) -> str:
        return capitalize(template)


ENGLISH: Texts = _English()
